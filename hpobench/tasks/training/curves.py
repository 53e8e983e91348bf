"""The record of a training, with more in it than an evaluation shows; for those who record it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from hpobench.arrays import FloatArray


class Curves(NamedTuple):
    """Arrays (k,) over the epochs trained; times in seconds since the job began, rising.

    Errors (1 - the metric) and cross-entropies (nats) are means over examples. After a divergence
    the last entries of these are NaN, and `error` says what happened. `metrics`: what may be
    constrained: `parameters`, `memory_bytes` (of weights and buffers), `latency_s` (the median
    time to predict one example).
    """

    epochs: FloatArray
    training_s: FloatArray
    evaluation_s: FloatArray
    validation_error: FloatArray
    test_error: FloatArray
    validation_loss: FloatArray
    test_loss: FloatArray
    training_loss: FloatArray
    duration_s: float
    metrics: Mapping[str, float]
    checkpoint: Any
    error: str | None
