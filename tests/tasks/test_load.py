import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.errors import InputError
from components.tasks import TaskConfig, load_task

Folder = Callable[..., Path]

TRAIN = "怎么煮面\t如何煮面\t1\n怎么煮面\t怎么切菜\t0\n几点开门\t何时开门\t1\n"
DEV = "如何煮面\t怎么煮面\t1\n几点关门\t何时开门\t0\n"


def test_lcqmc_is_loaded(folder: Folder) -> None:
    path = folder(".tsv", train=TRAIN, dev=DEV)
    data = load_task(TaskConfig(task="lcqmc", data=str(path)))
    train = data.splits["train"]
    assert train.drop(columns="leaked").to_numpy().tolist() == [
        [0, "怎么煮面", "如何煮面", 1],
        [1, "怎么煮面", "怎么切菜", 0],
        [2, "几点开门", "何时开门", 1],
    ]
    assert train.dtypes.astype(str).tolist() == ["int64", "string", "string", "Int64", "bool"]
    assert list(data.splits) == list(data.facts.splits) == ["train", "dev"]


def test_facts_are_of_what_was_read(folder: Folder) -> None:
    config = TaskConfig(
        task="lcqmc", task_name="mine", data=str(folder(".tsv", train=TRAIN, dev=DEV))
    )
    data = load_task(config)
    facts = data.facts
    assert (facts.task_name, facts.labels, facts.pair) == ("mine", ("0", "1"), True)
    assert facts.config == dataclasses.asdict(config)
    assert facts.splits["train"].label_counts == {"0": 1, "1": 2}
    assert facts.splits["train"].leaked == 0
    assert facts.splits["dev"].leaked == 1  # its first pair is train's first, turned round
    assert data.splits["dev"]["leaked"].tolist() == [True] + [False] * (len(DEV.splitlines()) - 1)
    assert facts.splits["dev"].sha256 == hashlib.sha256(DEV.encode()).hexdigest()
    lines = "".join(
        f"{split}\0{hashlib.sha256(text.encode()).hexdigest()}\n"
        for split, text in (("dev", DEV), ("train", TRAIN))
    )
    assert facts.digest == hashlib.sha256(lines.encode()).hexdigest()


def test_single_sentences_of_three_labels_are_loaded(folder: Folder) -> None:
    train = "问题,类\n天气好,晴\n下大雨,雨\n刮大风,风\n"
    path = folder(".csv", train=train, dev=train, test="问题\n下小雨\n")
    config = TaskConfig(task="table", data=str(path), text_a_column="问题", label_column="类")
    data = load_task(config)
    assert (data.facts.labels, data.facts.pair) == (("晴", "雨", "风"), False)
    assert data.splits["train"]["text_b"].tolist() == [None] * 3
    assert data.splits["test"]["label"].isna().all()
    assert data.facts.splits["test"].label_counts == {}


def test_a_sample_of_train_keeps_positions(folder: Folder) -> None:
    train = "".join(f"问{i}\t答{i}\t{i % 2}\n" for i in range(100))
    path = folder(".tsv", train=train, dev=train)
    config = TaskConfig(task="lcqmc", data=str(path), train_samples=10)
    data = load_task(config)
    chosen = data.splits["train"]
    assert chosen["text_a"].tolist() == [f"问{i}" for i in chosen["row"]]
    assert chosen["row"].is_monotonic_increasing
    assert chosen.index.tolist() == list(range(10))
    facts = data.facts.splits
    assert (facts["train"].rows, facts["train"].rows_in_source) == (10, 100)
    assert facts["train"].label_counts == {"0": 5, "1": 5}
    assert facts["dev"].leaked == 10  # of the train rows used
    pd.testing.assert_frame_equal(chosen, load_task(config).splits["train"])
    other = load_task(dataclasses.replace(config, data_seed=1)).splits["train"]
    assert other["row"].tolist() != chosen["row"].tolist()


@pytest.mark.parametrize(
    ("dev", "message"),
    [
        pytest.param("", r"dev.tsv is empty", id="empty-file"),
        pytest.param("a\t \t1\n", r"dev.tsv line 1: text_b is empty \(1 such", id="blank-text"),
        pytest.param("a\tb\t1\n\tb\t1\n\tc\t0\n", r"line 2: text_a is empty \(2 ", id="empty-text"),
        pytest.param("a\tb\n", "line 1: 2 tab-separated columns", id="dev-without-labels"),
    ],
)
def test_errors_name_file_and_line(folder: Folder, dev: str, message: str) -> None:
    path = folder(".tsv", train=TRAIN, dev=dev)
    with pytest.raises(InputError, match=message):
        load_task(TaskConfig(task="lcqmc", data=str(path)))


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        pytest.param({"dev": "q,y\nc,3\n"}, {}, "line 2: label '3' .* are '1', '2'", id="unknown"),
        pytest.param({"train": "q,y\na,1\n"}, {}, "has one label only, '1'", id="one-label"),
        pytest.param({"dev": "q\nc\n"}, {}, "dev.csv has no column 'y'", id="dev-without-labels"),
        pytest.param({"dev": "q,y\n,1\n"}, {}, "dev.csv line 2: q is empty", id="empty-text"),
        pytest.param({}, {"train_samples": 3}, "train has only 2 rows", id="too-many-samples"),
        pytest.param({}, {"text_a_column": "Q"}, "did you mean 'q'", id="column-typo"),
    ],
)
def test_table_errors(
    folder: Folder, files: dict[str, str], options: dict[str, Any], message: str
) -> None:
    train = "q,y\na,1\nb,2\n"
    path = folder(".csv", **{"train": train, "dev": train} | files)
    columns = {"text_a_column": "q", "label_column": "y"} | options
    with pytest.raises(InputError, match=message):
        load_task(TaskConfig(task="table", data=str(path), **columns))


def digest_of_data(config: TaskConfig) -> str:
    return load_task(config).facts.digest


def test_digest_changes_with_any_byte(folder: Folder) -> None:
    config = TaskConfig(task="lcqmc", data=str(folder(".tsv", train=TRAIN, dev=DEV)))
    before = digest_of_data(config)
    assert len(before) == 64
    folder(".tsv", dev=DEV[:-1])
    assert digest_of_data(config) != before


def test_digest_does_not_depend_on_names(folder: Folder, tmp_path: Path) -> None:
    named = tmp_path / "named.txt"
    named.write_text(DEV, encoding="utf-8")
    config = TaskConfig(task="lcqmc", data=str(folder(".tsv", train=TRAIN, dev=DEV)))
    assert digest_of_data(config) == digest_of_data(
        dataclasses.replace(config, dev_data=str(named))
    )


def test_the_sample_is_loaded_as_it_is_generated() -> None:
    from components.tasks.sample import generate_sample

    data = load_task(TaskConfig())
    assert list(data.splits) == ["train", "dev", "test"]
    for split, generated in generate_sample().items():
        rows = data.splits[split]
        assert rows["text_a"].tolist() == generated["text_a"].tolist()
        assert rows["text_b"].tolist() == generated["text_b"].tolist()
        labels = np.array(data.facts.labels)[rows["label"].to_numpy(np.int64)]
        assert labels.tolist() == generated["label"].tolist()
