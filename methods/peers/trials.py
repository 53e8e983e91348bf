"""The trials of a peer: what it asks for, checked and made jobs; its numbers and ours."""

from collections.abc import Sequence

from hpobench.methods.peers.configurations import Configurations, resource
from hpobench.methods.peers.process.messages import Wish
from hpobench.records import Fidelity, Job
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Configuration, Space


class Trials:
    """First those of the user (`first`), then the peer's, which it numbers from 0."""

    def __init__(self, space: Space, fidelity: Fidelity, first: Sequence[Configuration]) -> None:
        self._configurations = Configurations(space)
        self._fidelity = fidelity
        self._first = len(first)
        self._waiting = iter(range(len(first)))
        self._listed = isinstance(space, ListedSpace)
        self._configs = list(first)
        # What the peer wrote, of which on a list the nearest untried one was taken.
        self._wished: dict[int, Configuration] = dict(enumerate(first))
        self._reached: list[float] = [0] * len(first)
        self._running: set[int] = set()
        # Those whose configurations are not what the peer wrote: it is told them.
        self._moved = set(range(len(first)))

    def first(self) -> Job | None:
        """The next one of the user's, trained to the end; None: all of them were started."""
        trial = next(self._waiting, None)
        return None if trial is None else self._job(trial, self._fidelity.r_max)

    def wanted(self, wish: Wish) -> Job:
        """The job that the peer wants; raises ValueError if it cannot be done."""
        trial, following = wish.trial + self._first, len(self._configs)
        if trial > following:
            raise ValueError(
                f"trial={wish.trial} is not known, and a new one has the number "
                f"{following - self._first}"
            )
        return self._begin(trial, wish) if trial == following else self._go_on(trial, wish)

    def _begin(self, trial: int, wish: Wish) -> Job:
        if wish.config is None:
            raise ValueError(f"trial={wish.trial} is new: it needs a config")
        config = self._configurations.read(wish.config, self._configs if self._listed else ())
        to_resource = resource(wish.resource, 0, self._fidelity)
        if config != wish.config:
            self._moved.add(trial)
        self._configs.append(config)
        self._wished[trial] = self._configurations.read(wish.config)
        self._reached.append(0)
        return self._job(trial, to_resource)

    def _go_on(self, trial: int, wish: Wish) -> Job:
        if trial in self._running:
            raise ValueError(f"trial={wish.trial} is under way: wait until it is told")
        wished = self._wished[trial]
        if wish.config is not None and self._configurations.read(wish.config) != wished:
            raise ValueError(f"trial={wish.trial} has another config: {wished}")
        return self._job(trial, resource(wish.resource, self._reached[trial], self._fidelity))

    def _job(self, trial: int, to_resource: float) -> Job:
        self._running.add(trial)
        return Job(trial, self._configs[trial], self._reached[trial], to_resource)

    def ended(self, job: Job) -> tuple[int | None, bool]:
        """The peer's number of the trial, if it has one; whether to tell the configuration."""
        self._running.discard(job.trial)
        self._reached[job.trial] = job.to_resource
        number = job.trial - self._first
        return number if number >= 0 else None, job.trial in self._moved
