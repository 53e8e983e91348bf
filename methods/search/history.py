"""What a searcher was told, by resource, as models want it."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration


class Observed(NamedTuple):
    """A configuration trained to one resource.

    `value` is infinite if it failed; `cost_s` all the seconds that training it up to here took;
    `slacks` c(x) by constrained metric, the last ones measured.
    """

    trial: int
    config: Configuration
    value: float
    cost_s: float
    slacks: Mapping[str, float]

    @property
    def feasible(self) -> bool:
        """Whether it kept all constraints."""
        return all(slack >= 0 for slack in self.slacks.values())


class History:
    """All observations of a run, at the resource to which each job went."""

    def __init__(self) -> None:
        self.levels: dict[float, list[Observed]] = {}
        self._spent_s: dict[int, float] = {}

    def __len__(self) -> int:
        return sum(map(len, self.levels.values()))

    def add(self, job: Job, evaluation: Evaluation) -> Observed:
        """Keep what came of a job."""
        spent_s = self._spent_s.get(job.trial, 0.0) + evaluation.duration_s
        self._spent_s[job.trial] = spent_s
        slacks = {name: float(c[-1]) for name, c in evaluation.constraints.items() if len(c)}
        observed = Observed(job.trial, job.config, evaluation.value, spent_s, slacks)
        self.levels.setdefault(job.to_resource, []).append(observed)
        return observed

    def level(self, minimum: int) -> tuple[float, list[Observed]]:
        """The highest resource with at least `minimum` values, else that with the most, (r, all).

        Falkner et al. (2018), BOHB, section 3.3: a model is worth fitting at the highest resource
        that has enough data. (0, []) if nothing was observed.
        """
        best: tuple[float, list[Observed]] = 0.0, []
        most = 0
        for resource in sorted(self.levels, reverse=True):
            observed = self.levels[resource]
            finite = sum(math.isfinite(one.value) for one in observed)
            if finite >= minimum:
                return resource, observed
            if len(observed) > most:
                best, most = (resource, observed), len(observed)
        return best
