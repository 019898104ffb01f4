"""PyTorch: eager steps, and its fused AdamW kernel, which clips and decays in the same pass.

One device: for several GPUs choose JAX or TensorFlow.
"""

import ctypes
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

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
from components.train.backends.torch_copies import Copies, Copy
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


class Moved(NamedTuple):
    """A parameter, its two moments, and its copy where products read one."""

    parameter: Tensor
    first: Tensor
    second: Tensor
    copy: Copy | None

    def set_gradient(self, gradient: Tensor) -> None:
        """Sets a gradient that somebody computed."""
        if self.copy:
            self.copy.gradient = gradient
        else:
            self.parameter.grad = gradient

    def gradient(self) -> Tensor:
        """Returns the gradient at the precision in which it came."""
        return self.copy.gradient if self.copy else self.parameter.grad

    def taken_gradient(self) -> Tensor:
        """Returns the gradient in float32 and forgets it."""
        if self.copy:
            return self.copy.taken_gradient()
        gradient, self.parameter.grad = self.parameter.grad, None
        return gradient


class Stepper:
    """Optimizer steps on the model's own parameters."""

    def __init__(self, model: keras.Model, trainable: Trainable) -> None:
        self._model = model
        self._copies = Copies(model)
        self._moved = [
            Moved(variable.value, first.value, second.value, self._copies.of(variable))
            for variable, first, second in zip(
                trainable.variables, trainable.first, trainable.second, strict=True
            )
        ]
        self._device = self._moved[0].parameter.device
        self._groups = self._grouped(trainable.decays)
        self._of_encoder = torch.tensor(trainable.of_encoder, device=self._device)
        self._updates = torch.full((), UPDATES_WITHOUT_BIAS, device=self._device)

    def _grouped(self, decays: Sequence[bool]) -> list[tuple[bool, list[Moved]]]:
        """Returns what is moved together, and whether it decays.

        All that may be; but on a CPU a copied kernel alone, which then is copied from the cache.
        """
        groups: dict[Any, tuple[bool, list[Moved]]] = {}
        for number, (moved, decay) in enumerate(zip(self._moved, decays, strict=True)):
            alone = moved.copy and self._device.type == "cpu"
            groups.setdefault(number if alone else f"decay {decay}", (decay, []))[1].append(moved)
        return list(groups.values())

    def step(self, parts: Sequence[Part], sizes: StepSizes) -> Tensor:
        """Begins a step and returns its figures."""
        losses = [
            self._add_gradients(part, share)
            for part, share in zip(parts, shares(parts), strict=True)
        ]
        return self._apply(torch.stack(losses).sum(), sizes)

    def apply(self, loss: Tensor, gradients: Sequence[Tensor], sizes: StepSizes) -> Tensor:
        """Moves the variables by gradients and returns the step's figures."""
        for moved, gradient in zip(self._moved, gradients, strict=True):
            moved.set_gradient(torch.as_tensor(gradient, device=self._device))
        return self._apply(torch.as_tensor(loss, device=self._device), sizes)

    def _apply(self, loss: Tensor, sizes: StepSizes) -> Tensor:
        with torch.no_grad():
            gradients = [moved.gradient() for moved in self._moved]
            norms = torch.stack(torch._foreach_norm(gradients, 2, torch.float32))
            norm = torch.linalg.vector_norm(norms)
            encoder_norm = torch.linalg.vector_norm(norms * self._of_encoder)
            del gradients  # each is freed where it was used
            for decays, group in self._groups:
                self._update(group, norm, sizes.step_size, sizes.decay if decays else 0.0)
        return torch.stack([loss, norm, encoder_norm])

    def sync(self) -> None:
        """Has nothing to do: steps change the model's own variables."""

    def _add_gradients(self, part: Part, share: float) -> Tensor:
        inputs = {k: torch.from_numpy(v).to(self._device) for k, v in part.inputs.items()}
        labels = torch.from_numpy(part.labels).to(self._device)
        # An early stop raises an exception, which holds what it passed: twice the memory.
        with set_checkpoint_early_stop(False):
            with self._copies or nullcontext():
                loss = mean_loss(self._model, inputs, labels) * share
            loss.backward()
        return loss.detach()

    def _update(self, group: list[Moved], norm: Tensor, step_size: float, decay: float) -> None:
        torch._fused_adamw_(
            [moved.parameter for moved in group],
            [moved.taken_gradient() for moved in group],
            [moved.first for moved in group],
            [moved.second for moved in group],
            [],
            [self._updates] * len(group),
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
        for moved in group:
            if moved.copy:
                moved.copy.renew()
