"""Studies in memory put together, and written where `hpobench.results.load` finds them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.arrays import Columns
from hpobench.identity import RunKey, digest
from hpobench.results.foreign.rows import by_pair, from_records, workers_setting
from hpobench.results.study.study import Study
from hpobench.storage import layout, schema
from hpobench.storage.arrow import RunRecord
from hpobench.storage.parts import write_part
from hpobench.system import atomic

KEY = list(schema.KEY)
SETTINGS = ("overhead", "clock")
OLDER: dict[str, Any] = {"source": -1, "error": ""}
"""Columns that parts of earlier versions lack, and what that means."""


def combine(*studies: Study) -> Study:
    """All runs of several studies as one, to compare them, foreign ones and our own.

    Facts about a task or method are those of the first study that has it, but for the range of its
    resource. Runs keep their numbers of workers; other settings in which the studies differ are
    left out, and their notes are kept. Raises ValueError if a (task, method, seed) is in two.
    """
    tasks: dict[str, schema.TaskFacts] = {}
    methods: dict[str, schema.MethodFacts] = {}
    for study in studies:
        for name, facts in study.tasks.items():
            tasks[name] = _wider(tasks.get(name, facts), facts)
        methods |= {name: facts for name, facts in study.methods.items() if name not in methods}
    first = studies[0].settings
    shared = {
        name: first[name]
        for name in SETTINGS
        if name in first and all(study.settings.get(name) == first[name] for study in studies)
    }
    notes = [note for study in studies for note in study.settings.get("notes", [])]
    records = [_with_workers(each, study) for study in studies for each in records_of(study)]
    read = [each for study in studies for each in study.settings.get("read", [])]
    settings = {**workers_setting(records), **shared, "notes": list(dict.fromkeys(notes))}
    settings |= {"read": read} if read else {}
    return from_records(records, tasks, methods, settings)


def _with_workers(record: RunRecord, study: Study) -> RunRecord:
    """The run with the number of workers that its study states for all, unless it has its own."""
    stated = study.settings.get("workers")
    return (
        replace(record, workers=stated)
        if not record.workers and isinstance(stated, int)
        else record
    )


def _wider(facts: schema.TaskFacts, other: schema.TaskFacts) -> schema.TaskFacts:
    return replace(facts, r_min=min(facts.r_min, other.r_min), r_max=max(facts.r_max, other.r_max))


def store(study: Study, folder: str | Path) -> Path:
    """Write a study that `hpobench.results.load(folder)` reads; returns the folder.

    The folder is there as a whole or not at all. Raises ValueError if it holds something already:
    an import adds nothing to a study.
    """
    folder = Path(folder)
    if (folder / "study.json").exists():
        raise ValueError(f"{folder} holds a study already: choose another folder")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(
            f"{folder} is there, but holds no study, as after an import that did not end: remove "
            "it, or choose another folder"
        )
    pairs = by_pair(records_of(study))
    if not pairs:
        raise ValueError("the study has no runs to store")
    folder.parent.mkdir(parents=True, exist_ok=True)
    atomic.remove_drafts(folder.parent)
    plan = _plan(study, folder.resolve().name, pairs)
    settings = {"name": plan["name"], "imported": dict(study.settings)}
    with atomic.draft(folder) as aside:
        for records in pairs:
            write_part(aside, records)
        layout.write(aside, settings, plan, layout.manifest({}, {}))
    return folder


def _plan(study: Study, name: str, pairs: Sequence[Sequence[RunRecord]]) -> layout.Plan:
    settings = {key: value for key, value in study.settings.items() if key != "name"}
    return {
        "schema": schema.VERSION,
        "name": name,
        "settings": settings,
        "shared": digest({"imported": settings}),
        "tasks": {name: asdict(facts) for name, facts in study.tasks.items()},
        "methods": {name: asdict(facts) for name, facts in study.methods.items()},
        "pairs": [_planned([record.key for record in records]) for records in pairs],
    }


def _planned(keys: Sequence[RunKey]) -> dict[str, Any]:
    return {
        "task": keys[0].task,
        "method": keys[0].method,
        "fingerprint": keys[0].fingerprint,
        "conditions": digest({"imported": keys[0].task}),
        "seeds": [key.seed for key in keys],
    }


def records_of(study: Study) -> list[RunRecord]:
    """The runs of a study, one record each, as they are stored."""
    observations, trials = _by_run(study.observations), _by_run(study.trials)
    jobs, decisions = _by_run(study.jobs), _by_run(study.decisions)
    return [
        RunRecord(
            key=_key(row),
            observations=_observed(observations.get(key), study.observations),
            trials=_configs(trials.get(key)),
            jobs=_coded(jobs.get(key), schema.JOBS, "status", schema.JOB_STATUS),
            decisions=_coded(decisions.get(key), schema.DECISIONS, "kind", ["ask", "tell"]),
            end_time_s=float(row["end_time_s"]),
            cpu_s=float(row["cpu_s"]),
            setup_s=float(row.get("setup_s", 0.0)),
            error=_error(row),
            workers=None if np.isnan(row.get("workers", np.nan)) else int(row["workers"]),
            first_error=str(row.get("first_error") or ""),
        )
        for row in study.runs.to_dict("records")
        for key in [_run_of(row)]
    ]


def _key(row: Any) -> RunKey:
    task, method, seed = _run_of(row)
    return RunKey(task, method, seed, digest({"imported": [task, method]}))


def _error(row: Any) -> str:
    if row["status"] == "ok":
        return ""
    return str(row["error"]) or "failed"


def _by_run(table: pd.DataFrame) -> dict[tuple[str, str, int], pd.DataFrame]:
    if not len(table):
        return {}
    grouped = table.groupby(KEY, observed=True, sort=False)
    return {_run_of(rows.iloc[0]): rows for _, rows in grouped}


def _run_of(row: Any) -> tuple[str, str, int]:
    return str(row["task"]), str(row["method"]), int(row["seed"])


def _observed(rows: pd.DataFrame | None, like: pd.DataFrame) -> Columns:
    """The columns; constraints of which nothing is known belong to other tasks."""
    names = [field.name for field in schema.OBSERVATIONS if field.name not in (*KEY, "status")]
    if rows is None:
        return {name: np.array([]) for name in names}
    slacks = [name for name in map(str, like) if name.startswith(schema.SLACK)]
    slacks = [name for name in slacks if rows[name].notna().any()]
    unknown = np.full(len(rows), np.nan)  # what came later than a study that was made in memory
    return {name: rows[name].to_numpy() if name in rows else unknown for name in [*names, *slacks]}


def _configs(rows: pd.DataFrame | None) -> list[tuple[int, Any]]:
    if rows is None:
        return []
    return [
        (int(trial), json.loads(config))
        for trial, config in zip(rows["trial"], rows["config"], strict=True)
    ]


def _coded(rows: pd.DataFrame | None, fields: Any, name: str, codes: list[str]) -> Columns:
    """The columns less the key, that of `name` as positions in `codes`."""
    names = [field.name for field in fields if field.name not in KEY]
    if rows is None:
        return {name: np.array([], dtype=object) for name in names}
    columns: Columns = {name: rows[name].to_numpy() for name in names}
    for missing in OLDER.keys() & columns.keys():
        columns[missing] = rows[missing].fillna(OLDER[missing]).to_numpy()
    columns[name] = np.array([codes.index(str(each)) for each in rows[name]], dtype=np.int32)
    return columns
