"""Reads the model file of SentencePiece: its pieces and what it does to a text beforehand.

The file is a protocol buffer. The fields that are read are declared here, with the numbers and
defaults of google/sentencepiece's `sentencepiece_model.proto`: the module that the sentencepiece
package generates from it runs with the newest protobuf alone, and kfp needs an older one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import DecodeError

from components.errors import InputError
from components.tokenization.files import read_bytes

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED = 1, 2, 3, 4, 5  # the values of Piece.type
MODEL_TYPES = {1: "Unigram", 2: "BPE", 3: "words", 4: "characters"}

_Field = descriptor_pb2.FieldDescriptorProto
_MESSAGES: Mapping[str, tuple[tuple[str, int, int, str], ...]] = {
    "Piece": (
        ("piece", 1, _Field.TYPE_STRING, ""),
        ("score", 2, _Field.TYPE_FLOAT, "0"),
        ("type", 3, _Field.TYPE_INT32, "1"),
    ),
    "TrainerSpec": (
        ("model_type", 3, _Field.TYPE_INT32, "1"),
        ("treat_whitespace_as_suffix", 24, _Field.TYPE_BOOL, "false"),
        ("byte_fallback", 35, _Field.TYPE_BOOL, "false"),
    ),
    "NormalizerSpec": (
        ("name", 1, _Field.TYPE_STRING, ""),
        ("precompiled_charsmap", 2, _Field.TYPE_BYTES, ""),
        ("add_dummy_prefix", 3, _Field.TYPE_BOOL, "true"),
        ("remove_extra_whitespaces", 4, _Field.TYPE_BOOL, "true"),
        ("escape_whitespaces", 5, _Field.TYPE_BOOL, "true"),
    ),
}
_PARTS = (
    ("pieces", 1, "Piece", _Field.LABEL_REPEATED),
    ("trainer_spec", 2, "TrainerSpec", _Field.LABEL_OPTIONAL),
    ("normalizer_spec", 3, "NormalizerSpec", _Field.LABEL_OPTIONAL),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One entry of the vocabulary; its id is its position.

    Attributes:
        piece: Its text, spaces written as ▁.
        score: Natural logarithm of its probability.
        type: NORMAL, UNKNOWN, CONTROL, USER_DEFINED or UNUSED; 6 for a byte.
    """

    piece: str
    score: float
    type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencePieceModel:
    """What a Unigram model file says.

    Attributes:
        pieces: The vocabulary in the order of the ids.
        byte_fallback: Whether unknown characters become bytes.
        normalization: Name of the rules that made `charsmap`.
        charsmap: What becomes of characters, compiled; empty for nothing.
        add_dummy_prefix: Whether a text starts with a space.
        remove_extra_whitespaces: Whether runs of spaces, and those at the ends, are dropped.
    """

    pieces: tuple[Piece, ...]
    byte_fallback: bool
    normalization: str
    charsmap: bytes
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool

    @property
    def unknown(self) -> int:
        """Id of the unknown token."""
        return next(i for i, piece in enumerate(self.pieces) if piece.type == UNKNOWN)


@cache
def _message_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="model.proto", package="m", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, default in fields:
            message.field.add(
                name=field, number=number, type=kind, default_value=default,
                label=_Field.LABEL_OPTIONAL,
            )  # fmt: skip
    model = file.message_type.add(name="Model")
    for field, number, name, label in _PARTS:
        model.field.add(
            name=field, number=number, type=_Field.TYPE_MESSAGE, type_name=f".m.{name}", label=label
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("m.Model"))


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """Reads a SentencePiece model file.

    Raises:
        InputError: It cannot be read, is no such file, or is not a Unigram model as ALBERT and
            XLNet have it.
    """
    content = read_bytes(path)
    try:
        message = _message_class().FromString(content)
    except DecodeError:
        message = None
    if message is None or not any(piece.type == UNKNOWN for piece in message.pieces):
        raise InputError(
            f"vocab_file {path} is not a SentencePiece model or is cut short "
            f"({len(content)} bytes); name the encoder's own spiece.model or 30k-clean.model"
        )
    trainer, normalizer = message.trainer_spec, message.normalizer_spec
    _check_kind(path, trainer, normalizer)
    return SentencePieceModel(
        pieces=tuple(Piece(piece=p.piece, score=p.score, type=p.type) for p in message.pieces),
        byte_fallback=trainer.byte_fallback,
        normalization=normalizer.name,
        charsmap=normalizer.precompiled_charsmap,
        add_dummy_prefix=normalizer.add_dummy_prefix,
        remove_extra_whitespaces=normalizer.remove_extra_whitespaces,
    )


def _check_kind(path: Path, trainer: Any, normalizer: Any) -> None:
    kind = MODEL_TYPES.get(trainer.model_type, f"type {trainer.model_type}")
    odd = ""
    if kind != "Unigram":
        odd = f"a model of {kind}"
    elif trainer.treat_whitespace_as_suffix:
        odd = "one that writes spaces behind words"
    elif not normalizer.escape_whitespaces:
        odd = "one that does not write spaces as ▁"
    if odd:
        raise InputError(
            f"vocab_file {path} is {odd}; ALBERT and XLNet have Unigram models with ▁ before "
            "words: name the encoder's own"
        )
