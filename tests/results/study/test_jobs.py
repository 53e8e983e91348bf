"""Idle shares, learning curves and rungs of runs worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from hpobench.results.conduct.one_run import learning_curves, one_run, rung_ends
from hpobench.results.study.jobs import (
    busy_intervals,
    failures,
    idle_share,
    idle_shares,
    occupancy,
)
from hpobench.results.study.study import Study
from hpobench.storage.schema import MethodFacts, TaskFacts

EPOCHS = TaskFacts("t", "task", "error", fidelity="epochs", r_min=1, r_max=9)


def jobs_of(*rows, **key):
    """Jobs from (trial, worker, from, to, start, end[, status])."""
    names = ["trial", "worker", "from_resource", "to_resource", "start_s", "end_s", "status"]
    table = pd.DataFrame([dict(zip(names, (*row, "ok"), strict=False)) for row in rows])
    return table.assign(**({"task": "t", "method": "a", "seed": 0} | key))


def study_of(jobs, observations=None, runs=(), workers=2):
    """Runs default to those of the jobs, which end at time 10."""
    keys = jobs[["task", "method", "seed"]].drop_duplicates().to_dict("records")
    defaults = {"status": "ok", "error": "", "trials": 2, "end_time_s": 10.0, "cpu_s": 0.1}
    runs = pd.DataFrame([defaults | run for run in (runs or keys)])
    if observations is None:
        observations = pd.DataFrame()
    tasks = {name: TaskFacts(name, name, "error") for name in dict.fromkeys(runs["task"])}
    methods = {name: MethodFacts(name, name) for name in dict.fromkeys(runs["method"])}
    empty = pd.DataFrame()
    settings = {"workers": workers}
    return Study(observations, empty, empty, runs, tasks | {"t": EPOCHS}, methods, settings, jobs)


# Worker 0: 0-2, 2-3 and 7-10 (cut). Worker 1: 0-4, then nothing. Busy: 3 + 3 + 4 of 20 s.
BARRIER = jobs_of(
    (0, 0, 0, 1, 0.0, 2.0),
    (2, 0, 0, 1, 2.0, 3.0),
    (1, 1, 0, 1, 0.0, 4.0),
    (0, 0, 1, 3, 7.0, 10.0, "cut"),
)


def test_busy_intervals_join_jobs_that_follow_at_once():
    busy = busy_intervals(BARRIER.sample(frac=1, random_state=0))
    assert busy[["worker", "start_s", "end_s", "jobs"]].to_numpy().tolist() == [
        [0, 0.0, 3.0, 2],
        [0, 7.0, 10.0, 1],
        [1, 0.0, 4.0, 1],
    ]


def test_overlapping_jobs_count_once_and_workers_and_runs_do_not_mix():
    inside = jobs_of((0, 0, 0, 1, 0.0, 5.0), (1, 0, 0, 1, 1.0, 2.0), (2, 0, 0, 1, 4.0, 6.0))
    other = jobs_of((0, 0, 0, 1, 1.0, 3.0), seed=1)
    busy = busy_intervals(pd.concat([inside, other]))
    assert busy[["seed", "start_s", "end_s"]].to_numpy().tolist() == [[0, 0.0, 6.0], [1, 1.0, 3.0]]


def test_idle_share_of_the_whole_run_and_of_its_beginning():
    assert idle_share(BARRIER, 2, 10.0) == pytest.approx(1 - 10 / 20)
    assert idle_share(BARRIER, 2, 8.0) == pytest.approx(1 - (3 + 1 + 4) / 16)
    assert idle_share(BARRIER, 2, 2.0) == 0
    assert np.isnan(idle_share(BARRIER, 2, 0.0))
    assert idle_share(BARRIER.iloc[:0], 2, 5.0) == 1


def test_the_table_has_means_and_errors_over_seeds_without_failed_runs():
    # Seed 0 is idle for 10 of 20 s, seed 1 for 2 of 16 s: 0.5 and 0.125.
    second = jobs_of((0, 0, 0, 9, 0.0, 8.0), (1, 1, 0, 1, 0.0, 6.0), seed=1)
    failed = jobs_of((0, 0, 0, 1, 0.0, 1.0, "failed"), seed=2)
    other = jobs_of((0, 1, 0, 1, 0.0, 10.0), method="b")
    runs = [
        {"task": "t", "method": "a", "seed": 0, "trials": 3},
        {"task": "t", "method": "a", "seed": 1, "end_time_s": 8.0},
        {"task": "t", "method": "a", "seed": 2, "status": "failed"},
        {"task": "t", "method": "b", "seed": 0, "trials": 1},
    ]
    study = study_of(pd.concat([BARRIER, second, failed, other]), runs=runs)
    assert idle_shares(study)["idle"].tolist() == pytest.approx([0.5, 0.125, 0.95, 0.5])
    first, last = occupancy(study).to_dict("records")
    # Standard error of two values: half their distance.
    assert first == {
        "task": "t", "method": "a", "idle": pytest.approx(0.3125),
        "idle_sem": pytest.approx(0.1875), "jobs": 3, "trials": 2.5, "seeds": 2, "failed": 1,
    }  # fmt: skip
    assert (last["idle"], last["jobs"], last["seeds"]) == (0.5, 1, 1)
    assert np.isnan(last["idle_sem"])


def test_runs_without_jobs_are_idle_and_runs_without_time_are_unknown():
    runs = [{"task": "t", "method": "a", "seed": seed} for seed in range(3)]
    runs[2]["end_time_s"] = 0.0
    table = idle_shares(study_of(BARRIER, runs=runs))
    np.testing.assert_allclose(table["idle"], [0.5, 1.0, np.nan])
    assert table["jobs"].tolist() == [4, 0, 0]


def test_what_failures_cost_each_method():
    """Of a: 2 of 4 jobs, and 6 of 12 s. Of b none."""
    rows = [(0, 0, 0, 1, 0.0, 2.0), (1, 0, 0, 1, 2.0, 7.0, "failed"), (2, 1, 0, 1, 0.0, 4.0)]
    mine = jobs_of(*rows, (3, 1, 0, 1, 4.0, 5.0, "failed")).assign(error="")
    places = [f"InjectedFault: crash, at {at} of 9" for at in ("1.5", "7e-05")]
    mine.loc[mine["status"] == "failed", "error"] = places
    others = jobs_of((0, 0, 0, 1, 0.0, 2.0), method="b").assign(error="")
    (row,) = failures(study_of(pd.concat([mine, others]))).to_dict("records")
    assert row == {
        "task": "t",
        "method": "a",
        "failed": 2,
        "share": 0.5,
        "time_share": 0.5,
        "errors": "InjectedFault: crash (2)",
    }


def test_studies_without_jobs_or_workers_are_refused():
    study = study_of(BARRIER)
    study.jobs = pd.DataFrame()
    with pytest.raises(ValueError, match="stored without its jobs"):
        occupancy(study)
    study = study_of(BARRIER)
    study.settings.clear()
    with pytest.raises(ValueError, match="how many workers"):
        occupancy(study)


# Trial 0: 1 epoch, goes on at once to 3 (after 2 and 3), pauses at time 4, 9 epochs from time 6.
# Trial 1: 1 epoch, and is stopped. Trial 2: 1 epoch, promoted, cut. Trial 3: failed.
JOBS = jobs_of(
    (0, 0, 0, 1, 0.0, 2.0),
    (1, 1, 0, 1, 0.0, 3.0),
    (0, 0, 1, 3, 2.0, 4.0),
    (2, 1, 0, 1, 3.0, 5.0),
    (3, 0, 0, 1, 4.0, 6.0, "failed"),
    (2, 1, 1, 3, 5.5, 10.0, "cut"),
    (0, 0, 3, 9, 6.0, 9.0),
)
SEEN = [  # trial, time, resource, value
    (0, 2.0, 1, 0.9), (1, 3.0, 1, 0.95), (0, 3.0, 2, 0.8), (0, 4.0, 3, 0.7), (2, 5.0, 1, 0.85),
    (3, 6.0, 1, np.nan), (0, 7.5, 6, 0.4), (0, 9.0, 9, 0.5), (2, 9.0, 2, 0.75),
]  # fmt: skip


@pytest.fixture
def study():
    seen = pd.DataFrame(SEEN, columns=["trial", "time_s", "resource", "value"])
    seen = seen.assign(task="t", method="a", seed=0, true_value=np.nan, test_value=np.nan, worker=0)
    seen["status"] = np.where(seen["value"].isna(), "failed", "ok")
    return study_of(JOBS, seen)


def test_learning_curves_break_where_a_trial_is_resumed(study):
    curves = learning_curves(one_run(study, "t", "a", 0))
    of_trial = dict(iter(curves.groupby("trial")))
    assert list(of_trial) == [0, 1, 2]
    assert of_trial[0]["time_s"].tolist() == [2, 3, 4, 7.5, 9]
    assert of_trial[0]["stretch"].tolist() == [0, 0, 0, 1, 1]
    assert of_trial[2]["stretch"].tolist() == [0, 1]
    assert [part["reached"].unique().tolist() for part in of_trial.values()] == [[9], [1], [2]]


def test_rung_ends_know_what_became_of_the_trial(study):
    ends = rung_ends(one_run(study, "t", "a", 0))
    assert ends[["trial", "resource", "value", "fate"]].to_numpy().tolist() == [
        [0, 1, 0.9, "promoted"],
        [1, 1, 0.95, "stopped"],
        [0, 3, 0.7, "promoted"],
        [2, 1, 0.85, "promoted"],
        [0, 9, 0.5, "complete"],
    ]
    assert ends["place"].tolist() == [0, 0.5, 0, 1, 0]


def test_a_run_knows_its_incumbent_and_its_idle_share(study):
    run = one_run(study, "t", "a", 0)
    assert run.incumbent.time_s.tolist() == [2, 3, 4, 7.5]
    assert run.incumbent.value.tolist() == [0.9, 0.8, 0.7, 0.4]
    assert run.incumbent.trial.tolist() == [0, 0, 0, 0]
    # Worker 0 is busy until 9, worker 1 until 5 and from 5.5: idle for 1.5 of 20 s.
    assert run.idle() == pytest.approx(1.5 / 20)


def test_errors_name_the_choices():
    more = [jobs_of((0, 0, 0, 1, 0.0, 1.0), method="b", seed=seed) for seed in (0, 1, 2, 3)]
    other = [jobs_of((0, 0, 0, 1, 0.0, 1.0), task=name, seed=7) for name in ("u", "v")]
    study = study_of(pd.concat([*more, *other]))
    with pytest.raises(ValueError, match="no run with task 'x': choose from t, u, v"):
        one_run(study, "x", "a", 0)
    with pytest.raises(ValueError, match="task 't' has no run with method 'a': choose from b"):
        one_run(study, "t", "a", 0)
    with pytest.raises(ValueError, match="'b' on 't' has no run with seed 4: choose from 0 to 3"):
        one_run(study, "t", "b", 4)
    with pytest.raises(ValueError, match="seed 0: choose from 7"):
        one_run(study, "u", "a", 0)
