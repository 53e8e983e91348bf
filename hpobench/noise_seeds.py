"""Which seed of the objective's noise each trial of a run sees."""

from dataclasses import dataclass, field
from typing import Any

from hpobench.randomness import mix
from hpobench.records import Job
from hpobench.space import Space


@dataclass(slots=True)
class NoiseSeeds:
    """The first evaluation of a configuration sees the same noise under every method.

    When a run tries the same configuration again, it sees fresh noise.
    """

    space: Space
    seed: int
    _of: dict[int, int] = field(default_factory=dict)
    _visits: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def __contains__(self, trial: int) -> bool:
        return trial in self._of

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, trial: int) -> int:
        return self._of[trial]

    def start(self, job: Job) -> None:
        """Number the visits to the job's configuration."""
        key = self.space.key(job.config)
        visit = self._visits.get(key, 0)
        self._visits[key] = visit + 1
        self._of[job.trial] = mix(self.seed, visit - 1) if visit else self.seed
