"""Which data a comparison is made on."""

import dataclasses
import re
from dataclasses import dataclass

from components.errors import InputError, did_you_mean
from components.tasks.kinds import SPLITS, TASKS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
COLUMN_FIELDS = ("text_a_column", "text_b_column", "label_column")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskConfig:
    """Which data a comparison is made on.

    Attributes:
        task: `sample` (built in), a published task such as `lcqmc`, or `table` for your own data;
            `bakeoff tasks` explains.
        task_name: Name in the report's rows; empty = the task.
        data: Folder with the train, dev and (if there is one) test file.
        train_data: Train file, instead of the folder's; path or file:// URI.
        dev_data: Dev file, instead of the folder's.
        test_data: Test file, instead of the folder's.
        language: Language of the texts, for tasks that have several; empty = `zh` for `xnli`.
        text_a_column: Column of the text, or of the first of two; task `table` only.
        text_b_column: Column of the second text; empty = one text a row; task `table` only.
        label_column: Column of the label; task `table` only.
        train_samples: Train rows to use, sampled so that labels keep their shares; 0 = all.
        data_seed: Seed of that sample.
    """

    task: str = "sample"
    task_name: str = ""
    data: str = ""
    train_data: str = ""
    dev_data: str = ""
    test_data: str = ""
    language: str = ""
    text_a_column: str = "text_a"
    text_b_column: str = ""
    label_column: str = "label"
    train_samples: int = 0
    data_seed: int = 42

    def __post_init__(self) -> None:
        self._check_names()
        self._check_places()
        self._check_language()
        self._check_columns()
        if self.train_samples < 0:
            raise InputError(f"train_samples must be 0 (all) or more, got {self.train_samples}")
        if not 0 <= self.data_seed < 2**32:
            raise InputError(f"data_seed must be in [0, 2**32), got {self.data_seed}")

    def _check_names(self) -> None:
        if self.task not in TASKS:
            raise InputError(
                f"no task is called {self.task!r}: choose one of {', '.join(TASKS)}"
                f"{did_you_mean(self.task, TASKS)}"
            )
        if self.task_name and not NAME.fullmatch(self.task_name):
            raise InputError(
                "task_name must start with a letter or digit and be made of at most 100 letters, "
                f"digits, '.', '_' and '-', got {self.task_name!r}"
            )

    def _check_places(self) -> None:
        if self.task == "sample" and (self.data or any(map(self.file_of, SPLITS))):
            raise InputError(
                "the sample is built in and takes no data; to use your own name its task: "
                "--task lcqmc or --task table"
            )
        if self.task != "sample" and not self.data and not (self.train_data and self.dev_data):
            raise InputError(
                f"task {self.task!r} needs data: a folder (--data), or files (--train-data and "
                "--dev-data, and --test-data where there is one)"
            )

    def _check_language(self) -> None:
        allowed = TASKS[self.task].languages
        if self.language and not allowed:
            raise InputError(
                f"language={self.language!r}: task {self.task!r} has one language; leave it out"
            )
        if self.language and self.language not in allowed:
            raise InputError(
                f"task {self.task!r} has no language {self.language!r}: choose one of "
                f"{', '.join(allowed)}"
            )

    def _check_columns(self) -> None:
        defaults = {f.name: f.default for f in dataclasses.fields(self) if f.name in COLUMN_FIELDS}
        given = [name for name in COLUMN_FIELDS if getattr(self, name) != defaults[name]]
        if given and self.task != "table":
            raise InputError(
                f"{given[0]}={getattr(self, given[0])!r}: columns can be named for task 'table' "
                f"only; {self.task!r} has fixed ones"
            )
        if not self.text_a_column or not self.label_column:
            raise InputError(
                "text_a_column and label_column must name a column, got "
                f"{self.text_a_column!r} and {self.label_column!r}"
            )
        if len(set(self.columns.values())) < len(self.columns):
            raise InputError(
                "text_a_column, text_b_column and label_column must be different columns, got "
                f"{', '.join(map(repr, self.columns.values()))}"
            )

    @property
    def name(self) -> str:
        """Name in the report's rows."""
        return self.task_name or self.task

    @property
    def rows_language(self) -> str:
        """Language whose rows are read; empty where the task has one."""
        return self.language or next(iter(TASKS[self.task].languages), "")

    @property
    def columns(self) -> dict[str, str]:
        """The table's column for each of `text_a`, `text_b` (where there is one) and `label`."""
        named = {name.removesuffix("_column"): getattr(self, name) for name in COLUMN_FIELDS}
        return {ours: theirs for ours, theirs in named.items() if theirs}

    def file_of(self, split: str) -> str:
        """Returns the single file named for a split, or an empty string."""
        return {"train": self.train_data, "dev": self.dev_data, "test": self.test_data}[split]
