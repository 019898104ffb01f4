"""XLNet: self-attention that knows how far apart tokens are, and whether in the same segment.

Dai et al. 2019, arXiv 1901.02860 (relative positions); Yang et al. 2019, arXiv 1906.08237. Only
what fine-tuning computes: the content stream, both directions, no memory of earlier segments.
"""

from typing import Any

import keras
from keras import ops

from components.encoders.config import EncoderConfig
from components.encoders.dropout import Dropout
from components.encoders.layers import (
    ACTIVATIONS,
    MASKED,
    Dropouts,
    Initial,
    LayerSeeds,
    Tensor,
    dense,
    embedding,
    layer_norm,
    random_normal,
    usual,
)

LONGEST_WAVELENGTH = 10_000
"""Of the sinusoids that encode distances (Vaswani et al. 2017, section 3.5)."""


class WordEmbedding(keras.layers.Layer):
    """Words alone: positions and segments enter where tokens attend to each other."""

    def __init__(
        self, config: EncoderConfig, name: str, initial: Initial = usual, **options: Any
    ) -> None:
        super().__init__(name=name, **options)
        self.word = embedding(
            config, config.vocab_size, config.embedding_size, f"{name}/word", initial
        )
        self.dropout = Dropout(config.hidden_dropout_prob)

    def build(self, *_: Any) -> None:
        """Makes the variables."""
        self.word.build((None, None))

    def call(self, input_ids: Tensor, training: bool = False) -> Tensor:
        """Maps ids [batch, tokens] to states [batch, tokens, hidden]."""
        return self.dropout(self.word(input_ids), training=training)


class RelativePositions(keras.layers.Layer):
    """Sinusoids of the distances between tokens: `tokens`, `tokens - 1` … `1 - tokens`.

    The first half of the width holds sines, the second cosines. All rows of a batch share one
    dropout, as in Transformer-XL; XLNet's own code draws one for each row.
    """

    def __init__(self, config: EncoderConfig, **options: Any) -> None:
        super().__init__(**options)
        self.width = config.hidden_size
        self.dropout = Dropout(config.hidden_dropout_prob)

    def call(self, states: Tensor, training: bool = False) -> Tensor:
        """Returns [2 * tokens, hidden] for states [batch, tokens, hidden]."""
        tokens = ops.shape(states)[1]
        distances = ops.cast(tokens - ops.arange(2 * tokens), "float32")
        exponents = ops.arange(0, self.width, 2, dtype="float32") / self.width
        angles = distances[:, None] / (LONGEST_WAVELENGTH**exponents)[None, :]
        encoded = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
        return self.dropout(ops.cast(encoded, self.compute_dtype), training=training)


class RelativeTransformerLayer(keras.layers.Layer):
    """Relative self-attention and feed-forward, each with residual, dropout and LayerNorm after.

    The score of token i for token j sums three products of i's query, each with a bias of its own:
    with j's key, with the encoded distance i - j, and with one of two vectors that tell whether
    both are in the same segment. With `remat` what is inside is computed again for the gradient.
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
        hidden = config.hidden_size

        def part(units: int, part_name: str, **more: Any) -> keras.layers.Dense:
            return dense(config, units, f"{name}/{part_name}", initial, **more)

        self.heads = config.num_attention_heads
        self.head_size = hidden // config.num_attention_heads
        self.query_key_value = part(3 * hidden, "query_key_value", use_bias=False)
        self.relative = part(hidden, "relative", use_bias=False)
        self.attention_output = part(hidden, "attention_output", use_bias=False)
        self.attention_norm = layer_norm(config, f"{name}/attention_norm", initial)
        self.intermediate = part(
            config.intermediate_size, "intermediate", activation=ACTIVATIONS[config.hidden_act]
        )
        self.output_dense = part(hidden, "output")
        self.output_norm = layer_norm(config, f"{name}/output_norm", initial)
        self.dropouts = Dropouts(config)
        self.remat = remat
        vectors = {"content_bias": 1, "position_bias": 1, "segment_bias": 1}
        self._vectors = {
            vector: (rows, initial(f"{name}/{vector}", random_normal(config)))
            for vector, rows in (vectors | {"segment_embeddings": 2}).items()
        }

    def build(self, *_: Any) -> None:
        """Makes the variables."""
        states = (None, None, self.heads * self.head_size)
        for part in (
            self.query_key_value, self.relative, self.attention_output, self.attention_norm,
            self.intermediate, self.output_norm,
        ):  # fmt: skip
            part.build(states)
        self.output_dense.build((None, None, self.intermediate.units))
        for name, (rows, initializer) in self._vectors.items():
            shape = (self.heads, self.head_size) if rows == 1 else (2, self.heads, self.head_size)
            setattr(self, name, self.add_weight(shape=shape, initializer=initializer, name=name))

    def call(
        self,
        states: Tensor,
        positions: Tensor,
        token_type_ids: Tensor,
        attention_mask: Tensor,
        last_only: bool = False,
        training: bool = False,
    ) -> Tensor:
        """Maps states [batch, tokens, hidden]; attention_mask [batch, tokens] is 0 on padding.

        With `last_only` it returns the state of each row's last token alone, [batch, 1, hidden].
        """
        # Drawn before: what is computed again must drop the same.
        seeds = self.dropouts.seeds(training)

        def compute(states: Tensor, positions: Tensor) -> Tensor:
            attended = self._attend(states, positions, token_type_ids, attention_mask, seeds)
            if last_only:
                states, attended = (last_token(x, attention_mask) for x in (states, attended))
            return self._feed(states, attended, seeds)

        if self.remat and training:
            compute = keras.remat(compute)
        return compute(states, positions)

    def compute_output_spec(
        self, states: Tensor, *_: Any, last_only: bool = False, **__: Any
    ) -> keras.KerasTensor:
        """States the shape; Keras would otherwise trace `call`, which PyTorch's dims refuse."""
        batch, tokens, hidden = states.shape
        shape = (batch, 1 if last_only else tokens, hidden)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def _feed(self, states: Tensor, attended: Tensor, seeds: LayerSeeds) -> Tensor:
        drop = self.dropouts.hidden
        states = self.attention_norm(states + drop(attended, seeds.attention))
        inner = drop(self.intermediate(states), seeds.inner)
        return self.output_norm(states + drop(self.output_dense(inner), seeds.output))

    def _attend(
        self,
        states: Tensor,
        positions: Tensor,
        token_type_ids: Tensor,
        attention_mask: Tensor,
        seeds: LayerSeeds,
    ) -> Tensor:
        batch, tokens = ops.shape(states)[0], ops.shape(states)[1]
        projected = ops.reshape(
            self.query_key_value(states), (batch, tokens, 3, self.heads, self.head_size)
        )
        query, key, value = ops.unstack(ops.transpose(projected, (2, 0, 3, 1, 4)), 3, axis=0)
        scores = ops.matmul(query + self._a_head(self.content_bias), ops.swapaxes(key, -1, -2))
        scores += self._of_positions(query, positions, batch, tokens)
        scores += self._of_segments(query, token_type_ids)
        masked = (1.0 - ops.cast(attention_mask, "float32")) * MASKED
        # Probabilities are computed in float32 whatever the precision of the rest.
        scores = ops.cast(scores, "float32") / self.head_size**0.5 + masked[:, None, None, :]
        probabilities = ops.cast(ops.softmax(scores, axis=-1), self.compute_dtype)
        probabilities = self.dropouts.probabilities(probabilities, seeds.probabilities)
        context = ops.swapaxes(ops.matmul(probabilities, value), 1, 2)
        width = self.heads * self.head_size
        return self.attention_output(ops.reshape(context, (batch, tokens, width)))

    def _a_head(self, vectors: Tensor) -> Tensor:
        """Returns vectors [heads, head_size] as they are added to queries [batch, heads, …]."""
        return ops.cast(vectors, self.compute_dtype)[None, :, None, :]

    def _of_positions(self, query: Tensor, positions: Tensor, batch: Any, tokens: Any) -> Tensor:
        """Returns the scores of the distances, [batch, heads, tokens, tokens]."""
        distances = ops.reshape(self.relative(positions), (2 * tokens, self.heads, self.head_size))
        scores = ops.matmul(
            query + self._a_head(self.position_bias), ops.transpose(distances, (1, 2, 0))[None]
        )
        # Row i holds the distances from `tokens` down and needs those from i down: it begins
        # `tokens - i` further right. Read with rows of one more, each row slides by one (Dai et
        # al. 2019, appendix B).
        slid = ops.reshape(scores, (batch, self.heads, 2 * tokens, tokens))[:, :, 1:, :]
        return ops.reshape(slid, (batch, self.heads, tokens, 2 * tokens - 1))[..., :tokens]

    def _of_segments(self, query: Tensor, token_type_ids: Tensor) -> Tensor:
        """Returns the scores of same segment or not, [batch, heads, tokens, tokens]."""
        embeddings = ops.cast(self.segment_embeddings, self.compute_dtype)
        by_relation = ops.matmul(
            query + self._a_head(self.segment_bias), ops.transpose(embeddings, (1, 2, 0))[None]
        )
        same, other = by_relation[..., :1], by_relation[..., 1:]
        differ = ops.not_equal(token_type_ids[:, :, None], token_type_ids[:, None, :])
        return same + ops.cast(differ, self.compute_dtype)[:, None] * (other - same)


def last_token(sequence: Tensor, attention_mask: Tensor) -> Tensor:
    """Returns the states [batch, 1, hidden] of the last tokens that are no padding.

    XLNet's rows end in `<cls>`.
    """
    places = ops.arange(ops.shape(attention_mask)[1], dtype="int32")[None, :]
    last = ops.max(places * ops.cast(attention_mask, "int32"), axis=1)
    return ops.take_along_axis(sequence, last[:, None, None], axis=1)


class LastToken(keras.layers.Layer):
    """`last_token` as a layer."""

    def call(self, sequence: Tensor, attention_mask: Tensor) -> Tensor:
        """Maps states [batch, tokens, hidden] to [batch, 1, hidden]."""
        return last_token(sequence, attention_mask)
