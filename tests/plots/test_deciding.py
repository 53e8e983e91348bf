"""The section on decisions, and its figures: what they say is what was decided."""

import numpy as np
import pandas as pd
import pytest

from hpobench.plots.canvas.files import save
from hpobench.plots.deciding.paths import MOST_PANELS, decision_paths_figure, seeds_figure
from hpobench.plots.draw import draw_decisions
from hpobench.plots.report.blocks import Choices, Image, Paragraph, Section, Table
from hpobench.plots.report.context import Context
from hpobench.plots.report.parts.answer import answer
from hpobench.plots.report.parts.deciding import deciding
from hpobench.plots.report.parts.sources import sources
from hpobench.results.verdicts.decisions import decide
from hpobench.storage.rule import Rule
from hpobench.storage.schema import MethodFacts
from tests.results.synthetic import random_study

RULE = Rule(compare="all", max=40)
METHODS = {name: MethodFacts(name, f"Method {name}") for name in "abcd"}
VALUES = np.random.default_rng(0).normal([0.2, 0.4, 0.22, 0.2], 0.02, (40, 4))
MADE = decide({"t": pd.DataFrame(VALUES, columns=list("abcd"))}, [["t"]], RULE)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_paths_are_drawn_with_what_was_decided(tmp_path):
    drawn = decision_paths_figure(MADE.paths, METHODS, RULE, MADE.statements)
    assert len(drawn.figure.axes) == 6
    for path in MADE.paths:
        words = "not decided" if path.verdict == "open" else path.verdict
        assert any(text.startswith(words) for text in texts(drawn.figure))
    assert "for all 12 statements of the study at once" in drawn.caption
    assert "equal within 0.01" in drawn.caption
    assert "race" not in drawn.caption
    assert save(drawn.figure, tmp_path, "paths")[0].stat().st_size > 10_000
    # The band holds the mean at every look.
    for path in MADE.paths:
        assert ((path.low <= path.mean) & (path.mean <= path.high)).all()


def test_many_paths_are_left_to_the_table():
    some = [MADE.paths[0]] * (MOST_PANELS + 3)
    drawn = decision_paths_figure(some, METHODS, RULE, MADE.statements)
    assert len(drawn.figure.axes) == MOST_PANELS
    assert "Not drawn: 3 comparisons that took fewer seeds." in drawn.caption


def test_without_a_look_there_is_no_path():
    none = decide({"t": pd.DataFrame(VALUES[:3], columns=list("abcd"))}, [["t"]], RULE)
    with pytest.raises(ValueError, match="no look has been taken yet"):
        decision_paths_figure(none.paths, METHODS, RULE, none.statements)


def test_seeds_that_were_run_and_saved():
    drawn = seeds_figure(MADE.wanted, ["t"], METHODS, RULE)
    assert set(texts(drawn.figure)) == {str(count) for count in MADE.wanted.values()}
    assert f"{MADE.runs:,} of 160 runs" in drawn.caption


def test_the_figures_are_drawn_with_the_others(tmp_path):
    study = random_study(tasks=2, methods=3, seeds=30)
    assert draw_decisions(study, tmp_path) == []
    study.settings["decide"] = Rule(max=30, tasks="each").as_settings()
    paths = draw_decisions(study, tmp_path)
    assert [path.name for path in paths if path.suffix == ".png"] == [
        *("decisions-paths-1.png", "decisions-seeds-1.png"),
        *("decisions-paths-2.png", "decisions-seeds-2.png"),
    ]
    assert "confidence sequence" in (tmp_path / "decisions-paths-1.txt").read_text()
    lacking = []
    alone = random_study(tasks=1, methods=1, seeds=30)
    alone.settings["decide"] = Rule().as_settings()
    draw_decisions(alone, tmp_path, lambda name, why: lacking.append((name, why)))
    assert lacking == [("decisions", "there is nothing to decide: no task has two methods or more")]


def test_the_page_opens_with_what_was_decided():
    study = random_study(tasks=2, methods=3, seeds=30)
    study.settings["decide"] = Rule(max=30).as_settings()
    lines = next(block for block in answer(Context(study, 1)) if isinstance(block, Choices))
    (line,) = lines.choices
    assert "a probability of at most 5 % that any decision of the study is false" in line.evidence


@pytest.mark.parametrize("tasks", ["average", "each"])
def test_the_section_of_a_study_with_seeds_auto(tasks):
    study = random_study(tasks=2, methods=3, seeds=30)
    assert not deciding(Context(study, 1))
    rule = Rule(max=30, tasks=tasks)
    study.settings["decide"] = rule.as_settings()
    blocks = deciding(Context(study, 1))
    lead = blocks[0]
    assert isinstance(lead, Paragraph)
    assert lead.lead
    assert "% saved." in lead.text
    assert "p-values" in blocks[2].text
    parts = [block for block in blocks if isinstance(block, Section)]
    assert len(parts) == (0 if tasks == "average" else 2)
    inside = parts[0].blocks if parts else blocks
    (table,) = [block for block in inside if isinstance(block, Table)]
    assert len(table.rows) == 2  # each method but the best
    assert len([block for block in inside if isinstance(block, Image)]) == 2


def test_where_the_spread_comes_from():
    """A line a task and one over them; shares of each line add up to all of it."""
    blocks = sources(Context(random_study(tasks=2, methods=3, seeds=6), 1))
    assert isinstance(blocks[0], Paragraph)
    assert blocks[0].text.startswith("Of the variance of single runs ")
    (shown,) = [block for block in blocks if isinstance(block, Table)]
    assert len(shown.rows) == 3
    for row in shown.rows:
        shares = [cell.key for cell in row[1:-1] if cell.key is not None]
        assert sum(shares) == pytest.approx(1)
    assert not sources(Context(random_study(tasks=1, methods=1, seeds=6), 1))
