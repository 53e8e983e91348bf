"""Figures for papers: as wide as asked for, readable, and without what LaTeX adds itself."""

import pytest

from hpobench.plots.canvas.paper import WIDTHS_IN, Paper, drawn_for
from hpobench.plots.canvas.style import RC, new_figure
from hpobench.plots.draw import draw
from hpobench.plots.figures.anytime import anytime_figure, draw_anytime
from hpobench.plots.figures.overview import overview_figure
from hpobench.plots.figures.rank import draw_rank
from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.ranks import average_ranks
from hpobench.results.verdicts.strips import Budget, Strip
from hpobench.storage.schema import MethodFacts
from tests.plots.extents import check_words, words_of


@pytest.fixture
def study(synthetic):
    return synthetic.random_study(tasks=2, methods=3, seeds=4)


@pytest.mark.parametrize("size", WIDTHS_IN)
@pytest.mark.parametrize("count", [1, 12, 40])
def test_curves_of_many_methods_fit_a_column_and_a_page(synthetic, size, count):
    """At the type that is set, which no figure scales; the smallest is 7 points."""
    study = synthetic.random_study(tasks=1, methods=count, seeds=2)
    panel = anytime(incumbents(study), "task_0")
    with drawn_for(Paper(WIDTHS_IN[size], caption=False)):
        drawn = anytime_figure([panel], study.methods)
    assert drawn.figure.get_figwidth() == WIDTHS_IN[size]
    assert drawn.figure.get_supxlabel() == ""
    assert "seeds" in drawn.caption
    check_words(drawn.figure)
    assert min(text.get_fontsize() for text in words_of(drawn.figure)) >= 7


@pytest.mark.parametrize("size", [None, *WIDTHS_IN])
@pytest.mark.parametrize("count", [2, 40])
def test_the_overview_fits(synthetic, size, count):
    study = synthetic.random_study(tasks=1, methods=count, seeds=2)
    marks = {
        name: ("best", "", "tied") if number else ("worse", "", "best")
        for number, name in enumerate(study.methods)
    }
    times = [Budget(part, (part * 3000.0, part * 181_440.0), "seconds") for part in (0.01, 0.1, 1)]
    strip = Strip(("task_0",), tuple(times), marks, few=True)
    panel = anytime(incumbents(study), "task_0")
    with drawn_for(Paper(WIDTHS_IN.get(size), caption=size is None)):
        drawn = overview_figure(panel, strip, study.methods)
    check_words(drawn.figure)
    right = drawn.figure.axes[1]
    filled = [
        line for line in right.lines if line.get_marker() == "o" and line.get_markersize() == 8
    ]
    assert len(filled) == 2 * (count - 1) + 1
    assert "So few seeds" in drawn.caption
    assert "No mark at all for a budget" in drawn.caption


def test_a_font_and_the_usual_one_afterwards(study):
    panel = anytime(incumbents(study), "task_0")
    with drawn_for(Paper(WIDTHS_IN["column"], font="STIXGeneral")):
        figure = anytime_figure([panel], study.methods).figure
    assert figure.axes[0].xaxis.label.get_fontfamily() == ["STIXGeneral"]
    after = anytime_figure([panel], study.methods).figure
    assert after.axes[0].xaxis.label.get_fontfamily() != ["STIXGeneral"]
    assert after.axes[0].xaxis.label.get_fontsize() == RC["axes.labelsize"]


def test_axes_of_ones_own_are_drawn_into_and_returned(study):
    found = incumbents(study)
    one, other = new_figure(6, 3).subplots(1, 2)
    assert draw_anytime(one, anytime(found, "task_0"), study.methods) is one
    assert draw_rank(other, average_ranks(found), study.methods) is other
    assert [len(axes.lines) for axes in (one, other)] == [3, 4]  # the mean of all ranks is a line
    assert [text.get_text() for text in one.legend().get_texts()] == [
        facts.label for facts in study.methods.values()
    ]


def test_chosen_methods_and_captions_for_latex(study, tmp_path, monkeypatch):
    monkeypatch.setattr("hpobench.plots.draw.save", lambda _figure, folder, stem: [folder / stem])
    study.methods["method_2"] = MethodFacts("method_2", "100 % ours")
    draw(study, tmp_path, methods=["method_0", "method_2"], order=["method_2"])
    caption = (tmp_path / "average-regret.txt").read_text()
    assert "compared with each other alone: 2 of the study's 3 methods." in caption
    latex = (tmp_path / "average-regret.tex").read_text()
    assert latex.startswith("\\caption{Mean normalised regret over 8 task-seed pairs, band: 95 \\%")
    assert latex.endswith("\\label{fig:average-regret}\n")
    with pytest.raises(ValueError, match="unknown method 'mine'"):
        draw(study, tmp_path, methods=["mine"])
