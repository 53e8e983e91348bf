"""What a task promises beyond the form of its answers, one check each."""

import copy
import math
import pickle
import random
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.checking.trying import Trying
from hpobench.contracts import HasInstances, Task, hook
from hpobench.loop import failures
from hpobench.real import checkpoints
from hpobench.records import Evaluation

_OTHER_SEED = 12
_CLOSE = 1e-9


IMPURE = (
    "evaluate() is not a function of (configuration, resources, seed): called again with the same, "
    "{}: draw all chance from the seed, or state reproducible = None"
)


def differ(one: Evaluation, other: Evaluation) -> str:
    """How the values of two evaluations differ where both have some; "" if they do not."""
    values = dict(zip(one.resources.tolist(), one.values.tolist(), strict=True))
    for resource, value in zip(other.resources.tolist(), other.values.tolist(), strict=True):
        before = values.get(resource, value)
        if not np.isclose(before, value, rtol=_CLOSE, atol=0, equal_nan=True):
            return f"the value at resource {resource:g} was {before!r} and then {value!r}"
    return ""


def _numpy_state() -> list[int]:
    state: Any = np.random.get_state()  # noqa: NPY002
    return [*state[1].tolist(), state[2]]


def _is_pure(trying: Trying) -> Iterator[str]:
    """The same twice, whatever the global random state; that stays as it is."""
    state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        found: list[Evaluation] = []
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            before = random.getstate(), _numpy_state()
            job = trying.job()
            given = copy.deepcopy(job)
            found.append(trying.run(job) if found else trying.straight)
            if job.config != given.config:
                yield (
                    f"evaluate() wrote into job.config, which was {given.config} and is "
                    f"{job.config}: copy it first"
                )
            after = random.getstate(), _numpy_state()
            if seed == 1 and before != after and trying.repeats:
                yield (
                    "evaluate() draws from or sets the global random state (random or "
                    "numpy.random), which others share: use numpy.random.default_rng(seed)"
                )
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])  # noqa: NPY002
    if trying.repeats and (words := differ(*found)):
        yield IMPURE.format(words)
    first, last = (evaluation.seconds for evaluation in found)
    if trying.repeats_costs and first.tolist() != last.tolist():
        yield (
            f"reproducible is true, but the same job took {first[-1]:g} s and then {last[-1]:g} s: "
            "state reproducible = False, or costs that repeat"
        )


def _keeps_what_it_returned(trying: Trying) -> Iterator[str]:
    """Arrays that were returned stay as they are."""
    first = trying.straight
    before = first.values.tolist()
    sample = trying.task.space.sample(np.random.default_rng(2), 1)[0]
    trying.run(trying.job(**sample))
    if first.values.tolist() != before:
        yield (
            f"the arrays of an evaluation changed with the next one, from {before} to "
            f"{first.values.tolist()}: return new arrays each time"
        )


def _is_true(trying: Trying) -> Iterator[str]:
    """True values are free of noise, and none lies below the optimum."""
    one, other = trying.straight, trying.run(trying.job(), _OTHER_SEED)
    several = hook(trying.task, HasInstances)
    comparable = trying.repeats and not (several and several.instances_by_seed)
    if one.true_values is not None and other.true_values is not None and comparable:
        same = np.allclose(one.true_values, other.true_values, rtol=_CLOSE, equal_nan=True)
        if not same:
            yield (
                f"true_values differ with the seed, {one.true_values[-1]!r} and "
                f"{other.true_values[-1]!r}: they are the values without noise, or None"
            )
    optimum, best = trying.task.optimum, one.true_values
    at_the_top = trying.high == trying.task.fidelity.r_max and not trying.task.constraints
    if optimum is not None and best is not None and at_the_top:
        for config in trying.task.space.sample(np.random.default_rng(3), 8):
            found = trying.run(trying.job(**config)).true_values
            if found is not None and found[-1] < optimum - _CLOSE * max(1, abs(optimum)):
                yield (
                    f"the true value {found[-1]:g} at {config} is below the optimum, {optimum:g}: "
                    "values are minimised: state an optimum that is least, or return them minimised"
                )
                return


def _begins_at_zero(trying: Trying) -> Iterator[str]:
    """Without a checkpoint: reported from where it was asked, charged from zero."""
    if trying.low == trying.high:
        return
    straight, later = trying.straight, trying.run(trying.job(trying.low))
    if trying.repeats and (words := differ(straight, later)):
        yield (
            f"a job from {trying.low:g} to {trying.high:g} without a checkpoint is no training "
            f"from zero: {words}: train from zero, and report what is behind {trying.low:g}"
        )
    if trying.repeats_costs and not math.isclose(later.duration_s, straight.duration_s):
        yield (
            f"a job from {trying.low:g} to {trying.high:g} without a checkpoint took "
            f"{later.duration_s:g} s, one from 0 {straight.duration_s:g} s: without a checkpoint "
            "it is trained from zero, and charged so"
        )


def _goes_on(trying: Trying) -> Iterator[str]:
    """With a checkpoint: paused and resumed is the same as straight through, as often as wanted."""
    if trying.low == trying.high or not trying.task.can_checkpoint:
        return
    straight = trying.straight
    paused = trying.run(trying.job(end=trying.low))
    state = paused.checkpoint
    if state is None:
        yield (
            f"can_checkpoint is true, but the evaluation to {trying.low:g} has no checkpoint: "
            "return one, or state can_checkpoint = False"
        )
        return
    state, stored = yield from _stored(trying, state)
    for what, given in (("", state), (" a second time", state), (" from its file", stored)):
        if given is None:
            continue
        resumed = trying.run(trying.job(trying.low), checkpoint=given)
        words = differ(straight, resumed)
        if trying.repeats and words:
            yield (
                f"paused at {trying.low:g} and resumed{what} it is not the same as straight "
                f"through: {words}: a checkpoint must hold all that training needs, and stay as it "
                "was"
            )
            return
        if words and _as_from_zero(straight, resumed):
            yield (
                f"paused at {trying.low:g} and resumed{what} it reports what it reports from zero: "
                "its checkpoint is not used: restore it, or state can_checkpoint = False"
            )
            return
        if words and not differ(straight, trying.run(trying.job())):
            trying.remarks.append(
                f"called again it repeats, but paused at {trying.low:g} and resumed{what} it does "
                f"not: {words}: does a checkpoint hold all that training needs?"
            )
            return
        total = paused.duration_s + resumed.duration_s
        if trying.repeats_costs and not math.isclose(total, straight.duration_s, rel_tol=1e-6):
            yield (
                f"paused at {trying.low:g} and resumed{what} it took {total:g} s, and straight "
                f"through {straight.duration_s:g} s: a job that has its checkpoint is charged what "
                "it trains now"
            )
            return


def _as_from_zero(straight: Evaluation, resumed: Evaluation) -> bool:
    """Whether what was resumed goes through the first values of a training, and these differ."""
    first = straight.values[: len(resumed.values)]
    return (
        len(set(straight.values.tolist())) > 1
        and len(first) == len(resumed.values)
        and np.allclose(first, resumed.values, rtol=_CLOSE, atol=0)
    )


def _stored(trying: Trying, state: Any) -> Generator[str, None, tuple[Any, Any]]:
    """The state, and the same from a file as the real clock keeps it."""
    with tempfile.TemporaryDirectory(prefix="hpobench-") as folder:
        path = Path(folder) / "state"
        try:
            checkpoints.save(trying.task, path, state)
            return state, checkpoints.load(trying.task, path)
        except Exception as error:
            yield (
                f"its checkpoint cannot be written to a file and read again "
                f"({failures.in_words(error)}): on the real clock trials could not go on"
            )
            return state, None


def _travels(trying: Trying) -> Iterator[str]:
    """A pickled copy answers the same."""
    try:
        twin: Task = pickle.loads(pickle.dumps(trying.task))
    except Exception as error:
        yield (
            f"it cannot be pickled ({failures.in_words(error)}), and so not sent to a worker: keep "
            "models, files and locks out of it, or give it __getstate__"
        )
        return
    if not trying.repeats:
        return
    again = Trying(twin, trying.low, trying.high, trying.config)
    if words := differ(trying.straight, again.run(again.job())):
        yield f"a pickled copy answers otherwise: {words}: keep all that it needs when pickled"


def _takes_its_space(trying: Trying) -> Iterator[str]:
    """All of a small sample can be evaluated, at the lowest resource."""
    for config in trying.task.space.sample(np.random.default_rng(4), 3):
        trying.run(trying.job(0, trying.low, **config))
    yield from ()


CHECKS: tuple[Callable[[Trying], Iterator[str]], ...] = (
    _is_pure,
    _begins_at_zero,
    _goes_on,
    _travels,
    _keeps_what_it_returned,
    _is_true,
    _takes_its_space,
)
