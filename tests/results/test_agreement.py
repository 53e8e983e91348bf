"""The same number has the same interval wherever it stands: figure, report, claims and Python."""

import ast

import numpy as np
import pytest

from hpobench.plots.report.context import Context
from hpobench.plots.report.parts import across
from hpobench.results.anytime.comparison import anytime, average_regret
from hpobench.results.anytime.curves import horizon_s, runs_by_method
from hpobench.results.anytime.ecdf import TARGETS, time_ecdf
from hpobench.results.anytime.regret import normalised_regret
from hpobench.results.anytime.summaries import average_summaries, task_summaries
from hpobench.results.statistics.bootstrap import SHARE
from hpobench.results.statistics.contrasts import difference
from hpobench.results.statistics.rank_tests import pairwise_tests, two_methods
from hpobench.results.statistics.summary import BANDS, summarise
from hpobench.results.text.tables import tables
from hpobench.results.verdicts import claims
from hpobench.results.verdicts.final import aggregate_scores, final_regrets, rank_intervals
from hpobench.results.verdicts.time_to_target import pair_speedups, time_to_target
from tests.rooms import modules

CHOICES = [(statistic, band) for statistic, bands in BANDS.items() for band in bands]


@pytest.fixture(scope="module")
def seen(synthetic):
    return Context(synthetic.random_study(tasks=2, methods=3, seeds=4), planned=24)


def test_means_and_their_intervals(seen):
    """In the verdict for all of the horizon, in the curve's end, in the table over tasks."""
    [verdict] = [each for each in seen.verdicts if len(each.tasks) > 1 and each.fraction == 1.0]
    curve = average_regret(seen.found, seen.references)
    table = aggregate_scores(seen.found, seen.references)
    means = table[table["metric"] == "mean"].set_index("method")
    scores = seen.scores[seen.scores["task"] == "mean over tasks"].set_index("method")
    assert len(verdict.standings) == 3
    for each in verdict.standings:
        line, row = curve.lines[each.method], means.loc[each.method]
        said = each.value, each.low, each.high
        assert said == pytest.approx((line.centre[-1], line.low[-1], line.high[-1]), rel=1e-12)
        assert said == pytest.approx(tuple(row[["value", "low", "high"]]), rel=1e-12)
        assert each.value == pytest.approx(scores.loc[each.method, "final"], rel=1e-12)


@pytest.mark.parametrize("statistic", ["median", "iqm"])
def test_pooled_statistics_and_their_intervals(seen, statistic):
    """In the curve's end that plot draws, and in the table of scores at the end."""
    found, known = seen.found, seen.references
    curve = average_regret(found, known, statistic=statistic, band="bootstrap")
    table = aggregate_scores(found, known)
    rows = table[table["metric"] == statistic].set_index("method")
    for method, line in curve.lines.items():
        ends = line.centre[-1], line.low[-1], line.high[-1]
        row = tuple(rows.loc[method, ["value", "low", "high"]])
        assert row == pytest.approx(ends, rel=1e-12)
        assert row[1] < row[0] < row[2]


@pytest.mark.parametrize(("statistic", "band"), CHOICES)
def test_curves_of_the_page_are_those_of_the_figures(seen, statistic, band):
    """At the times that both show; the page looks at others too."""
    found, known = seen.found, seen.references
    pairs = [
        (
            average_summaries(found, known, {"linear": 3})[statistic, band],
            average_regret(found, known, time="linear", statistic=statistic, band=band, points=3),
        ),
        (
            task_summaries(found, "task_1", {"log": 5})[statistic, band],
            anytime(found, "task_1", statistic=statistic, band=band, points=5),
        ),
    ]
    for page, figure in pairs:
        assert page.lines
        for method, line in page.lines.items():
            at = np.isin(page.time, figure.time)
            there = np.isin(figure.time, page.time[at])
            for part in ("centre", "low", "high"):
                mine, other = (getattr(each, part) for each in (line, figure.lines[method]))
                np.testing.assert_allclose(mine[at], other[there], rtol=1e-12)
            assert np.isfinite(line.low[at]).any()


def test_shares_of_targets_are_the_same_mean_wherever_it_stands(seen):
    """The band of the ECDF at the horizon, from the lowest regret that each run has had by then."""
    found, known = seen.found, seen.references
    levels = np.array(TARGETS) + 1e-12

    def share(task, run):
        time_s, value = found.steps(run)
        lowest = normalised_regret(value, known[task])[time_s <= horizon_s(found, task)].min()
        return (lowest <= levels).mean()

    for method, line in time_ecdf(found, known).lines.items():
        shares = [
            np.array([[share(task, run)] for run in runs_by_method(found, task)[method]])
            for task in known
        ]
        again = summarise(shares, "mean", "bootstrap", list(known), SHARE)
        ends = line.centre[-1], line.low[-1], line.high[-1]
        assert ends == pytest.approx((again.centre[0], again.low[0], again.high[0]), rel=1e-12)


def test_what_the_page_writes_is_what_python_gives(seen):
    """The tables behind the figures of scores and ranks, cell by cell."""
    page = str(across.across(seen))
    for table in (aggregate_scores(seen.found, seen.references),):
        for name in ("value", "low", "high"):
            assert all(f"{number:.4g}" in page for number in table[name])
    ranked = [rank_intervals(seen.found, seen.references) for _ in range(2)]
    assert ranked[0].equals(ranked[1])


def test_nobody_hands_a_generator_through():
    """What is drawn depends on what it is drawn for: only kernels that draw take a generator."""
    taking = {
        f"{name.removeprefix('hpobench.')}.{node.name}"
        for name, path in modules().items()
        if name.startswith(("hpobench.results", "hpobench.plots"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        if any("rng" in each.arg for each in (*node.args.args, *node.args.kwonlyargs))
    }
    assert taking == {
        "results.conduct.configurations._grown",
        "results.conduct.configurations._resampled",
        "results.statistics.signed_rank.posterior",
    }


def test_speed_ups_and_their_intervals(seen):
    """In the table over one method, pair by pair, over some tasks alone, and of a claim."""
    found, known = seen.found, seen.references
    over = time_to_target(found, known, "method_0")
    pairs = pair_speedups(found, known).set_index(["method", "other"])
    columns = ["share", "speedup", "low", "high", "bound"]
    for method in ("method_1", "method_2"):
        mine = over[over["method"] == method].set_index("task")
        row = mine.loc["all tasks"]
        assert row[columns].to_list() == pairs.loc[(method, "method_0"), columns].to_list()
        expects = [{"faster": method, "than": "method_0", "by": 1}]
        (finding,) = claims.judge(seen.study, expects)
        interval = f"[{row['low']:.1f}, {row['high']:.1f}]"
        assert finding.measured == f"{row['speedup']:.1f} times as fast {interval}"
        (alone,) = claims.judge(seen.study, [expects[0] | {"task": "task_1"}])
        assert f"[{mine.loc['task_1', 'low']:.1f}, " in alone.measured


def test_differences_and_their_p_values(seen):
    """Claims are of two methods alone; what is exported is what the tests say."""
    [verdict] = [each for each in seen.verdicts if len(each.tasks) > 1 and each.fraction == 1.0]
    best, other = verdict.standings[:2]
    expects = [{"better": best.method, "worse": other.method}]
    (finding,) = claims.judge(seen.study, expects)
    assert finding.p_value == verdict.p_values[frozenset((best.method, other.method))]
    regrets = final_regrets(seen.found, seen.references)
    alone = difference(regrets, other.method, best.method)
    low, high = alone.interval()
    assert f"gain {other.difference:.4f} [{low:.4f}, {high:.4f}]" in finding.measured
    assert alone.interval(3) == pytest.approx((other.difference_low, other.difference_high))
    assert finding.p_value == verdict.p_values[frozenset((best.method, other.method))]
    two = two_methods(regrets, other.method, best.method)
    assert (two.difference, two.low, two.high) == (alone.value, low, high)
    written = tables(seen.study)
    tests = pairwise_tests(final_regrets(seen.found, seen.references))
    assert all(f" {value:.3f} " in written for value in tests["p_value"] if value >= 0.001)
