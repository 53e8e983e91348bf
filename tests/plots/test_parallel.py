"""Parallel coordinates as the page draws them: the same places as in the figure."""

import re

import numpy as np
import pytest

from hpobench.plots.figures.configurations import INACTIVE, parallel_figure
from hpobench.plots.report.parallel import WIDTH, parallel_drawing
from tests.plots import tables

METHODS = tables.methods_of(3, long=False)
OPTIONS = {"label": "error", "space": None, "notes": []}


def places(path):
    return [tuple(map(float, pair.split())) for pair in re.split("[ML]", path)[1:]]


@pytest.fixture
def configs():
    return tables.configurations(METHODS)


def test_lines_go_through_the_places_of_the_figure(configs):
    """Up to rounding; in the figure an axis goes from 0 to 1."""
    drawing = parallel_drawing(configs, None, "alt", **OPTIONS)
    figure = parallel_figure(configs, METHODS, label="error").figure
    lines = [path.vertices for path in figure.axes[0].collections[0].get_paths()]
    runs = [places(stroke.path) for stroke in drawing.strokes if stroke.kind == "run"]
    assert len(runs) == len(lines) == 9
    left, right = map(float, re.match(r"M(\d+) \d+H(\d+)", drawing.strokes[0].path).groups())
    for run, line in zip(runs, lines, strict=True):
        made = (np.array(run)[:, 0] - left) / (right - left)
        inactive = line[:, 0] == INACTIVE
        np.testing.assert_allclose(made[~inactive], line[~inactive, 0], atol=2 / WIDTH)
        np.testing.assert_allclose(made[inactive], INACTIVE, atol=2 / WIDTH)


def test_words_are_those_of_the_figure(configs):
    ranked = tables.importances(configs)
    drawing = parallel_drawing(configs, ranked, "alt", **OPTIONS)
    drawn = parallel_figure(configs, METHODS, ranked, label="error")
    assert drawing.caption == drawn.caption
    said = {word.text for word in drawing.words}
    named = {text.get_text() for text in drawn.figure.axes[0].get_yticklabels()}
    assert {line for name in named for line in name.split("\n")} | {"importance"} <= said
    assert all(0 <= word.x <= drawing.width for word in drawing.words)
    assert all(0 <= word.y <= drawing.height for word in drawing.words)


def test_bars_are_as_long_as_hyperparameters_are_important(configs):
    ranked = tables.importances(configs)
    drawing = parallel_drawing(configs, ranked, "alt", **OPTIONS)
    [bars] = [stroke.path for stroke in drawing.strokes if stroke.kind == "bar"]
    spans = np.array([(float(a), float(b)) for a, b in re.findall(r"M(\d+) \d+H(\d+)v", bars)])
    lengths = spans[:, 1] - spans[:, 0]
    expected = ranked["importance"].to_numpy()
    np.testing.assert_allclose(lengths / lengths[0], expected / expected[0], atol=0.03)
