"""Evaluating a job safely: failures become observations, and what cannot be is refused."""

import math
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.contracts import Task
from hpobench.loop import failures
from hpobench.records import LARGEST, Evaluation, EvaluationError, Job, too_large


def evaluate(task: Task, job: Job, seed: int, checkpoint: Any, traced: bool = True) -> Evaluation:
    """Evaluate; whatever is raised becomes a failed observation after the seconds that it names.

    `traced`: with the traceback, which takes longer than most evaluations on tables. Raises
    ValueError if what the task returned cannot be.
    """
    evaluation = attempt(task, job, seed, checkpoint, traced)
    failures.heed_signals()
    return checked(evaluation)


def attempt(task: Task, job: Job, seed: int, checkpoint: Any, traced: bool) -> Evaluation:
    """What a task returned, whatever it is, or its failure."""
    try:
        return task.evaluate(job, seed, checkpoint)
    except BaseException as error:
        failures.contain(error)
        seconds = error.seconds if isinstance(error, EvaluationError) else 0.0
        return Evaluation(
            resources=np.array([job.to_resource], dtype=float),
            seconds=np.array([seconds]),
            values=np.array([np.nan]),
            duration_s=seconds,
            error=failures.in_words(error),
            trace=failures.traced(error) if traced else "",
        )


def checked(evaluation: Evaluation) -> Evaluation:
    """The evaluation that a task returned; values too large to compute with have failed.

    Raises ValueError if it is one that cannot be: the run ends and names it. That times rise
    within a job is checked at the end of the run, all at once (`Recorder.check`).
    """
    resources, seconds, values, duration_s, true_values, test_values, slacks, *_ = evaluation
    train_values = evaluation.train_values
    count = len(values)
    same = len(resources) == count == len(seconds)
    same = same and (true_values is None or len(true_values) == count)
    same = same and (test_values is None or len(test_values) == count)
    same = same and (train_values is None or len(train_values) == count)
    if not same or (slacks and any(len(slack) != count for slack in slacks.values())):
        raise ValueError("the task returned arrays of different lengths for one job")
    within = 0.0 <= duration_s < math.inf
    if count:
        # Sums of floats: the last observation may lie a rounding error behind the end.
        within = within and seconds.item(0) >= 0.0
        within = within and seconds.item(-1) <= duration_s * (1 + 1e-9)
    if not within:
        raise ValueError(
            f"the task returned times that cannot be: seconds {seconds} within {duration_s} s"
        )
    return evaluation if not count or abs(values).max() <= LARGEST else _computable(evaluation)


def _computable(evaluation: Evaluation) -> Evaluation:
    """Without the values that are too large; the job has failed if its last one is."""
    values = evaluation.values
    large = np.isfinite(values) & (np.abs(values) > LARGEST)
    if not large.any():  # what is not finite has failed as it is
        return evaluation
    others: list[FloatArray | None] = [
        None if array is None else np.where(large, np.nan, array)
        for array in (evaluation.true_values, evaluation.test_values, evaluation.train_values)
    ]
    return evaluation._replace(
        values=np.where(large, np.nan, values),
        true_values=others[0],
        test_values=others[1],
        train_values=others[2],
        error=evaluation.error or (too_large(values[-1]) if large[-1] else None),
    )


def timed_out(job: Job, evaluation: Evaluation, limit_s: float) -> Evaluation:
    """What was known of a job before it took too long, and its failure then."""
    known = evaluation.first(int(evaluation.seconds.searchsorted(limit_s, "right")))
    error = f"TimeoutError: no end after {limit_s:g} s"
    return failed(job, known._replace(duration_s=limit_s, checkpoint=None), error)


def failed(job: Job, known: Evaluation, error: str, trace: str = "") -> Evaluation:
    """What was known, and at the end a value that is missing."""
    before = known.first(int(known.resources.searchsorted(job.to_resource)))
    end = known.duration_s
    return before._replace(
        resources=np.append(before.resources, float(job.to_resource)),
        seconds=np.append(before.seconds, end),
        values=np.append(before.values, np.nan),
        true_values=_longer(before.true_values),
        test_values=_longer(before.test_values),
        train_values=_longer(before.train_values),
        constraints={name: np.append(slack, np.nan) for name, slack in before.constraints.items()},
        duration_s=end,
        error=error,
        trace=trace,
    )


def _longer(values: FloatArray | None) -> FloatArray | None:
    return None if values is None else np.append(values, np.nan)
