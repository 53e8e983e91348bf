"""The report: one HTML file that needs nothing but a browser, and no network."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hpobench.plots.canvas.words import counted
from hpobench.plots.report.blocks import Section
from hpobench.plots.report.chart import ChartData, chart_data
from hpobench.plots.report.context import Context, read
from hpobench.plots.report.packing import pack, plotly_js
from hpobench.plots.report.sections import PARTS, UNDER_WAY, WHILE_RUNNING, sections
from hpobench.results.study.time_axis import AXES, WALL_CLOCK
from hpobench.shown import harmless
from hpobench.system import atomic

AXES_WHILE_RUNNING = (WALL_CLOCK,)
SCRIPTS = (
    "state.js",
    "unpack.js",
    "figure.js",
    "readout.js",
    "legend.js",
    "tables.js",
    "paper.js",
    "start.js",
)


def write(folder: Path, output: Path | None = None, *, failed: str | None = None) -> Path:
    """Write the report of the study in `folder`, as `folder`/report.html unless told otherwise.

    `failed`: what failed runs count as (see `results.failed_runs`); None: as the study says.
    """
    return write_page(read(folder, failed), output or folder / "report.html")


@dataclass(frozen=True)
class Made:
    """What takes time to make, and stays until another run is stored."""

    sections: Sequence[Section]
    chart: Mapping[str, Markup] | None


def make(context: Context, *, short: bool = False) -> Made:
    """Sections and interactive figure; `short`: those for a study that is running."""
    chart = chart_data(context, AXES_WHILE_RUNNING if short else tuple(AXES))
    made = sections(context, WHILE_RUNNING if short else PARTS)
    return Made(made, _packed(chart) if chart else None)


def write_page(
    context: Context, output: Path, *, refresh_s: float | None = None, made: Made | None = None
) -> Path:
    """Write the report; the file is replaced as a whole.

    `refresh_s`: a short form for a study that is running, which loads itself anew that often.
    `made`: what was made of the stored runs before.
    """
    text = render(context, refresh_s=refresh_s, made=made)
    atomic.write_text(output, text)
    return output


def render(context: Context, *, refresh_s: float | None = None, made: Made | None = None) -> str:
    """The page as text. All text that comes from outside is escaped by the templates."""
    loader = PackageLoader("hpobench.plots.report", "page")
    pages = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_harmless,
    )
    made = made or make(context, short=refresh_s is not None)
    return pages.get_template("report.html.j2").render(
        title=f"Study {context.name}",
        about=_about(context),
        running=_running(context),
        sections=[*sections(context, UNDER_WAY), *made.sections],
        chart=made.chart,
        css=Markup(loader.get_source(pages, "report.css")[0]),
        js=Markup("\n".join(loader.get_source(pages, name)[0] for name in SCRIPTS)),
        refresh_s=refresh_s,
    )


def _harmless(value: Any) -> Any:
    """Text that is not of the templates, without what steers or turns; escaped afterwards."""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _packed(chart: ChartData) -> Mapping[str, Markup]:
    document = json.dumps(chart.document, allow_nan=False, separators=(",", ":"))
    parts = {"document": document.encode(), "numbers": chart.numbers, "plotly": plotly_js()}
    return {name: Markup(pack(content)) for name, content in parts.items()}


def _about(context: Context) -> list[str]:
    """What was compared, in two lines."""
    study, settings = context.study, context.study.settings
    seeds = study.runs["seed"].nunique()
    words = [_many(len(study.methods), "method"), _many(len(study.tasks), "task")]
    lines = [
        f"{' and '.join(words)}, {_many(seeds, 'seed')}: {_many(len(study.runs), 'stored run')}."
    ]
    if "workers" in settings:
        lines.append(f"{counted(np.atleast_1d(settings['workers']), 'workers')} a run.")
    return lines


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _running(context: Context) -> str:
    stored = len(context.study.runs)
    if stored >= context.planned:
        return ""
    return (
        f"{stored:,} of {context.planned:,} planned runs are stored: what follows may change with "
        "the others."
    )
