"""What a foreign log tells: runs, their jobs, and the values that became known in each.

Values are minimised: an importer flips the sign of what is maximised and says so in the label.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hpobench.space.space import Configuration
from hpobench.storage.schema import TaskFacts
from hpobench.words import unknown

UNTIMED = "Its log holds no times: all its times are in evaluations."
LARGEST_SEED = 2**31
"""Seeds are stored in 32 bits."""


@dataclass(frozen=True)
class Piece:
    """One job: what trial, from when to when, and the values (k,) that became known in it.

    `times_s` are seconds since the run began; a value of NaN is a failed evaluation. `tests` and
    `trains` (k,): values on test data and on the data trained on, if there are any. `slacks`: one
    number a constraint, feasible if >= 0, for all values of the job.
    """

    trial: int
    config: Configuration
    start_s: float
    end_s: float
    resources: Sequence[float]
    times_s: Sequence[float]
    values: Sequence[float]
    error: str = ""
    slacks: Mapping[str, float] = field(default_factory=dict)
    tests: Sequence[float] = ()
    trains: Sequence[float] = ()


@dataclass(frozen=True)
class Run:
    """One run of a foreign log; names as they are there.

    `clock`: what times are counted in, seconds, or evaluations if the log has no times. `sign`: -1
    if the log's values are maximised. `states`: how many trials ended how, in its words, and
    `own_best` what the library itself calls the best value, in its direction. `optimum`: the least
    value that there can be, if that is known.
    """

    task: str
    method: str
    seed: int
    pieces: Sequence[Piece]
    value_label: str
    fidelity: str = "none"
    comparable: bool = True
    clock: str = "seconds"
    sign: float = 1.0
    states: Mapping[str, int] = field(default_factory=dict)
    own_best: float | None = None
    optimum: float | None = None


def name_of(label: str) -> str:
    """A name that can stand in a file's name."""
    return re.sub(r"[^A-Za-z0-9_\-]+", "_", label).strip("_") or "unnamed"


def value_label(metric: str, maximise: bool) -> str:
    """The label of the values as they are stored."""
    return f"{metric}, negated (it is maximised)" if maximise else metric


SIGNS = {"min": 1.0, "max": -1.0}
"""By mode of the metric: by what its values are multiplied, to be minimised."""


def sign_of(mode: str | None, metric: str) -> float:
    """The sign that makes a metric one to be minimised; raises ValueError if `mode` is not given.

    What a log does not say is asked for: a wrong guess would turn every result round.
    """
    if mode is None:
        raise ValueError(
            f"the log does not say whether the least or the greatest {metric} is best: give "
            "--mode min or --mode max"
        )
    if mode not in SIGNS:
        raise ValueError(f"mode={mode!r}: use one of {', '.join(SIGNS)}")
    return SIGNS[mode]


def check_beside(test: str | None, train: str | None, known: Iterable[str], where: str) -> None:
    """Raise ValueError for a metric of test or training data that a log does not hold."""
    names = list(dict.fromkeys(known))
    for option, name in (("--test", test), ("--train", train)):
        if name is not None and name not in names:
            raise ValueError(f"{where}: {option}: {unknown('metric', name, names)}")


def evaluations(count: int) -> list[tuple[float, float]]:
    """Start and end of evaluations one after the other, where a log has no times."""
    return [(float(number), number + 1.0) for number in range(count)]


def whole_number(given: Any, where: str) -> int:
    """A seed as a number; raises ValueError that says where it was found."""
    try:
        number = int(given)
        whole = isinstance(given, str) or number == given
    except (TypeError, ValueError, OverflowError):
        number, whole = 0, False
    if not whole:
        raise ValueError(f"{where}: the seed {given!r} is not a whole number: give --seed")
    if not abs(number) < LARGEST_SEED:
        raise ValueError(f"{where}: the seed {number} is not below 2^31: give another by --seed")
    return number


def finite(given: Any, what: str, where: str, remedy: str) -> float:
    """A number that a log holds; ValueError, with place, value and remedy, if it is none."""
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{where}: the {what} {given!r} is not a finite number: {remedy}")
    return number


def same_resource(runs: Sequence[Run]) -> list[Run]:
    """Runs without a fidelity, on a task that others have with one, get its highest resource.

    Raises ValueError if the runs of a task differ in what they measure.
    """
    made = []
    for run in runs:
        mine = [other for other in runs if other.task == run.task]
        kinds = {other.fidelity for other in mine} - {"none"}
        if len(kinds) > 1 or len({(o.value_label, o.comparable, o.clock) for o in mine}) > 1:
            raise ValueError(
                f"the runs of task {run.task!r} differ in what they measure: name the tasks apart"
            )
        if kinds and run.fidelity == "none":
            r_max = max(_resources(mine))
            pieces = [replace(p, resources=[r_max] * len(p.values)) for p in run.pieces]
            run = replace(run, pieces=pieces, fidelity=kinds.pop())
        made.append(run)
    return made


def task_facts(label: str, runs: Sequence[Run]) -> TaskFacts:
    """What the runs of a task tell about it; optimum and median are unknown."""
    mine = [run for run in runs if run.task == label]
    resources = _resources(mine)
    return TaskFacts(
        name=name_of(label),
        label=label,
        value_label=mine[0].value_label,
        fidelity=mine[0].fidelity,
        r_min=min(resources),
        r_max=max(resources),
        comparable=mine[0].comparable,
        clock=mine[0].clock,
        optimum=mine[0].optimum,
        remarks=() if mine[0].clock == "seconds" else (UNTIMED,),
    )


def _resources(runs: Sequence[Run]) -> list[float]:
    return [r for run in runs for piece in run.pieces for r in piece.resources] or [1.0]
