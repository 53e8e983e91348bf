"""Where the spread of regrets comes from: components of variance, by the method of moments.

Notation: y[m, i, j] is the regret of method m with its own seed i and the objective's seed j, on
one task, with M, I and J of them; methods have seeds of their own (i lies within m), and share
those of the objective:

    y = mean + method_m + noise_j + (method x noise)_mj + own_i(m) + rest_ij(m)

With random effects the mean squares are (Searle, Casella, McCulloch 1992, Variance Components,
chapter 4)

    E MS_own          = rest + J own
    E MS_rest         = rest
    E MS_method-noise = rest + I method-noise
    E MS_noise        = rest + I method-noise + M I noise
    E MS_method       = rest + I method-noise + J own + I J method

Where every run has a seed of its own for both (j = i), J is 1 for each i: `noise` is what runs of
one seed have in common over methods, and `own` and `rest` cannot be told apart (`crossed` False).
Negative estimates count as 0. Over tasks, with the means y_tm of T tasks and M methods,

    E MS_task-method = e + task-method,  E MS_method = ... + T method,  E MS_task = ... + M task

where e is the error of the means.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hpobench.arrays import FloatArray


class Components(NamedTuple):
    """Variances of regrets of single runs; NaN where they cannot be told.

    `task`: of the tasks' means; `method`: of the methods' means over the tasks; `task_method`:
    which method suits which task (of one task: NaN, and `method` is all there is). `noise`: of the
    objective, the same for all methods; `method_noise`: how methods meet it; `own`: of the
    method's random choices; `rest`: of how these meet the noise.
    """

    task: float
    method: float
    task_method: float
    noise: float
    method_noise: float
    own: float
    rest: float
    crossed: bool


def components(tasks: Sequence[FloatArray]) -> Components:
    """The components over tasks, each an array (methods, own seeds, objective's seeds).

    Of several tasks they are means over the tasks, but for those between tasks. Without crossing
    the arrays are (methods, 1, seeds). Raises ValueError if there are fewer than 2 methods or runs.
    """
    crossed = tasks[0].shape[1] > 1
    within = np.array([_crossed(y) if crossed else _paired(y[:, 0]) for y in tasks])
    own_error = np.array([_error(parts, y.shape) for parts, y in zip(within, tasks, strict=True)])
    method, noise, method_noise, own, rest = np.maximum(within, 0.0).mean(axis=0)
    if len(tasks) == 1:
        return Components(np.nan, method, np.nan, noise, method_noise, own, rest, crossed)
    means = np.array([y.mean(axis=(1, 2)) for y in tasks])
    between = _two_way(means, float(own_error.mean()))
    # Each task has noise of its own: what of it is in the means is none of the task's.
    shared = float(np.mean([noise / y.shape[2] for y in tasks]))
    task, method, task_method = (max(part, 0.0) for part in np.subtract(between, (shared, 0, 0)))
    return Components(task, method, task_method, noise, method_noise, own, rest, crossed)


def _crossed(y: FloatArray) -> tuple[float, ...]:
    """Method, noise, method-noise, own and rest of one task (M, I, J)."""
    count, own_seeds, noises = y.shape
    if min(y.shape) < 2:
        raise ValueError(f"components of variance need 2 of each kind, and there are {y.shape}")
    whole, by_method = y.mean(), y.mean(axis=(1, 2))
    by_noise, by_pair, by_own = y.mean(axis=(0, 1)), y.mean(axis=1), y.mean(axis=2)
    ms_method = own_seeds * noises * _square(by_method - whole) / (count - 1)
    ms_noise = count * own_seeds * _square(by_noise - whole) / (noises - 1)
    both = by_pair - by_method[:, None] - by_noise + whole
    ms_both = own_seeds * _square(both) / ((count - 1) * (noises - 1))
    ms_own = noises * _square(by_own - by_method[:, None]) / (count * (own_seeds - 1))
    left = y - by_own[:, :, None] - by_pair[:, None, :] + by_method[:, None, None]
    rest = _square(left) / (count * (own_seeds - 1) * (noises - 1))
    method_noise, own = (ms_both - rest) / own_seeds, (ms_own - rest) / noises
    noise = (ms_noise - ms_both) / (count * own_seeds)
    method = (ms_method - ms_both - ms_own + rest) / (own_seeds * noises)
    return method, noise, method_noise, own, rest


def _paired(y: FloatArray) -> tuple[float, ...]:
    """The same of runs (M, seeds) that share the objective's seed; own and rest are one."""
    count, seeds = y.shape
    if min(y.shape) < 2:
        raise ValueError(
            f"components of variance need 2 methods and seeds, and there are {y.shape}"
        )
    whole, by_method, by_seed = y.mean(), y.mean(axis=1), y.mean(axis=0)
    rest = _square(y - by_method[:, None] - by_seed + whole) / ((count - 1) * (seeds - 1))
    ms_seed = count * _square(by_seed - whole) / (seeds - 1)
    ms_method = seeds * _square(by_method - whole) / (count - 1)
    return (ms_method - rest) / seeds, (ms_seed - rest) / count, np.nan, np.nan, rest


def _error(parts: FloatArray, shape: tuple[int, ...]) -> float:
    """The variance of a method's mean on a task, less what all methods have in common."""
    _, own_seeds, noises = shape
    _, _, method_noise, own, rest = np.nan_to_num(np.maximum(parts, 0.0))
    return float(method_noise / noises + own / own_seeds + rest / (own_seeds * noises))


def _two_way(means: FloatArray, error: float) -> tuple[float, float, float]:
    """Task, method and task-method from means (tasks, methods) with an error of their own."""
    tasks, methods = means.shape
    whole, by_task, by_method = means.mean(), means.mean(axis=1), means.mean(axis=0)
    both = means - by_task[:, None] - by_method + whole
    ms_both = _square(both) / ((tasks - 1) * (methods - 1))
    ms_task = methods * _square(by_task - whole) / (tasks - 1)
    ms_method = tasks * _square(by_method - whole) / (methods - 1)
    return (ms_task - ms_both) / methods, (ms_method - ms_both) / tasks, ms_both - error


def _square(x: FloatArray) -> float:
    return float((x**2).sum())
