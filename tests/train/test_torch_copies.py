"""PyTorch's kernels at the precision of products: the step is that of Keras' own casts."""

from typing import Any

import keras
import numpy as np
import pytest

from components.encoders.build import build_classifier
from components.encoders.sizes import scratch_config
from components.encoders.weights import assign_weights, weights_of
from components.train.backends import Part, current_backend, figures_of, mean_loss
from components.train.config import TrainConfig
from components.train.optimizer import Trainable, step_sizes

pytestmark = pytest.mark.skipif(keras.backend.backend() != "torch", reason="PyTorch's own")

IN_BFLOAT16 = pytest.mark.parametrize("precision", ["mixed_bfloat16"], indirect=True)
SIZES = step_sizes(TrainConfig(learning_rate=1e-3, warmup_proportion=0.0), 0, 10)


def classifier(encoder: str, remat: bool = False) -> tuple[keras.Model, Any]:
    current_backend().set_seed(3)
    model = build_classifier(scratch_config(f"scratch:{encoder}", 50), 2, remat=remat)
    return model, current_backend().Stepper(model, Trainable.of(model.trainable_variables))


def part(seed: int, rows: int = 4) -> Part:
    generator = np.random.default_rng(seed)
    ids = generator.integers(1, 50, (rows, 9)).astype("int32")
    inputs = {"input_ids": ids, "token_type_ids": ids % 2, "attention_mask": np.ones_like(ids)}
    return Part(inputs, generator.integers(0, 2, rows).astype("int32"))


@IN_BFLOAT16
@pytest.mark.parametrize("remat", [False, True])
@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("encoder", ["bert-tiny", "albert-tiny"])
def test_gradients_are_those_of_keras_own_casts(
    encoder: str, parts: int, remat: bool, precision: None
) -> None:
    """Bit by bit: a shared kernel's, too, are summed in float32; over parts in another order."""
    import torch

    (_, stepper), (plain, _) = classifier(encoder, remat), classifier(encoder)
    batch = [part(number) for number in range(parts)]
    current_backend().set_seed(5)
    ours = [stepper._add_gradients(each, 1 / parts) for each in batch]
    current_backend().set_seed(5)
    for each, loss in zip(batch, ours, strict=True):
        inputs = {name: torch.from_numpy(value) for name, value in each.inputs.items()}
        expected = mean_loss(plain, inputs, torch.from_numpy(each.labels)) * (1 / parts)
        expected.backward()
        assert loss == expected
    assert any(moved.copy for moved in stepper._moved) != remat
    for moved, variable in zip(stepper._moved, plain.trainable_variables, strict=True):
        gradient, expected = moved.taken_gradient(), variable.value.grad
        rounding = 0.0 if parts == 1 else 1e-6 * float(expected.abs().max())
        torch.testing.assert_close(gradient, expected, rtol=0, atol=rounding)


@IN_BFLOAT16
def test_norms_and_steps_are_those_of_gradients_in_float32(precision: None) -> None:
    (model, stepper), (other, other_stepper) = classifier("bert-tiny"), classifier("bert-tiny")
    current_backend().set_seed(5)
    figures = figures_of(stepper.step([part(0)], SIZES))
    current_backend().set_seed(5)
    loss = other_stepper._add_gradients(part(0), 1.0)
    gradients = [moved.taken_gradient() for moved in other_stepper._moved]
    assert figures_of(other_stepper.apply(loss, gradients, SIZES)) == pytest.approx(figures)
    for one, two in zip(model.variables, other.variables, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(two), rtol=0, atol=1e-7)


@IN_BFLOAT16
def test_a_kernel_that_was_moved_or_assigned_is_read(precision: None) -> None:
    model, stepper = classifier("bert-tiny")
    first = {name: np.array(values) for name, values in weights_of(model).items()}

    def loss() -> float:
        current_backend().set_seed(0)
        return figures_of(stepper.step([part(0)], SIZES)).loss

    losses = [loss(), loss()]
    assert losses[0] != losses[1]
    assign_weights(model, first)
    assert loss() == losses[0]


def test_in_float32_nothing_is_copied() -> None:
    _, stepper = classifier("bert-tiny")
    assert not any(moved.copy for moved in stepper._moved)
