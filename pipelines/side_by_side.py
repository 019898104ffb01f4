"""A leaderboard on this machine: its runs side by side, each in a process of its own.

KFP's local runners run one task after the other, save in a loop: there two at a time, in threads
that share one standard output and one logger, so that their lines cannot be told apart. So every
run is a pipeline of one run in a process of its own, and in the end the whole pipeline finds their
steps in the cache and compares them.
"""

import io
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, product
from multiprocessing import connection
from pathlib import PurePosixPath
from typing import Any, TextIO, cast

from components.encoders.digest import split_digest
from components.encoders.sizes import PREFIX
from pipelines.arguments import Encoders
from pipelines.capacity import room_for
from pipelines.compiled import Specification
from pipelines.local_runner import Ended, LocalRunner, StepBrokeDown
from pipelines.settings import LEADERBOARD, Settings

NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
TOLD = ("tokenize", "train", "evaluate")  # their reuse was told when the pieces ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a leaderboard that runs by itself.

    Attributes:
        label: What its lines begin with, and its folders and its log are named by.
        runs: Its runs, as the pipeline's parameter.
        quiet: Tasks whose reuse is not worth a line.
    """

    label: str
    runs: list[dict[str, Any]]
    quiet: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The label as it may stand in names of pipelines and files.

        KFP takes a pipeline for a component where it has the name of one.
        """
        return f"{LEADERBOARD}-{NOT_IN_NAMES.sub('-', self.label.lower()).strip('-')}"


def run_leaderboard(
    runner: LocalRunner,
    arguments: Mapping[str, Any],
    encoders: Encoders,
    settings: Settings,
    shown: TextIO,
) -> Ended:
    """Runs a leaderboard.

    Args:
        runner: How its steps run; with a cache.
        arguments: Those of the pipeline.
        encoders: Its encoders, by which the memory of a training is estimated.
        settings: What it is made of.
        shown: Where lines go.

    Raises:
        InputError: A step refused its input.
        StepBrokeDown: Steps ended without saying why; the other runs were finished before.
    """
    from pipelines.leaderboard import COMPARED, EVALUATED, TOKENIZED, of_runs

    models, runs = pieces(arguments["models"], arguments["learning_rates"], arguments["seeds"])
    room = room_for(settings, tuple(encoders.values()), len(runs))
    print(room.sentence, file=shown, flush=True)
    with _workers(room.at_once, shown) as workers:
        for until, parts in ((TOKENIZED, models), (EVALUATED, runs)):
            specification = runner.compiled(of_runs(until))
            _run_all(workers, room.at_once, (runner, specification, arguments), parts)
    whole = Piece(label="whole", runs=[run for part in runs for run in part.runs], quiet=TOLD)
    return _run(runner, runner.compiled(of_runs(COMPARED)), arguments, whole, shown)


def pieces(
    models: Sequence[str], learning_rates: Sequence[float], seeds: Sequence[int]
) -> tuple[list[Piece], list[Piece]]:
    """Returns a piece for each model, which is tokenized once, and one for each run."""
    names = _short_names(models)
    runs = [
        (name, {"model": model, "learning_rate": learning_rate, "seed": seed})
        for (model, name), learning_rate, seed in product(names.items(), learning_rates, seeds)
    ]
    first = {name: run for name, run in reversed(runs)}
    return [Piece(label=name, runs=[first[name]]) for name in names.values()], [
        Piece(
            label=f"{name} lr {run['learning_rate']:g} seed {run['seed']}",
            runs=[run],
            quiet=("tokenize",),
        )
        for name, run in runs
    ]


def _short_names(models: Sequence[str]) -> dict[str, str]:
    """Returns the last part of each model argument, numbered where two have the same."""
    names: dict[str, str] = {}
    for model in models:
        argument = split_digest(model)[0].removeprefix(PREFIX)
        name = PurePosixPath(argument).name or argument
        same = sum(1 for other in names.values() if other.split(" ")[0] == name)
        names[model] = f"{name} {same + 1}" if same else name
    return names


def _run(
    runner: LocalRunner,
    specification: Specification,
    arguments: Mapping[str, Any],
    piece: Piece,
    shown: TextIO,
) -> Ended:
    """Runs one piece under its own name, which its folders and its log have."""
    named = specification | {"pipelineInfo": {"name": piece.name}}
    given = {**arguments, "runs": piece.runs}
    log = runner.output / "logs" / f"{piece.name}.txt"
    return runner.of_piece().run(named, given, log, shown, quiet=piece.quiet)


def _run_all(
    workers: ProcessPoolExecutor, at_once: int, common: tuple[Any, ...], parts: Sequence[Piece]
) -> None:
    """Runs pieces, as many at once as there is room for.

    After a mistake in the input no more are started; after a breakdown the others are run first.
    """
    waiting, running, broken = iter(parts), set[Future[None]](), list[str]()
    labels: dict[Future[None], str] = {}
    while True:
        # No more than can run at once: one that waits with the workers cannot be taken back.
        for piece in islice(waiting, at_once - len(running)):
            future = workers.submit(_work, *common, piece)  # type: ignore[call-arg]
            labels[future] = piece.label
            running.add(future)
        if not running:
            break
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                future.result()
            except StepBrokeDown as error:
                broken.append(f"{labels[future]}: {error}")
            except BrokenProcessPool:
                raise StepBrokeDown(
                    f"the process of a run was killed ({labels[future]} or one beside it): most "
                    "often the memory did not suffice; try --parallel 1"
                ) from None
    if broken:
        more = f" (and {len(broken) - 1} more runs)" if len(broken) > 1 else ""
        raise StepBrokeDown(
            f"{broken[0]}{more}; the same command again runs what is missing, --parallel 1 one "
            "after the other"
        )


@contextmanager
def _workers(count: int, shown: TextIO) -> Iterator[ProcessPoolExecutor]:
    """Gives processes whose lines are shown here."""
    context = multiprocessing.get_context("spawn")
    lines = context.SimpleQueue()
    shower = threading.Thread(target=_show, args=(lines, shown), daemon=True)
    shower.start()
    workers = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(lines,))
    try:
        yield workers
    except SystemExit:  # by SIGTERM: their steps would run to their end
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        workers.shutdown(cancel_futures=True)
        lines.put(None)
        shower.join()
        lines.close()


def _show(lines: Any, shown: TextIO) -> None:
    while (line := lines.get()) is not None:
        print(line, file=shown, flush=True)


class _Lines(io.TextIOBase):
    """A stream that sends whole lines to the main process, each with its run before it."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._label = label

    def write(self, text: str) -> int:
        for line in text.splitlines():
            _queue.put(f"{self._label} | {line.strip()}")
        return len(text)


_queue: Any = None  # in a worker: where its lines go


def _begin(lines: Any) -> None:
    """Readies a worker: it ends with the main process, and Ctrl-C ends its work alone."""
    global _queue
    _queue = lines
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent  # noqa: S101 - mypy cannot know
    connection.wait([parent.sentinel])
    os._exit(1)


def _work(
    runner: LocalRunner, specification: Specification, arguments: Mapping[str, Any], piece: Piece
) -> None:
    """Runs a piece in a worker."""
    # What a step inherits: with Ctrl-C ignored it would go on by itself.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _run(runner, specification, arguments, piece, cast(TextIO, _Lines(piece.label)))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
