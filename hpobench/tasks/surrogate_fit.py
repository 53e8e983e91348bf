r"""Fitting a surrogate to a recorded table. Needs scikit-learn; serving what was fitted does not.

Notation: n configurations, R repetitions, k resource levels, D columns of `space.encoding`.

- *Scores.* At each level the recorded values, of all configurations and repetitions, are ranked,
  and a value becomes the normal quantile of its mean rank. Scores are Gaussian at any level, and
  going back keeps curves within what was recorded; without them the few configurations that stay
  at chance would rule the fit. A diverged training counts as the worst value of its level.
- *Curve.* The score at each level, validation and test, is a Gaussian process (Rasmussen and
  Williams 2006, equation 2.25) of the configuration: a Matérn 5/2 kernel with a length scale a
  column, plus noise, all found by maximum likelihood from the last validation scores. Every level
  has these, and its own weights.
- *Cost.* Training is taken to cost alike at all levels: the logarithm of the seconds a unit of
  resource is a Gaussian process of its own. So is the logarithm of each metric that may be
  constrained.
- *Noise.* What each repetition differs by from the mean of its configuration, in scores and in
  costs, is kept whole, so that errors stay correlated over a curve; times sqrt(R / (R - 1)), as
  the mean was estimated from the same R. A configuration draws from those whose last score was
  nearest to its own. Nothing is known of the noise of a single repetition: there is none.
- *Quality.* Spearman's correlation of what is predicted with the means over repetitions, for
  configurations left out, everything above but the scores being fitted anew without them. That of
  the cost is NaN if the cost is not known, or the same for all.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import ndtri
from scipy.stats import rankdata, spearmanr

from hpobench.arrays import FloatArray
from hpobench.space.encoding import Encoding
from hpobench.space.space import Space
from hpobench.tasks.array_cache import Arrays
from hpobench.tasks.posterior import SCORES, Inverse, ProcessMean
from hpobench.tasks.recorded_table import RecordedTable
from hpobench.tasks.table_arrays import Mask, mean, median

FOLDS = 10
# Configurations by which length scales are found; the weights come from all.
_MOST = 330
_SAMPLE, _STARTS, _AROUND, _ROUNDS, _SEED = 4096, 32, 32, 40, 20240229


def fit(table: RecordedTable) -> Arrays:
    """All that serves a surrogate, by name; `hpobench.tasks.surrogate` reads it.

    `levels` (k,); `inverse` (2 k, scores), or (k, scores) without test values; `ranks`, `errors`,
    `courses`: the noise; `facts`: optimum and median (NaN: there is none); `quality` (k + 1,):
    correlation at each level, and of the cost; and a posterior for `curve` (2 k or k), `pace` (1),
    if the cost is known, and each positive metric (1).
    """
    if len(table.values) < FOLDS:
        raise ValueError(
            f"{table.name} has {len(table.values)} configurations, too few to fit a surrogate: "
            f"record {FOLDS} or more"
        )
    encoding = Encoding(table.space)
    rows = encoding.rows([table.space.config_at(i) for i in range(len(table.values))])
    exists = np.arange(table.values.shape[1]) < table.counts[:, None]
    series = [table.values] if table.test_values is None else [table.values, table.test_values]
    worst = np.concatenate([_finite(values, exists) for values in series], axis=2)
    scores, paces = _scores(worst, exists), _paces(table, exists)
    targets = {"curve": _mean(scores, table)}
    if paces is not None:
        targets["pace"] = _mean(np.log(paces)[:, :, None], table)
    for name, metric in table.metrics.items():
        if (metric[exists] > 0).all():
            targets[name] = _mean(np.log(np.where(exists[:, :, None], metric, 1))[:, :, -1:], table)
    last = len(table.levels) - 1
    fitted = {
        name: _posterior(rows, target, last if name == "curve" else 0)
        for name, target in targets.items()
    }
    inverse = _inverse(worst[exists], scores[exists])
    space = Space(table.facts.space)
    facts = Inverse(inverse)(_extremes(space, encoding, fitted["curve"], last))[:, last]
    if median(_mean(table.values, table)[:, last]) is None:
        facts[1] = np.nan
    arrays = {
        "levels": table.levels,
        "inverse": inverse,
        "facts": facts,
        "quality": _quality(rows, targets, table, paces),
        **_noise(table, scores, paces),
    }
    for name, posterior in fitted.items():
        arrays |= posterior.arrays(name)
    return arrays


def _mean(curves: FloatArray, table: RecordedTable) -> FloatArray:
    """(n, m): over the repetitions that each configuration has."""
    return mean(curves, table.counts)[:, 0]


def _finite(values: FloatArray, exists: Mask) -> FloatArray:
    """(n, R, k) with the worst value of its level for one that diverged."""
    finite = np.isfinite(values) & exists[:, :, None]
    if not finite.any(axis=(0, 1)).all():
        raise ValueError("every training has diverged at some level: there is nothing to fit")
    worst = np.where(finite, values, -np.inf).max(axis=(0, 1))
    return np.where(finite, values, worst)


def _scores(values: FloatArray, exists: Mask) -> FloatArray:
    """Normal quantiles of the ranks of (n, R, m), output by output."""
    scores = np.zeros(values.shape)
    flat = values[exists]
    scores[exists] = ndtri((rankdata(flat, axis=0) - 0.5) / len(flat))
    return scores


def _inverse(values: FloatArray, scores: FloatArray) -> FloatArray:
    """(m, scores): the value at each of `SCORES`, of values (N, m) that have these scores."""
    return np.stack(list(map(_interpolated, np.sort(scores, axis=0).T, np.sort(values, axis=0).T)))


def _interpolated(scores: FloatArray, values: FloatArray) -> FloatArray:
    return np.interp(SCORES, scores, values)


def _paces(table: RecordedTable, exists: Mask) -> FloatArray | None:
    """(n, R): seconds a unit of resource, over what was trained, 1 where there is no training.

    None: the cost is not known.
    """
    if table.seconds is None:
        return None
    advanced = np.diff(table.seconds, axis=2, prepend=0.0) > 0
    trained = np.where(advanced, table.levels, 0.0).max(axis=2)
    if not (trained[exists] > 0).all():
        raise ValueError("a training that took no time has no cost to model")
    paces = np.ones(exists.shape)
    paces[exists] = table.seconds[:, :, -1][exists] / trained[exists]
    return paces


def _posterior(rows: FloatArray, target: FloatArray, leading: int) -> ProcessMean:
    """The posterior mean of `target` (n, m), its kernel found from the `leading` column."""
    means, spreads = target.mean(axis=0), target.std(axis=0)
    normal = (target - means) / np.where(spreads > 0, spreads, 1.0)
    few = np.random.default_rng(_SEED).permutation(len(rows))[:_MOST]
    kernel = _likeliest(rows[few], normal[few, leading])
    process = _regression(kernel, None).fit(rows, normal)
    smooth = process.kernel_.k1
    scales = np.broadcast_to(smooth.k2.length_scale, rows.shape[1:])
    weights = smooth.k1.constant_value * process.alpha_ * spreads
    return ProcessMean(scales, rows / scales, weights, means)


def _kernel(width: int) -> Any:
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    shape = Matern(np.ones(width), (0.05, 50.0), nu=2.5)
    smooth = ConstantKernel(1.0, (1e-2, 1e3)) * shape
    return smooth + WhiteKernel(0.1, (1e-4, 1.0))


def _regression(kernel: Any, optimizer: Any) -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor

    return GaussianProcessRegressor(kernel, optimizer=optimizer)


def _likeliest(rows: FloatArray, values: FloatArray) -> Any:
    """The kernel of greatest likelihood for `values` (n,)."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # A column that does not matter has the longest length scale there is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kernel = _regression(_kernel(rows.shape[1]), _climb).fit(rows, values).kernel_
    # Rounded, so that the last bits of another machine's arithmetic change nothing.
    return kernel.clone_with_theta(np.round(kernel.theta, 2))


def _climb(objective: Any, start: FloatArray, bounds: FloatArray) -> tuple[FloatArray, float]:
    """The hyperparameters of greatest likelihood, as exactly as predictions need them."""
    limits, options = bounds.tolist(), {"ftol": 1e-5}
    search: Any = minimize
    found = search(objective, start, method="L-BFGS-B", jac=True, bounds=limits, options=options)
    return found.x, float(found.fun)


def _quality(
    rows: FloatArray, targets: Arrays, table: RecordedTable, paces: FloatArray | None
) -> FloatArray:
    """Rank correlations (k + 1,) on configurations left out: at each level, and of the cost."""
    judged = {name: targets[name] for name in ("curve", "pace") if name in targets}
    predicted = {name: np.empty_like(target) for name, target in judged.items()}
    for left_out in _folds(len(rows)):
        kept = ~left_out
        for name, target in judged.items():
            leading = len(table.levels) - 1 if name == "curve" else 0
            model = _posterior(rows[kept], target[kept], leading)
            predicted[name][left_out] = model.many(rows[left_out])
    worst = np.nan_to_num(_mean(table.values, table), nan=np.inf)
    found = [_correlation(*pair) for pair in zip(predicted["curve"].T, worst.T, strict=False)]
    if paces is None:
        return np.array([*found, np.nan])
    cost = _mean(paces[:, :, None], table)[:, 0]
    return np.array([*found, _correlation(predicted["pace"][:, 0], cost)])


def _correlation(predicted: FloatArray, found: FloatArray) -> float:
    """Spearman's; NaN if all that was found is the same."""
    if (found == found[0]).all() or (predicted == predicted[0]).all():
        return np.nan
    return float(spearmanr(predicted, found).statistic)


def _folds(count: int) -> list[NDArray[np.bool_]]:
    order = np.random.default_rng(_SEED).permutation(count)
    return [np.isin(np.arange(count), part) for part in np.array_split(order, min(FOLDS, count))]


def _noise(table: RecordedTable, scores: FloatArray, paces: FloatArray | None) -> Arrays:
    """What repetitions differ by, configurations in the order of their last scores `ranks`.

    `errors` (n R, 2 k) is added to scores. `courses` (n R, k): seconds to each level, in units of
    the predicted pace, or parts of an evaluation. Configurations with fewer repetitions than others
    lend theirs in turn; those with one lend none.
    """
    levels, width = len(table.levels), scores.shape[2]
    course = table.levels if paces is not None else table.levels / table.levels[-1]
    lenders = np.flatnonzero(table.counts > 1)
    if not len(lenders):
        return {"ranks": np.zeros(1), "errors": np.zeros((1, width)), "courses": course[None]}
    last = _mean(scores, table)[lenders, levels - 1]
    order = np.argsort(last, kind="stable")
    which, counts = lenders[order], table.counts[lenders[order]]
    turns = np.arange(scores.shape[1]) % counts[:, None]
    at = which[:, None], turns
    widened = np.sqrt(counts / (counts - 1.0))[:, None, None]
    errors = (scores[at] - _mean(scores, table)[which][:, None]) * widened
    courses = np.broadcast_to(course, (*turns.shape, levels))
    if paces is not None and table.seconds is not None:
        logs = np.log(paces)[:, :, None]
        factors = np.exp((logs[at] - _mean(logs, table)[which][:, None]) * widened)
        ended = np.isnan(table.values[at]).any(axis=2, keepdims=True)
        spent = table.seconds[at] / paces[at][:, :, None]
        courses = np.where(ended, table.levels, spent) * factors
    return {
        "ranks": last[order],
        "errors": errors.reshape(-1, width),
        "courses": courses.reshape(-1, levels),
    }


def _extremes(space: Space, encoding: Encoding, curve: ProcessMean, leading: int) -> FloatArray:
    """Scores (2, m): at the least last score that could be found, and the median of a sample.

    The best of a random sample are improved by random steps, ever shorter ones.
    """
    rng = np.random.default_rng(_SEED)

    def last(unit: FloatArray) -> FloatArray:
        return curve.many(encoding.rows(space.from_unit(unit)))[:, leading]

    unit = rng.random((_SAMPLE, len(space)))
    scores = last(unit)
    median = float(np.median(scores))
    for width in np.geomspace(0.3, 0.003, _ROUNDS):
        best = np.argsort(scores, kind="stable")[:_STARTS]
        unit, scores = unit[best], scores[best]
        steps = rng.normal(0.0, width, (_STARTS, _AROUND, len(space)))
        steps *= rng.random(steps.shape) < 0.5
        moved = np.clip(unit[:, None] + steps, 0.0, 1.0).reshape(-1, len(space))
        unit, scores = np.concatenate([unit, moved]), np.concatenate([scores, last(moved)])
    return np.array([np.full(len(curve.means), scores.min()), np.full(len(curve.means), median)])
