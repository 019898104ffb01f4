"""How much memory a training needs, computed from its sizes before it starts, and what is free.

An estimate, within a third of what was measured on a processor (`benchmarks/memory.py`, whose table
is in `benchmarks/README.md`): on PyTorch by counting every tensor alive, on TensorFlow by the
process's resident memory. JAX counts as TensorFlow; on a processor it undoes `remat`, and computes
bfloat16 in float32, so that neither lowers its memory there.
"""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from components.encoders.config import EncoderConfig
from components.encoders.parameters import parameter_count
from components.train.config import BACKENDS, TrainConfig

GIB = 2**30
FLOAT32_BYTES = 4
VALUE_BYTES = {"float32": 4, "bfloat16": 2}
RECOMPUTED = 1.25
"""With remat: one layer's inside, and what its gradient takes besides."""
RELATIVE_SCORES = 1.3
"""XLNet's scores beside those of absolute positions: theirs have a part by position."""

MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux says how much memory a container may take."""


class LayerBytes(NamedTuple):
    """Bytes a token that one layer keeps for its gradient.

    They grow with the hidden size, the intermediate size, and the scores of a token (heads times
    tokens of a row); measured by doubling each, dropout on.
    """

    hidden: float
    intermediate: float
    score: float


TENSORFLOW = {"float32": LayerBytes(64, 20, 8), "bfloat16": LayerBytes(48, 11, 8.5)}
TORCH = {"float32": LayerBytes(33.4, 8.1, 9), "bfloat16": LayerBytes(22.2, 4.1, 7)}
LAYER_BYTES = {"tensorflow": TENSORFLOW, "jax": TENSORFLOW, "torch": TORCH}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBudget:
    """The parts of a training's memory on each device, in bytes.

    Attributes:
        weights: Float32 masters.
        gradients: Two copies, the second clipped; a third where parts are added up.
        moments: The two of Adam.
        activations: What the layers keep for the gradient, lower precision's copies of weights
            included.
    """

    weights: int
    gradients: int
    moments: int
    activations: int

    @property
    def total(self) -> int:
        """All of them together."""
        return self.weights + self.gradients + self.moments + self.activations

    def __str__(self) -> str:
        parts = ("weights", "gradients", "moments", "activations")
        of_them = ", ".join(f"{part} {_readable(getattr(self, part))}" for part in parts)
        return f"about {_readable(self.total)} of memory ({of_them})"


def memory_budget(
    encoder: EncoderConfig,
    train: TrainConfig,
    longest_row: int,
    devices: int = 1,
    accelerated: bool = False,
) -> MemoryBudget:
    """Computes the memory of a training, libraries and the best weights so far left out.

    Args:
        encoder: What is trained.
        train: How; an empty backend counts as TensorFlow.
        longest_row: Tokens of the longest row; a batch is taken to be full of such rows.
        devices: Over how many a batch is divided.
        accelerated: Whether these are accelerators, not processors.
    """
    if train.backend == "jax" and not accelerated:
        train = replace(train, remat=False, precision="float32")
    weights = FLOAT32_BYTES * parameter_count(encoder)
    copies = 3 if train.gradient_accumulation_steps > 1 else 2
    return MemoryBudget(
        weights=weights,
        gradients=copies * weights,
        moments=2 * weights,
        activations=_activations(encoder, train, longest_row, devices),
    )


def _activations(encoder: EncoderConfig, train: TrainConfig, longest_row: int, devices: int) -> int:
    """The last layer counts as nothing: it computes one token of each row."""
    rows = -(-train.train_batch_size // (train.gradient_accumulation_steps * devices))
    tokens = rows * longest_row
    value = VALUE_BYTES[train.precision]
    inside = tokens * _bytes_of_token(encoder, train, longest_row) + _copied_kernels(encoder, train)
    uses = encoder.num_hidden_layers * encoder.inner_group_num - 1
    if not train.remat:
        return int(uses * inside)
    return int(uses * tokens * encoder.hidden_size * value + RECOMPUTED * inside)


def _bytes_of_token(encoder: EncoderConfig, train: TrainConfig, longest_row: int) -> float:
    a_token = LAYER_BYTES[train.backend or BACKENDS[0]][train.precision]
    scores = encoder.num_attention_heads * longest_row
    if encoder.position_embeddings == "relative":
        scores = int(RELATIVE_SCORES * scores)
    return (
        a_token.hidden * encoder.hidden_size
        + a_token.intermediate * encoder.intermediate_size
        + a_token.score * scores
    )


def _copied_kernels(encoder: EncoderConfig, train: TrainConfig) -> int:
    """Each use of a layer keeps its kernels in lower precision, a shared layer's once a use."""
    if train.precision == "float32":
        return 0
    attention = 4 * encoder.hidden_size**2
    return VALUE_BYTES[train.precision] * (
        attention + 2 * encoder.hidden_size * encoder.intermediate_size
    )


def what_would_help(
    encoder: EncoderConfig,
    train: TrainConfig,
    longest_row: int,
    devices: int,
    accelerated: bool = False,
) -> list[str]:
    """Returns changes of parameters that lower the memory, each with what it would then be."""
    rows = train.train_batch_size // (train.gradient_accumulation_steps * devices)
    parts = 2 * train.gradient_accumulation_steps
    changed = {
        "remat": replace(train, remat=True),
        "precision bfloat16": replace(train, precision="bfloat16"),
    }
    if rows % 2 == 0:
        changed[f"gradient_accumulation_steps {parts}"] = replace(
            train, gradient_accumulation_steps=parts
        )
    now = memory_budget(encoder, train, longest_row, devices, accelerated).total
    budgets = {
        name: memory_budget(encoder, config, longest_row, devices, accelerated).total
        for name, config in changed.items()
    }
    return [
        f"{name} (then about {_readable(then)})" for name, then in budgets.items() if then < now
    ]


def what_to_do(
    encoder: EncoderConfig,
    train: TrainConfig,
    longest_row: int,
    devices: int,
    accelerated: bool = False,
) -> str:
    """Returns the end of a message that memory does not suffice: the parameters to change."""
    changes = what_would_help(encoder, train, longest_row, devices, accelerated)
    smaller = "choose a smaller train_batch_size, max_seq_length or encoder"
    return f"set {', '.join(changes)}, or {smaller}" if changes else smaller


def shortage(
    encoder: EncoderConfig,
    train: TrainConfig,
    longest_row: int,
    devices: int,
    accelerated: bool,
    free: int,
) -> str:
    """Warns where a training on a processor wants more than the `free` bytes; else returns nothing.

    It wants its budget and a copy of its best weights. How much of an accelerator's memory is free
    is known to nobody before it is taken.
    """
    budget = memory_budget(encoder, train, longest_row, devices, accelerated)
    if accelerated or budget.total + budget.weights <= free:
        return ""
    advice = what_to_do(encoder, train, longest_row, devices, accelerated)
    return (
        f"{_readable(free)} of memory are free, this training and its best weights want about "
        f"{_readable(budget.total + budget.weights)}: the system may end it without a word; "
        f"{advice}"
    )


def _readable(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / 2**20:.0f} MiB"


def free_bytes() -> int:
    """Returns the memory that programs may still take: what is available, or a limit leaves."""
    return min(_available_bytes(), *_limits())


def _available_bytes() -> int:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = (line.split() for line in meminfo.read_text().splitlines())
        return next(int(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:")
    # Elsewhere what is free without the files in memory is not told: half may be taken.
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _limits() -> list[int]:
    found = [Path(name).read_text().strip() for name in MEMORY_LIMITS if Path(name).exists()]
    return [int(limit) for limit in found if limit != "max"] or [sys.maxsize]
