"""Timelines worked out by hand, and runs simulated with decisions charged."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from hpobench.identity import RunKey
from hpobench.loop.budget import Budget
from hpobench.loop.recorder import Recorder
from hpobench.loop.simulator import simulate
from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.asha import ASHA
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.study.study import Study
from hpobench.results.study.time_axis import (
    AXES,
    axis_label,
    axis_note,
    axis_unit,
    on_axis,
    uncounted,
)
from hpobench.storage.arrow import RunRecord, tables
from hpobench.storage.schema import MethodFacts, TaskFacts
from hpobench.tasks.learning_curves import LearningCurves

EPOCHS = TaskFacts("t", "task", "error", fidelity="epochs", r_min=1, r_max=9)
KEY = {"task": "t", "method": "a", "seed": 0}


def study_of(observations, jobs, decisions, end_s, *, workers, key=KEY, **settings):
    """From (trial, resource, time, value), (trial, worker, from, to, start, end, status) and
    (kind, time, seconds)."""
    columns = ["trial", "resource", "time_s", "value"]
    table = pd.DataFrame(observations, columns=columns).assign(
        true_value=np.nan, test_value=np.nan, worker=0, status="ok", **key
    )
    columns = ["trial", "worker", "from_resource", "to_resource", "start_s", "end_s", "status"]
    jobs = pd.DataFrame(jobs, columns=columns).assign(**key)
    decisions = pd.DataFrame(decisions, columns=["kind", "time_s", "seconds"]).assign(**key)
    runs = pd.DataFrame([{**key, "status": "ok", "error": "", "end_time_s": end_s, "trials": 2}])
    facts = {"t": EPOCHS}, {"a": MethodFacts("a", "a")}
    settings = {"workers": workers, "overhead": "none"} | settings
    return Study(table, pd.DataFrame(), decisions, runs, *facts, settings, jobs)


def one_worker(**settings):
    return study_of(
        [(0, 1, 3.0, 5.0), (1, 1, 5.0, 4.0)],
        [(0, 0, 0, 1, 0.0, 3.0, "ok"), (1, 0, 0, 1, 3.0, 5.0, "ok")],
        [("ask", 0, 1), ("tell", 3, 2), ("ask", 3, 4), ("tell", 5, 8), ("ask", 5, 16)],
        5.0,
        workers=1,
        **settings,
    )


def two_workers(key=KEY):
    """Time is up at 5. Worker 0: A (trial 0, two epochs) 0-4, then D (trial 1 again) 4-5.
    Worker 1: B (trial 1) 0-3, then C (trial 2), which is cut with nothing known."""
    return study_of(
        [(0, 1, 2.0, 9.0), (1, 1, 3.0, 8.0), (0, 2, 4.0, 7.0), (1, 2, 5.0, 6.0)],
        [
            (1, 1, 0, 1, 0.0, 3.0, "ok"),
            (0, 0, 0, 2, 0.0, 4.0, "ok"),
            (1, 0, 1, 2, 4.0, 5.0, "ok"),
            (2, 1, 0, 1, 3.0, 5.0, "cut"),
        ],
        [
            *[("ask", 0, 1), ("ask", 0, 1), ("tell", 3, 10), ("ask", 3, 2)],
            *[("tell", 4, 20), ("ask", 4, 4), ("tell", 5, 40)],
        ],
        5.0,
        workers=2,
        key=key,
    )


def places(study, axis):
    """(value, place) of the observations in their new order, and the end of the run."""
    moved = on_axis(study, axis)
    table = moved.observations
    assert moved.axis == axis
    return list(zip(table["value"], table["time_s"], strict=True)), moved.runs["end_time_s"].iloc[0]


def test_decisions_of_one_worker_delay_what_follows_them():
    # The last tell and the ask after it come when everything is known.
    assert places(one_worker(), "with_decisions") == ([(5, 3 + 1), (4, 5 + 1 + 2 + 4)], 12)


def test_decisions_of_two_workers_are_added_one_after_the_other():
    # Known at 2: two asks. At 3: the same. At 4: B's tell and an ask more. At 5: A's as well.
    expected = [(9, 2 + 2), (8, 3 + 2), (7, 4 + 14), (6, 5 + 38)]
    assert places(two_workers(), "with_decisions") == (expected, 5 + 38)


def test_evaluations_count_jobs_in_the_order_of_ending():
    # B ends first, then A with both of its values, then D; nothing came of C.
    assert places(two_workers(), "evaluations") == ([(8, 1), (9, 2), (7, 2), (6, 3)], 3)


def test_a_job_that_was_cut_counts_if_it_left_a_value():
    study = two_workers()
    last = study.observations.iloc[[-1]].assign(trial=2, resource=0.5, time_s=4.5, value=1.0)
    study.observations = pd.concat([study.observations, last], ignore_index=True)
    assert places(study, "evaluations") == ([(8, 1), (9, 2), (7, 2), (6, 3), (1, 4)], 4)


def test_resource_is_the_sum_of_what_became_known():
    assert places(two_workers(), "resource") == ([(9, 1), (8, 2), (7, 3), (6, 4)], 4)


def test_cost_is_the_time_that_workers_were_busy():
    # At 4: 4 s of A, 3 of B, 1 of C. At 5: 4 + 3 + 2 + 1.
    assert places(two_workers(), "cost") == ([(9, 4), (8, 6), (7, 8), (6, 10)], 10)
    with_one = places(one_worker(), "cost")
    assert with_one == places(one_worker(), "cost") == ([(5, 3), (4, 5)], 5)


@pytest.mark.parametrize("axis", AXES)
def test_runs_do_not_mix(axis):
    """Many runs at once, in any order of rows, are what each is alone."""
    rng = np.random.default_rng(0)
    alone = [two_workers(KEY | {"seed": seed}) for seed in range(3)]
    names = ("observations", "decisions", "runs", "jobs")
    whole = {
        name: pd.concat([getattr(study, name) for study in alone], ignore_index=True)
        for name in names
    }
    whole["runs"] = whole["runs"].iloc[rng.permutation(3)].reset_index(drop=True)
    whole["observations"] = whole["observations"].iloc[rng.permutation(12)].reset_index(drop=True)
    study = Study(
        whole["observations"], pd.DataFrame(), whole["decisions"], whole["runs"],
        alone[0].tasks, alone[0].methods, alone[0].settings, whole["jobs"],
    )  # fmt: skip
    moved = on_axis(study, axis).observations
    for seed, single in enumerate(alone):
        mine = moved[moved["seed"] == seed].sort_values("value")
        expected = on_axis(single, axis).observations.sort_values("value")
        np.testing.assert_array_equal(mine["time_s"], expected["time_s"])


def simulated(charge=None, workers=1):
    """ASHA on learning curves, and how many decisions there were."""
    task = LearningCurves(epochs=9, noise=0.1)
    method = Composite(
        task.space, task.fidelity, np.random.default_rng(3), workers,
        RandomSearch, partial(ASHA, eta=3),
    )  # fmt: skip
    extra = {} if charge is None else {"charge": charge}
    recorder = Recorder()
    budget = Budget(trials=25)
    recorder.watch(simulate(task, method, budget=budget, seed=7, workers=workers, **extra))
    record = RunRecord(
        key=RunKey("t", "a", 0, "f"),
        observations=recorder.observations(),
        trials=recorder.trials(),
        jobs=recorder.job_columns(),
        decisions=recorder.decision_columns(),
        end_time_s=recorder.end_time_s,
        cpu_s=0.0,
    )
    return {name: table.to_pandas() for name, table in tables([record]).items()}


def as_study(frames, seconds, workers=1):
    decisions = frames["decisions"].assign(seconds=seconds)
    settings = {"workers": workers, "overhead": "none"}
    facts = {"t": EPOCHS}, {"a": MethodFacts("a", "a")}
    return Study(
        frames["observations"], frames["trials"], decisions, frames["runs"],
        *facts, settings, frames["jobs"],
    )  # fmt: skip


def test_with_one_worker_it_is_the_run_with_decisions_charged():
    free = simulated()
    seconds = np.random.default_rng(1).exponential(20.0, len(free["decisions"]))
    left = iter(seconds)
    charged = simulated(lambda _kind, _seconds: next(left))
    moved = on_axis(as_study(free, seconds), "with_decisions")
    assert len(moved.observations) > 50
    np.testing.assert_allclose(
        moved.observations["time_s"], charged["observations"]["time_s"], rtol=1e-12
    )
    np.testing.assert_allclose(moved.runs["end_time_s"], charged["runs"]["end_time_s"], rtol=1e-12)


def test_with_several_workers_it_is_a_bound_from_above():
    # So small that no order of events is changed by them.
    free = simulated(workers=4)
    seconds = np.random.default_rng(1).exponential(1e-7, len(free["decisions"]))
    left = iter(seconds)
    charged = simulated(lambda _kind, _seconds: next(left), workers=4)
    values = charged["observations"]["value"]
    np.testing.assert_array_equal(values, free["observations"]["value"])
    moved = on_axis(as_study(free, seconds, 4), "with_decisions").observations["time_s"].to_numpy()
    before = free["observations"]["time_s"].to_numpy()
    true = charged["observations"]["time_s"].to_numpy()
    assert (moved - true >= -1e-12).all()
    assert (true > before).all()


def test_the_number_of_evaluations_is_the_number_of_tells():
    free = simulated(workers=3)
    study = as_study(free, 0.0, 3)
    ends = on_axis(study, "evaluations").runs["end_time_s"].iloc[0]
    assert ends == (free["decisions"]["kind"] == "tell").sum()
    # All epochs that were trained were seen.
    asked = free["jobs"]["to_resource"] - free["jobs"]["from_resource"]
    assert on_axis(study, "resource").runs["end_time_s"].iloc[0] == asked.sum()
    busy = (free["jobs"]["end_s"] - free["jobs"]["start_s"]).sum()
    assert on_axis(study, "cost").runs["end_time_s"].iloc[0] == pytest.approx(busy, rel=1e-12)


def test_incumbents_follow_the_axis():
    found = incumbents(on_axis(two_workers(), "evaluations"))
    # Of A's two values only the better one is ever the incumbent: they are known together.
    np.testing.assert_array_equal(found.time_s, [1, 2, 3])
    np.testing.assert_array_equal(found.value, [8, 7, 6])
    assert found.axis == "evaluations"


def test_charged_decisions_are_on_the_wall_clock_already():
    for settings in ({"overhead": "measured"}, {"overhead": "replay"}, {"clock": "real"}):
        study = one_worker(**settings)
        assert places(study, "with_decisions") == ([(5, 3), (4, 5)], 5)
        assert "charged in the run" in axis_note(study, "with_decisions")


def test_notes_and_labels():
    assert "exact with one worker" in axis_note(one_worker(), "with_decisions")
    assert "an approximation from above" in axis_note(two_workers(), "with_decisions")
    assert axis_note(one_worker(), "wall_clock") == ""
    assert "the first n jobs" in axis_note(one_worker(), "evaluations")
    assert axis_label("cost") == "busy worker time"
    assert axis_label("cost", "evaluations") == "busy worker time in evaluations"
    assert axis_label("resource", "epochs") == "total resource"
    assert axis_unit("resource", EPOCHS) == "epochs"
    assert axis_unit("evaluations", EPOCHS) == axis_unit("resource", TaskFacts("u", "u", "e")) == ""


def test_a_clock_of_evaluations_is_no_wall_clock():
    counted = TaskFacts("c", "Counted", "e", clock="evaluations")
    assert axis_label("wall_clock", axis_unit("wall_clock", counted)) == "time in evaluations"
    assert axis_unit("wall_clock", counted, counted) == "evaluations"
    assert axis_unit("evaluations", counted) == axis_unit("wall_clock", EPOCHS) == ""
    both = axis_unit("cost", counted, EPOCHS)
    assert axis_label("wall_clock", both) == "time in seconds or evaluations"
    assert axis_label("cost", both) == "busy worker time in seconds or evaluations"
    assert axis_unit("resource", counted, EPOCHS) == ""
    (sentence,) = uncounted("cost", [counted, EPOCHS])
    assert sentence.endswith("on Counted.")
    for axis, tasks in (("cost", [counted]), ("cost", [EPOCHS]), ("resource", [counted, EPOCHS])):
        assert uncounted(axis, tasks) == ()
    study = one_worker()
    study.tasks = {name: replace(facts, clock="evaluations") for name, facts in study.tasks.items()}
    with pytest.raises(ValueError, match="decisions take seconds, and the clock of"):
        on_axis(study, "with_decisions")
    assert on_axis(study, "evaluations").axis == "evaluations"


def test_what_cannot_be_done_is_refused():
    study = one_worker()
    assert on_axis(study, "wall_clock") is study
    with pytest.raises(ValueError, match="axis='epochs': use one of wall_clock, with_decisions"):
        on_axis(study, "epochs")
    moved = on_axis(study, "cost")
    assert on_axis(moved, "cost") is moved
    with pytest.raises(ValueError, match="on the axis cost already"):
        on_axis(moved, "evaluations")
    study.decisions = pd.DataFrame()
    with pytest.raises(ValueError, match="stored without its decisions"):
        on_axis(study, "with_decisions")
    bare = Study(study.observations, study.trials, study.decisions, study.runs,
                 study.tasks, study.methods, study.settings)  # fmt: skip
    for axis in ("evaluations", "resource", "cost", "with_decisions"):
        with pytest.raises(ValueError, match="stored without its jobs"):
            on_axis(bare, axis)
    study.jobs["to_resource"] = 0.5
    with pytest.raises(ValueError, match="beyond what any job of their trial asked for"):
        on_axis(study, "evaluations")


def test_a_run_without_jobs_has_no_length():
    empty = study_of([], [], [], 0.0, workers=1)
    for axis in AXES:
        assert on_axis(empty, axis).runs["end_time_s"].tolist() == [0]
