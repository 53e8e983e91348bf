"""A training loop in the user's own words, as a task with learning curves.

    # training.py: a generator that yields a value, or a dict, an epoch
    def train(learning_rate, units, seed):
        model = Model(learning_rate, units, seed)
        while True:                                   # it is stopped when it has trained enough
            model.train_one_epoch()
            yield {"value": model.error("validation"), "test": model.error("test")}

    # conf/task/mine.yaml
    about: {label: mine, summary: what it is}
    budget: {time_s: 600}
    _target_: hpobench.tasks.loops.TrainingLoop
    loop: training.train
    epochs: 27
    space:
      learning_rate: {type: float, low: 1.0e-4, high: 1, log: true}
      units: {type: integer, low: 16, high: 512, log: true}

Where the loop is in the hands of a library, it calls `hpobench.progress.report(epoch, value, ...)`
instead, which ends it when it has trained enough (`hpobench.callbacks` has callbacks that do).

A paused training goes on where it was if the loop can save itself: it yields (or reports) `save`, a
function that writes its state into a folder, and has a parameter `load`, the folder to begin from,
or None:

    def train(learning_rate, units, seed, load=None):
        model = Model(learning_rate, units, seed)
        if load:
            model.load(load / "model.pt")
        while True:
            model.train_one_epoch()
            yield {"value": ..., "save": lambda folder: model.save(folder / "model.pt")}

or it is a class that is iterated, with the methods `save(folder)` and `load(folder)`. Any other
goes on only on the worker that still holds it; elsewhere it is trained from zero, and charged so.
"""

import inspect
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hpobench import progress
from hpobench.loop import failures
from hpobench.loop.evaluating import failed
from hpobench.loop.randomness import mix
from hpobench.records import Evaluation, Fidelity, Job, Metric, stored_label
from hpobench.space.space import Space
from hpobench.tasks import calling
from hpobench.tasks.calling import LARGEST_SEED, NONE, SEEDED, UNKNOWN, Function, Measured
from hpobench.tasks.course import Course, EnoughError, Saved
from hpobench.tasks.noise import normal, stable_hash

LOAD = "load"


class Held:
    """A loop that waits where it has yielded last, for the worker that holds it to go on."""

    def __init__(self, iterator: Iterator[Any], resource: float, belongs: tuple[Any, ...]) -> None:
        self.iterator, self.resource, self.belongs = iterator, resource, belongs

    def taken(self) -> Iterator[Any]:
        """The loop, once: from then on it is somewhere else."""
        self.resource = math.nan
        return self.iterator

    def __reduce__(self) -> Any:
        raise TypeError("a loop under way cannot be pickled")


class TrainingLoop:
    """A generator, a class that is iterated, or a function that reports, for up to `epochs` epochs.

    `loop` is called with the hyperparameters by name, and with `seed` if it has such a parameter.
    What it yields is a number or a dict, an epoch (`hpobench.tasks.calling`), in the user's
    direction, which `goal` gives. A loop that ends by itself has its last value from there on; one
    that raises, or yields what is no number, has failed, and what was known before is kept.

    `fidelity` in the place of `epochs`: what is counted otherwise, `{name: steps, r_min: 100,
    r_max: 2700, levels: [100, 300, 900, 2700]}`; a loop then yields `resource` as well.

    `cost_s`: seconds an epoch on the simulated clock; None: those that it really takes. `noise`,
    `constraints`, `optimum`, `median`, `label`, `goal`, `ceiling`, `unit`: as of a `FunctionTask`.
    """

    def __init__(
        self,
        loop: Function | str,
        space: Mapping[str, Any],
        *,
        epochs: int | None = None,
        fidelity: Mapping[str, Any] | None = None,
        noise: float | str | None = None,
        cost_s: float | None = None,
        constraints: Mapping[str, Any] | None = None,
        optimum: float | None = None,
        median: float | None = None,
        label: str = "value",
        goal: str = "minimize",
        ceiling: float = 1.0,
        unit: str = "",
    ) -> None:
        if cost_s is not None and not 0 < cost_s < math.inf:
            raise ValueError(f"cost_s={cost_s} must be above 0, or null: measured")
        self.space = space if isinstance(space, Space) else Space(space)
        self.fidelity = _fidelity(epochs, fidelity)
        stored = stored_label(label, goal, ceiling)
        self.metric = Metric("value", stored, goal=goal, ceiling=ceiling, unit=unit)
        self.constraints = calling.stated_bounds(constraints)
        self._loop = calling.resolve(loop, "loop")
        self.noise, self._noise = calling.stated_noise(noise, self._loop, self.space.names)
        self._loads = LOAD not in self.space and calling.takes(self._loop, LOAD)
        self.can_checkpoint = self._loads or _saves(self._loop)
        named = ["seed"] * (self.noise == SEEDED) + [LOAD] * self._loads
        calling.check_call(self._loop, [*self.space.names, *named])
        self._cost_s = cost_s
        self.reproducible = self.noise != UNKNOWN and cost_s is not None
        self._is_checked = False
        minimised = self.metric.to_minimised
        self.optimum: float | None = None if optimum is None else minimised(float(optimum))
        self.median: float | None = None if median is None else minimised(float(median))

    def prepare(self) -> None:
        """Raise ValueError if the loop is said to repeat and does not."""
        if self._is_checked or self.noise in (SEEDED, UNKNOWN):
            return
        job = Job(0, self.space.default(), 0, self.fidelity.r_min)
        once, again = (self.evaluate(job, 0, None) for _ in range(2))
        if not once.error and not again.error and once.value != again.value:
            raise ValueError(
                f"noise: {self._noise or NONE} says that the loop repeats, but with {job.config} "
                f"it came to {once.value!r} and then to {again.value!r}: state noise: unknown, or "
                "give it a parameter `seed` and state noise: seeded"
            )
        self._is_checked = True

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        """Train `job`: from the checkpoint, or from zero. What is raised fails it from there on."""
        began = time.perf_counter()
        point = self.space.key(job.config)
        key = mix(seed, stable_hash(point))
        belongs = (point, seed)
        state = _usable(checkpoint, job, belongs)
        course = Course(
            bounds=self.constraints,
            goes_from=0.0 if state is None else job.from_resource,
            job=job,
            began=began,
            cost_s=self._cost_s,
            pauses=self.can_checkpoint and job.to_resource < self.fidelity.r_max,
            observe=lambda found, resource: self._observe(found, resource, key),
        )
        try:
            held = self._train(course, job, key, state)
        except progress.JobStoppedError:
            raise
        except BaseException as error:
            failures.contain(error)
            known = course.evaluation()
            return failed(job, known, failures.in_words(error), failures.traced(error))
        if held is not None and not self.can_checkpoint and not course.saved:
            return course.evaluation(Held(held, job.to_resource, belongs))
        return course.evaluation(course.saved)

    def _train(self, course: Course, job: Job, key: int, state: Any) -> Iterator[Any] | None:
        """Have the loop train as far as is asked; what is left of it, if it can go on."""
        if isinstance(state, Saved) and state.ended:
            course.carry(state)
            return None
        if isinstance(state, Held):
            iterator = state.taken()
        else:
            settings = {name: job.config.get(name) for name in self.space.names}
            if self.noise == SEEDED:
                settings["seed"] = key % LARGEST_SEED
            with course.folder(state) as folder:
                found = self._begin(course, settings, folder)
                if found is None:
                    return None
                iterator = found
                self._advance(course, iterator)
                return iterator
        self._advance(course, iterator)
        return iterator

    def _begin(
        self, course: Course, settings: dict[str, Any], folder: Path | None
    ) -> Iterator[Any] | None:
        """The loop as an iterator; None: it has reported, and is over."""
        if self._loads:
            settings[LOAD] = folder
        try:
            with progress.heard_by(course.hear):
                made = self._loop(**settings)
                if folder is not None and not self._loads:
                    made.load(folder)
        except EnoughError:
            course.heed()
            return None
        course.heed()
        if inspect.isclass(self._loop):
            course.saver = getattr(made, "save", None)
        if hasattr(made, "__iter__") and not isinstance(made, Mapping | str):
            iterator: Iterator[Any] = iter(made)
            return iterator
        course.end(made)
        return None

    def _advance(self, course: Course, iterator: Iterator[Any]) -> None:
        """Take what the loop yields until it is enough."""
        while not course.is_done:
            try:
                with progress.heard_by(course.hear):
                    said = next(iterator)
            except EnoughError:
                course.heed()
                return
            except StopIteration:
                course.heed()
                course.end()
                return
            course.heed()
            course.take(said)

    def _observe(self, found: Measured, resource: float, key: int) -> progress.Report:
        """What the loop said, as it is stored: minimised, with slacks."""
        minimised = self.metric.to_minimised
        value = minimised(found.value)
        true = minimised(found.true)
        if math.isnan(true) and self.noise not in (SEEDED, UNKNOWN):
            true = value
        error = self._noise * normal(key, int(resource)) if self._noise else 0.0
        return progress.Report(
            resource,
            value + error,
            true_value=true,
            test_value=minimised(found.test),
            train_value=minimised(found.train),
            constraints={
                bound.metric: bound.slack(found.metrics[bound.metric]) for bound in self.constraints
            },
        )

    def charged_s(self, job: Job, took_s: float) -> float:
        """The seconds that a job is charged that really took some, whatever came of it."""
        steps = job.to_resource - job.from_resource
        return took_s if self._cost_s is None else self._cost_s * steps

    def save_checkpoint(self, path: Path, state: Saved) -> None:
        """Write what the loop saved as one archive."""
        state.write(path)

    def load_checkpoint(self, path: Path) -> Saved:
        """Read what `save_checkpoint` wrote; what is in it, the loop itself reads."""
        return Saved.read(path)


def _fidelity(epochs: int | None, stated: Mapping[str, Any] | None) -> Fidelity:
    if (epochs is None) == (stated is None):
        raise ValueError("state how far the loop trains at most: either epochs or fidelity")
    if stated is not None:
        return calling.stated_fidelity(stated)
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs={epochs!r}: use a whole number of at least 1")
    return Fidelity("epochs", 1, epochs)


def _saves(loop: Function) -> bool:
    """Whether a class can save and load itself; raises ValueError if it can do one of the two."""
    if not inspect.isclass(loop):
        return False
    has = [name for name in ("save", LOAD) if callable(getattr(loop, name, None))]
    if len(has) == 1:
        raise ValueError(
            f"{loop.__qualname__} has {has[0]}(folder) alone: to go on where it was paused it "
            "needs save(folder) and load(folder); to be trained from zero, neither"
        )
    return len(has) == 2


def _usable(checkpoint: Any, job: Job, belongs: tuple[Any, ...]) -> Saved | Held | None:
    """The state to go on from; None: train from zero.

    What was saved may be taken over by another configuration, a loop under way may not.
    """
    if checkpoint is None or checkpoint.resource != job.from_resource:
        return None
    if isinstance(checkpoint, Held):
        return checkpoint if checkpoint.belongs == belongs else None
    return checkpoint if isinstance(checkpoint, Saved) else None
