"""DyHPO: one step at a time, any trial may be paused, continued, or a new one begun.

Wistuba, Kadra and Grabocka (2022), Supervising the Multi-Fidelity Race of Hyperparameter
Configurations, NeurIPS, Algorithm 1, with a simpler surrogate: see `curve_model`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.dyhpo.curve_model import CurveModel, Point
from hpobench.methods.first_points import first_points
from hpobench.methods.models.value_transform import LARGEST
from hpobench.methods.schedulers.median_stopping import step_levels
from hpobench.methods.search.acquisition import log_expected_improvement
from hpobench.methods.search.candidates import Candidates
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Configuration, Space

# Values are assumed for the latest so many jobs under way; those before them are left out.
_MOST_PENDING = 30
# Best trials about which new configurations are looked for, besides random ones.
_BEST = 4
_STEP_WIDTH = 0.1


class DyHPO:
    """Of new configurations and paused trials, trains the one of greatest expected improvement.

    Equation 5: the improvement that a candidate's next step brings over the best value seen at the
    budget it then has; where nothing has that budget yet, over the best value seen at all.

    A step is `step` resource (null: the smallest of the task). The first `initial` configurations
    are random; then `candidates` new ones compete, half of them random, half small changes of the
    best trials, and the `paused` trials that are nearest to the best at their budget. Jobs under
    way are assumed to bring what the model expects of them. `most` and `refit`: see `CurveModel`.
    A failed trial is not continued. A finite space is not searched twice at the same point.
    """

    multi_fidelity = True

    def __init__(
        self,
        space: Space,
        fidelity: Fidelity,
        rng: np.random.Generator,
        workers: int,  # noqa: ARG002  (part of the contract of methods)
        step: float | None = None,
        initial: int = 5,
        candidates: int = 100,
        paused: int = 100,
        most: int = 200,
        refit: float = 0.2,
        points_to_evaluate: Sequence[Mapping[str, Any] | str] = (),
    ) -> None:
        for name, value, least in (("initial", initial, 2), ("candidates", candidates, 2)):
            if not value >= least or value % 1:
                raise ValueError(f"{name}={value}: a whole number of at least {least}")
        if not paused >= 1 or paused % 1:
            raise ValueError(f"paused={paused}: a whole number of at least 1")
        self._levels = step_levels(fidelity, fidelity.r_min if step is None else step)
        self._candidates = Candidates(space, rng)
        self._first = first_points(space, points_to_evaluate, self._candidates.exclude)
        self._model = CurveModel(self._candidates.unit, most, refit)
        self._initial, self._new, self._paused = initial, candidates, paused
        self._trials: list[_Trial] = []
        self._waiting: set[int] = set()
        self._running: dict[int, Point] = {}
        self._best = np.full(len(self._levels), math.inf)
        self._finite = 0
        self._open = True

    def ask(self) -> Job | None:
        if self._open and (self._first or len(self._trials) < self._initial or not self._finite):
            config = self._first.popleft() if self._first else self._candidates.draw()
            if config is not None:
                return self._start(config)
            self._open = False
        if not self._finite:
            return self._continue(min(self._waiting)) if self._waiting else None
        paused = self._nearest_to_the_best()
        rows = self._new_rows()
        if not (paused or len(rows)):
            return None
        points = [self._trials[trial].next_point(self._levels) for trial in paused]
        points += [Point(row, self._levels[0] / self._levels[-1]) for row in rows]
        steps = [len(self._trials[trial].curve) for trial in paused] + [0] * len(rows)
        chosen = int(np.argmax(self._improvements(points, np.array(steps))))
        if chosen < len(paused):
            return self._continue(paused[chosen])
        return self._start(self._candidates.choose(rows[chosen - len(paused)]))

    def _improvements(self, points: list[Point], steps: FloatArray) -> FloatArray:
        """Log expected improvement (m,) of points, of which `steps` are taken."""
        model, posterior = self._model, self._model.posterior()
        pending = list(self._running.values())[-_MOST_PENDING:]
        if pending:
            features = model.features(pending)
            posterior = posterior.extended(features, posterior.predict(features)[0])
        mean, variance = posterior.predict(model.features(points))
        overall = np.where(np.isfinite(self._best), self._best, self._best.min())
        incumbent = model.scaled(overall[steps])
        # log EI is invariant: EI of the difference over 0.
        return log_expected_improvement(mean[:, 0] - incumbent, np.sqrt(variance), 0.0)

    def _nearest_to_the_best(self) -> list[int]:
        """Paused trials, those first that are least behind the best at their own budget."""
        waiting = sorted(self._waiting)
        curves = [self._trials[trial].curve for trial in waiting]
        steps = np.array([len(curve) - 1 for curve in curves], dtype=np.int64)
        behind = np.array([curve[-1] for curve in curves]) - self._best[steps]
        order = np.argsort(behind, kind="stable")[: self._paused].tolist()
        return [waiting[place] for place in order]

    def _new_rows(self) -> FloatArray:
        """Untried configurations (m, d); none if no trial may be started."""
        if not self._open:
            return np.empty((0, len(self._candidates.unit)))
        count = self._new // 2
        rows = [self._candidates.random(self._new - count)]
        for trial in nsmallest(_BEST, self._trials, key=lambda trial: trial.best):
            if trial.best < math.inf:
                found = self._candidates.around(trial.row, math.ceil(count / _BEST), _STEP_WIDTH)
                rows.append(found)
        return np.concatenate(rows)

    def _start(self, config: Configuration) -> Job:
        row = self._candidates.unit.rows([config])[0]
        self._trials.append(_Trial(config, row, []))
        return self._continue(len(self._trials) - 1)

    def _continue(self, trial: int) -> Job:
        known = self._trials[trial]
        self._waiting.discard(trial)
        self._running[trial] = known.next_point(self._levels)
        step = len(known.curve)
        reached = self._levels[step - 1] if step else 0
        return Job(trial, known.config, reached, self._levels[step])

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        known, value = self._trials[job.trial], evaluation.value
        failed = not math.isfinite(value)
        value = value if failed else min(max(value, -LARGEST), LARGEST)
        self._model.add(self._running.pop(job.trial), value)
        if failed:
            return
        self._finite += 1
        step = len(known.curve)
        known.curve.append(value)
        known.best = min(known.best, value)
        self._best[step] = min(self._best[step], value)
        if step + 1 < len(self._levels):
            self._waiting.add(job.trial)

    def refuse(self, job: Job) -> None:
        """No trial can be started any more; paused ones may go on."""
        self._open = False
        del self._running[job.trial], self._trials[job.trial]


@dataclass(slots=True)
class _Trial:
    """A configuration, and its value after each step."""

    config: Configuration
    row: FloatArray
    curve: list[float]
    best: float = math.inf

    def next_point(self, levels: Sequence[float]) -> Point:
        """Where its next value will be observed."""
        curve = self.curve
        budget = levels[len(curve)] / levels[-1]
        last = curve[-1] if curve else math.nan
        gain = curve[-2] - last if len(curve) > 1 else math.nan
        return Point(self.row, budget, last, gain)
