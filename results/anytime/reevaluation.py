"""Re-evaluated values: what independent evaluations of the same configuration say, on average.

The evaluation by which a configuration was chosen is not among them. Nothing is run again: other
runs of the study evaluated it, or the same run did later.

The k-th evaluation of a configuration sees the same noise in all runs of one task and seed (common
random numbers). So an evaluation is one *draw*, (configuration, resource, seed, k), whichever runs
made it. Independent of an incumbent's own draw (seed s, number k) are those of the same
configuration and resource under other seeds, and those of seed s after the k-th. Draws before the
k-th are left out: they took part in the choice.

A trial that goes on from another's checkpoint (population-based training) is no evaluation of its
configuration alone, and takes no part.

Notation: n observations that take part, m draws, q incumbents.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpobench.arrays import FloatArray, IntArray
from hpobench.results.study.study import Study
from hpobench.results.study.visits import trial_rows, visits


def reevaluated(study: Study, rows: IntArray) -> FloatArray:
    """The re-evaluated values (q,) of the observations at `rows`; NaN where there is none.

    Raises ValueError if the study was stored without its trials.
    """
    draws = _draws(study)
    number = draws.of_row[rows]
    values = np.full(len(rows), np.nan)
    has = number >= 0
    values[has] = _mean_of_others(draws, number[has])
    return values


@dataclass(frozen=True)
class _Draws:
    """All draws, sorted by (configuration and resource, seed, k).

    `value`, `group`, `block` (m,): mean observed value (runs with workers of their own may differ),
    number of the configuration and resource, and of these and the seed. `of_row`: by row of the
    table of observations, its draw; -1: it takes no part.
    """

    value: FloatArray
    group: IntArray
    block: IntArray
    of_row: IntArray


def _draws(study: Study) -> _Draws:
    table, tried = study.observations, visits(study)
    trial = trial_rows(study, table)
    part = (table["status"] == "ok").to_numpy() & np.isfinite(table["value"].to_numpy())
    part &= ~_continues_another(study)[trial]
    rows = np.flatnonzero(part)
    _, level = np.unique(table["resource"].to_numpy()[rows], return_inverse=True)
    _, seed = np.unique(table["seed"].to_numpy()[rows], return_inverse=True)
    levels, seeds, most = (1 + int(each.max(initial=0)) for each in (level, seed, tried.visit))
    group = tried.config[trial[rows]] * levels + level
    keys, draw = np.unique(
        (group * seeds + seed) * most + tried.visit[trial[rows]], return_inverse=True
    )
    values = np.bincount(draw, table["value"].to_numpy()[rows], len(keys)) / np.bincount(draw)
    of_row = np.full(len(table), -1, dtype=np.int64)
    of_row[rows] = draw
    return _Draws(values, _numbered(keys // (seeds * most)), _numbered(keys // most), of_row)


def _numbered(rising: IntArray) -> IntArray:
    """Numbers in the same order, from 0 without gaps."""
    steps = np.diff(rising, prepend=rising[:1]) != 0
    return np.cumsum(steps)


def _continues_another(study: Study) -> npt.NDArray[np.bool_]:
    """Flags of the trials (t,) that go on from the checkpoint of another."""
    continues = np.zeros(len(study.trials), dtype=bool)
    if "source" in study.jobs:
        continues[trial_rows(study, study.jobs[study.jobs["source"] >= 0])] = True
    return continues


def _mean_of_others(draws: _Draws, number: IntArray) -> FloatArray:
    """Mean (q,) over the group of a draw, without the draws of its block up to itself.

    Sums are taken within each group: values of one configuration never blur those of another.
    """
    wanted, place = np.unique(number, return_inverse=True)
    first = np.searchsorted(draws.block, draws.block[wanted])
    sizes = np.bincount(draws.group)[draws.group[wanted]]
    count = sizes - (wanted + 1 - first)
    whole = np.bincount(draws.group, draws.value)[draws.group[wanted]]
    # From each first to each last one; what lies between these pairs is dropped.
    bounds = np.stack([first, wanted + 1], axis=1).ravel()
    padded = np.append(draws.value, 0.0)
    own = np.add.reduceat(padded, bounds)[::2] if len(bounds) else np.zeros(0)
    means = np.where(count > 0, (whole - own) / np.maximum(count, 1), np.nan)
    return np.asarray(means[place], dtype=float)
