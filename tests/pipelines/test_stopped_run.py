"""A run on this machine that is told to stop: its training is saved, and gone on with."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from components.errors import TERMINATED
from components.train.stopping import STOPPED

pytestmark = pytest.mark.slow

NEVER_ENDING = 100_000
"""Epochs, and the steps between two checkpoints: none is written unless somebody stops it."""


@pytest.fixture
def command(data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A comparison whose trainings take minutes."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # which starts soonest
    return [
        sys.executable, "-m", "pipelines", "run", "--task", "table", "--data", str(data_folder),
        "--text-a-column", "question", "--text-b-column", "other", "--vocab-size", "200",
        "--max-seq-length", "32", "--train-batch-size", "8", "--num-train-epochs",
        str(NEVER_ENDING), "--save-checkpoints-steps", str(NEVER_ENDING),
        "--output", str(tmp_path / "runs"),
    ]  # fmt: skip


@contextmanager
def begun(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Gives a run whose first training has told of its steps, and the training's process."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert any(re.search(r"train \w+: step", line) for line in run.stdout), run.communicate()
        (step,) = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        try:
            yield run, int(step)
        finally:
            with suppress(ProcessLookupError):
                os.kill(int(step), signal.SIGKILL)
            run.kill()


def saved_steps(output: Path) -> list[int]:
    histories = output.glob("steps/checkpoints/*/?/history.json")
    return sorted(int(re.findall(r'"step": (\d+)', h.read_text())[-1]) for h in histories)


def test_a_run_that_is_told_to_stop_lets_its_training_be_saved(
    command: list[str], tmp_path: Path
) -> None:
    with begun(command) as (run, step):
        run.terminate()
        _, errors = run.communicate(timeout=60)
        assert run.returncode == TERMINATED, errors
        assert "stopped by SIGTERM; the step was told, too" in errors
        assert "Traceback" not in errors
        assert not Path(f"/proc/{step}").exists()
    (last,) = saved_steps(tmp_path / "runs")
    assert last > 0


def test_a_training_that_is_told_to_stop_is_no_breakdown(
    command: list[str], tmp_path: Path
) -> None:
    with begun(command) as (run, step):
        os.kill(step, signal.SIGTERM)
        printed, errors = run.communicate(timeout=60)
    assert run.returncode == STOPPED, errors
    assert re.search(r"  train: stopped by SIGTERM at step \d+; its checkpoint lies at", printed)
    assert re.fullmatch(r"error: train-\w+ was stopped and saved: the same command .*\n", errors)
    (last,) = saved_steps(tmp_path / "runs")
    assert last > 0


def test_the_trainings_of_a_leaderboard_are_saved_too(command: list[str], tmp_path: Path) -> None:
    command += ["--seeds", "1,2", "--models", "scratch:bert-tiny", "--parallel", "2"]
    begun_trainings: set[str] = set()
    for resumed in (False, True):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as run:
            assert run.stdout is not None
            begun_trainings.clear()
            for line in run.stdout:
                if told := re.search(r"seed (\d) \| train bert: step", line):
                    begun_trainings.add(told[1])
                if len(begun_trainings) == 2:
                    break
            run.terminate()
            _, errors = run.communicate(timeout=60)
        assert run.returncode == TERMINATED, errors
        logs = [path.read_text() for path in (tmp_path / "runs" / "logs").glob("*seed*.txt")]
        assert [("resumed at step" in log) for log in logs] == [resumed] * 2
    assert len(saved_steps(tmp_path / "runs")) == 4  # of each training two
