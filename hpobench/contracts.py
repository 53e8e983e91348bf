"""The roles: task, searcher, scheduler, method. Each is a protocol; nothing inherits.

Whoever fills a role may have hooks besides, each a small protocol below: `HOOKS` lists those of
each role, `hook` finds one.
"""

from collections.abc import Mapping, Sequence
from inspect import get_annotations
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
from hpobench.space.space import Configuration, Space


class Task(Protocol):
    """A search space, a fidelity, a metric, and the means to evaluate a job."""

    space: Space
    fidelity: Fidelity
    metric: Metric
    constraints: tuple[Constraint, ...]
    optimum: float | None
    """Smallest true value at r_max over the space, if known."""
    median: float | None
    """Median true value at r_max over random configurations, if known."""
    can_checkpoint: bool
    """Whether a paused trial can be resumed from where it stopped."""

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        """Train `job`; deterministic given (config, resources, seed).

        Without a checkpoint training starts at zero, and its time is charged, but only resources
        in (from_resource, to_resource] are reported. The checkpoint is that of `job.source`, if
        there is one: training goes on from its state with the configuration of the job.
        """


class Searcher(Protocol):
    """Decides which configuration to try. Two methods are enough to plug one in.

    A constructor takes `(space, rng, **settings)`.
    """

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:
        """The next configuration to try, or None: the space is exhausted.

        `pending` maps trials to their jobs under way. It is a live view: read, do not keep.
        """

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        """Learn from a job that ended; `evaluation.value` is infinite if it failed."""


class Step(NamedTuple):
    """A scheduler's decision: train `trial` up to `to_resource`.

    Trials are numbered 0, 1, 2, ... in the order in which the scheduler starts them.
    """

    trial: int
    to_resource: float


class Scheduler(Protocol):
    """Decides how much resource a trial gets, and when.

    A constructor takes `(fidelity, **settings)`, and is given `space` and `rng`, a generator of its
    own, if it names them.
    """

    def next(self) -> Step | None:
        """The next step for a free worker; None: wait until something is reported."""

    def report(self, trial: int, resource: float, value: float) -> None:
        """A step ended with this value at `resource`; an infinite value means that it failed."""

    def exhausted(self) -> None:
        """The trial that `next` just started has no configuration, nor will any later one."""


class Method(Protocol):
    """A searcher with a scheduler, or a library that does both.

    A constructor takes `(space, fidelity, rng, workers, **settings)`.
    """

    def ask(self) -> Job | None:
        """The next job for a free worker; None: nothing to do until something returns."""

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        """A job ended."""


class Prepares(Protocol):
    """A task that loads data, or starts what all its jobs share."""

    def prepare(self) -> None:
        """Called once in each process that evaluates the task, before its first job."""


class SavesCheckpoints(Protocol):
    """A task whose training state is more than numbers, texts, arrays, and lists and dicts of them.

    Its file is read as that of a plain state, unless the task has `load_checkpoint` too.
    """

    def save_checkpoint(self, path: Path, state: Any) -> None:
        """Write a state to a file at `path`; called on the real clock when a trial pauses."""


class LoadsCheckpoints(Protocol):
    """A task that reads the files of its own `save_checkpoint`."""

    def load_checkpoint(self, path: Path) -> Any:
        """The state in a file; called on the real clock when a trial goes on."""


class SaysWhetherReproducible(Protocol):
    """A task that knows whether it repeats itself. Of others nothing is claimed."""

    reproducible: bool | None
    """Whether the same configuration, resources and seed give the same values and seconds."""


class HasClock(Protocol):
    """A task whose costs may not be known."""

    clock: str
    """Unit of its seconds: "seconds", or "evaluations" if its costs are not known."""


class Remarks(Protocol):
    """A task of which users should know something before they believe its results."""

    remarks: tuple[str, ...]
    """Sentences for the terminal and the report."""


class HasData(Protocol):
    """A task that is made of data that may change while its settings stay."""

    data_hash: str
    """A hash of the data: other data are another task."""


class HasInstances(Protocol):
    """A task that may be another objective for each seed, as suites of functions repeat theirs."""

    instances_by_seed: bool
    """Whether it is: true values then differ with the seed, too."""


class ChargesFailures(Protocol):
    """A task whose cost is not the time that it takes, asked about a job whose process ended."""

    def charged_s(self, job: Job, took_s: float) -> float:
        """The seconds on the simulated clock of a job that failed after really taking `took_s`."""


class Trains(Protocol):
    """A task with learning curves, which `hpobench record` makes a table of."""

    def train(self, job: Job, seed: int) -> Any:
        """All that is measured on the way, as arrays over epochs (see `training.curves.Curves`)."""


class TrainsGroups(Protocol):
    """A task that trains several seeds of a configuration at once: `hpobench record --grouped`."""

    def train_group(self, job: Job, seeds: Sequence[int]) -> Sequence[Any]:
        """What `train` returns for each of the seeds, up to rounding."""


class Excludes(Protocol):
    """A searcher that does not repeat what was chosen elsewhere."""

    def exclude(self, config: Configuration) -> None:
        """Called before the first `suggest` with each configuration of `points_to_evaluate`."""


class HearsJobs(Protocol):
    """A scheduler that needs more of a job than its value."""

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        """Called when a job ends, just before `report`."""


class DecidesResources(Protocol):
    """A scheduler or method that decides how much resource a trial gets, and says so.

    Asked of the class. On tasks with one level of resource it has nothing to decide.
    """

    multi_fidelity: bool


class Refusable(Protocol):
    """A method that goes on with the trials that it has, if it may start no other."""

    def refuse(self, job: Job) -> None:
        """Called when the budget of trials is spent: `job`, just asked for, will not be run."""


class SetsUp(Protocol):
    """A method, or the searcher of one, that needs a library or a process of its own."""

    def set_up(self) -> None:
        """Called once before the first `ask`; its time is kept apart from that of decisions."""


class Closes(Protocol):
    """A method that has begun what must be ended."""

    def close(self) -> None:
        """Called when the run is over, however it ended."""


class DecidesElsewhere(Protocol):
    """A method whose decisions are taken in other processes too."""

    elsewhere_cpu_s: float
    """CPU seconds that they took there so far."""


class HasVersion(Protocol):
    """A method of a library: runs of another version are other runs."""

    version: str


HOOKS: Mapping[str, tuple[type, ...]] = {
    "task": (
        *(
            Prepares,
            SavesCheckpoints,
            LoadsCheckpoints,
            SaysWhetherReproducible,
            HasClock,
            Remarks,
            HasData,
            HasInstances,
        ),
        *(ChargesFailures, Trains, TrainsGroups),
    ),
    "searcher": (Excludes, SetsUp),
    "scheduler": (HearsJobs, DecidesResources),
    "method": (Refusable, SetsUp, Closes, DecidesElsewhere, HasVersion, DecidesResources),
}
"""The hooks that whoever fills a role may have."""

H = TypeVar("H")


def hook(owner: Any, kind: type[H]) -> H | None:
    """`owner` as that which has the hook `kind`; None: it lacks a part of it."""
    return cast(H, owner) if all(hasattr(owner, name) for name in _parts(kind)) else None


def _parts(kind: type) -> tuple[str, ...]:
    """The names of the methods and attributes that a hook has."""
    names = {**vars(kind), **get_annotations(kind)}
    return tuple(name for name in names if not name.startswith("_"))
