"""How comparisons were decided, seed by seed, and which runs that saved.

A panel a comparison: the mean difference with its confidence sequence (Howard et al. 2021,
Time-uniform, nonparametric, nonasymptotic confidence sequences, figure 1) against the number of
seeds.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes

from hpobench.plots.canvas import paper
from hpobench.plots.canvas.panels import Methods, label_of, name_rows, names_that_fit, rows_figure
from hpobench.plots.canvas.sheet import Drawn, add_caption
from hpobench.plots.canvas.style import SINGLE_IN, new_figure, styled
from hpobench.plots.canvas.words import characters, counted, in_lines, sentences
from hpobench.results.verdicts.judging import BETTER, EQUAL, FUTILE, OPEN, WORSE, Path
from hpobench.storage.rule import Rule

COLORS = {WORSE: "#D55E00", BETTER: "#0072B2", EQUAL: "#009E73", OPEN: "#777777", FUTILE: "#777777"}
"""After Okabe and Ito; the word stands beside."""
MOST_PANELS = 15
PANEL_HEIGHT_IN = 1.55
PANEL_LEAST_IN = 1.6
SAVED = "#dddddd"


def decision_paths_figure(
    paths: Sequence[Path],
    methods: Methods,
    rule: Rule,
    statements: int,
    *,
    width_in: float | None = None,
) -> Drawn:
    """The paths of comparisons on the same tasks, a panel each; those that took longest first.

    Raises ValueError without any look. More than `MOST_PANELS` are left to tables.
    """
    width_in = paper.width(width_in, SINGLE_IN[0])
    looked = [path for path in paths if len(path.seeds)]
    if not looked:
        raise ValueError("there is no path to draw: no look has been taken yet")
    shown = sorted(looked, key=lambda path: -path.seeds[-1])[:MOST_PANELS]
    share, left = f"{100 * (1 - rule.level):g}", len(looked) - len(shown)
    text = sentences(
        f"Mean difference of the normalised regret over {counted(_tasks(shown), 'tasks')}, runs of "
        "the same seed compared; above 0 the first method is worse.",
        f"Band: {share} % confidence sequence, which holds at all looks and for all "
        f"{counted([statements], 'statements')} of the study at once, of differences that are "
        "symmetric about their mean.",
        f"Dotted: methods are equal within {rule.equal_within:g}." if rule.equal_within else "",
        "Word: what was decided, and after how many seeds.",
        "In a race the evidence is against who led before each seed, so that a decision may come "
        "sooner than the band of the two shows, or later."
        if any(path.race for path in shown)
        else "",
        f"Not drawn: {counted([left], 'comparisons')} that took fewer seeds." if left else "",
        f"Axes: seeds, linear scale; at most {rule.max}.",
    )
    with styled():
        columns = max(min(len(shown), 3, int(width_in / PANEL_LEAST_IN)), 1)
        lines = math.ceil(len(shown) / columns)
        figure = new_figure(width_in, lines * PANEL_HEIGHT_IN + 0.2)
        for number, path in enumerate(shown):
            axes = figure.add_subplot(lines, columns, number + 1)
            draw_path(axes, path, methods, rule, width_in / columns)
            if number >= len(shown) - columns:
                axes.set_xlabel("seeds")
            if not number % columns:
                axes.set_ylabel("difference")
        add_caption(figure, text)
    return Drawn(figure, text)


def draw_path(axes: Axes, path: Path, methods: Methods, rule: Rule, width_in: float) -> Axes:
    """One comparison look by look."""
    color = COLORS[path.verdict]
    axes.axhline(0, color="#555555", linewidth=0.8)
    for side in (-1, 1) if rule.equal_within else ():
        axes.axhline(side * rule.equal_within, color="#555555", linewidth=0.8, linestyle=":")
    if len(path.seeds) > 1:
        axes.fill_between(path.seeds, path.low, path.high, color=color, alpha=0.2, linewidth=0)
    else:
        axes.vlines(path.seeds, path.low, path.high, color=color, alpha=0.4, linewidth=3)
    axes.plot(path.seeds, path.mean, color=color, marker="o", markersize=2.5, linewidth=1.2)
    end = path.decided if path.decided and path.verdict != FUTILE else int(path.seeds[-1])
    words = "not decided" if path.verdict == OPEN else path.verdict
    said = axes.text(0.98, 0.95, f"{words}, {end}", transform=axes.transAxes, color=color)
    said.set(ha="right", va="top", fontsize=8)
    said.set_bbox({"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1})
    axes.set_xlim(0, max(1.08 * float(path.seeds[-1]), 20))
    low, high = float(path.low[-1]), float(path.high[-1])
    reach = 2.2 * max(high - low, rule.equal_within, 1e-6)
    middle = (low + high) / 2
    axes.set_ylim(min(middle - reach, -0.1 * reach), max(middle + reach, 0.1 * reach))
    names = " – ".join(label_of(name, methods) for name in (path.method, path.other))
    axes.set_title(in_lines(names, characters(0.8 * width_in, 8)), fontsize=8)
    return axes


def seeds_figure(
    seeds: Mapping[tuple[str, str], int],
    tasks: Sequence[str],
    methods: Methods,
    rule: Rule,
    *,
    labels: Mapping[str, str] | None = None,
    width_in: float | None = None,
) -> Drawn:
    """The seeds that each method had on the tasks, and those that were saved.

    Methods that had the same number on all of the tasks share one panel.
    """
    width_in = paper.width(width_in, SINGLE_IN[0])
    order = [name for name in methods if any((task, name) in seeds for task in tasks)]
    rows = {task: tuple(seeds.get((task, name), 0) for name in order) for task in tasks}
    groups: dict[tuple[int, ...], list[str]] = {}
    for task, counts in rows.items():
        groups.setdefault(counts, []).append(task)
    made = sum(map(sum, rows.values()))
    most = rule.max * sum(count > 0 for counts in rows.values() for count in counts)
    text = sentences(
        f"Seeds of each method over {counted([len(tasks)], 'tasks')}: dark those that were run, "
        f"light those that decisions saved of the {rule.max} there could be.",
        f"{made:,} of {most:,} runs. Axis: seeds, linear scale.",
    )
    known = labels or {}
    painters = [
        partial(
            _draw_seeds,
            counts=counts,
            order=order,
            methods=methods,
            most=rule.max,
            title="" if len(groups) == 1 else ", ".join(known.get(task, task) for task in some),
        )
        for counts, some in groups.items()
    ]
    return rows_figure(painters, names_that_fit(order, methods, width_in), text, width_in)


def _draw_seeds(
    axes: Axes,
    counts: Sequence[int],
    order: Sequence[str],
    methods: Methods,
    most: int,
    title: str,
) -> Axes:
    places = range(len(order))
    axes.barh(places, [most if count else 0 for count in counts], color=SAVED, height=0.6)
    axes.barh(places, counts, color="#0072B2", height=0.6)
    for place, count in enumerate(counts):
        axes.text(count + 0.01 * most, place, f"{count}", va="center", fontsize=7.5)
    name_rows(axes, order, methods)
    axes.set_xlim(0, 1.02 * most)
    axes.set_xlabel("seeds")
    axes.set_title(in_lines(title, 30), fontsize=8)
    return axes


def _tasks(paths: Sequence[Path]) -> list[int]:
    return [len(path.tasks) for path in paths]
