"""Linear mixed-effects model: regret = method (fixed) + task (random) + rest.

    y_tm = mu + beta_m + u_t + e_tm,    u_t ~ N(0, task_sd^2),    e_tm ~ N(0, residual_sd^2)

y_tm is the mean over seeds of method m on task t, so that e_tm holds what the method does on that
task beyond its average, and the noise of its seeds. With single seeds as rows (as in Geburek et al.
2024, LMEMs for post-hoc analysis of HPO benchmarking) the seeds of one task would count as
independent evidence on how methods do on tasks, and intervals would shrink with every seed.
Fitted by restricted maximum likelihood. In a balanced design the effects are the
differences of the methods' means, and the variances those of the two-way analysis of variance.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from hpobench.arrays import FloatArray
from hpobench.results.statistics.blocks import DECIMALS, Regrets, methods_of

LEVEL = 0.05
NO_RESIDUAL = "The methods differ by the same amounts on every task: no error is left to estimate."
NO_VARIANCE = "The variance between tasks is estimated as 0: the task was taken as a fixed effect."


@dataclass(frozen=True)
class MixedModel:
    """Effects on the normalised regret against `baseline`: above 0 is worse.

    `effects`: method, effect, low, high, p_value, one row per other method; [low, high] is the 95 %
    interval by Student's t, NaN as the p-value is if there is no residual. `groups`: tasks.
    `task_sd` and `residual_sd`: standard deviations between tasks, and between methods on a task
    beyond their effects. If `converged` is False the likelihood is greatest where tasks do not
    vary: the task was taken as a fixed effect instead, and `note` says so.
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
    design = np.column_stack([np.ones(len(values)), *_dummies(method, 1, methods)])
    # In units of the residual, which the ratio of variances is a ratio to.
    model = _RandomIntercept(values / fixed.residual_sd, design, task)
    ratio = model.likeliest()
    if ratio == 0:
        return fixed
    solution, factor, rest = model.solved(ratio)
    variance = rest @ rest / (len(values) - methods)
    inverse = np.linalg.inv(factor)
    scale = fixed.residual_sd
    return _Fit(
        effects=solution[1:] * scale,
        errors=np.sqrt(variance * (inverse**2).sum(axis=1))[1:] * scale,
        task_sd=float(np.sqrt(ratio * variance)) * scale,
        residual_sd=float(np.sqrt(variance)) * scale,
        converged=True,
        note="",
    )


class _RandomIntercept:
    """y = X b + u_group + e, with Var(u) = ratio * Var(e).

    Its covariance over the n_i rows of group i is I + ratio * J (J: all ones), whose inverse root
    takes the share 1 - (1 + n_i ratio)^(-1/2) of the mean of its group from each row: with that
    done, it is least squares (Harville 1977, Maximum likelihood approaches to variance component
    estimation, JASA 72).
    """

    def __init__(self, values: FloatArray, design: FloatArray, group: Any) -> None:
        self._rows = np.column_stack([design, values])
        self._group, self._sizes = group, np.bincount(group)
        sums = np.zeros((len(self._sizes), self._rows.shape[1]))
        np.add.at(sums, group, self._rows)
        self._means = sums / self._sizes[:, None]

    def solved(self, ratio: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """b, the factor R of the whitened design (X'V^-1 X = R'R), and the whitened rest."""
        share = 1 - 1 / np.sqrt(1 + self._sizes * ratio)
        white = self._rows - (share[:, None] * self._means)[self._group]
        basis, factor = np.linalg.qr(white[:, :-1])
        solution = np.linalg.solve(factor, basis.T @ white[:, -1])
        return solution, factor, white[:, -1] - white[:, :-1] @ solution

    def deviance(self, ratio: float) -> float:
        """-2 log of the restricted likelihood, its best residual put in, but for a constant."""
        solution, factor, rest = self.solved(ratio)
        freedom = len(rest) - len(solution)
        volume = np.log1p(self._sizes * ratio).sum() + 2 * np.log(np.abs(np.diag(factor))).sum()
        return float(volume + freedom * np.log(rest @ rest))

    def likeliest(self) -> float:
        """The ratio of greatest restricted likelihood, which may be 0."""
        from scipy.optimize import minimize_scalar

        logs = np.log(10) * np.linspace(-6, 14, 81)
        heights = [self.deviance(float(np.exp(each))) for each in logs]
        best = int(np.argmin(heights))
        bounds = logs[max(best - 1, 0)], logs[min(best + 1, len(logs) - 1)]
        found: Any = minimize_scalar(
            lambda log: self.deviance(float(np.exp(log))),
            bounds=bounds,
            method="bounded",
            options={"xatol": 1e-8},
        )
        return float(np.exp(found.x)) if found.fun < self.deviance(0.0) else 0.0


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


def _fixed(values: FloatArray, task: Any, method: Any, methods: int) -> _Fit:
    """Least squares with the task as a fixed effect: what is left where it has no variance."""
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
        note=NO_VARIANCE,
    )


def _dummies(codes: Any, first: int, count: int) -> list[FloatArray]:
    return [(codes == code).astype(float) for code in range(first, count)]


def _table(methods: list[str], fit: _Fit, freedom: int) -> pd.DataFrame:
    """Intervals and p-values by Student's t: exact in a balanced design."""
    reach = stdtrit(freedom, 1 - LEVEL / 2) * fit.errors
    ratio = np.abs(fit.effects) / fit.errors
    return pd.DataFrame(
        {
            "method": methods,
            "effect": fit.effects,
            "low": fit.effects - reach,
            "high": fit.effects + reach,
            "p_value": 2 * stdtr(freedom, -ratio),
        }
    )
