"""Figures of several rounds as Markdown tables with ratios."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.speed.measurement import Case, Measurement, examples_per_second
from benchmarks.speed.peers import CLASSIC, HUGGING_FACE, Peer
from benchmarks.speed.rows import lengths
from benchmarks.speed.work import forward_gflop, training_gflop
from components.artifacts.file import new_file
from components.encoders.config import EncoderConfig

ABSENT = "–"
ROWS_COUNTED = 10_000
"""Rows of LCQMC's lengths whose mean work counts as a row's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A peer's measurements of one case in all rounds, or why there are none."""

    peer: Peer
    case: Case
    rounds: Sequence[Measurement]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a line of a table says of a peer.

    Attributes:
        peer: The peer.
        precision: Of the products.
        speed: Rows a second, the median over rounds; what ratios are taken of.
        cells: The cells after the ratios and the work.
        reason: Why there are no figures.
    """

    peer: Peer
    precision: str
    speed: float = 0.0
    cells: tuple[str, ...] = ()
    reason: str = ""


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the lines of a Markdown table; all columns but the first are right-aligned."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]


def bullets(lines: Sequence[str]) -> list[str]:
    """Returns lines as a Markdown list."""
    return [f"- {line}" for line in lines]


@contextmanager
def printed(path: str) -> Iterator[Callable[[str], None]]:
    """Gives a function that prints a report and, where a path is named, writes it there too.

    Raises:
        InputError: It cannot be written there; said before anything is measured.
    """
    with new_file(Path(path)) if path else nullcontext() as file:

        def write(text: str) -> None:
            print(text)
            if file:
                file.write_text(text, encoding="utf-8")

        yield write


def best(lines: Sequence[Line], kind: str) -> Line | None:
    """Returns the fastest line of a kind of peer; None where none has figures."""
    return max(
        (line for line in lines if line.peer.kind == kind and line.speed),
        key=lambda line: line.speed,
        default=None,
    )


def training_line(entry: Entry) -> Line:
    """Returns a peer's line of a training table."""
    if not entry.rounds:
        return Line(peer=entry.peer, precision=entry.peer.precision, reason=entry.reason)
    is_padded = entry.peer.is_padded
    speeds = [examples_per_second(entry.case, m, is_padded=is_padded) for m in entry.rounds]
    firsts = [m.training.first_step_seconds for m in entry.rounds]
    memory = median(m.training.peak_memory_bytes for m in entry.rounds)
    known = [seconds for seconds in firsts if seconds is not None]
    return Line(
        peer=entry.peer,
        precision=entry.peer.precision,
        speed=median(in_median_step for in_median_step, _ in speeds),
        cells=(
            f"{median(m.training.padding for m in entry.rounds):.2f}",
            f"{median(in_all_steps for _, in_all_steps in speeds):.2f}",
            f"{median(known):.1f}" if known else ABSENT,
            f"{memory / 2**30:.1f}",
        ),
    )


def prediction_line(entry: Entry) -> Line | None:
    """Returns a peer's line of a prediction table; None where it predicted nothing."""
    found = [m.prediction for m in entry.rounds if m.prediction]
    if not found:
        return None
    speed = median(prediction.rows_per_second for prediction in found)
    return Line(peer=entry.peer, precision=found[0].precision, speed=speed)


def _ratio(line: Line, to: Line | None) -> str:
    return f"{line.speed / to.speed:.2f}×" if to else ABSENT


def table(
    unit: str,
    more: Sequence[str],
    lines: Sequence[Line],
    gflop: float,
    peaks: Mapping[str, float],
) -> list[str]:
    """Returns a table of lines, and a sentence that names what the ratios are to.

    Args:
        unit: Heading of the speeds.
        more: Headings of the lines' own cells.
        lines: One a peer.
        gflop: Work of a row.
        peaks: The machine's GEMM peak in GFLOP/s, by precision; may lack some.
    """
    classic, hugging_face = best(lines, CLASSIC), best(lines, HUGGING_FACE)
    rows = []
    for line in lines:
        if line.reason:
            rows.append([line.peer.name, line.reason, *[""] * (4 + len(more))])
            continue
        peak = peaks.get(line.precision)
        achieved = line.speed * gflop
        share = f"{achieved / peak:.0%}" if peak else ABSENT
        ratios = (_ratio(line, classic), _ratio(line, hugging_face))
        rows.append(
            [line.peer.name, line.precision, f"{line.speed:.2f}", *ratios,
             f"{achieved:.1f} ({share})", *line.cells]
        )  # fmt: skip
    header = ["peer", "precision", unit, "× classic", "× HF's best", "GFLOP/s (of peak)", *more]
    named = {"classic": classic, "HF's best": hugging_face}
    said = "; ".join(f"{what}: {line.peer.name}" for what, line in named.items() if line)
    return [*markdown_table(header, rows), *(["", f"{said}."] if said else [])]


def tables_of(
    config: EncoderConfig, entries: Sequence[Entry], peaks: Mapping[str, float]
) -> list[str]:
    """Returns the tables of one encoder and batch size: training and, if any, prediction."""
    case = entries[0].case
    drawn = lengths(ROWS_COUNTED, case.seed)
    name = case.encoder.partition(":")[2]
    work = training_gflop(config, drawn)
    out = [
        f"## {name}, batch {case.batch_size}, training",
        "",
        *table(
            "examples/s",
            ("computed / real tokens", "all steps together", "first step s", "peak GiB"),
            [training_line(entry) for entry in entries],
            work,
            peaks,
        ),
        "",
    ]
    if predictions := [line for entry in entries if (line := prediction_line(entry))]:
        out += [
            f"## {name}, batch {case.predict_batch_size}, prediction",
            "",
            *table("rows/s", (), predictions, forward_gflop(config, drawn), peaks),
            "",
        ]
    return out
