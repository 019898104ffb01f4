"""What a run's tasks are made of, and how they are shown."""

import io
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from kfp_server_api import (
    GoogleRpcStatus,
    V2beta1PipelineTaskDetail,
    V2beta1Run,
    V2beta1RunDetails,
    V2beta1RuntimeStatus,
)
from rich.console import Console

from pipelines.follow import (
    LiveView,
    LogView,
    Task,
    duration,
    expected_tasks,
    failures,
    message_of,
    tasks_of,
    view_of_run,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def node(name: str, state: str, begin: int = 0, end: int | None = None, **more: Any) -> Any:
    """A node as the server lists it; times in seconds after noon."""
    return V2beta1PipelineTaskDetail(
        display_name=name, state=state, start_time=NOON + timedelta(seconds=begin),
        end_time=NEVER if end is None else NOON + timedelta(seconds=end), **more,
    )  # fmt: skip


def run_of(*nodes: Any, **more: Any) -> Any:
    return V2beta1Run(run_details=V2beta1RunDetails(task_details=list(nodes)), **more)


def graph(**tasks: Any) -> dict[str, Any]:
    """Tasks by name, each with the names of those it needs, and the list it loops over if any."""
    return {"tasks": {
        name: {"dependentTasks": needs, "componentRef": {"name": f"comp-{name}"}}
        | ({"parameterIterator": {"items": {"inputParameter": items[0]}}} if items else {})
        for name, (needs, *items) in tasks.items()
    }}  # fmt: skip


def test_tasks_come_after_those_they_need() -> None:
    root = graph(z=[[]], a=[["z"]], b=[[]], c=[["a", "b"]])
    components: dict[str, Any] = {f"comp-{name}": {} for name in "abcz"}
    found = expected_tasks({"root": {"dag": root}, "components": components}, {})
    assert list(found.items()) == [("b", 1), ("z", 1), ("a", 1), ("c", 1)]


def test_tasks_in_loops_are_run_once_an_item() -> None:
    specification = {
        "root": {"dag": graph(compare=[["loop"]], loop=[[], "pipelinechannel--models"])},
        "components": {
            "comp-compare": {}, "comp-train": {}, "comp-tokenize": {},
            "comp-loop": {"dag": graph(
                tokenize=[[]], inner=[["tokenize"], "pipelinechannel--seeds"]
            )},
            "comp-inner": {"dag": graph(train=[[]])},
        },
    }  # fmt: skip
    found = expected_tasks(specification, {"models": ["a", "b"], "seeds": [1, 2, 3]})
    assert list(found.items()) == [("tokenize", 2), ("train", 6), ("compare", 1)]


@pytest.mark.parametrize(
    ("nodes", "state", "seconds"),
    [
        pytest.param([], "WAITING 0/2", None, id="not-listed"),
        pytest.param([node("train-driver", "RUNNING")], "PENDING 0/2", 10, id="driver-decides"),
        pytest.param([node("train", "RUNNING", 4)], "RUNNING 0/2", 6, id="first-runs"),
        pytest.param([node("train", "SUCCEEDED", 1, 8)], "RUNNING 1/2", 9, id="second-missing"),
        pytest.param(
            [node("train", "SUCCEEDED", 1, 8), node("train", "SUCCEEDED", 2, 9)],
            "SUCCEEDED 2/2", 8, id="both-ended",
        ),
        pytest.param(
            [node("train", "SUCCEEDED", 3, 3), node("train", "RUNNING", 4)],
            "RUNNING 1/2 (1 reused)", 7, id="one-reused",
        ),
        pytest.param([node("train", "SUCCEEDED", 3, 3)] * 2, "SUCCEEDED 2/2 (reused)", 0,
                     id="reused"),
        pytest.param(
            [node("train", "FAILED", 1, 3), node("train", "RUNNING", 2)], "FAILED 0/2", 9,
            id="one-failed",
        ),
        pytest.param(
            [node("train", "FAILED", 1, 3), node("train", "SUCCEEDED", 2, 5)], "FAILED 1/2", 4,
            id="one-failed-at-the-end",
        ),
        pytest.param([node("train", "SKIPPED", 1, 1)] * 2, "SKIPPED 0/2", 9, id="skipped"),
    ],
)  # fmt: skip
def test_the_state_of_a_task_in_a_loop(nodes: list[Any], state: str, seconds: float | None) -> None:
    (task,) = tasks_of(run_of(*nodes, node("executor", "SKIPPED")), {"train": 2})
    assert task.shown_state == state
    assert task.seconds(NOON + timedelta(seconds=10)) == seconds


@pytest.mark.parametrize(
    ("nodes", "state", "seconds"),
    [
        pytest.param([], "WAITING", None, id="not-listed"),
        pytest.param([node("train-driver", "RUNNING")], "PENDING", 10, id="driver-decides"),
        pytest.param([node("train-driver", "FAILED")], "FAILED", 10, id="driver-failed"),
        pytest.param([node("train", "RUNNING", 4)], "RUNNING", 6, id="runs"),
        pytest.param([node("train", "SUCCEEDED", 1, 8)], "SUCCEEDED", 7, id="ended"),
        pytest.param([node("train", "SUCCEEDED", 3, 3)], "SUCCEEDED (reused)", 0, id="reused"),
        pytest.param(
            [node("train", "FAILED", 1, 3), node("train", "RUNNING", 4)], "RUNNING", 6, id="again"
        ),
        pytest.param(
            [node("train", "RUNNING", 4), node("train", "FAILED", 1, 3)], "RUNNING", 6, id="order"
        ),
        pytest.param([node("train", "RUNNING", 99)], "RUNNING", 0, id="clocks-differ"),
    ],
)
def test_the_state_of_a_task(nodes: list[Any], state: str, seconds: float | None) -> None:
    (task,) = tasks_of(run_of(*nodes, node("executor", "SKIPPED")), {"train": 1})
    assert task.shown_state == state
    assert task.seconds(NOON + timedelta(seconds=10)) == seconds


def test_a_run_without_details_waits() -> None:
    assert tasks_of(V2beta1Run(), {"train": 1}) == [Task(name="train")]


def test_what_the_server_says_of_a_failure() -> None:
    error = GoogleRpcStatus(code=13, message="no such\n  image")
    assert message_of(SimpleNamespace(error=error, state_history=None)) == "no such image"
    history = [V2beta1RuntimeStatus(state="FAILED", error=error), V2beta1RuntimeStatus()]
    assert message_of(SimpleNamespace(error=None, state_history=history)) == "no such image"
    assert message_of(SimpleNamespace(error=None, state_history=None)) == ""


@pytest.mark.parametrize(
    ("run", "lines"),
    [
        pytest.param(run_of(node("train", "FAILED", 0, 1)), ["train failed"], id="task"),
        pytest.param(
            run_of(node("train-driver", "FAILED", error=GoogleRpcStatus(message="bad limit"))),
            ["train failed: bad limit"],
            id="driver",
        ),
        pytest.param(run_of(error=GoogleRpcStatus(message="quota")), ["quota"], id="run"),
        pytest.param(run_of(), ["no task failed; the server gives no reason"], id="nothing"),
    ],
)
def test_failures(run: Any, lines: list[str]) -> None:
    assert failures(run, {"train": 1}) == lines


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.4, "0:00"), (65, "1:05"), (3600, "1:00:00"), (90061, "25:01:01")],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_a_log_says_each_state_once(capsys: pytest.CaptureFixture[str]) -> None:
    view = LogView()
    running = Task(name="train", state="RUNNING", started=NOON)
    ended = Task(name="train", state="FAILED", started=NOON, ended=NOON + timedelta(seconds=61))
    for state, task in (("RUNNING", running), ("RUNNING", running), ("FAILED", ended)):
        view.show(state, [task, Task(name="compare")])
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["train RUNNING", "run RUNNING", "train FAILED after 1:01", "run FAILED"]


def test_the_table_of_a_terminal() -> None:
    view, shown = LiveView(), io.StringIO()
    ended = NOON + timedelta(seconds=75)
    view.show("RUNNING", [
        Task(name="tokenize-albert", state="SUCCEEDED", started=NOON, ended=NOON, reused=1),
        Task(name="train-albert", state="FAILED", started=NOON, ended=ended),
        Task(name="compare"),
    ])  # fmt: skip
    view.say("the server answered 503; trying again in 1 s")
    console = Console(file=shown, width=70, color_system=None)
    console.print(view.drawn())
    local = f"{NOON.astimezone():%H:%M:%S}"
    assert [line.rstrip() for line in shown.getvalue().splitlines()] == [
        "task             state               duration  started",
        f"tokenize-albert  SUCCEEDED (reused)      0:00  {local}",
        f"train-albert     FAILED                  1:15  {local}",
        "compare          WAITING",
        "run              RUNNING",
        "the server answered 503; trying again in 1 s",
    ]
    view.show("RUNNING", [])
    assert len(view.drawn().renderables) == 1  # the note is gone


def test_a_terminal_gets_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), width=70, force_terminal=True)
    monkeypatch.setattr("pipelines.follow.Console", lambda **_: console)
    with view_of_run() as view:
        view.show("RUNNING", [Task(name="train-albert")])
    assert "train-albert" in console.file.getvalue()  # type: ignore[attr-defined]


def test_no_table_without_a_terminal() -> None:
    with view_of_run() as view:
        assert isinstance(view, LogView)
