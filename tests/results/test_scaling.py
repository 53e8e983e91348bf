"""Speed-ups worked out by hand."""

import numpy as np
import pytest
from scipy.stats import norm, t

from hpobench.results.scaling import scaling
from hpobench.schema import TaskFacts


def study_of(synthetic, workers, *runs, end_s=10.0, **options):
    """Runs are lists of (time, value), one a seed."""
    table = [
        {"seed": seed, "time_s": time, "value": value}
        for seed, run in enumerate(runs)
        for time, value in run
    ]
    keys = [{"seed": seed, "end_time_s": end_s} for seed in range(len(runs))]
    options = {"runs": keys, "settings": {"workers": workers}} | options
    return synthetic.hand_made(table, **options)


def three(synthetic):
    return {
        # The means are 9 from 2 on, 6 from 8 and 3 from 10: the target.
        1: study_of(synthetic, 1, [(1, 10.0), (8, 4.0)], [(2, 8.0), (10, 2.0)]),
        2: study_of(synthetic, 2, [(1, 10.0), (4, 4.0)], [(1, 8.0), (5, 2.0)]),
        4: study_of(synthetic, 4, [(1, 10.0), (2, 4.0)], [(1, 8.0), (3, 3.0)]),
    }


def test_speed_up_and_efficiency_by_hand(synthetic, rng):
    table = scaling(three(synthetic), rng).set_index("workers")
    assert table["time_s"].tolist() == [10, 5, np.inf]
    assert table["speedup"].tolist() == [1, 2, 0]
    assert table["efficiency"].tolist() == [1, 1, 0]
    assert table["reached"].tolist() == [True, True, False]
    assert table["seeds"].tolist() == [2, 2, 2]
    assert table["throughput"].isna().all()  # no jobs were stored


def test_efficiency_is_against_the_fewest_workers(synthetic, rng):
    some = three(synthetic)
    some[2].settings["workers"], some[4].settings["workers"] = 8, 12
    table = scaling({8: some[2], 12: some[4]}, rng).set_index("workers")
    # The target is 3, reached at 5 by the first; the second ends with a mean of 3.5.
    assert table.loc[8, ["time_s", "speedup", "efficiency"]].tolist() == [5, 1, 1]
    some[1].settings["workers"] = 16
    table = scaling({8: some[2], 16: some[1]}, rng).set_index("workers")
    assert table.loc[16, ["speedup", "efficiency"]].tolist() == [0.5, 0.25]


def test_seeds_are_resampled_together(synthetic, rng):
    """If each seed is three times as fast, so is every resample of the seeds."""
    runs = [[(1 + seed, 9.0), (3 + 2 * seed, 5.0 - seed)] for seed in range(4)]
    fast = [[(time / 3, value) for time, value in run] for run in runs]
    studies = {2: study_of(synthetic, 2, *runs), 6: study_of(synthetic, 6, *fast)}
    row = scaling(studies, rng).set_index("workers").loc[6]
    np.testing.assert_allclose(row[["speedup", "low", "high"]].to_numpy(float), 3)
    assert row["efficiency"] == pytest.approx(1)


def test_an_interval_holds_what_varies(synthetic, rng):
    slow = [[(1, 9.0), (8, 1.0)], [(1, 9.0), (8, 1.0)], [(1, 9.0), (8, 1.0)]]
    # One seed gains nothing; the mean is there when the last of its seeds is. The resamples that
    # lack that seed, (2/3)^3 of them, reach it at 2.
    fast = [[(1, 9.0), (2, 1.0)], [(1, 9.0), (2, 1.0)], [(1, 9.0), (8, 1.0)]]
    studies = {1: study_of(synthetic, 1, *slow), 4: study_of(synthetic, 4, *fast)}
    row = scaling(studies, rng).set_index("workers").loc[4]
    # They have 4: 3 more, stretched for 3 seeds by the formula in `bootstrap`.
    factor = t.ppf(0.975, 2) / norm.ppf(0.975) * np.sqrt(3 / 2)
    assert (row["speedup"], row["low"]) == (1, 1)
    assert row["high"] == pytest.approx(1 + 3 * factor)


def test_a_single_seed_has_no_interval(synthetic, rng):
    studies = {
        1: study_of(synthetic, 1, [(4, 2.0)]),
        2: study_of(synthetic, 2, [(2, 2.0)]),
    }
    row = scaling(studies, rng).iloc[1]
    assert row["speedup"] == 2
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_runs_without_a_value_count_as_the_median_configuration(synthetic, rng):
    tasks = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=6.0)}
    some = {
        1: study_of(synthetic, 1, [(4, 2.0)], [], tasks=tasks),
        2: study_of(synthetic, 2, [(3, 2.0)], [(2, 5.0)], tasks=tasks),
    }
    table = scaling(some, rng)
    # The target is (2 + 6) / 2 from 4 on; with two workers (6 + 5) / 2 from 2, (2 + 5) / 2 from 3.
    assert table["time_s"].tolist() == [4, 3]


def test_throughput_counts_jobs_that_ended(synthetic, rng):
    some = three(synthetic)
    for workers, study in some.items():
        study.jobs = study.observations.assign(start_s=0.0, end_s=1.0, status="ok")
        study.jobs.loc[0, "status"] = "cut"
        study.runs["end_time_s"] = [10.0 / workers, 20.0 / workers]
    throughput = scaling(some, rng)["throughput"].tolist()
    assert throughput == pytest.approx([w * (1 / 10 + 2 / 20) / 2 for w in (1, 2, 4)])


def test_refusals(synthetic, rng):
    some = three(synthetic)
    with pytest.raises(ValueError, match="1 study: scaling compares"):
        scaling({1: some[1]}, rng)
    with pytest.raises(ValueError, match="a study given for 3 workers ran with 2"):
        scaling({1: some[1], 3: some[2]}, rng)
    with pytest.raises(ValueError, match="no task and method in common"):
        scaling(some, rng, task="u")
    other = synthetic.hand_made(
        [{"method": "b", "time_s": 1, "value": 1.0}], settings={"workers": 2}
    )
    with pytest.raises(ValueError, match="no task and method in common"):
        scaling({1: some[1], 2: other}, rng)
    all_failed = study_of(synthetic, 2, [(1, 1.0)])
    all_failed.runs["status"] = "failed"
    with pytest.raises(ValueError, match="no task and method in common"):
        scaling({1: some[1], 2: all_failed}, rng)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
