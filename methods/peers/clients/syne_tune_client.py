"""Syne Tune's schedulers, driven as its tuner drives them, without a back end.

A scheduler of successive halving (ASHA, BOHB, ASHABORE, ASHACQR) lets a trial go on or stops it at
rungs only: a job leads to the next rung, and all that was observed on the way is told in order, as
if each had been reported when it was seen. A trial that goes on gets the freed worker at once; none
is ever paused. The other schedulers (CQR, BORE, TPE, REA) are told the last value.

Ordinals are Syne Tune's, of kind `equal`; conditions are unknown to it. Its kernel density
estimator leaves the range of integers at times: they are moved to the nearest bound.

Settings: `scheduler`, a class of `syne_tune.optimizer.baselines` by name; all others are its
arguments.
"""

from __future__ import annotations

import math
import random
from collections import deque
from datetime import datetime
from importlib import metadata
from typing import Any

from serving import serve
from translation import Dimension, Dimensions, Message, translated

_METRIC, _RESOURCE = "value", "resource"


class Client:
    """One scheduler and its trials."""

    def __init__(self, hello: Message, dimensions: Dimensions) -> None:
        import numpy as np

        random.seed(hello["seed"])
        np.random.seed(hello["seed"])  # noqa: NPY002  (in a process of its own)
        self.name = f"syne-tune {metadata.version('syne-tune')}"
        self._dimensions, self._fidelity = dimensions, hello["fidelity"]
        self._scheduler, self._halving = scheduler(hello, dimensions)
        self._trials: list[Any] = []
        self._reached: list[float] = []
        self._going_on: deque[int] = deque()
        self._others = 0

    def ask(self) -> Message | None:
        if self._going_on:
            return self._job(self._going_on.popleft())
        suggestion = self._scheduler.suggest()
        if suggestion is None:
            return None
        self._trials.append(self._add(len(self._trials), suggestion.config))
        self._reached.append(0)
        return self._job(len(self._trials) - 1)

    def _add(self, number: int, values: dict[str, Any]) -> Any:
        from syne_tune.backend.trial_status import Trial

        trial = Trial(number, values, datetime.min)
        self._scheduler.on_trial_add(trial)
        return trial

    def _job(self, number: int) -> Message:
        config = self._dimensions.decode(self._trials[number].config)
        return {"trial": number, "config": config, "resource": self._next_level(number)}

    def _next_level(self, number: int) -> float:
        """The next rung of the trial's bracket, or the end."""
        r_max = float(self._fidelity["r_max"])
        if not self._halving:
            return r_max
        rungs = (rung for rung, _ in self._scheduler.trial_info[number].rungs)
        level = min((rung for rung in rungs if rung > self._reached[number]), default=r_max)
        return min(math.ceil(level) if self._fidelity["integer"] else float(level), r_max)

    def tell(self, message: Message) -> None:
        number = message["trial"]
        if number is None:  # a trial of the user's, which Syne Tune learns from
            self._others += 1
            trial = self._add(-self._others, self._dimensions.encode(message["config"]))
            self._learn(trial, message)
            return
        self._reached[number] = message["resource"]
        if self._learn(self._trials[number], message):
            self._going_on.append(number)

    def _learn(self, trial: Any, message: Message) -> bool:
        """Tell the scheduler; whether the trial goes on."""
        if message["value"] is None:
            self._scheduler.on_trial_error(trial)
            return False
        if not self._halving:
            self._scheduler.on_trial_complete(trial, {_METRIC: message["value"]})
            return False
        for resource, value, _ in message["curve"]:
            if value is None:
                continue
            result = {_METRIC: value, _RESOURCE: resource}
            if self._scheduler.on_trial_result(trial, result) == "STOP":
                self._scheduler.on_trial_remove(trial)
                return False
        return True


def scheduler(hello: Message, dimensions: Dimensions) -> tuple[Any, bool]:
    """The scheduler that the settings name; whether it halves."""
    from syne_tune.optimizer import baselines
    from syne_tune.optimizer.schedulers.asha import AsynchronousSuccessiveHalving
    from syne_tune.optimizer.schedulers.single_objective_scheduler import SingleObjectiveScheduler

    settings, fidelity = dict(hello["settings"]), hello["fidelity"]
    name = settings.pop("scheduler", None)
    found = getattr(baselines, str(name), None)
    if not isinstance(found, type) or not issubclass(
        found, (AsynchronousSuccessiveHalving, SingleObjectiveScheduler)
    ):
        raise ValueError(
            f"peer.settings.scheduler={name!r}: use ASHA, BOHB, ASHABORE, ASHACQR, CQR, BORE, TPE, "
            "or another scheduler of one objective in syne_tune.optimizer.baselines"
        )
    halving = issubclass(found, AsynchronousSuccessiveHalving)
    if halving:
        settings["time_attr"] = _RESOURCE
        settings |= {"grace_period": fidelity["r_min"], "max_t": fidelity["r_max"]}
    space = {item.name: domain(item) for item in dimensions}
    made = found(space, metric=_METRIC, random_seed=hello["seed"], **settings)
    return made, halving


def domain(item: Dimension) -> Any:
    """A dimension in Syne Tune's words."""
    from syne_tune import config_space

    if item.kind == "choice":
        return config_space.choice(item.numbers)
    if item.kind == "ordinal":
        return config_space.ordinal(item.numbers, kind="equal")
    if item.kind == "integer":
        integers = config_space.lograndint if item.log else config_space.randint
        return integers(int(item.low), int(item.high))
    floats = config_space.loguniform if item.log else config_space.uniform
    return floats(item.low, item.high)


if __name__ == "__main__":
    serve(translated(Client))
