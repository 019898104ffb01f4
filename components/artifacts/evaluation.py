"""The evaluation folder: `metrics.json`, `predictions.parquet`, `test_results.tsv`.

`predictions.parquet` has one row for each row of dev and test, in file order: `split`, `row`
(0-based position in the source), `text_a`, `text_b` (null for single sentences), `leaked` (bool:
the texts, in either order, also occur in the train rows used), `label` (a label's name; null where
unknown), `predicted` (a label's name) and one column `probability_LABEL` (float32) for each label.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.artifacts.facts import EvaluationFacts
from components.artifacts.folder import new_folder, open_folder, read_json, write_json

KIND = "evaluation"
METRICS = "metrics.json"
PREDICTIONS = "predictions.parquet"
TEST_RESULTS = "test_results.tsv"
PROBABILITY = "probability_"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation folder, read.

    Attributes:
        facts: Metrics and all that led to them.
        predictions: `predictions.parquet`.
    """

    facts: EvaluationFacts
    predictions: pd.DataFrame


def probability_column(label: str) -> str:
    """Names the column of `predictions.parquet` with the probability of `label`."""
    return f"{PROBABILITY}{label}"


def predictions_schema(labels: Sequence[str]) -> pa.Schema:
    """Returns the columns of `predictions.parquet` for these labels."""
    texts = [(name, pa.string()) for name in ("text_a", "text_b")]
    named = [(name, pa.string()) for name in ("label", "predicted")]
    probabilities = [(probability_column(label), pa.float32()) for label in labels]
    first = [("split", pa.string()), ("row", pa.int64())]
    return pa.schema([*first, *texts, ("leaked", pa.bool_()), *named, *probabilities])


class NewEvaluation:
    """An evaluation folder that is being written."""

    def __init__(self, folder: Path, writer: pq.ParquetWriter) -> None:
        self._folder, self._writer = folder, writer

    def write_predictions(self, table: pa.Table) -> None:
        """Adds rows of `predictions.parquet`, all of one split.

        `test_results.tsv` holds test's probabilities, as the original writes them.
        """
        self._writer.write_table(table)
        if table["split"][0].as_py() == "test":
            columns = [name for name in table.column_names if name.startswith(PROBABILITY)]
            shares = np.column_stack([table[name].to_numpy() for name in columns])
            with (self._folder / TEST_RESULTS).open("a") as file:
                np.savetxt(file, shares.astype(np.float64), fmt="%.9g", delimiter="\t")

    def write_facts(self, facts: EvaluationFacts) -> None:
        """Writes `metrics.json`."""
        write_json(self._folder / METRICS, facts)


@contextmanager
def new_evaluation(path: Path, labels: Sequence[str]) -> Iterator[NewEvaluation]:
    """Gives the evaluation folder that becomes `path` on success.

    Raises:
        InputError: `path` cannot be written or holds something else.
    """
    schema = predictions_schema(labels)
    with new_folder(path, KIND) as folder, pq.ParquetWriter(folder / PREDICTIONS, schema) as writer:
        yield NewEvaluation(folder, writer)


def read_evaluation(path: Path) -> Evaluation:
    """Reads an evaluation folder.

    Raises:
        InputError: It is not a whole evaluation folder.
    """
    folder = open_folder(path, KIND)
    return Evaluation(
        facts=read_json(folder / METRICS, EvaluationFacts),
        predictions=pq.read_table(folder / PREDICTIONS).to_pandas(),
    )
