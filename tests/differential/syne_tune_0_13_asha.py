"""Syne Tune 0.13: what `HyperbandScheduler`, of either type, answers to a list of calls.

Runs inside the environment syne_tune_0_13. In: `type`, `eta`, `epochs`, `trials`, `calls`; out: the
answers, as `transcripts.py` describes them.
"""

import contextlib
import json
import sys
from datetime import datetime

with contextlib.redirect_stdout(sys.stderr):
    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import randint
    from syne_tune.optimizer.scheduler import SchedulerDecision
    from syne_tune.optimizer.schedulers import HyperbandScheduler


def ask(scheduler, trials, promotion):
    suggestion = scheduler.suggest(len(trials))
    if suggestion.spawn_new_trial_id:
        trial = len(trials)
        assert suggestion.config["x"] == trial, "the points are not tried in their order"
        trials.append(Trial(trial, suggestion.config, datetime.now()))
        scheduler.on_trial_add(trials[trial])
    else:
        trial = int(suggestion.checkpoint_trial_id)
        trials[trial].config = suggestion.config
    return [trial, suggestion.config["epochs"]] if promotion else None


def tell(scheduler, trial, results, promotion):
    decisions = [
        scheduler.on_trial_result(trial, {"epoch": epoch, "loss": value})
        for epoch, value in results
    ]
    goes_on = decisions.pop() == SchedulerDecision.CONTINUE
    assert set(decisions) <= {SchedulerDecision.CONTINUE}, "stopped between rungs"
    if not goes_on:
        scheduler.on_trial_remove(trial)
    return None if promotion else goes_on


def main():
    question = json.load(sys.stdin)
    points, promotion = question["trials"], question["type"] == "promotion"
    scheduler = HyperbandScheduler(
        {"x": randint(0, points - 1), "epochs": question["epochs"]},
        searcher="random",
        metric="loss",
        mode="min",
        resource_attr="epoch",
        max_resource_attr="epochs",
        type=question["type"],
        grace_period=1,
        reduction_factor=question["eta"],
        brackets=1,
        points_to_evaluate=[{"x": point} for point in range(points)],
    )
    trials = []
    answers = [
        ask(scheduler, trials, promotion)
        if call[0] == "ask"
        else tell(scheduler, trials[call[1]], call[2], promotion)
        for call in question["calls"]
    ]
    print(json.dumps(answers))


main()
