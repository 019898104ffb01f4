"""The training loop: optimizer steps, measurements on dev, the best weights kept."""

import itertools
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from components.artifacts.facts import CurvePoint, DevPoint
from components.encoders.forward import Forward, forward_of
from components.encoders.predict import cross_entropies, predict_logits
from components.encoders.rows import Rows
from components.encoders.weights import weights_of
from components.train.backends import Figures, Part, current_backend, figures_of
from components.train.batches import batch_order, parts_of
from components.train.config import TrainConfig
from components.train.curves import EventLog
from components.train.optimizer import Trainable, learning_rate, step_sizes
from components.train.progress import Reporter

Array = np.ndarray[Any, Any]

CURVE_POINTS = 50
"""About how many points the loss curve has, whatever the number of steps."""

WARM_UP_STEPS = 10
"""First steps that `steady_examples_per_second` leaves out: graphs are traced, memory is taken."""


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


def steps_between_measurements(examples: int, config: TrainConfig) -> int:
    """Returns `save_checkpoints_steps`, or the steps of an epoch where that is 0."""
    return config.save_checkpoints_steps or max(1, examples // config.train_batch_size)


class Training:
    """The state of one training: steps done, curves, the best weights so far.

    A step's figures are read when the next one was begun, so that a GPU never waits for that.
    """

    def __init__(
        self,
        model: keras.Model,
        train_rows: Rows,
        dev_rows: Rows,
        config: TrainConfig,
        max_seq_length: int,
        total_steps: int,
        log: EventLog,
    ) -> None:
        self._model, self._config, self._log = model, config, log
        self._forward = forward_of(model)
        trainable = Trainable.of(model.trainable_variables)
        self._stepper = current_backend().Stepper(model, trainable)
        self._train_rows, self._dev_rows = train_rows, dev_rows
        self._max_seq_length, self._total_steps = max_seq_length, total_steps
        self.step = 0
        self.stop_reason = ""
        self.diverged = False
        self._begun: Any = None
        self._since_mark: list[Figures] = []
        self._dev_curve: list[DevPoint] = []
        self._curve: list[CurvePoint] = []
        self._best: DevPoint | None = None
        self._best_weights = weights_of(model)
        self._measured_since_best = 0
        self._real_tokens = self._computed_tokens = 0
        self._train_seconds = self._dev_seconds = self._warm_up_seconds = 0.0

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
        """The same without the first `WARM_UP_STEPS`, where there are more."""
        if self.step <= WARM_UP_STEPS:
            return self.examples_per_second
        rows = (self.step - WARM_UP_STEPS) * self._config.train_batch_size
        return rows / max(self._train_seconds - self._warm_up_seconds, 1e-9)

    def train_on(self, chosen: Array) -> None:
        """Begins an optimizer step on the chosen rows, and reads the figures of the one before."""
        started = time.monotonic()
        parts = []
        for rows in parts_of(chosen, self._config.gradient_accumulation_steps):
            inputs = self._train_rows.inputs(rows, self._max_seq_length)
            parts.append(Part(inputs, self._train_rows.labels[rows]))
            self._real_tokens += int(inputs["attention_mask"].sum())
            self._computed_tokens += inputs["attention_mask"].size
        sizes = step_sizes(self._config, self.step, self._total_steps)
        begun = self._stepper.step(parts, sizes)
        self._read_figures()
        self._begun = begun
        self.step += 1
        self._train_seconds += time.monotonic() - started
        if self.step in (1, WARM_UP_STEPS):  # after the first there is a loss to tell
            self.finish_step()
        if self.step == WARM_UP_STEPS:
            self._warm_up_seconds = self._train_seconds

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
        """Adds the means of the steps since the last mark to the curve."""
        if self.stop_reason:
            return  # JSON has no NaN; stop_reason tells of it
        means = Figures(*np.mean(self._since_mark, axis=0).tolist())
        point = CurvePoint(
            step=self.step,
            learning_rate=learning_rate(self._config, self.step - 1, self._total_steps),
            **means._asdict(),
        )
        self._curve.append(point)
        self._since_mark = []
        scalars = {"learning_rate": point.learning_rate, **means._asdict()}
        self._log.write(self.step, {f"train/{name}": value for name, value in scalars.items()})

    def measure(self) -> str:
        """Measures dev, keeps the weights if they are the best, and may stop the training.

        Returns what was measured, in words.
        """
        self._stepper.sync()
        started = time.monotonic()
        point = measure_dev(
            self._forward,
            self._dev_rows,
            self._config.eval_batch_size,
            self._max_seq_length,
            self.step,
        )
        self._dev_seconds += time.monotonic() - started
        self._stop_unless_finite(point.eval_loss, "the loss on dev")
        if not self.stop_reason:
            self._take(point)
        return f"step {point.step}: dev accuracy {point.accuracy:.4f}, loss {point.eval_loss:.4f}"

    def _take(self, point: DevPoint) -> None:
        """Adds a measurement to the curve; the best one's weights are kept."""
        self._dev_curve.append(point)
        self._log.write(self.step, {"dev/accuracy": point.accuracy, "dev/loss": point.eval_loss})
        self._measured_since_best += 1
        if is_better(point, self._best):
            self._best, self._best_weights = point, weights_of(self._model)
            self._measured_since_best = 0
        patience = self._config.early_stopping_patience
        if patience and self._measured_since_best >= patience:
            self.stop_reason = f"early stopping: {patience} measurements in a row were no better"

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
        )


def fine_tune(
    model: keras.Model,
    train_rows: Rows,
    dev_rows: Rows,
    config: TrainConfig,
    max_seq_length: int,
    total_steps: int,
    reporter: Reporter,
    log: EventLog,
) -> Outcome:
    """Trains a classifier for `total_steps` optimizer steps, or until it must stop."""
    training = Training(model, train_rows, dev_rows, config, max_seq_length, total_steps, log)
    marks = max(1, total_steps // CURVE_POINTS)
    measurements = steps_between_measurements(len(train_rows), config)
    order = batch_order(train_rows.lengths, config.train_batch_size, config.seed)
    for chosen in itertools.islice(order, total_steps):
        training.train_on(chosen)
        last = training.step == total_steps
        marked, measured = (last or training.step % every == 0 for every in (marks, measurements))
        if marked or measured:
            training.finish_step()
        reporter.step(training.step, training.loss, training.examples_per_second)
        if marked:
            training.mark_curve()
        if measured and not training.stop_reason:
            reporter.say(training.measure())
        if training.stop_reason:
            reporter.say(f"stopped at step {training.step}: {training.stop_reason}")
            break
    return training.outcome()
