"""Markers tell methods apart where colours do not: in print."""

from pathlib import Path

import yaml

from hpobench.plots.canvas.style import LOOKS, Look

CONF = Path(__file__).parents[2] / "conf" / "method"


def test_a_lone_marker_tells_as_much_as_colour_and_line():
    marks = {(look.marker, look.filling) for look in (Look(*pair) for pair in LOOKS)}
    assert len(marks) == len(LOOKS)


def test_shipped_methods_have_marks_of_their_own():
    about = [yaml.safe_load(path.read_text())["about"] for path in CONF.glob("*.yaml")]
    made = [Look(each["color"], each["line"]) for each in about]
    assert len({(look.marker, look.filling) for look in made}) == len(made) > 20
    assert len({(look.marker, look.line) for look in made}) == len(made)


def test_a_colour_without_a_shape_gets_the_same_one_always():
    assert Look("#123456", "-").marker == Look("#123456", ":").marker
    assert Look("#0072b2", "-").marker == Look("#0072B2", "-").marker == "o"


def test_options_draw_a_line_or_a_marker_alone():
    look = Look("#0072B2", "--")
    assert look.options()["linestyle"] == "--"
    assert look.options(line=False, size=3)["linestyle"] == ""
    assert look.options(line=False, size=3)["markersize"] == 3
    assert look.options()["fillstyle"] == "none"
