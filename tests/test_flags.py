from dataclasses import dataclass
from typing import Annotated, Any

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """A menu.

    Attributes:
        dishes: What there is.
        prices: What it costs.
        tables: Who gets it.
    """

    dishes: tuple[str, ...] = ()
    prices: tuple[float, ...] = ()
    tables: tuple[int, ...] = (1, 2)


def serve(menu: Menu) -> None:
    """Serves a menu."""
    print(menu)


def served(*flags: str) -> Any:
    app = typer.Typer()
    app.command()(flags_from_configs(serve))
    return CliRunner().invoke(app, flags)


def test_lists_are_written_with_commas() -> None:
    result = served("--dishes", "hf:a/b, c d", "--prices", "5e-5,2")
    assert result.output == ("Menu(dishes=('hf:a/b', 'c d'), prices=(5e-05, 2.0), tables=(1, 2))\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--dishes", "a,,b"], "item 2 of dishes is empty: write items as a,b,c"),
        (["--prices", "1,cheap"], "item 2 of prices is 'cheap', expected a number"),
        (["--tables", "1.5"], "item 1 of tables is '1.5', expected a whole number"),
        (["--tables", "1,"], "item 2 of tables is '', expected a whole number"),
        (["--prices", "5e-5,0.00005"], "prices has '0.00005' twice; name each item once"),
    ],
    ids=["empty", "no-number", "no-whole-number", "comma-at-the-end", "twice"],
)
def test_a_malformed_list_is_refused(flags: list[str], message: str) -> None:
    result = served(*flags)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {message}")
