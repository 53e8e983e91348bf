"""The report: one HTML file that needs nothing but a browser, and no network."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hpobench.plots.report.chart import ChartData, chart_data
from hpobench.plots.report.context import Context, read
from hpobench.plots.report.packing import pack, plotly_js
from hpobench.plots.report.sections import PARTS, WHILE_RUNNING, sections
from hpobench.results.time_axis import AXES, WALL_CLOCK

AXES_WHILE_RUNNING = (WALL_CLOCK,)
SCRIPTS = ("state.js", "unpack.js", "figure.js", "legend.js", "tables.js", "start.js")


def write(folder: Path, output: Path | None = None) -> Path:
    """Write the report of the study in `folder`, as `folder`/report.html unless told otherwise."""
    return write_page(read(folder), output or folder / "report.html")


def write_page(context: Context, output: Path, *, refresh_s: float | None = None) -> Path:
    """Write the report; the file is replaced as a whole.

    `refresh_s`: a short form for a study that is running, which loads itself anew that often.
    """
    text = render(context, refresh_s=refresh_s)
    output.parent.mkdir(parents=True, exist_ok=True)
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(output)
    return output


def render(context: Context, *, refresh_s: float | None = None) -> str:
    """The page as text. All text that comes from outside is escaped by the templates."""
    loader = PackageLoader("hpobench.plots.report", "page")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    short = refresh_s is not None
    chart = chart_data(context, AXES_WHILE_RUNNING if short else tuple(AXES))
    return pages.get_template("report.html.j2").render(
        title=f"Study {context.name}",
        about=_about(context),
        running=_running(context),
        sections=sections(context, WHILE_RUNNING if short else PARTS),
        chart=_packed(chart) if chart else None,
        plotly=Markup(pack(plotly_js())) if chart else None,
        css=Markup(loader.get_source(pages, "report.css")[0]),
        js=Markup("\n".join(loader.get_source(pages, name)[0] for name in SCRIPTS)),
        refresh_s=refresh_s,
    )


def _packed(chart: ChartData) -> Mapping[str, Markup]:
    document = json.dumps(chart.document, allow_nan=False, separators=(",", ":"))
    return {"document": Markup(pack(document.encode())), "numbers": Markup(pack(chart.numbers))}


def _about(context: Context) -> list[str]:
    """What was compared, in two lines."""
    study, settings = context.study, context.study.settings
    seeds = study.runs["seed"].nunique()
    words = [_many(len(study.methods), "method"), _many(len(study.tasks), "task")]
    lines = [
        f"{' and '.join(words)}, {_many(seeds, 'seed')}: {_many(len(study.runs), 'stored run')}."
    ]
    if "workers" in settings:
        lines.append(f"{_many(int(settings['workers']), 'worker')} a run.")
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
