"""A surrogate: a task over the whole space of a recorded table, from a model fitted to it.

    # conf/task/mine_surrogate.yaml
    about: {label: mine, summary: what it is, source: where from}
    budget: {time_s: 60}
    _target_: hpobench.tasks.surrogate.surrogate
    table: runs/recordings/mine/table.parquet  # or the name of one in hpobench/tasks/recorded/
    quality: {error: 0.9, cost: 0.95}

`python -m hpobench.tasks.surrogate TABLE` prints the quality of one. How it is fitted:
`hpobench.tasks.surrogate_fit`, when it is first used; the arrays are kept in the cache.
"""

import hashlib
import json
import logging
import math
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.loop.randomness import mix
from hpobench.records import Evaluation, Job
from hpobench.space.encoding import Encoding
from hpobench.space.space import Configuration, Space
from hpobench.system import package
from hpobench.tasks import array_cache, recorded_table
from hpobench.tasks.noise import stable_hash
from hpobench.tasks.posterior import Inverse, ProcessMean
from hpobench.tasks.recorded_facts import Facts
from hpobench.tasks.table import stated_constraints

logger = logging.getLogger(__name__)

# Noise comes from so many configurations that are about as good.
_NEIGHBOURS = 20
PROMISED = {"error": 0.9, "cost": 0.95}
# Raise when `surrogate_fit` would fit the same table otherwise.
_VERSION = 1


class SurrogateQualityError(ValueError):
    """A surrogate predicts worse than it states."""


class _Curve(NamedTuple):
    """What one configuration does under one seed, at all levels (k,); test values may be none."""

    values: FloatArray
    true_values: FloatArray
    test_values: FloatArray
    seconds: FloatArray


class SurrogateTask:
    """Predict the curve and the cost of any configuration of a space.

    `arrays` are those of `hpobench.tasks.surrogate_fit.fit`; `facts` those of the table.
    `noise`: whether what is observed differs from the prediction as repetitions did; then costs do
    too. The true value is the prediction, that is the median over noise. Of a table of a single
    repetition nothing is known about noise, and there is none. Of one without seconds the cost is
    not known: the clock counts evaluations, a part of the highest resource being as much of one.

    `constraints`: bounds on metrics as in `TableTask`; their values are predicted, without noise.

    The optimum is the least true value that a long search found, so that a method that finds a
    still better one has a regret just below 0; None under constraints. The median is over random
    configurations.
    """

    reproducible = True

    def __init__(
        self,
        arrays: Mapping[str, Any],
        facts: Facts,
        *,
        noise: bool = True,
        constraints: Mapping[str, Any] | None = None,
        data_hash: str = "",
    ) -> None:
        self.space = Space(facts.space)
        self.metric = facts.metric
        self.can_checkpoint = True
        self.data_hash = data_hash
        self._levels = np.array(arrays["levels"])
        self.fidelity = facts.fidelity_of(self._levels)
        self._encoding = Encoding(self.space)
        self._curve = ProcessMean.from_arrays(arrays, "curve")
        self.clock = "seconds" if "pace_rows" in arrays else "evaluations"
        self._pace = ProcessMean.from_arrays(arrays, "pace") if "pace_rows" in arrays else None
        self._inverse = Inverse(arrays["inverse"])
        self._ranks = np.array(arrays["ranks"])
        self._errors, self._courses = np.array(arrays["errors"]), np.array(arrays["courses"])
        self._repetitions = len(self._errors) // len(self._ranks)
        self._noise = noise and len(self._errors) > 1
        self._last = len(self._levels) - 1
        known = [name for name in facts.metrics if f"{name}_rows" in arrays]
        self.constraints = stated_constraints(constraints or {}, known)
        self._metrics = {
            bound: ProcessMean.from_arrays(arrays, bound.metric) for bound in self.constraints
        }
        optimum, median = arrays["facts"].tolist()
        self.optimum: float | None = None if self.constraints else optimum
        self.median: float | None = None if math.isnan(median) else median

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        """Predict `job`. A checkpoint is the whole curve.

        Curves inherit nothing: a job that goes on from another trial is on its own curve.
        """
        first, last = np.searchsorted(
            self._levels, (job.from_resource, job.to_resource), side="right"
        ).tolist()
        if first >= last:
            raise ValueError(
                f"a job from {job.from_resource} to {job.to_resource} reaches none of the "
                f"resource levels {self._levels.tolist()}"
            )
        inherited = checkpoint is None or job.source is not None
        # From a file it comes back as a list.
        whole = self._whole(job.config, seed) if inherited else _Curve(*checkpoint)
        before = whole.seconds[first - 1] if first and checkpoint is not None else 0.0
        if not self.fidelity.comparable:  # a value at one level is none of those below it
            first = last - 1
        seconds = whole.seconds[first:last] - before
        return Evaluation(
            resources=self._levels[first:last],
            seconds=seconds,
            values=whole.values[first:last],
            duration_s=seconds.item(-1),
            true_values=whole.true_values[first:last],
            test_values=whole.test_values[first:last] if len(whole.test_values) else None,
            constraints=self._slacks(job.config, last - first),
            checkpoint=whole,
        )

    def _whole(self, config: Configuration, seed: int) -> _Curve:
        self.space.validate(config)
        vector = self._encoding.row(config)
        scores = self._curve.at(vector)
        pace = np.ones(1) if self._pace is None else np.exp(self._pace.at(vector))
        levels = len(self._levels)
        if not self._noise:
            values = self._inverse(scores)
            course = self._levels if self._pace else self._levels / self._levels[-1]
            return _Curve(values[:levels], values[:levels], values[levels:], pace * course)
        drawn = self._draw(config, scores.item(self._last), seed)
        true, values = self._inverse(np.stack([scores, scores + self._errors[drawn]]))
        return _Curve(values[:levels], true[:levels], values[levels:], pace * self._courses[drawn])

    def _draw(self, config: Configuration, score: float, seed: int) -> int:
        """Which repetition lends its noise: one of the configurations nearest in score."""
        count = min(_NEIGHBOURS, len(self._ranks))
        middle = int(self._ranks.searchsorted(score))
        first = min(max(middle - count // 2, 0), len(self._ranks) - count)
        key = mix(seed, stable_hash(self.space.key(config)))
        return first * self._repetitions + key % (count * self._repetitions)

    def _slacks(self, config: Configuration, count: int) -> dict[str, FloatArray]:
        if not self._metrics:
            return {}
        vector = self._encoding.row(config)
        return {
            bound.metric: np.full(count, bound.slack(float(np.exp(metric.at(vector)[0]))))
            for bound, metric in self._metrics.items()
        }


def surrogate(
    table: str,
    space: Mapping[str, Any] | None = None,
    quality: Mapping[str, float] | None = None,
    noise: bool = True,
    constraints: Mapping[str, Any] | None = None,
) -> SurrogateTask:
    """The surrogate of a recorded table, fitted if it was not; `table`, `space` as in `recorded`.

    `quality`: the least rank correlation with configurations left out, of the last error and of
    the cost; raises SurrogateQualityError if the fit does not reach it. A cost that is not known,
    or the same for all, is not judged.
    """
    arrays, facts, source = _fitted(table, space)
    _check_quality(table, measured(arrays), {**PROMISED, **(quality or {})})
    return SurrogateTask(arrays, facts, noise=noise, constraints=constraints, data_hash=source)


def measured(arrays: Mapping[str, Any]) -> dict[str, float]:
    """Rank correlation on configurations left out: of the last error, and of the cost."""
    *levels, cost = arrays["quality"].tolist()
    return {"error": levels[-1], "cost": cost}


def _check_quality(table: str, found: Mapping[str, float], promised: Mapping[str, float]) -> None:
    if strange := [name for name in promised if name not in found]:
        raise ValueError(f"quality.{strange[0]} is not measured: use {', '.join(found)}")
    if np.isnan(found["error"]):
        raise SurrogateQualityError(
            f"the surrogate of {table} is not served: its last errors, recorded or predicted, are "
            "all the same"
        )
    for name, least in promised.items():
        if np.isnan(found[name]):
            continue
        if not found[name] >= least:
            raise SurrogateQualityError(
                f"the surrogate of {table} is not served: its rank correlation with the {name} of "
                f"configurations left out is {found[name]:.3f}, and quality.{name} states {least}. "
                "Record more configurations, or state less"
            )


def _fitted(table: str, space: Mapping[str, Any] | None) -> tuple[array_cache.Arrays, Facts, str]:
    """The arrays, what the table states, and a hash of all that they follow from."""
    package.require("sklearn")
    path = recorded_table.locate(table)
    facts = recorded_table.facts(path, space)
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    made_by = f"surrogate {_VERSION}, scikit-learn {metadata.version('scikit-learn')}"
    stated = json.dumps([content, made_by]).encode() + facts.to_json()
    source = hashlib.sha256(stated).hexdigest()
    folder = array_cache.cache_folder() / "surrogates" / source[:16]
    return array_cache.load(folder, source, None, lambda: _fit(table, space)), facts, source


def _fit(table: str, space: Mapping[str, Any] | None) -> array_cache.Arrays:
    from hpobench.tasks import surrogate_fit

    logger.warning("fitting the surrogate of %s: once, about a minute", table)
    return surrogate_fit.fit(recorded_table.read(table, space))


def main(tables: list[str]) -> None:
    """Print the quality of the surrogates of some tables."""
    for table in tables:
        arrays, _, _ = _fitted(table, None)
        by_level = dict(zip(arrays["levels"].tolist(), arrays["quality"].tolist(), strict=False))
        print(f"{table}: rank correlation with the means of configurations left out")
        print("  error after", ", ".join(f"{r:g}: {by_level[r]:.3f}" for r in by_level))
        cost = measured(arrays)["cost"]
        print("  cost not judged: unknown, or alike" if np.isnan(cost) else f"  cost {cost:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
