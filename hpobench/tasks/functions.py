"""Tasks made from a Python function: the closed-form test functions, and your own.

A task of one's own is one function, called with the hyperparameters by name, and one YAML:

    # my_package/training.py
    def error(learning_rate: float, units: int, activation: str) -> float: ...

    # conf/task/mine.yaml
    about:
      label: mine
      summary: what it is, in a line
    budget:
      time_s: 200
    _target_: hpobench.tasks.functions.FunctionTask
    function: my_package.training.error
    space:
      learning_rate: {type: float, low: 1.0e-4, high: 1, log: true, default: 0.01}
      units: {type: integer, low: 16, high: 512, log: true}
      activation: {type: categorical, values: [relu, tanh]}
      dropout:                       # or a frozen SciPy distribution
        _target_: scipy.stats.uniform
        loc: 0
        scale: 0.5
    cost_s: 1.0
    noise: none                      # the same configuration has the same value: it is checked
"""

import inspect
import math
import reprlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from hpobench.loop import failures
from hpobench.loop.randomness import mix
from hpobench.records import (
    Constraint,
    Evaluation,
    EvaluationError,
    Fidelity,
    Job,
    Metric,
    stored_label,
)
from hpobench.space.hyperparameters import Float
from hpobench.space.space import Space
from hpobench.system.dotted import locate
from hpobench.tasks import formulas
from hpobench.tasks.noise import normal, stable_hash

Function = Callable[..., float]

_SAMPLE, _SAMPLE_SEED = 4096, 20240229
_LARGEST_SEED = 2**31
NONE, ADDED, SEEDED, UNKNOWN = "none", "added", "seeded", "unknown"
_RESOURCES = np.ones(1)
_RESOURCES.setflags(write=False)


class FunctionTask:
    """A function of the hyperparameters, with noise and costs if wanted.

    `function` is called by keyword, or is the dotted path of such a function; its value is read in
    the user's direction, which `goal` gives ("minimize", or "maximize" up to `ceiling`), as are
    `optimum` and `median`, None if unknown. `label` names what the function returns: "accuracy",
    maximised, is shown as "1 - accuracy" (other labels: `records.stored_label`).

    `noise` says what is known of a function's value at a configuration: "none", it is always the
    same; a number, it is, and Gaussian noise of this standard deviation is added, a fixed function
    of (configuration, seed); "seeded", it is a function of the configuration and of the parameter
    `seed`, a number below 2^31 that differs from configuration to configuration; "unknown". The
    default is "seeded" for a function that has a parameter `seed`, not a hyperparameter, else
    "unknown". Only "none" and a number have true values, and are checked once a process by calling
    the function twice with the default configuration.

    `cost_s`: seconds an evaluation takes on average; None: the seconds that the call really took,
    which is the one setting that is not reproducible. `cost_spread`: standard deviation of the
    logarithm of the cost over configurations: log-normal, the mean stays `cost_s`, and above 1 it
    is heavy-tailed. The cost is a fixed function of the configuration.
    """

    def __init__(
        self,
        function: Function | str,
        space: Mapping[str, Any],
        *,
        noise: float | str | None = None,
        cost_s: float | None = 1.0,
        cost_spread: float = 0.0,
        optimum: float | None = None,
        median: float | None = None,
        label: str = "value",
        goal: str = "minimize",
        ceiling: float = 1.0,
        unit: str = "",
    ) -> None:
        finite = 0 <= cost_spread < math.inf
        if not finite or (cost_s is not None and not 0 < cost_s < math.inf):
            raise ValueError(
                f"cost_spread={cost_spread} must be at least 0, and cost_s={cost_s} above 0 (or "
                "null: measured)"
            )
        self.space = space if isinstance(space, Space) else Space(space)
        self.fidelity = Fidelity()
        stored = stored_label(label, goal, ceiling)
        self.metric = Metric("value", stored, goal=goal, ceiling=ceiling, unit=unit)
        self.constraints: tuple[Constraint, ...] = ()
        self.can_checkpoint = False
        self._function = _resolve(function)
        self.noise, self._noise = _stated_noise(noise, self._function, self.space.names)
        named = ["seed"] if self.noise == SEEDED else []
        _check_call(self._function, [*self.space.names, *named])
        self._cost_s, self._cost_spread = cost_s, cost_spread
        self.reproducible = self.noise != UNKNOWN and cost_s is not None
        self._is_checked = False
        minimised = self.metric.to_minimised
        self.optimum: float | None = None if optimum is None else minimised(float(optimum))
        self.median: float | None = None if median is None else minimised(float(median))

    def prepare(self) -> None:
        """Raise ValueError if the function is said to repeat and does not."""
        if self._is_checked or self.noise in (SEEDED, UNKNOWN):
            return
        config = self.space.default()
        try:
            once, again = (_number(self._function(**config)) for _ in range(2))
        except BaseException as failure:  # trials will say so
            failures.contain(failure)
            return
        if once != again:
            stated = self._noise or NONE
            raise ValueError(
                f"noise: {stated} says that the function repeats, but at {config} it returned "
                f"{once!r} and then {again!r}: state noise: unknown, or give the function a "
                "parameter `seed` and state noise: seeded"
            )
        self._is_checked = True

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:  # noqa: ARG002
        """Call the function; there is nothing to resume."""
        began = time.perf_counter()
        # In the order of the space, for functions that take a vector as **x.
        point = self.space.key(job.config)
        config = dict(zip(self.space.names, point, strict=True))
        seeded = self.noise == SEEDED
        key = stable_hash(point) if self._noise or self._cost_spread or seeded else 0
        if seeded:
            config["seed"] = mix(seed, key) % _LARGEST_SEED
        try:
            value = self.metric.to_minimised(_number(self._function(**config)))
        except BaseException as failure:
            failures.contain(failure)
            took = self._charged_s(key, time.perf_counter() - began)
            raise EvaluationError(failures.in_words(failure), took) from failure
        seconds = self._charged_s(key, time.perf_counter() - began)
        error = self._noise * normal(mix(seed, key), 0) if self._noise else 0.0
        return Evaluation(
            resources=_RESOURCES,
            seconds=np.array([seconds]),
            values=np.array([value + error]),
            duration_s=seconds,
            true_values=None if self.noise in (SEEDED, UNKNOWN) else np.array([value]),
        )

    def charged_s(self, job: Job, took_s: float) -> float:
        """The seconds that a job is charged that really took some, whatever came of it."""
        return self._charged_s(stable_hash(self.space.key(job.config)), took_s)

    def _charged_s(self, key: int, took_s: float) -> float:
        return took_s if self._cost_s is None else self._cost_s * self._cost_factor(key)

    def _cost_factor(self, key: int) -> float:
        """Log-normal with mean 1."""
        spread = self._cost_spread
        return math.exp(spread * normal(key, 0) - spread * spread / 2) if spread else 1.0


def _stated_noise(
    stated: float | str | None, function: Function, names: Sequence[str]
) -> tuple[str, float]:
    """What is known of a function's noise, and the standard deviation of what is added to it."""
    if stated is None:
        return (SEEDED if "seed" not in names and _takes_seed(function) else UNKNOWN), 0.0
    if stated in (NONE, SEEDED, UNKNOWN):
        return str(stated), 0.0
    if isinstance(stated, bool | str) or not 0 <= stated < math.inf:
        raise ValueError(
            f"noise={stated}: use none, seeded or unknown, or the standard deviation, at least 0, "
            "of noise that is to be added"
        )
    return (ADDED if stated else NONE), float(stated)


def _takes_seed(function: Function) -> bool:
    try:
        return "seed" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions in C have none
        return False


def _number(returned: Any) -> float:
    """What a function returned as a finite number; raises EvaluationError if it is none.

    Numbers of any kind will do: of NumPy, torch or `decimal`, and arrays of one element.
    """
    if type(returned) is float and math.isfinite(returned):
        return returned
    item = getattr(returned, "item", None)
    try:
        plain = item() if callable(item) else returned
        number = math.nan if isinstance(plain, str | bytes) else float(plain)
    except Exception:
        number = math.nan
    if math.isfinite(number):
        return number
    what = reprlib.repr(returned)
    if returned is not None and not isinstance(returned, float):
        what = f"{what}, which is of type {type(returned).__name__}"
    raise EvaluationError(f"the function returned {what}: it must return one finite number")


def _resolve(function: Function | str) -> Function:
    if not isinstance(function, str):
        return function
    resolved = locate(function)
    if not callable(resolved):
        raise ValueError(f"function={function!r} is {resolved!r}, which cannot be called")
    made: Function = resolved
    return made


def _check_call(function: Function, names: Sequence[str]) -> None:
    """Raise ValueError if a function cannot be called with the names of the space."""
    try:
        # Not of what a decorator wraps: it may add arguments of its own.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # some functions in C have none
        return
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        name = getattr(function, "__qualname__", repr(function))
        raise ValueError(
            f"{name}{signature} cannot be called with the hyperparameters of the space "
            f"({', '.join(names)}): {error}"
        ) from None


def branin(**settings: Any) -> FunctionTask:
    """Branin's function of 2 variables; `settings` (noise, cost_s, ...) as in `FunctionTask`."""
    bounds = {"x1": Float(-5.0, 10.0), "x2": Float(0.0, 15.0)}
    return _known(formulas.branin, bounds, formulas.BRANIN_OPTIMUM, settings)


def hartmann6(**settings: Any) -> FunctionTask:
    """Hartmann's function of 6 variables; `settings` as in `FunctionTask`."""
    return _known(formulas.hartmann6, _box(6, 0.0, 1.0), formulas.HARTMANN6_OPTIMUM, settings)


def ackley(dimension: int = 5, **settings: Any) -> FunctionTask:
    """Ackley's function in `dimension` variables; `settings` as in `FunctionTask`."""
    # Not centred: in a symmetric box the middle, where many methods begin, would be the optimum.
    return _known(formulas.ackley, _box(dimension, -16.384, 32.768), 0.0, settings)


def rosenbrock(dimension: int = 5, **settings: Any) -> FunctionTask:
    """Rosenbrock's function in `dimension` >= 2 variables; `settings` as in `FunctionTask`."""
    if dimension < 2:
        raise ValueError(f"dimension={dimension}: Rosenbrock's function needs at least 2")
    return _known(formulas.rosenbrock, _box(dimension, -5.0, 10.0), 0.0, settings)


def _box(dimension: int, low: float, high: float) -> dict[str, Float]:
    return {f"x{number}": Float(low, high) for number in range(1, dimension + 1)}


def _known(
    function: Function, bounds: Mapping[str, Float], optimum: float, settings: Mapping[str, Any]
) -> FunctionTask:
    median = _median(function, tuple(bounds.items()))
    known = {"noise": NONE, "optimum": optimum, "median": median}
    return FunctionTask(function, bounds, **{**known, **settings})


@cache
def _median(function: Function, bounds: tuple[tuple[str, Float], ...]) -> float:
    """Median over a fixed sample of configurations; exact to about 1 % in rank."""
    rng = np.random.default_rng(_SAMPLE_SEED)
    configs = Space(dict(bounds)).sample(rng, _SAMPLE)
    return float(np.median([function(**config) for config in configs]))
