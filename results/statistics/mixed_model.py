"""Linear mixed-effects model: regret = method (fixed) + task (random) + rest.

    y_tm = mu + beta_m + u_t + e_tm,    u_t ~ N(0, task_sd^2),    e_tm ~ N(0, residual_sd^2)

y_tm is the mean over seeds of method m on task t, so that e_tm holds what the method does on that
task beyond its average, and the noise of its seeds. With single seeds as rows (as in Geburek et al.
2024, LMEMs for post-hoc analysis of HPO benchmarking) the seeds of one task would count as
independent evidence on how methods do on tasks, and intervals would shrink with every seed.
Fitted by restricted maximum likelihood (statsmodels). In a balanced design the effects are the
differences of the methods' means, and the variances those of the two-way analysis of variance.
"""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.results.statistics.blocks import DECIMALS, Regrets, methods_of

LEVEL = 0.05
NO_RESIDUAL = "The methods differ by the same amounts on every task: no error is left to estimate."
NOT_CONVERGED = (
    "The fit with a random effect of the task did not converge, as happens if its variance is "
    "about 0: the task was taken as a fixed effect."
)


@dataclass(frozen=True)
class MixedModel:
    """Effects on the normalised regret against `baseline`: above 0 is worse.

    `effects`: method, effect, low, high, p_value, one row per other method; [low, high] is the 95 %
    interval by Student's t, NaN as the p-value is if there is no residual. `groups`: tasks.
    `task_sd` and `residual_sd`: standard deviations between tasks, and between methods on a task
    beyond their effects. If `converged` is False the task was taken as a fixed effect instead, and
    `note` says so.
    """

    effects: pd.DataFrame
    baseline: str
    groups: int
    converged: bool
    note: str
    task_sd: float
    residual_sd: float


@dataclass(frozen=True)
class _Fit:
    effects: FloatArray
    errors: FloatArray
    task_sd: float
    residual_sd: float
    converged: bool
    note: str


def mixed_model(regrets: Regrets, baseline: str | None = None) -> MixedModel:
    """The effect of each method against `baseline` (None: the first method) over all tasks.

    Cells (task, method) without a run are left out; methods need not be on all tasks. Raises
    ValueError with fewer than 2 tasks or methods, or too few cells to estimate an error from.
    """
    methods = methods_of(regrets)
    baseline = baseline or methods[0]
    if baseline not in methods:
        raise ValueError(f"baseline={baseline!r} has no run: choose from {', '.join(methods)}")
    if len(methods) < 2:
        raise ValueError(f"there is only one method with runs, {baseline!r}: nothing to compare")
    others = [method for method in methods if method != baseline]
    cells = _cells(regrets, [baseline, *others])
    freedom = _check(cells)
    task, method = np.nonzero(np.isfinite(cells.to_numpy()))
    values = cells.to_numpy()[task, method]
    fit = _fit(values, task, method, len(methods))
    missing = cells.size - len(values)
    words = f"Left out: {missing} of {cells.size} cells (task, method) without a run."
    return MixedModel(
        effects=_table(others, fit, freedom),
        baseline=baseline,
        groups=len(cells),
        converged=fit.converged,
        note=" ".join(filter(None, (words if missing else "", fit.note))),
        task_sd=fit.task_sd,
        residual_sd=fit.residual_sd,
    )


def _cells(regrets: Regrets, methods: list[str]) -> pd.DataFrame:
    """Means over seeds (tasks, methods); tasks without any run are left out."""
    means = {task: table.mean(axis=0, skipna=True) for task, table in regrets.items()}
    cells = pd.DataFrame(means).T.reindex(columns=methods).astype(float)
    return cells.dropna(how="all")


def _check(cells: pd.DataFrame) -> int:
    """The degrees of freedom of the residual: cells - tasks - methods + 1."""
    if len(cells) < 2:
        raise ValueError(
            "a random effect of the task needs 2 tasks or more, there is 1: compare the methods "
            "by tests over its seeds"
        )
    freedom = int(cells.notna().to_numpy().sum()) - len(cells) - cells.shape[1] + 1
    if freedom < 1:
        raise ValueError(
            f"{len(cells)} tasks and {cells.shape[1]} methods have too few cells with runs to "
            "estimate an error from: run more of the methods on the same tasks"
        )
    return freedom


def _fit(values: FloatArray, task: Any, method: Any, methods: int) -> _Fit:
    fixed = _fixed(values, task, method, methods)
    if fixed.residual_sd <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return _without_residual(fixed)
    # In units of the residual, where the optimiser finds its way best.
    found, messages = _restricted(values / fixed.residual_sd, task, method, methods)
    if found is None:
        return fixed
    scale = fixed.residual_sd
    boundary = any("boundary" in message for message in messages)
    return _Fit(
        effects=np.asarray(found.fe_params)[1:] * scale,
        errors=np.asarray(found.bse_fe)[1:] * scale,
        task_sd=float(np.sqrt(max(np.asarray(found.cov_re)[0, 0], 0.0))) * scale,
        residual_sd=float(np.sqrt(found.scale)) * scale,
        converged=True,
        note="The variance between tasks is estimated as about 0." if boundary else "",
    )


def _without_residual(fixed: _Fit) -> _Fit:
    """The fit without rounding noise, of which there is no interval and no p-value."""
    return replace(
        fixed,
        effects=np.round(fixed.effects, DECIMALS) + 0.0,  # -0 is 0
        errors=np.full_like(fixed.errors, np.nan),
        task_sd=float(np.round(fixed.task_sd, DECIMALS)),
        residual_sd=0.0,
        converged=True,
        note=NO_RESIDUAL,
    )


def _restricted(values: FloatArray, task: Any, method: Any, methods: int) -> tuple[Any, list[str]]:
    """The fit of statsmodels, None if it did not converge, and what it warned of."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    design = np.column_stack([np.ones(len(values)), *_dummies(method, 1, methods)])
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            found = MixedLM(values, design, groups=task).fit(reml=True)
        except (np.linalg.LinAlgError, ValueError):
            return None, []
    usable = found.converged and np.isfinite(np.asarray(found.bse_fe)).all()
    return (found if usable else None), [str(each.message) for each in caught]


def _fixed(values: FloatArray, task: Any, method: Any, methods: int) -> _Fit:
    """Least squares with the task as a fixed effect, what is used if the other fit fails."""
    columns = [*_dummies(method, 1, methods), *_dummies(task, 0, int(task.max()) + 1)]
    design = np.column_stack(columns)
    inverse = np.linalg.pinv(design)
    solution = inverse @ values
    rest = values - design @ solution
    freedom = len(values) - int(np.linalg.matrix_rank(design))
    sd = float(np.sqrt(rest @ rest / max(freedom, 1)))
    offsets = solution[methods - 1 :]
    return _Fit(
        effects=solution[: methods - 1],
        errors=sd * np.sqrt((inverse**2).sum(axis=1)[: methods - 1]),
        task_sd=float(offsets.std(ddof=1)),
        residual_sd=sd,
        converged=False,
        note=NOT_CONVERGED,
    )


def _dummies(codes: Any, first: int, count: int) -> list[FloatArray]:
    return [(codes == code).astype(float) for code in range(first, count)]


def _table(methods: list[str], fit: _Fit, freedom: int) -> pd.DataFrame:
    """Intervals and p-values by Student's t: exact in a balanced design."""
    from scipy.stats import t

    reach = t.ppf(1 - LEVEL / 2, freedom) * fit.errors
    ratio = np.abs(fit.effects) / fit.errors
    return pd.DataFrame(
        {
            "method": methods,
            "effect": fit.effects,
            "low": fit.effects - reach,
            "high": fit.effects + reach,
            "p_value": 2 * t.sf(ratio, freedom),
        }
    )
