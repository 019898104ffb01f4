"""Hugging Face checkpoint folders: `config.json` and safetensors, in one file or in shards."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open

from components.encoders.checkpoints.config_file import ConfigFile
from components.encoders.checkpoints.entries import read_entries, written_entries
from components.encoders.checkpoints.names import (
    HUGGING_FACE_ALBERT,
    HUGGING_FACE_BERT,
    HUGGING_FACE_XLNET,
    Layout,
)
from components.encoders.config import CLASSIFIER_DROPOUT, EncoderConfig
from components.errors import InputError

Array = np.ndarray[Any, Any]

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
PICKLE = "pytorch_model.bin"
FLOATS = ("float64", "float32", "float16", "bfloat16")

ACTS = {
    "gelu": "gelu",
    "gelu_new": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "relu": "relu",
    "tanh": "tanh",
}
"""`transformers.activations.ACT2FN`'s names to ours: what it calls gelu is the erf form."""


class HuggingFaceTensors:
    """The tensors of safetensors files, read one by one.

    Attributes:
        shapes: Shape of each tensor by name.
    """

    def __init__(self, files: list[Path]) -> None:
        """Takes all the files.

        Raises:
            InputError: One is cut or damaged.
        """
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._files: dict[str, Path] = {}
        for file in files:
            with _opened(file) as reader:
                for name in reader.keys():  # noqa: SIM118 - it is no dict
                    self.shapes[name] = tuple(reader.get_slice(name).get_shape())
                    self._files[name] = file

    def read(self, name: str) -> Array:
        """Returns one tensor; those of half precision as float32.

        Raises:
            InputError: The file is cut or damaged.
        """
        # Opened anew each time: what an open file has read counts as memory of this process.
        with _opened(self._files[name]) as reader:
            tensor = reader.get_tensor(name)
        if tensor.dtype not in FLOATS:
            raise InputError(
                f"{self._files[name]}: {name} is of {tensor.dtype}, expected {', '.join(FLOATS)}; "
                "quantised weights are not read: use the checkpoint they were made of"
            )
        return np.asarray(tensor, dtype="float32")


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        with safe_open(file, framework="numpy") as reader:
            yield reader
    except (SafetensorError, OSError, TypeError) as error:
        raise InputError(
            f"cannot read {file}: {str(error).splitlines()[0]}; it is cut or damaged: fetch it "
            "again"
        ) from None


def weight_files(folder: Path) -> list[Path]:
    """Returns the safetensors files of a folder; none where it has no weights of this format.

    Raises:
        InputError: A shard is missing, or the index cannot be read.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / WEIGHTS_INDEX).is_file():
        return []
    index = ConfigFile.read(folder / WEIGHTS_INDEX).values
    try:
        shards = sorted(set(msgspec.convert(index.get("weight_map"), dict[str, str]).values()))
    except msgspec.ValidationError as error:
        raise InputError(f"{folder / WEIGHTS_INDEX}: weight_map: {error}") from None
    for shard in shards:
        if "/" in shard or not (folder / shard).is_file():
            raise InputError(f"{folder} lacks {shard}, which {WEIGHTS_INDEX} lists; fetch it again")
    return [folder / shard for shard in shards]


def check_no_pickle(folder: Path) -> None:
    """Refuses a folder whose only weights are a pickle: loading one may run any code.

    Raises:
        InputError: It holds `pytorch_model.bin` and no safetensors.
    """
    if (folder / PICKLE).is_file():
        raise InputError(
            f"{folder} holds its weights as {PICKLE} only, a pickle, which may run any code when "
            f"it is loaded; if you trust it, convert it where torch is installed: "
            f"{conversion_command(folder)}"
        )


def conversion_command(folder: Path) -> str:
    """Returns the shell command that turns a folder's pickle into safetensors."""
    return (
        'python -c "import sys, torch, safetensors.torch as s; f = sys.argv[1]; '
        "w = torch.load(f + '/pytorch_model.bin', map_location='cpu', weights_only=True); "
        "s.save_file({k: t.clone().contiguous() for k, t in w.items()}, f + '/model.safetensors', "
        f"{{'format': 'pt'}})\" {shlex.quote(str(folder))}"
    )


class _Architecture(NamedTuple):
    """How a `model_type` is laid out, and how its config is read."""

    layout: Layout
    config_of: Callable[[ConfigFile], EncoderConfig]


def architecture_of(folder: Path) -> tuple[Layout, EncoderConfig]:
    """Reads `config.json`: where the weights are and what the architecture is.

    Raises:
        InputError: There is no config, it lacks an entry, or describes what is not read here.
    """
    file = ConfigFile.read(folder / CONFIG)
    architecture = file.choice("model_type", ARCHITECTURES)
    with file.named():
        return architecture.layout, architecture.config_of(file)


def model_type_in(folder: Path) -> str:
    """Returns the `model_type` of a folder's config; empty where there is none."""
    if not (folder / CONFIG).is_file():
        return ""
    return str(ConfigFile.read(folder / CONFIG).values.get("model_type", ""))


def _check_plain(file: ConfigFile) -> None:
    """Refuses the variants that share a `model_type` and compute something else."""
    for key, plain in (
        ("position_embedding_type", "absolute"), ("use_task_id", False), ("is_decoder", False),
    ):  # fmt: skip
        file.choice(key, {plain: plain}, default=plain)


def _shared(file: ConfigFile, dropout: float) -> dict[str, Any]:
    """Reads what BERT and ALBERT have in common; absent entries as transformers' configs do."""
    return {
        **read_entries(file, ACTS, dropout=dropout, type_vocab_size=2),
        "layer_norm_eps": file.number("layer_norm_eps", 1e-12),
    }


def _bert_config(file: ConfigFile) -> EncoderConfig:
    _check_plain(file)
    shared = _shared(file, dropout=0.1)
    return EncoderConfig(
        family="bert",
        embedding_size=shared["hidden_size"],
        embedding_projection="none",
        num_hidden_groups=shared["num_hidden_layers"],
        **shared,
    )


def _albert_config(file: ConfigFile) -> EncoderConfig:
    _check_plain(file)
    return EncoderConfig(
        family="albert",
        embedding_size=file.whole("embedding_size"),
        embedding_projection="after_norm",
        num_hidden_groups=file.whole("num_hidden_groups", 1),
        inner_group_num=file.whole("inner_group_num", 1),
        **_shared(file, dropout=0.0),
    )


def _xlnet_config(file: ConfigFile) -> EncoderConfig:
    for key, computed in (
        ("untie_r", True), ("attn_type", "bi"), ("bi_data", False), ("clamp_len", -1),
        ("summary_type", "last"), ("summary_use_proj", True), ("summary_activation", "tanh"),
    ):  # fmt: skip
        file.choice(key, {computed: computed}, default=computed)
    hidden, layers = file.whole("d_model"), file.whole("n_layer")
    dropout = file.number("dropout", 0.1, below=1)
    return EncoderConfig(
        family="xlnet",
        vocab_size=file.whole("vocab_size"),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=file.whole("n_head"),
        intermediate_size=file.whole("d_inner"),
        embedding_size=hidden,
        embedding_projection="none",
        num_hidden_groups=layers,
        hidden_act=file.choice("ff_activation", ACTS),
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        position_embeddings="relative",
        max_position_embeddings=0,
        initializer_range=file.number("initializer_range", 0.02),
        layer_norm_eps=file.number("layer_norm_eps", 1e-12),
    )


ARCHITECTURES: Mapping[str, _Architecture] = {
    "bert": _Architecture(HUGGING_FACE_BERT, _bert_config),
    "ernie": _Architecture(HUGGING_FACE_BERT, _bert_config),
    "albert": _Architecture(HUGGING_FACE_ALBERT, _albert_config),
    "xlnet": _Architecture(HUGGING_FACE_XLNET, _xlnet_config),
}


def described(config: EncoderConfig) -> tuple[Layout, dict[str, Any]]:
    """Returns the layout of an architecture and its classifier's config as transformers reads it.

    Raises:
        InputError: transformers computes no such architecture.
    """
    settings = {**written_entries(config), "layer_norm_eps": config.layer_norm_eps}
    if config.embedding_projection == "before_sum":
        raise InputError(
            "transformers computes no encoder that widens word embeddings before the sum, as "
            "albert_zh's own do; export it as savedmodel or onnx"
        )
    if config.family == "xlnet":
        return HUGGING_FACE_XLNET, _described_xlnet(config)
    if config.family == "bert":
        return HUGGING_FACE_BERT, settings | {
            "model_type": "bert",
            "architectures": ["BertForSequenceClassification"],
            "classifier_dropout": CLASSIFIER_DROPOUT,
        }
    return HUGGING_FACE_ALBERT, settings | {
        "model_type": "albert",
        "architectures": ["AlbertForSequenceClassification"],
        "classifier_dropout_prob": CLASSIFIER_DROPOUT,
        "embedding_size": config.embedding_size,
        "num_hidden_groups": config.num_hidden_groups,
        "inner_group_num": config.inner_group_num,
    }


def _described_xlnet(config: EncoderConfig) -> dict[str, Any]:
    return {
        "model_type": "xlnet",
        "architectures": ["XLNetForSequenceClassification"],
        "vocab_size": config.vocab_size,
        "d_model": config.hidden_size,
        "n_layer": config.num_hidden_layers,
        "n_head": config.num_attention_heads,
        "d_inner": config.intermediate_size,
        "ff_activation": config.hidden_act,
        "dropout": config.hidden_dropout_prob,
        "initializer_range": config.initializer_range,
        "layer_norm_eps": config.layer_norm_eps,
        "untie_r": True,
        "attn_type": "bi",
        "summary_type": "last",
        "summary_use_proj": True,
        "summary_activation": "tanh",
        "summary_last_dropout": CLASSIFIER_DROPOUT,
    }
