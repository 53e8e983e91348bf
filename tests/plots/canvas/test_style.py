import zlib
from itertools import combinations, pairwise

import numpy as np
from matplotlib.figure import Figure

from hpobench.plots.canvas.colours import distance, lab, lightness, linear, on_dark
from hpobench.plots.canvas.files import save
from hpobench.plots.canvas.style import FAR, HUES, Look, looks, new_figure
from hpobench.storage.schema import MethodFacts
from hpobench.study import catalogue


def methods(*names, **declared):
    return {name: MethodFacts(name, name, declared.get(name)) for name in names}


def test_declared_looks_are_used():
    facts = {"a": MethodFacts("a", "A", "#123456", ":")}
    assert looks(facts) == {"a": Look("#123456", ":")}


def test_a_name_has_the_same_look_in_every_study():
    alone = looks(methods("random_search"))["random_search"]
    assert looks(methods("asha", "random_search"))["random_search"] == alone
    # CRC-32, unlike hash(), does not depend on PYTHONHASHSEED
    assert alone == (HUES[zlib.crc32(b"random_search") % len(HUES)], "-")


def test_no_two_methods_share_a_look_while_there_are_enough():
    names = [f"method_{number}" for number in range(50)]
    made = looks(methods(*names, "declared", declared="#0072B2"))
    assert len(set(made.values())) == 51
    assert len(looks(methods(*(f"m{number}" for number in range(40))))) == 40


def test_methods_of_the_user_have_a_hue_of_their_own():
    """None is black, as the reference often is, or like another one of the study."""
    for name in ("mine", "my_bo", "ours", "a", "b", "c", "d"):
        made = looks(methods("random", "evolution", name, random="#000000", evolution="#CC79A7"))
        color = made[name].color
        assert min(distance(color, other) for other in ("#000000", "#CC79A7")) >= FAR


def test_methods_of_the_default_study_are_told_apart_by_all():
    """As seen and with deuteranopia 15 in L*a*b*; in grey 10 in L* alone, or by their lines."""
    for group in catalogue.read("study", "default")["comparisons"]:
        about = {name: catalogue.read("method", name)["about"] for name in group["method"]}
        for one, other in combinations(about.values(), 2):
            assert distance(one["color"], other["color"]) > 15
            grey = abs(lightness(one["color"]) - lightness(other["color"]))
            assert grey > 10 or one["line"] != other["line"], (one["label"], other["label"])


def test_on_a_dark_page_colours_are_light_and_keep_their_hue():
    for name in catalogue.names("method"):
        color = catalogue.read("method", name)["about"]["color"]
        made = on_dark(color)
        assert lightness(made) > 61.5
        before, after = lab(linear(color))[1:], lab(linear(made))[1:]
        if min(np.hypot(*before), np.hypot(*after)) > 10:
            turn = np.arctan2(*before) - np.arctan2(*after)
            assert abs((turn + np.pi) % (2 * np.pi) - np.pi) < 0.05
    assert on_dark("#DDAA33") == "#ddaa33"  # light enough
    assert distance(on_dark("#000000"), on_dark("#4B1D7A")) > 20


def test_leaders_of_the_default_study_differ_by_colour_alone():
    for one, other in pairwise(
        ["tpe", "gp", "asha", "hyperband", "mobster", "random", "evolution"]
    ):
        colors = [catalogue.read("method", name)["about"]["color"] for name in (one, other)]
        assert distance(*colors) >= 20


def test_saved_files_are_png_and_pdf_and_the_same_each_time(tmp_path):
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    paths = save(figure, tmp_path / "new", "stem")
    assert [path.name for path in paths] == ["stem.png", "stem.pdf"]
    first = [path.read_bytes() for path in paths]
    assert first[0].startswith(b"\x89PNG")
    assert first[1].startswith(b"%PDF")
    assert [path.read_bytes() for path in save(figure, tmp_path, "stem")] == first


def test_text_that_is_no_mathematics_is_shown_as_it_is(tmp_path):
    """Labels come from outside; matplotlib raises ValueError for a fraction of nothing."""
    figure = new_figure(3, 2)
    axes = figure.add_subplot()
    bad, good = r"$\frac$ of it", r"$\alpha$ of it"
    axes.set_title(bad)
    axes.set_xlabel(good)
    axes.set_yticks([0, 1], [bad, good])
    figure.legend(handles=axes.plot([0, 1], label=bad))
    save(figure, tmp_path, "x")
    assert axes.title.get_text() == bad
    assert not axes.title.get_parse_math()
    assert axes.xaxis.label.get_parse_math()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.pdf", "x.png"]
