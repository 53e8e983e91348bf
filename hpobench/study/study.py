"""A study: its plan, what of it is stored, and the running of the rest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from dataclasses import replace as replaced
from functools import partial
from pathlib import Path
from typing import Any

from hpobench.cluster import settings as cluster_settings
from hpobench.identity import RunKey, digest
from hpobench.real.live import Watch
from hpobench.storage import layout, merging, parts, schema
from hpobench.storage.rule import AUTO
from hpobench.study import checks, planned, real, simulated, sources, spread
from hpobench.study.build import build_task
from hpobench.study.compose import Composed
from hpobench.study.merging import (
    Change,
    Entry,
    adopt,
    changed_code,
    compare,
    differences,
    merge,
    unplanned,
)
from hpobench.study.one_run import FAILING
from hpobench.study.overrides import ConfigError
from hpobench.study.pairs import REAL_SETTINGS, Chunk, Pair, chunks, one_level
from hpobench.study.turns import Report, side_by_side, sweep
from hpobench.system import atomic, locks, output

MANY_PARTS, TIDY_EVERY = 20, 200
"""A pair that has so many parts has them merged: at the end of a call, and each so many parts."""


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
        checks.check(settings)
        atomic.check_runs_dir(Path(settings["runs_dir"]))
        folder = Path(settings["runs_dir"]) / str(settings["name"])
        return cls(folder, settings, planned.pairs(composed))

    def keys(self) -> list[RunKey]:
        """All planned runs."""
        return [pair.key(seed) for pair in self.pairs for seed in pair.seeds]

    def status(self) -> dict[RunKey, str]:
        """The planned runs that are stored: ok or failed."""
        stored = parts.inventory(self.folder)
        return {key: stored[key][0] for key in self.keys() if key in stored}

    def pending(self) -> list[Chunk]:
        """What is still to run of this call's shard, in parts."""
        retry = self.settings["retry_failed"]
        done = {key for key, status in self.status().items() if status == "ok" or not retry}
        shard = checks.shard(self.settings["shard"])
        size = 1 if self.settings["clock"] == "real" else self.settings["part_runs"]
        return chunks(self.pairs, done, size, shard)

    def change(self) -> Change:
        """What this call would do to the stored plan. Raises ConfigError if it cannot be read."""
        return self._change(self.stored_plan(), self.plan())

    def unplanned(self) -> list[Entry]:
        """Stored runs, as pairs with seeds, that are neither in the stored plan nor in this one."""
        return unplanned(parts.inventory(self.folder), merge(self.stored_plan(), self.plan()))

    def run(
        self,
        watch: Watch | None = None,
        *,
        extend: bool = False,
        replace: bool = False,
        again: bool = False,
    ) -> Iterator[Report]:
        """Write the plan, then run what is pending; yields a report a stored part.

        A plan that adds to the stored one is refused without `extend`, one that hides some of it
        without `replace`: ConfigError says what it would do. `watch` is told how a run stands that
        really takes its time. `again`: within one call, which is noted once.
        """
        self._look()
        self._write(extend, replace, again)
        return self._reports(watch)

    def _look(self) -> None:
        """Try out tasks of the user's own of which no run is stored; ConfigError: a fault."""
        if not self.settings.get("check_first", True):
            return
        stored = {key.fingerprint for key in parts.inventory(self.folder)}
        unseen = [chunk.pair for chunk in self.pending() if chunk.pair.fingerprint not in stored]
        for pair in {pair.task: pair for pair in unseen}.values():
            simulated.first_look(pair)

    def _reports(self, watch: Watch | None) -> Iterator[Report]:
        self._tidy_logs()  # what fails now is said anew
        reports = side_by_side(partial(self._run, watch), self.pending(), self.folder)
        for count, report in enumerate(reports, 1):
            yield report
            if count % TIDY_EVERY == 0:
                self._tidy_parts()
        self._tidy_logs()
        self._tidy_parts()

    def _tidy_parts(self) -> None:
        """Merge the parts of pairs that have many, unless another call is at it."""
        lock = locks.acquire(self.folder / ".lock")
        if lock is not None:
            with lock:
                merging.compact(self.folder, at_least=MANY_PARTS)

    def _tidy_logs(self) -> None:
        """Leave no more than what was printed."""
        logs = self.folder / output.FOLDER
        for note in logs.glob(f"*{FAILING}"):
            note.unlink(missing_ok=True)
        with suppress(OSError):  # there is none, or it is not empty
            logs.rmdir()

    def _run(self, watch: Watch | None, chunks: Sequence[Chunk]) -> Iterator[Report]:
        if self.settings["clock"] == "real":
            oversubscribe = self.settings["oversubscribe"]
            engine = checks.engine(self.settings)
            return real.run_all(chunks, self.folder, oversubscribe, watch, engine)
        if cluster_settings.is_cluster(own := self.settings["engine_settings"]):
            name = str(self.settings["engine"])
            return spread.run_all(chunks, self.folder, name, own, [0])
        n_jobs, backend = self.settings["n_jobs"], self.settings["backend"]
        return simulated.run_all(chunks, self.folder, n_jobs, backend)

    def _write(self, extend: bool, replace: bool, again: bool) -> None:
        """Merge this call into what is stored, alone: calls side by side wait for each other."""
        with atomic.ours(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        hashes = {pair.task: pair.data_hash for pair in self.pairs if pair.data_hash}
        libraries = {pair.method: pair.library for pair in self.pairs if pair.library}
        facts = layout.manifest(hashes, libraries)
        facts["settings"] = {name: self.settings[name] for name in layout.CALL_SETTINGS}
        plan, found = self.plan(), parts.inventory(self.folder) if extend else {}
        with locks.locked(self.folder / ".lock"):
            parts.clear_up(self.folder)
            sweep(self.folder)
            stored = self.stored_plan()
            change = self._change(stored, plan)
            if change.kind == "extends" and not (extend or replace):
                raise ConfigError(
                    self._refusal(change, "--extend (in Python extend=True) to add to the study")
                )
            if change.kind == "replaces" and not replace:
                hide = (
                    "--replace (in Python replace=True) to hide them: they stay on disk, and their "
                    "settings show them again"
                )
                raise ConfigError(self._refusal(change, hide))
            plan = adopt(found, merge(stored, plan))
            config = layout.read_config(self.folder) if stored else {}
            calls = layout.read_manifest(self.folder) if stored else {}
            calls = calls if again and calls else layout.with_calls(calls, facts)
            own = {k: v for k, v in self.settings.items() if k != "decide"} | self._decide()
            layout.write(self.folder, layout.united(config, own, plan), plan, calls)

    def _refusal(self, change: Change, choice: str) -> str:
        return (
            f"{self.folder} holds a study already, and this call {change.in_words()}. Choose "
            f"name=OTHER for a study of its own, or {choice}"
        )

    def stored_plan(self) -> layout.Plan | None:
        """The plan that is stored under this name, if any; ConfigError: not one to be added to."""
        if not (self.folder / "study.json").exists():
            return None
        try:
            stored = layout.read_plan(self.folder)
        except ValueError as error:
            raise ConfigError(
                f"{error}: choose name=OTHER, or move the file away to begin a plan anew; stored "
                "runs of the same settings count"
            ) from error
        version = stored["schema"]
        if version != schema.VERSION:
            raise ConfigError(
                f"{self.folder}/study.json has row schema {version}, and this version writes "
                f"{schema.VERSION}: use the version that made it, or choose name=OTHER"
            )
        return stored

    def unread(self) -> list[str]:
        """Modules of the user's own whose source cannot be found, so that changes go unnoticed."""
        configs = [
            config for pair in self.pairs for config in (pair.task_config, pair.method_config)
        ]
        return sorted({name for config in configs for name in sources.unread(config)})

    def planned_seeds(self) -> dict[tuple[str, str], list[int]]:
        """By task and method, the seeds of the whole study: of earlier calls and of this one."""
        pairs = merge(self.stored_plan(), self.plan())["pairs"]
        return {(pair["task"], pair["method"]): pair["seeds"] for pair in pairs}

    def _change(self, stored: layout.Plan | None, plan: layout.Plan) -> Change:
        change = compare(stored, plan)
        if stored is None or not change.hidden:
            return change
        config = layout.read_config(self.folder)
        there, here = dict(stored["settings"]), dict(plan["settings"])
        for group in ("tasks", "methods"):
            known, own = config.get(group) or {}, self.settings[group]
            both = [name for name in own if name in known]
            there[group], here[group] = _less_about(known, both), _less_about(own, both)
        reasons = [*differences(there, here), *changed_code(change.hidden, plan)]
        return replaced(change, reasons=tuple(reasons) or change.reasons)

    def plan(self) -> layout.Plan:
        """The plan as stored in study.json."""
        settings = self.settings
        shared = {name: settings[name] for name in ("workers", "overhead", "budget", "study_seed")}
        if settings["clock"] == "real":
            shared |= {name: settings[name] for name in REAL_SETTINGS}
        elif settings["job_timeout_s"]:
            shared["job_timeout_s"] = settings["job_timeout_s"]
        own = {"faults": checks.faults(settings), "failed_trials": checks.failed_trials(settings)}
        shared |= {name: value for name, value in own.items() if value}
        if settings["objective_seeds"]:
            shared["objective_seeds"] = settings["objective_seeds"]
        tasks = {pair.task: pair for pair in self.pairs}
        return {
            "schema": schema.VERSION,
            "name": str(settings["name"]),
            "settings": shared
            | {name: settings[name] for name in ("failed", "reference")}
            | self._decide(),
            "shared": digest(shared),
            "tasks": {name: asdict(self._task_facts(pair)) for name, pair in tasks.items()},
            "methods": {
                pair.method: asdict(
                    planned.method_facts(pair.method, settings["methods"][pair.method])
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
                    "code": {"task": pair.task_code, "method": pair.method_code},
                }
                for pair in self.pairs
            ],
        }

    def _decide(self) -> dict[str, Any]:
        """The rule by which the number of seeds is found, if it is."""
        auto = self.settings["seeds"] == AUTO
        return {"decide": checks.rule(self.settings).as_settings()} if auto else {}

    def one_level(self) -> str:
        """Which methods have nothing to decide on which tasks, in words, "" if none."""
        plan = self.plan()
        return one_level(
            [(pair.task, pair.method) for pair in self.pairs],
            {name: schema.TaskFacts.from_json(facts) for name, facts in plan["tasks"].items()},
            {name: schema.MethodFacts.from_json(facts) for name, facts in plan["methods"].items()},
        )

    def _task_facts(self, pair: Pair) -> schema.TaskFacts:
        task = build_task(pair.task_config)
        return planned.task_facts(
            pair.task, self.settings["tasks"][pair.task], task, self.settings["clock"]
        )


def _less_about(nodes: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Settings of tasks or methods without what is only said about them."""
    return {name: {k: v for k, v in nodes[name].items() if k != "about"} for name in names}
