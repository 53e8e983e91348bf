"""What happens in a real run, as its journal keeps it."""

from typing import NamedTuple

from hpobench.loop.events import Decision, Outcome
from hpobench.real.checkpoints import File
from hpobench.records import Job


class Asked(NamedTuple):
    """The method was asked, and gave a job, or None."""

    decision: Decision
    job: Job | None

    @property
    def time_s(self) -> float:
        """When the method was asked."""
        return self.decision.time_s


class Started(NamedTuple):
    """A worker began a job; `to_resource`: how far the budget lets it go."""

    time_s: float
    job: Job
    worker: int
    to_resource: float


class Finished(NamedTuple):
    """A job ended.

    `lost`: its worker still runs it, because it cannot be ended. `holds`: the worker has the state
    of the trial in memory. `file`: the checkpoint that was written, if one was.
    """

    outcome: Outcome
    lost: bool
    holds: bool
    file: File | None

    @property
    def time_s(self) -> float:
        """When the job ended."""
        return self.outcome.end_s


class Told(NamedTuple):
    """The method was told of a job of a trial."""

    decision: Decision
    trial: int

    @property
    def time_s(self) -> float:
        """When the method was told."""
        return self.decision.time_s


Event = Asked | Started | Finished | Told
