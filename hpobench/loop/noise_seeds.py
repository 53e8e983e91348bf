"""What each trial of a run is: its configuration, and the seed of the noise that it sees."""

from dataclasses import dataclass, field
from typing import Any

from hpobench.loop.randomness import mix
from hpobench.records import Job
from hpobench.space.space import Configuration, Space


@dataclass(slots=True)
class NoiseSeeds:
    """The first evaluation of a configuration sees the same noise under every method.

    When a run tries the same configuration again, it sees fresh noise.

    Configurations are kept as they were proposed: methods and tasks may write into what they get.
    """

    space: Space
    seed: int
    _of: dict[int, int] = field(default_factory=dict)
    _visits: dict[tuple[Any, ...], int] = field(default_factory=dict)
    _configs: dict[int, Configuration] = field(default_factory=dict)

    def __contains__(self, trial: int) -> bool:
        return trial in self._of

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, trial: int) -> int:
        return self._of[trial]

    def start(self, job: Job) -> None:
        """Number the visits to the job's configuration; ValueError: it is none of the space."""
        try:
            self.space.validate(job.config)
        except ValueError as error:
            raise ValueError(f"the method proposed what it cannot: {error}") from error
        self._configs[job.trial] = dict(job.config)
        key = self.space.key(job.config)
        visit = self._visits.get(key, 0)
        self._visits[key] = visit + 1
        self._of[job.trial] = mix(self.seed, visit - 1) if visit else self.seed

    def as_proposed(self, job: Job) -> Job:
        """The job with the configuration that its trial began with."""
        trial, _, from_resource, to_resource, source = job
        return Job(trial, self._configs[trial], from_resource, to_resource, source)
