"""Faults that are made to happen to any task on the simulated clock, and what failures count as.

Each fault is drawn by a hash of (noise seed, configuration, attempt): the same training of the same
configuration meets the same fault under every method, however it is cut into jobs. Probabilities
are of one whole training, from nothing to the highest resource; where on its way it strikes is
uniform, so that a job over a part of it meets that part of the faults.

crash           the job fails there; what was known before stays known
out_of_memory   the job fails at its first step, as it always will with this configuration
hang            the job does not go on, and ends by `job_timeout_s` or with the budget alone
straggle        all seconds of the training are multiplied by a lognormal factor with median 1 and
                this standard deviation of its logarithm
lost_worker     the job fails there, and its worker is back, and the method told, `away_s` later
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Any

from hpobench.contracts import Task
from hpobench.loop.evaluating import failed
from hpobench.records import Evaluation, Job

SIGMA = 0.5
"""What `straggle: lognormal` means."""
FOREVER_S = 1e15
_NORMAL = NormalDist()
_STRIKES = ("crash", "hang", "lost_worker")


@dataclass(frozen=True, slots=True)
class Faults:
    """How likely faults are, each for one whole training. Raises ValueError for what cannot be."""

    crash: float = 0.0
    out_of_memory: float = 0.0
    hang: float = 0.0
    straggle: float = 0.0
    lost_worker: float = 0.0
    away_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("crash", "out_of_memory", "hang", "lost_worker"):
            _check(name, getattr(self, name), most=1.0)
        for name in ("straggle", "away_s"):
            _check(name, getattr(self, name), most=math.inf)
        if self.crash + self.hang + self.lost_worker > 1:
            raise ValueError("faults: crash, hang and lost_worker together are more likely than 1")
        if self.away_s and not self.lost_worker:
            raise ValueError(f"faults.away_s={self.away_s}: state faults.lost_worker beside it")

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> "Faults":
        """As settings state them; `straggle: lognormal` is a spread of SIGMA."""
        known = [spec.name for spec in fields(cls)]
        for name in stated:
            if name not in known:
                raise ValueError(f"unknown fault {name!r}: use {', '.join(known)}")
        given = {name: value for name, value in stated.items() if value is not None}
        if given.get("straggle") == "lognormal":
            given["straggle"] = SIGMA
        return cls(**given)

    def befall(
        self, task: Task, job: Job, seed: int, attempt: int, evaluation: Evaluation, whole: bool
    ) -> Evaluation:
        """What becomes of the evaluation of a job; of one that failed by itself, nothing else.

        `seed`: of the trial's noise. `whole`: a job that fails is charged its whole length.
        """
        if evaluation.error is not None:
            return evaluation
        draw = _Draws(seed, repr(task.space.key(job.config)))
        if self.straggle:
            factor = math.exp(self.straggle * _NORMAL.inv_cdf(draw("straggle", attempt)))
            evaluation = evaluation._replace(
                seconds=evaluation.seconds * factor, duration_s=evaluation.duration_s * factor
            )
        if draw("out_of_memory", 0) < self.out_of_memory:
            return self._struck("out_of_memory", job, evaluation, 0.0, whole)
        at = draw("where", attempt) * task.fidelity.r_max
        if not job.from_resource < at <= job.to_resource:
            return evaluation
        chance = draw("strike", attempt)
        for name in _STRIKES:
            chance -= getattr(self, name)
            if chance < 0:
                return self._struck(name, job, evaluation, at, whole)
        return evaluation

    def _struck(
        self, name: str, job: Job, evaluation: Evaluation, at: float, whole: bool
    ) -> Evaluation:
        """The evaluation of a job that fails at a resource."""
        count = int(evaluation.resources.searchsorted(at, "left"))
        known = evaluation.first(count)
        before = (job.from_resource, 0.0)
        if count:
            before = (float(evaluation.resources[count - 1]), float(evaluation.seconds[count - 1]))
        after = (float(job.to_resource), evaluation.duration_s)
        if count < len(evaluation.resources):
            after = (float(evaluation.resources[count]), float(evaluation.seconds[count]))
        share = (at - before[0]) / (after[0] - before[0]) if at > before[0] else 0.0
        end_s = before[1] + min(share, 1.0) * (after[1] - before[1])
        if name == "out_of_memory":
            end_s = after[1] if not whole else evaluation.duration_s
        elif name == "hang":
            end_s = FOREVER_S
        else:
            end_s = evaluation.duration_s if whole else end_s
            end_s += self.away_s if name == "lost_worker" else 0.0
        known = known._replace(duration_s=end_s, checkpoint=None)
        return failed(job, known, f"InjectedFault: {name}, at {at:.4g} of {job.to_resource:g}")


def _check(name: str, value: Any, most: float) -> None:
    if isinstance(value, bool | str) or not 0 <= value <= most or value == math.inf:
        words = "a probability from 0 to 1" if most == 1 else "a number of at least 0"
        raise ValueError(f"faults.{name}={value!r}: use {words}")


class _Draws:
    """Uniform numbers in (0, 1) for one training of one configuration."""

    def __init__(self, seed: int, key: str) -> None:
        self._start = f"{seed}\0{key}\0"

    def __call__(self, what: str, attempt: int) -> float:
        text = f"{self._start}{what}\0{attempt}".encode()
        number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
        return (number + 0.5) / 2**64


TELL = ("inf", "worst")
COST = ("spent", "whole")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a failed trial counts as, and what it costs.

    `tell`: what the method is told of it: `inf`, that it failed, or `worst`, the largest value that
    the run has seen, as if it were one. `retries`: so often a job that failed is begun again first,
    on the same worker. `cost`: of a fault that is made, the time until it struck (`spent`), or that
    of the whole job.
    """

    tell: str = "inf"
    retries: int = 0
    cost: str = "spent"

    def __post_init__(self) -> None:
        for name, choices in (("tell", TELL), ("cost", COST)):
            if getattr(self, name) not in choices:
                words = f"failed_trials.{name}={getattr(self, name)!r}"
                raise ValueError(f"{words}: use {' or '.join(choices)}")
        if type(self.retries) is not int or self.retries < 0:
            raise ValueError(
                f"failed_trials.retries={self.retries!r}: use a whole number of at least 0"
            )


AS_IT_IS = Policy()
