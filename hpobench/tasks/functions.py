"""Tasks made from a Python function: the closed-form test functions, and your own.

A task of one's own is one function, called with the hyperparameters by name, and one YAML:

    # my_package/training.py
    def error(learning_rate: float, units: int, activation: str) -> float: ...

It returns a number, or a dict with more (`hpobench.tasks.calling`). What trains step by step is a
`TrainingLoop` (`hpobench.tasks.loops`).

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
    fidelity: {name: epochs, r_min: 1, r_max: 27}  # of a function with a parameter `resource`
"""

import math
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from hpobench import progress
from hpobench.arrays import FloatArray
from hpobench.loop import failures
from hpobench.loop.randomness import mix
from hpobench.records import (
    Evaluation,
    EvaluationError,
    Fidelity,
    Job,
    Metric,
    stored_label,
)
from hpobench.space.hyperparameters import Float
from hpobench.space.space import Space
from hpobench.tasks import calling, formulas
from hpobench.tasks.calling import LARGEST_SEED, NONE, SEEDED, UNKNOWN, Function, Measured
from hpobench.tasks.noise import normal, stable_hash

_SAMPLE, _SAMPLE_SEED = 4096, 20240229
RESOURCE = "resource"
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

    `fidelity` is that of a function with a parameter `resource`, which is how much training it is
    asked for: `{name: epochs, r_min: 1, r_max: 27}`, with `comparable: false` if values at
    different resources do not compare (subsets, folds). Each call begins anew: nothing is resumed,
    and a trial that goes on is charged from zero. `constraints`: bounds on what the function
    returns by these names, `{latency_s: 0.02}` or `{latency_s: {lower: 0.01}}`.

    `cost_s`: seconds an evaluation at the highest resource takes on average, less resource costing
    as much less; None: the seconds that the call really took,
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
        fidelity: Mapping[str, Any] | None = None,
        constraints: Mapping[str, Any] | None = None,
    ) -> None:
        finite = 0 <= cost_spread < math.inf
        if not finite or (cost_s is not None and not 0 < cost_s < math.inf):
            raise ValueError(
                f"cost_spread={cost_spread} must be at least 0, and cost_s={cost_s} above 0 (or "
                "null: measured)"
            )
        self.space = space if isinstance(space, Space) else Space(space)
        self.fidelity = Fidelity() if fidelity is None else calling.stated_fidelity(fidelity)
        stored = stored_label(label, goal, ceiling)
        self.metric = Metric("value", stored, goal=goal, ceiling=ceiling, unit=unit)
        self.constraints = calling.stated_bounds(constraints)
        self.can_checkpoint = False
        self._function = calling.resolve(function)
        calling.check_returns(self._function)
        self.noise, self._noise = calling.stated_noise(noise, self._function, self.space.names)
        self._takes_resource = fidelity is not None
        self._check_resource()
        named = ["seed"] * (self.noise == SEEDED) + [RESOURCE] * self._takes_resource
        calling.check_call(self._function, [*self.space.names, *named])
        self._cost_s, self._cost_spread = cost_s, cost_spread
        self.reproducible = self.noise != UNKNOWN and cost_s is not None
        self._is_checked = False
        minimised = self.metric.to_minimised
        self.optimum: float | None = None if optimum is None else minimised(float(optimum))
        self.median: float | None = None if median is None else minimised(float(median))

    def _check_resource(self) -> None:
        """Raise ValueError unless function and settings agree on whether there is a fidelity."""
        named = RESOURCE in self.space
        if self._takes_resource == (not named and calling.takes(self._function, RESOURCE)):
            return
        if not self._takes_resource:
            raise ValueError(
                "the function has a parameter `resource`, and the task states no fidelity: add "
                "fidelity: {name: epochs, r_min: 1, r_max: 27}, or give the parameter another name"
            )
        if named:
            raise ValueError(
                "a fidelity is stated, and a hyperparameter is called resource: call it otherwise"
            )
        raise ValueError(
            f"fidelity {self.fidelity.name!r} is stated, but the function has no parameter "
            "`resource` that says how much training is asked for: add it, or state no fidelity"
        )

    def prepare(self) -> None:
        """Raise ValueError if the function is said to repeat and does not."""
        if self._is_checked or self.noise in (SEEDED, UNKNOWN):
            return
        config = self.space.default()
        try:
            once, again = (
                self._measured(self._function(**config, **self._asked(self.fidelity.r_min))).value
                for _ in range(2)
            )
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

    def _measured(self, returned: Any) -> Measured:
        return calling.measured(returned, self.constraints)

    def _asked(self, resource: float) -> dict[str, float]:
        """The resource, if the function is to be told; whole numbers as such."""
        if not self._takes_resource:
            return {}
        return {RESOURCE: int(resource) if self.fidelity.integer else resource}

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:  # noqa: ARG002
        """Call the function; there is nothing to resume."""
        began = time.perf_counter()
        # In the order of the space, for functions that take a vector as **x.
        point = self.space.key(job.config)
        config = dict(zip(self.space.names, point, strict=True))
        seeded = self.noise == SEEDED
        key = stable_hash(point) if self._noise or self._cost_spread or seeded else 0
        if seeded:
            config["seed"] = mix(seed, key) % LARGEST_SEED
        asked = job.to_resource
        try:
            found = self._measured(self._called(config, asked))
            reached = self._reached(found, job)
        except BaseException as failure:
            failures.contain(failure)
            took = self._charged_s(key, time.perf_counter() - began, asked)
            raise EvaluationError(failures.in_words(failure), took) from failure
        took = self._charged_s(key, time.perf_counter() - began, asked)
        return self._evaluation(found, reached, mix(seed, key), took)

    def _called(self, config: Mapping[str, Any], resource: float) -> Any:
        """What the function returns; raises EvaluationError if it reports as well."""
        said: list[progress.Report] = []
        with progress.heard_by(said.append):
            returned = self._function(**config, **self._asked(resource))
        if said:
            raise EvaluationError(
                f"the function called report({said[0].resource!r}, {said[0].value!r}), which is "
                "lost: of a FunctionTask counts what it returns. Make it a training loop "
                "(_target_: hpobench.tasks.loops.TrainingLoop, with loop: and epochs:), or leave "
                "the call out"
            )
        return returned

    def _reached(self, found: Measured, job: Job) -> FloatArray:
        """The resource of the value (1,): what was asked for, or what the function says."""
        if math.isnan(found.resource) or found.resource == job.to_resource:
            return _RESOURCES if job.to_resource == 1 else np.array([float(job.to_resource)])
        if not job.from_resource < found.resource <= job.to_resource:
            raise EvaluationError(
                f"the function returned resource={found.resource:g}, and was asked for more than "
                f"{job.from_resource:g} and at most {job.to_resource:g}"
            )
        return np.array([found.resource])

    def _evaluation(
        self, found: Measured, reached: FloatArray, key: int, took_s: float
    ) -> Evaluation:
        seconds = took_s if math.isnan(found.cost_s) else found.cost_s
        minimised = self.metric.to_minimised
        value, true = minimised(found.value), minimised(found.true)
        error = self._noise * normal(key, 0) if self._noise else 0.0
        if math.isnan(true) and self.noise not in (SEEDED, UNKNOWN):
            true = value
        return Evaluation(
            resources=reached,
            seconds=np.array([seconds]),
            values=np.array([value + error]),
            duration_s=seconds,
            true_values=_known(true),
            test_values=_known(minimised(found.test)),
            constraints={
                bound.metric: np.array([bound.slack(found.metrics[bound.metric])])
                for bound in self.constraints
            },
            train_values=_known(minimised(found.train)),
        )

    def charged_s(self, job: Job, took_s: float) -> float:
        """The seconds that a job is charged that really took some, whatever came of it."""
        return self._charged_s(stable_hash(self.space.key(job.config)), took_s, job.to_resource)

    def _charged_s(self, key: int, took_s: float, resource: float) -> float:
        if self._cost_s is None:
            return took_s
        share = resource / self.fidelity.r_max
        return self._cost_s * share * self._cost_factor(key)

    def _cost_factor(self, key: int) -> float:
        """Log-normal with mean 1."""
        spread = self._cost_spread
        return math.exp(spread * normal(key, 0) - spread * spread / 2) if spread else 1.0


def _known(value: float) -> FloatArray | None:
    """The value (1,), if it was measured."""
    return None if math.isnan(value) else np.array([value])


def branin(**settings: Any) -> FunctionTask:
    """Branin's function of 2 variables; `settings` (noise, cost_s, ...) as in `FunctionTask`."""
    bounds = {"x1": Float(-5.0, 10.0), "x2": Float(0.0, 15.0)}
    return _closed_form(formulas.branin, bounds, formulas.BRANIN_OPTIMUM, settings)


def hartmann6(**settings: Any) -> FunctionTask:
    """Hartmann's function of 6 variables; `settings` as in `FunctionTask`."""
    return _closed_form(formulas.hartmann6, _box(6, 0.0, 1.0), formulas.HARTMANN6_OPTIMUM, settings)


def ackley(dimension: int = 5, **settings: Any) -> FunctionTask:
    """Ackley's function in `dimension` variables; `settings` as in `FunctionTask`."""
    # Not centred: in a symmetric box the middle, where many methods begin, would be the optimum.
    return _closed_form(formulas.ackley, _box(dimension, -16.384, 32.768), 0.0, settings)


def rosenbrock(dimension: int = 5, **settings: Any) -> FunctionTask:
    """Rosenbrock's function in `dimension` >= 2 variables; `settings` as in `FunctionTask`."""
    if dimension < 2:
        raise ValueError(f"dimension={dimension}: Rosenbrock's function needs at least 2")
    return _closed_form(formulas.rosenbrock, _box(dimension, -5.0, 10.0), 0.0, settings)


def _box(dimension: int, low: float, high: float) -> dict[str, Float]:
    return {f"x{number}": Float(low, high) for number in range(1, dimension + 1)}


def _closed_form(
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
