"""The memory of a training: computed, lowered by what lowers it, and missing."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from components.encoders.build import build_classifier
from components.encoders.config import EncoderConfig
from components.encoders.parameters import parameter_count
from components.encoders.sizes import scratch_config
from components.encoders.weights import weights_of
from components.errors import ENVIRONMENT
from components.train.backends import Figures, Part, current_backend, figures_of
from components.train.config import TrainConfig
from components.train.memory import (
    GIB,
    MemoryBudget,
    memory_budget,
    shortage,
    what_to_do,
    what_would_help,
)
from components.train.optimizer import Trainable, step_sizes
from tests.conftest import ARCHITECTURES, SIZES

XXLARGE = scratch_config("scratch:albert-xxlarge", 21_128)
LARGE_BATCH = TrainConfig(precision="bfloat16", backend="tensorflow")


def test_albert_xxlarge_fits_a_gpu_of_24_gib_by_remat() -> None:
    """Batch 16, rows of 512 tokens: the longest that the model takes."""
    assert memory_budget(XXLARGE, LARGE_BATCH, 512).total > 60 * GIB
    with_remat = dataclasses.replace(LARGE_BATCH, remat=True)
    assert memory_budget(XXLARGE, with_remat, 512).total < 24 * GIB


def test_a_budget_by_hand() -> None:
    """Two layers of 128, the last of which counts as nothing; 2 rows of 10 tokens; 2 heads."""
    config = scratch_config("scratch:bert-tiny", 100)
    weights = 4 * parameter_count(config)
    whole = memory_budget(config, TrainConfig(train_batch_size=2, backend="torch"), 10)
    kept = int(2 * 10 * (33.4 * 128 + 8.1 * 512 + 9 * 2 * 10))
    assert whole == MemoryBudget(
        weights=weights, gradients=2 * weights, moments=2 * weights, activations=kept
    )
    in_parts = TrainConfig(train_batch_size=2, gradient_accumulation_steps=2, backend="torch")
    halved = memory_budget(config, in_parts, 10)
    assert (halved.gradients, halved.activations) == (3 * weights, kept // 2)
    on_two = memory_budget(config, TrainConfig(train_batch_size=2, backend="torch"), 10, devices=2)
    assert on_two.activations == kept // 2
    low = memory_budget(
        config, TrainConfig(train_batch_size=2, precision="bfloat16", backend="torch"), 10
    )
    copies = 2 * (4 * 128**2 + 2 * 128 * 512)
    assert low.activations == int(2 * 10 * (22.2 * 128 + 4.1 * 512 + 7 * 2 * 10) + copies)
    assert str(whole).startswith("about 10 MiB of memory (weights 2 MiB, gradients 4 MiB, moments")


def test_only_what_lowers_the_memory_is_named() -> None:
    config = scratch_config("scratch:bert-large", 21_128)
    longest = 512
    helpful = what_would_help(config, TrainConfig(backend="tensorflow"), longest, 1)
    assert [change.partition(" (")[0] for change in helpful] == [
        "remat", "precision bfloat16", "gradient_accumulation_steps 2",
    ]  # fmt: skip
    saving = TrainConfig(
        backend="tensorflow", remat=True, precision="bfloat16", gradient_accumulation_steps=16
    )
    assert what_would_help(config, saving, longest, 1) == []


def test_on_a_processor_jax_gains_nothing_by_remat_or_bfloat16() -> None:
    config = scratch_config("scratch:bert-large", 21_128)
    usual = TrainConfig(backend="jax")
    saving = dataclasses.replace(usual, remat=True, precision="bfloat16")
    assert memory_budget(config, saving, 512) == memory_budget(config, usual, 512)
    (helpful,) = what_would_help(config, usual, 512, 1)
    assert helpful.startswith("gradient_accumulation_steps 2 (then")
    on_gpu = 1, True
    kept = memory_budget(config, usual, 512, *on_gpu).activations
    assert memory_budget(config, saving, 512, *on_gpu).activations < kept / 4
    assert len(what_would_help(config, usual, 512, *on_gpu)) == 3


def test_every_layer_of_a_group_counts() -> None:
    one = scratch_config("scratch:albert-tiny", 100)  # two layers, the last of which is nothing
    two = dataclasses.replace(one, inner_group_num=2)
    train = TrainConfig(backend="torch")
    kept = memory_budget(one, train, 10).activations
    assert memory_budget(two, train, 10).activations == 3 * kept


def test_a_shortage_is_told_before_it_kills() -> None:
    config = scratch_config("scratch:bert-base", 21_128)
    train = TrainConfig(backend="torch")
    budget = memory_budget(config, train, 128)
    needed = budget.total + budget.weights
    assert shortage(config, train, 128, 1, False, needed) == ""
    assert shortage(config, train, 128, 1, True, 0) == ""
    warning = shortage(config, train, 128, 1, False, 2 * GIB)
    assert warning.startswith(
        "2.0 GiB of memory are free, this training and its best weights want "
        f"about {needed / GIB:.1f} GiB: the system may end it without a word; set remat (then"
    )
    assert warning.endswith("), or choose a smaller train_batch_size, max_seq_length or encoder")
    tiny = scratch_config("scratch:bert-tiny", 100)  # there remat gains nothing
    one_row = TrainConfig(train_batch_size=1, backend="torch", precision="bfloat16")
    assert what_to_do(tiny, one_row, 10, 1).startswith("choose a smaller train_batch_size")


def moved_weights(
    config: EncoderConfig, parts: int, **options: Any
) -> tuple[dict[str, Any], list[Figures]]:
    """Returns the weights after two steps from the same seed on the same rows, and the figures."""
    backend = current_backend()
    backend.set_seed(7)
    model = build_classifier(config, 2, **options)
    stepper = backend.Stepper(model, Trainable.of(model.trainable_variables))
    generator = np.random.default_rng(0)
    figures = []
    for step in range(2):
        rows = []
        for _ in range(parts):
            ids = generator.integers(0, config.vocab_size, (8 // parts, 8)).astype("int32")
            mask = np.arange(8) < generator.integers(3, 9, (8 // parts, 1))
            inputs = {"input_ids": ids, "attention_mask": mask.astype("int32")}
            inputs["token_type_ids"] = np.zeros_like(ids)
            rows.append(Part(inputs, generator.integers(0, 2, 8 // parts).astype("int32")))
        sizes = step_sizes(TrainConfig(warmup_proportion=0.0), step, 10)
        figures.append(figures_of(stepper.step(rows, sizes)))
    stepper.sync()
    return dict(weights_of(model)), figures


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize(
    ("precision", "parts"),
    [("float32", 1), ("float32", 2), ("mixed_bfloat16", 1)],
    indirect=["precision"],
)
@pytest.mark.parametrize("architecture", ["bert", "albert", "xlnet"])
def test_what_is_computed_again_is_the_same(architecture: str, parts: int) -> None:
    dropout = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2}
    sizes = SIZES | ARCHITECTURES[architecture] | dropout
    config = EncoderConfig(**(sizes | {"vocab_size": 50, "hidden_act": "gelu_new"}))
    kept, kept_figures = moved_weights(config, parts)
    again, again_figures = moved_weights(config, parts, remat=True)
    assert kept.keys() == again.keys()
    for figures, expected in zip(again_figures, kept_figures, strict=True):
        assert figures == pytest.approx(expected, rel=1e-2)
    if keras.backend.backend() == "jax" and "bfloat16" in keras.config.dtype_policy().name:
        return  # XLA leaves out roundings, in either program other ones
    for path, weights in kept.items():
        np.testing.assert_allclose(again[path], weights, atol=2e-6, err_msg=path)


MOST_ADDRESS_SPACE = 5 << 30
"""What the libraries map, and more; what this training wants is far above it."""

# Not by subprocess's `preexec_fn`: that forks, which JAX warns of.
IN_LITTLE_MEMORY = f"""
import resource, runpy
resource.setrlimit(resource.RLIMIT_AS, ({MOST_ADDRESS_SPACE}, {MOST_ADDRESS_SPACE}))
runpy.run_module("components.train", run_name="__main__", alter_sys=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_missing_memory_names_what_to_lower(tokens_folder: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-c", IN_LITTLE_MEMORY, "--tokens", str(tokens_folder),
        "--model", str(tmp_path / "model"), "--encoder", "scratch:bert-base",
        "--train-batch-size", "96", "--num-train-epochs", "1",
    ]  # fmt: skip
    limited = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=200,
        env=os.environ | {"KERAS_BACKEND": keras.backend.backend()},
    )
    assert limited.returncode == ENVIRONMENT, limited.stderr[-2000:]
    (error,) = [line for line in limited.stderr.splitlines() if "error: " in line]
    assert error.startswith("environment error: memory did not suffice: this training wants about ")
    first = "gradient_accumulation_steps 2" if keras.backend.backend() == "jax" else "remat"
    assert f"set {first} (then about " in error
    assert "Traceback" not in limited.stderr
    assert list(tmp_path.iterdir()) == []
