"""Figures as images within a page."""

import base64
import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image as Pixels

from hpobench.plots.canvas.sheet import CAPTION_POINTS, Drawn
from hpobench.plots.canvas.style import plain_where_needed, styled
from hpobench.plots.report.blocks import Image

WIDE_IN = 9.0
DPI = 150
SHOWN_DPI = 112
COLOURS = 128
NEARLY_WHITE = 250


def image(drawn: Drawn, alt: str, *, replaced: bool = False) -> Image:
    """A PNG of few colours: a third of the size, and no difference to be seen in line drawings.

    The caption is taken out of the picture, since it stands below it as text.
    """
    _drop_caption(drawn)
    plain_where_needed(drawn.figure)
    drawn.figure.set_dpi(DPI)
    canvas: Any = FigureCanvasAgg(drawn.figure)
    with styled():
        canvas.draw()
    shown = Pixels.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    pixels = _of_few_colours(shown)
    packed = io.BytesIO()
    pixels.save(packed, format="png")  # to pack it as far as can be takes six times as long for 6 %
    uri = "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode()
    width, height = (round(pixel * SHOWN_DPI / DPI) for pixel in pixels.size)
    return Image(uri, alt, drawn.caption, width, height, replaced)


def _of_few_colours(shown: Pixels.Image) -> Pixels.Image:
    """In a seventh of the time that the usual way takes, whose palette is hardly better.

    What is nearly white is white: it is the background.
    """
    pixels = shown.quantize(COLOURS, Pixels.Quantize.FASTOCTREE, dither=Pixels.Dither.NONE)
    palette = np.array(pixels.getpalette()).reshape(-1, 3)
    palette[palette.min(axis=1) >= NEARLY_WHITE] = 255
    pixels.putpalette(palette.ravel().tolist())
    return pixels


def _drop_caption(drawn: Drawn) -> None:
    lines = drawn.figure.get_supxlabel().count("\n") + 1
    if drawn.figure.get_supxlabel():
        drawn.figure.supxlabel("")
        height = drawn.figure.get_figheight() - lines * CAPTION_POINTS * 1.2 / 72
        drawn.figure.set_figheight(height)
