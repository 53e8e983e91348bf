"""Speed-ups worked out by hand."""

import numpy as np
import pytest

from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import references
from hpobench.results.verdicts.scaling import scaling
from hpobench.results.verdicts.time_to_target import time_to_target
from hpobench.storage.schema import TaskFacts


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
    """Finals with one worker are 4 and 2: their mean, 3, is the target."""
    return {
        1: study_of(synthetic, 1, [(1, 10.0), (8, 4.0)], [(2, 8.0), (9, 2.0)]),
        2: study_of(synthetic, 2, [(1, 10.0), (4, 4.0)], [(1, 8.0), (4.5, 2.0)]),
        4: study_of(synthetic, 4, [(1, 10.0), (2, 4.0)], [(1, 8.0), (3, 3.5)]),
    }


def by_workers(studies):
    return scaling(studies).table.set_index("workers")


def test_speed_up_and_efficiency_by_hand(synthetic):
    table = by_workers(three(synthetic))
    # One run of two gets there with 1 and 2 workers, at 9 and 4.5, none with 4 within 10 seconds.
    np.testing.assert_allclose(table["time_s"], [9, 4.5, 10])
    np.testing.assert_allclose(table["speedup"], [1, 2, 0.9])
    np.testing.assert_allclose(table["efficiency"], [1, 1, 0.9 / 4])
    assert table["bound"].tolist() == ["", "", "<="]
    assert table["reached"].tolist() == [0.5, 0.5, 0]
    assert table["share"].tolist() == [0.5, 0.5, 0]
    assert table["seeds"].tolist() == [2, 2, 2]
    assert table["low"].isna().all()  # one run tells of no error
    assert table["throughput"].isna().all()  # no jobs were stored


def test_efficiency_is_against_the_fewest_workers(synthetic):
    some = three(synthetic)
    some[2].settings["workers"], some[1].settings["workers"] = 8, 16
    table = by_workers({8: some[2], 16: some[1]})
    assert table.loc[8, ["time_s", "speedup", "efficiency"]].tolist() == pytest.approx([4.5, 1, 1])
    assert table.loc[16, ["speedup", "efficiency"]].tolist() == pytest.approx([0.5, 0.25])


def test_seeds_are_resampled_together(synthetic):
    """If each seed is three times as fast, so is every resample of the seeds."""
    runs = [[(1 + seed, 9.0), (3 + seed, 2.0 if seed else 5.0)] for seed in range(6)]
    fast = [[(time / 3, value) for time, value in run] for run in runs]
    studies = {2: study_of(synthetic, 2, *runs), 6: study_of(synthetic, 6, *fast)}
    row = by_workers(studies).loc[6]
    np.testing.assert_allclose(row[["speedup", "low", "high"]].to_numpy(float), 3)
    assert row["efficiency"] == pytest.approx(1)


def test_it_is_the_speed_up_between_methods(synthetic):
    """The same runs as two methods of one study give the same numbers, with the same interval."""
    rng = np.random.default_rng(3)
    runs = {
        count: [list(zip(np.sort(rng.uniform(0.1, 10, 5)), np.sort(rng.random(5))[::-1],
                         strict=True)) for _ in range(8)]
        for count in (1, 4)
    }  # fmt: skip
    rows = [
        {"method": f"w{count}", "seed": seed, "time_s": time, "value": value}
        for count, some in runs.items()
        for seed, run in enumerate(some)
        for time, value in run
    ]
    study = synthetic.hand_made(rows)
    found = incumbents(study)
    expected = time_to_target(found, references(study, found.views), "w1").set_index("method")
    row = by_workers({count: study_of(synthetic, count, *some) for count, some in runs.items()})
    columns = ["time_s", "share", "speedup", "low", "high", "reached"]
    np.testing.assert_allclose(
        row.loc[[1, 4], columns].to_numpy(float),
        expected[expected["task"] == "t"].loc[["w1", "w4"], columns].to_numpy(float),
    )
    assert np.isfinite(row.loc[4, "high"])


def test_a_single_seed_has_no_interval(synthetic):
    studies = {
        1: study_of(synthetic, 1, [(1, 4.0), (4, 2.0)]),
        2: study_of(synthetic, 2, [(1, 4.0), (2, 2.0)]),
    }
    row = by_workers(studies).loc[2]
    assert row["speedup"] == pytest.approx(2)
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_runs_without_a_value_count_as_the_median_configuration(synthetic):
    tasks = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=6.0)}
    some = {
        1: study_of(synthetic, 1, [(4, 2.0)], [], tasks=tasks),
        2: study_of(synthetic, 2, [(3, 4.0)], [(2, 5.0)], tasks=tasks),
    }
    # The target is (2 + 6) / 2, which the second run with one worker never reaches.
    table = by_workers(some)
    assert table["reached"].tolist() == [0.5, 0.5]
    np.testing.assert_allclose(table["speedup"], [1, 4 / 3])


def test_runs_that_failed_never_get_there(synthetic):
    some = three(synthetic)
    some[2].runs["status"] = "failed"
    some[2].observations = some[2].observations[:0]
    made = scaling({1: some[1], 2: some[2]})
    assert made.table["bound"].tolist() == ["", "<="]
    assert "2 of 2 runs of a (workers: 2) failed" in " ".join(made.notes["t"])


def test_tasks_that_cannot_be_compared_are_named(synthetic):
    rows = [{"task": task, "time_s": 1, "value": v} for task, v in
            (("s", 1.0), ("t", 2.0), ("t", 1.0))]  # fmt: skip
    some = {n: synthetic.hand_made(rows, settings={"workers": n}) for n in (1, 2)}
    made = scaling(some)
    assert set(made.table["task"]) == {"t"}
    assert "no values that differ" in made.left_out["s"]


def test_throughput_counts_jobs_that_ended(synthetic):
    some = three(synthetic)
    for workers, study in some.items():
        study.jobs = study.observations.assign(start_s=0.0, end_s=1.0, status="ok")
        study.jobs.loc[0, "status"] = "cut"
        study.runs["end_time_s"] = [10.0 / workers, 20.0 / workers]
    throughput = scaling(some).table["throughput"].tolist()
    assert throughput == pytest.approx([w * (1 / 10 + 2 / 20) / 2 for w in (1, 2, 4)])


def test_refusals(synthetic):
    some = three(synthetic)
    with pytest.raises(ValueError, match="1 study: scaling compares"):
        scaling({1: some[1]})
    with pytest.raises(ValueError, match="a study given for 3 workers ran with 2"):
        scaling({1: some[1], 3: some[2]})
    with pytest.raises(ValueError, match="no task and method in common"):
        scaling(some, task="u")
    other = synthetic.hand_made(
        [{"method": "b", "time_s": 1, "value": 1.0}], settings={"workers": 2}
    )
    with pytest.raises(ValueError, match="no task and method in common"):
        scaling({1: some[1], 2: other})
