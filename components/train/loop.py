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
from components.encoders.predict import cross_entropies, predict_logits
from components.encoders.rows import Rows
from components.encoders.weights import weights_of
from components.train.batches import batch_order
from components.train.config import TrainConfig
from components.train.curves import EventLog
from components.train.optimizer import build_schedule
from components.train.progress import Reporter

Array = np.ndarray[Any, Any]

CURVE_POINTS = 50
"""About how many points the loss curve has, whatever the number of steps."""


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
    real_tokens: int
    computed_tokens: int


def measure_dev(
    model: keras.Model, rows: Rows, batch_size: int, max_seq_length: int, step: int
) -> DevPoint:
    """Measures accuracy and mean cross-entropy on the dev rows."""
    logits = predict_logits(model, rows, batch_size, max_seq_length)
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
    """The state of one training: steps done, curves, the best weights so far."""

    def __init__(
        self,
        model: keras.Model,
        train_rows: Rows,
        dev_rows: Rows,
        config: TrainConfig,
        max_seq_length: int,
        log: EventLog,
    ) -> None:
        self._model, self._config, self._log = model, config, log
        self._train_rows, self._dev_rows = train_rows, dev_rows
        self._max_seq_length = max_seq_length
        self.step = 0
        self.loss = math.nan
        self.stop_reason = ""
        self.diverged = False
        self._dev_curve: list[DevPoint] = []
        self._curve: list[CurvePoint] = []
        self._best: DevPoint | None = None
        self._best_weights = weights_of(model)
        self._measured_since_best = 0
        self._real_tokens = self._computed_tokens = 0
        self._train_seconds = self._dev_seconds = 0.0

    @property
    def examples_per_second(self) -> float:
        """Rows trained a second so far, measurements on dev not counted."""
        return self.step * self._config.train_batch_size / max(self._train_seconds, 1e-9)

    def train_on(self, chosen: Array) -> None:
        """Does one optimizer step on the chosen rows."""
        started = time.monotonic()
        inputs = self._train_rows.inputs(chosen, self._max_seq_length)
        logs = self._model.train_on_batch(inputs, self._train_rows.labels[chosen], return_dict=True)
        self.loss = float(logs["loss"])  # the mean since the last `mark_curve`
        self._train_seconds += time.monotonic() - started
        self.step += 1
        self._real_tokens += int(inputs["attention_mask"].sum())
        self._computed_tokens += inputs["attention_mask"].size
        self._stop_unless_finite(self.loss, "the loss")

    def _stop_unless_finite(self, figure: float, name: str) -> None:
        if not math.isfinite(figure):
            self.stop_reason = f"{name} became {figure} at step {self.step}: lower learning_rate"
            self.diverged = True

    def mark_curve(self, learning_rate: float) -> None:
        """Adds the mean loss since the last mark to the curve."""
        if not math.isfinite(self.loss):
            return  # JSON has no NaN; stop_reason tells of it
        steps = self.step - (self._curve[-1].step if self._curve else 0)
        norms = self._model.optimizer.take_gradient_norms()
        gradient_norm, encoder_gradient_norm = (norm / steps for norm in norms)
        self._stop_unless_finite(gradient_norm, "the gradient")
        if self.stop_reason:
            return
        point = CurvePoint(
            step=self.step,
            loss=self.loss,
            learning_rate=learning_rate,
            gradient_norm=gradient_norm,
            encoder_gradient_norm=encoder_gradient_norm,
        )
        self._curve.append(point)
        self._log.write(
            self.step,
            {
                "train/loss": point.loss,
                "train/learning_rate": learning_rate,
                "train/gradient_norm": gradient_norm,
                "train/encoder_gradient_norm": encoder_gradient_norm,
            },
        )
        self._model.reset_metrics()

    def measure(self) -> str:
        """Measures dev, keeps the weights if they are the best, and may stop the training.

        Returns what was measured, in words.
        """
        started = time.monotonic()
        point = measure_dev(
            self._model,
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
    """Trains a compiled classifier for `total_steps` optimizer steps, or until it must stop."""
    training = Training(model, train_rows, dev_rows, config, max_seq_length, log)
    schedule = build_schedule(config, total_steps)
    marks = max(1, total_steps // CURVE_POINTS)
    measurements = steps_between_measurements(len(train_rows), config)
    order = batch_order(train_rows.lengths, config.train_batch_size, config.seed)
    for chosen in itertools.islice(order, total_steps):
        training.train_on(chosen)
        last = training.step == total_steps
        reporter.step(training.step, training.loss, training.examples_per_second)
        if training.step % marks == 0 or last:
            training.mark_curve(float(schedule(training.step - 1)))
        if not training.stop_reason and (training.step % measurements == 0 or last):
            reporter.say(training.measure())
        if training.stop_reason:
            reporter.say(f"stopped at step {training.step}: {training.stop_reason}")
            break
    return training.outcome()
