"""Claims: what papers say of their methods, judged on stored runs.

A study under `conf/study/claims/` says in `about.claim` what is claimed, in `about.contested`, if
that is so, who says otherwise, and in `about.expects` what should then be seen, as a list of

    {better: A, worse: B, at: 0.5, task: [...]}   A has the lower mean normalised regret when half
                                                  of the time is spent (`at`, by default 1)
    {faster: A, than: B, by: 3, task: [...]}      A reaches the mean value that B has in the end in
                                                  at most a third of the time

`task` is one name or a list; without it, all tasks of the study. A verdict is "holds" or "contrary"
if the 95 % bootstrap interval over seeds (stratified by task) leaves no doubt, else "undecided".
A speed-up is the geometric mean over tasks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np

from hpobench.hyperparameters import FloatArray
from hpobench.results.bootstrap import mean_and_interval
from hpobench.results.curves import curves, fractions, horizon_s, stand_in
from hpobench.results.incumbents import Incumbents, incumbents
from hpobench.results.normalise import Reference, capped_regret, references
from hpobench.results.study import Study

DRAWS = 2000
HEADER = "| claim | source | expected | measured | verdict |\n|---|---|---|---|---|"
_POINTS = 400


@dataclass(frozen=True)
class Finding:
    """One expectation: what was expected, what was measured with its interval, and the verdict."""

    expected: str
    measured: str
    verdict: str


def judge(study: Study, expects: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Judge every expectation; raises ValueError if the study cannot answer one."""
    found = incumbents(study)
    known = references(study, found.views)
    return [_judge(found, known, expectation) for expectation in expects]


def as_markdown(about: Mapping[str, Any], findings: Sequence[Finding]) -> str:
    """One row of a table for each finding; the claim stands in the first."""
    claim = about["claim"]
    if "contested" in about:
        claim += f" (contested: {about['contested']})"
    heads = [f"| {claim} | {about['source']} |", *["| | |"] * (len(findings) - 1)]
    return "\n".join(
        f"{head} {one.expected} | {one.measured} | {one.verdict} |"
        for head, one in zip(heads, findings, strict=True)
    )


def _judge(
    found: Incumbents, known: Mapping[str, Reference], expectation: Mapping[str, Any]
) -> Finding:
    wanted = expectation.get("task") or list(found.tasks)
    tasks = [wanted] if isinstance(wanted, str) else list(wanted)
    if missing := [task for task in tasks if task not in known]:
        raise ValueError(f"{expectation}: task {missing[0]!r} has no runs that can be normalised")
    rng = np.random.default_rng(0)
    if "better" in expectation:
        return _better(found, known, expectation, tasks, rng)
    if "faster" in expectation:
        return _faster(found, known, expectation, tasks, rng)
    raise ValueError(f"{expectation}: state better and worse, or faster and than")


def _better(
    found: Incumbents,
    known: Mapping[str, Reference],
    expectation: Mapping[str, Any],
    tasks: list[str],
    rng: np.random.Generator,
) -> Finding:
    at = float(expectation.get("at", 1.0))
    names = expectation["better"], expectation["worse"]
    pairs = [_regrets(found, known[task], names, np.array([at])) for task in tasks]
    means = [_resampled(pair, _means, rng, DRAWS)[..., 0] for pair in pairs]
    first, second = np.mean([some[0] for some in means], axis=0)
    gains = [some[:, 1] - some[:, 0] for some in means]
    gain, low, high = mean_and_interval(gains, list(map(_seeds, pairs)))
    when = "in the end" if at == 1 else f"after {at:.0%} of the time"
    return Finding(
        f"{names[0]} better than {names[1]} {when}",
        f"{first:.4f} against {second:.4f}: gain {gain:.4f} [{low:.4f}, {high:.4f}]",
        "holds" if low > 0 else "contrary" if high < 0 else "undecided",
    )


def _faster(
    found: Incumbents,
    known: Mapping[str, Reference],
    expectation: Mapping[str, Any],
    tasks: list[str],
    rng: np.random.Generator,
) -> Finding:
    names, by = (expectation["faster"], expectation["than"]), float(expectation["by"])
    times = fractions("log", _POINTS)
    pairs = [_regrets(found, known[task], names, times) for task in tasks]
    log_speedup = partial(_log_speedup, times=times)
    logs = [_resampled(pair, log_speedup, rng, DRAWS // 4) for pair in pairs]
    speed, low, high = np.exp(mean_and_interval(logs, list(map(_seeds, pairs))))
    return Finding(
        f"{names[0]} reaches the final value of {names[1]} {by:g} times as fast",
        f"{speed:.1f} times as fast [{low:.1f}, {high:.1f}]",
        "holds" if low >= by else "contrary" if high < by else "undecided",
    )


def _means(pair: FloatArray) -> FloatArray:
    """The mean over the seeds that a method has: (methods, times) of (methods, seeds, times)."""
    means: FloatArray = np.nanmean(pair, axis=1)
    return means


def _drawn(pair: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Seeds drawn with replacement: together where both methods have them, else apart.

    In the same seed both see the same noise of the objective.
    """
    first, second = ~np.isnan(pair[..., 0])
    strata = [np.flatnonzero(have) for have in (first & second, first & ~second, second & ~first)]
    picks = [seeds[rng.integers(len(seeds), size=len(seeds))] for seeds in strata if len(seeds)]
    return pair[:, np.concatenate(picks)]


def _log_speedup(pair: FloatArray, times: FloatArray) -> FloatArray:
    """The log of 1 / (part of the time needed); of 1/2 if it is never reached."""
    first, second = _means(pair)
    reached = np.flatnonzero(first <= second[-1])
    log: FloatArray = -np.log(times[reached[0]] if len(reached) else 2.0)
    return log


def _resampled(
    pair: FloatArray,
    statistic: Callable[[FloatArray], FloatArray],
    rng: np.random.Generator,
    draws: int,
) -> FloatArray:
    """A statistic (1 + draws, ...) of one task: the actual one, then those of seeds drawn."""
    return np.array([statistic(pair), *(statistic(_drawn(pair, rng)) for _ in range(draws))])


def _seeds(pair: FloatArray) -> int:
    """How many seeds the method with the fewest has."""
    return int((~np.isnan(pair[..., 0])).sum(axis=1).min())


def _regrets(
    found: Incumbents, reference: Reference, names: Sequence[str], parts: FloatArray
) -> FloatArray:
    """Normalised regret (methods, seeds, times) on one task; more than 1 counts as 1.

    The seeds are those of any of the methods; NaN where a method has no run of a seed.
    """
    made = curves(found, reference.task, horizon_s(found, reference.task) * parts, keep_ended=True)
    if missing := [name for name in names if name not in made]:
        raise ValueError(f"method {missing[0]!r} has no runs on task {reference.task!r}")
    seeds = reduce(np.union1d, [made[name].seeds for name in names])
    regrets = np.full((len(names), len(seeds), len(parts)), np.nan)
    for regret, name in zip(regrets, names, strict=True):
        values = made[name].values
        values = np.where(np.isnan(values), stand_in(values, reference.median), values)
        regret[np.searchsorted(seeds, made[name].seeds)] = capped_regret(values, reference)
    return regrets
