from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from components.evaluate import kubeflow
from components.train.config import TrainConfig
from components.train.step import train


@pytest.mark.parametrize(("most", "shown"), [(2, True), (1, False)])
def test_a_matrix_is_shown_that_can_be_read(
    tokens_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, shown: bool
) -> None:
    monkeypatch.setattr(kubeflow, "MOST_LABELS_SHOWN", most)
    train(tokens_folder, tmp_path / "model", "scratch:bert-tiny", TrainConfig(num_train_epochs=0.2))
    given: dict[str, Any] = {
        "tokens": dsl.Dataset(uri=str(tokens_folder)),
        "model": dsl.Model(uri=str(tmp_path / "model")),
        "evaluation": dsl.Artifact(uri=str(tmp_path / "evaluation")),
        "metrics": dsl.Metrics(uri=str(tmp_path / "metrics")),
        "confusion_matrix": dsl.ClassificationMetrics(uri=str(tmp_path / "matrix")),
        "predict_batch_size": 16,
        "eval_batch_size": 16,
    }
    kubeflow.run(given)
    assert ("confusionMatrix" in given["confusion_matrix"].metadata) == shown
    assert {"dev_accuracy", "test_macro_f1"} <= given["metrics"].metadata.keys()
    assert (tmp_path / "matrix").is_file()
