"""Figures of several rounds as Markdown tables with ratios."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.speed.measurement import Case, Measurement, examples_per_second
from benchmarks.speed.peers import CLASSIC, HUGGING_FACE, OURS, Peer
from benchmarks.speed.rows import Array, lengths
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
        gflop: Work of a row.
        cells: The cells after the ratios and the work.
        reason: Why there are no figures.
    """

    peer: Peer
    precision: str
    speed: float = 0.0
    gflop: float = 0.0
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


def best(lines: Sequence[Line], kind: str, precision: str = "") -> Line | None:
    """Returns the fastest line of a kind of peer, in a precision; None where none has figures."""
    return max(
        (
            line
            for line in lines
            if line.peer.kind == kind and line.speed and precision in ("", line.precision)
        ),
        key=lambda line: line.speed,
        default=None,
    )


def training_line(entry: Entry, config: EncoderConfig, drawn: Array) -> Line:
    """Returns a peer's line of a training table; `drawn` are lengths of rows."""
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
        gflop=training_gflop(config, drawn, first_only=entry.peer.kind == OURS),
        cells=(
            f"{median(m.training.padding for m in entry.rounds):.2f}",
            f"{median(in_all_steps for _, in_all_steps in speeds):.2f}",
            f"{median(known):.1f}" if known else ABSENT,
            f"{memory / 2**30:.1f}",
        ),
    )


def prediction_lines(entry: Entry, config: EncoderConfig, drawn: Array) -> list[Line]:
    """Returns a peer's lines of a prediction table, one for each precision that it predicted in."""
    found: dict[str, list[float]] = {}
    for measurement in entry.rounds:
        for prediction in measurement.predictions:
            found.setdefault(prediction.precision, []).append(prediction.rows_per_second)
    work = forward_gflop(config, drawn, first_only=entry.peer.kind == OURS)
    return [
        Line(peer=entry.peer, precision=precision, speed=median(speeds), gflop=work)
        for precision, speeds in found.items()
    ]


def _ratio(line: Line, to: Line | None) -> str:
    return f"{line.speed / to.speed:.2f}×" if to else ABSENT


def table(
    unit: str,
    more: Sequence[str],
    lines: Sequence[Line],
    peaks: Mapping[str, float],
    *,
    within_precision: bool = False,
) -> list[str]:
    """Returns a table of lines, and a sentence that names what the ratios are to.

    Args:
        unit: Heading of the speeds.
        more: Headings of the lines' own cells.
        lines: One a peer, or a precision of a peer.
        peaks: The machine's GEMM peak in GFLOP/s, by precision; may lack some.
        within_precision: Whether Hugging Face's best is that in a line's own precision.
    """
    classic = best(lines, CLASSIC)
    named = {"classic": classic}
    rows = []
    for line in lines:
        if line.reason:
            rows.append([line.peer.name, line.reason, *[""] * (4 + len(more))])
            continue
        peak = peaks.get(line.precision)
        achieved = line.speed * line.gflop
        share = f"{achieved / peak:.0%}" if peak else ABSENT
        within = line.precision if within_precision else ""
        hugging_face = best(lines, HUGGING_FACE, within)
        named["HF's best" + f" in {within}" * bool(within)] = hugging_face
        ratios = (_ratio(line, classic), _ratio(line, hugging_face))
        rows.append(
            [line.peer.name, line.precision, f"{line.speed:.2f}", *ratios,
             f"{achieved:.1f} ({share})", *line.cells]
        )  # fmt: skip
    header = ["peer", "precision", unit, "× classic", "× HF's best", "GFLOP/s (of peak)", *more]
    said = "; ".join(f"{what}: {line.peer.name}" for what, line in named.items() if line)
    return [*markdown_table(header, rows), *(["", f"{said}."] if said else [])]


def tables_of(
    config: EncoderConfig, entries: Sequence[Entry], peaks: Mapping[str, float]
) -> list[str]:
    """Returns the tables of one encoder and batch size: training and, if any, prediction."""
    case = entries[0].case
    drawn = lengths(ROWS_COUNTED, case.seed)
    name = case.encoder.partition(":")[2]
    out = [
        f"## {name}, batch {case.batch_size}, training",
        "",
        *table(
            "examples/s",
            ("computed / real tokens", "all steps together", "first step s", "peak GiB"),
            [training_line(entry, config, drawn) for entry in entries],
            peaks,
        ),
        "",
    ]
    if predictions := [
        line for entry in entries for line in prediction_lines(entry, config, drawn)
    ]:
        out += [
            f"## {name}, batch {case.predict_batch_size}, prediction",
            "",
            *table("rows/s", (), predictions, peaks, within_precision=True),
            "",
        ]
    return out
