"""PyTorch: eager steps, and its fused AdamW kernel, which clips and decays in the same pass.

One device: for several GPUs choose JAX or TensorFlow.
"""

import ctypes
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import torch
from torch.utils.checkpoint import set_checkpoint_early_stop

from components.train.backends import (
    Array,
    Part,
    mean_loss,
    seed_keras,
    seeds_of,
    set_seeds,
    shares,
)
from components.train.optimizer import (
    BETA_1,
    BETA_2,
    EPSILON,
    GLOBAL_CLIPNORM,
    StepSizes,
    Trainable,
)

Tensor = Any

UPDATES_WITHOUT_BIAS = 1e9
"""After so many the kernel's own correction of the bias is 1: ours is in step_size."""

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h of glibc
KEPT_BYTES = (1 << 31) - 1


def device_names() -> list[str]:
    """Returns the model name of the GPU, where there is one."""
    return [torch.cuda.get_device_name(0)] if torch.cuda.device_count() else []


def device_count() -> int:
    """Returns over how many devices a batch is divided."""
    return 1


def _tell_of_others() -> None:
    """Says which GPUs do nothing."""
    if (count := torch.cuda.device_count()) > 1:
        print(
            f"train: PyTorch computes on the first of {count} GPUs; for all of them choose the "
            "backend jax or tensorflow, or let it see one alone with CUDA_VISIBLE_DEVICES=0",
            flush=True,
        )


def peak_memory_bytes() -> int | None:
    """Returns the largest memory in use so far on the first GPU."""
    return int(torch.cuda.max_memory_allocated(0))


def set_seed(seed: int) -> None:
    """Seeds initial weights and dropout."""
    seed_keras(seed)
    torch.manual_seed(seed)


def random_state(model: keras.Model) -> dict[str, Array]:
    """Returns the state of all that dropout draws from: the generators of the devices."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return {**seeds_of(model), **{name: state.numpy() for name, state in states.items()}}


def set_random_state(model: keras.Model, state: Mapping[str, Array]) -> None:
    """Sets what `random_state` returned."""
    set_seeds(model, state)
    torch.set_rng_state(torch.from_numpy(state["cpu"].copy()))
    if torch.cuda.is_available() and "cuda" in state:
        torch.cuda.set_rng_state(torch.from_numpy(state["cuda"].copy()))


@contextmanager
def on_all_devices() -> Iterator[None]:
    """Within it, variables are made on the device."""
    _tell_of_others()
    _keep_freed_memory()
    yield


def _keep_freed_memory() -> None:
    """Has glibc keep what is freed: every step wants it again, and new pages cost their zeroing."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        library.mallopt(M_TOP_PAD, KEPT_BYTES >> 5)


def is_out_of_memory(error: Exception) -> bool:
    """Tells whether an error says that memory did not suffice."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


class Stepper:
    """Optimizer steps on the model's own parameters."""

    def __init__(self, model: keras.Model, trainable: Trainable) -> None:
        self._model = model
        moved = [
            (variable.value, first.value, second.value)
            for variable, first, second in zip(
                trainable.variables, trainable.first, trainable.second, strict=True
            )
        ]
        self._parameters = [parameter for parameter, _, _ in moved]
        groups = {
            decays: [m for m, d in zip(moved, trainable.decays, strict=True) if d is decays]
            for decays in (True, False)
        }
        self._groups = {decays: group for decays, group in groups.items() if group}
        self._device = self._parameters[0].device
        self._of_encoder = torch.tensor(trainable.of_encoder, device=self._device)
        self._updates = torch.full((), UPDATES_WITHOUT_BIAS, device=self._device)

    def step(self, parts: Sequence[Part], sizes: StepSizes) -> Tensor:
        """Begins a step and returns its figures."""
        losses = [
            self._add_gradients(part, share)
            for part, share in zip(parts, shares(parts), strict=True)
        ]
        return self._apply(torch.stack(losses).sum(), sizes)

    def apply(self, loss: Tensor, gradients: Sequence[Tensor], sizes: StepSizes) -> Tensor:
        """Moves the variables by gradients and returns the step's figures."""
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = torch.as_tensor(gradient, device=self._device)
        return self._apply(torch.as_tensor(loss, device=self._device), sizes)

    def _apply(self, loss: Tensor, sizes: StepSizes) -> Tensor:
        with torch.no_grad():
            norms = torch.stack(torch._foreach_norm([p.grad for p in self._parameters]))
            norm = torch.linalg.vector_norm(norms)
            encoder_norm = torch.linalg.vector_norm(norms * self._of_encoder)
            for decays, moved in self._groups.items():
                self._update(moved, norm, sizes.step_size, sizes.decay if decays else 0.0)
        for parameter in self._parameters:
            parameter.grad = None
        return torch.stack([loss, norm, encoder_norm])

    def sync(self) -> None:
        """Has nothing to do: steps change the model's own variables."""

    def _add_gradients(self, part: Part, share: float) -> Tensor:
        inputs = {k: torch.from_numpy(v).to(self._device) for k, v in part.inputs.items()}
        labels = torch.from_numpy(part.labels).to(self._device)
        # An early stop raises an exception, which holds what it passed: twice the memory.
        with set_checkpoint_early_stop(False):
            loss = mean_loss(self._model, inputs, labels) * share
            loss.backward()
        return loss.detach()

    def _update(
        self,
        moved: list[tuple[Tensor, Tensor, Tensor]],
        norm: Tensor,
        step_size: float,
        decay: float,
    ) -> None:
        parameters, first, second = (list(column) for column in zip(*moved, strict=True))
        torch._fused_adamw_(
            parameters,
            [parameter.grad for parameter in parameters],
            first,
            second,
            [],
            [self._updates] * len(parameters),
            lr=step_size,
            beta1=BETA_1,
            beta2=BETA_2,
            weight_decay=decay / step_size if step_size else 0.0,  # the kernel's is times lr
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            # What gradients are divided by.
            grad_scale=torch.clamp(norm / GLOBAL_CLIPNORM, min=1.0),
            found_inf=torch.zeros((), device=self._device),
        )
