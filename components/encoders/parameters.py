"""How many parameters an encoder has, counted from its architecture without building it."""

from components.encoders.config import EncoderConfig


def parameter_count(config: EncoderConfig) -> int:
    """Counts an encoder's parameters: embeddings, layers and pooler, without a classifier.

    A layer that is applied several times counts once.
    """
    relative = config.position_embeddings == "relative"
    embeddings = _word(config) if relative else _embeddings(config)
    layer = _relative_layer(config) if relative else _layer(config)
    layers = config.num_hidden_groups * config.inner_group_num
    return embeddings + layers * layer + _dense(config.hidden_size, config.hidden_size)


def _word(config: EncoderConfig) -> int:
    return config.vocab_size * config.embedding_size


def _embeddings(config: EncoderConfig) -> int:
    """Counts words, what widens them, positions, segments and their LayerNorm."""
    widen = {
        "none": 0,
        "after_norm": _dense(config.embedding_size, config.hidden_size),
        "before_sum": config.embedding_size * config.hidden_size,
    }
    added = (config.max_position_embeddings + config.type_vocab_size) * config.sum_size
    return _word(config) + widen[config.embedding_projection] + added + _norm(config.sum_size)


def _layer(config: EncoderConfig) -> int:
    """Counts query, key, value and output, and the feed-forward layer."""
    attention = 4 * _dense(config.hidden_size, config.hidden_size)
    return attention + _norm(config.hidden_size) + _feed_forward(config)


def _relative_layer(config: EncoderConfig) -> int:
    """Counts a layer of XLNet: relative attention and the feed-forward layer."""
    kernels = 5 * config.hidden_size**2  # query, key, value, output, relative position
    biases = 3 * config.hidden_size  # of content, position and segment
    segments = 2 * config.hidden_size  # the same segment, or another
    return kernels + biases + segments + _norm(config.hidden_size) + _feed_forward(config)


def _feed_forward(config: EncoderConfig) -> int:
    hidden, intermediate = config.hidden_size, config.intermediate_size
    return _dense(hidden, intermediate) + _dense(intermediate, hidden) + _norm(hidden)


def _dense(inputs: int, outputs: int) -> int:
    """Counts a kernel and its bias."""
    return inputs * outputs + outputs


def _norm(width: int) -> int:
    """Counts a LayerNorm's gamma and beta."""
    return 2 * width
