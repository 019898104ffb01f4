"""`bakeoff models` as a user runs it, and every mistake that can be made with it."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from components.encoders.catalogue import MODELS
from pipelines.models import models

Command = Callable[..., "subprocess.CompletedProcess[str]"]

ADDRESS = "https://storage.googleapis.com/albert_zh/albert_base_zh_additional_36k_steps.zip"


Printed = Callable[..., list[str]]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """Runs the command's function in so many columns; its lines, without trailing spaces."""

    def lines(columns: int, **arguments: Any) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        models(**arguments)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return lines


def rows_of(lines: list[str]) -> dict[str, str]:
    """Gives the row of each model by its name."""
    return {line.split()[0]: line for line in lines if line and line.split()[0] in MODELS}


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_the_table_has_one_uncut_line_a_model(columns: int, printed: Printed) -> None:
    lines = printed(columns)
    rows = rows_of(lines)
    assert list(rows) == list(MODELS)
    assert max(map(len, lines)) <= columns
    assert "102.3 M  86.9 77.8" in rows["bert-base-chinese"]
    assert " albert  12 × 768  10.9 M  86.3 77.1" in rows["albert-base-zh"]
    assert ("hf:google-bert/…" in rows["bert-base-chinese"]) == (columns >= 100)
    assert any("formats and addresses too" in line for line in lines) == (columns < 100)


def test_a_family_alone(printed: Printed) -> None:
    rows = rows_of(printed(100, family="xlnet"))
    assert list(rows) == ["chinese-xlnet-base", "chinese-xlnet-mid"]
    assert rows["chinese-xlnet-mid"].endswith("209.4 M 85.98 78.7 pickle hf:hfl/…")


def test_everything_about_a_model_and_its_address_in_one_piece(printed: Printed) -> None:
    lines = printed(60, name="albert-base-zh-36k")
    assert lines[0] == "albert-base-zh-36k  albert, 12 × 768"
    assert f"  address       {ADDRESS}" in lines
    assert "  format        TensorFlow 1 checkpoint" in lines
    assert "  parameters    10,877,440 without a classifier" in lines
    assert "  licence       unknown" in lines
    assert "  lcqmc         dev 87.8, test 86.3" in lines
    assert lines[-2].endswith("README of https://github.com/brightmart/albert_zh")
    assert lines[-1] == "  note          albert-base-zh trained 36,000 steps longer."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("chinese-macbert-base", "a pickle: refused until converted", id="pickle"),
        pytest.param("chinese-bert-wwm-ext", "also at       hf:hfl/chinese-bert-wwm-ext (pickle)",
                     id="another-source"),
        pytest.param("roberta-zh-base", "address       none: give the path", id="no-address"),
        pytest.param("chinese-macbert-base", "xnli          dev 80.3 (79.7), test 79.3 (78.8)",
                     id="maximum-and-mean"),
        pytest.param("albert-base-zh", "masked LM accuracy 79.1%, sentence order accuracy 99%, "
                     "loss 1.01, 6 hours", id="pre-training"),
        pytest.param("albert-xlarge-zh-183k", "53 hours on a TPU v3-256 (estimate)", id="estimate"),
        pytest.param("ernie-1.0", "hidden_act relu", id="architecture"),
    ],
)  # fmt: skip
def test_what_a_model_says(name: str, expected: str, printed: Printed) -> None:
    assert any(expected in line for line in printed(100, name=name))


def test_json_is_complete(run_module: Command) -> None:
    done = run_module("pipelines", "models", "--json")
    records: list[dict[str, Any]] = json.loads(done.stdout)
    assert [record["name"] for record in records] == list(MODELS)
    help_text = " ".join(run_module("pipelines", "models", "--help").stdout.split())
    assert all(key in help_text for key in records[0])
    tiny = next(record for record in records if record["name"] == "albert-tiny-zh")
    assert tiny["config"]["hidden_size"] == 312
    assert tiny["sources"] == [{"address": tiny["address"], "format": "TensorFlow 1"}]
    assert tiny["results"] == [
        {"task": "lcqmc", "split": "test", "max": 85.4, "mean": None,
         "source": "README of https://github.com/brightmart/albert_zh"}
    ]  # fmt: skip
    assert (tiny["licence"], tiny["pretraining"], tiny["note"]) == ("", None, "")


def test_json_of_one(run_module: Command) -> None:
    one = json.loads(run_module("pipelines", "models", "ernie-1.0", "--json").stdout)
    assert (one["name"], one["family"], one["tokenizer"]) == ("ernie-1.0", "bert", "wordpiece")


def test_json_of_a_family(capsys: pytest.CaptureFixture[str]) -> None:
    models(family="xlnet", as_json=True)
    assert {record["family"] for record in json.loads(capsys.readouterr().out)} == {"xlnet"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["albert-base-zn"], "did you mean 'albert-base-zh'", id="name"),
        pytest.param(["--family", "brt"], "choose one of albert, bert, xlnet; did you mean 'bert'?",
                     id="family"),
        pytest.param(["ernie-1.0", "--family", "bert"], "--family filters the list", id="both"),
    ],
)  # fmt: skip
def test_mistakes(arguments: list[str], message: str, run_module: Command) -> None:
    done = run_module("pipelines", "models", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr


def test_listing_loads_no_large_library() -> None:
    """Looking up a name takes no deep learning library, nor pandas."""
    heavy = "('keras', 'tensorflow', 'torch', 'jax', 'pandas', 'pyarrow', 'matplotlib', 'kfp')"
    code = (
        "import sys; sys.argv = ['bakeoff', 'models']\n"
        "from pipelines.__main__ import main\n"
        "try: main()\n"
        f"finally: print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr.strip() == "[]"
