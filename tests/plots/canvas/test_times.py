"""Ticks of axes of time."""

from hpobench.plots.canvas.times import log_ticks_s


def test_names_of_ticks_do_not_touch():
    """A day is 0.38 of a decade after 10 hours, of 5 that the axis has: less than an eighth."""
    assert [name for _, name in log_ticks_s(15.0, 1.6e6)] == [
        *("1 min", "10 min", "1 h", "10 h", "10 days")
    ]
    short = [name for _, name in log_ticks_s(1.0, 200.0)]
    assert short == ["1 s", "3 s", "10 s", "30 s", "1 min", "3 min"]
    assert log_ticks_s(1.0, 50.0) is None  # one unit is enough
