import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from components.compare.sources import find_evaluations
from components.compare.step import compare
from components.errors import InputError

WriteEvaluation = Callable[..., Path]
Command = Callable[..., "subprocess.CompletedProcess[str]"]

GOOD, BETTER = "+" * 80 + "-" * 20, "+" * 95 + "-" * 5


def test_an_evaluation_a_comparison_and_a_folder_of_evaluations(
    write: WriteEvaluation, tmp_path: Path
) -> None:
    albert, bert = (
        write("albert", GOOD, folder="runs/1/a"),
        write("bert", BETTER, folder="runs/2/b"),
    )
    compare([albert, bert], tmp_path / "comparison")
    assert find_evaluations([str(bert)]) == [bert]
    assert find_evaluations([str(tmp_path / "comparison")]) == [albert, bert]
    assert find_evaluations([str(tmp_path / "runs")]) == [albert, bert]
    # Each once, in the order in which they were named first.
    everything = [str(bert), str(tmp_path / "comparison"), f"file://{tmp_path}/runs"]
    assert find_evaluations(everything) == [bert, albert]


def test_a_reused_evaluation_counts_once(write: WriteEvaluation, tmp_path: Path) -> None:
    albert = write("albert", GOOD, folder="runs/1")
    shutil.copytree(albert, tmp_path / "runs" / "2")
    assert find_evaluations([str(tmp_path / "runs")]) == [albert]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "no folder at .*nowhere: it does not exist"),
        ("empty", "empty is no evaluation folder and holds none: name a folder that `bakeoff run`"),
    ],
)
def test_places_without_evaluations(tmp_path: Path, place: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        find_evaluations([str(tmp_path / place)])


def test_a_comparison_whose_evaluations_are_gone(write: WriteEvaluation, tmp_path: Path) -> None:
    albert, bert = write("albert", GOOD), write("bert", BETTER)
    compare([albert, bert], tmp_path / "comparison")
    shutil.rmtree(albert)
    with pytest.raises(InputError, match=r"was made of .*albert_evaluation, which is not there"):
        find_evaluations([str(tmp_path / "comparison")])


def test_the_command_rebuilds_a_report_and_gates_on_it(
    write: WriteEvaluation, tmp_path: Path, run_module: Command
) -> None:
    compare([write("albert", GOOD), write("bert", BETTER)], tmp_path / "first")
    command = ("pipelines", "compare", tmp_path / "first", "--comparison", tmp_path / "second")
    done = run_module(*command)
    assert done.returncode == 0, done.stderr
    assert "BERT is better than ALBERT by 15.0 points" in done.stdout
    names = ("comparison.md", "comparison.html", "comparison.json")
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    assert run_module(*command, "--fail-if", "albert.accuracy > 0.9").returncode == 0
    failed = run_module(*command, "--fail-if", "bert.best")
    assert failed.returncode == 1
    assert failed.stderr.strip() == "--fail-if holds: bert.best (bert.best is 1)"
    wrong = run_module(*command, "--fail-if", "bert.beste")
    assert wrong.returncode == 2
    assert "models have no figure 'beste'" in wrong.stderr
