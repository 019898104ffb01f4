"""As many labels as are allowed go through every step."""

import csv
from pathlib import Path

import pytest

from components.artifacts.folder import LARGEST_JSON_BYTES
from components.compare.step import compare, read_comparison
from components.evaluate.config import EvaluateConfig
from components.evaluate.step import evaluate
from components.tasks import TaskConfig
from components.tasks.kinds import MOST_LABELS
from components.tokenize.config import TokenizeConfig
from components.tokenize.step import tokenize
from components.train.config import TrainConfig
from components.train.step import train


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A row of each label in train and dev."""
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "dev"):
        with (folder / f"{split}.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["text_a", "label"])
            writer.writerows([f"word {n}", f"name-{n:03}"] for n in range(MOST_LABELS))
    return folder


@pytest.mark.slow
def test_the_most_labels_go_through_every_step(data: Path, tmp_path: Path) -> None:
    tokens, evaluations = tmp_path / "tokens", [tmp_path / "one", tmp_path / "two"]
    tokenize(TaskConfig(task="table", data=str(data)), TokenizeConfig(vocab_size=200), tokens)
    for seed, evaluation in enumerate(evaluations, start=1):
        config = TrainConfig(seed=seed, train_batch_size=100, num_train_epochs=0.2)
        train(tokens, tmp_path / f"model-{seed}", "scratch:bert-tiny", config)
        facts = evaluate(tokens, tmp_path / f"model-{seed}", evaluation, EvaluateConfig())
        assert len(facts.metrics["dev"].confusion_matrix) == MOST_LABELS
        assert sum(map(sum, facts.metrics["dev"].confusion_matrix)) == MOST_LABELS
    compare(evaluations, tmp_path / "comparison")
    (model,) = read_comparison(tmp_path / "comparison").models
    assert [run.seed for run in model.runs] == [1, 2]
    page = (tmp_path / "comparison" / "comparison.html").read_text()
    assert all(f"name-{n:03}" in page for n in range(MOST_LABELS))
    # An evaluation's facts lie in the comparison's: there is room for dozens of runs.
    for path in tmp_path.rglob("*.json"):
        assert path.stat().st_size < LARGEST_JSON_BYTES / 20, path
