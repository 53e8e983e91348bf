"""The same number has the same interval wherever it stands: figure, report, claims and Python."""

import numpy as np
import pytest

from hpobench.plots.report.context import Context
from hpobench.results.anytime.comparison import average_regret
from hpobench.results.statistics.rank_tests import pairwise_tests
from hpobench.results.text.tables import tables
from hpobench.results.verdicts import claims
from hpobench.results.verdicts.final import aggregate_scores, final_regrets
from hpobench.results.verdicts.speedups import pair_speedups
from hpobench.results.verdicts.time_to_target import time_to_target


@pytest.fixture(scope="module")
def seen(synthetic):
    return Context(synthetic.random_study(tasks=2, methods=3, seeds=4), planned=24)


def test_means_and_their_intervals(seen):
    """In the verdict for all of the horizon, in the curve's end, in the table over tasks."""
    [verdict] = [each for each in seen.verdicts if len(each.tasks) > 1 and each.fraction == 1.0]
    curve = average_regret(seen.found, seen.references)
    table = aggregate_scores(seen.found, seen.references, np.random.default_rng(5))
    means = table[table["metric"] == "mean"].set_index("method")
    scores = seen.scores[seen.scores["task"] == "mean over tasks"].set_index("method")
    assert len(verdict.standings) == 3
    for each in verdict.standings:
        line, row = curve.lines[each.method], means.loc[each.method]
        said = each.value, each.low, each.high
        assert said == pytest.approx((line.centre[-1], line.low[-1], line.high[-1]), rel=1e-12)
        assert said == pytest.approx(tuple(row[["value", "low", "high"]]), rel=1e-12)
        assert each.value == pytest.approx(scores.loc[each.method, "final"], rel=1e-12)


def test_speed_ups_and_their_intervals(seen):
    """In the table over one method, pair by pair, over some tasks alone, and of a claim."""
    found, known = seen.found, seen.references
    over = time_to_target(found, known, "method_0", np.random.default_rng(1))
    pairs = pair_speedups(found, known, np.random.default_rng(2)).set_index(["method", "other"])
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
    assert f"gain {other.difference:.4f} [" in finding.measured
    written = tables(seen.study)
    tests = pairwise_tests(final_regrets(seen.found, seen.references))
    assert all(f" {value:.3f} " in written for value in tests["p_value"] if value >= 0.001)
