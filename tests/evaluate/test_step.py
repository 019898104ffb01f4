import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.artifacts.evaluation import PREDICTIONS, TEST_RESULTS, read_evaluation
from components.artifacts.model import read_model
from components.artifacts.tokens import read_tokens
from components.encoders.rows import Rows
from components.encoders.trained import load_classifier
from components.errors import InputError
from components.evaluate import latency, step
from components.evaluate.config import EvaluateConfig
from components.evaluate.step import evaluate
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.tokenize.step import tokenize
from components.train.config import TrainConfig
from components.train.step import train

CONFIG = EvaluateConfig(predict_batch_size=5, eval_batch_size=10)


@pytest.fixture(scope="module")
def model_folder(tokens_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluate") / "model"
    config = TrainConfig(train_batch_size=8, learning_rate=1e-3, num_train_epochs=2.0)
    train(tokens_folder, path, "scratch:albert-tiny", config)
    return path


@pytest.fixture(scope="module")
def evaluation_folder(tokens_folder: Path, model_folder: Path) -> Path:
    path = model_folder.parent / "evaluation"
    evaluate(tokens_folder, model_folder, path, CONFIG)
    return path


def test_metrics_agree_with_the_predictions(evaluation_folder: Path) -> None:
    evaluation = read_evaluation(evaluation_folder)
    for split, rows in (("dev", 32), ("test", 24)):
        found = evaluation.facts.metrics[split]
        predictions = evaluation.predictions.query("split == @split")
        assert len(predictions) == found.rows == rows
        assert found.accuracy == (predictions["label"] == predictions["predicted"]).mean()
        chosen = np.where(
            predictions["label"] == "positive",
            predictions["probability_positive"],
            predictions["probability_negative"],
        )
        assert found.eval_loss == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
        assert sum(map(sum, found.confusion_matrix)) == rows


def test_the_cost_of_predicting_is_measured(evaluation_folder: Path, model_folder: Path) -> None:
    cost = read_evaluation(evaluation_folder).facts.cost
    assert cost.weights_bytes == (model_folder / "weights.safetensors").stat().st_size
    assert cost.latency_rows == 32  # dev has no more
    assert 0 < cost.latency_p50_ms <= cost.latency_p95_ms


def test_timing_ends_when_enough_rows_took_long(
    tokens_folder: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "LONGEST_SECONDS", 0.0)
    model = load_classifier(read_model(model_folder))
    rows = read_tokens(tokens_folder).splits["dev"]
    found = latency.measure_latency(model, Rows(rows), 32)
    assert found.latency_rows == latency.FEWEST_ROWS == 10
    few = latency.measure_latency(model, Rows(rows.slice(0, 3)), 32)
    assert few.latency_rows == 3  # there are no more
    assert 0 < few.latency_p50_ms <= few.latency_p95_ms


def test_few_rows_at_a_time_where_there_are_many_labels(
    tokens_folder: Path, model_folder: Path, evaluation_folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(step, "CELLS_AT_ONCE", 20)  # of two labels: 10 rows
    evaluate(tokens_folder, model_folder, tmp_path / "evaluation", CONFIG)
    file = pq.ParquetFile(tmp_path / "evaluation" / PREDICTIONS)
    groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert groups == [10, 10, 10, 2, 10, 10, 4]
    found, whole = read_evaluation(tmp_path / "evaluation"), read_evaluation(evaluation_folder)
    exact = ["split", "row", "text_a", "text_b", "leaked", "label", "predicted"]
    assert found.predictions[exact].equals(whole.predictions[exact])
    for split, metrics in whole.facts.metrics.items():
        assert found.facts.metrics[split].confusion_matrix == metrics.confusion_matrix
        assert found.facts.metrics[split].loss == pytest.approx(metrics.loss, rel=1e-6)
    results = np.loadtxt(tmp_path / "evaluation" / TEST_RESULTS)
    np.testing.assert_allclose(results, np.loadtxt(evaluation_folder / TEST_RESULTS), rtol=1e-5)


def test_predictions_keep_rows_texts_and_order(evaluation_folder: Path) -> None:
    predictions = read_evaluation(evaluation_folder).predictions
    assert predictions.columns.tolist() == [
        "split", "row", "text_a", "text_b", "leaked", "label", "predicted",
        "probability_negative", "probability_positive",
    ]  # fmt: skip
    assert predictions["row"].tolist() == [*range(32), *range(24)]
    assert predictions["label"].tolist()[:3] == ["negative", "positive", "negative"]
    assert predictions["text_a"].str.contains("yes").tolist() == (
        (predictions["label"] == "positive").tolist()
    )


def test_dev_is_measured_as_training_measured_it(evaluation_folder: Path) -> None:
    facts = read_evaluation(evaluation_folder).facts
    best = next(p for p in facts.training.dev_curve if p.step == facts.training.best_step)
    assert facts.metrics["dev"].accuracy == best.accuracy
    assert facts.metrics["dev"].eval_loss == pytest.approx(best.eval_loss, rel=1e-5)


def test_test_results_have_the_originals_form(evaluation_folder: Path) -> None:
    lines = (evaluation_folder / TEST_RESULTS).read_text().splitlines()
    assert len(lines) == 24
    for line in lines:
        assert sum(map(float, line.split("\t"))) == pytest.approx(1.0, abs=1e-6)


def test_the_batch_size_changes_nothing(
    tokens_folder: Path, model_folder: Path, evaluation_folder: Path, tmp_path: Path
) -> None:
    other = dataclasses.replace(CONFIG, predict_batch_size=24)
    facts = evaluate(tokens_folder, model_folder, tmp_path / "evaluation", other)
    before = read_evaluation(evaluation_folder).facts
    assert facts.metrics["test"].eval_loss == pytest.approx(
        before.metrics["test"].eval_loss, rel=1e-5
    )


def test_a_test_file_without_labels_is_predicted_only(
    data_folder: Path, model_folder: Path, tokens_folder: Path, tmp_path: Path
) -> None:
    unlabelled = tmp_path / "unlabelled.csv"
    unlabelled.write_text("question,other\nred yes,blue\ncold no,green\n")
    task = TaskConfig(
        task="table", data=str(data_folder), test_data=str(unlabelled),
        text_a_column="question", text_b_column="other",
    )  # fmt: skip
    vocab = str(tokens_folder / "vocab.txt")
    tokenize(task, TokenizeConfig(vocab_file=vocab, max_seq_length=32), tmp_path / "tokens")
    facts = evaluate(tmp_path / "tokens", model_folder, tmp_path / "evaluation", CONFIG)
    assert facts.metrics.keys() == {"dev"}
    predictions = read_evaluation(tmp_path / "evaluation").predictions.query("split == 'test'")
    assert predictions["label"].isna().all()
    assert len(predictions) == 2
    assert len((tmp_path / "evaluation" / TEST_RESULTS).read_text().splitlines()) == 2


def test_tokens_of_another_vocabulary_are_refused(
    task: TaskConfig, model_folder: Path, tmp_path: Path
) -> None:
    letters = "".join(f"{c}\n##{c}\n" for c in "abcdefghijklmnopqrstuvwxyz")
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + letters)
    other = TokenizeConfig(vocab_file=str(tmp_path / "vocab.txt"))
    tokenize(task, other, tmp_path / "tokens")
    with pytest.raises(InputError, match="another vocabulary than the model was trained with"):
        evaluate(tmp_path / "tokens", model_folder, tmp_path / "evaluation", CONFIG)


def test_tokens_of_other_labels_are_refused(
    tokens_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.csv").write_text("text_a,label\nred yes,a\ncold no,b\n")
    task = TaskConfig(task="table", data=str(tmp_path))
    vocab = str(tokens_folder / "vocab.txt")
    tokenize(task, TokenizeConfig(vocab_file=vocab), tmp_path / "tokens")
    with pytest.raises(InputError, match="labels a, b, the model was trained for negative"):
        evaluate(tmp_path / "tokens", model_folder, tmp_path / "evaluation", CONFIG)


@pytest.mark.parametrize("name", ["predict_batch_size", "eval_batch_size"])
def test_a_bad_batch_size_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} must be at least 1, got 0"):
        EvaluateConfig(**{name: 0})
