"""The commands, run here and held to what a bad input must lead to."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from components.errors import ENVIRONMENT, EnvironmentTrouble, InputError
from components.flags import command_line

Refused = Callable[..., str]


def command(step: str, arguments: Sequence[object]) -> tuple[typer.Typer, list[str]]:
    """Returns what runs `components.STEP`, or `bakeoff NAME` for a step of that name."""
    given = [*map(str, arguments)]
    if step.startswith("bakeoff"):
        from pipelines.__main__ import app

        return app, [*step.split()[1:], *given]
    module = importlib.import_module(f"components.{step}.__main__")
    return command_line(getattr(module, "main", None) or getattr(module, step)), given


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Runs a step's command, or one of `bakeoff`, and returns its message.

    It must end with the exit code, one line of error or what the command line's parser shows, no
    traceback, and nothing written to `out`, which the command's outputs lie in.
    """
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KFP_ENDPOINT", raising=False)
    monkeypatch.setenv("COLUMNS", "1000")  # the parser's box breaks no line
    out = tmp_path / "out"
    out.mkdir()

    def run(step: str, *arguments: object, exit_code: int = 2) -> str:
        done = CliRunner().invoke(*command(step, arguments))
        said = done.stderr
        assert "Traceback" not in said + done.stdout
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == exit_code, f"{done.exit_code}: {said}{done.stdout}"
        if not said.startswith(("Usage:", "╭─ Error")):  # what the parser shows
            kind = EnvironmentTrouble if exit_code == ENVIRONMENT else InputError
            assert said.startswith(kind.begins)
            assert said.count("\n") == 1
            assert len(said) < 2000, "nobody reads so long a message"
        assert list(out.iterdir()) == []
        return said

    return run
