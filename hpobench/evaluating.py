"""Evaluating a job safely: failures become observations, and what cannot be is refused."""

import math
from typing import Any

import numpy as np

from hpobench import failures
from hpobench.contracts import Task
from hpobench.records import Evaluation, EvaluationError, Job


def evaluate(task: Task, job: Job, seed: int, checkpoint: Any, traced: bool = True) -> Evaluation:
    """Evaluate; whatever is raised becomes a failed observation after the seconds that it names.

    `traced`: with the traceback, which takes longer than most evaluations on tables.
    """
    try:
        evaluation = task.evaluate(job, seed, checkpoint)
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
    failures.heed_signals()
    check(evaluation)
    return evaluation


def check(evaluation: Evaluation) -> None:
    """Raise ValueError if a task returned what cannot be: the run ends and names it.

    That times rise within a job is checked at the end of the run, all at once (`Recorder.check`).
    """
    resources, seconds, values, duration_s, true_values, test_values, slacks, _, _, _ = evaluation
    count = len(values)
    same = len(resources) == count == len(seconds)
    same = same and (true_values is None or len(true_values) == count)
    same = same and (test_values is None or len(test_values) == count)
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
