"""The roles: task, searcher, scheduler, method. Each is a protocol; nothing inherits."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
from hpobench.space.space import Configuration, Space


class Task(Protocol):
    """A search space, a fidelity, a metric, and the means to evaluate a job.

    A task may also state `reproducible`: the same configuration, resources and seed give the same
    values and seconds. Without it nothing is claimed.
    """

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

    A constructor takes `(space, rng, **settings)`. A searcher that must not repeat configurations
    chosen elsewhere (`points_to_evaluate`) may also have a method `exclude(config)`.
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
    own, if it names them. A scheduler may also have a method `observe(job, evaluation)`, which is
    called just before `report`. One that decides how much resource a trial gets says so by
    `multi_fidelity = True`: on tasks with one level of resource it has nothing to decide.
    """

    def next(self) -> Step | None:
        """The next step for a free worker; None: wait until something is reported."""

    def report(self, trial: int, resource: float, value: float) -> None:
        """A step ended with this value at `resource`; an infinite value means that it failed."""

    def exhausted(self) -> None:
        """The trial that `next` just started has no configuration, nor will any later one."""


class Method(Protocol):
    """A searcher with a scheduler, or a library that does both.

    A constructor takes `(space, fidelity, rng, workers, **settings)`. A method may also have
    `refuse(job)`: the budget of trials is spent, so that `job`, just asked for, will not be run,
    nor any other that starts a trial; trials that were started may go on.

    Three more serve methods that need a library or a process of their own. `set_up()` is called
    once before the first `ask`; imports belong there, for its time is kept apart from that of
    decisions. `close()` is called when the run is over, however it ended. `elsewhere_cpu_s` holds
    the CPU seconds that decisions took in other processes so far. `version` is that of the library:
    runs of another version are other runs. `multi_fidelity` is as of a scheduler.
    """

    def ask(self) -> Job | None:
        """The next job for a free worker; None: nothing to do until something returns."""

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        """A job ended."""
