"""What training computes, counted: speed that a test can hold without a clock."""

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from components.artifacts.tokens import read_tokens
from components.encoders.build import build_classifier
from components.encoders.rows import Rows, padded_length
from components.encoders.sizes import scratch_config
from components.train.backends import Part, current_backend, figures_of
from components.train.batches import batch_order
from components.train.config import TrainConfig
from components.train.optimizer import Trainable, step_sizes
from components.train.step import train

MOST_COMPUTED_A_REAL_TOKEN = {"tensorflow": 1.05, "torch": 1.05, "jax": 1.22}
"""The classic recipe, padded to 128, computes 4.6."""

LENGTHS = np.clip(np.random.default_rng(0).normal(28, 7.5, size=20_000), 8, 75).astype(int)
"""Like those of LCQMC's pairs: 28 tokens on average, the longest 75."""


@pytest.mark.parametrize("batch_size", [16, 64])
def test_little_more_than_the_real_tokens_is_computed(batch_size: int) -> None:
    real = computed = 0
    steps = len(LENGTHS) // batch_size
    for chosen in itertools.islice(batch_order(LENGTHS, batch_size, seed=1), steps):
        real += int(LENGTHS[chosen].sum())
        computed += batch_size * padded_length(int(LENGTHS[chosen].max()), 128)
    assert computed / real < MOST_COMPUTED_A_REAL_TOKEN[keras.backend.backend()]


def test_a_training_tells_what_it_computed(tokens_folder: Path, tmp_path: Path) -> None:
    """96 rows of 9 to 19 tokens in 12 batches of 8, each row once."""
    config = TrainConfig(train_batch_size=8, num_train_epochs=1.0)
    facts = train(tokens_folder, tmp_path / "model", "scratch:albert-tiny", config)
    lengths = Rows(read_tokens(tokens_folder).splits["train"]).lengths
    assert facts.real_tokens == lengths.sum()
    batches = itertools.islice(batch_order(lengths, 8, config.seed), 12)
    padded = sum(8 * padded_length(int(lengths[chosen].max()), 32) for chosen in batches)
    assert facts.real_tokens <= facts.computed_tokens <= padded
    # Padded to the longest of a batch 1.03, to buckets 1.31, all to 32 tokens 2.25.
    most = 1.35 if keras.backend.backend() == "jax" else 1.05
    assert facts.computed_tokens / facts.real_tokens < most


def batch_of(width: int) -> Part:
    shape = (2, width)
    inputs = {name: np.ones(shape, "int32") for name in ("input_ids", "attention_mask")}
    return Part(inputs | {"token_type_ids": np.zeros(shape, "int32")}, np.array([0, 1], "int32"))


def compiled_programs(stepper: Any) -> int:
    """Counts the graphs that TensorFlow traced, or the programs that JAX compiled."""
    if keras.backend.backend() == "tensorflow":
        return int(stepper._whole.experimental_get_tracing_count())
    return int(stepper._whole._cache_size())


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch compiles nothing")
def test_programs_are_few_whatever_the_widths() -> None:
    model = build_classifier(scratch_config("scratch:albert-tiny", 30), 2)
    stepper: Any = current_backend().Stepper(model, Trainable.of(model.trainable_variables))
    lengths = [5, 9, 6, 16, 12, 5, 14]
    widths = [padded_length(length, 128) for length in lengths]
    for step, width in enumerate(widths):
        figures_of(stepper.step([batch_of(width)], step_sizes(TrainConfig(), step, len(widths))))
    expected = {"tensorflow": 1, "jax": 2}  # any width; 8 and 16
    assert compiled_programs(stepper) == expected[keras.backend.backend()]
