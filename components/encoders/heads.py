"""The heads of pre-training: masked language model, and next sentence or sentence order."""

from typing import Any

import keras
from keras import ops

from components.encoders.build import build_encoder
from components.encoders.config import EncoderConfig
from components.encoders.layers import ACTIVATIONS, Initial, dense, layer_norm, usual

Tensor = Any

MASKED_POSITIONS = "masked_positions"


class MaskedLanguageModel(keras.layers.Layer):
    """Log-probabilities of the words at masked positions, from the encoder's own word embedding.

    A dense layer with the encoder's activation and a LayerNorm give states as wide as the word
    embedding, or, where albert_zh widens words before the sum, of hidden_size, which the transposed
    widening narrows; their products with the word embeddings, plus a bias, are the logits.
    """

    def __init__(
        self,
        config: EncoderConfig,
        embeddings: Any,
        name: str,
        initial: Initial = usual,
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        narrow = config.embedding_projection == "after_norm"
        width = config.embedding_size if narrow else config.hidden_size
        self.embeddings = embeddings
        self.transform = dense(
            config, width, f"{name}/transform", initial, activation=ACTIVATIONS[config.hidden_act]
        )
        self.norm = layer_norm(config, f"{name}/norm", initial)
        self.hidden_size, self.vocab_size = config.hidden_size, config.vocab_size
        self.bias_initializer = initial(f"{name}/output_bias", "zeros")

    def build(self, *_: Any) -> None:
        """Makes the variables; those of `embeddings` are made already."""
        width = self.transform.units
        self.transform.build((None, None, self.hidden_size))
        self.norm.build((None, None, width))
        self.output_bias = self.add_weight(
            shape=(self.vocab_size,), initializer=self.bias_initializer, name="output_bias"
        )

    def call(self, sequence: Tensor, masked_positions: Tensor) -> Tensor:
        """Maps states [batch, tokens, hidden] to log-probabilities [batch, masked, vocab_size]."""
        embeddings = self.embeddings
        states = ops.take_along_axis(sequence, masked_positions[:, :, None], axis=1)
        states = self.norm(self.transform(states))
        if embeddings.widen is not None:
            states = ops.matmul(states, ops.transpose(embeddings.widen.kernel))
        logits = ops.matmul(states, ops.transpose(embeddings.word.embeddings)) + self.output_bias
        return ops.log_softmax(logits, axis=-1)


def build_pretraining(config: EncoderConfig, initial: Initial = usual) -> keras.Model:
    """Builds an encoder with both heads of pre-training.

    Beside the encoder's inputs it takes `masked_positions`, int32 [batch, masked]. Its outputs are
    log-probabilities: `masked_lm` [batch, masked, vocab_size] and `sentence_pair` [batch, 2], which
    is next sentence for BERT (1 = random) and sentence order for ALBERT (1 = swapped).
    """
    encoder = build_encoder(config, initial)
    positions = keras.Input((None,), dtype="int32", name=MASKED_POSITIONS)
    masked_lm = MaskedLanguageModel(config, encoder.get_layer("embeddings"), "masked_lm", initial)
    pair = dense(config, 2, "sentence_pair", initial)
    outputs = {
        "masked_lm": masked_lm(encoder.output["sequence"], positions),
        "sentence_pair": ops.log_softmax(pair(encoder.output["pooled"]), axis=-1),
    }
    return keras.Model(encoder.input | {MASKED_POSITIONS: positions}, outputs, name="pretraining")
