"""A study: its plan, what of it is stored, and the running of the rest."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpobench import layout, real_runs, resolve, runner, schema, store
from hpobench.config import Composed
from hpobench.live import Watch
from hpobench.plan import REAL_SETTINGS, Chunk, Pair, chunks, digest
from hpobench.rows import RunKey


@dataclass(frozen=True)
class Study:
    """What is to be run, and where it is stored."""

    folder: Path
    settings: Mapping[str, Any]
    pairs: tuple[Pair, ...]

    @classmethod
    def make(cls, composed: Composed) -> "Study":
        """Check everything that can be checked; raises ConfigError before any run starts."""
        settings = composed.settings
        resolve.check(settings)
        folder = Path(settings["runs_dir"]) / str(settings["name"])
        return cls(folder, settings, resolve.pairs(composed))

    def keys(self) -> list[RunKey]:
        """All planned runs."""
        return [pair.key(seed) for pair in self.pairs for seed in pair.seeds]

    def status(self) -> dict[RunKey, str]:
        """The planned runs that are stored: ok or failed."""
        stored = store.inventory(self.folder)
        return {key: stored[key][0] for key in self.keys() if key in stored}

    def pending(self) -> list[Chunk]:
        """What is still to run of this call's shard, in parts."""
        retry = self.settings["retry_failed"]
        done = {key for key, status in self.status().items() if status == "ok" or not retry}
        shard = resolve.shard(self.settings["shard"])
        size = 1 if self.settings["clock"] == "real" else self.settings["part_runs"]
        return chunks(self.pairs, done, size, shard)

    def run(self, watch: Watch | None = None) -> Iterator[runner.Report]:
        """Write the plan, then run what is pending; yields a report a stored part.

        `watch` is told how a run stands that really takes its time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        store.remove_drafts(self.folder)
        path = self.folder / "study.json"
        earlier = layout.read_plan(self.folder) if path.exists() else None
        hashes = {pair.task: pair.data_hash for pair in self.pairs if pair.data_hash}
        plan = layout.merge(earlier, self.plan())
        libraries = {pair.method: pair.library for pair in self.pairs if pair.library}
        facts = layout.manifest(hashes, libraries)
        layout.write(self.folder, self.settings, plan, facts)
        if self.settings["clock"] == "real":
            oversubscribe = self.settings["oversubscribe"]
            engine = resolve.engine(self.settings)
            yield from real_runs.run_all(self.pending(), self.folder, oversubscribe, watch, engine)
            return
        n_jobs, backend = self.settings["n_jobs"], self.settings["backend"]
        yield from runner.run_all(self.pending(), self.folder, n_jobs, backend)

    def plan(self) -> layout.Plan:
        """The plan as stored in study.json."""
        settings = self.settings
        shared = {name: settings[name] for name in ("workers", "overhead", "budget", "study_seed")}
        if settings["clock"] == "real":
            shared |= {name: settings[name] for name in REAL_SETTINGS}
        tasks = {pair.task: pair for pair in self.pairs}
        return {
            "schema": schema.VERSION,
            "name": str(settings["name"]),
            "settings": shared,
            "shared": digest(shared),
            "tasks": {name: asdict(self._task_facts(pair)) for name, pair in tasks.items()},
            "methods": {
                pair.method: asdict(
                    resolve.method_facts(pair.method, settings["methods"][pair.method])
                )
                for pair in self.pairs
            },
            "pairs": [
                {
                    "task": pair.task,
                    "method": pair.method,
                    "fingerprint": pair.fingerprint,
                    "conditions": pair.conditions,
                    "seeds": list(pair.seeds),
                }
                for pair in self.pairs
            ],
        }

    def _task_facts(self, pair: Pair) -> schema.TaskFacts:
        task = runner.build_task(pair.task_config)
        return resolve.task_facts(pair.task, self.settings["tasks"][pair.task], task)
