"""The training loop: optimizer steps, measurements on dev, the best weights kept."""

import math
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

import keras
import numpy as np

from components.artifacts.checkpoint import Arrays, History, State
from components.artifacts.facts import CurvePoint, DevPoint
from components.encoders.forward import Forward, forward_of
from components.encoders.predict import cross_entropies, predict_logits
from components.encoders.predict_batch import memory_for
from components.encoders.rows import Rows
from components.encoders.weights import assign_weights, weights_of
from components.train.backends import Figures, Part, current_backend, figures_of
from components.train.batches import batch_order, parts_of
from components.train.checkpoints import Checkpoints, Found, Saving
from components.train.config import TrainConfig
from components.train.curves import EventLog
from components.train.nodes import several_nodes
from components.train.optimizer import Trainable, learning_rate, step_sizes
from components.train.progress import Reporter
from components.train.stopping import SAID, STOPPED, Stopping, told_to_stop

Array = np.ndarray[Any, Any]

CURVE_POINTS = 50
"""About how many points the loss curve has, whatever the number of steps."""

WARM_UP_STEPS = 10
"""First steps that `steady_examples_per_second` leaves out: graphs are traced, memory is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a training is done with.

    Attributes:
        model: The classifier, with its first weights.
        train_rows: Rows to train on.
        dev_rows: Rows to measure on.
        config: How to train.
        max_seq_length: Longest row that tokenize allowed.
        total_steps: Optimizer steps, unless it must stop before.
        started: When it began by `time.monotonic`; earlier by what it took before it was resumed.
    """

    model: keras.Model
    train_rows: Rows
    dev_rows: Rows
    config: TrainConfig
    max_seq_length: int
    total_steps: int
    started: float

    @property
    def steps_between_marks(self) -> int:
        """Steps between two points of the loss curve."""
        return max(1, self.total_steps // CURVE_POINTS)

    @property
    def steps_between_measurements(self) -> int:
        """Returns `save_checkpoints_steps`, or the steps of an epoch where that is 0."""
        epoch = max(1, len(self.train_rows) // self.config.train_batch_size)
        return self.config.save_checkpoints_steps or epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a training came to; the fields are those of `TrainingFacts`, and the weights."""

    weights: Mapping[str, Array]
    global_step: int
    best_step: int
    stop_reason: str
    diverged: bool
    curve: tuple[CurvePoint, ...]
    dev_curve: tuple[DevPoint, ...]
    train_seconds: float
    dev_seconds: float
    examples_per_second: float
    steady_examples_per_second: float
    real_tokens: int
    computed_tokens: int
    resumed_at: tuple[int, ...]


def measure_dev(
    forward: Forward, rows: Rows, batch_size: int, max_seq_length: int, step: int
) -> DevPoint:
    """Measures accuracy and mean cross-entropy on the dev rows."""
    logits = predict_logits(forward, rows, batch_size, max_seq_length)
    return DevPoint(
        step=step,
        accuracy=float((logits.argmax(axis=1) == rows.labels).mean()),
        eval_loss=float(cross_entropies(logits, rows.labels).mean()),
    )


def is_better(new: DevPoint, best: DevPoint | None) -> bool:
    """Tells whether a measurement beats the best so far: accuracy first, then the lower loss."""
    if best is None:
        return True
    return (new.accuracy, -new.eval_loss) > (best.accuracy, -best.eval_loss)


class Training:
    """The state of one training: steps done, curves, the best weights so far.

    A step's figures are read when the next one was begun, so that a GPU never waits for that.
    """

    def __init__(self, setup: Setup, log: EventLog, found: Found | None = None) -> None:
        """Begins a training, or goes on from a checkpoint that was found."""
        self._setup, self._config, self._log = setup, setup.config, log
        self._model = setup.model
        self._forward = forward_of(setup.model)
        self._trainable = Trainable.of(setup.model.trainable_variables)
        self.step = 0
        self.stop_reason = ""
        self.diverged = False
        self._begun: Any = None
        self._since_mark: list[Figures] = []
        self._dev_curve: list[DevPoint] = []
        self._curve: list[CurvePoint] = []
        self._best: DevPoint | None = None
        self._best_weights: Arrays = weights_of(setup.model)
        self._measured_since_best = 0
        self._real_tokens = self._computed_tokens = 0
        self._train_seconds = self._dev_seconds = self._warm_up_seconds = 0.0
        self._warm_up_steps = 0
        self._resumed_at: tuple[int, ...] = ()
        if found:
            self._set_state(found.state())
            self._set_history(found)
        self._steps_here, self._train_seconds_before = 0, self._train_seconds
        self._stepper = current_backend().Stepper(setup.model, self._trainable)

    @property
    def loss(self) -> float:
        """Mean loss of the steps read since the last `mark_curve`; of those before, if none was."""
        read = [figures.loss for figures in self._since_mark]
        return float(np.mean(read or [point.loss for point in self._curve[-1:]]))

    @property
    def examples_per_second(self) -> float:
        """Rows trained a second so far, measurements on dev not counted."""
        return self.step * self._config.train_batch_size / max(self._train_seconds, 1e-9)

    @property
    def steady_examples_per_second(self) -> float:
        """The same without the first `WARM_UP_STEPS` of each process, where there are more."""
        if self.step <= self._warm_up_steps:
            return self.examples_per_second
        rows = (self.step - self._warm_up_steps) * self._config.train_batch_size
        return rows / max(self._train_seconds - self._warm_up_seconds, 1e-9)

    def train_on(self, chosen: Array) -> None:
        """Begins an optimizer step on the chosen rows, and reads the figures of the one before."""
        started = time.monotonic()
        parts = []
        for rows in parts_of(chosen, self._config.gradient_accumulation_steps):
            inputs = self._setup.train_rows.inputs(rows, self._setup.max_seq_length)
            parts.append(Part(inputs, self._setup.train_rows.labels[rows]))
            self._real_tokens += int(inputs["attention_mask"].sum())
            self._computed_tokens += inputs["attention_mask"].size
        sizes = step_sizes(self._config, self.step, self._setup.total_steps)
        begun = self._stepper.step(parts, sizes)
        self._read_figures()
        self._begun = begun
        self.step += 1
        self._steps_here += 1
        self._train_seconds += time.monotonic() - started
        if self._steps_here in (1, WARM_UP_STEPS):  # after the first there is a loss to tell
            self.finish_step()
        if self._steps_here == WARM_UP_STEPS:
            self._warm_up_steps += WARM_UP_STEPS
            self._warm_up_seconds += self._train_seconds - self._train_seconds_before

    def finish_step(self) -> None:
        """Waits for the step that was begun, and reads its figures."""
        started = time.monotonic()
        self._read_figures()
        self._train_seconds += time.monotonic() - started

    def _read_figures(self) -> None:
        if self._begun is None:
            return
        figures, self._begun = figures_of(self._begun), None
        self._since_mark.append(figures)
        self._stop_unless_finite(figures.loss, "the loss")
        self._stop_unless_finite(figures.gradient_norm, "the gradient")

    def _stop_unless_finite(self, figure: float, name: str) -> None:
        if not math.isfinite(figure) and not self.stop_reason:
            self.stop_reason = f"{name} became {figure} at step {self.step}: lower learning_rate"
            self.diverged = True

    def mark_curve(self) -> None:
        """Adds the means of the steps since the last mark to the curve, where it wants a point."""
        last = self.step == self._setup.total_steps
        if not last and self.step % self._setup.steps_between_marks:
            return
        self.finish_step()
        if self.stop_reason:
            return  # JSON has no NaN; stop_reason tells of it
        means = Figures(*np.mean(self._since_mark, axis=0).tolist())
        point = CurvePoint(
            step=self.step,
            learning_rate=learning_rate(self._config, self.step - 1, self._setup.total_steps),
            **means._asdict(),
        )
        self._curve.append(point)
        self._since_mark = []
        scalars = {"learning_rate": point.learning_rate, **means._asdict()}
        self._log.write(self.step, {f"train/{name}": value for name, value in scalars.items()})

    @property
    def measurement_due(self) -> bool:
        """Whether dev is to be measured at this step, and was not yet."""
        if not self.step or self.stop_reason or self.step in (p.step for p in self._dev_curve[-1:]):
            return False
        last = self.step == self._setup.total_steps
        return last or self.step % self._setup.steps_between_measurements == 0

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do."""
        last = self.step == self._setup.total_steps
        return bool(self.stop_reason) or (last and not self.measurement_due)

    def measured(self) -> DevPoint:
        """Measures dev; changes nothing."""
        started = time.monotonic()
        size = self._config.predict_batch_size
        with memory_for(size):
            point = measure_dev(
                self._forward, self._setup.dev_rows, size, self._setup.max_seq_length, self.step
            )
        self._dev_seconds += time.monotonic() - started
        return point

    def take(self, point: DevPoint) -> str:
        """Takes a measurement: keeps the weights if they are the best, and may stop the training.

        Returns what was measured, in words.
        """
        self._stop_unless_finite(point.eval_loss, "the loss on dev")
        if not self.stop_reason:
            self._add(point)
        return f"step {point.step}: dev accuracy {point.accuracy:.4f}, loss {point.eval_loss:.4f}"

    def _add(self, point: DevPoint) -> None:
        self._dev_curve.append(point)
        self._log.write(self.step, {"dev/accuracy": point.accuracy, "dev/loss": point.eval_loss})
        self._measured_since_best += 1
        if is_better(point, self._best):
            self._best, self._best_weights = point, weights_of(self._model)
            self._measured_since_best = 0
        self._stop_without_patience()

    def _stop_without_patience(self) -> None:
        patience = self._config.early_stopping_patience
        if patience and self._measured_since_best >= patience:
            self.stop_reason = f"early stopping: {patience} measurements in a row were no better"

    def settle(self) -> None:
        """Lets the model hold what the steps so far made of it."""
        self.finish_step()
        self._stepper.sync()

    def state(self) -> State:
        """Returns copies of the arrays that go on changing."""
        self.settle()
        moved = self._trainable
        paths = [variable.path for variable in moved.variables]
        weights, first, second = (
            dict(zip(paths, map(keras.ops.convert_to_numpy, variables), strict=True))
            for variables in (moved.variables, moved.first, moved.second)
        )
        return State(weights, first, second, current_backend().random_state(self._model))

    def _set_state(self, state: State) -> None:
        assign_weights(self._model, state.weights)
        moved = self._trainable
        for moments, values in (
            (moved.first, state.first_moments), (moved.second, state.second_moments),
        ):  # fmt: skip
            for variable, moment in zip(moved.variables, moments, strict=True):
                moment.assign(values[variable.path])
        current_backend().set_random_state(self._model, state.random)

    def history(self) -> History:
        """Returns what it came to so far; `_set_history` is its reverse."""
        return History(
            step=self.step,
            curve=tuple(self._curve),
            dev_curve=tuple(self._dev_curve),
            since_mark=tuple((*figures,) for figures in self._since_mark),
            best=self._best,
            measured_since_best=self._measured_since_best,
            real_tokens=self._real_tokens,
            computed_tokens=self._computed_tokens,
            seconds=time.monotonic() - self._setup.started,
            train_seconds=self._train_seconds,
            dev_seconds=self._dev_seconds,
            warm_up_steps=self._warm_up_steps,
            warm_up_seconds=self._warm_up_seconds,
            resumed_at=self._resumed_at,
        )

    def _set_history(self, found: Found) -> None:
        history = found.history
        self.step = history.step
        self._curve, self._dev_curve = list(history.curve), list(history.dev_curve)
        self._since_mark = [Figures(*figures) for figures in history.since_mark]
        self._best, self._measured_since_best = history.best, history.measured_since_best
        if self._best:
            self._best_weights = found.best_weights()
        self._real_tokens, self._computed_tokens = history.real_tokens, history.computed_tokens
        self._train_seconds, self._dev_seconds = history.train_seconds, history.dev_seconds
        self._warm_up_steps = history.warm_up_steps
        self._warm_up_seconds = history.warm_up_seconds
        self._resumed_at = (*history.resumed_at, history.step)
        self._stop_without_patience()

    @property
    def best_of_before(self) -> Arrays | None:
        """The weights that did best on dev, where those are of an earlier step."""
        before = self._best and self._best.step != self.step
        return self._best_weights if before else None

    def outcome(self) -> Outcome:
        """Returns what the training came to."""
        return Outcome(
            weights=self._best_weights,
            global_step=self.step,
            best_step=self._best.step if self._best else 0,
            stop_reason=self.stop_reason,
            diverged=self.diverged,
            curve=tuple(self._curve),
            dev_curve=tuple(self._dev_curve),
            train_seconds=self._train_seconds,
            dev_seconds=self._dev_seconds,
            examples_per_second=self.examples_per_second,
            steady_examples_per_second=self.steady_examples_per_second,
            real_tokens=self._real_tokens,
            computed_tokens=self._computed_tokens,
            resumed_at=self._resumed_at,
        )


def fine_tune(
    setup: Setup,
    reporter: Reporter,
    log: EventLog,
    checkpoints: Checkpoints | None = None,
    found: Found | None = None,
) -> Outcome:
    """Trains a classifier for `total_steps` optimizer steps, or until it must stop.

    Args:
        setup: What it is done with.
        reporter: Is told of its progress.
        log: Takes its curves.
        checkpoints: Where it is saved, at every measurement and when it is told to stop.
        found: The checkpoint to go on from.

    Raises:
        SystemExit: Somebody stopped it, and it was saved.
    """
    training = Training(setup, log, found)
    config = setup.config
    batches = batch_order(setup.train_rows.lengths, config.train_batch_size, config.seed)
    remaining = islice(batches, training.step, None)
    # Of several nodes each would stop at a step of its own: there the last checkpoint counts.
    heeding = told_to_stop() if checkpoints and not several_nodes() else nullcontext(Stopping())
    with heeding as stopping:
        if training.measurement_due:  # it was stopped in this one
            _measure(training, stopping, checkpoints, reporter, log)
        while not training.ended:
            if checkpoints and stopping:
                _leave(training, stopping, checkpoints, log)
            training.train_on(next(remaining))
            if training.measurement_due:
                training.finish_step()
            if not stopping:  # who reads along may be gone already
                reporter.step(training.step, training.loss, training.examples_per_second)
            training.mark_curve()
            if training.measurement_due:
                _measure(training, stopping, checkpoints, reporter, log)
    if training.stop_reason:
        reporter.say(f"stopped at step {training.step}: {training.stop_reason}")
    return training.outcome()


def _measure(
    training: Training,
    stopping: Stopping,
    checkpoints: Checkpoints | None,
    reporter: Reporter,
    log: EventLog,
) -> None:
    """Measures dev and saves the training: its arrays are written while dev is measured."""
    with _saving(training, checkpoints) as saving:
        point = stopping.unless_told(training.measured)
        if point:
            reporter.say(training.take(point))
        if saving and not training.diverged:
            saving.complete(training.history(), training.best_of_before, log.folder)


def _saving(
    training: Training, checkpoints: Checkpoints | None
) -> AbstractContextManager[Saving | None]:
    """Begins a checkpoint; without a place for it the arrays are not even copied."""
    if not checkpoints:
        training.settle()
        return nullcontext()
    checkpoints.wait()  # before there is one more copy of the arrays
    return checkpoints.saving(training.state(), training.step)


def _leave(
    training: Training, stopping: Stopping, checkpoints: Checkpoints, log: EventLog
) -> NoReturn:
    """Saves the training, unless that was just done, and ends the process."""
    checkpoints.wait()
    if checkpoints.saved_step != training.step:
        with checkpoints.saving(training.state(), training.step) as saving:
            if not training.diverged:
                saving.complete(training.history(), training.best_of_before, log.folder)
        checkpoints.wait()
    where = f"its checkpoint lies at {checkpoints.shown}: the same command goes on from there"
    if checkpoints.saved_step != training.step:
        where = "no checkpoint of it could be written"
    told = f"{SAID}{stopping.signal_name} at step {training.step}; {where}"
    with suppress(BrokenPipeError):
        print(told, file=sys.stderr, flush=True)
    raise SystemExit(STOPPED)
