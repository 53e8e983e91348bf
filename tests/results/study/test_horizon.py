"""The horizon: it is the budget's or one method's, and no other method moves it."""

from dataclasses import replace

import numpy as np
import pytest

from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.curves import horizon_s, latest_end_s
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.notes import horizon_notes
from hpobench.results.anytime.regret import references
from hpobench.results.study.horizon import Horizon, horizons
from hpobench.results.verdicts.scores import scores
from hpobench.results.verdicts.time_to_target import time_to_target
from hpobench.results.verdicts.verdict import verdicts
from hpobench.storage.schema import TaskFacts

TRIALS = {"budget": {"time_s": None, "trials": 50}}
FACTS = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=1.0)}


def study_of(synthetic, ends, settings=TRIALS, failed=()):
    """Methods whose 6 runs halve their value at each tenth of their time, and end at `ends`."""
    rows, runs = [], []
    for place, (method, end) in enumerate(ends.items()):
        for seed in range(6):
            key = {"method": method, "seed": seed}
            times = end * np.arange(1, 11) / 10
            values = (0.9 - 0.1 * place + 0.01 * seed) * 0.5 ** np.arange(10)
            rows += [key | {"time_s": t, "value": v} for t, v in zip(times, values, strict=True)]
            status = "failed" if method in failed else "ok"
            runs.append(key | {"end_time_s": end - seed, "status": status})
    return synthetic.hand_made(rows, runs=runs, tasks=FACTS, settings=settings)


@pytest.mark.parametrize(
    ("ends", "settings", "failed", "expected"),
    [
        ({"tpe": 300.0, "random": 100.0}, TRIALS, (), Horizon(100.0, "random", {"tpe": 3.0})),
        ({"tpe": 300.0, "gp": 100.0}, TRIALS, (), Horizon(300.0, "tpe", {})),
        (
            {"tpe": 300.0, "random": 100.0},
            TRIALS | {"reference": "tpe"},
            (),
            Horizon(300.0, "tpe", {}),
        ),
        ({"tpe": 300.0, "random": 100.0}, TRIALS, ["random"], Horizon(300.0, "", {})),
        ({"tpe": 100.2, "random": 100.0}, TRIALS, (), Horizon(100.0, "", {})),
        ({"tpe": 30.0, "random": 90.0}, {"budget": {"time_s": 100}}, (), Horizon(100, "", {})),
        ({"tpe": 50.0}, {"budget": {"time_s": 100, "trials": 9}}, (), Horizon(50.0, "", {})),
        ({"tpe": 50.0}, {"budget": {"cost": 100}}, (), Horizon(50.0, "", {})),
        ({"tpe": 50.0}, {"budget": {"cost": 100}, "axis": "cost"}, (), Horizon(100, "", {})),
        ({"tpe": 50.0}, {"budget": {"time_s": 100}, "axis": "cost"}, (), Horizon(50.0, "", {})),
    ],
)
def test_the_budget_or_one_method_sets_it(synthetic, ends, settings, failed, expected):
    study = study_of(synthetic, ends, settings, failed)
    study = study.changed(axis=settings.get("axis", "wall_clock"))
    assert horizons(study) == {"t": expected}


def test_many_short_trials_do_not_set_it(synthetic):
    study = study_of(synthetic, {"asha": 9.0, "tpe": 300.0, "gp": 200.0})
    study.methods["asha"] = replace(study.methods["asha"], multi_fidelity=True)
    assert horizons(study)["t"] == Horizon(300.0, "tpe", {})


def test_a_slower_method_does_not_move_the_scores_of_others(synthetic):
    two = {"random": 100.0, "tpe": 130.0}
    before, after = (study_of(synthetic, ends) for ends in (two, two | {"slow": 5000.0}))
    shown = ["method", "final", "final_sem", "anytime_log", "anytime_linear", "regret"]
    alone = scores(before)[shown]
    assert len(alone) == 2
    assert scores(after)[shown].iloc[:2].to_dict() == alone.to_dict()
    made = []
    for study in (before, after):
        found = incumbents(study)
        known = references(study, found.views)
        budgets = verdicts(found, known)
        standings = {each.method: each.value for one in budgets for each in one.standings}
        speeds = time_to_target(found, known, "random")
        by_method = speeds[speeds["task"] == "t"].set_index("method")["speedup"]
        made.append((standings["random"], standings["tpe"], by_method["tpe"]))
    assert made[0] == made[1]


def test_what_comes_after_it_is_drawn_and_said(synthetic):
    study = study_of(synthetic, {"random": 100.0, "tpe": 250.0})
    found = incumbents(study)
    assert (horizon_s(found, "t"), latest_end_s(found, "t")) == (100, 250)
    drawn = anytime(found, "t", points=9)
    assert drawn.time[-1] == 250
    assert np.isfinite(drawn.lines["tpe"].centre[-1])
    assert "Scores, ranks and verdicts are those of the end of the longest run of random." in (
        drawn.notes
    )
    assert horizon_notes(found, ["t"]) == (
        "Horizon of a task: the end of the longest run of random on it. Runs of tpe went on for "
        "up to 2.5 times as long; what they found after it does not count.",
    )
    together = incumbents(study_of(synthetic, {"random": 100.0, "tpe": 100.0}))
    assert horizon_notes(together, ["t"]) == ()


def test_a_failed_run_never_gets_there_though_others_do_after_the_horizon(synthetic):
    """Half of the runs of b got to 0.5, at 20; one failed at 5. The horizon is 10."""
    keys = [{"method": method, "seed": seed} for method in ("random", "b") for seed in (0, 1)]
    ends = [10, 10, 30, 5]
    rows = [key | {"time_s": 2, "value": 0.5} for key in keys[:2]]
    rows.append(keys[2] | {"time_s": 20, "value": 0.4})
    runs = [key | {"end_time_s": end} for key, end in zip(keys, ends, strict=True)]
    runs[3]["status"] = "failed"
    found = incumbents(synthetic.hand_made(rows, runs=runs, tasks=FACTS, settings=TRIALS))
    known = references(synthetic.hand_made(rows, runs=runs, tasks=FACTS), found.views)
    table = time_to_target(found, known, "random", level=0.5)
    of_b = table[(table["method"] == "b") & (table["task"] == "t")].iloc[0]
    assert (of_b["share"], of_b["reached"], of_b["median_time_s"]) == (0.5, 0.5, 20)
