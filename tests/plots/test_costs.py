"""Time to target, scaling, overhead, overtuning and feasibility are drawn as the tables say."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from hpobench.plots.canvas.style import looks, new_figure
from hpobench.plots.figures.ecdf import ecdf_figure
from hpobench.plots.figures.feasibility import (
    draw_feasibility,
    feasibility_curves_figure,
    feasibility_figure,
)
from hpobench.plots.figures.overhead import (
    draw_overhead,
    draw_overhead_growth,
    overhead_figure,
    overhead_growth_figure,
)
from hpobench.plots.figures.overtuning import (
    draw_overtuning,
    overtuning_curves_figure,
    overtuning_figure,
)
from hpobench.plots.figures.scaling import draw_efficiency, draw_speedup, scaling_figure
from hpobench.plots.figures.targets import draw_targets, targets_figure
from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.ecdf import time_ecdf
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import references
from tests.plots import tables
from tests.plots.extents import check_words, markers, words

METHODS = tables.methods_of(4, long=False)
LOOKS = looks(METHODS)
BAND = {"low": np.nan, "high": np.nan}
UNKNOWN = {"speedup": np.nan, **BAND}


@pytest.fixture
def axes():
    return new_figure(6, 4).add_subplot()


def test_bars_of_speed_up_begin_at_one(axes):
    table = tables.times_to_target(METHODS)
    draw_targets(axes, table, METHODS)
    ends = sorted(bar.get_x() + bar.get_width() for bar in axes.patches)
    assert ends == pytest.approx([1 / 1.3**2, 1, 1.3])
    assert all(min(bar.get_x(), bar.get_x() + bar.get_width()) <= 1 for bar in axes.patches)
    assert axes.get_xscale() == "log"
    assert sorted(words(axes)) == ["0 %", "25 % ≥", "50 % ≤", "75 %", "–"]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [f"method {number}" for number in range(4)]


def test_targets_of_single_tasks_and_their_errors():
    table = tables.times_to_target(METHODS, tasks=("s", "t"))
    drawn = targets_figure(table, METHODS, "m0", tasks=["t"], axis="evaluations", notes=["N."])
    assert [panel.get_title() for panel in drawn.figure.axes] == ["t: regret 0.05"]
    assert "Speed-up over method 0 in the evaluations to a target" in drawn.caption
    assert "Axis: speed-up in evaluations, log scale" in drawn.caption
    assert drawn.caption.endswith(" N.")
    assert "≤: no run of the method reached the target: at most so fast." in drawn.caption
    assert drawn.figure.axes[0].get_xlabel().replace("\n", " ") == "speed-up in evaluations"
    with pytest.raises(ValueError, match="tasks u are not in the table: it has s, t"):
        targets_figure(table, METHODS, "m0", tasks=["u"])


def test_speed_up_and_efficiency_with_their_ideals(axes):
    table = tables.scalings(METHODS)
    draw_speedup(axes, table, METHODS)
    ideal, *lines = axes.lines
    assert list(ideal.get_xdata()) == list(ideal.get_ydata()) == [1, 2, 4, 8, 16]
    for n, line in enumerate(lines):
        np.testing.assert_allclose(line.get_ydata(), np.power([1, 2, 4, 8, 16.0], 1 - n / 8))
    other = axes.figure.add_subplot()
    draw_efficiency(other, table, METHODS)
    for n, line in enumerate(other.lines[1:]):
        np.testing.assert_allclose(line.get_ydata(), np.power([1, 2, 4, 8, 16.0], -n / 8))
    bands = [each for each in other.collections if isinstance(each, PolyCollection)]
    last = bands[0].get_paths()[0].vertices
    assert last[last[:, 0] == 16][:, 1].min() == pytest.approx(0.9)


def test_what_never_reached_the_target_is_left_out_and_counted():
    table = tables.scalings(METHODS)
    table.loc[4, "bound"] = "<="
    drawn = scaling_figure(table, METHODS)
    line = drawn.figure.axes[0].lines[1]
    assert list(line.get_xdata()) == [1, 2, 4, 8]
    assert "no run reached the target: 1 of 20." in drawn.caption
    assert "30 seeds." in drawn.caption
    with pytest.raises(ValueError, match="tasks u are not in the table"):
        scaling_figure(table, METHODS, task="u")


def test_overhead_is_a_marker_a_task(axes):
    table = tables.overheads(METHODS)
    draw_overhead(axes, table, METHODS, measure="ask_ms")
    # Cheapest first: by the higher of the two tasks, which is the order of the methods.
    assert markers(axes)[1][0] == pytest.approx([1e-2, 10 ** (-5 / 3)])
    assert axes.get_xscale() == "log"
    other = axes.figure.add_subplot()
    draw_overhead(other, table.assign(tell_ms=np.nan), METHODS, measure="tell_ms")
    assert words(other) == ["–"] * 4
    assert "No share" not in overhead_figure(table, METHODS).caption
    without = overhead_figure(table.assign(share_of_run=np.nan), METHODS).caption
    assert "No share where runs take no time, or their clock counts evaluations." in without


def test_growth_has_the_medians_of_the_table(axes):
    table = tables.growths(METHODS, tasks=("t",))
    draw_overhead_growth(axes, table, METHODS)
    for line, name in zip(axes.lines, METHODS, strict=True):
        rows = table[table["method"] == name]
        np.testing.assert_array_equal(line.get_ydata(), rows["ms"])
        assert line.get_marker() == LOOKS[name].marker
    drawn = overhead_growth_figure(table, METHODS, tasks=["t"])
    assert "median over runs" in drawn.caption
    assert [text.get_text() for text in drawn.figure.legends[0].get_texts()] == [
        facts.label for facts in METHODS.values()
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda **options: overtuning_figure(tables.gaps(METHODS), METHODS, **options),
        lambda **options: feasibility_figure(tables.feasibilities(METHODS), METHODS, **options),
        lambda **options: overhead_growth_figure(tables.growths(METHODS), METHODS, **options),
        lambda **options: scaling_figure(tables.scalings(METHODS), METHODS, **options),
    ],
)
def test_panels_are_titled_by_the_labels_of_the_tasks(make):
    labels = {"s": "Task 1", "t": "Task 2", "a_task_with_a_rather_long_name": "Task 3"}
    names = {panel.get_title() for panel in make().figure.axes}
    titles = {panel.get_title() for panel in make(labels=labels).figure.axes}
    assert titles <= set(labels.values())
    assert len(titles) == len(names)


def test_overtuning_has_every_run_and_the_mean_with_its_error(axes):
    table = tables.gaps(METHODS, tasks=("t",), seeds=5)
    table = table[table["method"] != "m2"]
    draw_overtuning(axes, table, METHODS, order=list(METHODS))
    dots = [each.get_offsets()[:, 0] for each in axes.collections]
    values = table[table["method"] == "m1"]["gap"].to_numpy()
    assert any(len(some) == 5 and np.allclose(some, values) for some in dots)
    assert markers(axes)[1][0] == pytest.approx([values.mean()])
    error = values.std(ddof=1) / np.sqrt(5)
    bars = [line.get_xdata() for line in axes.lines if list(line.get_ydata()) == [1, 1]]
    np.testing.assert_allclose(bars[0], [values.mean() - error, values.mean() + error])
    assert words(axes) == ["–"]


def test_runs_without_a_finite_value_are_counted():
    table = tables.gaps(METHODS)
    table.loc[[0, 1], "relative_overtuning"] = np.nan, np.inf
    drawn = overtuning_figure(table, METHODS, quantity="relative_overtuning")
    assert "Runs without a finite value, not drawn: 2." in drawn.caption
    assert "mean over 3 to 5 seeds ± standard error" in drawn.caption
    with pytest.raises(ValueError, match="quantity='loss': use one of gap, overtuning"):
        overtuning_figure(table, METHODS, quantity="loss")


def test_feasibility_of_runs_is_a_share_of_the_seeds(axes):
    methods = tables.methods_of(5, long=False)
    table = tables.feasibilities(methods)
    draw_feasibility(axes, table, methods, measure="runs_with_feasible")
    assert [markers(axes)[n][0][0] for n in range(5)] == pytest.approx(
        [0, 1 / 30, 2 / 30, 3 / 30, 0]
    )
    other = axes.figure.add_subplot()
    draw_feasibility(other, table, methods, measure="first_feasible_s")
    assert other.get_xlabel() == "time to the first (min)"  # the longest, 300 s, is 5 min
    assert markers(other)[3][0] == [5.0]
    assert words(other) == ["–"]


def test_feasibility_on_a_clock_of_evaluations_has_no_seconds(axes):
    table = tables.feasibilities(METHODS, tasks=("s", "t"))
    assert "in % and wall-clock time, linear" in feasibility_figure(table, METHODS).caption
    table.loc[table["task"] == "t", "clock"] = "evaluations"
    draw_feasibility(axes, table[table["task"] == "t"], METHODS, measure="first_feasible_s")
    assert axes.get_xlabel() == "time to the first (evaluations)"
    assert markers(axes)[3][0] == [300.0]
    drawn = feasibility_figure(table, METHODS)
    assert "shares in % and time in seconds or evaluations, linear" in drawn.caption


def test_curves_of_shares_end_at_100_percent(synthetic):
    study = synthetic.random_study(tasks=2, methods=3, seeds=3)
    found = incumbents(study)
    panel = time_ecdf(found, references(study, found.views), points=30)
    for drawn in (
        ecdf_figure([panel], study.methods, study.settings),
        feasibility_curves_figure([panel], study.methods),
    ):
        axes = drawn.figure.axes[0]
        assert axes.get_ylim() == (0, 1)
        assert len(axes.lines) == 3
        labels = axes.yaxis.get_major_formatter()
        assert labels(0.2, 0) == "20 %"
        assert "Mean share of targets over 6 task-seed pairs" in drawn.caption
    curves = anytime(found, "task_0", points=30)
    assert overtuning_curves_figure([curves], study.methods).figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: targets_figure(tables.times_to_target(METHODS).assign(**UNKNOWN), METHODS, "m0"),
        lambda: scaling_figure(tables.scalings(METHODS).assign(**UNKNOWN), METHODS),
        lambda: overhead_growth_figure(tables.growths(METHODS).assign(ms=0.0, **BAND), METHODS),
        lambda: overtuning_figure(tables.gaps(METHODS).assign(gap=np.nan), METHODS),
        lambda: overtuning_figure(tables.gaps(METHODS, seeds=1), METHODS),
    ],
)
def test_tables_without_any_number_are_drawn_empty(draw):
    check_words(draw().figure)
