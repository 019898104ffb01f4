"""Copying a checkpoint's weights into a Keras model, and the proof of it."""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from components.artifacts.facts import RestoredFacts
from components.encoders.checkpoints.checkpoint import Checkpoint, Tensors
from components.encoders.checkpoints.names import (
    Layout,
    left_over_reason,
    tensor_names,
    to_ours,
    without_prefix,
)
from components.errors import InputError

HEADS = ("classifier/", "pooled_norm/")
"""Parts that fine-tuning trains anew: a checkpoint's are not wanted."""

OPTIONAL = ("pooler/",)
"""Parts that some published files lack (masked-LM saves): initialised, and said so."""

_NEAREST = 5  # names shown beside each that is missing


def restore(
    model: keras.Model, checkpoint: Checkpoint, heads: tuple[str, ...] = HEADS
) -> RestoredFacts:
    """Sets the model's variables from a checkpoint; those of `heads` keep their initial values.

    Raises:
        InputError: The checkpoint lacks a variable, has it in another shape, holds one of an
            encoder that has no place in the model, or cannot be read.
    """
    layout, tensors = checkpoint.layout, checkpoint.open_tensors()
    names = without_prefix(layout, tensors.shapes)
    variables = {v.path: v for v in model.trainable_variables}
    encoder = [path for path in variables if not path.startswith(heads)]
    sources = {path: tensor_names(layout, path) for path in encoder}
    absent = [path for path in encoder if not names.keys() & set(sources[path])]
    initialised = [path for path in absent if path.startswith(OPTIONAL)]
    wanted = {path: sources[path] for path in encoder if path not in initialised}
    _check_all_there(checkpoint, names, wanted)
    used = {name for found in wanted.values() for name in found}
    left_over = _left_over(checkpoint, sorted(names.keys() - used))
    # The largest first: while it is copied, the least lies beside it.
    for path in sorted(wanted, key=lambda path: -math.prod(variables[path].shape)):
        theirs = {name: names[name] for name in wanted[path]}
        _assign(variables[path], path, layout, tensors, theirs, checkpoint)
    return RestoredFacts(
        format=layout.title,
        source=checkpoint.source,
        digest=checkpoint.digest(),
        restored=len(wanted),
        expected=len(encoder),
        tensors_used=len(used),
        tensors=len(names),
        initialised=tuple(initialised) + tuple(p for p in variables if p.startswith(heads)),
        left_over=left_over,
    )


def _check_all_there(
    checkpoint: Checkpoint, names: Mapping[str, str], wanted: Mapping[str, Sequence[str]]
) -> None:
    missing = [name for found in wanted.values() for name in found if name not in names]
    if not missing:
        return
    nearest = difflib.get_close_matches(missing[0], names, n=_NEAREST, cutoff=0.0)
    more = f" and {len(missing) - 1} more variables" if len(missing) > 1 else ""
    raise InputError(
        f"{checkpoint.folder} lacks {missing[0]}{more} of a {checkpoint.layout.title} encoder of "
        f"{checkpoint.config.num_hidden_layers} layers; the nearest names it has are "
        f"{', '.join(nearest)}; its config must be that of its weights"
    )


def _left_over(checkpoint: Checkpoint, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Groups the names that nothing takes by the reason why they may be left."""
    found: dict[str, tuple[str, ...]] = {}
    unexplained = []
    for name in names:
        if reason := left_over_reason(checkpoint.layout, name):
            found[reason] = (*found.get(reason, ()), name)
        else:
            unexplained.append(name)
    if unexplained:
        shown = ", ".join(unexplained[:_NEAREST])
        raise InputError(
            f"{checkpoint.folder} holds {len(unexplained)} variables of an encoder that "
            f"{checkpoint.layout.title} with {checkpoint.config.num_hidden_layers} layers does not "
            f"have: {shown}; it is another architecture, or its config is another model's"
        )
    return found


def _assign(
    variable: Any,
    path: str,
    layout: Layout,
    tensors: Tensors,
    theirs: Mapping[str, str],
    checkpoint: Checkpoint,
) -> None:
    """Reads the tensors of one variable, checks their shape and copies them."""
    value = to_ours(layout, path, {plain: tensors.read(name) for plain, name in theirs.items()})
    if value.shape != tuple(variable.shape):
        shapes = ", ".join(f"{name} {tensors.shapes[name]}" for name in theirs.values())
        raise InputError(
            f"{checkpoint.folder}: {shapes} should make {tuple(variable.shape)} by its config; "
            f"{_shape_advice(path)}"
        )
    variable.assign(value)


def _shape_advice(path: str) -> str:
    entry = {
        "embeddings/word/embeddings": "vocab_size",
        "embeddings/position/embeddings": "max_position_embeddings",
        "embeddings/token_type/embeddings": "type_vocab_size",
    }.get(path, "a size")
    return f"{entry} in the config is not that of the weights; use the checkpoint's own config"
