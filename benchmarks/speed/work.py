"""The work of a row, counted from the architecture: what must be computed, not what a peer does.

Of a model that reads the first token alone the last layer must compute less (`first_only`, ours):
keys and values of all tokens, and for one token its query, scores, output and feed-forward part.

A multiply-add is 2 floating-point operations. Only matrix products count; biases, norms, softmax
and dropout are some hundredths of them. With H hidden_size, I intermediate_size, and a row of L
tokens:

    layer       2 L (4 H² + 2 H I)   query, key, value, attention output; both feed-forward products
                + 4 L² H             scores, and the mean of the values that they weigh
    last layer, for one token
                2 L 2 H²             key, value
                + 2 (2 H² + 2 H I)   query, attention output; both feed-forward products
                + 4 L H              scores, and the mean of the values
    widening    2 L E H              where the embedding of size E is narrower than H
    head        2 (H² + H labels)    pooler and classifier, on one token

Backward is twice forward (a product for the inputs, one for the weights). For BERT-base that is
0.51 GFLOP a token plus attention: the count that MFU figures are given in. Padding is no work.
"""

from benchmarks.speed.rows import LABELS, Array
from components.encoders.config import EncoderConfig

BACKWARD = 2
"""Work of the backward pass over that of the forward pass."""


def forward_gflop(config: EncoderConfig, lengths: Array, *, first_only: bool = False) -> float:
    """Returns the mean work of predicting a row, of rows of these lengths, in GFLOP."""
    hidden, tokens = config.hidden_size, float(lengths.mean())
    squared = float((lengths.astype(float) ** 2).mean())
    feeding = 2 * hidden * config.intermediate_size
    whole = 2 * tokens * (4 * hidden**2 + feeding) + 4 * squared * hidden
    last = whole
    if first_only:
        last = 2 * tokens * 2 * hidden**2 + 2 * (2 * hidden**2 + feeding) + 4 * tokens * hidden
    layers = (config.num_hidden_layers * config.inner_group_num - 1) * whole + last
    widening = 0.0
    if config.embedding_projection != "none":
        widening = 2 * tokens * config.embedding_size * hidden
    head = 2 * (hidden**2 + hidden * len(LABELS))
    return (layers + widening + head) / 1e9


def training_gflop(config: EncoderConfig, lengths: Array, *, first_only: bool = False) -> float:
    """Returns the mean work of training on a row, in GFLOP."""
    return (1 + BACKWARD) * forward_gflop(config, lengths, first_only=first_only)
