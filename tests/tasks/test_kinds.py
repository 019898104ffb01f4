from pathlib import Path

import pytest

from components.tasks.kinds import SPLITS, TASKS, TaskKind, every_split, listed
from components.tasks.table import READERS

KINDS = [pytest.param(kind, id=name) for name, kind in TASKS.items()]


def test_the_tasks_by_name() -> None:
    assert list(TASKS) == [
        "sample", "lcqmc", "xnli", "afqmc", "cmnli", "tnews", "iflytek", "csl", "table",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("lcqmc", ["0", "1"]),
        ("xnli", ["contradiction", "entailment", "neutral"]),
        ("cmnli", ["contradiction", "entailment", "neutral"]),
        (
            "tnews",
            [
                *("100", "101", "102", "103", "104", "106", "107", "108", "109", "110"),
                *("112", "113", "114", "115", "116"),
            ],
        ),
        ("iflytek", [str(code) for code in range(119)]),
        ("table", []),
    ],
)
def test_labels_are_the_published_ones(task: str, labels: list[str]) -> None:
    assert list(TASKS[task].labels) == labels


@pytest.mark.parametrize("kind", KINDS)
def test_odd_habits_lead_to_labels_that_there_are(kind: TaskKind) -> None:
    assert set(kind.spellings.values()) <= set(kind.labels)
    assert not {*kind.spellings, *kind.dropped_labels} & set(kind.labels)


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_can_be_read(kind: TaskKind) -> None:
    if kind.name == "sample":
        assert not kind.files
        return
    assert tuple(kind.files) == SPLITS
    for file in kind.files.values():
        readable = {".tsv", ".txt"} if kind.name == "lcqmc" else set(READERS)
        assert {Path(name).suffix for name in file.names} <= readable
        assert not file.columns or {"text_a", "label"} <= set(file.columns)
        assert not file.joined or file.joined in file.columns.values()


def test_a_table_may_have_every_suffix_that_has_a_reader() -> None:
    assert {Path(name).suffix for name in TASKS["table"].file_names("dev", "zh")} == set(READERS)


def test_file_names_are_of_the_split_and_the_language() -> None:
    assert TASKS["xnli"].file_names("train", "en")[0] == "multinli.train.en.tsv"
    assert TASKS["xnli"].file_names("test", "en") == ("xnli.test.tsv", "XNLI-1.0/xnli.test.tsv")
    assert TASKS["csl"].file_names("test", "zh") == ("test.json",)


def test_details_of_a_task_whose_files_are_alike() -> None:
    kind = TaskKind(
        name="k",
        description="d",
        files=every_split(".json", layout="lines", joined="w", text_a="w", label="y"),
        labels=("a", "b"),
        spellings={"A": "a"},
        dropped_labels=("?",),
        published="there",
    )
    assert list(kind.details()) == [
        ("files", "{train,dev,test}.json"),
        ("", "lines: w (a list, joined with spaces), y"),
        ("labels", "a, b; 'A' is read as 'a'; rows labelled '?' are dropped"),
        ("from", "there"),
    ]


def test_details_of_a_task_whose_files_differ() -> None:
    details = dict(TASKS["xnli"].details())
    assert details["train"].startswith("multinli.train.LANGUAGE.tsv or multinli/multinli.train.")
    assert details["dev/test"] == "xnli.{dev,test}.tsv or XNLI-1.0/xnli.{dev,test}.tsv"
    assert details["language"] == (
        "zh, unless --language names ar, bg, de, el, en, es, fr, hi, ru, sw, th, tr, ur, vi"
    )


def test_details_without_labels_and_without_files() -> None:
    assert dict(TASKS["table"].details())["labels"] == "those of train, two to 1,000"
    assert [heading for heading, _ in TASKS["sample"].details()] == ["labels", "from"]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(0, "", id="none"),
        pytest.param(3, "0, 1, 2", id="few"),
        pytest.param(20, ", ".join(map(str, range(20))), id="20"),
        pytest.param(21, "0, 1, 2, …, 20 (21 in all)", id="21"),
    ],
)
def test_listed(count: int, expected: str) -> None:
    assert listed([str(number) for number in range(count)]) == expected
