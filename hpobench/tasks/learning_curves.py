r"""Synthetic learning curves with one knob: how far early values mislead about final ones.

Notation: x a configuration at u in the unit cube, r epochs, e the error after endless training,
s = (1 - e) / (1 - e*) the skill relative to the best configuration, 0 < s <= 1.

    e(x)    = e* + (e_max - e*) (1 - exp(-sum_i ((u_i - u*_i) / w_i)^2))
    y(x, r) = e + (1 - e) exp(-r / tau),     tau(x) = T s^k,  T = r_max / 3,  k = 2 crossing

What is gained over chance is D(s) = s (1 - exp(-a)) with a = r / (T s^k), in units of 1 - e*.
Its derivative is dD/ds = 1 - exp(-a) (1 + k a), positive exactly where exp(a) > 1 + k a.

- k = 0: always. The order of configurations is the same at every r (rank-stable).
- k = 1: always, but D tends to r / T as r falls, whatever s: early values tell little.
- k = 2: only where a > a_2 = 1.2564. At r_max, a >= 3 for every s <= 1, so the order there is that
  of e, and y is least at x*: the optimum is exactly y(x*, r_max). But for r < a_2 T s_min^2, that
  is up to r_max / 6 with the constants below, the order of *all* configurations is reversed: the
  good ones learn slowly, and whoever stops those that lag stops the best. The negative control.

The same argument holds for any k with exp(3) > 1 + 3 k, so for every crossing in [0, 1].
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.loop.randomness import mix
from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
from hpobench.space.hyperparameters import Float, Integer
from hpobench.space.space import Configuration, Space
from hpobench.tasks.noise import counters, normal, normals, stable_hash

ERROR_MIN, ERROR_MAX = 0.05, 0.40
TIME_CONSTANTS = 3.0  # r_max / T
BEST: Configuration = {
    "learning_rate": 0.01,
    "width": 160,
    "dropout": 0.2,
    "weight_decay": 1e-5,
}
WIDTHS_OF_BOWL = (0.35, 0.7, 0.9, 0.8)
_SAMPLE, _SAMPLE_SEED = 4096, 20240229


def space() -> Space:
    """The search space, the same whatever the settings."""
    return Space(
        {
            "learning_rate": Float(1e-5, 1.0, log=True),
            "width": Integer(16, 512, log=True),
            "dropout": Float(0.0, 0.8),
            "weight_decay": Float(1e-8, 1e-1, log=True),
        }
    )


class _Curve(NamedTuple):
    """Observed and true values (r_max,) of one configuration under one seed."""

    values: FloatArray
    true_values: FloatArray
    epoch_s: float


class LearningCurves:
    """Validation error against epochs, in closed form; see the head of the module.

    `crossing` in [0, 1]: 0, ranks are stable; 1, the early order is the reverse of the final one.
    `noise`: standard deviation of the Gaussian noise on each value, a fixed function of
    (configuration, epoch, seed). `cost_s`: seconds per epoch, on average over the space;
    `cost_spread`: logarithm of the factor by which the widest network costs more than the
    geometric middle, and the narrowest less. `cost_tail`: standard deviation of the logarithm of a
    factor of mean 1 by which an epoch of a configuration costs more or less, a fixed function of
    (configuration, seed): stragglers, that no hyperparameter tells of. `epochs`: r_max.
    """

    reproducible = True

    def __init__(
        self,
        crossing: float = 0.0,
        *,
        noise: float = 0.005,
        cost_s: float = 1.0,
        cost_spread: float = 1.0,
        cost_tail: float = 0.0,
        epochs: int = 81,
        can_checkpoint: bool = True,
    ) -> None:
        _check(crossing, noise, cost_s, cost_spread, cost_tail)
        self.space = space()
        self.fidelity = Fidelity("epochs", 1, epochs)
        self.metric = Metric("error", "validation error")
        self.constraints: tuple[Constraint, ...] = ()
        self.can_checkpoint = can_checkpoint
        self._exponent = 2.0 * crossing
        self._noise = noise
        self._spread, self._tail = cost_spread, cost_tail
        # The mean of exp(spread (2u - 1)) over u in [0, 1] is sinh(spread) / spread.
        self._cost_s = cost_s / (math.sinh(cost_spread) / cost_spread if cost_spread else 1.0)
        self._epochs = np.arange(1.0, epochs + 1)
        self._epochs.setflags(write=False)
        self._counters = counters(np.arange(1, epochs + 1))
        self._best = self.space.to_unit([BEST])[0].tolist()
        self.optimum: float | None = float(self.curve(ERROR_MIN, epochs))
        self.median: float | None = self._sample_median()

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        """The curve from `from_resource` to `to_resource`. A checkpoint is the whole curve.

        Curves inherit nothing: a job that goes on from another trial is on its own curve.
        """
        first, last = int(job.from_resource), int(job.to_resource)
        if not 0 <= first < last <= len(self._epochs):
            raise ValueError(
                f"a job from {job.from_resource} to {job.to_resource} epochs: this task trains "
                f"from 0 to {len(self._epochs)} epochs, one or more at a time"
            )
        inherited = checkpoint is None or job.source is not None
        # From a file it comes back as a list.
        whole = self._whole(job.config, seed) if inherited else _Curve(*checkpoint)
        base = first if checkpoint is not None else 0
        seconds = self._epochs[first - base : last - base] * whole.epoch_s
        return Evaluation(
            resources=self._epochs[first:last],
            seconds=seconds,
            values=whole.values[first:last],
            duration_s=(last - base) * whole.epoch_s,
            true_values=whole.true_values[first:last],
            checkpoint=whole,
        )

    def _whole(self, config: Configuration, seed: int) -> "_Curve":
        """All epochs of a configuration, of which a job takes a part."""
        unit = self.space.to_unit([config])[0].tolist()
        true = self.curve(self.final_errors(unit), self._epochs)
        values, epoch_s = true, self._seconds_per_epoch(unit[1])
        if self._noise or self._tail:
            key = mix(seed, stable_hash(self.space.key(config)))
            values = true + self._noise * normals(key, self._counters)
            if self._tail:  # exp(t z - t^2 / 2), of mean 1; the number 0 is that of no epoch
                epoch_s *= math.exp(self._tail * (normal(key, 0) - self._tail / 2))
        return _Curve(values, true, epoch_s)

    def curve(self, error: float | FloatArray, epochs: float | FloatArray) -> FloatArray:
        """Noise-free y for final errors e and numbers of epochs, of shapes that broadcast."""
        skill = (1.0 - error) / (1.0 - ERROR_MIN)
        decay = self.fidelity.r_max / TIME_CONSTANTS * skill**self._exponent
        curve: FloatArray = error + (1.0 - error) * np.exp(-epochs / decay)
        return curve

    def final_errors(self, unit: Iterable[float] | FloatArray) -> FloatArray:
        """The error e after endless training: of one position (4,), or of many (4, n)."""
        distance: Any = 0.0
        for here, best, width in zip(unit, self._best, WIDTHS_OF_BOWL, strict=True):
            distance += ((here - best) / width) ** 2
        error: FloatArray = ERROR_MIN + (ERROR_MAX - ERROR_MIN) * -np.expm1(-distance)
        return error

    def _seconds_per_epoch(self, unit_of_width: float) -> float:
        return self._cost_s * math.exp(self._spread * (2.0 * unit_of_width - 1.0))

    def _sample_median(self) -> float:
        """Median of y at r_max over a fixed sample; exact to about 1 % in rank."""
        rng = np.random.default_rng(_SAMPLE_SEED)
        unit = self.space.to_unit(self.space.sample(rng, _SAMPLE))
        return float(np.median(self.curve(self.final_errors(unit.T), self.fidelity.r_max)))


def _check(
    crossing: float, noise: float, cost_s: float, cost_spread: float, cost_tail: float
) -> None:
    if not 0 <= crossing <= 1:
        raise ValueError(
            f"crossing={crossing} must lie in [0, 1]: beyond it the optimum is unknown"
        )
    least = all(0 <= value < math.inf for value in (noise, cost_spread, cost_tail))
    if not (least and 0 < cost_s < math.inf):
        raise ValueError(
            f"noise={noise}, cost_spread={cost_spread} and cost_tail={cost_tail} must be at least "
            f"0, cost_s={cost_s} above"
        )
