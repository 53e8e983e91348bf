"""Parallel coordinates: where values lie on their axes, and what lines show."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from hpobench.plots.canvas.style import looks, new_figure
from hpobench.plots.figures.configurations import (
    INACTIVE,
    draw_importance,
    draw_parallel,
    parallel_figure,
)
from hpobench.plots.figures.parallel_axes import parallel_axis, ticks_that_fit
from tests.plots import tables

METHODS = tables.methods_of(3, long=False)


@pytest.fixture
def axes():
    return new_figure(6, 4).add_subplot()


def test_more_than_two_decades_are_logarithmic():
    axis = parallel_axis("x", pd.Series([1e-4, 1e-3, 1e-1]))
    assert axis.log
    np.testing.assert_allclose(axis.places, [0, 1 / 3, 1])
    linear = parallel_axis("x", pd.Series([1.0, 50.5, 100.0]))
    assert not linear.log
    np.testing.assert_allclose(linear.places, [0, 0.5, 1])
    assert not parallel_axis("x", pd.Series([0.0, 1e-4, 1.0])).log


def test_categories_are_evenly_spaced_and_their_lines_side_by_side():
    axis = parallel_axis("x", pd.Series(["b", "a", "c", "b", None]))
    assert sorted(axis.ticks) == [(0.0, "a"), (0.5, "b"), (1.0, "c")]
    assert axis.places[[1, 2]] == pytest.approx([0, 1])
    assert axis.places[0] < 0.5 < axis.places[3]
    assert np.isnan(axis.places[4])
    assert [text for _, text in parallel_axis("x", pd.Series([True, False])).ticks] == [
        "False",
        "True",
    ]


def test_axes_are_those_of_the_stated_space():
    wide = {"type": "float", "low": 1e-5, "high": 1e-1, "log": True}
    axis = parallel_axis("x", pd.Series([1e-3, 1e-2, np.nan]), wide)
    assert axis.log
    np.testing.assert_allclose(axis.places, [0.5, 0.75, np.nan])
    assert sorted(axis.ticks)[0] == (0.0, "1e-5")
    linear = parallel_axis(
        "x", pd.Series([1.0, 1000.0]), wide | {"log": False, "low": 0.0, "high": 2000.0}
    )
    np.testing.assert_allclose(linear.places, [0.0005, 0.5])
    sizes = {"type": "ordinal", "values": [16, 64, 256], "scale": "log"}
    np.testing.assert_allclose(parallel_axis("x", pd.Series([64, 256]), sizes).places, [0.5, 1])
    ranks = parallel_axis("x", pd.Series([256, 16]), sizes | {"scale": "rank"})
    assert sorted(ranks.ticks) == [(0.0, "16"), (0.5, "64"), (1.0, "256")]
    names = parallel_axis("x", pd.Series(["b"]), {"type": "categorical", "values": ["c", "b", "a"]})
    assert sorted(names.ticks) == [(0.0, "c"), (0.5, "b"), (1.0, "a")]


def test_values_outside_of_the_stated_range_are_drawn_too():
    """Of runs that were stored before the range was narrowed."""
    stated = {"type": "integer", "low": 2, "high": 4, "log": False}
    np.testing.assert_allclose(parallel_axis("x", pd.Series([1, 3, 5]), stated).places, [0, 0.5, 1])


def test_categories_that_read_alike_are_told_apart():
    axis = parallel_axis("x", pd.Series([True, "True", False], dtype=object))
    assert sorted(text for _, text in axis.ticks) == ["'True'", "False", "True"]


def test_hyperparameters_called_like_the_facts_have_their_axes():
    configs = pd.DataFrame(
        {"method": ["m0"] * 3, "seed": [0, 1, 2], "value": [0.3, 0.2, 0.1],
         "param.value": [1.0, 2.0, 3.0], "param.seed": ["a", "b", "a"]}
    )  # fmt: skip
    importance = pd.DataFrame(
        {"hyperparameter": ["seed", "value"], "importance": [0.9, 0.1], "low": 0.0, "high": 1.0}
    )
    methods = {"m0": METHODS[next(iter(METHODS))]}
    drawn = parallel_figure(configs, methods, importance, label="error")
    names = [text.get_text() for text in drawn.figure.axes[0].get_yticklabels()]
    assert names == ["seed", "value", "error"]


def test_constant_missing_and_whole_numbers():
    assert parallel_axis("x", pd.Series([3, 3])).ticks == ((0.5, "3"),)
    empty = parallel_axis("x", pd.Series([np.nan, np.nan]))
    assert empty.ticks == ()
    assert np.isnan(empty.places).all()
    assert {text for _, text in parallel_axis("x", pd.Series([2, 3])).ticks} == {"2", "3"}
    object_numbers = pd.Series([1, None, 3], dtype=object)
    np.testing.assert_allclose(parallel_axis("x", object_numbers).places, [0, np.nan, 1])


def test_labels_of_ticks_are_cut_or_left_out_rather_than_touching():
    levels = [f"a level with a long name {n}" for n in range(4)]
    fitting = ticks_that_fit(parallel_axis("x", pd.Series(levels)), 3.0)
    # Ticks 1 in apart; a name at the end and half of the next share it: 0.59 in each, less a gap.
    assert [text for _, text in fitting] == [f"a leve…ame {n}" for n in (0, 3, 1, 2)]
    wide = ticks_that_fit(parallel_axis("x", pd.Series(levels)), 20.0)
    assert [text for _, text in wide] == [levels[0], levels[3], levels[1], levels[2]]
    decades = parallel_axis("x", pd.Series([1e-9, 1.0]))
    assert len(ticks_that_fit(decades, 0.8)) < len(ticks_that_fit(decades, 8.0)) == 10


def test_a_line_a_run_through_its_values_and_inactive_ones_in_the_gap(axes):
    configs = tables.configurations(METHODS)
    draw_parallel(axes, configs, METHODS, order=["momentum", "layers"])
    lines, _strip = [each for each in axes.collections if isinstance(each, LineCollection)]
    paths = np.array([path.vertices for path in lines.get_paths()])
    assert paths.shape == (9, 3, 2)
    worst_first = configs.sort_values("value", ascending=False)
    inactive = worst_first["momentum"].isna().to_numpy()
    np.testing.assert_array_equal(paths[:, 0, 0] == INACTIVE, inactive)
    layers = worst_first["layers"].to_numpy(float)
    expected = (layers - layers.min()) / np.ptp(layers)
    np.testing.assert_allclose(paths[:, 1, 0], expected)
    np.testing.assert_allclose(paths[[0, -1], 2, 0], [1, 0])  # the best value is drawn last
    assert "inactive" in [text.get_text() for text in axes.texts]


def test_lines_by_method_have_its_colour_and_marker(axes):
    configs = tables.configurations(METHODS)
    draw_parallel(axes, configs, METHODS, color="method", order=["layers"])
    marked = [line for line in axes.lines if line.get_marker() not in ("None", "|")]
    shown = sorted((line.get_color(), str(line.get_marker())) for line in marked)
    ours = [(look.color, str(look.marker)) for look in looks(METHODS).values()]
    assert shown == sorted(3 * ours)
    with pytest.raises(ValueError, match="color='seed': use one of value, method"):
        draw_parallel(axes, configs, METHODS, color="seed")


def test_the_most_important_come_first_and_the_rest_is_counted():
    configs = tables.configurations(METHODS)
    ranked = tables.importances(configs)[::-1]
    drawn = parallel_figure(configs, METHODS, ranked, most=3, label="error")
    names = [label.get_text() for label in drawn.figure.axes[0].get_yticklabels()]
    assert names == ["constant", "kernel", "early_stopping", "error (log)"]
    assert "Shown: 3 of 7 hyperparameters." in drawn.caption
    assert "of 9 runs: 3 methods, 3 seeds each." in drawn.caption


def test_importances_are_bars_with_intervals(axes):
    table = tables.importances(tables.configurations(METHODS))
    draw_importance(axes, table)
    assert [bar.get_width() for bar in axes.patches] == list(table["importance"])
    spans = [path.vertices[:, 0] for path in axes.collections[0].get_paths()]
    np.testing.assert_allclose(spans, table[["low", "high"]])
