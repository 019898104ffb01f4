"""The entries that configs of TensorFlow 1 and of Hugging Face call as our fields are called."""

from collections.abc import Mapping
from typing import Any

from components.encoders.checkpoints.config_file import ConfigFile
from components.encoders.config import EncoderConfig

SIZES = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size",
)  # fmt: skip
DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")
INITIALIZER_RANGE = 0.02


def read_entries(
    file: ConfigFile, acts: Mapping[str, str], *, dropout: float, type_vocab_size: int | None = None
) -> dict[str, Any]:
    """Reads them as fields of an `EncoderConfig`.

    Args:
        file: The config.
        acts: What its names of activations mean.
        dropout: Either dropout where the entry is absent.
        type_vocab_size: Likewise; None: the entry is needed.

    Raises:
        InputError: An entry is missing or unfit.
    """
    defaults = {"type_vocab_size": type_vocab_size}
    return {
        **{name: file.whole(name, defaults.get(name)) for name in SIZES},
        **{name: file.number(name, dropout, below=1) for name in DROPOUTS},
        "hidden_act": file.choice("hidden_act", acts),
        "initializer_range": file.number("initializer_range", INITIALIZER_RANGE),
    }


def written_entries(config: EncoderConfig) -> dict[str, Any]:
    """Returns them as a config of either kind has them."""
    names = (*SIZES, *DROPOUTS, "hidden_act", "initializer_range")
    return {name: getattr(config, name) for name in names}
