"""From what a foreign log tells of its jobs to the tables of a study (see `schema`).

Workers are not logged: jobs that overlap get different ones, as few as possible.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hpobench.arrays import Columns, FloatArray, IntArray
from hpobench.identity import RunKey, digest
from hpobench.records import LARGEST, too_large
from hpobench.results.foreign.model import Piece, Run, name_of, same_resource, task_facts
from hpobench.results.study.load import decoded
from hpobench.results.study.study import Study
from hpobench.results.study.time_axis import SECONDS
from hpobench.space.space import Configuration
from hpobench.storage import schema
from hpobench.storage.arrow import FINGERPRINT, RunRecord, tables
from hpobench.storage.schema import MethodFacts, TaskFacts


def study_of(runs: Sequence[Run], source: str, notes: Sequence[str]) -> Study:
    """The study of these runs. Raises ValueError if there is none, or if two have the same key."""
    if not runs:
        raise ValueError(f"{source}: there are no runs to import")
    _check_labels(runs)
    runs = same_resource(runs)
    records = [_record(run) for run in runs]
    tasks = {name_of(run.task): task_facts(run.task, runs) for run in runs}
    methods = {name_of(run.method): MethodFacts(name_of(run.method), run.method) for run in runs}
    settings = {
        **workers_setting(records),
        # What lies between two jobs is the method's own time: a foreign clock charges it.
        "overhead": "measured" if any(run.clock == SECONDS for run in runs) else "none",
        "source": source,
        "notes": list(dict.fromkeys(notes)),
        "read": [_read(run) for run in runs],
    }
    return from_records(records, tasks, methods, settings)


def _read(run: Run) -> dict[str, Any]:
    """What the log itself says of a run, for `summary`."""
    return {
        "run": [name_of(run.task), name_of(run.method), run.seed],
        "sign": run.sign,
        "states": dict(run.states),
        "own_best": run.own_best,
    }


def workers_setting(records: Sequence[RunRecord]) -> dict[str, Any]:
    """The setting `workers`: one number, or the least and the most of a run; none if not counts."""
    counts = sorted({record.workers for record in records if record.workers})
    if not counts or not all(record.workers for record in records):
        return {}
    return {"workers": counts[0] if len(counts) == 1 else [counts[0], counts[-1]]}


def _check_labels(runs: Sequence[Run]) -> None:
    for some in ({run.task for run in runs}, {run.method for run in runs}):
        if len({name_of(label) for label in some}) < len(some):
            raise ValueError(f"these names are too alike to be told apart: {sorted(some)}")


def assign_workers(start_s: FloatArray, end_s: FloatArray) -> IntArray:
    """Workers (n,) of jobs that run from `start_s` to `end_s` (n,): the lowest that is free.

    As few as there are jobs at one time: colouring of intervals in order of their start.
    """
    workers = np.zeros(len(start_s), dtype=np.int64)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    for job in np.lexsort((end_s, start_s)):
        while busy and busy[0][0] <= start_s[job]:
            heappush(free, heappop(busy)[1])
        workers[job] = heappop(free) if free else len(busy)
        heappush(busy, (float(end_s[job]), int(workers[job])))
    return workers


def _record(run: Run) -> RunRecord:
    pieces = sorted(map(_computable, run.pieces), key=lambda piece: piece.end_s)
    start_s = np.array([piece.start_s for piece in pieces], dtype=float)
    end_s = np.array([piece.end_s for piece in pieces], dtype=float)
    workers = assign_workers(start_s, end_s)
    task, method = name_of(run.task), name_of(run.method)
    return RunRecord(
        key=RunKey(task, method, run.seed, digest({"imported": [task, method]})),
        observations=_observations(pieces, workers),
        trials=_trials_of(pieces),
        jobs=_jobs(pieces, workers, start_s, end_s),
        decisions={name: np.array([]) for name in ("kind", "time_s", "seconds", "cpu_s")},
        end_time_s=float(end_s.max(initial=0.0)),
        cpu_s=np.nan,
        setup_s=np.nan,
        # Of evaluations without times nobody knows which were done at once.
        workers=int(workers.max(initial=0)) + 1 if run.clock == SECONDS else None,
    )


def _computable(piece: Piece) -> Piece:
    """Values of which differences overflow, as some log for a divergence, have failed."""
    values = np.array(piece.values, dtype=float)
    values[~np.isfinite(values)] = np.nan
    large = np.abs(values) > LARGEST
    if not large.any():
        return replace(piece, values=values.tolist())
    words = too_large(values[large][0])
    values[large] = np.nan
    return replace(piece, values=values.tolist(), error=piece.error or words)


def _trials_of(pieces: Sequence[Piece]) -> list[tuple[int, Configuration]]:
    """Trials by number; if nothing is known of any configuration, the number stands for it."""
    configs = {piece.trial: piece.config for piece in pieces}
    nameless = not any(configs.values())
    return [(trial, {"number": trial} if nameless else configs[trial]) for trial in sorted(configs)]


def _observations(pieces: Sequence[Piece], workers: IntArray) -> Columns:
    counts = [len(piece.values) for piece in pieces]

    def joined(name: str) -> FloatArray:
        return np.array([each for piece in pieces for each in getattr(piece, name)], dtype=float)

    def repeated(values: Sequence[Any] | IntArray) -> Any:
        return np.repeat(np.array(values), counts)

    time_s = joined("times_s")
    columns: Columns = {
        "trial": repeated([piece.trial for piece in pieces]),
        "resource": joined("resources"),
        "time_s": time_s,
        "value": joined("values"),
        "true_value": np.full(len(time_s), np.nan),
        "test_value": _beside(pieces, "tests"),
        "train_value": _beside(pieces, "trains"),
        "worker": repeated(workers),
    }
    for name in sorted({name for piece in pieces for name in piece.slacks}):
        # What was not measured is not feasible.
        slack = [piece.slacks.get(name, -np.inf) for piece in pieces]
        columns[schema.SLACK + name] = repeated(slack).astype(float)
    order = np.argsort(time_s, kind="stable")
    return {name: column[order] for name, column in columns.items()}


def _beside(pieces: Sequence[Piece], name: str) -> FloatArray:
    """Test or training values of all observations, NaN where there is none that can be used."""
    missing = [[np.nan] * len(piece.values) for piece in pieces]
    known = [getattr(piece, name) or none for piece, none in zip(pieces, missing, strict=True)]
    values = np.array([value for some in known for value in some], dtype=float)
    return np.where(np.abs(values) <= LARGEST, values, np.nan)


def _jobs(
    pieces: Sequence[Piece], workers: IntArray, start_s: FloatArray, end_s: FloatArray
) -> Columns:
    reached: dict[int, float] = {}
    before, after = [], []
    for piece in pieces:
        before.append(reached.get(piece.trial, 0.0))
        reached[piece.trial] = max(piece.resources, default=before[-1])
        after.append(reached[piece.trial])
    failed = [not len(piece.values) or not np.isfinite(piece.values[-1]) for piece in pieces]
    return {
        "trial": np.array([piece.trial for piece in pieces], dtype=np.int64),
        "worker": workers,
        "from_resource": np.array(before, dtype=float),
        "to_resource": np.array(after, dtype=float),
        "source": np.full(len(pieces), -1),
        "start_s": start_s,
        "end_s": end_s,
        "status": np.array(failed, dtype=np.int32),
        "error": np.array([piece.error for piece in pieces], dtype=object),
    }


def from_records(
    records: Sequence[RunRecord],
    tasks: Mapping[str, TaskFacts],
    methods: Mapping[str, MethodFacts],
    settings: Mapping[str, Any],
) -> Study:
    """The study of runs in memory. Raises ValueError if a (task, method, seed) is there twice."""
    parts = [tables(some) for some in by_pair(records)]
    return Study(
        observations=_frame([part["observations"] for part in parts], schema.OBSERVATIONS),
        trials=_trials([part["trials"] for part in parts]),
        decisions=_frame([part["decisions"] for part in parts], schema.DECISIONS),
        runs=_frame([part["runs"].drop_columns([FINGERPRINT]) for part in parts], schema.RUNS),
        tasks=tasks,
        methods=methods,
        settings=settings,
        jobs=_frame([part["jobs"] for part in parts], schema.JOBS),
    )


def by_pair(records: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """The runs of each (task, method), pairs and seeds in order, as `load` finds them."""
    pairs: dict[tuple[str, str], dict[int, RunRecord]] = {}
    for record in records:
        key = record.key
        seeds = pairs.setdefault((key.task, key.method), {})
        if key.seed in seeds:
            raise ValueError(
                f"there are two runs of task {key.task!r}, method {key.method!r} and seed "
                f"{key.seed}: name them apart"
            )
        seeds[key.seed] = record
    return [[seeds[seed] for seed in sorted(seeds)] for _, seeds in sorted(pairs.items())]


def _frame(parts: Sequence[pa.Table], fields: pa.Schema) -> pd.DataFrame:
    whole = pa.concat_tables([*parts, fields.empty_table()], promote_options="default")
    frame: pd.DataFrame = whole.unify_dictionaries().to_pandas()
    return frame.sort_values(list(schema.KEY), kind="stable", ignore_index=True)


def _trials(parts: Sequence[pa.Table]) -> pd.DataFrame:
    whole = pd.concat([decoded(part) for part in parts], ignore_index=True)
    whole = whole.astype({"task": "category", "method": "category"})
    return whole.sort_values(list(schema.KEY), kind="stable", ignore_index=True)
