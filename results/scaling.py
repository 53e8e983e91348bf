"""Parallel scaling: how much sooner a method reaches its target with more workers.

The target of a task and method is the final mean of the study with the fewest workers, w0. The time
to it is when the curve of the mean over seeds first gets there:

    speed-up    S(w) = T(w0) / T(w)
    efficiency  E(w) = S(w) w0 / w

That is not the speed-up between methods, which compares runs (see `survival`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hpobench.hyperparameters import FloatArray
from hpobench.results.bootstrap import RESAMPLES, interval, stretch
from hpobench.results.curves import begin, curves, runs_by_method, start_rule
from hpobench.results.incumbents import Incumbents, incumbents
from hpobench.results.keys import IntArray
from hpobench.results.occupancy import jobs_of, workers_of
from hpobench.results.selection import of_task
from hpobench.results.study import Study
from hpobench.results.timeline import Timeline

COLUMNS = (
    "task",
    "method",
    "workers",
    "time_s",
    "speedup",
    "efficiency",
    "low",
    "high",
    "reached",
    "throughput",
    "seeds",
)
ROUNDING = 1e-9
"""Of the target: sums of the same values in another order may differ by so much."""


@dataclass(frozen=True)
class _Means:
    """The values (n, t) of all runs of a method at times (t,), from when the mean is defined."""

    time_s: FloatArray
    values: FloatArray
    seeds: IntArray

    def reaches(self, weights: FloatArray, target: FloatArray) -> FloatArray:
        """When weighted means with `weights` (b, n) first reach targets (b,); infinite: never."""
        means = weights @ self.values
        there = means <= (target + ROUNDING * np.abs(target))[:, None]
        first = there.argmax(axis=1)
        return np.where(there.any(axis=1), self.time_s[first], np.inf)

    def final(self, weights: FloatArray) -> FloatArray:
        """Weighted means (b,) at the end."""
        final: FloatArray = weights @ self.values[:, -1]
        return final


def scaling(
    studies: Mapping[int, Study], rng: np.random.Generator, *, task: str | None = None
) -> pd.DataFrame:
    """One row per task, method and number of workers, for what all the studies have.

    time_s               seconds to the target (infinite: not reached)
    speedup, efficiency  against the fewest workers; 0 if the target was not reached
    low, high            95 % bootstrap interval (see `bootstrap`) of the speed-up over seeds, the
                         target found anew in each resample; NaN with a single seed
    reached              whether the mean over all seeds got there
    throughput           jobs that ended, per second, mean over runs: how much more was trained,
                         also where the target was never reached (NaN: jobs were not stored)
    seeds                how many runs went in

    Runs that share a seed are resampled together if all studies have the same seeds. A run without
    a value counts as in curves. `studies` by number of workers; `task`: only that one. Raises
    ValueError with fewer than two studies, if they have no task and method in common, or if their
    settings say otherwise about the workers.
    """
    _check(studies)
    counts = sorted(studies)
    tasks = [task] if task else list(studies[counts[0]].tasks)
    rows: list[dict[str, object]] = []
    for name in tasks:
        if all(name in studies[count].tasks for count in counts):
            parts = {count: of_task(studies[count], name) for count in counts}
            rows += _task_rows(name, parts, rng)
    if not rows:
        raise ValueError("the studies have no task and method in common: there is no scaling")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _check(studies: Mapping[int, Study]) -> None:
    if len(studies) < 2:
        raise ValueError(f"{len(studies)} study: scaling compares two numbers of workers or more")
    for count, study in studies.items():
        if workers_of(study) != count:
            raise ValueError(f"a study given for {count} workers ran with {workers_of(study)}")


def _task_rows(
    task: str, studies: Mapping[int, Study], rng: np.random.Generator
) -> list[dict[str, object]]:
    means = {count: _means(incumbents(study), task) for count, study in studies.items()}
    throughput = {count: _throughput(study) for count, study in studies.items()}
    rows: list[dict[str, object]] = []
    for method in means[min(means)]:
        if all(method in some for some in means.values()):
            of_method = {count: some[method] for count, some in means.items()}
            for row in _method_rows(of_method, rng):
                rate = throughput[int(str(row["workers"]))].get(method, np.nan)
                rows.append({"task": task, "method": method, "throughput": rate, **row})
    return rows


def _means(found: Incumbents, task: str) -> dict[str, _Means]:
    """By method, its runs at every time at which one of them changes, and at the end."""
    facts = found.tasks[task]
    median = None if found.views[task] == "test" else facts.median
    made = {}
    for method, runs in runs_by_method(found, task).items():
        steps = np.concatenate([found.steps(run)[0] for run in runs])
        lost_s = found.lost_s[runs]
        end = found.runs["end_time_s"].to_numpy(float)[runs].max()
        times = np.unique([*steps, *lost_s[np.isfinite(lost_s)], end])
        each = curves(found, task, times)[method]
        each = begin(each, start_rule(median), median)
        has = np.isfinite(each.values).all(axis=0)
        if has.any():
            made[method] = _Means(times[has], each.values[:, has], each.seeds)
    return made


def _method_rows(means: Mapping[int, _Means], rng: np.random.Generator) -> list[dict[str, object]]:
    fewest = means[min(means)]
    weights = _weights(means, rng)
    plain = {
        count: np.full((1, len(each.seeds)), 1 / len(each.seeds)) for count, each in means.items()
    }
    target, targets = fewest.final(plain[min(means)]), fewest.final(weights[min(means)])
    base_s = fewest.reaches(plain[min(means)], target)
    base_resampled_s = fewest.reaches(weights[min(means)], targets)
    rows: list[dict[str, object]] = []
    for count, each in means.items():
        time_s = each.reaches(plain[count], target)
        speedup = _ratio(base_s, time_s)[0]
        resampled = _ratio(base_resampled_s, each.reaches(weights[count], targets))
        seeds = min(len(each.seeds), len(fewest.seeds))
        low, high = interval(resampled, speedup, stretch(np.ones(1), [seeds]), (0.0, np.inf))
        rows.append(
            {
                "workers": count,
                "time_s": float(time_s[0]),
                "speedup": speedup,
                "efficiency": speedup * min(means) / count,
                "low": low,
                "high": high,
                "reached": bool(np.isfinite(time_s[0])),
                "seeds": len(each.seeds),
            }
        )
    return rows


def _weights(means: Mapping[int, _Means], rng: np.random.Generator) -> dict[int, FloatArray]:
    """Shares (resamples, n) of the seeds in bootstrap samples: the same, if the seeds are."""
    drawn: dict[tuple[int, ...], FloatArray] = {}
    for each in means.values():
        key, count = tuple(each.seeds.tolist()), len(each.seeds)
        if key not in drawn:
            picks = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
            drawn[key] = picks / count
    return {count: drawn[tuple(each.seeds.tolist())] for count, each in means.items()}


def _ratio(base_s: FloatArray, time_s: FloatArray) -> FloatArray:
    """The ratio of times; 0 where the time is infinite, NaN where it is 0."""
    ratio = np.full(np.broadcast(base_s, time_s).shape, np.nan)
    np.divide(base_s, time_s, out=ratio, where=time_s > 0)
    return ratio


def _throughput(study: Study) -> dict[str, float]:
    """By method, jobs that ended per second, mean over the runs that did not fail."""
    try:
        jobs = jobs_of(study)
    except ValueError:
        return {}
    run = Timeline.run_numbers(study, jobs)[(jobs["status"] != "cut").to_numpy()]
    ended = np.bincount(run, minlength=len(study.runs))
    end_s = study.runs["end_time_s"]
    fine = study.runs.assign(rate=ended / end_s.where(end_s > 0))
    fine = fine[fine["status"] != "failed"]
    return {
        method: float(fine.loc[fine["method"] == method, "rate"].mean()) for method in study.methods
    }
