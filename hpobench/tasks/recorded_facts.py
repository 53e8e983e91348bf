"""What a recorded table states of the task it was recorded from, beside its columns.

It is JSON in the schema metadata of the Parquet file: plain values, of which nothing is called.

Of the columns only `validation_error` and the hyperparameters are needed. Without
    config, repetition     rows of equal hyperparameters are repetitions of one configuration
    resource               all have the resource 1
    training_s             the cost is not known: the clock counts evaluations
    evaluation_s           it took no time of its own
    test_error             there are no test values
    training_error         there are no training values
A hyperparameter called like a column of these has a column `param.NAME`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hpobench.arrays import FloatArray
from hpobench.records import Fidelity, Metric

METADATA = b"hpobench"
KEYS = ("config", "repetition", "resource")
SERIES = (
    *("validation_error", "test_error", "training_error"),
    *("validation_loss", "test_loss", "training_loss", "training_s", "evaluation_s"),
)
# What a table that states nothing is taken to hold beside its series.
METRICS = ("parameters", "memory_bytes", "latency_s")


@dataclass(frozen=True)
class Facts:
    """What a table states of the task it was recorded from. `metrics`: what may be constrained."""

    space: Mapping[str, Any]
    metric: Metric = Metric("accuracy", "validation error", goal="maximize")  # noqa: RUF009
    fidelity: str = "epochs"
    comparable: bool = True
    metrics: tuple[str, ...] = METRICS

    def to_json(self) -> bytes:
        """As stored in the metadata."""
        return json.dumps(asdict(self)).encode()

    def fidelity_of(self, levels: FloatArray) -> Fidelity:
        """From the first level recorded to the last."""
        first, last = levels[[0, -1]].tolist()
        integer = bool((levels % 1 == 0).all())
        fidelity = Fidelity(self.fidelity, first, last, integer, self.comparable)
        return fidelity.only_at(levels.tolist())

    @classmethod
    def from_json(cls, text: bytes) -> "Facts":
        """From the metadata."""
        stated = json.loads(text)
        return cls(
            **stated | {"metric": Metric(**stated["metric"]), "metrics": tuple(stated["metrics"])}
        )
