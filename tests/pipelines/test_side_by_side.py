"""A leaderboard on this machine."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from components.artifacts.folder import read_json
from components.compare.facts import FACTS, PAGE, ComparisonFacts
from pipelines.side_by_side import pieces

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_model_is_tokenized_once_and_trained_once_a_rate_and_seed() -> None:
    digest = "0" * 64
    models, runs = pieces(
        ["scratch:bert-tiny", f"hf:org/macbert sha256:{digest}"], [5e-5, 1e-4], [1, 2]
    )
    assert [piece.label for piece in models] == ["bert-tiny", "macbert"]
    assert [piece.label for piece in runs] == [
        f"{name} lr {rate} seed {seed}"
        for name in ("bert-tiny", "macbert") for rate in ("5e-05", "0.0001") for seed in (1, 2)
    ]  # fmt: skip
    assert runs[-1].runs == [
        {"model": f"hf:org/macbert sha256:{digest}", "learning_rate": 1e-4, "seed": 2}
    ]
    assert runs[-1].name == "leaderboard-macbert-lr-0-0001-seed-2"
    assert models[1].runs[0]["model"] == runs[-1].runs[0]["model"]


def test_models_of_the_same_name_are_told_apart() -> None:
    models, _ = pieces(["hf:a/bert", "hf:b/bert", "/c/bert"], [1e-5], [1])
    assert [piece.label for piece in models] == ["bert", "bert 2", "bert 3"]


RUN = [
    "--task", "table", "--task-name", "colours", "--text-a-column", "question",
    "--text-b-column", "other", "--vocab-size", "200", "--max-seq-length", "32",
    "--num-train-epochs", "1", "--learning-rate", "1e-3",
    "--models", "scratch:albert-tiny,scratch:bert-tiny", "--seeds", "2",
]  # fmt: skip
STEPS = ["train", "evaluate"]


@pytest.mark.slow
def test_a_small_leaderboard_and_its_cache(
    tmp_path: Path, data_folder: Path, run_module: Command
) -> None:
    arguments = ["pipelines", "run", *RUN, "--data", data_folder, "--output", tmp_path / "runs"]
    first = run_module(*arguments, "--parallel", "2")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 runs, 2 at once (as --parallel says)" in first.stdout
    started = [line for line in first.stdout.splitlines() if "▸" in line]
    labels = [f"{name} lr 0.001 seed 2" for name in ("albert-tiny", "bert-tiny")]
    assert sorted(started) == sorted(
        [f"{label} | ▸ {step}" for label in labels for step in STEPS]
        + ["albert-tiny | ▸ tokenize", "bert-tiny | ▸ tokenize", "▸ compare"]
    )
    (report,) = (tmp_path / "runs" / "reports").iterdir()
    facts = read_json(report / FACTS, ComparisonFacts)
    assert [(model.family, [run.seed for run in model.runs]) for model in facts.models] == [
        ("albert", [2]), ("bert", [2]),
    ]  # fmt: skip
    assert (report / PAGE).read_text().startswith("<!DOCTYPE html>")
    again = run_module(*arguments)
    assert again.returncode == 0, again.stdout + again.stderr
    shown = [line for line in again.stdout.splitlines() if "▸" in line]
    assert len(shown) == 2 + 2 * 2 + 1
    assert all(line.endswith(": reused, nothing changed") for line in shown)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seeds", "1,,2"], "item 2 of seeds"),
        (["--seeds", "1,x"], "item 2 of seeds is 'x', expected a whole number"),
        (["--models", "scratch:bert-tiny", "--bert-encoder", "scratch:bert-tiny"],
         "--models takes the place of --bert-encoder"),
        (["--models", "scratch:bert-tinny"], "no encoder is called 'scratch:bert-tinny'"),
    ],
    ids=["empty", "no-number", "both", "unknown"],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_code_2(
    tmp_path: Path, run_module: Command, flags: list[str], message: str
) -> None:
    done = run_module("pipelines", "run", *flags, "--output", tmp_path / "runs")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()
