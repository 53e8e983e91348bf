"""What the figures of tables draw is what the tables hold."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_hex

from hpobench.plots.canvas.style import looks, new_figure
from hpobench.plots.figures.aggregates import (
    aggregates_figure,
    draw_aggregate,
    draw_rank_intervals,
    rank_intervals_figure,
)
from hpobench.plots.figures.critical_difference import (
    clique_levels,
    critical_difference_figure,
    draw_critical_difference,
)
from hpobench.plots.figures.improvement import COLORS, draw_improvement, improvement_figure, of_both
from hpobench.plots.figures.scaling import scaling_figure
from hpobench.results.statistics.rank_tests import Friedman, cliques, critical_difference
from tests.plots import tables
from tests.plots.extents import markers, words

METHODS = tables.methods_of(4, long=False)
LOOKS = looks(METHODS)


@pytest.fixture
def axes():
    return new_figure(6, 4).add_subplot()


def test_an_aggregate_is_a_marker_at_its_value_and_a_bar_over_its_interval(axes):
    table = tables.aggregates(METHODS)[::-1]
    assert draw_aggregate(axes, table, METHODS, metric="iqm") is axes
    rows = table[table["metric"] == "iqm"].set_index("method").loc[list(METHODS)]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        facts.label for facts in METHODS.values()
    ]
    for place, (name, row) in enumerate(rows.iterrows()):
        assert markers(axes)[place] == ([row["value"]], LOOKS[name].color)
        bar = axes.lines[2 * place].get_xdata()
        assert list(bar) == [row["low"], row["high"]]


def test_aggregates_have_the_order_of_the_methods_and_the_caption_counts(axes):
    table = tables.aggregates(METHODS)
    turned = dict(reversed(METHODS.items()))
    drawn = aggregates_figure(table, turned, metrics=["mean", "iqm"], notes=["So it is."])
    titles = [panel.get_title() for panel in drawn.figure.axes]
    assert titles == ["mean", "IQM"]
    first = drawn.figure.axes[0].get_yticklabels()[0].get_text()
    assert first == "method 3"
    assert "over 9 tasks and 270 runs of each method: mean, IQM." in drawn.caption
    assert "95 % interval" in drawn.caption
    assert drawn.caption.endswith("So it is.")
    with pytest.raises(ValueError, match="the table has mean, median"):
        aggregates_figure(table, METHODS, metrics=["mode"])


def test_a_single_seed_has_no_interval(axes):
    table = tables.aggregates(METHODS).assign(low=np.nan, high=np.nan, runs=9)
    draw_aggregate(axes, table, METHODS)
    assert len(markers(axes)) == 4
    assert "9 runs" in aggregates_figure(table, METHODS).caption


def test_ranks_are_drawn_from_the_best(axes):
    table = tables.rank_intervals(METHODS)[::-1]
    draw_rank_intervals(axes, table, METHODS)
    assert {place: x for place, (x, _) in markers(axes).items()} == {n: [1.0 + n] for n in range(4)}
    assert "Average rank of 4 methods over 9 tasks" in rank_intervals_figure(table, METHODS).caption


def test_cells_say_the_probability_and_are_bold_where_the_interval_excludes_a_half(axes):
    table = tables.improvements(METHODS)
    table.loc[0, ["low", "high"]] = 0.4, 0.6
    draw_improvement(axes, table, METHODS)
    cells = {(text.get_position()[1], text.get_position()[0]): text for text in axes.texts}
    assert len(cells) == 12
    # The logistic function of 0.3, 0.6 and 0.9, in %.
    assert [cells[0, column].get_text() for column in (1, 2, 3)] == ["57", "65", "71"]
    assert [cells[row, 0].get_text() for row in (1, 2, 3)] == ["43", "35", "29"]
    weights = [cells[0, column].get_fontweight() for column in (1, 2)]
    assert weights == ["normal", "bold"]


def test_the_matrix_has_the_order_of_the_methods_and_one_half_is_white():
    table = tables.improvements(METHODS)
    turned = dict(reversed(METHODS.items()))
    assert of_both(table, METHODS) == ["m0", "m1", "m2", "m3"]
    assert of_both(table, turned) == ["m3", "m2", "m1", "m0"]
    red, green, blue, _ = colormaps[COLORS](0.5)
    assert min(red, green, blue) > 0.95
    low, high = colormaps[COLORS](0.1), colormaps[COLORS](0.9)
    # Orange and purple differ in blue against red, which all common kinds of vision tell apart.
    assert low[0] > low[2]
    assert high[2] > high[0]


def test_a_matrix_with_a_pair_missing_has_an_empty_cell(axes):
    draw_improvement(axes, tables.improvements(METHODS).drop(0), METHODS)
    assert len(axes.texts) == 11


def demsar():
    """Demsar 2006, section 3.2.2: four versions of C4.5 on 14 data sets."""
    average = pd.Series({"m0": 3.143, "m1": 2.0, "m2": 2.893, "m3": 1.964}).sort_values()
    difference = critical_difference(4, 14)
    groups = cliques(average, difference)
    return Friedman(9.28, 0.026, average, difference, groups, 14, "tasks", 3.69, 0.02)


def test_the_diagram_of_demsars_example(axes):
    """CD = 1.25, by which Nemenyi's test tells none of the four apart (1.964 to 3.143)."""
    draw_critical_difference(axes, demsar(), METHODS)
    assert axes.get_xlim() == (4, 1)  # the best is at the right
    bars = {line.get_gid(): line.get_xdata() for line in axes.lines if line.get_gid()}
    assert list(bars["clique"]) == [3.143, 1.964]
    assert np.ptp(bars["critical difference"]) == pytest.approx(1.25, abs=0.005)
    assert "CD = 1.25" in words(axes)
    assert "method 3 (1.96)" in words(axes)
    corners = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 3]
    assert sorted(corners) == sorted(demsar().ranks)
    text = critical_difference_figure(demsar(), METHODS).caption
    assert "Average rank of 4 methods over 14 tasks; 1, the best, is at the right." in text


def test_lines_to_the_names_do_not_cross():
    """On one side, the line of a rank further out turns nearer to the axis."""
    axes = critical_difference_figure(tables.friedman(METHODS), METHODS, width_in=6.4).figure.axes[
        0
    ]
    elbows = [line for line in axes.lines if len(line.get_xdata()) == 3]
    for edge in (1, 4):
        side = [line for line in elbows if line.get_xdata()[2] == edge]
        assert len(side) == 2
        side.sort(key=lambda line: abs(line.get_xdata()[0] - edge))
        heights = [line.get_ydata()[1] for line in side]
        assert heights == sorted(heights)


def test_bars_of_cliques_on_one_level_do_not_touch():
    """Ranks 1 to 20 in groups of 5: each overlaps the 4 before it; 1 to 5 and 6 to 10 do not."""
    test = tables.friedman(tables.methods_of(20), blocks=40)
    assert [len(clique) for clique in test.cliques] == [5] * 16
    levels = clique_levels(test)
    assert max(levels) == 4
    for level in range(5):
        spans = [
            (test.ranks[clique[0]], test.ranks[clique[-1]])
            for clique, at in zip(test.cliques, levels, strict=True)
            if at == level
        ]
        assert all(first[1] < second[0] for first, second in pairwise(spans))


def test_colours_are_the_same_in_every_figure():
    """A method's colour is its look, in rows, bars, matrices' keys and diagrams."""
    ours = {to_hex(look.color) for look in LOOKS.values()}
    figures = [
        aggregates_figure(tables.aggregates(METHODS), METHODS),
        scaling_figure(tables.scalings(METHODS), METHODS),
        critical_difference_figure(tables.friedman(METHODS), METHODS),
        improvement_figure(tables.improvements(METHODS), METHODS, width_in=1.5),
    ]
    for figure in figures:
        lines = [line for panel in figure.figure.axes for line in panel.lines]
        lines += [line for legend in figure.figure.legends for line in legend.get_lines()]
        marked = [line for line in lines if line.get_marker() not in ("None", "|")]
        assert {to_hex(line.get_color()) for line in marked} == ours


def test_bad_tables_are_refused_in_words():
    table = tables.aggregates(METHODS)
    with pytest.raises(ValueError, match="lacks the columns runs: draw what aggregate_scores"):
        aggregates_figure(table.drop(columns="runs"), METHODS)
    with pytest.raises(ValueError, match="nothing to draw: the table of aggregate_scores"):
        aggregates_figure(table.head(0), METHODS)
    with pytest.raises(ValueError, match="no facts of method 'm3'"):
        aggregates_figure(table, {name: METHODS[name] for name in ("m0", "m1", "m2")})


def test_scores_over_more_than_a_decade_are_on_a_log_axis(axes):
    table = tables.aggregates(METHODS)
    far = table["method"] == "m3"
    table.loc[far, ["value", "low", "high"]] *= 30
    table.loc[table["method"] == "m0", "low"] = -0.01
    draw_aggregate(axes, table, METHODS, metric="mean")
    assert axes.get_xscale() == "log"
    assert axes.get_xlim()[0] == pytest.approx(0.05)  # half of the lowest value, 0.1
    caption = aggregates_figure(table, METHODS, metrics=["mean"]).caption
    assert "log scale, at whose left edge bars are cut off; lower is better" in caption
    near = table["metric"] == "iqm"
    table.loc[near, "value"] = 0.1
    caption = aggregates_figure(table, METHODS, metrics=["mean", "iqm"]).caption
    assert "log scale (mean; else linear)" in caption
