import zlib

from matplotlib.figure import Figure

from hpobench.plots.canvas.style import LOOKS, Look, looks, new_figure, save
from hpobench.storage.schema import MethodFacts


def methods(*names, **declared):
    return {name: MethodFacts(name, name, declared.get(name)) for name in names}


def test_declared_looks_are_used():
    facts = {"a": MethodFacts("a", "A", "#123456", ":")}
    assert looks(facts) == {"a": Look("#123456", ":")}


def test_a_name_has_the_same_look_in_every_study():
    alone = looks(methods("random_search"))["random_search"]
    assert looks(methods("asha", "random_search"))["random_search"] == alone
    # CRC-32, unlike hash(), does not depend on PYTHONHASHSEED
    assert alone == LOOKS[zlib.crc32(b"random_search") % len(LOOKS)]


def test_no_two_methods_share_a_look_while_there_are_enough():
    names = [f"method_{number}" for number in range(len(LOOKS) - 1)]
    made = looks(methods(*names, "declared", declared="#0072B2"))
    assert len(set(made.values())) == len(LOOKS)
    assert len(looks(methods(*(f"m{number}" for number in range(40))))) == 40


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
