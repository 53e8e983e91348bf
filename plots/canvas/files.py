"""Figures as pixels and as files, in half of the time that Matplotlib's `savefig` takes.

Widths of texts are measured once for all figures, a line of text is drawn as a whole, fonts are cut
down once for all PDFs that need nothing but the usual characters, and nothing is drawn twice. It
takes parts of Matplotlib that it promises to nobody: of versions that were not tried, `savefig`.
"""

import io
import string
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends import backend_agg
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font
from matplotlib.image import AxesImage
from matplotlib.transforms import Affine2D, Bbox, TransformedBbox, TransformedPath
from PIL import Image as Pixels

from hpobench.plots.canvas.style import plain_where_needed, styled
from hpobench.system import atomic
from hpobench.system.terminal import step

DPI = 200
TYPESETTING = ("GSUB", "GPOS", "GDEF", "kern", "name")
"""Tables of a font that were used when a text was set, and are of no use to who reads it."""
USUAL = string.digits + string.ascii_letters + string.punctuation + " –±×≤≥…−ﬀﬁﬂﬃﬄ"
"""Characters that are in all PDFs, what is set for two or three letters among them."""
MOST_EXTENTS = 20_000
_CUT: dict[Any, tuple[Any, bytes]] = {}
"""By file, the font with the usual characters alone, and its content."""
_FONTS = ("family", "sans-serif", "serif", "monospace", "cursive", "fantasy")
_AGG: Any = backend_agg
_TRIED = mpl.__version__.startswith(("3.10.", "3.11."))


class Renderer(_AGG.RendererAgg):  # type: ignore[misc]
    """Matplotlib's own, which sets each letter of a text by itself, and knows no other's widths."""

    def __init__(self, width: float, height: float, dpi: float) -> None:
        super().__init__(width, height, dpi)
        settings: Any = mpl.rcParams
        self._extents = _extents(dpi, str([settings[f"font.{name}"] for name in _FONTS]))

    def get_text_width_height_descent(
        self, s: str, prop: Any, ismath: Any
    ) -> tuple[float, float, float]:
        """Of one line of text."""
        key = (s, prop, ismath)
        if key not in self._extents:
            if len(self._extents) > MOST_EXTENTS:  # of a process that draws for days
                self._extents.clear()
            self._extents[s, prop.copy(), ismath] = super().get_text_width_height_descent(*key)
        return self._extents[key]

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        """Draw one line of text."""
        if ismath or angle or not _TRIED:
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        mine: Any = self
        font = mine._prepare_font(prop)
        font.set_text(s, 0.0, flags=_AGG.get_hinting_flag())
        font.draw_glyphs_to_bitmap(antialiased=gc.get_antialiased())
        left, below = (place / 64 for place in font.get_bitmap_offset())
        bottom = round(y + below + font.get_descent() / 64) + 1
        mine._renderer.draw_text_image(font.get_image(), round(x + left), bottom, 0, gc)


class Both(Renderer):
    """Pixels, and at the same time a page of a PDF: what is drawn is found out once for both."""

    def __init__(self, width: float, height: float, dpi: float, page: Any) -> None:
        super().__init__(width, height, dpi)
        self._page, self._points = page, 72 / dpi
        self._shrunk = Affine2D().scale(self._points)
        self._clips: dict[tuple[float, ...], Bbox] = {}
        mine: Any = self
        for name, transforms in _SHAPES.items():
            setattr(self, name, partial(self._draw, name, getattr(mine, name), transforms))

    def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:  # noqa: N803
        """Draw one shape."""
        self._draw("draw_path", super().draw_path, (1,), gc, path, transform, rgbFace)

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, *given: Any, **more: Any
    ) -> None:
        """Draw one line of text; on a page heights are from its foot."""
        super().draw_text(gc, x, y, s, prop, angle, *given, **more)
        at = x * self._points, (self.height - y) * self._points
        self._page.draw_text(self._of_page(gc), *at, s, prop, angle, *given, **more)

    def _draw(
        self, name: str, here: Any, transforms: Sequence[int], gc: Any, *given: Any, **more: Any
    ) -> None:
        """Draw in pixels, then on the page; `transforms`: which arguments lead to pixels."""
        here(gc, *given, **more)
        there = [
            each + self._shrunk if place in transforms else each for place, each in enumerate(given)
        ]
        getattr(self._page, name)(self._of_page(gc), *there, **more)

    def _of_page(self, gc: Any) -> Any:
        """What is drawn with, for the page."""
        made = self._page.new_gc()
        made.copy_properties(gc)
        box, (path, transform) = gc.get_clip_rectangle(), gc.get_clip_path()
        if box is not None:
            shrunk = TransformedBbox(box, self._shrunk).frozen()
            made.set_clip_rectangle(self._clips.setdefault(shrunk.bounds, shrunk))
        if path is not None:
            made.set_clip_path(TransformedPath(path, transform + self._shrunk))
        return made


_SHAPES = {"draw_markers": (1, 3), "draw_path_collection": (0, 4), "draw_quad_mesh": (0, 5)}
"""Which of their arguments, after the first, are transforms that lead to pixels."""


@lru_cache(maxsize=8)
def _extents(_dpi: float, _fonts: str) -> dict[Any, tuple[float, float, float]]:
    """Width, height and descent of the texts that were measured with these fonts."""
    return {}


class _Measuring(FigureCanvasBase):
    """The canvas of a figure that is laid out and not drawn."""

    def get_renderer(self) -> Renderer:
        """A renderer without room for a single pixel."""
        return Renderer(1, 1, self.figure.dpi)


def lay_out(figure: Figure, dpi: float) -> None:
    """Place what a figure has, once: drawn later, whatever for, it stays where it is."""
    plain_where_needed(figure)
    figure.set_dpi(dpi)
    layout, canvas = figure.get_layout_engine(), figure.canvas
    if layout is not None:
        _Measuring(figure)
        with styled():
            layout.execute(figure)
        figure.set_layout_engine("none")
        figure.set_canvas(canvas)


def pixels(figure: Figure, dpi: float) -> Pixels.Image:
    """What a figure looks like, without transparency unless it is transparent."""
    lay_out(figure, dpi)
    return _drawn(figure, Renderer(*_size(figure), dpi))


def _size(figure: Figure) -> tuple[int, int]:
    return int(figure.bbox.width + 1e-6), int(figure.bbox.height + 1e-6)


def _drawn(figure: Figure, renderer: Renderer) -> Pixels.Image:
    with styled():
        figure.draw(renderer)
    shown = np.asarray(renderer.buffer_rgba())
    opaque = bool((shown[..., 3] == 255).all())
    made = Pixels.fromarray(shown)
    return made.convert("RGB") if opaque else made


def save(figure: Figure, folder: Path | str, stem: str) -> list[Path]:
    """Write `stem`.png (200 dpi) and `stem`.pdf into `folder`, made if need be; their paths.

    The files hold no date, so that the same figure gives the same bytes.
    """
    step(stem)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    png, pdf = folder / f"{stem}.png", folder / f"{stem}.pdf"
    dpi = figure.dpi
    lay_out(figure, DPI)
    if not _TRIED:
        _plainly(figure, png, pdf)
        return [png, pdf]
    with lean_fonts(), atomic.draft(pdf) as aside:
        shown = _with_page(figure, aside, dpi)
    # More than the least of packing takes twice as long, and saves a twentieth.
    with atomic.draft(png) as aside:
        shown.save(aside, format="png", dpi=(DPI, DPI), compress_level=1)
    figure.set_dpi(dpi)
    return [png, pdf]


def _plainly(figure: Figure, png: Path, pdf: Path) -> None:
    """The same by what Matplotlib promises."""
    with styled():
        with atomic.draft(png) as aside:
            figure.savefig(aside, format="png", dpi=DPI)
        with atomic.draft(pdf) as aside:
            figure.savefig(aside, format="pdf", metadata={"CreationDate": None})


def _with_page(figure: Figure, pdf: Path, dpi: float) -> Pixels.Image:
    """Write the PDF; the pixels. `dpi`: of what is in pixels there, too, for its great number."""
    from matplotlib.backends import backend_pdf

    backend: Any = backend_pdf
    options: Any = {"metadata": {"CreationDate": None}}
    if figure.findobj(lambda artist: artist.get_rasterized() or isinstance(artist, AxesImage)):
        shown = _drawn(figure, Renderer(*_size(figure), DPI))
        figure.set_dpi(dpi)
        with styled():
            backend.FigureCanvasPdf(figure).print_pdf(pdf, **options)
        return shown
    with styled(), closing(backend.PdfFile(pdf, **options)) as file:
        width_in, height_in = figure.get_size_inches()
        file.newPage(width_in, height_in)
        page = backend.RendererPdf(file, 72, height_in, width_in)
        shown = _drawn(figure, Both(*_size(figure), DPI, page))
        page.finalize()
        file.finalize()
    return shown


@contextmanager
def lean_fonts() -> Iterator[None]:
    """Embed fonts in PDFs without what only typesetting needs, cut down once for most figures."""
    from fontTools import subset  # the report embeds none
    from matplotlib.backends import _backend_pdf_ps

    embedding: Any = _backend_pdf_ps
    load, cut, written = subset.load_font, embedding.get_glyphs_subset, embedding.font_as_file

    def lean(*given: Any, **options: Any) -> Any:
        font: Any = load(*given, **options)
        for name in TYPESETTING:
            if name in font:
                del font[name]
        return font

    def shared(file: Any, wanted: Any) -> Any:
        """What Matplotlib asks for by a text, from 3.11 on by the numbers of glyphs."""
        usual: Any = USUAL
        if not isinstance(wanted, str):
            usual = {get_font(file).get_char_index(ord(character)) for character in USUAL}
        if not set(wanted) <= set(usual):
            return cut(file, wanted)
        if file not in _CUT:
            with cut(file, usual) as made:
                _CUT[file] = made, written(getattr(made, "font", made)).getvalue()
        return nullcontext(_CUT[file][0])

    def content(font: Any) -> io.BytesIO:
        kept = [text for made, text in _CUT.values() if font in (made, getattr(made, "font", None))]
        return io.BytesIO(kept[0]) if kept else written(font)

    try:
        subset.load_font = lean
        embedding.get_glyphs_subset, embedding.font_as_file = shared, content
        yield
    finally:
        subset.load_font = load
        embedding.get_glyphs_subset, embedding.font_as_file = cut, written
