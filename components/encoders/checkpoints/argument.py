"""Model arguments: what a user may name an encoder by, and what stands behind it."""

import fnmatch
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath

from components.encoders.catalogue import MODELS
from components.encoders.checkpoints import huggingface
from components.encoders.checkpoints.checkpoint import (
    TOKENIZER_FILES,
    VOCABULARIES,
    Checkpoint,
    folders_in,
    holds_weights,
    open_checkpoint,
)
from components.encoders.config import EncoderConfig
from components.encoders.sizes import PREFIX, scratch_config, scratch_names
from components.errors import InputError, did_you_mean
from components.storage import Fetched, fetch, local_path
from components.storage.credentials import recordable

BERT_PACKING, XLNET_PACKING = "bert", "xlnet"
WEIGHT_FILES = (
    "*config*.json", "*.safetensors", "*.safetensors.index.json", "*.index", "*.data-*-of-*",
)  # fmt: skip
_DEEPEST = 3  # names of a bucket's folder; the hub's own lie at the top

KINDS = (
    "a name of `bakeoff models`, a folder, an archive, one of these at https://, gs:// or s3://, "
    "hf:ORG/NAME or scratch:FAMILY-SIZE"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """The encoder that a model argument names.

    Attributes:
        argument: The argument.
        config: Its architecture.
        checkpoint: Its weights; None for one from scratch.
    """

    argument: str
    config: EncoderConfig
    checkpoint: Checkpoint | None

    @property
    def packing(self) -> str:
        """How its rows are packed."""
        relative = self.config.position_embeddings == "relative"
        return XLNET_PACKING if relative else BERT_PACKING


def is_scratch(argument: str) -> bool:
    """Tells whether an argument names an encoder from scratch."""
    return argument.startswith(PREFIX)


def find_encoder(argument: str, vocab_size: int) -> Encoder:
    """Returns what an argument names, fetched where it lies elsewhere.

    `vocab_size` is that of an encoder from scratch; a checkpoint has its own.

    Raises:
        InputError: There is no such encoder, or it cannot be fetched or recognised.
    """
    if is_scratch(argument):
        return Encoder(
            argument=argument, config=scratch_config(argument, vocab_size), checkpoint=None
        )
    fetched = _fetch(argument, TOKENIZER_FILES + WEIGHT_FILES)
    _check_no_pickle_alone(argument, fetched)
    known = MODELS[argument].config if argument in MODELS else None
    checkpoint = replace(open_checkpoint(fetched.path, known), source=fetched.source)
    return Encoder(argument=argument, config=checkpoint.config, checkpoint=checkpoint)


def tokenizer_of(argument: str) -> tuple[Path | None, str]:
    """Returns the folder of an encoder's tokenizer, and how its rows are packed.

    There is no folder for an encoder from scratch. Weights are not fetched where they lie apart.

    Raises:
        InputError: There is no such encoder, or it cannot be fetched.
    """
    if is_scratch(argument):
        scratch_config(argument, 1)  # refuses one that there is not
        return None, BERT_PACKING
    path = _fetch(argument, (*TOKENIZER_FILES, huggingface.CONFIG)).path
    if not path.is_dir():
        return path.parent, BERT_PACKING  # the prefix of a TensorFlow 1 checkpoint
    folders = folders_in(path)
    # The weights' own folder; where they were not fetched, the vocabulary's.
    with_weights = (folder for folder in folders if holds_weights(folder))
    with_vocabulary = (f for f in folders if any(any(f.glob(p)) for p in VOCABULARIES))
    folder = next(chain(with_weights, with_vocabulary), path)
    is_xlnet = huggingface.model_type_in(folder) == XLNET_PACKING
    return folder, XLNET_PACKING if is_xlnet else BERT_PACKING


def _fetch(argument: str, patterns: tuple[str, ...]) -> Fetched:
    address = _address(argument)
    if "://" not in address and _index_beside(path := local_path(address)):
        return Fetched(path=path, source=str(path), sha256="")
    return fetch(address, _chosen(patterns))


def _index_beside(path: Path) -> bool:
    """Tells whether a path is the prefix of a TensorFlow 1 checkpoint."""
    return Path(f"{path}.index").is_file()


def _check_no_pickle_alone(argument: str, fetched: Fetched) -> None:
    """Refuses an address where weights lie as a pickle only: it was not even fetched."""
    if fetched.path.is_dir() and huggingface.weight_files(fetched.path):
        return
    if huggingface.PICKLE in fetched.left_out:
        raise InputError(
            f"{recordable(argument)} ({fetched.source}) has its weights as {huggingface.PICKLE} "
            "only, a pickle, which may run any code when it is loaded; its branch refs/pr/1 may "
            "hold safetensors (hf:ORG/NAME@refs/pr/1); else, if you trust it, download it (`hf "
            "download ORG/NAME --local-dir FOLDER`), convert it where torch is installed, and name "
            "FOLDER: "
            f"{huggingface.conversion_command(Path('FOLDER'))}"
        )


def _address(argument: str) -> str:
    """Returns the address or path that an argument stands for."""
    if not argument:
        raise InputError(f"the encoder's name is empty: expected {KINDS}")
    if model := MODELS.get(argument):
        if Path(argument).exists():
            print(f"{argument}: the catalogue's; ./{argument} is the folder here", file=sys.stderr)
        if not model.address:
            raise InputError(f"{argument} cannot be fetched: {model.note}; name its folder instead")
        return model.address
    if "://" in argument or argument.startswith("hf:"):
        return argument
    try:
        path = local_path(argument)
        if path.exists() or _index_beside(path):
            return argument
    except OSError as error:
        raise InputError(f"cannot read {recordable(argument)!r}: {error.strerror}") from None
    raise InputError(
        f"no encoder is called {recordable(argument)!r}, and no such path exists: expected {KINDS}"
        f"{did_you_mean(argument, (*MODELS, *scratch_names()))}"
    )


def _chosen(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    def is_chosen(name: str) -> bool:
        path = PurePosixPath(name)
        return len(path.parts) <= _DEEPEST and any(
            fnmatch.fnmatch(path.name, pattern) for pattern in patterns
        )

    return is_chosen
