"""Building a Keras model with a checkpoint's weights, and the proof that they are in it."""

import difflib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from components.artifacts.facts import RestoredFacts
from components.encoders.checkpoints.checkpoint import Checkpoint, Tensors
from components.encoders.checkpoints.names import (
    left_over_reason,
    tensor_names,
    to_ours,
    without_prefix,
)
from components.encoders.layers import Initial
from components.encoders.memory import empty, fill
from components.errors import InputError

HEADS = ("classifier/", "pooled_norm/")
"""Parts that fine-tuning trains anew: a checkpoint's are not wanted."""

OPTIONAL = ("pooler/",)
"""Parts that some published files lack (masked-LM saves): initialised, and said so."""

_SHOWN = 5  # names in a message


def restored(
    build: Callable[[Initial], keras.Model],
    checkpoint: Checkpoint,
    heads: tuple[str, ...] = HEADS,
) -> tuple[keras.Model, RestoredFacts]:
    """Builds a model whose variables have a checkpoint's values; those of `heads` their usual ones.

    Raises:
        InputError: The checkpoint lacks a variable, has it in another shape, holds one of an
            encoder that has no place in the model, or cannot be read.
    """
    tensors = checkpoint.open_tensors()
    names = without_prefix(checkpoint.layout, tensors.shapes)

    left_alone = (*heads, *(part for part in OPTIONAL if _is_absent(checkpoint, part, names)))

    def is_initialised(path: str) -> bool:
        return path.startswith(left_alone)

    model = build(lambda path, usual: usual if is_initialised(path) else empty)
    variables = {v.path: v for v in model.trainable_variables}
    initialised = tuple(path for path in variables if is_initialised(path))
    wanted = [path for path in variables if path not in initialised]
    if missing := [name for path in wanted for name in _absent(checkpoint, path, names)]:
        raise _lacks(checkpoint, missing, names)
    sources = {path: tensor_names(checkpoint.layout, path) for path in wanted}
    used = {name for found in sources.values() for name in found}
    left_over = _left_over(checkpoint, sorted(names.keys() - used))
    # The largest first: beside it, the others are still empty.
    for path in sorted(wanted, key=lambda path: -math.prod(variables[path].shape)):
        theirs = {name: names[name] for name in sources[path]}
        fill(variables[path], _parts(checkpoint, tensors, path, theirs, variables[path].shape))
    encoder = [path for path in variables if not path.startswith(heads)]
    facts = RestoredFacts(
        format=checkpoint.layout.title,
        source=checkpoint.source,
        digest=checkpoint.digest(),
        restored=len(wanted),
        expected=len(encoder),
        tensors_used=len(used),
        tensors=len(tensors.shapes),
        initialised=initialised,
        left_over=left_over,
    )
    return model, facts


def _is_absent(checkpoint: Checkpoint, part: str, names: Collection[str]) -> bool:
    """Tells whether a checkpoint holds nothing of a dense layer; half of one is a fault."""
    return all(_absent(checkpoint, f"{part}{leaf}", names) for leaf in ("kernel", "bias"))


def _absent(checkpoint: Checkpoint, path: str, names: Collection[str]) -> list[str]:
    """Names the tensors of a variable that the checkpoint does not hold."""
    return [name for name in tensor_names(checkpoint.layout, path) if name not in names]


def _parts(
    checkpoint: Checkpoint,
    tensors: Tensors,
    path: str,
    theirs: Mapping[str, str],
    shape: Sequence[int],
) -> list[Any]:
    """Reads what a variable is made of: parts that stand side by side along the last axis."""
    layout = checkpoint.layout
    parts = []
    for name, full in theirs.items():
        tensor = tensors.read(full)
        _check_finite(checkpoint, full, tensor)
        parts.append(to_ours(layout, path, name, tensor))
    width = sum(part.shape[-1] for part in parts)
    if all((*part.shape[:-1], width) == tuple(shape) for part in parts):
        return parts
    shapes = ", ".join(f"{name} {tensors.shapes[full]}" for name, full in theirs.items())
    entry = _CONFIG_ENTRIES.get(path, "a size")
    raise InputError(
        f"{checkpoint.folder}: {shapes} should make {tuple(shape)} by its config; {entry} in the "
        "config is not that of the weights: use the checkpoint's own config"
    )


def _check_finite(checkpoint: Checkpoint, name: str, tensor: Any) -> None:
    values = np.asarray(memoryview(tensor))  # the same memory, also of TensorFlow's own tensors
    if values.size and not np.isfinite([values.min(), values.max()]).all():
        raise InputError(
            f"{checkpoint.folder}: {name} holds NaN or infinity: its training broke down; use an "
            "earlier checkpoint"
        )


_CONFIG_ENTRIES = {
    "embeddings/word/embeddings": "vocab_size",
    "embeddings/position/embeddings": "max_position_embeddings",
    "embeddings/token_type/embeddings": "type_vocab_size",
}
"""The entry of the config that alone decides a variable's shape."""


def _lacks(checkpoint: Checkpoint, missing: Sequence[str], names: Collection[str]) -> InputError:
    nearest = difflib.get_close_matches(missing[0], names, n=_SHOWN, cutoff=0.0)
    more = f" and {len(missing) - 1} more variables" if len(missing) > 1 else ""
    return InputError(
        f"{checkpoint.folder} lacks {missing[0]}{more} of a {checkpoint.layout.title} encoder of "
        f"{checkpoint.config.num_hidden_layers} layers; the nearest names it has are "
        f"{', '.join(nearest)}; its config must be that of its weights"
    )


def _left_over(checkpoint: Checkpoint, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Groups the names that nothing takes by the reason why they may be left."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(left_over_reason(checkpoint.layout, name), []).append(name)
    if unexplained := found.get(""):
        raise InputError(
            f"{checkpoint.folder} holds {len(unexplained)} variables of an encoder that "
            f"{checkpoint.layout.title} with {checkpoint.config.num_hidden_layers} layers does not "
            f"have: {', '.join(unexplained[:_SHOWN])}; it is another architecture, or its config "
            "is another model's"
        )
    return {reason: tuple(group) for reason, group in found.items()}
