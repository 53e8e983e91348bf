"""`method=auto`: the advisor, asked about a task."""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpobench.contracts import Task
from hpobench.loop.budget import Budget
from hpobench.real.worker import prepare
from hpobench.records import Job
from hpobench.results.advice.advisor import Advice, Question, advise
from hpobench.results.advice.evidence import SHIPPED, Kind, Row, of_study, read
from hpobench.space.hyperparameters import Categorical
from hpobench.system import carried

if TYPE_CHECKING:
    from hpobench.results.study.study import Study


def kind_of(task: Task) -> Kind:
    """What is known of a task before it is run."""
    space, fidelity = task.space, task.fidelity
    choices = sum(isinstance(item, Categorical) for item in space.values())
    return Kind(
        dimensions=len(space),
        choices=choices / len(space),
        conditional=bool(space.conditions),
        partial=not fidelity.single,
        comparable=fidelity.comparable,
    )


def question(task: Task, budget: Budget, workers: int, full_training_s: float) -> Question:
    """The question that a task, its budget and a number of workers make.

    `full_training_s`: what a full training takes; NaN: not known, and 50 trainings are assumed
    where the budget is one of time.
    """
    limits = budget.limits()
    trainings = [
        limits["time_s"] * workers / full_training_s,
        limits["cost_s"] / full_training_s,
        limits["trials"],
        limits["resource"] / task.fidelity.r_max,
    ]
    known = [number for number in trainings if math.isfinite(number) and number > 0]
    return Question(kind_of(task), workers, min(known, default=50.0))


def measured_s(config: Mapping[str, Any]) -> float:
    """Seconds of a full training of the default configuration, by as little of it as will do.

    It is evaluated in another process, which may end with it. NaN: it failed.
    """
    import joblib

    try:
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
            jobs = [joblib.delayed(_seconds)(dict(config), carried.within(config))]
            (seconds,) = joblib.Parallel(n_jobs=2)(jobs)
    except Exception:  # the run will say why
        return math.nan
    return float(seconds)


def _seconds(config: dict[str, Any], carried: Any) -> float:  # noqa: ARG001  (known once it is here)
    from hpobench.study.build import build_task

    task = build_task(config)
    prepare(task)
    fidelity = task.fidelity
    evaluation = task.evaluate(Job(0, task.space.default(), 0, fidelity.r_min), 0, None)
    return evaluation.duration_s / fidelity.r_min * fidelity.r_max or math.nan


def evidence(runs_dir: Path | None = None) -> list[Row]:
    """What is shipped, and what studies of one's own say of methods that the shipped ones know."""
    rows = read(SHIPPED) if SHIPPED.exists() else []
    known = {row.method for row in rows}
    for plan in sorted((runs_dir or Path("runs")).glob("*/study.json")):
        rows += [row for row in _of_folder(plan.parent) if row.method in known]
    return rows


def _of_folder(folder: Path) -> list[Row]:
    from hpobench.results import load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is damaged is left out, and said by other commands
        try:
            study: Study = load(folder)
            return list(of_study(study)) if len(study.observations) else []
        except (ValueError, LookupError, OSError):
            return []


def for_settings(settings: Mapping[str, Any], task_name: str) -> Advice:
    """The advice for a study's settings and one task of it."""
    from hpobench.study import checks
    from hpobench.study.build import build_task

    node = settings["tasks"][task_name]
    config = {key: value for key, value in node.items() if key not in ("about", "budget")}
    task = build_task(config)
    budget = checks.budget(settings["budget"], node.get("budget"))
    asked = question(task, budget, settings["workers"], measured_s(config))
    return advise(evidence(Path(settings["runs_dir"])), asked)
