"""Runs every step into each of the named folders, in a container, and prints how each ended.

`python every_step.py WORK PLACE…`: WORK takes the artifacts that the steps read. One process: to
load the libraries takes longer than all steps together.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner

from components.flags import command_line

LONG = "red " * 30_000  # more than the disks of the test hold, in every format


Arguments = tuple[object, ...]


def tokenize(place: Path) -> Arguments:
    return "tokenize", "--train-samples", 64, "--tokens", place / "tokens"


def train(work: Path, place: Path, seed: int) -> Arguments:
    return (
        "train", "--tokens", work / "tokens", "--model", place / "model", "--seed", seed,
        "--encoder", "scratch:bert-tiny", "--num-train-epochs", 1,
    )  # fmt: skip


def evaluate(work: Path, model: Path, place: Path) -> Arguments:
    return (
        "evaluate", "--tokens", work / "tokens", "--model", model, "--evaluation",
        place / "evaluation",
    )  # fmt: skip


def steps(work: Path, place: Path) -> Iterator[Arguments]:
    model = work / "model"
    yield tokenize(place)
    yield train(work, place, 1)
    yield evaluate(work, model, place)
    yield (
        "compare", "--evaluations", work / "evaluation", "--evaluations",
        work / "other" / "evaluation", "--comparison", place / "comparison",
    )  # fmt: skip
    yield (
        "predict", model, work / "long.csv", "--text-a-column", "a", "--text-b-column", "b",
        "--output", place / "predictions.csv",
    )  # fmt: skip
    for name in ("huggingface", "savedmodel", "tf1"):
        yield "export", model, "--output", place / name, "--format", name


def run(step: str, *arguments: object) -> dict[str, object]:
    module = importlib.import_module(f"components.{step}.__main__")
    command = getattr(module, "main", None) or getattr(module, step)
    done = CliRunner().invoke(command_line(command), [*map(str, arguments)])
    return {"step": step, "exit_code": done.exit_code, "stdout": done.stdout, "stderr": done.stderr}


def prepare(work: Path) -> None:
    (work / "long.csv").write_text(f"a,b\n{LONG},green\n")
    other = work / "other"
    for arguments in (
        tokenize(work), train(work, work, 1), evaluate(work, work / "model", work),
        train(work, other, 2), evaluate(work, other / "model", other),
    ):  # fmt: skip
        ended = run(*map(str, arguments))
        assert ended["exit_code"] == 0, ended


if __name__ == "__main__":
    work, *places = map(Path, sys.argv[1:])
    prepare(work)
    for place in places:
        for step, *arguments in steps(work, place):
            print(json.dumps(run(str(step), *arguments) | {"place": str(place)}), flush=True)
