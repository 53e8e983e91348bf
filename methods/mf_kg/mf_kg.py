"""MF-KG: multi-fidelity Bayesian optimisation that chooses configuration and resource together.

A Gaussian process over configuration and resource, as in Swersky et al. (2013), Multi-Task Bayesian
Optimization, and the knowledge gradient a second, as in Wu, Toscano-Palmerin, Frazier and Wilson
(2020), Practical Multi-fidelity Bayesian Optimization for Hyperparameter Tuning, UAI, section 3:
how far to train, and what, is one question. Theirs is the gradient over all configurations, by
Monte Carlo; here it is that over the one that is trained, in closed form (see `worth`). And a
promise counts for nothing until somebody trains to the end: that is worth its improvement.

Notation: m candidates, d hyperparameters; levels are the resources r_min eta^k and r_max.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import FloatArray
from hpobench.methods.first_points import first_points
from hpobench.methods.mf_kg.worth import log_worth
from hpobench.methods.models.gp.gaussian_process import Posterior
from hpobench.methods.models.gp.kernels import Matern52
from hpobench.methods.models.value_transform import LARGEST, winsorised
from hpobench.methods.schedulers.rungs import rung_levels
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.joint_data import JointData
from hpobench.methods.search.surrogate import Surrogate
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Configuration, Space

# Values are assumed for the latest so many jobs under way; those before them are left out.
_MOST_PENDING = 30
# Best trials about which new configurations are looked for, besides random ones.
_BEST = 4
_STEP_WIDTH = 0.1


class MFKG:
    """Trains whatever is worth most a second: a new configuration or a paused trial, to any level.

    Levels are those of successive halving with `eta`. The first `initial` configurations are random
    and trained to the lowest; the best of them goes on to r_max, so that there is a value to
    improve on. Then `candidates` new ones compete, half of them random, half small changes of the
    best trials, and the `paused` best trials. Seconds are those that a second process expects of a
    unit of resource. Jobs under way are assumed to bring what the model expects of them. `most`
    observations are seen by the model, `refit`: see `Surrogate`. A failed trial is not continued.
    A finite space is not searched twice at the same point.
    """

    multi_fidelity = True

    def __init__(
        self,
        space: Space,
        fidelity: Fidelity,
        rng: np.random.Generator,
        workers: int,  # noqa: ARG002  (part of the contract of methods)
        eta: float = 3,
        initial: int = 6,
        candidates: int = 60,
        paused: int = 60,
        most: int = 300,
        refit: float = 0.2,
        points_to_evaluate: Sequence[Mapping[str, Any] | str] = (),
    ) -> None:
        for name, value in (("initial", initial), ("candidates", candidates)):
            if not value >= 2 or value % 1:
                raise ValueError(f"{name}={value}: a whole number of at least 2")
        if not paused >= 1 or paused % 1:
            raise ValueError(f"paused={paused}: a whole number of at least 1")
        self._levels = rung_levels(fidelity, eta)
        self._candidates = Candidates(space, rng)
        self._first = first_points(space, points_to_evaluate, self._candidates.exclude)
        unit, span = self._candidates.unit, (self._levels[0], self._levels[-1])
        self._data = JointData(unit, initial, most, span)
        self._values = Surrogate(Matern52(self._data.features), refit)
        self._costs = Surrogate(Matern52(unit.feature_columns), refit)
        self._initial, self._new, self._paused = int(initial), int(candidates), int(paused)
        self._trials: list[_Trial] = []
        self._running: dict[int, Job] = {}
        self._open = True

    def ask(self) -> Job | None:
        if self._first:
            return self._start(self._first.popleft(), 0)
        waiting, ended = self._waiting(), any(trial.ended for trial in self._trials)
        if len(self._trials) < self._initial or not (waiting or ended):
            return self._random(waiting)
        if not ended:
            if any(job.to_resource == self._levels[-1] for job in self._running.values()):
                return self._random(waiting)
            best = min(waiting, key=lambda number: self._trials[number].value)
            return self._continue(best, len(self._levels) - 1)
        options = self._options(waiting)
        if not len(options.rows):
            return None
        return self._taken(options, int(np.argmax(self._worth(options))))

    def _random(self, waiting: Sequence[int]) -> Job | None:
        """A new trial, trained as little as can be; if there is none, one that waits goes on."""
        config = self._candidates.draw() if self._open else None
        if config is not None:
            return self._start(config, 0)
        self._open = False
        if not waiting:
            return None
        best = min(waiting, key=lambda number: self._trials[number].value)
        return self._continue(best, self._trials[best].level + 1)

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        del self._running[job.trial]
        value = evaluation.value
        failed = not math.isfinite(value)
        trial = self._trials[job.trial]
        trial.known, trial.running = not failed, False
        trial.value = math.inf if failed else min(max(value, -LARGEST), LARGEST)
        trial.seconds += evaluation.duration_s
        trial.ended = not failed and trial.level == len(self._levels) - 1
        self._data.add(job, evaluation)

    def refuse(self, job: Job) -> None:
        """No trial can be started any more; paused ones may go on."""
        self._open = False
        del self._running[job.trial], self._trials[job.trial]

    def _waiting(self) -> list[int]:
        """The trials that may go on."""
        trials = enumerate(self._trials)
        return [number for number, trial in trials if trial.paused and not trial.ended]

    def _options(self, waiting: Sequence[int]) -> "_Options":
        """All that may be trained next, to all higher levels."""
        waiting = sorted(waiting, key=lambda number: self._trials[number].value)[: self._paused]
        new = self._new_rows()
        rows = [self._trials[number].row for number in waiting]
        known = np.array(rows).reshape(-1, len(self._candidates.unit))
        numbers = np.array([*waiting, *[-1] * len(new)], dtype=np.int64)
        at = np.array([self._trials[n].level for n in waiting] + [-1] * len(new), dtype=np.int64)
        counts = len(self._levels) - 1 - at
        which = np.repeat(np.arange(len(at)), counts)
        to = np.concatenate([np.arange(a + 1, len(self._levels)) for a in at.tolist()] or [at])
        return _Options(np.concatenate([known, new])[which], numbers[which], at[which], to)

    def _new_rows(self) -> FloatArray:
        """Untried configurations (m, d); none if no trial may be started."""
        if not self._open:
            return np.empty((0, len(self._candidates.unit)))
        count = self._new // 2
        found = self._candidates.random(self._new - count)
        rows = [found[: max(self._new - count, 1)]]
        known = sorted((trial for trial in self._trials if trial.known), key=lambda t: t.value)
        for trial in known[:_BEST]:
            rows.append(self._candidates.around(trial.row, math.ceil(count / _BEST), _STEP_WIDTH))
        return np.concatenate(rows)

    def _worth(self, options: "_Options") -> FloatArray:
        """The log (m,) of what each option is worth a second."""
        levels = np.array(self._levels)
        posterior = self._posterior()
        reached, promised = self._best(posterior)
        full = np.full(len(options.rows), levels[-1])
        ends = options.to == len(levels) - 1
        top = self._data.at(options.rows, full)
        here = self._data.at(options.rows, levels[options.to])
        worth = log_worth(posterior, top, here, ends, promised, reached)
        begun = np.where(options.at < 0, 0.0, levels[options.at])
        log_seconds = np.log(levels[options.to] - begun) + self._log_pace(options.rows)
        rates: FloatArray = worth - log_seconds
        return rates

    def _posterior(self) -> Posterior:
        """The process given what was told, and what is assumed of jobs under way."""
        training = self._data.training()
        values = training.values
        finite = values[np.isfinite(values)]
        values = np.clip(np.minimum(values, finite.max()), -LARGEST, LARGEST)
        posterior = self._values.update(training.features, winsorised(values))
        pending = list(self._running.values())[-_MOST_PENDING:]
        if pending:
            features = self._data.encode_jobs(pending)
            posterior = posterior.extended(features, posterior.predict(features)[0])
        return posterior

    def _best(self, posterior: Posterior) -> tuple[float, float]:
        """The best posterior means at r_max: of trials that were trained to it, and of all."""
        trials = [trial for trial in self._trials if trial.known or trial.running]
        rows = np.array([trial.row for trial in trials])
        top = self._data.at(rows, np.full(len(rows), self._levels[-1]))
        means = posterior.predict(top)[0][:, 0]
        ended = np.array([trial.ended for trial in trials])
        return float(means[ended].min()), float(means.min())

    def _log_pace(self, rows: FloatArray) -> FloatArray:
        """The log (m,) of the seconds that a unit of resource is expected to take."""
        paced = [trial for trial in self._trials if trial.known]
        resources = np.array([self._levels[trial.level] for trial in paced])
        seconds = np.array([trial.seconds for trial in paced])
        logs = np.log(np.maximum(seconds / resources, 1e-9))
        centre, spread = float(logs.mean()), float(logs.std())
        if not spread > 1e-6:
            return np.zeros(len(rows))
        encode = self._candidates.unit.features
        features = encode(np.array([trial.row for trial in paced]))
        posterior = self._costs.update(features, (logs - centre) / spread)
        pace: FloatArray = centre + spread * posterior.predict(encode(rows))[0][:, 0]
        return pace

    def _taken(self, options: "_Options", chosen: int) -> Job:
        number, level = int(options.trials[chosen]), int(options.to[chosen])
        if number >= 0:
            return self._continue(number, level)
        return self._start(self._candidates.choose(options.rows[chosen]), level)

    def _start(self, config: Configuration, level: int) -> Job:
        self._trials.append(_Trial(config, self._candidates.unit.rows([config])[0]))
        return self._continue(len(self._trials) - 1, level)

    def _continue(self, number: int, level: int) -> Job:
        trial = self._trials[number]
        reached = 0 if trial.level < 0 else self._levels[trial.level]
        trial.level, trial.running = level, True
        job = Job(number, trial.config, reached, self._levels[level])
        self._running[number] = job
        return job


@dataclass(slots=True)
class _Trial:
    """A configuration, the level it has reached or is on its way to, and its value there."""

    config: Configuration
    row: FloatArray
    level: int = -1
    value: float = math.inf
    seconds: float = 0.0
    known: bool = False
    running: bool = False
    ended: bool = False

    @property
    def paused(self) -> bool:
        """Whether it may go on: it has a value, and is not under way."""
        return self.known and not self.running


class _Options(NamedTuple):
    """m options: rows (m, d), their trials (-1: new), the levels they are `at` (-1) and go `to`."""

    rows: FloatArray
    trials: NDArray[np.int64]
    at: NDArray[np.int64]
    to: NDArray[np.int64]
