import csv
import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.artifacts.evaluation import read_evaluation
from components.artifacts.folder import read_json, sha256_of, write_json
from components.errors import InputError
from components.evaluate.config import EvaluateConfig
from components.evaluate.step import evaluate
from components.predict.config import PredictConfig
from components.predict.step import predict
from components.train.config import TrainConfig
from components.train.step import train

PAIR = PredictConfig(text_a_column="question", text_b_column="other")
ROWS = [("red yes", "blue"), ("cold no", "warm green"), ("small", "large round flat old")]
ADDED = ["predicted", "probability_negative", "probability_positive"]


@pytest.fixture(scope="module")
def trained_folder(tokens_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("predict") / "model"
    config = TrainConfig(train_batch_size=8, learning_rate=1e-3, num_train_epochs=1.0)
    train(tokens_folder, path, "scratch:albert-tiny", config)
    return path


@pytest.fixture(scope="module")
def model_folder(random_model: Callable[..., Path]) -> Path:
    return random_model("bert")


def write_texts(path: Path, **more: Any) -> Path:
    """Writes ROWS as question and other, and further columns, in the format of the suffix."""
    frame = pd.DataFrame(ROWS, columns=["question", "other"]).assign(**more)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    elif path.suffix in (".json", ".jsonl"):
        path.write_text(frame.to_json(orient="records", lines=True))
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def read_predictions(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.DataFrame(pq.read_table(path).to_pandas())
    if path.suffix in (".json", ".jsonl"):
        return pd.DataFrame(list(map(json.loads, path.read_text().splitlines())))
    return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")


def test_test_rows_are_predicted_as_evaluate_did(
    data_folder: Path, tokens_folder: Path, trained_folder: Path, tmp_path: Path
) -> None:
    config = EvaluateConfig()
    evaluate(tokens_folder, trained_folder, tmp_path / "evaluation", config)
    expected = read_evaluation(tmp_path / "evaluation").predictions.query("split == 'test'")
    path = predict(trained_folder, data_folder / "test.csv", tmp_path / "out.parquet", PAIR)
    found = read_predictions(path)
    given = pd.read_csv(data_folder / "test.csv")
    assert found.columns.tolist() == ["question", "other", "label", *ADDED]
    pd.testing.assert_frame_equal(found[given.columns.tolist()], given, check_dtype=False)
    assert len(found) == 24
    for column in ADDED:
        assert found[column].tolist() == expected[column].tolist()
    assert found["probability_positive"].dtype == np.float32
    assert found["probability_positive"].nunique() > 12, "equal rows would not show their order"


SUFFIXES = [".csv", ".tsv", ".json", ".jsonl", ".parquet"]


@pytest.mark.parametrize("read", SUFFIXES)
def test_every_format_is_read_and_written(model_folder: Path, tmp_path: Path, read: str) -> None:
    file = write_texts(tmp_path / f"texts{read}", id=[7, 8, 9])
    expected = None
    for written in SUFFIXES:
        path = predict(model_folder, file, tmp_path / f"out{written}", PAIR)
        found = read_predictions(path)
        assert found.columns.tolist() == ["question", "other", "id", *ADDED]
        assert list(zip(found["question"], found["other"], strict=True)) == ROWS
        assert found["id"].astype(int).tolist() == [7, 8, 9]
        assert found[ADDED[1:]].sum(axis=1).tolist() == pytest.approx([1.0] * 3)
        expected = found if expected is None else expected
        assert found["predicted"].tolist() == expected["predicted"].tolist()
        np.testing.assert_allclose(
            found["probability_negative"], expected["probability_negative"], rtol=0, atol=1e-7
        )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_predictions_lie_beside_the_file_by_default(
    model_folder: Path, tmp_path: Path, suffix: str
) -> None:
    file = write_texts(tmp_path / f"texts{suffix}")
    assert predict(model_folder, file, None, PAIR) == tmp_path / f"texts.predictions{suffix}"
    first = (tmp_path / f"texts.predictions{suffix}").read_bytes()
    predict(model_folder, file, None, PAIR)  # predictions may replace predictions
    assert (tmp_path / f"texts.predictions{suffix}").read_bytes() == first
    assert len(list(tmp_path.iterdir())) == 2


def test_a_model_of_single_texts(random_model: Callable[..., Path], tmp_path: Path) -> None:
    model = random_model("albert_zh-pre-LN", pair=False, labels=("a", "b", "c"))
    file = write_texts(tmp_path / "texts.csv")
    found = read_predictions(predict(model, file, None, PredictConfig(text_a_column="question")))
    assert found.columns.tolist()[2:] == [
        "predicted", "probability_a", "probability_b", "probability_c",
    ]  # fmt: skip
    assert len(found) == 3


def test_values_of_other_kinds_are_kept(model_folder: Path, tmp_path: Path) -> None:
    days = [datetime.date(2020, 1, 2), None, datetime.date(2021, 3, 4)]
    nested = [{"x": [1, 2]}, {"x": []}, None]
    file = write_texts(tmp_path / "texts.parquet", day=days, nested=nested, yes=[True, False, True])
    table = pq.read_table(predict(model_folder, file, None, PAIR))
    assert table.select(["question", "other", "day", "nested", "yes"]).cast(
        pq.read_schema(file).remove_metadata()
    ) == pq.read_table(file).replace_schema_metadata(None)
    path = predict(model_folder, file, tmp_path / "out.csv", PAIR)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["day"] for row in rows] == ["2020-01-02", "", "2021-03-04"]
    assert [row["nested"] for row in rows] == ['{"x":[1,2]}', '{"x":[]}', ""]
    assert [row["yes"] for row in rows] == ["true", "false", "true"]


def test_json_lines_may_differ_in_their_keys(model_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text(
        '{"question": "red", "other": "blue", "id": 1}\n'
        '{"id": "two", "other": "cold", "question": "warm"}\n{"question": "a", "other": "b"}\n'
    )
    lines = predict(model_folder, file, None, PAIR).read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [1, "two", None]
    with pytest.raises(InputError, match=r"column 'id' holds values that Parquet cannot.*\.jsonl"):
        predict(model_folder, file, tmp_path / "out.parquet", PAIR)
    assert not (tmp_path / "out.parquet").exists()


def test_a_line_break_does_not_fit_into_tsv(model_folder: Path, tmp_path: Path) -> None:
    file = write_texts(tmp_path / "texts.csv", note=["a", "b", "c\nd"])
    with pytest.raises(InputError, match="row 3: column 'note' holds a tab or line break"):
        predict(model_folder, file, tmp_path / "out.tsv", PAIR)


@pytest.mark.parametrize(
    ("pair", "config", "message"),
    [
        (True, PredictConfig(text_a_column="question"),
         "trained on pairs of texts: name the column of the second one with --text-b-column"),
        (False, PAIR, "trained on single texts: leave out --text-b-column other"),
    ],
    ids=["one-text-for-a-pair", "a-pair-for-one-text"],
)  # fmt: skip
def test_the_number_of_texts_must_be_the_models(
    random_model: Callable[..., Path],
    tmp_path: Path,
    pair: bool,
    config: PredictConfig,
    message: str,
) -> None:
    file = write_texts(tmp_path / "texts.csv")
    with pytest.raises(InputError, match=message):
        predict(random_model("bert", pair=pair), file, None, config)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("question,other\na,b\n ,c\n", "a.csv", r"a\.csv line 3: question is empty \(1 such rows"),
        ("question,othr\na,b\n", "a.csv", "has no column 'other'; .*did you mean 'othr'"),
        ("question,other\n", "a.csv", "has a header and no rows"),
        ("", "a.csv", r"a\.csv is empty"),
        ("question,other\na,b\n", "a.txt", r"ends in '\.txt', expected \.csv, \.tsv, \.json"),
        ("question,other,predicted\na,b,c\n", "a.csv", "has a column 'predicted' already; rename"),
        ("question,other,x,x\na,b,c,d\n", "a.csv", "several columns called 'x'"),
        ('{"question": 1, "other": "b"}\n', "a.jsonl", "'question' holds int 1, expected text"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_scored_is_refused(
    model_folder: Path, tmp_path: Path, content: str, name: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        predict(model_folder, tmp_path / name, tmp_path / "out.csv", PAIR)
    assert not (tmp_path / "out.csv").exists()


def test_a_missing_file_and_a_folder_are_refused(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv does not exist"):
        predict(model_folder, tmp_path / "none.csv", None, PAIR)
    with pytest.raises(InputError, match="is a folder; name a file"):
        predict(model_folder, tmp_path, None, PAIR)


def test_an_output_that_would_lose_something_is_refused(model_folder: Path, tmp_path: Path) -> None:
    file = write_texts(tmp_path / "texts.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    for name, message in [
        ("texts.csv", r"texts\.csv exists and holds no predictions; it would be lost"),
        ("cut.parquet", r"cut\.parquet exists and holds no predictions"),
        ("folder.csv", r"folder\.csv is a folder; name a file in it"),
        ("out.xlsx", r"ends in '\.xlsx', expected \.csv, \.tsv, \.json, \.jsonl, \.parquet"),
    ]:
        with pytest.raises(InputError, match=message):
            predict(model_folder, file, tmp_path / name, PAIR)
    assert read_predictions(file)["question"].tolist() == [question for question, _ in ROWS]


def test_a_diverged_model_is_refused(random_model: Callable[..., Path], tmp_path: Path) -> None:
    folder = random_model("bert")
    weights = folder / "weights.safetensors"
    header = int.from_bytes(weights.read_bytes()[:8], "little")
    content = bytearray(weights.read_bytes())
    content[8 + header :] = np.full((len(content) - 8 - header) // 4, np.nan, "<f4").tobytes()
    weights.write_bytes(content)
    manifest = read_json(folder / "artifact.json", dict)
    manifest["files"][weights.name]["sha256"] = sha256_of(weights)
    write_json(folder / "artifact.json", manifest)
    with pytest.raises(InputError, match="no finite numbers: its training diverged"):
        predict(folder, write_texts(tmp_path / "texts.csv"), None, PAIR)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"predict_batch_size": 0}, "predict_batch_size must be at least 1, got 0"),
        ({"text_a_column": ""}, "must name two columns, or text_a_column one, got '' and ''"),
        ({"text_a_column": "a", "text_b_column": "a"}, "got 'a' and 'a'"),
    ],
)
def test_a_bad_config_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PredictConfig(**values)


def test_the_commands(model_folder: Path, tmp_path: Path, run_module: Callable[..., Any]) -> None:
    file = write_texts(tmp_path / "texts.csv")
    columns = ["--text-a-column", "question", "--text-b-column", "other"]
    output = tmp_path / "out.jsonl"
    done = run_module("pipelines", "predict", model_folder, file, *columns, "--output", output)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"predictions: {output}"
    assert "predict: 3/3 rows, " in done.stdout
    assert len([msgspec.json.decode(line) for line in output.read_text().splitlines()]) == 3
    done = run_module("components.predict", tmp_path, file, *columns)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {tmp_path} has no artifact.json: it is not a finished model folder; run the step "
        "that writes it again\n"
    )
