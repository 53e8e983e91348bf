r"""BBOB through the package `ioh`: 24 functions, their noisy and mixed-integer forms.

    # conf/task/bbob.yaml
    _target_: hpobench.tasks.suites.bbob.BBOB
    function: 8
    dimension: 20

Values are f(x) - f(x*), so that the optimum is 0. Notation: f the function less its optimum, D the
dimension, N standard normal and U uniform numbers, drawn by (configuration, seed).

Noise (Hansen et al. 2009, RR-6869, section 2), "moderate" or "severe":

    gaussian   f exp(beta N),                                        beta = 0.01 or 1
    uniform    f U^beta max(1, (10^9 / (f + 10^-99))^(alpha U')),
                                         alpha = 0.01 (0.49 + 1/D) or 0.49 + 1/D, beta = 0.01 or 1
    cauchy     f + alpha max(0, 1000 + 1[U < p] N / |N'|),   alpha = 0.01 or 1, p = 0.05 or 0.2

and f is left as it is below 10^-8.

Mixed-integer (Tušar, Brockhoff and Hansen 2019), as in COCO: the first fifth of the variables has 2
values, the next ones 4, 8 and 16, the last fifth is continuous. n values are evenly spaced within
[-4, 4], each variable is moved so that the optimum is the nearest of them, and f is multiplied by a
factor of its function. From 50 dimensions on COCO takes the functions of bbob-largescale in the
place of f, which `ioh` does not have.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hpobench.loop.randomness import mix
from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
from hpobench.space.hyperparameters import Float, Hyperparameter, Integer
from hpobench.space.space import Configuration, Space
from hpobench.tasks.noise import normal, stable_hash

FUNCTIONS = range(1, 25)
NOISES = ("none", "gaussian", "uniform", "cauchy")
SEVERITIES = ("moderate", "severe")
BY_SEED = "by_seed"
ARITIES = (2, 4, 8, 16)
FACTORS = (
    *(1, 1e-3, 1e-1, 1e-1, 1, 1e-2, 1, 1e-2, 1e-2, 1e-3, 1e-2, 1e-4),
    *(1e-1, 1, 1e-1, 1, 10, 1, 10, 1e-1, 1, 1, 10, 1e-1),
)
"""By what the mixed-integer form of each function is multiplied."""
INSTANCES = 1000
_EXACT = 1e-8  # below, noise is left out
_SAMPLE, _SAMPLE_SEED = 1024, 20240229


class BBOB:
    """One function of BBOB in some dimension.

    `function`: 1 to 24. `instance`: its number, or "by_seed", another one for each seed of a study,
    as the suite's runs are repeated (a configuration that a run tries again is then seen on yet
    another). `noise` and `severity`, `mixed`: see the head of the module. `cost_s`: seconds an
    evaluation takes on the simulated clock.
    """

    reproducible = True

    def __init__(
        self,
        function: int = 1,
        dimension: int = 5,
        *,
        instance: int | str = 1,
        noise: str = "none",
        severity: str = "severe",
        mixed: bool = False,
        cost_s: float = 1.0,
    ) -> None:
        _check(function, dimension, instance, noise, severity, mixed)
        self._function, self._dimension, self._instance = function, dimension, instance
        self.instances_by_seed = instance == BY_SEED
        self._noise, self._severity = noise, severity
        self._cost_s = cost_s
        self._arities = [_arity(i, dimension) if mixed else 0 for i in range(dimension)]
        self._factor = FACTORS[function - 1] if mixed else 1.0
        self.space = Space({f"x{i}": _variable(n) for i, n in enumerate(self._arities)})
        self.fidelity = Fidelity()
        self.metric = Metric("f", "f(x) - f(optimum)")
        self.constraints: tuple[Constraint, ...] = ()
        self.can_checkpoint = False
        self.optimum: float | None = 0.0
        self.median: float | None = self._sample_median()

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:  # noqa: ARG002
        """The value of one configuration; the true one is that without noise."""
        self.space.validate(job.config)
        true = self._value(job.config, self._instance_of(seed))
        key = mix(seed, stable_hash(self.space.key(job.config)))
        value = self._noisy(true, key)
        return Evaluation(
            resources=np.ones(1),
            seconds=np.full(1, self._cost_s),
            values=np.full(1, value),
            duration_s=self._cost_s,
            true_values=np.full(1, true),
        )

    def _instance_of(self, seed: int) -> int:
        return 1 + mix(seed, 0) % INSTANCES if self._instance == BY_SEED else int(self._instance)

    def _value(self, config: Configuration, instance: int) -> float:
        """f(x) - f(x*), at least 0."""
        problem = _problem(self._function, instance, self._dimension)
        best: Sequence[float] = problem.optimum.x
        point = [_at(config[f"x{i}"], n, best[i]) for i, n in enumerate(self._arities)]
        return max(float(problem(point)) - float(problem.optimum.y), 0.0) * self._factor

    def _noisy(self, value: float, key: int) -> float:
        """The value as it is observed."""
        if self._noise == "none" or value < _EXACT:
            return value
        severe = self._severity == "severe"
        uniform = [(mix(key, number) >> 11) * 2.0**-53 for number in (101, 102)]
        if self._noise == "gaussian":
            return value * math.exp((1.0 if severe else 0.01) * normal(key, 0)) + 1.01 * _EXACT
        if self._noise == "uniform":
            alpha = (1.0 if severe else 0.01) * (0.49 + 1.0 / self._dimension)
            factor = max(1.0, float((1e9 / (value + 1e-99)) ** (alpha * uniform[1])))
            power = float(uniform[0] ** (1.0 if severe else 0.01))
            return value * power * factor + 1.01 * _EXACT
        alpha, share = (1.0, 0.2) if severe else (0.01, 0.05)
        ratio = normal(key, 0) / (abs(normal(key, 1)) + 1e-199) if uniform[0] < share else 0.0
        return value + alpha * max(0.0, 1000.0 + ratio) + 1.01 * _EXACT

    def _sample_median(self) -> float:
        """The median of true values of random configurations, over instances if there are many."""
        rng = np.random.default_rng(_SAMPLE_SEED)
        configs = self.space.sample(rng, _SAMPLE)
        several = self._instance == BY_SEED
        values = [
            self._value(config, 1 + i % 8 if several else int(self._instance))
            for i, config in enumerate(configs)
        ]
        return float(np.median(values))


def _check(
    function: int, dimension: int, instance: int | str, noise: str, severity: str, mixed: bool
) -> None:
    if function not in FUNCTIONS:
        raise ValueError(f"function={function!r}: BBOB has the functions 1 to 24")
    if not isinstance(dimension, int) or dimension < 2:
        raise ValueError(f"dimension={dimension!r}: use a whole number of at least 2")
    if instance != BY_SEED and (not isinstance(instance, int) or instance < 1):
        raise ValueError(f"instance={instance!r}: use a number from 1, or {BY_SEED}")
    if noise not in NOISES:
        raise ValueError(f"noise={noise!r}: use one of {', '.join(NOISES)}")
    if severity not in SEVERITIES:
        raise ValueError(f"severity={severity!r}: use one of {', '.join(SEVERITIES)}")
    if mixed and dimension % 5:
        raise ValueError(f"mixed=true needs a dimension that is a multiple of 5, not {dimension}")


def _arity(number: int, dimension: int) -> int:
    """How many values a variable of the mixed-integer form has; 0: it is continuous."""
    return (*ARITIES, 0)[number // (dimension // 5)]


def _variable(arity: int) -> Hyperparameter:
    return Integer(0, arity - 1) if arity else Float(-5.0, 5.0)


def _at(value: float, arity: int, best: float) -> float:
    """Where a variable lies in the continuous function."""
    if not arity:
        return float(value)
    gap = 8.0 / (arity + 1)
    least, step = -4.0 + gap, (8.0 - 2.0 * gap) / (arity - 1)
    # Of two that are equally near the upper one, as in COCO, which adds 1e-7 for it.
    nearest = min(max(math.floor((best - least) / step + 1e-7 + 0.5), 0), arity - 1)
    return best + step * (value - nearest)


@lru_cache(maxsize=4096)
def _problem(function: int, instance: int, dimension: int) -> Any:
    """The problem of the package, made once a process. Raises ModuleNotFoundError without it."""
    try:
        import ioh
    except ModuleNotFoundError as error:
        raise ValueError("BBOB needs the package ioh: pip install 'hpobench[ioh]'") from error
    return ioh.get_problem(function, instance, dimension, ioh.ProblemClass.BBOB)
