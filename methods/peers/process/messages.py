"""The messages of the protocol, version 1 (docs/protocol.md): made, read and checked.

A message is one JSON object on one line. JSON has no infinity: null stands for what is not finite.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Space

PROTOCOL = 1
_SHOWN_CHARACTERS = 200


class Wish(NamedTuple):
    """What a peer wants trained, in its own numbers; None: left out."""

    trial: int
    config: dict[str, Any] | None
    resource: float | None


def encode(message: Mapping[str, Any]) -> bytes:
    """One line."""
    return json.dumps(message, default=_plain, allow_nan=False).encode() + b"\n"


def _plain(value: Any) -> Any:
    """NumPy's numbers, and mappings and lists of other libraries, as JSON knows them."""
    if hasattr(value, "item"):
        return value.item()
    return dict(value) if isinstance(value, Mapping) else list(value)


ASK = encode({"message": "ask"})
BYE = encode({"message": "bye"})


def hello(
    space: Space, fidelity: Fidelity, seed: int, workers: int, settings: Mapping[str, Any]
) -> bytes:
    """What a peer is told of its task."""
    names = ("name", "r_min", "r_max", "integer")
    return encode(
        {
            "message": "hello",
            "protocol": PROTOCOL,
            "space": space.specification(),
            "fidelity": {name: getattr(fidelity, name) for name in names},
            "seed": seed,
            "workers": workers,
            "settings": settings,
        }
    )


def tell(trial: int | None, job: Job, evaluation: Evaluation, with_config: bool) -> bytes:
    """What came of a job of the peer's `trial`; None: a trial that is not the peer's."""
    columns = evaluation.resources, evaluation.values, evaluation.seconds
    curve = [
        [resource, _finite(value), seconds]
        for resource, value, seconds in zip(*(column.tolist() for column in columns), strict=True)
    ]
    slacks = evaluation.constraints.items()
    message = {
        "message": "tell",
        "trial": trial,
        "resource": job.to_resource,
        "value": _finite(evaluation.value),
        "seconds": evaluation.duration_s,
        "curve": curve,
        "constraints": {name: _finite(slack[-1]) for name, slack in slacks if len(slack)},
        "error": evaluation.error,
    }
    return encode(message | {"config": job.config} if with_config else message)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def decode(line: bytes) -> dict[str, Any]:
    """The object on a line; raises ValueError saying what it is instead."""
    try:
        message = json.loads(line.decode(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:  # of UTF-8 and of JSON
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise ValueError("it is not an object")
    if not isinstance(message.get("message"), str):
        raise ValueError('it has no text "message"')
    return message


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON, use null")


def wish(message: Mapping[str, Any]) -> Wish:
    """The fields of `job`; raises ValueError naming the one that is wrong."""
    trial, config, resource = (message.get(name) for name in ("trial", "config", "resource"))
    if not isinstance(trial, int) or isinstance(trial, bool) or trial < 0:
        raise ValueError(f"trial={shown(trial)}: use a whole number of at least 0")
    if config is not None and not isinstance(config, dict):
        raise ValueError(f"config={shown(config)}: use an object of names and values")
    if resource is not None and not is_number(resource):
        raise ValueError(f"resource={shown(resource)}: use a number, or leave it out")
    return Wish(trial, config, resource)


def cpu_s(message: Mapping[str, Any]) -> float:
    """The CPU seconds that a decision took in the peer, 0 if it does not say."""
    seconds = message.get("cpu_s")
    if seconds is None:
        return 0.0
    if not is_number(seconds) or seconds < 0:
        raise ValueError(f"cpu_s={shown(seconds)}: use seconds of at least 0, or leave it out")
    return float(seconds)


def text(message: Mapping[str, Any], name: str) -> str:
    """A field that must be a text."""
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}={shown(value)}: use a text")
    return value


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a finite number: 1e999 is JSON as well, and infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def shown(value: Any) -> str:
    """A value of JSON, or a line, cut to what can be read."""
    written = value.decode(errors="replace") if isinstance(value, bytes) else json.dumps(value)
    return written if len(written) <= _SHOWN_CHARACTERS else written[:_SHOWN_CHARACTERS] + "..."
