"""Named sizes for encoders from scratch: `scratch:FAMILY-SIZE`, e.g. `scratch:albert-tiny`.

A size has the same layers, width, heads and feed-forward in both families, so that they differ in
what sets the families apart: ALBERT shares its layers and factorises its word embedding.
"""

import difflib
from typing import NamedTuple

from components.encoders.config import EncoderConfig
from components.errors import InputError

PREFIX = "scratch:"


class Size(NamedTuple):
    """Layers, width, heads and feed-forward width."""

    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    intermediate_size: int


SIZES = {
    "tiny": Size(2, 128, 2, 512),  # BERT-Tiny, Turc et al. 2019, arXiv 1908.08962
    "small": Size(6, 384, 12, 1536),  # albert_small_zh_google
    "base": Size(12, 768, 12, 3072),  # Devlin et al. 2018; Lan et al. 2019, arXiv 1909.11942
    "large": Size(24, 1024, 16, 4096),
    "xlarge": Size(24, 2048, 16, 8192),
    "xxlarge": Size(12, 4096, 64, 16384),
}
ALBERT_EMBEDDING_SIZE = 128
FAMILIES = ("albert", "bert")


def scratch_names() -> list[str]:
    """Returns every model argument for an encoder from scratch."""
    return [f"{PREFIX}{family}-{size}" for family in FAMILIES for size in SIZES]


def scratch_config(argument: str, vocab_size: int) -> EncoderConfig:
    """Returns the architecture that `scratch:FAMILY-SIZE` names, for a vocabulary of this size.

    Raises:
        InputError: No such family or size.
    """
    family, _, size_name = argument.removeprefix(PREFIX).partition("-")
    if argument not in scratch_names():
        close = difflib.get_close_matches(argument, scratch_names(), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InputError(
            f"no encoder is called {argument!r}: choose one of {', '.join(scratch_names())}{hint}"
        )
    size = SIZES[size_name]
    shared = family == "albert"
    return EncoderConfig(
        family=family,
        vocab_size=vocab_size,
        **size._asdict(),
        embedding_size=ALBERT_EMBEDDING_SIZE if shared else size.hidden_size,
        embedding_projection="after_norm" if shared else "none",
        num_hidden_groups=1 if shared else size.num_hidden_layers,
        hidden_dropout_prob=DROPOUT[family],
        attention_probs_dropout_prob=DROPOUT[family],
    )


DROPOUT = {"albert": 0.0, "bert": 0.1}
"""Dropout inside the encoder, as each family publishes it (ALBERT: none in its Chinese models)."""
