"""One run, on any clock: from its task and method, by what happens, to what is stored of it."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import indent

from hpobench.contracts import Method, Task
from hpobench.identity import RunKey
from hpobench.loop import failures
from hpobench.loop.events import Event
from hpobench.loop.hooks import close, set_up
from hpobench.loop.randomness import method_rng
from hpobench.loop.recorder import Recorder, until_one_succeeds
from hpobench.storage.arrow import RunRecord
from hpobench.study.build import build_method, build_task
from hpobench.study.pairs import Pair
from hpobench.system import interruption, output
from hpobench.system.names import as_file_name
from hpobench.system.terminal import Notice

FAILING = ".failing"
"""Ending of the notes, one a task, that its first evaluations have failed, and that it was said."""


def record_run(
    pair: Pair,
    seed: int,
    events: Callable[[Task, Method], Iterator[Event]],
    logs: Path | None = None,
) -> RunRecord:
    """Record a run. An exception ends it, keeps what was known before, and becomes its error.

    Files of our own that fail are not a run's fault: StorageError passes, and nothing is lost. If
    its first evaluations fail that is said at once, once a task; `logs`: where that is noted.
    """
    begin = time.process_time()
    recorder, error, trace, setup_s = Recorder(), "", "", 0.0
    with interruption.noticed(), ExitStack() as stack:
        try:
            task = build_task(pair.task_config)
            own = pair.own_seed(seed)
            rng = method_rng(pair.study_seed, pair.task, pair.method, own)
            method = build_method(pair.method_config, task, rng, pair.workers)
            stack.callback(_close, method)
            setup_s = set_up(method)
            happening = events(task, method)
            recorder.watch(until_one_succeeds(happening))
            if recorder.only_failed and logs is not None:
                _say(pair, seed, recorder, logs)
            recorder.watch(happening)
            recorder.check()
        except failures.GaveUpError as gave_up:
            error = str(gave_up)
        except BaseException as exception:
            failures.contain(exception)
            error, trace = failures.last_words(exception), failures.traced(exception)
    return as_record(pair.key(seed), recorder, time.process_time() - begin, error, setup_s, trace)


def _say(pair: Pair, seed: int, recorder: Recorder, logs: Path) -> None:
    """Say that the first evaluations of a task failed, unless another run of it has."""
    try:
        logs.mkdir(parents=True, exist_ok=True)
        (logs / f"{as_file_name(pair.task)}{FAILING}").touch(exist_ok=False)
    except FileExistsError:
        return
    except OSError:
        pass  # better twice than never
    count = len(recorder)
    first = f"the first {count} evaluations" if count > 1 else "the first evaluation"
    output.aloud(
        f"\nhpobench: {first} of {pair.task} failed ({pair.method}, seed {seed}), the run goes on; "
        f"the first error:\n{indent(recorder.first_error or 'a value that is not finite', '  ')}"
    )


def _close(method: Method) -> None:
    """Close a method; what it raises then changes nothing of a run that is over."""
    try:
        close(method)
    except BaseException as error:
        failures.contain(error)
        warnings.warn(f"a method did not close: {failures.in_words(error)}", Notice, stacklevel=2)


def as_record(
    key: RunKey,
    recorder: Recorder,
    cpu_s: float,
    error: str,
    setup_s: float = 0.0,
    trace: str = "",
) -> RunRecord:
    """What is stored of a run of which so much became known; `error` ended it, if it says why."""
    return RunRecord(
        key=key,
        observations=recorder.observations(),
        trials=recorder.trials(),
        jobs=recorder.job_columns(),
        decisions=recorder.decision_columns(),
        end_time_s=recorder.end_time_s,
        cpu_s=cpu_s,
        setup_s=setup_s,
        error=error,
        first_error=trace or recorder.first_error,
        asked_nothing=recorder.asked_nothing,
    )
