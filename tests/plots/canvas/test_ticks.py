"""Ticks of log axes in narrow panels: decades, evenly apart, at least two of them."""

import pytest
from matplotlib.figure import Figure

from hpobench.plots.canvas.ticks import log_ticks


@pytest.mark.parametrize(
    ("low", "high", "most", "places"),
    [
        (0.004, 200.0, 2, [0.1, 10.0]),  # 0.01, 1 and 100 are too many, and 1 alone too few
        (0.004, 90.0, 3, [0.01, 1.0]),
        (0.004, 900.0, 3, [0.01, 1.0, 100.0]),
        (0.9, 6.0, 3, [1.0, 2.0, 5.0]),
    ],
)
def test_ticks_are_few_and_evenly_apart(low, high, most, places):
    axes = Figure().add_subplot()
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    log_ticks(axes, "x", most)
    assert axes.xaxis.get_majorticklocs().tolist() == pytest.approx(places)
