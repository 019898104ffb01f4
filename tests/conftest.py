"""What several tests need: a small data set, its tokens, commands in a process of their own."""

import csv
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.tokenize.step import tokenize

WORDS = ["red", "green", "blue", "warm", "cold", "small", "large", "round", "flat", "old"]
ROWS = {"train": 96, "dev": 32, "test": 24}

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def write_rows(folder: Path, seed: int = 0) -> Path:
    """Writes train, dev and test .csv: the label says whether `yes` occurs in the first text."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(seed)
    for split, count in ROWS.items():
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["question", "other", "label"])
            for number in range(count):
                words = generator.choices(WORDS, k=generator.randint(2, 12))
                label = number % 2
                words.insert(generator.randrange(len(words)), "yes" if label else "no")
                other = " ".join(generator.choices(WORDS, k=3))
                writer.writerow([" ".join(words), other, "positive" if label else "negative"])
    return folder


@pytest.fixture(scope="session")
def write_data() -> Callable[..., Path]:
    """Gives `write_rows`, which other test files cannot import."""
    return write_rows


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def task(data_folder: Path) -> TaskConfig:
    return TaskConfig(
        task="table", task_name="colours", data=str(data_folder),
        text_a_column="question", text_b_column="other",
    )  # fmt: skip


@pytest.fixture(scope="session")
def tokens_folder(task: TaskConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    tokenize(task, TokenizeConfig(vocab_size=200, max_seq_length=32), path)
    return path


@pytest.fixture
def run_module() -> Command:
    """Runs `python -m MODULE ARGUMENTS…` and returns what it printed and its exit code."""

    def run(module: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
