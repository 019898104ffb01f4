"""What others published of a model on the same task, and how their settings differ from ours."""

from collections.abc import Sequence

import numpy as np

from components.artifacts.facts import DataFacts
from components.compare.facts import PublishedFacts
from components.compare.runs import Run
from components.encoders.catalogue import MODELS, PublishedModel
from components.encoders.published import Result

FULL_ROWS = {
    "lcqmc": {"train": 238_766, "dev": 8_802, "test": 12_500},
    "xnli": {"train": 392_702, "dev": 2_490, "test": 5_010},
}
"""Rows of the whole data sets, on which the published figures were measured (Liu et al. 2018,
COLING, table 1; Conneau et al. 2018, arXiv 1809.05053)."""

PUBLISHED_RUNS = 10


def publications(runs: Sequence[Run]) -> tuple[PublishedFacts, ...]:
    """Returns the accuracies that others published of a model on the task of its runs.

    None unless the encoder is one of the catalogue and the task LCQMC or XNLI.
    """
    data = runs[0].facts.tokens.data
    model = _published_model(runs[0].facts.training.encoder)
    task = str(data.config.get("task", ""))
    if model is None or task not in FULL_ROWS:
        return ()
    return tuple(_beside(result, runs) for result in model.results if result.task == task)


def _published_model(encoder: str) -> PublishedModel | None:
    for model in MODELS.values():
        if encoder in (model.name, *(source.address for source in model.sources)):
            return model
    return None


def _beside(result: Result, runs: Sequence[Run]) -> PublishedFacts:
    measured = [r.facts.metrics[result.split] for r in runs if result.split in r.facts.metrics]
    return PublishedFacts(
        split=result.split,
        best=_share(result.max),
        mean=None if result.mean is None else _share(result.mean),
        source=result.source,
        measured=float(np.mean([metrics.accuracy for metrics in measured])) if measured else None,
        differences=_differences(result, runs),
    )


def _share(percent: float) -> float:
    return round(percent / 100, 6)  # 86.9 / 100 is 0.8690000000000001


def _differences(result: Result, runs: Sequence[Run]) -> tuple[str, ...]:
    data, training = runs[0].facts.tokens.data, runs[0].facts.training
    full = FULL_ROWS[result.task]
    found = []
    if training.train_examples != full["train"]:
        found.append(
            f"trained on {training.train_examples:,} rows here ({training.global_step:,} steps), "
            f"on {full['train']:,} there"
        )
    found += _measured_rows(data, result.split, full[result.split])
    if result.mean is not None and len(runs) != PUBLISHED_RUNS:
        runs_here = "one run" if len(runs) == 1 else f"{len(runs)} runs"
        found.append(f"{runs_here} here, {PUBLISHED_RUNS} there")
    return tuple(found)


def _measured_rows(data: DataFacts, split: str, full: int) -> list[str]:
    rows = data.splits[split].rows if split in data.splits else full
    return [f"measured on {rows:,} {split} rows here, on {full:,} there"] if rows != full else []
