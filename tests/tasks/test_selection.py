from pathlib import Path

import pandas as pd
import pytest

from components.errors import InputError
from components.tasks.files import Source
from components.tasks.kinds import TASKS, TaskKind
from components.tasks.selection import check_any_stays, select_rows

DEV = Source(Path("dev.tsv"), b"")
KIND = TaskKind(
    name="k", description="d", labels=("no", "yes"), spellings={"ja": "yes"}, dropped_labels=("-",)
)


def rows(*labels: str | None, **columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"label": pd.Series(labels, dtype=object), "row": range(len(labels))})
    return frame.assign(**columns)


def test_rows_without_an_agreed_label_are_dropped_and_counted() -> None:
    kept, dropped = select_rows(rows("yes", "-", "no", "-"), KIND, "zh")
    assert kept.to_dict("list") == {"label": ["yes", "no"], "row": [0, 2]}
    assert dropped == {"label is -": 2}


def test_other_spellings_become_the_tasks() -> None:
    kept, dropped = select_rows(rows("ja", "no", "yes"), KIND, "zh")
    assert (kept["label"].tolist(), dropped) == (["yes", "no", "yes"], {})


def test_rows_in_other_languages_are_dropped_and_counted_once() -> None:
    several = rows("-", "-", "no", language=["en", "zh", "zh"])
    kept, dropped = select_rows(several, KIND, "zh")
    assert kept["row"].tolist() == [2]
    assert dropped == {"language is not zh": 1, "label is -": 1}


def test_rows_without_labels_stay() -> None:
    kept, dropped = select_rows(rows(None, None), KIND, "zh")
    assert (kept["label"].tolist(), dropped) == ([None, None], {})


def test_a_table_of_ones_own_keeps_every_row() -> None:
    kept, dropped = select_rows(rows("-", "contradictory"), TASKS["table"], "zh")
    assert (kept["label"].tolist(), dropped) == (["-", "contradictory"], {})


def test_no_row_at_all_is_refused() -> None:
    check_any_stays(1, {"label is -": 2}, DEV)
    with pytest.raises(
        InputError,
        match=r"dev.tsv has no row of the task: dropped are 2 \(language .* zh\) and 1 \(label",
    ):
        check_any_stays(0, {"language is not zh": 2, "label is -": 1}, DEV)
