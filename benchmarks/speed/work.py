"""The work of a row, counted from the architecture: what must be computed, not what a peer does.

A multiply-add is 2 floating-point operations. Only matrix products count; biases, norms, softmax
and dropout are some hundredths of them. With H hidden_size, I intermediate_size, and a row of L
tokens:

    layer       2 L (4 H² + 2 H I)   query, key, value, attention output; both feed-forward products
                + 4 L² H             scores, and the mean of the values that they weigh
    widening    2 L E H              where the embedding of size E is narrower than H
    head        2 (H² + H labels)    pooler and classifier, on one token

Backward is twice forward (a product for the inputs, one for the weights). For BERT-base that is
0.51 GFLOP a token plus attention: the count that MFU figures are given in. Padding is no work, and
who leaves out what nobody reads (the last layer's other tokens) is credited with it.
"""

from benchmarks.speed.rows import LABELS, Array
from components.encoders.config import EncoderConfig

BACKWARD = 2
"""Work of the backward pass over that of the forward pass."""


def forward_gflop(config: EncoderConfig, lengths: Array) -> float:
    """Returns the mean work of predicting a row, of rows of these lengths, in GFLOP."""
    hidden, tokens = config.hidden_size, float(lengths.mean())
    squared = float((lengths.astype(float) ** 2).mean())
    dense = 2 * tokens * (4 * hidden**2 + 2 * hidden * config.intermediate_size)
    attention = 4 * squared * hidden
    applied = config.num_hidden_layers * config.inner_group_num
    widening = 0.0
    if config.embedding_projection != "none":
        widening = 2 * tokens * config.embedding_size * hidden
    head = 2 * (hidden**2 + hidden * len(LABELS))
    return (applied * (dense + attention) + widening + head) / 1e9


def training_gflop(config: EncoderConfig, lengths: Array) -> float:
    """Returns the mean work of training on a row, in GFLOP."""
    return (1 + BACKWARD) * forward_gflop(config, lengths)
