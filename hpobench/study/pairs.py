"""What a study will run: pairs of task and method over seeds, each with a fingerprint.

The fingerprint covers all that can change the result of a run but its seed: the settings of task
and method and the user's own code behind them (see `sources`), budget, workers, overhead, study
seed. A stored run counts as done if its fingerprint is the planned one, so that changing one
method's settings reruns that method and no other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from hpobench.identity import RunKey, digest
from hpobench.loop.budget import Budget
from hpobench.storage import schema
from hpobench.system.carried import Carried
from hpobench.system.moved import identity

Config = Mapping[str, Any]
# They count only when the clock is the wall's.
REAL_SETTINGS = ("clock", "job_timeout_s", "worker_memory_mb", "engine")
# Pairs that were planned before these were known keep their fingerprints.
_ONLY_IF_SET = ("library", "task_code", "method_code", "faults", "failed_trials", "objective_seeds")


@dataclass(frozen=True)
class Pair:
    """One task with one method, over seeds; configurations as plain dicts, ready to instantiate."""

    task: str
    method: str
    task_config: Config
    method_config: Config
    budget: Budget
    workers: int
    study_seed: int
    seeds: tuple[int, ...]
    overhead: str = "none"
    replay_from: str = ""
    replay_fingerprint: str = ""
    data_hash: str = ""
    library: str = ""
    task_code: str = ""
    method_code: str = ""
    clock: str = "simulated"
    job_timeout_s: float | None = None
    worker_memory_mb: float | None = None
    engine: str = "processes"
    faults: Config = field(default_factory=dict)
    failed_trials: Config = field(default_factory=dict)
    objective_seeds: int | None = None
    """So many seeds of the objective are crossed with each of the method's; None: they are one."""
    carried: tuple[Carried, ...] = ()
    """What the settings name that no module holds: it travels with the pair."""
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", digest(self._content("seeds")))

    @property
    def conditions(self) -> str:
        """The fingerprint of all settings but the method's: pairs that compare share it."""
        mine = (
            *("seeds", "method", "method_config", "method_code"),
            *("library", "replay_fingerprint"),
        )
        return digest(self._content(*mine))

    def _content(self, *without: str) -> dict[str, Any]:
        aside = {"fingerprint", "budget", "replay_from", "carried", *without}
        if self.clock == "simulated":
            # A limit that is set holds on either clock.
            aside |= {*REAL_SETTINGS} - ({"job_timeout_s"} if self.job_timeout_s else set())
        aside |= {name for name in _ONLY_IF_SET if not getattr(self, name)}
        names = {spec.name for spec in fields(self)} - aside
        content = {name: identity(getattr(self, name)) for name in names}
        return content | {"budget": asdict(self.budget), "schema": schema.VERSION}

    def own_seed(self, seed: int) -> int:
        """The seed of the method in the run of a seed."""
        return seed // (self.objective_seeds or 1)

    def noise_seed(self, seed: int) -> int:
        """The seed of the objective in the run of a seed."""
        return seed % self.objective_seeds if self.objective_seeds else seed

    def key(self, seed: int) -> RunKey:
        """The key under which the run of one seed is stored."""
        return RunKey(self.task, self.method, seed, self.fingerprint)


@dataclass(frozen=True)
class Chunk:
    """Runs of one pair that are done in one go and stored as one part.

    `first`: the first seed of the chunk as it was planned, whatever of it is stored already.
    """

    pair: Pair
    seeds: tuple[int, ...]
    first: int

    def less(self, done: Collection[int]) -> "Chunk | None":
        """The chunk without the seeds that are done; None if that is all."""
        left = tuple(seed for seed in self.seeds if seed not in done)
        return Chunk(self.pair, left, self.first) if left else None


def chunks(
    pairs: Sequence[Pair], done: Collection[RunKey], size: int, shard: tuple[int, int] = (1, 1)
) -> list[Chunk]:
    """What is missing, `size` seeds at a time; the same parts whatever the number of jobs.

    Of all the plan's chunks, done or not, shard (i, n) has each n-th: shards never overlap.
    """
    planned = [
        Chunk(pair, pair.seeds[first : first + size], pair.seeds[first])
        for pair in pairs
        for first in range(0, len(pair.seeds), size)
    ]
    index, count = shard
    left = [
        chunk.less([seed for seed in chunk.seeds if chunk.pair.key(seed) in done])
        for chunk in planned[index - 1 :: count]
    ]
    return [chunk for chunk in left if chunk is not None]


def one_level(
    pairs: Iterable[tuple[str, str]],
    tasks: Mapping[str, schema.TaskFacts],
    methods: Mapping[str, schema.MethodFacts],
) -> str:
    """On which tasks multi-fidelity methods have nothing to decide, in words, or ""."""
    found = [
        (tasks[task].label, methods[method].label)
        for task, method in pairs
        if tasks[task].r_min == tasks[task].r_max and methods[method].multi_fidelity
    ]
    if not found:
        return ""
    where, who = (", ".join(dict.fromkeys(names)) for names in zip(*found, strict=True))
    return (
        f"one level of resource on {where}: there multi-fidelity methods ({who}) train every "
        "trial in full, and stop none"
    )
