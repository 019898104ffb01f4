"""What is asked of a child process that measures one peer, and what it answers."""

import itertools
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import msgspec

from benchmarks.speed.rows import LEAST_BATCHES, MEAN_TOKENS

PADDED_LENGTH = 128
"""Tokens to which the classic recipe pads every row."""

LEARNING_RATE = 5e-5
WEIGHT_DECAY = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What to measure.

    Attributes:
        encoder: Model argument of the encoder, e.g. `scratch:bert-base`.
        backend: What computes: `tensorflow`, `torch` or `jax`.
        precision: `float32`, or `bfloat16` for the products.
        compiled: Whether the peer's own compiler is asked for.
        batch_size: Rows of an optimizer step.
        warm_up_steps: First steps, which do not count; at least 1.
        steps: Steps that count.
        predict_rows: Rows to predict after the training; 0 for none.
        predict_batch_size: Rows of a forward pass.
        length: Tokens of every row; 0 for LCQMC's lengths.
        seed: Of rows, weights, dropout and order.
        began: When the process was started, in seconds since 1970.
    """

    encoder: str
    backend: str
    precision: str
    compiled: bool
    batch_size: int
    warm_up_steps: int
    steps: int
    predict_rows: int
    predict_batch_size: int
    length: int = 0
    seed: int = 42
    began: float = 0.0

    @property
    def all_steps(self) -> int:
        """Optimizer steps in all."""
        return self.warm_up_steps + self.steps

    @property
    def counted(self) -> slice:
        """The steps that count, of all from 0 on."""
        return slice(self.warm_up_steps, self.all_steps)

    @property
    def batches(self) -> int:
        """Batches of rows in an epoch, of which only `all_steps` are trained on."""
        return max(LEAST_BATCHES, self.all_steps)

    @property
    def rows(self) -> int:
        """Rows of an epoch."""
        return self.batches * self.batch_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How fast the steps were that count.

    Attributes:
        seconds: Seconds of each step, what lies between it and the one before included.
        tokens: Tokens of each step's rows, padding not counted.
        first_step_seconds: From the start of the process to the end of the first step; null where
            that is not known.
        peak_memory_bytes: Largest resident memory of the process up to the end of training.
        padding: Tokens computed by tokens of the rows: 1 without padding.
    """

    seconds: tuple[float, ...]
    tokens: tuple[float, ...]
    first_step_seconds: float | None
    peak_memory_bytes: int
    padding: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """How fast rows were predicted: in which precision, and rows a second."""

    precision: str
    rows_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a child process answers.

    Attributes:
        training: The steps that count.
        examples_per_second: Rows trained a second in all of them together.
        predictions: In one precision or several; none where none was asked for.
    """

    training: Training
    examples_per_second: float
    predictions: tuple[Prediction, ...] = ()


def training_of(
    case: Case, ends: Mapping[int, float], tokens: Mapping[int, float], padding: float
) -> Training:
    """Returns the figures of the steps after the warm-up.

    Args:
        case: What is measured.
        ends: When a step ended, in seconds since 1970, by the step's number from 1. Some may be
            missing: those in between then count as equal.
        tokens: Tokens of the rows of every step, by its number.
        padding: Tokens computed by tokens of the rows.
    """
    seconds, counts = [], []
    known = sorted(step for step in ends if step >= case.warm_up_steps)
    for before, step in itertools.pairwise(known):
        between = range(before + 1, step + 1)
        seconds += [(ends[step] - ends[before]) / len(between)] * len(between)
        counts += [sum(tokens[number] for number in between) / len(between)] * len(between)
    return Training(
        seconds=tuple(seconds),
        tokens=tuple(counts),
        first_step_seconds=ends[1] - case.began if 1 in ends else None,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        padding=padding,
    )


def padding_to_fixed_length(case: Case, tokens: Mapping[int, float]) -> float:
    """Returns the padding of steps, whose tokens are given, where every row is padded alike."""
    return PADDED_LENGTH * case.batch_size * len(tokens) / sum(tokens.values())


def measurement_of(
    case: Case, training: Training, predictions: Sequence[Prediction] = ()
) -> Measurement:
    """Returns the measurement of a peer."""
    return Measurement(
        training=training,
        examples_per_second=case.batch_size * len(training.seconds) / sum(training.seconds),
        predictions=tuple(predictions),
    )


def examples_per_second(case: Case, found: Measurement, *, is_padded: bool) -> tuple[float, float]:
    """Returns the rows trained a second in the median step, and in all steps together.

    Steps on rows as they are differ in their tokens: what counts is the tokens a second, given as
    rows of `MEAN_TOKENS`. Steps on rows of the same length all do the same work.
    """
    tokens, seconds = found.training.tokens, found.training.seconds
    if is_padded or case.length:
        return case.batch_size / median(seconds), found.examples_per_second
    tokens_per_second = median(count / time for count, time in zip(tokens, seconds, strict=True))
    mean_tokens = sum(tokens) / len(tokens) / case.batch_size
    return tokens_per_second / MEAN_TOKENS, found.examples_per_second * mean_tokens / MEAN_TOKENS


def answer(measure: Callable[[Case], Measurement]) -> None:
    """Measures the case that the command line gives as JSON and prints the measurement as JSON."""
    case = msgspec.json.decode(sys.argv[1], type=Case)
    print(msgspec.json.encode(measure(case)).decode())
