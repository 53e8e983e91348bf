"""How figures look: colours, lines, sizes, and how they are saved."""

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator

from hpobench.plots.canvas import paper
from hpobench.plots.canvas.colours import distance
from hpobench.storage.schema import MethodFacts

# Okabe and Ito (2008), without yellow, which is too light for lines on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")

# A colour has its shape, and a line its filling: in print (shape, line) and mostly even a lone
# marker (shape, filling; stars are full or empty only) tell what colours tell on a screen.
# The second row: more colours of methods.
SHAPES: dict[str, Any] = {
    **dict(zip(PALETTE, ("o", "s", "^", "D", "v", "P", "X"), strict=True)),
    **{"#17BECF": "<", "#332288": ">", "#661100": "p", "#4B1D7A": "*", "#882255": "h"},
    **{"#8C564B": "d", "#AA4499": "1", "#DC267F": "x", "#DDAA33": (6, 1, 0)},
    **{"#117733": (6, 2, 0)},
    # Colours of other libraries: stars and polygons (corners, kind, degrees).
    **{"#264FA5": "H", "#5B8FF9": "8", "#1B4F72": (4, 1, 0), "#B03A2E": (5, 1, 180)},
    **{"#117864": (3, 1, 0), "#0E6251": (5, 0, 180), "#4A235A": (8, 1, 0), "#5499C7": (3, 1, 180)},
    **{"#005F3C": (3, 0, 180)},
    **{"#6E2C00": (4, 1, 45), "#777777": (4, 0, 20), "#7D6608": (7, 1, 0), "#943126": (3, 0, 90)},
}
HALVED = "os^DvP<>phH8d"
HUES = tuple(color for color, shape in SHAPES.items() if str(shape) in HALVED)
"""For methods that declare no colour: with shapes that have all fillings, and without black, which
looks like the reference of others."""
LOOKS = tuple((color, line) for line in LINES for color in HUES)
FAR, NEAR = 25.0, 12.0
"""Distances (see `colours`): from the first a hue is one of its own, below the second the same."""
FILLINGS = {"-": "full", "--": "none", "-.": "left", ":": "bottom"}

PANEL_IN = (3.4, 2.7)
SINGLE_IN = (6.4, 4.2)
COLUMN_IN = 3.4
MARKER_POINTS = 5.0
BAND_ALPHA = 0.18

RC: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 9,
    "legend.handlelength": 2.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "pdf.fonttype": 42,  # fonts are embedded as text that can be searched and edited
}


class Look(NamedTuple):
    """Colour and line style of a method, and the marker that goes with them."""

    color: str
    line: Any

    @property
    def marker(self) -> Any:
        """The shape that belongs to the colour; of a colour without one, by its name."""
        shapes = tuple(SHAPES.values())
        return SHAPES.get(self.color.upper(), shapes[zlib.crc32(self.color.encode()) % len(shapes)])

    @property
    def filling(self) -> Any:
        """How the marker is filled: it tells the line styles apart."""
        return FILLINGS.get(self.line, "full")

    def options(self, *, line: bool = True, size: float = MARKER_POINTS) -> dict[str, Any]:
        """Arguments for `Axes.plot` and `Line2D`: a line with markers, or markers alone."""
        return {
            "color": self.color,
            "linestyle": self.line if line else "",
            "marker": self.marker,
            "markersize": size,
            "fillstyle": self.filling,
            "markerfacecoloralt": "white",
            "markeredgewidth": 0.9,
        }


@contextmanager
def styled() -> Iterator[None]:
    """The project's style, for as long as the block lasts."""
    with mpl.rc_context(RC | paper.current().settings):
        yield


def looks(methods: Mapping[str, MethodFacts]) -> dict[str, Look]:
    """By method, its declared look; else one that depends on its name, the same in every figure.

    Such a look is told from those of the study's other methods by its hue as long as there are
    hues, then by its line: where those that its name begins with are taken, the next free one is
    used, in order of the names.
    """
    made = {name: Look(f.color, f.line) for name, f in methods.items() if f.color is not None}
    taken = set(made.values())
    for name in sorted(set(methods) - set(made)):
        made[name] = _free_look(name, taken)
        taken.add(made[name])
    return {name: made[name] for name in methods}


def _free_look(name: str, taken: set[Look]) -> Look:
    first = zlib.crc32(name.encode()) % len(HUES)  # unlike hash(), the same in every process
    hues = [*HUES[first:], *HUES[:first]]
    colors = {look.color for look in taken}
    apart = {hue: min((distance(hue, color) for color in colors), default=FAR) for hue in hues}
    for hue in hues:
        if apart[hue] >= FAR:
            return Look(hue, "-")
    best = max(hues, key=lambda hue: apart[hue])
    if apart[best] >= NEAR:
        return Look(best, "-")
    free = (Look(hue, line) for line in LINES for hue in hues if Look(hue, line) not in taken)
    return next(free, Look(hues[0], "-"))


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure that belongs to no window and no global state."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plain_where_needed(figure: Figure) -> None:
    """Show texts as they are that matplotlib would set as mathematics, and cannot; before drawing.

    Labels come from outside: one with a bad `$...$` must not cost the figure.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not isinstance(axis.get_major_locator(), FixedLocator):
                continue  # numbers, whose names are our own: to look at them would place all ticks
            ticks = axis.get_ticklabels()  # ticks are numbered anew whenever they are drawn
            if not all(_can_be_set(text.get_text()) for text in ticks):
                for text in ticks:
                    text.set_parse_math(False)
    plain_texts(figure)


def plain_texts(artist: Artist) -> None:
    """The same for the texts of one artist, before it is measured."""
    for text in _texts(artist):
        if not _can_be_set(text.get_text()):
            text.set_parse_math(False)


def _texts(artist: Artist) -> Iterator[Text]:
    """All texts but those of ticks, which would have to be placed first."""
    if isinstance(artist, Text):
        yield artist
    children = [artist.label] if isinstance(artist, Axis) else artist.get_children()
    for child in children:
        yield from _texts(child)


def _can_be_set(text: str) -> bool:
    return "$" not in text or all(map(_is_well_formed, text.split("\n")))


@lru_cache(maxsize=1024)
def _is_well_formed(line: str) -> bool:
    if not is_math_text(line):
        return True
    try:
        MathTextParser("path").parse(line)
    except ValueError:
        return False
    return True
