"""What is drawn is what was computed, and nothing overlaps."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from hpobench.plots.canvas.axes import (
    EDGE_SENTENCE,
    FLOOR_SENTENCE,
    MARKERS,
    floor_shown,
    log_floor,
    plain,
    time_ticks,
)
from hpobench.plots.canvas.sheet import grid_of, sheet
from hpobench.plots.canvas.style import looks
from hpobench.plots.canvas.times import time_unit
from hpobench.plots.figures.anytime import anytime_figure
from hpobench.plots.figures.rank import rank_figure
from hpobench.results.anytime.comparison import anytime, average_regret
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.ranks import average_ranks
from hpobench.results.anytime.regret import references
from hpobench.results.study.time_axis import AXES


def panels_of(study, **options):
    found = incumbents(study)
    return [anytime(found, task, **options) for task in study.tasks]


def corners(axes, number):
    """Heights at which the band's polygon has corners."""
    bands = [each for each in axes.collections if isinstance(each, PolyCollection)]
    return bands[number].get_paths()[0].vertices[:, 1]


@pytest.mark.parametrize("time", ["log", "linear"])
def test_lines_and_bands_are_the_numbers_computed(synthetic, time):
    study = synthetic.random_study(tasks=2, seeds=4)
    panels = panels_of(study, time=time)
    drawn = anytime_figure(panels, study.methods, study.settings, time=time)
    for axes, panel in zip(drawn.figure.axes, panels, strict=True):
        unit, name = time_unit(panel.time[-1])
        several = time == "log" and time_ticks(panel) is not None
        assert axes.get_xlabel() == "wall-clock time" + ("" if several else f" ({name})")
        assert axes.get_xscale() == time
        assert axes.get_yscale() == "log"
        floor = floor_shown(panel)
        assert len(axes.lines) == len(panel.lines) == 4
        for number, (line, (method, summary)) in enumerate(
            zip(axes.lines, panel.lines.items(), strict=True)
        ):
            has = np.isfinite(summary.centre)
            np.testing.assert_allclose(line.get_xdata() * unit, panel.time[has])
            np.testing.assert_array_equal(line.get_ydata(), summary.centre[has])
            assert line.get_drawstyle() == "steps-post"
            assert line.get_label() == study.methods[method].label
            assert line.get_color() == looks(study.methods)[method].color
            heights = corners(axes, number)
            assert heights.max() == pytest.approx(summary.high[has].max())
            assert heights.min() == pytest.approx(max(summary.low[has].min(), floor))


def test_zero_regret_and_bands_below_zero_are_drawn_at_the_floor(synthetic):
    study = synthetic.random_study(tasks=1, methods=1)
    panel = panels_of(study)[0]
    line = panel.lines["method_0"]
    centre = np.where(np.arange(200) < 100, 0.5, 0.0)
    line = replace(line, centre=centre, low=centre - 1, high=centre + 1)
    panel = replace(panel, lines={"method_0": line})
    drawn = anytime_figure([panel], study.methods)
    axes = drawn.figure.axes[0]
    assert axes.get_ylim()[0] == log_floor(panel) == 0.25
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), np.where(centre > 0, 0.5, 0.25))
    assert corners(axes, 0).min() == 0.25
    assert FLOOR_SENTENCE in drawn.caption


@pytest.mark.parametrize(("more", "scale"), [(0.0, "log"), (100.0, "linear")])
def test_values_without_an_optimum_are_on_a_log_axis_by_their_centres(synthetic, more, scale):
    """And the floor is mentioned where it cuts a band."""
    study = synthetic.random_study(tasks=1, known=False)
    (panel,) = panels_of(study)
    lines = {
        name: replace(line, centre=line.centre + more, low=line.low + more, high=line.high + more)
        for name, line in panel.lines.items()
    }
    drawn = anytime_figure([replace(panel, lines=lines)], study.methods)
    assert drawn.figure.axes[0].get_yscale() == scale
    assert (FLOOR_SENTENCE in drawn.caption) == (scale == "log")


def boxes_of(figure):
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    return [axes.get_tightbbox(renderer) for axes in figure.axes], renderer


@pytest.mark.parametrize(
    ("tasks", "methods", "long"), [(1, 1, False), (1, 15, True), (3, 4, False), (7, 15, True)]
)
def test_nothing_overlaps_nor_leaves_the_figure(synthetic, tasks, methods, long):
    study = synthetic.random_study(tasks=tasks, methods=methods, seeds=3, long=long)
    figure = anytime_figure(panels_of(study, points=30), study.methods, study.settings).figure
    boxes, renderer = boxes_of(figure)
    boxes.append(figure.legends[0].get_window_extent(renderer))
    boxes.append(figure._supxlabel.get_window_extent(renderer))
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other.padded(-1)) for other in boxes[number + 1 :])
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1


@pytest.mark.parametrize("time", ["log", "linear"])
def test_tick_labels_do_not_touch(synthetic, time):
    study = synthetic.random_study(tasks=5, methods=2, seeds=3)
    figure = anytime_figure(panels_of(study, points=30, time=time), study.methods, time=time).figure
    _, renderer = boxes_of(figure)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            extents = [tick.label1.get_window_extent(renderer) for tick in ticks]
            assert len(extents) >= 2
            for one, two in pairwise(extents):
                assert not one.overlaps(two)


def test_legend_and_colours_are_those_of_the_lines(synthetic):
    study = synthetic.random_study(tasks=2, methods=3)
    figure = anytime_figure(panels_of(study), study.methods).figure
    handles = {text.get_text(): line.get_color() for text, line in zip(
        figure.legends[0].get_texts(), figure.legends[0].get_lines(), strict=True)}  # fmt: skip
    for axes in figure.axes:
        assert {line.get_label(): line.get_color() for line in axes.lines} == handles
    ranked = rank_figure(average_ranks(incumbents(study)), study.methods).figure.axes[0]
    named = [line for line in ranked.lines if line.get_label() in handles]
    assert {line.get_label(): line.get_color() for line in named} == handles


def test_captions_say_what_is_shown(synthetic):
    study = synthetic.random_study(tasks=2, seeds=6)
    found = incumbents(study)
    text = anytime_figure(panels_of(study), study.methods, study.settings).caption
    for words in (
        "Mean regret over 6 seeds, band: 95 % interval (Student's t, corrected for skewness).",
        "Time axis: wall-clock time, log scale, 4 workers",
        "Incumbent: best observed validation value at any resource.",
        "counts as the task's median configuration",
        "keeps its last incumbent",
    ):
        assert words in text
    average = average_regret(found, references(study, found.views), statistic="median")
    text = anytime_figure([average], study.methods).caption
    assert "Median normalised regret over 12 task-seed pairs, band: quartiles." in text
    assert "fraction of the task's horizon" in text
    text = rank_figure(average_ranks(found, time="linear"), study.methods, time="linear").caption
    assert "Mean rank over 12 task-seed pairs, band: ± standard error." in text
    assert "linear scale" in text


def test_the_caption_counts_failed_runs_and_says_whose_notes_differ(synthetic):
    study = synthetic.random_study(tasks=2, methods=2, seeds=6)
    study.runs.loc[[0, 1], "status"] = "failed"
    study.tasks["task_1"] = replace(study.tasks["task_1"], median=None)
    text = anytime_figure(panels_of(study), study.methods).caption
    assert "over 6 seeds" in text
    assert "2 of 12 runs of method 0 failed: from then on they count as the median" in text
    assert "A curve begins when all of its runs have a value. (task 1.)" in text


def test_pale_bands_of_many_methods_leave_room_for_the_curves(synthetic):
    study = synthetic.random_study(tasks=1, methods=9, seeds=6)
    panel = panels_of(study)[0]
    summary = next(iter(panel.lines.values()))
    level = np.full(len(panel.time), 1.0)
    lines = {
        name: replace(summary, centre=level + place / 8, low=level - 50, high=level + 90)
        for place, name in enumerate(panel.lines)
    }
    drawn = anytime_figure([replace(panel, lines=lines)], study.methods, study.settings)
    # Centres lie between 1 and 2: bands may take as much on either side.
    assert drawn.figure.axes[0].get_ylim() == (0, 3)
    assert EDGE_SENTENCE in drawn.caption
    few = dict(list(lines.items())[:8])
    drawn = anytime_figure([replace(panel, lines=few)], study.methods, study.settings)
    assert drawn.figure.axes[0].get_ylim()[1] > 90
    assert EDGE_SENTENCE not in drawn.caption


def test_panels_of_one_task_are_told_apart_by_their_time_axes(synthetic):
    study = synthetic.random_study(tasks=1, methods=2, seeds=6)
    panel = panels_of(study)[0]
    panels = [replace(panel, notes=("Of one.",)), replace(panel, axis="evaluations", notes=())]
    text = anytime_figure(panels, study.methods, study.settings).caption
    assert "Of one. (wall-clock time.)" in text


def test_a_task_without_data_has_an_empty_panel(synthetic):
    study = synthetic.hand_made([{"time_s": 1, "value": 1}], runs=[{"task": "t"}, {"task": "u"}])
    figure = anytime_figure(panels_of(study), study.methods).figure
    assert [text.get_text() for text in figure.axes[1].texts] == ["no data"]
    figure.canvas.draw()


def test_units_and_ticks():
    assert [time_unit(t)[1] for t in (0.1, 119, 120, 7199, 7200, 172_799, 172_800)] == [
        "s", "s", "min", "min", "h", "h", "days",
    ]  # fmt: skip
    assert [plain(value) for value in (0.001, 0.5, 20, 10_000)] == ["0.001", "0.5", "20", "10000"]
    assert plain(1e-5) == "$10^{-5}$"
    assert plain(2e6) == r"$2{\times}10^{6}$"


def test_grid_and_errors(synthetic):
    shapes = {1: (1, 1), 3: (1, 3), 4: (2, 2), 5: (2, 3), 8: (3, 3), 12: (3, 4), 20: (5, 4)}
    assert {count: grid_of(count) for count in shapes} == shapes
    with pytest.raises(ValueError, match="no panels"):
        sheet([], {})


@pytest.mark.parametrize(
    ("axis", "label", "sentence"),
    [
        ("evaluations", "evaluations", "evaluations, log scale, 1 worker. At n the first n jobs"),
        ("resource", "total resource (epochs)", "Training counts when its value becomes known"),
        ("cost", "busy worker time (s)", "busy worker time, log scale"),
        ("with_decisions", "wall-clock time with decisions (s)", "exact with one worker."),
    ],
)
def test_labels_and_captions_name_the_axis(synthetic, axis, label, sentence):
    study = synthetic.random_study(tasks=1, methods=2, seeds=3)
    panel = panels_of(study, points=20)[0]
    panel = replace(panel, axis=axis, axis_unit="epochs" if axis == "resource" else "")
    panel = replace(panel, time=panel.time / panel.time[-1] * 100)
    settings = {"workers": 1, "overhead": "none"}
    drawn = anytime_figure([panel], study.methods, settings)
    assert drawn.figure.axes[0].get_xlabel() == label
    assert drawn.figure.axes[0].get_xlim()[1] == pytest.approx(100)
    assert sentence in drawn.caption
    assert "not charged" not in drawn.caption  # that is of the wall clock
    relative = anytime_figure([replace(panel, relative=True)], study.methods, settings)
    assert relative.figure.axes[0].get_xlabel() == f"{AXES[axis].short} / horizon of the task"
    assert f"{AXES[axis].label} as a fraction of the task's horizon" in relative.caption


def test_panels_on_several_axes_are_all_named(synthetic):
    study = synthetic.random_study(tasks=1, methods=2, seeds=3)
    panel = panels_of(study, points=20)[0]
    panels = [replace(panel, axis="evaluations"), panel]
    text = anytime_figure(panels, study.methods, study.settings).caption
    assert "Time axis: evaluations or wall-clock time, log scale, 4 workers. At n the first" in text


@pytest.mark.parametrize("methods", [1, 4, 20])
def test_few_markers_tell_lines_apart_and_stand_beside_each_other(synthetic, methods):
    study = synthetic.random_study(tasks=1, methods=methods)
    (panel,) = panels_of(study)
    drawn = anytime_figure([panel], study.methods, study.settings)
    axes = drawn.figure.axes[0]
    places = []
    for line, (name, summary) in zip(axes.lines, panel.lines.items(), strict=True):
        look = looks(study.methods)[name]
        assert (line.get_marker(), line.get_fillstyle()) == (look.marker, look.filling)
        marked = line.get_markevery()
        assert len(marked) == pytest.approx(MARKERS * np.isfinite(summary.centre).mean(), abs=1)
        places.append({panel.time[np.isfinite(summary.centre)][place] for place in marked})
    assert not any(one & other for one, other in pairwise(places))
    handles = drawn.figure.legends[0].get_lines()
    assert [line.get_marker() for line in handles] == [line.get_marker() for line in axes.lines]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"overhead": "none"}, "own computing time is not charged"),
        ({"overhead": "measured"}, "own computing time is charged as measured"),
        ({"overhead": "none", "clock": "real"}, "own computing time is part of it"),
    ],
)
def test_captions_say_what_moves_the_clock(synthetic, settings, words):
    study = synthetic.random_study(tasks=1, methods=2)
    caption = anytime_figure(panels_of(study), study.methods, settings).caption
    assert words in caption
    assert caption.count("own computing time") == 1
