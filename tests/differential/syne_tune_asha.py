"""Syne Tune 0.16: what its ASHA, which is of the stopping form, answers to a list of calls.

Runs inside the environment syne_tune. In: `eta`, `epochs`, `trials`, `calls`; out: the answers, as
`transcripts.py` describes them.
"""

import json
import sys
from datetime import datetime

from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import randint
from syne_tune.optimizer.baselines import ASHA
from syne_tune.optimizer.scheduler import SchedulerDecision


def ask(scheduler, trials):
    config = scheduler.suggest().config
    assert config["x"] == len(trials), "the points are not tried in their order"
    trials.append(Trial(len(trials), config, datetime.now()))
    scheduler.on_trial_add(trials[-1])


def tell(scheduler, trial, results):
    decisions = [
        scheduler.on_trial_result(trial, {"epoch": epoch, "loss": value})
        for epoch, value in results
    ]
    goes_on = decisions.pop() == SchedulerDecision.CONTINUE
    assert set(decisions) <= {SchedulerDecision.CONTINUE}, "stopped between rungs"
    if not goes_on:
        scheduler.on_trial_remove(trial)
    return goes_on


def main():
    question = json.load(sys.stdin)
    points = question["trials"]
    scheduler = ASHA(
        {"x": randint(0, points - 1)},
        metric="loss",
        time_attr="epoch",
        max_t=question["epochs"],
        grace_period=1,
        reduction_factor=question["eta"],
        points_to_evaluate=[{"x": point} for point in range(points)],
        random_seed=0,
    )
    trials = []
    answers = [
        ask(scheduler, trials) if call[0] == "ask" else tell(scheduler, trials[call[1]], call[2])
        for call in question["calls"]
    ]
    print(json.dumps(answers))


main()
