"""Whether what a task returned for a job is an evaluation of it."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hpobench.records import Constraint, Evaluation, Job

_SERIES = ("resources", "seconds", "values")
_BESIDE = ("true_values", "test_values", "train_values")


def faults(found: Any, job: Job, bounds: Sequence[Constraint]) -> Iterator[str]:
    """What is wrong with it, a sentence each; the first is the one to mend first."""
    if not isinstance(found, Evaluation):
        yield (
            f"evaluate() returned {found!r:.80}, of type {type(found).__name__}: it must return an "
            "hpobench.Evaluation"
        )
        return
    if found.error is not None:
        return
    wrong = [*_arrays(found, job, bounds)]
    yield from wrong
    if not wrong:
        yield from _resources(found, job)
        yield from _times(found)


def failure(found: Evaluation, job: Job) -> str:
    """Why a well-formed evaluation has failed, "" if it has not; or that it takes no time."""
    if found.error is not None:
        return f"the evaluation of {job.config} failed: {found.error}"
    if not np.isfinite(found.values).all():
        return (
            f"the value {found.values[~np.isfinite(found.values)][0]} at {job.config} is not "
            "finite: values are finite floats; say what failed by raising"
        )
    if not found.duration_s:
        return "a job takes 0 s: a clock that stands still compares nothing: state what it costs"
    return ""


def _arrays(found: Evaluation, job: Job, bounds: Sequence[Constraint]) -> Iterator[str]:
    metrics = {bound.metric for bound in bounds}
    if set(found.constraints) != metrics:
        yield (
            f"the evaluation has slacks of {sorted(found.constraints) or 'no metric'}, the task "
            f"constrains {sorted(metrics) or 'none'}: return one array for each of them"
        )
    arrays = {name: getattr(found, name) for name in _SERIES}
    arrays |= {name: array for name in _BESIDE if (array := getattr(found, name)) is not None}
    arrays |= {f"constraints[{name!r}]": array for name, array in found.constraints.items()}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype != float or array.ndim != 1:
            what = getattr(array, "dtype", type(array).__name__)
            yield f"{name} is {array!r:.60} ({what}): it must be a numpy array (k,) of floats"
            return
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        words = ", ".join(f"{name} {length}" for name, length in lengths.items())
        yield f"its arrays have different lengths ({words}): one entry for each resource"
    elif not lengths["values"]:
        yield f"it reports nothing for a job from {job.from_resource:g} to {job.to_resource:g}"


def _resources(found: Evaluation, job: Job) -> Iterator[str]:
    resources, start, end = found.resources, job.from_resource, job.to_resource
    if (np.diff(resources) <= 0).any():
        yield f"resources {resources.tolist()} do not rise: report each once, in order"
    elif resources[0] <= start:
        yield (
            f"from_resource is not honoured: a job from {start:g} to {end:g} reported resource "
            f"{resources[0]:g} again: report only what is behind from_resource"
        )
    elif resources[-1] != end:
        yield (
            f"a job to {end:g} reported {resources[-1]:g} last: report the value at to_resource, "
            "and none behind it"
        )


def _times(found: Evaluation) -> Iterator[str]:
    seconds, duration = found.seconds, found.duration_s
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        yield f"duration_s is {duration!r}, of type {type(duration).__name__}: it is a float"
    elif not 0 <= duration < math.inf:
        yield f"duration_s is {duration}: it is the length of the job in seconds, 0 or more"
    elif not np.isfinite(seconds).all() or (seconds < 0).any():
        yield f"seconds {seconds.tolist()} cannot be: they count from the beginning of the job"
    elif (np.diff(seconds) < 0).any():
        yield f"seconds {seconds.tolist()} fall: they count from the beginning of the job, and rise"
    elif seconds[-1] > duration * (1 + 1e-9):
        yield (
            f"the last value is known after {seconds[-1]:g} s, and the job ends after "
            f"{duration:g} s: duration_s is the length of the whole job"
        )
