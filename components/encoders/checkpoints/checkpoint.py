"""Recognising what lies in a folder: which format, which architecture, which files."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from components.encoders.checkpoints import huggingface, tf1
from components.encoders.checkpoints.names import Layout
from components.encoders.config import EncoderConfig
from components.errors import InputError

VOCABULARIES = ("vocab*.txt", "*.model", "tokenizer.json")
TOKENIZER_FILES = (*VOCABULARIES, "tokenizer_config.json")
"""Patterns of the names of a checkpoint's vocabulary, and of all that its tokenizer reads."""

_DEEPEST = 2  # folders within folders: archives hold one, named after the model


class Tensors(Protocol):
    """The tensors of a checkpoint, read one by one so that no second copy of all is held."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each tensor by name."""

    def read(self, name: str) -> Any:
        """Returns one tensor, an array or TensorFlow's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A pre-trained encoder on this machine, recognised and not yet read.

    Attributes:
        folder: Where it lies, its tokenizer's files too.
        source: Where it came from, for the facts.
        layout: Where its weights are.
        config: Its architecture.
        files: The files that hold architecture and weights.
        open_tensors: Opens the weights.
    """

    folder: Path
    source: str
    layout: Layout
    config: EncoderConfig
    files: tuple[Path, ...]
    open_tensors: Callable[[], Tensors]

    def digest(self) -> str:
        """Returns a SHA-256 over the names and bytes of these files and of the tokenizer's."""
        tokenizer = {file for pattern in TOKENIZER_FILES for file in self.folder.glob(pattern)}
        digest = hashlib.sha256()
        for file in sorted({*self.files, *tokenizer}):
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            digest.update(f"{file.name}\0{content}\n".encode())
        return digest.hexdigest()


def open_checkpoint(path: Path, published: EncoderConfig | None = None) -> Checkpoint:
    """Recognises the checkpoint in a folder, or the TensorFlow 1 one that its prefix names.

    A folder may hold the checkpoint's folder instead, as unpacked archives do.

    Args:
        path: The folder or prefix.
        published: The architecture of a model of the catalogue: it tells what a config leaves out.

    Raises:
        InputError: There is no checkpoint of a known format, or more than one.
    """
    if not path.is_dir():
        prefix = Path(str(path).removesuffix(tf1.INDEX))
        if Path(f"{prefix}{tf1.INDEX}").is_file():
            return _open_tf1(prefix, published)
        raise InputError(
            f"{path} is not a folder; name the checkpoint's folder"
            if path.exists()
            else f"no checkpoint at {path}: it does not exist"
        )
    folders = folders_in(path)
    holding = [folder for folder in folders if holds_weights(folder)]
    if len(holding) > 1 and holding[0] != path:
        raise InputError(
            f"{path} holds several checkpoints: {', '.join(map(str, sorted(holding)))}; "
            "name one of them"
        )
    if holding:
        return _open_folder(holding[0], published)
    for folder in folders:
        huggingface.check_no_pickle(folder)
    present = sorted(p.name for p in path.iterdir())
    raise InputError(
        f"{path} holds no checkpoint: expected a TensorFlow 1 checkpoint (NAME.index, "
        f"NAME.data-…) or {huggingface.WEIGHTS}; it holds {', '.join(present[:10]) or 'nothing'}"
        f"{' …' if len(present) > 10 else ''}"
    )


def folders_in(path: Path) -> list[Path]:
    """Returns a folder and those in it that may be the checkpoint's own."""
    folders = level = [path]
    for _ in range(_DEEPEST):
        level = [p for folder in level for p in sorted(folder.iterdir()) if p.is_dir()]
        folders = folders + level
    return folders


def holds_weights(folder: Path) -> bool:
    """Tells whether weights of a known format lie in a folder."""
    return bool(huggingface.weight_files(folder) or tf1.prefixes_in(folder))


def _open_folder(folder: Path, published: EncoderConfig | None) -> Checkpoint:
    if files := huggingface.weight_files(folder):
        return _open_hugging_face(folder, files)
    prefixes = tf1.prefixes_in(folder)
    if len(prefixes) > 1:
        raise InputError(
            f"{folder} holds several checkpoints: {', '.join(p.name for p in prefixes)}; "
            f"name one, as in {prefixes[0]}"
        )
    return _open_tf1(prefixes[0], published)


def _open_hugging_face(folder: Path, files: list[Path]) -> Checkpoint:
    layout, config = huggingface.architecture_of(folder)
    return Checkpoint(
        folder=folder,
        source=str(folder),
        layout=layout,
        config=config,
        files=(folder / huggingface.CONFIG, *files),
        open_tensors=lambda: huggingface.HuggingFaceTensors(files),
    )


def _open_tf1(prefix: Path, published: EncoderConfig | None) -> Checkpoint:
    file, tensors = tf1.config_beside(prefix), tf1.Tf1Tensors(prefix)
    layout, config = tf1.architecture_of(file, tensors.shapes, prefix, published)
    return Checkpoint(
        folder=prefix.parent,
        source=str(prefix),
        layout=layout,
        config=config,
        files=(file.path, *tf1.files_of(prefix)),
        open_tensors=lambda: tensors,
    )
