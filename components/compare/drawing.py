"""How the pictures look, on white and on black paper, and how they become PNGs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from components.compare.text import shorten


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The colours of a picture.

    Attributes:
        paper: Behind everything.
        ink: Names and titles.
        muted: Numbers at the axes and lines of reference.
        edge: The axes.
        grid: Lines of the grid.
        colours: Of the models, told apart by colour-blind eyes.
    """

    paper: str
    ink: str
    muted: str
    edge: str
    grid: str
    colours: tuple[str, ...]


LIGHT = Theme(
    paper="#FFFFFF",
    ink="#222222",
    muted="#636363",
    edge="#B5B5B5",
    grid="#E6E6E6",
    # Okabe and Ito's palette.
    colours=("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
)
DARK = Theme(
    paper="#1B1F24",
    ink="#E6E6E6",
    muted="#A3A9B0",
    edge="#5A616A",
    grid="#31373E",
    # The same hues, light enough to stand out from the paper.
    colours=("#4DA9E0", "#F28A45", "#2EBF93", "#E2A1C6", "#F2BB4A", "#A5D8F5"),
)

# Dashes and markers tell the models apart in print.
_DASHES = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (7, 2, 1.5, 2)))
_MARKERS = ("o", "s", "^", "D", "v", "P")

WIDTH = 5.6  # inches: on a phone the letters are still read, on a desktop they are not huge
_DOTS_PER_INCH = 150
_LONGEST_NAME = 28  # characters
_FONT_SIZE = 10.5
_PALETTE = 64  # colours of a file


@dataclass(frozen=True, slots=True)
class Look:
    """How one model is drawn in every picture.

    Attributes:
        theme: Colours of the picture.
        place: Place of the model in the comparison's table.
    """

    theme: Theme
    place: int

    @property
    def colour(self) -> str:
        """Its colour."""
        return self.theme.colours[self.place % len(self.theme.colours)]

    @property
    def dashes(self) -> object:
        """Its line style."""
        return _DASHES[self.place % len(_DASHES)]

    @property
    def marker(self) -> str:
        """Its marker."""
        return _MARKERS[self.place % len(_MARKERS)]


def drawable(name: str) -> str:
    """Makes a name fit to draw: fonts may lack its letters, a long one would fill the picture.

    A leading underscore would hide a line from the legend.
    """
    plain = name.encode("ascii", "replace").decode()
    printable = "".join(c if c.isprintable() else " " for c in plain).lstrip("_")
    return shorten(printable, _LONGEST_NAME)


def png(theme: Theme, height: float, draw: Callable[[Figure], None]) -> bytes:
    """Draws a figure and returns it as a PNG; the same drawing gives the same bytes.

    Args:
        theme: Its colours.
        height: Its height in inches.
        draw: What draws it.
    """
    with style.context(["default", _style(theme)]):  # whatever the user's own matplotlibrc says
        figure = Figure(figsize=(WIDTH, height), dpi=_DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        drawn = BytesIO()
        figure.savefig(drawn, format="png")
    # A palette makes the file a third as large, and a report carries ten of them.
    small = BytesIO()
    palette = Image.open(drawn).convert("RGB").quantize(_PALETTE, dither=Image.Dither.NONE)
    palette.save(small, "png", optimize=True)
    return small.getvalue()


def _style(theme: Theme) -> dict[str, object]:
    return {
        "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
        "font.size": _FONT_SIZE,
        "text.color": theme.ink,
        "text.parse_math": False,
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.edge,
        "axes.labelcolor": theme.ink,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": theme.grid,
        "xtick.color": theme.muted,
        "ytick.color": theme.muted,
        "lines.linewidth": 1.9,
        "lines.solid_capstyle": "round",
    }


def legend(figure: Figure, axes: Axes, names: Sequence[str]) -> None:
    """Puts the legend above the figure, in as many columns as the names leave room for."""
    columns = max(1, min(3, len(names), 54 // (max(map(len, names)) + 7)))
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper left", ncols=columns, frameon=False
    )


def below_all(figure: Figure, text: str) -> None:
    """Names the axis of a figure whose axes may be narrower than the words."""
    figure.supxlabel(text, fontsize=_FONT_SIZE)


def percentages(axis: Axis) -> None:
    """Writes the shares at an axis as round percentages."""
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g}%"))


def reference_line(axes: Axes, theme: Theme, height: float, text: str) -> None:
    """Draws a dotted line across that says what no learning looks like."""
    axes.axhline(height, color=theme.muted, linestyle=":", linewidth=1.4, zorder=2)
    axes.annotate(
        text, (1, height), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", ha="right", va="bottom", color=theme.muted, fontsize=9.5,
        zorder=5, bbox={"facecolor": theme.paper, "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )  # fmt: skip
