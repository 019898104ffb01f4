"""PyTorch: kernels at the precision of products, copied once a step.

Keras casts a kernel at each use, and the gradient of each use back into an array of its own. Here a
copy is made when the kernel was just moved and lies in the cache; a gradient stays at its precision
until the kernel is moved, but is summed in float32 where the kernel is used again.
"""

from collections.abc import Mapping
from typing import Any

import keras
import torch

Tensor = Any


class Copy:
    """A kernel's copy, and the gradient that comes to it.

    Attributes:
        gradient: That of all uses since it was taken, at the precision of products if there was
            one use alone; None before any.
    """

    def __init__(self, kernel: Tensor, dtype: torch.dtype) -> None:
        self._kernel = kernel
        self._values = torch.empty_like(kernel, dtype=dtype, requires_grad=False)
        self._version: int | None = None
        self.gradient: Tensor = None

    def use(self) -> Tensor:
        """Returns the copy, up to date also where somebody assigned the kernel."""
        if self._version != self._kernel._version:
            self.renew()
        return _Use.apply(self._kernel, self._values, self)

    def renew(self) -> None:
        """Copies the kernel."""
        with torch.no_grad():
            self._values.copy_(self._kernel)
        self._version = self._kernel._version

    def add(self, gradient: Tensor) -> None:
        """Adds the gradient of one use."""
        if self.gradient is None:
            self.gradient = gradient
        else:
            self.gradient = self.gradient.float().add_(gradient)

    def taken_gradient(self) -> Tensor:
        """Returns the gradient in float32, laid out as the kernel, and forgets it."""
        gradient, self.gradient = self.gradient, None
        return gradient.float().contiguous()


class _Use(torch.autograd.Function):
    """Reads a copy in place of its kernel, which is named only for its wanting a gradient."""

    @staticmethod
    def forward(ctx: Any, _: Tensor, values: Tensor, copy: Copy) -> Tensor:
        ctx.copy = copy
        return values.detach()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        ctx.copy.add(gradient)
        return None, None, None


class Copies(keras.StatelessScope):
    """The copies of a model's kernels; within it, kernels are read as their copies."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        layers = model._flatten_layers()
        # With remat a GPU's products are computed again in a thread that knows of no scope.
        kernels = [] if any(getattr(layer, "remat", False) for layer in layers) else layers
        self._copies: Mapping[int, Copy] = {
            id(layer.kernel): Copy(layer.kernel.value, getattr(torch, layer.compute_dtype))
            for layer in kernels
            if isinstance(layer, keras.layers.Dense) and layer.compute_dtype != layer.variable_dtype
        }

    def __len__(self) -> int:
        return len(self._copies)

    def of(self, variable: keras.Variable) -> Copy | None:
        """Returns the copy of a variable; None where its own value is read."""
        return self._copies.get(id(variable))

    def get_current_value(self, variable: keras.Variable) -> Tensor:
        """Returns what Keras reads as a variable's value; None for its own."""
        copy = self.of(variable)
        return copy.use() if copy else super().get_current_value(variable)
