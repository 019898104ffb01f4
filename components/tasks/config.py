"""Which data a comparison is made on."""

import difflib
import re
from dataclasses import dataclass

from components.errors import InputError
from components.tasks.kinds import TASKS

SPLITS = ("train", "dev", "test")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskConfig:
    """Which data a comparison is made on.

    Attributes:
        task: `sample` (built in), `lcqmc`, or `table` for your own data; `bakeoff tasks` explains.
        task_name: Name in the report's rows; empty = the task.
        data: Folder with the train, dev and (if there is one) test file.
        train_data: Train file, instead of the folder's; path or file:// URI.
        dev_data: Dev file, instead of the folder's.
        test_data: Test file, instead of the folder's.
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
    text_a_column: str = "text_a"
    text_b_column: str = ""
    label_column: str = "label"
    train_samples: int = 0
    data_seed: int = 42

    def __post_init__(self) -> None:
        self._check_task()
        if self.task_name and not NAME.fullmatch(self.task_name):
            raise InputError(
                f"task_name must be made of letters, digits, '.', '_' and '-', got "
                f"{self.task_name!r}"
            )
        if self.train_samples < 0:
            raise InputError(f"train_samples must be 0 (all) or more, got {self.train_samples}")
        if self.data_seed < 0:
            raise InputError(f"data_seed must be 0 or more, got {self.data_seed}")
        if self.task == "sample" and any(self._places):
            raise InputError(
                "the sample is built in and takes no data; to use your own name its task: "
                "--task lcqmc or --task table"
            )
        if self.task != "sample" and not self.data and not (self.train_data and self.dev_data):
            raise InputError(
                f"task {self.task!r} needs data: a folder (--data), or files (--train-data and "
                "--dev-data, and --test-data where there is one)"
            )
        if self.task != "table" and self._columns != ("text_a", "", "label"):
            raise InputError(
                f"columns can be named for task 'table' only; {self.task!r} has fixed ones"
            )

    def _check_task(self) -> None:
        if self.task in TASKS:
            return
        close = difflib.get_close_matches(self.task.lower(), TASKS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise InputError(f"no task is called {self.task!r}: choose one of {', '.join(TASKS)}{hint}")

    @property
    def name(self) -> str:
        """Name in the report's rows."""
        return self.task_name or self.task

    @property
    def _places(self) -> tuple[str, ...]:
        return (self.data, self.train_data, self.dev_data, self.test_data)

    @property
    def _columns(self) -> tuple[str, ...]:
        return (self.text_a_column, self.text_b_column, self.label_column)

    def file_of(self, split: str) -> str:
        """Returns the single file named for a split, or an empty string."""
        return {"train": self.train_data, "dev": self.dev_data, "test": self.test_data}[split]
