"""The classic recipe, every row padded to 128 tokens, in a child process.

As `run_classifier.py` of google-research/bert does it, in float32: with PyTorch a plain loop over
Hugging Face's model, with TensorFlow our plain encoder (its last layer computes all tokens) through
Keras' `train_on_batch` and Keras' optimizer.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.speed.measurement import (
    LEARNING_RATE,
    PADDED_LENGTH,
    WEIGHT_DECAY,
    Case,
    Measurement,
    Prediction,
    answer,
    measurement_of,
    padding_to_fixed_length,
    training_of,
)
from benchmarks.speed.rows import LABELS, VOCAB_SIZE, Array, Row, draw, labels_of, padded

Step = Callable[[dict[str, Array], Array], object]
Forward = Callable[[dict[str, Array]], object]

EPSILON = 1e-6  # google-research/bert `optimization.py`
CLIP_NORM = 1.0  # the same
DROPOUT = 0.1  # of the classifier: `run_classifier.py`


def with_torch(case: Case) -> tuple[Step, Forward]:
    """Returns an optimizer step and a prediction."""
    import torch

    from benchmarks.speed.hugging_face import classifier

    torch.manual_seed(case.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = classifier(case.encoder).to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, eps=EPSILON, fused=True
    )

    def tensors(arrays: dict[str, Array]) -> dict[str, Any]:
        return {k: torch.from_numpy(v).long().to(device) for k, v in arrays.items()}

    def step(inputs: dict[str, Array], labels: Array) -> float:
        loss = model.train()(**tensors(inputs | {"labels": labels})).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    def forward(inputs: dict[str, Array]) -> object:
        with torch.inference_mode():
            return model.eval()(**tensors(inputs)).logits.cpu().numpy()

    return step, forward


def with_tensorflow(case: Case) -> tuple[Step, Forward]:
    """Returns an optimizer step and a prediction."""
    from components.encoders.quiet import import_keras_quietly

    import_keras_quietly(case.backend)
    import keras

    from components.encoders.build import build_encoder
    from components.encoders.sizes import scratch_config

    keras.utils.set_random_seed(case.seed)
    encoder = build_encoder(scratch_config(case.encoder, VOCAB_SIZE))
    dropped = keras.layers.Dropout(DROPOUT)(encoder.output["pooled"])
    model = keras.Model(encoder.input, keras.layers.Dense(len(LABELS))(dropped))
    model.compile(
        optimizer=keras.optimizers.AdamW(
            LEARNING_RATE, weight_decay=WEIGHT_DECAY, epsilon=EPSILON, global_clipnorm=CLIP_NORM
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return model.train_on_batch, model.predict_on_batch


WITH = {"torch": with_torch, "tensorflow": with_tensorflow}


def batches_of(rows: list[Row], size: int) -> list[list[Row]]:
    """Cuts rows into batches."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def predict(forward: Forward, case: Case) -> Prediction:
    """Predicts rows in their order, each batch padded alike; the first batch once before."""
    rows = draw(case.predict_rows, case.seed + 1)
    batches = [padded(part, PADDED_LENGTH) for part in batches_of(rows, case.predict_batch_size)]
    forward(batches[0])
    began = time.perf_counter()
    for batch in batches:
        np.asarray(forward(batch))
    seconds = time.perf_counter() - began
    return Prediction(precision=case.precision, rows_per_second=len(rows) / seconds)


def measure(case: Case) -> Measurement:
    """Trains in random order."""
    step, forward = WITH[case.backend](case)
    ends: dict[int, float] = {}
    tokens: dict[int, float] = {}
    batches = batches_of(draw(case.rows, case.seed, case.length), case.batch_size)
    for number, batch in enumerate(batches[: case.all_steps], start=1):
        step(padded(batch, PADDED_LENGTH), labels_of(batch))
        ends[number], tokens[number] = time.time(), sum(map(len, batch))
    training = training_of(case, ends, tokens, padding_to_fixed_length(case, tokens))
    predictions = [predict(forward, case)] if case.predict_rows else []
    return measurement_of(case, training, predictions)


if __name__ == "__main__":
    answer(measure)
