"""The evaluation folder: `metrics.json`, `predictions.parquet`, `test_results.tsv`.

`predictions.parquet` has one row for each row of dev and test, in file order: `split`, `row`
(0-based position in the source), `text_a`, `text_b` (null for single sentences), `leaked` (bool:
the texts, in either order, also occur in the train rows used), `label` (a label's name; null where
unknown), `predicted` (a label's name) and one column `probability_LABEL` (float32) for each label.
"""

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
    return f"probability_{label}"


def write_evaluation(path: Path, facts: EvaluationFacts, predictions: pd.DataFrame) -> None:
    """Writes an evaluation folder; `test_results.tsv` holds test's probabilities, as the original.

    Raises:
        InputError: `path` cannot be written or holds something else.
    """
    with new_folder(path, KIND) as folder:
        write_json(folder / METRICS, facts)
        pq.write_table(
            pa.Table.from_pandas(predictions, preserve_index=False), folder / PREDICTIONS
        )
        columns = [probability_column(label) for label in facts.tokens.data.labels]
        test = predictions.loc[predictions["split"] == "test", columns].to_numpy(np.float64)
        if len(test):
            np.savetxt(folder / TEST_RESULTS, test, fmt="%.9g", delimiter="\t")


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
