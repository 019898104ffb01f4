"""The report as one page of HTML that carries its pictures and needs no script."""

import base64
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.compare.blocks import Part, spans
from components.compare.drawing import DARK
from components.compare.facts import ComparisonFacts
from components.compare.pictures import data_uri, draw
from components.compare.report import document
from components.compare.sections.figures import interval_text, ranked
from components.compare.text import visible

_HERE = Path(__file__).parent
_TEMPLATE, _STYLE = "page.html.jinja", "page.css"
_TILES = 4  # models whose accuracy stands in the card; the leaderboard has all
_LONG_PART = 12  # table rows; a longer part is folded

_MOODS = {
    "claimed": "A difference is claimed",
    "open": "No difference is claimed",
    "failed": "A model FAILED",
}


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture within the page: its addresses for both colour schemes, its size in pixels."""

    light: str
    dark: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Tile:
    """A model's accuracy in the card of the outcome."""

    name: str
    accuracy: str
    interval: str


def render_page(comparison: ComparisonFacts, pictures: Mapping[str, bytes]) -> str:
    """Writes the page.

    Args:
        comparison: What the comparison found.
        pictures: The PNGs of the report by name; those for dark screens are drawn here.
    """
    dark = draw(comparison, DARK) if pictures else {}
    report, mood = document(comparison), _mood(comparison)
    style = (_HERE / _STYLE).read_text(encoding="utf-8")
    return (
        _environment()
        .get_template(_TEMPLATE)
        .render(
            report=report,
            title=f"{' and '.join(_names(comparison))} on {report.task}",
            mood=mood,
            mood_text=_MOODS[mood],
            tiles=_tiles(comparison),
            pictures={name: _picture(png, dark.get(name)) for name, png in pictures.items()},
            # Ours, without a character that HTML would read; the policy allows its hash alone.
            style=Markup(style),  # noqa: S704
            style_hash=Markup(f"sha256-{_sha256(style)}"),  # noqa: S704
        )
    )


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"spans": spans, "visible": visible, "kind": lambda x: type(x).__name__}
    environment.tests["open_part"] = _is_open
    return environment


def _is_open(part: Part) -> bool:
    """Tells whether a part is short enough to stand open."""
    return sum(len(getattr(block, "rows", ())) for block in part.blocks) <= _LONG_PART


def _mood(comparison: ComparisonFacts) -> str:
    """Says in a word what was found: `claimed`, `open` or `failed`."""
    if any(model.failed for model in comparison.models):
        return "failed"
    return "claimed" if any(pair.claimed for pair in comparison.pairs) else "open"


def _names(comparison: ComparisonFacts) -> list[str]:
    names = [model.name for model in comparison.models]
    return names if len(names) == 2 else [f"{len(names)} models"]


def _tiles(comparison: ComparisonFacts) -> list[_Tile]:
    models = ranked(comparison.models)
    if len(models) > _TILES:
        return []
    return [
        _Tile(
            model.name + (" (FAILED)" if model.failed else ""),
            f"{model.accuracy.mean:.2%}",
            interval_text(model.accuracy_interval),
        )
        for model in models
    ]


def _picture(light: bytes, dark: bytes | None) -> _Picture:
    # A PNG states its size in bytes 16 to 24 (ISO/IEC 15948, 11.2.2).
    width, height = struct.unpack(">II", light[16:24])
    return _Picture(data_uri(light), data_uri(dark) if dark else "", width, height)
