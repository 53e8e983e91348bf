"""Overhead worked out by hand."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from hpobench.results.conduct.overhead import overhead, overhead_growth
from hpobench.results.study.time_axis import on_axis


def study_of(synthetic, *runs, overhead="none", **options):
    """Runs are lists of (kind, seconds), one a seed; each ends at 10."""
    study = synthetic.hand_made(
        [{"time_s": 1, "value": 1.0, "seed": seed} for seed in range(len(runs))],
        settings={"workers": 1, "overhead": overhead},
        **options,
    )
    rows = [
        {"task": "t", "method": "a", "seed": seed, "kind": kind, "time_s": 0.0, "seconds": seconds}
        for seed, run in enumerate(runs)
        for kind, seconds in run
    ]
    study.decisions = pd.DataFrame(rows, columns=["task", "method", "seed", "kind", "seconds"])
    return study


FIRST = [("ask", 1.0), ("ask", 2.0), ("tell", 3.0), ("ask", 4.0), ("tell", 5.0), ("ask", 99.0)]
SECOND = [("ask", 6.0), ("tell", 10.0)]


def test_the_table_by_hand(synthetic):
    row = overhead(study_of(synthetic, FIRST, SECOND)).iloc[0]
    assert row["decisions"] == (6 + 2) / 2
    assert row["ask_ms"] == pytest.approx(1000 * (1 + 2 + 4 + 99 + 6) / 5)
    assert row["tell_ms"] == pytest.approx(1000 * (3 + 5 + 10) / 3)
    assert row["total_s"] == (114 + 16) / 2
    assert row["share_of_run"] == pytest.approx((114 / 124 + 16 / 26) / 2)
    assert (row["seeds"], row["failed"]) == (2, 0)


def test_seconds_are_no_share_of_a_clock_of_evaluations(synthetic):
    study = study_of(synthetic, FIRST, SECOND)
    study.tasks = {"t": replace(study.tasks["t"], clock="evaluations")}
    row = overhead(study).iloc[0]
    assert (row["total_s"], np.isnan(row["share_of_run"])) == ((114 + 16) / 2, True)


def test_cpu_and_set_up_are_apart(synthetic):
    study = study_of(synthetic, FIRST, SECOND)
    assert np.isnan(overhead(study).iloc[0][["cpu_s", "setup_s"]].astype(float)).all()
    study.decisions = study.decisions.assign(cpu_s=study.decisions["seconds"] / 4)
    study.runs = study.runs.assign(setup_s=[1.0, 2.0])
    row = overhead(study).iloc[0]
    assert (row["cpu_s"], row["setup_s"]) == ((114 + 16) / 2 / 4, 1.5)


def test_charged_decisions_are_in_the_end_of_the_run(synthetic):
    row = overhead(study_of(synthetic, [("ask", 1.0), ("tell", 1.5)], overhead="measured")).iloc[0]
    assert row["share_of_run"] == 0.25


def test_runs_without_decisions_and_failed_runs(synthetic):
    runs = [{"seed": 0}, {"seed": 1, "status": "failed"}]
    row = overhead(study_of(synthetic, [], SECOND, runs=runs)).iloc[0]
    # A run that did not fail has decided something: what has no decisions was not measured.
    assert np.isnan(row[["decisions", "total_s", "share_of_run"]].astype(float)).all()
    assert np.isnan(row["ask_ms"])
    assert np.isnan(row["tell_ms"])
    assert (row["seeds"], row["failed"]) == (1, 1)
    assert not len(overhead_growth(study_of(synthetic, [], SECOND, runs=runs)))


def test_growth_by_hand(synthetic):
    # Evaluation 1 took 1 + 2 + 3 s in one run and 6 + 10 in the other; evaluation 2 took 4 + 5.
    table = overhead_growth(study_of(synthetic, FIRST, SECOND))
    assert table["number"].tolist() == [1, 2]
    assert table["ms"].tolist() == [(6000 + 16000) / 2, 9000]
    assert table["low"].tolist() == [6000 + 0.25 * 10000, 9000]
    assert table["high"].tolist() == [6000 + 0.75 * 10000, 9000]


def test_growth_in_bins_against_a_loop(synthetic):
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(3):
        kinds = np.where(rng.random(200) < 0.5, "ask", "tell")
        runs.append(list(zip(kinds, rng.exponential(1, 200), strict=True)))
    spent = []
    for run in runs:
        number, total = 1, 0.0
        for kind, seconds in run:
            total += seconds
            if kind == "tell":
                spent.append((number, 1000 * total))
                number, total = number + 1, 0.0
    table = overhead_growth(study_of(synthetic, *runs), bins=6)
    last = max(number for number, _ in spent)
    edges = np.unique((np.geomspace(1, last + 1, 7)).astype(int))
    assert len(table) == len(edges) - 1 > 3
    for row, (low, high) in zip(table.itertuples(), pairwise(edges), strict=True):
        inside = [ms for number, ms in spent if low <= number < high]
        assert row.number == pytest.approx(np.sqrt(low * (high - 1)))
        np.testing.assert_allclose(
            [row.low, row.ms, row.high], np.quantile(inside, [0.25, 0.5, 0.75])
        )


def test_refusals(synthetic):
    study = synthetic.hand_made([{"time_s": 1, "value": 1.0}])
    for table in (overhead, overhead_growth):
        with pytest.raises(ValueError, match="stored without its decisions"):
            table(study)
    study = study_of(synthetic, FIRST, overhead="measured")
    with pytest.raises(ValueError, match="begin with the stored study"):
        overhead(on_axis(study, "with_decisions"))
