"""How far counting words gets: the test accuracy of bag-of-words logistic regressions.

A sentence-pair task that these solve does not need an encoder.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MaxAbsScaler

from components.errors import InputError
from components.flags import run_command
from components.tasks import TaskConfig, load_task

SEED = 42
Features = Callable[[pd.DataFrame], Any]


def bag_of_words_accuracies(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Returns the test accuracy of a majority guess and of a logistic regression on each bag."""
    majority = train["label"].mode()[0]
    accuracies = {"majority guess": float((test["label"] == majority).mean())}
    counter = CountVectorizer(analyzer="char", ngram_range=(1, 2), lowercase=False)
    counter.fit(pd.concat([train["text_a"], train["text_b"]]))
    bags: dict[str, Features] = {
        "counts of the pair": lambda rows: _side(counter, rows, "a") + _side(counter, rows, "b"),
        "counts of a, counts of b": lambda rows: sparse.hstack(
            [_side(counter, rows, "a"), _side(counter, rows, "b")]
        ),
        "differences, minima and overlap": lambda rows: _overlap_features(counter, rows),
    }
    for name, features in bags.items():
        accuracies[name] = _accuracy(features, train, test)
    return accuracies


def _accuracy(features: Features, train: pd.DataFrame, test: pd.DataFrame) -> float:
    scaler = MaxAbsScaler()
    model = LogisticRegression(max_iter=2000, random_state=SEED)
    model.fit(scaler.fit_transform(features(train)), train["label"].astype(str))
    return float(model.score(scaler.transform(features(test)), test["label"].astype(str)))


def _side(counter: CountVectorizer, rows: pd.DataFrame, side: str) -> Any:
    """Counts the characters and pairs of neighbours of one question: sparse [rows, n-grams]."""
    return counter.transform(rows[f"text_{side}"])


def _overlap_features(counter: CountVectorizer, rows: pd.DataFrame) -> Any:
    """Returns |a-b| and min(a,b) of every n-gram, the Jaccard index and the length difference."""
    a, b = _side(counter, rows, "a"), _side(counter, rows, "b")
    shared = a.minimum(b)
    jaccard = np.asarray(shared.sum(axis=1)) / np.asarray(a.maximum(b).sum(axis=1)).clip(min=1)
    lengths = rows["text_a"].str.len() - rows["text_b"].str.len()
    ratios = np.column_stack([jaccard.ravel(), lengths.abs()])
    return sparse.hstack([abs(a - b), shared, sparse.csr_matrix(ratios)])


def main(task: TaskConfig) -> None:
    """Prints how far counting words gets on the test rows of a task of sentence pairs.

    Example: `python benchmarks/bag_of_words.py --task lcqmc --data DIR --train-samples 2000`
    """
    data = load_task(task)
    if not data.facts.pair or not data.facts.splits.get("test"):
        raise InputError("bag_of_words needs sentence pairs and a test split")
    train, test = (data.splits[split] for split in ("train", "test"))
    print(f"test accuracy, {len(train)} train rows, {len(test)} test rows")
    for name, accuracy in bag_of_words_accuracies(train, test).items():
        print(f"{name:<34}{accuracy:.3f}")


if __name__ == "__main__":
    run_command(main)
