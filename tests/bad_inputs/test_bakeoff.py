"""Parameters of `bakeoff`, of compare and of export that no config checks by itself."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pipelines.__main__ import COMMANDS, app

Refused = Callable[..., str]

CLUSTER = ("--endpoint", "http://127.0.0.1:1", "--image", "r/python:1", "--train-image",
           "r/python:2")  # fmt: skip
HUGE = "9" * 400
BAD = [
    # the commands themselves
    ("command", "bakeoff trane", (), "No such command 'trane'"),
    ("flag", "bakeoff", ("--hlep",), "No such option: --hlep"),
    ("too-much", "bakeoff tasks", ("lcqmc",), "unexpected extra argument"),
    ("no-model", "bakeoff models", ("bert-base-chines",), "did you mean 'bert-base-chinese'?"),
    # run
    ("runner", "bakeoff run", ("--runner", "dockr"), "did you mean 'docker'?"),
    ("parallel", "bakeoff run", ("--parallel", -1), "parallel must be 0"),
    ("no-cache", "bakeoff run", ("--no-cahce",), "No such option: --no-cahce"),
    ("cache-value", "bakeoff run", ("--cache=maybe",), "does not take a value"),
    ("seed-text", "bakeoff run", ("--seeds", "1,two"), "item 2 of seeds is 'two'"),
    ("seed-half", "bakeoff run", ("--seeds", "1,2.5"), "expected a whole number"),
    ("seed-empty", "bakeoff run", ("--seeds", "1,,2"), "item 2 of seeds is ''"),
    ("seed-twice", "bakeoff run", ("--seeds", "1,1"), "seeds has '1' twice"),
    ("seed-negative", "bakeoff run", ("--seeds=-1,1",), "seed must be in [0, 2**32), got -1"),
    ("seed-huge", "bakeoff run", ("--seeds", 2**32), "seed must be in [0, 2**32)"),
    ("rate-zero", "bakeoff run", ("--learning-rates", "0,1e-4"), "learning_rate must be above 0"),
    ("rate-nan", "bakeoff run", ("--learning-rates", "nan"), "learning_rate must be above 0"),
    ("rate-inf", "bakeoff run", ("--learning-rates", "inf"), "learning_rate must be above 0"),
    ("rate-text", "bakeoff run", ("--learning-rates", "low"), "expected a number"),
    ("rates-spaces", "bakeoff run", ("--learning-rates", "1e-4 2e-4"), "expected a number"),
    ("models-twice", "bakeoff run", ("--models", "scratch:bert-tiny,scratch:bert-tiny"),
     "models has 'scratch:bert-tiny' twice"),
    ("models-empty", "bakeoff run", ("--models", "scratch:bert-base,"), "item 2 of models is"),
    ("models-misspelt", "bakeoff run", ("--models", "scratch:bert-tny"),
     "did you mean scratch:bert-tiny?"),
    ("models-and-one", "bakeoff run",
     ("--models", "scratch:bert-tiny", "--bert-encoder", "scratch:bert-tiny"),
     "--models takes the place of --bert-encoder"),
    ("seeds-and-seed", "bakeoff run", ("--seeds", "1,2", "--seed", 3),
     "--seeds takes the place of --seed"),
    ("other-family", "bakeoff run", ("--albert-encoder", "scratch:bert-tiny"),
     "train-albert trains encoders of the albert family"),
    ("no-encoder", "bakeoff run", ("--bert-encoder", ""), "the encoder's name is empty"),
    ("no-such-encoder", "bakeoff run", ("--bert-encoder", "no/such"), "no encoder is called"),
    ("no-data", "bakeoff run", ("--task", "lcqmc"), "task 'lcqmc' needs data"),
    ("no-such-data", "bakeoff run", ("--task", "lcqmc", "--data", "none"), "does not exist"),
    ("no-steps", "bakeoff run", ("--num-train-epochs", 1e-9), "make no optimizer step"),
    ("output-file", "bakeoff run", ("--output", "../file"), "../file"),
    ("output-proc", "bakeoff run", ("--output", "/proc/runs"), "/proc/runs"),
    ("condition", "bakeoff run", ("--fail-if", "bert.accuracy <"), "is no condition"),
    # compile
    ("pipeline", "bakeoff compile", ("--pipeline", "leaderbord"), "did you mean 'leaderboard'?"),
    ("platform", "bakeoff compile", ("--platform", "k8s"), "expected kubernetes or vertex"),
    *((f"shm-{id}", "bakeoff compile", ("--shm-size", size), "expected a size such as")
      for id, size in (("empty", ""), ("word", "banana"), ("minus", "-1Gi"), ("gb", "2GB"),
                       ("zero", "0"))),
    ("gpus", "bakeoff run", ("--gpus", -5), "gpus must be -1 (all), 0 or more"),
    ("compile-folder", "bakeoff compile", ("--output", "."), ". is a folder; name a file in it"),
    ("compile-parallel", "bakeoff compile", ("--parallel", -1), "parallel must be 0"),
    ("compile-file", "bakeoff compile", ("--output", "../file/p.yaml"), "../file/p.yaml"),
    ("compile-proc", "bakeoff compile", ("--output", "/proc/p.yaml"), "cannot write /proc/p.yaml"),
    # submit
    ("local-image", "bakeoff submit", (), "which only this machine knows"),
    ("no-endpoint", "bakeoff submit", CLUSTER[2:], "name the server: --endpoint"),
    ("endpoint-ftp", "bakeoff submit", (*CLUSTER[2:], "--endpoint", "ftp://host"),
     "begins with http:// or https://"),
    ("endpoint-word", "bakeoff submit", (*CLUSTER[2:], "--endpoint", "cluster"),
     "begins with http:// or https://"),
    ("no-server", "bakeoff submit", CLUSTER, "no Kubeflow Pipelines server answers"),
    ("poll", "bakeoff submit", (*CLUSTER, "--poll-seconds", 0), "poll_seconds must be above 0"),
    ("timeout", "bakeoff submit", (*CLUSTER, "--timeout-minutes", -1), "timeout_minutes 0 or more"),
    ("name", "bakeoff submit", (*CLUSTER, "--pipeline", "A B"), "made of small letters"),
    ("experiment", "bakeoff submit", (*CLUSTER, "--experiment", ""), "experiment must not be"),
    ("certificate", "bakeoff submit", (*CLUSTER, "--ssl-ca-cert", "none"), "names no file: none"),
    ("no-value", "bakeoff submit", (*CLUSTER, "--parameter", "gpus"), "takes NAME=VALUE"),
    ("no-parameter", "bakeoff submit", (*CLUSTER, "--parameter", "gpuz=1"), "did you mean 'gpus'?"),
    ("vertex", "bakeoff submit", (*CLUSTER, "--platform", "vertex"), "vertex"),
    ("local-data", "bakeoff submit", (*CLUSTER, "--task", "lcqmc", "--data", "/x"),
     "data='/x' lies on this machine"),
    # compare
    ("nothing", "bakeoff compare", (), "Missing argument"),
    ("no-folder", "bakeoff compare", ("none",), "no folder at none"),
    ("a-file", "bakeoff compare", ("../file",), "no folder at ../file"),
    ("no-evaluation", "bakeoff compare", ("..",), "is no evaluation folder and holds none"),
    ("no-evaluations", "compare", ("--comparison", "c"), "Missing option '--evaluations'"),
    ("no-comparison", "compare", ("--evaluations", "e"), "Missing option '--comparison'"),
    ("here", "compare", ("--evaluations", "e", "--comparison", "."), "cannot be replaced"),
    ("one", "compare", ("--evaluations", "e", "--comparison", "c"), "at least two evaluations"),
    *((f"condition-{id}", "bakeoff compare", ("..", "--fail-if", condition), said)
      for id, condition, said in [
        ("empty", "", "is no condition"),
        ("open", "(bert.failed", "is no condition"),
        ("nul", "bert.failed\0", "is no condition"),
        ("call", "__import__('os').system('id')", "is not allowed"),
        ("power", "bert.accuracy < 9**9**9", "is not allowed"),
        ("text", "bert.accuracy < 'x'", "is not allowed"),
        ("two-dots", "bert.accuracy.real", "is not allowed"),
        ("subscript", "bert['accuracy']", "is not allowed"),
        ("lambda", "lambda: bert.failed", "is not allowed"),
        ("huge", f"bert.accuracy < {HUGE}", "is not allowed"),
        ("infinite", "bert.accuracy < 1e999", "is not allowed"),
        ("long", "bert.failed or " * 100 + "bert.failed", "may have 500 characters"),
        ("deep", "not " * 120 + "bert.failed", "holds none"),
        ("always", "1 < 2", "names no figure"),
        ("alone", "bert", "bert is no figure; write MODEL.FIGURE"),
        ("misspelt", "bert.acuracy < 1", "did you mean 'accuracy'?"),
    ]),
    # export
    ("format", "export", ("none", "--output", "o", "--format", "hugingface"),
     "did you mean 'huggingface'?"),
    ("no-format", "bakeoff export", ("none", "--output", "o"), "Missing option '--format'"),
    ("no-output", "export", ("none", "--format", "onnx"), "Missing option '--output'"),
    ("export-nothing", "export", ("none", "--output", "o", "--format", "tf1"),
     "no model folder at none"),
    ("predict-nothing", "bakeoff predict", (), "Missing argument"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "arguments", "said"), [pytest.param(*case[1:], id=case[0]) for case in BAD]
)
def test_a_bad_argument_is_refused(
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    arguments: tuple[object, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path / "out")  # where a command writes that was not told where
    (tmp_path / "file").write_text("precious")
    assert said in refused(command, *arguments)
    assert (tmp_path / "file").read_text() == "precious"


def flags() -> Iterator[tuple[str, str]]:
    """Yields every flag of every command, `--no-…` too."""
    group: Any = typer.main.get_command(app)
    for name in COMMANDS:
        for parameter in group.commands[name].params:
            if parameter.param_type_name == "option":
                for flag in (*parameter.opts, *parameter.secondary_opts):
                    yield name, flag


@pytest.mark.parametrize(("command", "flag"), sorted(set(flags())))
def test_a_misspelt_flag_is_told_the_right_one(refused: Refused, command: str, flag: str) -> None:
    misspelt = f"{flag[:-1]}{'y' if flag[-1] == 'x' else 'x'}"
    message = refused(f"bakeoff {command}", f"{misspelt}=1")
    assert f"No such option: {misspelt}" in message
    assert re.search(rf"(Did you mean|Possible options:).*{flag}\b", message)
