"""Watches the events of one run and turns them into columns, in memory."""

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hpobench.arrays import Columns, FloatArray
from hpobench.loop.events import Decision, Event, Outcome
from hpobench.records import Job
from hpobench.space.space import Configuration
from hpobench.storage.schema import JOB_STATUS, SLACK

_DONE, _FAILED, _CUT = map(JOB_STATUS.index, ("ok", "failed", "cut"))


FIRST = 3
"""So many evaluations that all fail at the beginning of a run are reason to say so at once."""


def until_one_succeeds(events: Iterator[Event]) -> Iterator[Event]:
    """The first of the events: up to the first evaluation with a value, or the third without."""
    failures = 0
    for event in events:
        yield event
        if isinstance(event, Outcome) and not event.cut:
            failures += 1
            if event.evaluation.value < math.inf or failures == FIRST:
                return


class Recorder:
    """What became known in one run so far.

    Events are taken apart at once: as numbers in arrays they are out of sight of the garbage
    collector, which would look at each of a hundred thousand records again and again.
    """

    def __init__(self) -> None:
        self._configs: dict[int, Configuration] = {}
        self._trial, self._source = array("q"), array("q")
        self._worker, self._status = array("i"), array("i")
        self._from, self._to = array("d"), array("d")
        self._start, self._end = array("d"), array("d")
        self._errors: list[str] = []
        self._trace = ""
        self._resources: list[FloatArray] = []
        self._seconds: list[FloatArray] = []
        self._values: list[FloatArray] = []
        self._true: list[FloatArray | None] = []
        self._test: list[FloatArray | None] = []
        self._train: list[FloatArray | None] = []
        self._slacks: list[Mapping[str, FloatArray]] = []
        self._tells = array("i")
        self._none = False
        self._decided, self._took, self._cpu = array("d"), array("d"), array("d")

    def __len__(self) -> int:
        """How many jobs ended."""
        return len(self._trial)

    def watch(self, events: Iterable[Event]) -> None:
        """Take in all events; what came before an exception stays recorded."""
        add_kind, add_time = self._tells.append, self._decided.append
        add_seconds, add_cpu = self._took.append, self._cpu.append
        for event in events:
            if type(event) is Decision:
                kind, time_s, seconds, cpu_s, self._none = event
                add_kind(kind == "tell")
                add_time(time_s)
                add_seconds(seconds)
                add_cpu(cpu_s)
            else:
                self._add(event)  # type: ignore[arg-type]

    def _add(self, outcome: Outcome) -> None:
        job, worker, start, end, evaluation, cut = outcome
        trial, config, from_resource, to_resource, source = job
        self._configs[trial] = config
        self._trial.append(trial)
        self._worker.append(worker)
        self._from.append(from_resource)
        self._to.append(to_resource)
        self._source.append(-1 if source is None else source)
        self._start.append(start)
        self._end.append(end)
        failed = evaluation.value == math.inf
        self._status.append(_CUT if cut else _FAILED if failed else _DONE)
        self._errors.append(evaluation.error or "")
        self._trace = self._trace or evaluation.trace
        self._resources.append(evaluation.resources)
        self._seconds.append(evaluation.seconds)
        self._values.append(evaluation.values)
        self._true.append(evaluation.true_values)
        self._test.append(evaluation.test_values)
        self._train.append(evaluation.train_values)
        self._slacks.append(evaluation.constraints)

    def check(self) -> None:
        """Raise ValueError if the observations of some job are not in order of time."""
        if not self._seconds:
            return
        ends = np.cumsum([len(some) for some in self._seconds])
        rises = np.diff(np.concatenate(self._seconds)) >= 0
        rises[ends[(ends > 0) & (ends < ends[-1])] - 1] = True  # from one job to the next
        if not rises.all():
            job = self._job(int(np.searchsorted(ends, np.argmin(rises), "right")))
            raise ValueError(f"the task returned times that do not rise, for {job}")

    def _job(self, number: int) -> Job:
        trial, source = self._trial[number], self._source[number]
        reached, asked = self._from[number], self._to[number]
        return Job(trial, self._configs[trial], reached, asked, None if source < 0 else source)

    @property
    def end_time_s(self) -> float:
        """When the last job ended, or was cut by the end of the budget."""
        return max(self._end, default=0.0)

    @property
    def asked_nothing(self) -> bool:
        """Whether the method never asked for a job."""
        return self._none and not self._trial

    @property
    def only_failed(self) -> bool:
        """Whether jobs failed, and no other came to its end."""
        return _FAILED in self._status and _DONE not in self._status

    @property
    def first_error(self) -> str:
        """What the first job that failed raised, with its traceback if that is known."""
        return self._trace or next((error for error in self._errors if error), "")

    def trials(self) -> list[tuple[int, Configuration]]:
        """The trials that were started, by number."""
        return sorted(self._configs.items(), key=lambda item: item[0])

    def observations(self) -> Columns:
        """Columns of `schema.OBSERVATIONS` less the key and status, in order of time."""
        counts = np.array([len(some) for some in self._values], dtype=np.int64)
        columns: Columns = {
            "trial": np.repeat(np.array(self._trial), counts),
            "resource": _joined(self._resources, counts),
            "time_s": np.repeat(np.array(self._start), counts) + _joined(self._seconds, counts),
            "value": _joined(self._values, counts),
            "true_value": _joined(self._true, counts),
            "test_value": _joined(self._test, counts),
            "train_value": _joined(self._train, counts),
            "worker": np.repeat(np.array(self._worker), counts),
        }
        for name in sorted({name for slacks in self._slacks for name in slacks}):
            slack = _joined([slacks.get(name) for slacks in self._slacks], counts)
            # What could not be measured is not feasible.
            columns[SLACK + name] = np.where(np.isnan(slack), -np.inf, slack)
        order = np.argsort(columns["time_s"], kind="stable")
        return {name: column[order] for name, column in columns.items()}

    def job_columns(self) -> Columns:
        """Columns of `schema.JOBS` less the key; `status` as a position in `JOB_STATUS`."""
        return {
            "trial": np.array(self._trial, dtype=np.int32),
            "worker": np.array(self._worker, dtype=np.int32),
            "from_resource": np.array(self._from),
            "to_resource": np.array(self._to),
            "source": np.array(self._source, dtype=np.int32),
            "start_s": np.array(self._start),
            "end_s": np.array(self._end),
            "status": np.array(self._status, dtype=np.int32),
            "error": np.array(self._errors, dtype=object),
        }

    def decision_columns(self) -> Columns:
        """Columns of `schema.DECISIONS` less the key; `kind` as 0 (ask) or 1 (tell)."""
        return {
            "kind": np.array(self._tells, dtype=np.int32),
            "time_s": np.array(self._decided),
            "seconds": np.array(self._took, dtype=np.float32),
            "cpu_s": np.array(self._cpu, dtype=np.float32),
        }


def _joined(arrays: Sequence[FloatArray | None], counts: NDArray[np.int64]) -> FloatArray:
    """All arrays one after the other; as many NaN in the place of one that is missing."""
    present = [array for array in arrays if array is not None]
    if not present:
        return np.full(counts.sum(), np.nan)
    if len(present) < len(arrays):
        pairs = zip(arrays, counts, strict=True)
        present = [np.full(count, np.nan) if a is None else a for a, count in pairs]
    return np.concatenate(present)
