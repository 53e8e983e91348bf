"""How wide figures are, in which type, and whether they carry captions: for screen or paper."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from matplotlib import font_manager

WIDTHS_IN = {"column": 3.3, "page": 6.9}
"""One column of a page of two, and the whole page."""
TYPE: Any = {
    **{"font.size": 7.5, "axes.titlesize": 8, "axes.labelsize": 7.5},
    **{"xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7.5, "lines.linewidth": 1.2},
}
PANEL_PER_WIDTH = 0.72


@dataclass(frozen=True)
class Paper:
    """`width_in`: None for a screen. `font`: a family that is installed, None for the usual one."""

    width_in: float | None = None
    font: str | None = None
    caption: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """What it changes of matplotlib's settings."""
        font = {"font.family": self.font, "mathtext.fontset": "custom"} if self.font else {}
        return ({} if self.width_in is None else dict(TYPE)) | font


_SCREEN = Paper()
_CURRENT: ContextVar[Paper] = ContextVar("paper", default=_SCREEN)


def current() -> Paper:
    """The one that figures are drawn for."""
    return _CURRENT.get()


@contextmanager
def drawn_for(paper: Paper) -> Iterator[None]:
    """Figures are drawn for this, as long as the block lasts; ValueError without the font."""
    check(paper)
    token = _CURRENT.set(paper)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def check(paper: Paper) -> None:
    """Raise ValueError, naming the choices, if its font is not installed."""
    font = paper.font
    if font is None:
        return
    try:
        font_manager.findfont(font, fallback_to_default=False)
    except ValueError:
        names = sorted({entry.name for entry in font_manager.fontManager.ttflist})
        raise ValueError(
            f"font {font!r} is not installed: choose one of {', '.join(names)}"
        ) from None


def width(asked_in: float | None, usual_in: float) -> float:
    """The width asked for, else that of the paper, else the usual one; inches."""
    return asked_in or current().width_in or usual_in
