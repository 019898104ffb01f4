"""Following a run on a cluster: a live table on a terminal, a line for each change in a log."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipelines.kubeflow_server import Server, Unavailable, waits

WAITING = "WAITING"  # ours, for a task that the server does not list yet
SUCCEEDED, FAILED, PENDING, RUNNING = "SUCCEEDED", "FAILED", "PENDING", "RUNNING"
FINAL = {SUCCEEDED, FAILED, "SKIPPED", "CANCELED"}
STYLES = {
    SUCCEEDED: "green", FAILED: "bold red", RUNNING: "cyan", "SKIPPED": "dim", "CANCELED": "red",
    "CANCELING": "red", WAITING: "dim",
}  # fmt: skip
DRIVER = "-driver"  # the pod that decides before a task whether it has to run
HANDED_ON = "pipelinechannel--"  # how a loop calls a parameter of the pipeline
PATIENCE_SECONDS = 15 * 60  # for a server that does not answer


class StillRunning(Exception):
    """Following ended before the run did; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task of a run.

    Attributes:
        name: Its name in the pipeline.
        state: The server's state, or WAITING; of a task in a loop, that of all its items.
        started: When it started; in a loop, when its first item did.
        ended: When it ended; in a loop, when its last item did.
        message: What the server says of its failure; may be empty.
        items: How many there are of it, more than 1 in a loop.
        done: How many of them succeeded.
        reused: How many of them ran no pod: their outputs come from the cache.
    """

    name: str
    state: str = WAITING
    started: datetime | None = None
    ended: datetime | None = None
    message: str = ""
    items: int = 1
    done: int = 0
    reused: int = 0

    @property
    def is_reused(self) -> bool:
        """Whether it ran no pod at all."""
        return self.reused == self.items

    @property
    def shown_state(self) -> str:
        """The state, how many items are done in a loop, and whether the task was reused."""
        state = f"{self.state} {self.done}/{self.items}" if self.items > 1 else self.state
        if self.is_reused:
            return f"{state} (reused)"
        return f"{state} ({self.reused} reused)" if self.reused else state

    def seconds(self, now: datetime) -> float | None:
        """Returns for how long it has run, None before it started."""
        if self.started is None:
            return None
        return max(0.0, ((self.ended or now) - self.started).total_seconds())


def expected_tasks(
    specification: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, int]:
    """Names the tasks of a compiled pipeline, each after those that it needs.

    Args:
        specification: The compiled pipeline.
        parameters: The run's parameters, whose lists its loops go over.

    Returns:
        How often each is run: in loops once an item.
    """
    return dict(_expected(specification, specification["root"]["dag"], parameters, 1))


def _expected(
    specification: Mapping[str, Any],
    graph: Mapping[str, Any],
    parameters: Mapping[str, Any],
    times: int,
) -> Iterator[tuple[str, int]]:
    for name in _in_order(graph["tasks"]):
        task = graph["tasks"][name]
        inner = specification["components"][task["componentRef"]["name"]].get("dag")
        if inner is None:
            yield name, times
        else:
            items = task["parameterIterator"]["items"]["inputParameter"]
            count = len(parameters[items.removeprefix(HANDED_ON)])
            yield from _expected(specification, inner, parameters, times * count)


def _in_order(tasks: Mapping[str, Any]) -> list[str]:
    depths: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in depths:
            needs = tasks[name].get("dependentTasks", [])
            depths[name] = 1 + max(map(depth, needs), default=0)
        return depths[name]

    return sorted(tasks, key=lambda name: (depth(name), name))


def tasks_of(run: Any, expected: Mapping[str, int]) -> list[Task]:
    """Returns the state of each expected task.

    The server lists a node for each driver, executor and task. Those of one name are the items of
    a loop, and outside of loops retries.
    """
    nodes: dict[str, list[Any]] = {}
    for node in (run.run_details and run.run_details.task_details) or []:
        nodes.setdefault(node.display_name, []).append(node)
    return [
        _looped(name, nodes.get(name, []), nodes.get(name + DRIVER, []), items)
        if items > 1
        else _task(name, _latest(nodes.get(name, [])), _latest(nodes.get(name + DRIVER, [])))
        for name, items in expected.items()
    ]


_EPOCH = datetime.fromtimestamp(0, UTC)


def _latest(nodes: Sequence[Any]) -> Any:
    """Returns the node that started last, None if there is none."""
    # Of those that started together the last: the server lists a retry after what it retries.
    return max(reversed(nodes), key=lambda n: _time(n.start_time) or _EPOCH, default=None)


def _task(name: str, node: Any, driver: Any) -> Task:
    if node is None and driver is None:
        return Task(name=name)
    if node is None:
        # A task's own node comes after its driver's.
        state = driver.state if driver.state == FAILED else PENDING
        return Task(
            name=name, state=state, started=_time(driver.start_time), message=message_of(driver)
        )
    return Task(
        name=name,
        state=node.state or PENDING,
        started=_time(node.start_time),
        ended=_time(node.end_time),
        message=message_of(node) or (message_of(driver) if driver else ""),
        done=int(node.state == SUCCEEDED),
        reused=int(_is_reused(node)),
    )


def _is_reused(node: Any) -> bool:
    """Tells whether a task's outputs come from the cache.

    The API does not say so. A task that starts and ends in the same second ran nothing.
    """
    started = _time(node.start_time)
    return node.state == SUCCEEDED and started is not None and started == _time(node.end_time)


def _looped(name: str, nodes: Sequence[Any], drivers: Sequence[Any], items: int) -> Task:
    """Returns the items of a task in a loop as one task."""
    if not nodes and not drivers:
        return Task(name=name, items=items)
    failed = [node for node in (*nodes, *drivers) if node.state == FAILED]
    done = sum(node.state == SUCCEEDED for node in nodes)
    is_over = done == items or (failed and all(node.state in FINAL for node in nodes))
    ends = [end for node in nodes if (end := _time(node.end_time))]
    return Task(
        name=name,
        state=FAILED if failed else _state_of_items(nodes, done, items),
        started=min(filter(None, (_time(n.start_time) for n in (*nodes, *drivers))), default=None),
        ended=max(ends, default=None) if is_over else None,
        message=next(filter(None, map(message_of, failed)), ""),
        items=items,
        done=done,
        reused=sum(map(_is_reused, nodes)),
    )


def _state_of_items(nodes: Sequence[Any], done: int, items: int) -> str:
    if done == items:
        return SUCCEEDED
    if nodes and all(node.state in FINAL for node in nodes) and done < len(nodes):
        return str(next(node.state for node in nodes if node.state != SUCCEEDED))  # e.g. skipped
    return RUNNING if nodes else PENDING


def message_of(node: Any) -> str:
    """Returns the error that a run or one of its nodes carries, as one line; may be empty."""
    history = [status.error for status in node.state_history or [] if status.error]
    errors = [node.error] if node.error else history[-1:]
    return " ".join(" ".join((error.message or "").split()) for error in errors)


def _time(time: datetime | None) -> datetime | None:
    """Returns a time of the API; what has not happened yet is the year 1 or 1970 there."""
    return time if time and time.year > 1970 else None


def duration(seconds: float | None) -> str:
    """Returns seconds as `2:05` or `1:02:05`, nothing for None."""
    if seconds is None:
        return ""
    minutes, seconds_left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds_left:02}" if hours else f"{minutes}:{seconds_left:02}"


class View(Protocol):
    """Shows a run while it is followed."""

    def show(self, state: str, tasks: Sequence[Task]) -> None:
        """Shows the run's state and its tasks."""

    def say(self, message: str) -> None:
        """Shows a line of its own."""


class LogView:
    """A line for each change, for logs and pipes."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def show(self, state: str, tasks: Sequence[Task]) -> None:
        """Prints the states that changed."""
        now = datetime.now(UTC)
        for task in tasks:
            if task.shown_state == self._shown.get(task.name, WAITING):
                continue
            self._shown[task.name] = task.shown_state
            ran = task.state in FINAL and not task.is_reused and task.seconds(now) is not None
            after = f" after {duration(task.seconds(now))}" if ran else ""
            self.say(f"{task.name} {task.shown_state}{after}")
        if state and state != self._shown.get(""):
            self._shown[""] = state
            self.say(f"run {state}")

    def say(self, message: str) -> None:
        """Prints a line with the time of day."""
        print(f"{datetime.now():%H:%M:%S} {message}", flush=True)


class LiveView:
    """A table that is drawn anew as time goes by."""

    def __init__(self) -> None:
        self._state, self._tasks, self._note = PENDING, list[Task](), ""

    def show(self, state: str, tasks: Sequence[Task]) -> None:
        """Takes what to show from now on."""
        self._state, self._tasks, self._note = state, list(tasks), ""

    def say(self, message: str) -> None:
        """Shows a line below the table until the server answers again."""
        self._note = message

    def drawn(self) -> Group:
        """Draws the table as it is now."""
        table = Table("task", "state", "duration", "started", box=None, pad_edge=False)
        table.columns[2].justify = "right"
        now = datetime.now(UTC)
        for task in self._tasks:
            started = f"{task.started.astimezone():%H:%M:%S}" if task.started else ""
            state = Text(task.shown_state, STYLES.get(task.state, ""))
            table.add_row(task.name, state, duration(task.seconds(now)), started)
        table.add_row("run", Text(self._state, STYLES.get(self._state, "")))
        return Group(table, Text(self._note, "yellow")) if self._note else Group(table)


@contextmanager
def view_of_run() -> Iterator[View]:
    """Gives the view that fits standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield LogView()
        return
    view = LiveView()
    with Live(get_renderable=view.drawn, console=console, refresh_per_second=2):
        yield view


def follow(
    server: Server,
    run_id: str,
    expected: Mapping[str, int],
    view: View,
    *,
    poll_seconds: float,
    timeout_seconds: float,
) -> Any:
    """Shows a run until it ends, and returns it; `timeout_seconds` of 0 waits for ever.

    Raises:
        StillRunning: Time is up, or the server does not answer any more.
        InputError: The server refuses to tell, for instance because the token expired.
    """
    deadline = time.monotonic() + timeout_seconds if timeout_seconds else float("inf")
    view.show(PENDING, [Task(name=name, items=items) for name, items in expected.items()])
    while True:
        run = _patiently(lambda: server.run(run_id), view, deadline)
        view.show(run.state or PENDING, tasks_of(run, expected))
        if run.state in FINAL:
            return run
        if time.monotonic() + poll_seconds > deadline:
            raise StillRunning(f"it has not ended within {duration(timeout_seconds)}")
        time.sleep(poll_seconds)


def _patiently(ask: Callable[[], Any], view: View, deadline: float) -> Any:
    given_up = min(deadline, time.monotonic() + PATIENCE_SECONDS)
    for seconds in waits():
        try:
            return ask()
        except Unavailable as error:
            if time.monotonic() + seconds > given_up:
                raise StillRunning(f"the server does not answer any more: {error}") from None
            view.say(f"{error}; trying again in {seconds:g} s")
            time.sleep(seconds)
    raise AssertionError


def failures(run: Any, expected: Mapping[str, int]) -> list[str]:
    """Says for each failed task what the server knows of it, one line a task."""
    failed = [task for task in tasks_of(run, expected) if task.state == FAILED]
    lines = [f"{t.name} failed{f': {t.message}' if t.message else ''}" for t in failed]
    if message := message_of(run):
        lines.append(message)
    return lines or ["no task failed; the server gives no reason"]
