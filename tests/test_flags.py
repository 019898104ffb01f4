from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from components.errors import InputError
from components.flags import config_from, field_help, flags_from_configs, flags_given


@dataclass(frozen=True, slots=True, kw_only=True)
class Oven:
    """An oven.

    Attributes:
        heat: How hot it is, in
            degrees.
        seed: Of chance.
    """

    heat: int = 180
    seed: int = 1

    def __post_init__(self) -> None:
        if self.heat < 0:
            raise InputError(f"heat must be 0 or more, got {self.heat}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A timer.

    Attributes:
        minutes: How long.
        seed: Of chance.
    """

    minutes: float = 2.5
    seed: int = 1


def bake(
    context: typer.Context, cake: Annotated[str, typer.Option()], oven: Oven, timer: Timer
) -> None:
    """Bakes a cake."""
    print(cake, oven, timer, sorted(flags_given(context)))


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(flags_from_configs(bake))
    return app


def test_help_comes_from_the_docstring() -> None:
    assert field_help(Oven) == {"heat": "How hot it is, in degrees.", "seed": "Of chance."}


def test_configs_are_built_from_flags(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--cake", "pie", "--heat", "200", "--seed", "3"])
    assert result.exit_code == 0
    assert "pie Oven(heat=200, seed=3) Timer(minutes=2.5, seed=3)" in result.stdout
    assert "['cake', 'heat', 'seed']" in result.stdout


def test_a_mistake_is_one_line_and_exit_code_2(
    app: typer.Typer, capsys: pytest.CaptureFixture[str]
) -> None:
    result = CliRunner().invoke(app, ["--cake", "pie", "--heat", "-1"])
    assert result.exit_code == 2
    assert result.stderr == "error: heat must be 0 or more, got -1\n"


def test_config_from_takes_what_it_needs() -> None:
    assert config_from(Timer, {"minutes": 1.0, "seed": 2, "other": "x"}) == Timer(
        minutes=1.0, seed=2
    )
