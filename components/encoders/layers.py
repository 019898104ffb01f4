"""The two layers that every BERT and ALBERT is composed of; XLNet has its own.

Own layers and not `keras_hub.layers`: those compute erf-gelu and relu models as tanh-gelu, cannot
widen the word embedding before the sum, and bring the whole of TensorFlow Text with them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from components.encoders.config import EncoderConfig
from components.encoders.dropout import Dropout, drawn_seed, dropout
from components.encoders.elementwise import LayerNorm, gelu, gelu_new

Tensor = Any
Initial = Callable[[str, Any], Any]
"""Takes a variable's path and its usual initializer, and returns the initializer to use."""

MASKED = -10000.0
"""Added to the attention scores of padding, as the original codes do; finite also in bfloat16."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_new": gelu_new,
    "relu": ops.relu,
    "tanh": ops.tanh,
}


def usual(_: str, initializer: Any) -> Any:
    """Leaves every variable its usual initializer."""
    return initializer


def random_normal(config: EncoderConfig) -> keras.initializers.Initializer:
    """Returns the initializer of kernels and embeddings."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


def layer_norm(config: EncoderConfig, path: str, initial: Initial = usual) -> LayerNorm:
    """Returns a LayerNorm with the architecture's epsilon."""
    return LayerNorm(
        config.layer_norm_eps,
        gamma=initial(f"{path}/gamma", "ones"),
        beta=initial(f"{path}/beta", "zeros"),
        name=_name(path),
    )


def dense(
    config: EncoderConfig, units: int, path: str, initial: Initial = usual, **options: Any
) -> keras.layers.Dense:
    """Returns a dense layer initialised as the architecture says."""
    return keras.layers.Dense(
        units,
        kernel_initializer=initial(f"{path}/kernel", random_normal(config)),
        bias_initializer=initial(f"{path}/bias", "zeros"),
        name=_name(path),
        **options,
    )


def embedding(
    config: EncoderConfig, rows: int, width: int, path: str, initial: Initial = usual
) -> keras.layers.Embedding:
    """Returns an embedding initialised as the architecture says.

    Its outputs are float32: at lower precision the whole table would be cast before the look-up.
    """
    return keras.layers.Embedding(
        rows,
        width,
        dtype="float32",
        embeddings_initializer=initial(f"{path}/embeddings", random_normal(config)),
        name=_name(path),
    )


def _name(path: str) -> str:
    """Returns the name of the layer at a path: Keras puts those of the layers around it before."""
    return path.rpartition("/")[2]


class Embeddings(keras.layers.Layer):
    """Sum of word, position and segment embeddings, normalised, of width `config.sum_size`."""

    def __init__(
        self, config: EncoderConfig, name: str, initial: Initial = usual, **options: Any
    ) -> None:
        super().__init__(name=name, **options)

        def table(rows: int, width: int, part: str) -> keras.layers.Embedding:
            return embedding(config, rows, width, f"{name}/{part}", initial)

        width = config.sum_size
        self.word = table(config.vocab_size, config.embedding_size, "word")
        self.position = table(config.max_position_embeddings, width, "position")
        self.token_type = table(config.type_vocab_size, width, "token_type")
        self.norm = layer_norm(config, f"{name}/norm", initial)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.widen = None
        if config.embedding_projection == "before_sum":
            self.widen = dense(config, config.hidden_size, f"{name}/widen", initial, use_bias=False)

    def build(self, *_: Any) -> None:
        """Makes the variables once; Keras would otherwise trace `call` to find them."""
        for table in (self.word, self.position, self.token_type):
            table.build((None, None))
        if self.widen is not None:
            self.widen.build((None, None, self.word.output_dim))
        self.norm.build((None, None, self.position.output_dim))

    def call(self, input_ids: Tensor, token_type_ids: Tensor, training: bool = False) -> Tensor:
        """Maps ids [batch, tokens] to states [batch, tokens, sum_size]."""
        word = self.word(input_ids)
        if self.widen is not None:
            word = self.widen(word)
        positions = ops.arange(ops.shape(input_ids)[1], dtype="int32")
        summed = word + self.position(positions) + self.token_type(token_type_ids)
        return self.dropout(self.norm(summed), training=training)


class LayerSeeds(NamedTuple):
    """Seeds of the dropouts of one use of a layer; None where nothing is dropped."""

    probabilities: Tensor | None
    attention: Tensor | None
    inner: Tensor | None
    output: Tensor | None


class Dropouts(keras.layers.Layer):
    """The dropouts of a transformer layer, whose seeds are drawn apart from their use."""

    def __init__(self, config: EncoderConfig, **options: Any) -> None:
        super().__init__(**options)
        self.hidden_rate = config.hidden_dropout_prob
        self.probabilities_rate = config.attention_probs_dropout_prob
        self.generator = keras.random.SeedGenerator()

    def seeds(self, training: bool) -> LayerSeeds:
        """Draws the seeds of one use of the layer."""
        rates = (self.probabilities_rate, *(self.hidden_rate,) * 3)
        return LayerSeeds(
            *(drawn_seed(self.generator) if training and rate else None for rate in rates)
        )

    def hidden(self, states: Tensor, seed: Tensor | None) -> Tensor:
        """Drops elements of states."""
        return dropout(states, self.hidden_rate, seed)

    def probabilities(self, probabilities: Tensor, seed: Tensor | None) -> Tensor:
        """Drops attention probabilities."""
        return dropout(probabilities, self.probabilities_rate, seed)


class TransformerLayer(keras.layers.Layer):
    """Self-attention and feed-forward, each with residual, dropout and LayerNorm.

    Query, key and value are one product of kernel [hidden, 3 * hidden], in this order. With
    `remat` what is inside is computed again for the gradient instead of being kept.

    Its parts are reached by `call` where they can: they are of its own precision, and what Keras
    does around a layer takes PyTorch as long as a small product.
    """

    def __init__(
        self,
        config: EncoderConfig,
        name: str,
        initial: Initial = usual,
        remat: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)

        def part(units: int, part_name: str, **more: Any) -> keras.layers.Dense:
            return dense(config, units, f"{name}/{part_name}", initial, **more)

        self.heads = config.num_attention_heads
        self.head_size = config.hidden_size // config.num_attention_heads
        self.normalize_first = config.normalize_first
        self.query_key_value = part(3 * config.hidden_size, "query_key_value")
        self.attention_output = part(config.hidden_size, "attention_output")
        self.attention_norm = layer_norm(config, f"{name}/attention_norm", initial)
        self.intermediate = part(
            config.intermediate_size, "intermediate", activation=ACTIVATIONS[config.hidden_act]
        )
        self.output_dense = part(config.hidden_size, "output")
        self.output_norm = layer_norm(config, f"{name}/output_norm", initial)
        self.dropouts = Dropouts(config)
        self.remat = remat

    def build(self, *_: Any) -> None:
        """Makes the variables once; Keras would otherwise trace `call` to find them."""
        states = (None, None, self.heads * self.head_size)
        for part in (
            self.query_key_value, self.attention_output, self.attention_norm, self.intermediate,
            self.output_norm,
        ):  # fmt: skip
            part.build(states)
        self.output_dense.build((None, None, self.intermediate.units))

    def call(
        self,
        states: Tensor,
        attention_mask: Tensor,
        first_only: bool = False,
        training: bool = False,
    ) -> Tensor:
        """Maps states [batch, tokens, hidden]; attention_mask [batch, tokens] is 0 on padding.

        With `first_only` it returns the first token's alone, [batch, 1, hidden].
        """
        # Drawn before: what is computed again must drop the same.
        seeds = self.dropouts.seeds(training)

        def compute(states: Tensor) -> Tensor:
            return self._compute(states, attention_mask, seeds, first_only)

        return keras.remat(compute)(states) if self.remat and training else compute(states)

    def compute_output_spec(
        self, states: Tensor, *_: Any, first_only: bool = False, **__: Any
    ) -> keras.KerasTensor:
        """States the shape; Keras would otherwise trace `call` once for each use of the layer."""
        batch, tokens, hidden = states.shape
        shape = (batch, 1 if first_only else tokens, hidden)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def _compute(
        self, states: Tensor, attention_mask: Tensor, seeds: LayerSeeds, first_only: bool
    ) -> Tensor:
        kept = states[:, :1] if first_only else states
        if self.normalize_first:
            normal = self._by(self.attention_norm, states)
            attended = self._attend(normal, attention_mask, seeds, first_only)
            states = kept + self.dropouts.hidden(attended, seeds.attention)
            return states + self._feed(self._by(self.output_norm, states), seeds)
        attended = self._attend(states, attention_mask, seeds, first_only)
        states = self._by(
            self.attention_norm, kept + self.dropouts.hidden(attended, seeds.attention)
        )
        return self._by(self.output_norm, states + self._feed(states, seeds))

    def _feed(self, states: Tensor, seeds: LayerSeeds) -> Tensor:
        fed = self._by(self.output_dense, self._by(self.intermediate, states))
        return self.dropouts.hidden(fed, seeds.output)

    def _attend(
        self, states: Tensor, attention_mask: Tensor, seeds: LayerSeeds, first_only: bool
    ) -> Tensor:
        batch, tokens = ops.shape(states)[0], ops.shape(states)[1]
        projected = ops.reshape(
            self._by(self.query_key_value, states), (batch, tokens, 3, self.heads, self.head_size)
        )
        query, key, value = ops.unstack(ops.transpose(projected, (2, 0, 3, 1, 4)), 3, axis=0)
        if first_only:
            query, tokens = query[:, :, :1], 1
        scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) / self.head_size**0.5
        masked = (1.0 - ops.cast(attention_mask, "float32")) * MASKED
        # Probabilities are computed in float32 whatever the precision of the rest.
        scores = ops.cast(scores, "float32") + masked[:, None, None, :]
        probabilities = ops.cast(ops.softmax(scores, axis=-1), self.compute_dtype)
        probabilities = self.dropouts.probabilities(probabilities, seeds.probabilities)
        context = ops.swapaxes(ops.matmul(probabilities, value), 1, 2)
        width = self.heads * self.head_size
        return self._by(self.attention_output, ops.reshape(context, (batch, tokens, width)))

    def _by(self, part: keras.layers.Layer, x: Tensor) -> Tensor:
        # What is computed again is so outside of this layer's precision: there Keras must cast.
        return part(x) if self.remat else part.call(x)
