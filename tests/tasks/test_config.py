from typing import Any

import pytest

from components.errors import InputError
from components.flags import field_help
from components.tasks import TaskConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            {"task": "lcqcm"}, "sample, lcqmc, .*, table; did you mean 'lcqmc'", id="typo"
        ),
        pytest.param({"task": "zzz"}, "no task is called 'zzz'.*csl, table$", id="no-task"),
        pytest.param({"task_name": "a/b"}, r"task_name must .* got 'a/b'", id="name-with-slash"),
        pytest.param({"task_name": ".."}, "must start with a letter or digit", id="name-of-dots"),
        pytest.param({"train_samples": -1}, "0 .all. or more, got -1", id="negative-samples"),
        pytest.param({"data_seed": -1}, "data_seed must be in .* got -1", id="negative-seed"),
        pytest.param({"data": "d"}, "the sample is built in and takes no data", id="sample-folder"),
        pytest.param({"test_data": "t"}, "sample is built in", id="sample-file"),
        pytest.param({"task": "lcqmc"}, r"needs data: a folder \(--data\), or files", id="no-data"),
        pytest.param({"task": "table", "train_data": "t.csv"}, "needs data", id="no-dev-file"),
        pytest.param(
            {"task": "lcqmc", "data": "d", "text_b_column": "b"},
            "text_b_column='b': columns can be named for task 'table' only",
            id="fixed-columns",
        ),
        pytest.param(
            {"task": "xnli", "data": "d", "language": "cn"},
            "task 'xnli' has no language 'cn': choose one of zh, ar, .*, ur, vi$",
            id="no-such-language",
        ),
        pytest.param(
            {"task": "cmnli", "data": "d", "language": "en"},
            "language='en': task 'cmnli' has one language; leave it out",
            id="only-one-language",
        ),
        pytest.param(
            {"task": "table", "data": "d", "text_b_column": "label"},
            "must be different columns, got 'text_a', 'label', 'label'",
            id="same-column",
        ),
        pytest.param(
            {"task": "table", "data": "d", "label_column": ""},
            "must name a column, got 'text_a' and ''",
            id="no-label-column",
        ),
    ],
)
def test_wrong_config_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TaskConfig(**values)


def test_defaults_are_the_sample() -> None:
    config = TaskConfig()
    assert (config.task, config.name, config.train_samples) == ("sample", "sample", 0)


def test_name_is_task_name_where_given() -> None:
    assert TaskConfig(task_name="Bert_LCQMC-2.w").name == "Bert_LCQMC-2.w"


def test_two_files_without_a_folder_are_enough() -> None:
    config = TaskConfig(task="lcqmc", train_data="a.tsv", dev_data="b.tsv")
    assert [config.file_of(split) for split in ("train", "dev", "test")] == ["a.tsv", "b.tsv", ""]


@pytest.mark.parametrize(
    ("values", "language"),
    [({"task": "xnli"}, "zh"), ({"task": "xnli", "language": "en"}, "en"), ({"task": "csl"}, "")],
    ids=["default", "chosen", "only-one"],
)
def test_the_language_of_the_rows(values: dict[str, str], language: str) -> None:
    assert TaskConfig(data="d", **values).rows_language == language  # type: ignore[arg-type]


def test_columns_leave_out_the_second_text_where_there_is_none() -> None:
    config = TaskConfig(task="table", data="d", text_a_column="question")
    assert config.columns == {"text_a": "question", "label": "label"}


def test_every_field_has_help() -> None:
    assert all(field_help(TaskConfig).values())
