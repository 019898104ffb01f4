"""The runs of a comparison: which belong to one model, and which of two models are paired."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from components.artifacts.facts import EvaluationFacts
from components.compare.statistics import Right
from components.errors import InputError

if TYPE_CHECKING:
    import pandas as pd  # loads slowly, and to show a report takes no table

DECISIVE_SPLITS = ("test", "dev")
"""Splits that may decide, the better first: dev was already used to choose checkpoints."""

VARIED = ("learning_rate", "seed")
"""The parameters of train in which the runs of one model differ."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: a training and its evaluation.

    Attributes:
        source: Where the evaluation was read from.
        facts: Metrics and all that led to them.
        predictions: `predictions.parquet`.
    """

    source: str
    facts: EvaluationFacts
    predictions: "pd.DataFrame"

    @property
    def learning_rate(self) -> float:
        """Peak step size of the training."""
        return float(self.facts.training.config["learning_rate"])

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return int(self.facts.training.config["seed"])

    def labelled_rows(self, split: str) -> "pd.DataFrame":
        """Returns the predictions of a split's rows that have a label, in the order of the rows."""
        chosen = (self.predictions["split"] == split) & self.predictions["label"].notna()
        return self.predictions[chosen].sort_values("row", ignore_index=True)

    def right(self, split: str) -> Right:
        """Tells for each labelled row of a split whether it was predicted right: bool [rows]."""
        rows = self.labelled_rows(split)
        return np.asarray(rows["predicted"] == rows["label"], dtype=np.bool_)

    def predicted_classes(self, split: str) -> npt.NDArray[np.int64]:
        """Returns the predicted class of each labelled row of a split: int64 [rows]."""
        return self._classes(split, "predicted")

    def true_classes(self, split: str) -> npt.NDArray[np.int64]:
        """Returns the true class of each labelled row of a split: int64 [rows]."""
        return self._classes(split, "label")

    def _classes(self, split: str, column: str) -> npt.NDArray[np.int64]:
        import pandas as pd

        labels = pd.CategoricalDtype(list(self.facts.tokens.data.labels))
        codes = self.labelled_rows(split)[column].astype(labels).cat.codes
        return np.asarray(codes, dtype=np.int64)


def measured_splits(run: Run) -> list[str]:
    """Names the splits with metrics, the one that decides first."""
    return [split for split in DECISIVE_SPLITS if split in run.facts.metrics]


def runs_by_model(runs: Sequence[Run]) -> list[list[Run]]:
    """Groups runs that differ in nothing but learning rate and seed, in the order they come.

    Raises:
        InputError: A run is there twice.
    """
    groups: dict[str, dict[tuple[float, int], Run]] = {}
    for run in runs:
        known = groups.setdefault(_model_of(run), {})
        if twin := known.get((run.learning_rate, run.seed)):
            raise InputError(
                f"{twin.source} and {run.source} are the same run: encoder "
                f"{run.facts.training.encoder!r}, learning_rate {run.learning_rate:g}, seed "
                f"{run.seed}; name each run once, or train one with another seed"
            )
        known[run.learning_rate, run.seed] = run
    return [list(group.values()) for group in groups.values()]


def _model_of(run: Run) -> str:
    """Returns what runs of one model have in common, as text."""
    training, tokens = run.facts.training, run.facts.tokens
    fixed = {name: value for name, value in training.config.items() if name not in VARIED}
    checkpoint = training.restored.digest if training.restored else ""
    same = (
        training.encoder, checkpoint, training.backend, fixed, tokens.data.config, tokens.config,
        tokens.vocab_sha256,
    )  # fmt: skip
    return json.dumps(same, sort_keys=True, default=str)


def paired(runs: Sequence[Run], others: Sequence[Run]) -> list[tuple[Run, Run]]:
    """Pairs the runs of two models by seed; where they share none, in the order of their seeds.

    A seed that only one of them has is left out, if they share another.
    """
    of_seed = {run.seed: run for run in others}
    if shared := [(run, of_seed[run.seed]) for run in runs if run.seed in of_seed]:
        return sorted(shared, key=lambda pair: pair[0].seed)
    ordered = (sorted(some, key=lambda run: run.seed) for some in (runs, others))
    return list(zip(*ordered, strict=False))
