"""keras-hub's text classifier, `fit` and `predict` out of the box, in a child process.

Its preprocessors pad every row to the same length; here to 128, as the classic recipe does.
"""

import importlib
import time
from typing import Any

from benchmarks.speed.measurement import (
    PADDED_LENGTH,
    Case,
    Measurement,
    Prediction,
    answer,
    measurement_of,
    padding_to_fixed_length,
    training_of,
)
from benchmarks.speed.rows import LABELS, VOCAB_SIZE, Array, Row, draw, labels_of, padded
from components.encoders.config import EncoderConfig
from components.encoders.quiet import import_keras_quietly
from components.encoders.sizes import scratch_config

DTYPE_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def classifier(keras_hub: Any, config: EncoderConfig) -> Any:
    """Returns the library's classifier of these sizes, compiled with its defaults."""
    sizes = {
        "vocabulary_size": config.vocab_size,
        "num_layers": config.num_hidden_layers,
        "num_heads": config.num_attention_heads,
        "hidden_dim": config.hidden_size,
        "intermediate_dim": config.intermediate_size,
        "dropout": config.hidden_dropout_prob,
        "max_sequence_length": config.max_position_embeddings,
    }
    models = keras_hub.models
    if config.family == "bert":
        model = models.BertTextClassifier(models.BertBackbone(**sizes), num_classes=len(LABELS))
    else:
        backbone = models.AlbertBackbone(**sizes, embedding_dim=config.embedding_size)
        model = models.AlbertTextClassifier(backbone, num_classes=len(LABELS))
    model.compile()
    return model


def inputs_of(rows: list[Row]) -> dict[str, Array]:
    """Returns padded rows by the library's names."""
    columns = padded(rows, PADDED_LENGTH)
    return {
        "token_ids": columns["input_ids"],
        "segment_ids": columns["token_type_ids"],
        "padding_mask": columns["attention_mask"],
    }


def predict(model: Any, case: Case) -> Prediction:
    """Predicts rows after the first batch of them, on which the graph is made."""
    size = case.predict_batch_size
    inputs = inputs_of(draw(case.predict_rows, case.seed + 1))
    model.predict({k: v[:size] for k, v in inputs.items()}, batch_size=size, verbose=0)
    began = time.perf_counter()
    model.predict(inputs, batch_size=size, verbose=0)
    seconds = time.perf_counter() - began
    return Prediction(precision=case.precision, rows_per_second=case.predict_rows / seconds)


def measure(case: Case) -> Measurement:
    """Trains in the rows' order."""
    import_keras_quietly(case.backend)
    keras_hub = importlib.import_module("keras_hub")
    import keras

    keras.utils.set_random_seed(case.seed)
    keras.config.set_dtype_policy(DTYPE_POLICIES[case.precision])
    model = classifier(keras_hub, scratch_config(case.encoder, VOCAB_SIZE))
    rows = draw(case.rows, case.seed, case.length)[: case.all_steps * case.batch_size]
    ends: dict[int, float] = {}
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.update({batch + 1: time.time()})
    )
    model.fit(
        inputs_of(rows),
        labels_of(rows),
        batch_size=case.batch_size,
        shuffle=False,
        verbose=0,
        callbacks=[clock],
    )
    tokens = {
        number: float(sum(map(len, rows[(number - 1) * case.batch_size :][: case.batch_size])))
        for number in ends
    }
    training = training_of(case, ends, tokens, padding_to_fixed_length(case, tokens))
    predictions = [predict(model, case)] if case.predict_rows else []
    return measurement_of(case, training, predictions)


if __name__ == "__main__":
    answer(measure)
