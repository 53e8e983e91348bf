"""What a training loop says in the course of one job, and when that is enough."""

import json
import math
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpobench import progress
from hpobench.arrays import FloatArray
from hpobench.records import Constraint, Evaluation, EvaluationError, Job
from hpobench.tasks.calling import Measured, measured

_STATE = "state.json"
_FILES = "files/"
WHAT = "the loop"


class EnoughError(BaseException):
    """Raised by `report` in a loop that has trained as far as it was asked to.

    It is no Exception, so that a loop that survives its own errors ends all the same.
    """


class Saved(NamedTuple):
    """What a loop wrote into its folder at `resource`: the content of each file, by its path.

    `last`: what it said last, if it has ended by itself.
    """

    resource: float
    files: dict[str, bytes]
    last: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing is left to train."""
        return self.last is not None

    @classmethod
    def by(cls, save: Callable[[Path], Any], resource: float) -> "Saved":
        """What `save(folder)` writes."""
        with tempfile.TemporaryDirectory(prefix="hpobench-") as name:
            folder = Path(name)
            save(folder)
            paths = sorted(path for path in folder.rglob("*") if path.is_file())
            files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        if not files:
            raise EvaluationError(
                f"save(folder) of {WHAT} wrote no file: it should write all that load needs"
            )
        return cls(resource, files)

    def put(self, folder: Path) -> None:
        """The files again, in `folder`."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def write(self, path: Path) -> None:
        """One archive at `path`."""
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(_STATE, json.dumps([self.resource, self.last]))
            for name, content in self.files.items():
                archive.writestr(_FILES + name, content)

    @classmethod
    def read(cls, path: Path) -> "Saved":
        """What `write` wrote."""
        with zipfile.ZipFile(path) as archive:
            resource, last = json.loads(archive.read(_STATE))
            names = [name for name in archive.namelist() if name.startswith(_FILES)]
            files = {name.removeprefix(_FILES): archive.read(name) for name in names}
        return cls(resource, files, last)


class Course:
    """One job of a loop: collects what it says, until it has trained as far as was asked.

    `goes_from`: the resource from which it trains, 0 without a state. Of what it says, that behind
    `job.from_resource` is observed: `observe` makes of it what is stored. `pauses`: in the end the
    loop is to save itself.
    """

    def __init__(
        self,
        *,
        bounds: Sequence[Constraint],
        goes_from: float,
        job: Job,
        began: float,
        cost_s: float | None,
        pauses: bool,
        observe: Callable[[Measured, float], progress.Report],
    ) -> None:
        self._bounds, self._job, self._began = bounds, job, began
        self._base = self.resource = goes_from
        self._cost_s, self._pauses, self._observe = cost_s, pauses, observe
        self._measures, self._spent_s = cost_s is None, 0.0
        self._seconds: list[float] = []
        self._rows: list[progress.Report] = []
        self._last: Measured | None = None
        self._wrong: Exception | None = None
        self._heard = False
        self.saver: Callable[[Path], Any] | None = None
        self.saved: Saved | None = None
        self.is_done = False

    @contextmanager
    def folder(self, state: Saved | None) -> Iterator[Path | None]:
        """A folder with what was saved, as long as the loop may read it; None: there is nothing."""
        if state is None:
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="hpobench-") as name:
            state.put(Path(name))
            yield Path(name)

    def hear(self, said: progress.Report) -> None:
        """Take a report, in the midst of the loop; raises EnoughError if that was all."""
        self._heard = True
        if self.is_done:
            raise EnoughError
        try:
            given = {
                "value": said.value,
                "true": said.true_value,
                "test": said.test_value,
                "train": said.train_value,
                "cost_s": said.cost_s,
                "save": said.save,
            }
            metrics = dict(said.constraints or {})
            stated = measured({**metrics, **given, "resource": said.resource}, self._bounds, WHAT)
            self._take(stated)
        except Exception as error:  # the loop might survive it: `heed` raises it again
            self._wrong, self.is_done = error, True
        if self.is_done:
            raise EnoughError

    def heed(self) -> None:
        """Raise what was wrong with a report, after the loop has been left."""
        if self._wrong is not None:
            raise self._wrong

    def take(self, said: Any) -> None:
        """Take what the loop has yielded; nothing, if it has reported instead."""
        if said is None and self._heard:
            return
        self._take(measured(said, self._bounds, WHAT))

    def _take(self, found: Measured) -> None:
        resource = self.resource + 1 if math.isnan(found.resource) else found.resource
        asked = self._job.to_resource
        if not self.resource < resource <= asked:
            raise EvaluationError(
                f"{WHAT} came to {resource:g} after {self.resource:g}, and was asked for "
                f"{asked:g}: it must count from 1, or on from where it was saved, and pass what "
                "was asked for; where it counts in larger steps, state them as fidelity.levels"
            )
        self._note(found, resource)
        if resource == asked:
            if self._pauses:
                self._save(found, resource)
            self.is_done = True

    def _note(self, found: Measured, resource: float) -> None:
        self._spend(found, resource)
        self.resource, self._last = resource, found
        if resource > self._job.from_resource:
            row = self._observe(found, resource)
            self._rows.append(row)
            self._seconds.append(self._spent_s)
            progress.report(
                row.resource,
                row.value,
                true_value=_stated(row.true_value),
                test_value=_stated(row.test_value),
                train_value=_stated(row.train_value),
                constraints=row.constraints,
            )

    def _spend(self, found: Measured, resource: float) -> None:
        if not math.isnan(found.cost_s):
            self._measures = False
            self._spent_s += found.cost_s
        elif self._cost_s is not None:
            self._spent_s += self._cost_s * (resource - self.resource)
        elif self._measures:
            self._spent_s = time.perf_counter() - self._began
        else:
            raise EvaluationError(
                f"{WHAT} said what it cost, cost_s, and not at {resource:g}: say it each time"
            )

    def _save(self, found: Measured, resource: float) -> None:
        save = found.save or self.saver
        if save is None:
            raise EvaluationError(
                f"{WHAT} has a parameter load, and gave no save with its value at {resource:g}: "
                "give save, a function of a folder, with every value"
            )
        self.saved = Saved.by(save, resource)

    def end(self, returned: Any = None) -> None:
        """The loop has ended by itself: its last value is that of all that would follow."""
        if self._last is None:
            raise EvaluationError(
                f"{WHAT} ended without a value (it returned {returned!r}): it should yield one an "
                "epoch, or call hpobench.progress.report(epoch, value)"
            )
        if not self.is_done:
            last = self._last._asdict() | {"save": None, "metrics": dict(self._last.metrics)}
            self.carry(Saved(self.resource, {}, last))

    def carry(self, state: Saved) -> None:
        """Observe the last value of a loop that has ended where it is asked for."""
        asked = self._job.to_resource
        free = 0.0 if not self._measures or self._cost_s is not None else math.nan
        self._note(Measured(**(state.last or {}))._replace(cost_s=free), asked)
        self.saved = state._replace(resource=asked)
        self.is_done = True

    def evaluation(self, checkpoint: Any = None) -> Evaluation:
        """What has become known; the job has taken until now."""
        rows = self._rows
        took = time.perf_counter() - self._began if self._measures else self._spent_s
        return Evaluation(
            resources=np.array([row.resource for row in rows], dtype=float),
            seconds=np.array(self._seconds, dtype=float),
            values=np.array([row.value for row in rows], dtype=float),
            duration_s=took,
            true_values=_column([row.true_value for row in rows]),
            test_values=_column([row.test_value for row in rows]),
            constraints={
                bound.metric: np.array([(row.constraints or {})[bound.metric] for row in rows])
                for bound in self._bounds
            },
            checkpoint=checkpoint,
            train_values=_column([row.train_value for row in rows]),
        )


def _stated(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _column(values: Sequence[float | None]) -> FloatArray | None:
    """The values (k,); None if none was measured."""
    column = np.array([math.nan if value is None else value for value in values], dtype=float)
    return None if np.isnan(column).all() else column
