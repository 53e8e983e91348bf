"""What a report is made of: sections of paragraphs, tables and images; the templates draw them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import pandas as pd


@dataclass(frozen=True)
class Paragraph:
    """Sentences; `lead`: for a reader in a hurry; `interactive`: only where scripts run, or do not.

    None: in either case.
    """

    kind: ClassVar[str] = "paragraph"
    text: str
    lead: bool = False
    interactive: bool | None = None


@dataclass(frozen=True)
class Code:
    """Text to be copied, or read as it is; `title`: it is folded away below that."""

    kind: ClassVar[str] = "code"
    text: str
    title: str = ""


@dataclass(frozen=True)
class Choice:
    """For a budget, what to use, and the numbers behind it."""

    budget: str
    words: str
    evidence: str


@dataclass(frozen=True)
class Choices:
    """What to use, budget by budget."""

    kind: ClassVar[str] = "choices"
    choices: Sequence[Choice]
    lead: bool = False
    """Words first: for a reader in a hurry."""


@dataclass(frozen=True)
class Image:
    """A static figure as a data URI, shown on so many pixels, with its caption below."""

    kind: ClassVar[str] = "image"
    uri: str
    alt: str
    caption: str
    width: int
    height: int
    replaced: bool = False
    """Whether the interactive figure takes its place on a screen."""


class Word(NamedTuple):
    """A text in a drawing: where it stands, which of its ends or middle does, and its class."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    kind: str = "name"


class Stroke(NamedTuple):
    """A path in a drawing, its class, and the colour that is its own."""

    path: str
    kind: str
    color: str = ""


@dataclass(frozen=True)
class Drawing:
    """A picture that the page draws by itself, of `width` x `height` units, so many `pixels` wide.

    `strokes` from back to front, `words` above them all.
    """

    kind: ClassVar[str] = "drawing"
    alt: str
    caption: str
    width: int
    height: int
    pixels: int
    strokes: Sequence[Stroke]
    words: Sequence[Word]


@dataclass(frozen=True)
class Cell:
    """What is read, and what is sorted by: a number, a text, or None for last."""

    text: str
    key: float | str | None


@dataclass(frozen=True)
class Column:
    """A heading, how to write a value, and what the heading means.

    `beside`: the column of which `show` is given the value as well.
    """

    label: str
    show: Callable[..., str] = str
    meaning: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells under headings; `name` is its anchor, `numeric` columns are set flush right."""

    kind: ClassVar[str] = "table"
    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Chart:
    """The place of the interactive figure."""

    kind: ClassVar[str] = "chart"


@dataclass(frozen=True)
class OnPaper:
    """The place of a panel that the interactive figure draws when the page is printed."""

    kind: ClassVar[str] = "on_paper"
    panel: str


@dataclass(frozen=True)
class Show:
    """A button that shows a panel in the interactive figure."""

    kind: ClassVar[str] = "show"
    panel: str
    text: str


@dataclass(frozen=True)
class Section:
    """A heading with what belongs to it, sections of its own among them; `name` is its anchor.

    `folded`: only the heading is shown until it is opened.
    """

    kind: ClassVar[str] = "section"
    name: str
    title: str
    blocks: Sequence["Block"]
    folded: bool = False


Block = Paragraph | Code | Choices | Image | Drawing | Table | Chart | OnPaper | Show | Section


def table(
    frame: pd.DataFrame, name: str, title: str, columns: Mapping[str, Column], caption: str = ""
) -> Table:
    """The named columns of a frame, in that order; columns that it lacks are left out."""
    present = {name: column for name, column in columns.items() if name in frame}
    numeric = [pd.api.types.is_numeric_dtype(frame[name].dtype) for name in present]
    series = [
        [
            Cell(_shown(column, *values), _key(values[0]))
            for values in frame[[name, *filter(None, [column.beside])]].itertuples(index=False)
        ]
        for name, column in present.items()
    ]
    rows = tuple(zip(*series, strict=True)) if series else ()
    return Table(name, title, caption, tuple(present.values()), tuple(numeric), rows)


def _shown(column: Column, value: Any, *beside: Any) -> str:
    return "–" if value is None or _is_nan(value) else column.show(value, *beside)


def _key(value: Any) -> float | str | None:
    if value is None or _is_nan(value):
        return None
    return float(value) if isinstance(value, Real) else str(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def number(digits: int = 4) -> Callable[[float], str]:
    """A way to write numbers, with so many significant digits."""
    return lambda value: f"{value:.{digits}g}"


def share(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.1f} %"


def count(value: float) -> str:
    """A whole number with commas, or a mean of such to one digit."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
