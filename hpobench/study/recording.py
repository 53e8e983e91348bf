"""Recording: train a space-filling design of configurations once, to replay it for ever after.

Pieces of a few configurations under one repetition are trained in processes of their own and stored
as they come, complete or absent, so that recording can be stopped and taken up again. The table
holds all blocks of configurations of which every repetition is there.

Columns of the table, one row per configuration, repetition and epoch:
    config          number in the design
    repetition      number of the seed
    resource        epochs trained
    validation_error, test_error, training_error
                what is minimised, e.g. 1 - accuracy (NaN: diverged, or there is none)
    validation_loss, test_loss, training_loss   cross-entropy in nats
    training_s, evaluation_s         seconds since training began that each has taken; if grouped,
                as one repetition takes alone, from its first epochs
    parameters, memory_bytes, latency_s         of the network
    then one column a hyperparameter (null: not active)
Of tasks that train no network there are no losses, no evaluation_s and no metrics.

The schema metadata states the space and what else `hpobench.tasks.recorded_table` needs to serve
the table as a task, under the key `hpobench`; and the settings recorded, under `settings`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hpobench.contracts import Task, Trains, TrainsGroups, hook
from hpobench.loop.evaluating import evaluate
from hpobench.loop.randomness import derive_seed
from hpobench.records import Evaluation, Job
from hpobench.space.space import Configuration, Space
from hpobench.storage.schema import column_of
from hpobench.study import build
from hpobench.study.pairs import Config
from hpobench.system import atomic
from hpobench.system.moved import identity
from hpobench.tasks.recorded_facts import KEYS, METADATA, METRICS, SERIES, Facts
from hpobench.tasks.training.curves import Curves

BLOCK = 5
_TAKEN = frozenset({*KEYS, *SERIES, *METRICS})


def design(space: Space, count: int) -> list[Configuration]:
    """The first `count` points of one fixed scrambled Sobol sequence over the space."""
    from scipy.stats import qmc

    sobol = qmc.Sobol(len(space), scramble=True, rng=np.random.default_rng(0))
    unit = sobol.random_base2(max(count - 1, 1).bit_length())[:count]
    return space.from_unit(unit)


@dataclass(frozen=True)
class Piece:
    """Configurations of one block, by number, under one repetition."""

    block: int
    repetition: int
    configs: tuple[tuple[int, Configuration], ...]

    def path(self, folder: Path) -> Path:
        """Where it is stored."""
        return folder / f"{self.block:05d}-{self.repetition}.parquet"


@dataclass(frozen=True)
class Recording:
    """What is to be recorded of one task: a design under so many seeds.

    `grouped`: the repetitions of a configuration are trained as one network.
    """

    task_config: Config
    pieces: tuple[Piece, ...]
    grouped: bool = False

    @property
    def settings(self) -> str:
        """What tables say of how they were recorded; pieces of other settings do not belong."""
        return json.dumps({**self.task_config, **({"grouped": True} if self.grouped else {})})

    def missing(self, folder: Path) -> list[Piece]:
        """The pieces that are not stored below `folder`."""
        return [piece for piece in self.pieces if not piece.path(folder / "pieces").exists()]

    def batches(self, folder: Path) -> list[tuple[Piece, ...]]:
        """The missing pieces, those together that are trained together."""
        missing = self.missing(folder)
        if not self.grouped:
            return [(piece,) for piece in missing]
        return [tuple(pieces) for _, pieces in groupby(missing, key=lambda piece: piece.block)]


def plan(name: str, settings: Config, configs: int, seeds: int, grouped: bool = False) -> Recording:
    """All pieces in the order in which they are worth having; ValueError: nothing to record."""
    task_config = {key: value for key, value in settings.items() if key not in ("about", "budget")}
    task = build.build_task(task_config)
    if hook(task, Trains) is None and task.fidelity.single:
        raise ValueError(
            f"task {name!r} has no learning curve to record: use a task with a fidelity (a "
            "TrainingTask, a TrainingLoop, a CrossValidation, or one of your own)"
        )
    if task.fidelity.name != "none" and not (task.fidelity.integer or task.fidelity.levels):
        raise ValueError(
            f"task {name!r}: of its resource, {task.fidelity.name}, there are infinitely many "
            "levels: state those to record, such as fidelity.levels"
        )
    if grouped and hook(task, TrainsGroups) is None:
        raise ValueError(f"task {name!r} cannot be trained in groups: leave out --grouped")
    numbered = list(enumerate(design(task.space, configs)))
    return Recording(
        task_config,
        tuple(
            Piece(first // BLOCK, repetition, tuple(numbered[first : first + BLOCK]))
            for first in range(0, len(numbered), BLOCK)
            for repetition in range(seeds)
        ),
        grouped,
    )


def record(job: Recording, folder: Path, n_jobs: int) -> Iterator[Piece]:
    """Train what is missing below `folder`; yields each piece when it is stored.

    Raises ValueError if the pieces there were recorded under other settings of the task.
    """
    import joblib

    (folder / "pieces").mkdir(parents=True, exist_ok=True)
    signature = json.dumps(identity(json.loads(job.settings)), sort_keys=True)
    path = folder / "task.json"
    if path.exists() and path.read_text() != signature:
        raise ValueError(f"{folder} was recorded under other settings ({path}): move it away")
    atomic.write_text(path, signature)
    for place in (folder, folder / "pieces"):
        atomic.remove_drafts(place)
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
        for pieces in parallel(
            joblib.delayed(_record_pieces)(job.task_config, pieces, folder / "pieces", job.grouped)
            for pieces in job.batches(folder)
        ):
            yield from pieces


def _record_pieces(
    task_config: Config, pieces: tuple[Piece, ...], folder: Path, grouped: bool
) -> tuple[Piece, ...]:
    """The pieces, of one block, when all of them are stored."""
    task = build.build_task(task_config)
    seeds = [derive_seed(0, "recording", piece.repetition) for piece in pieces]
    rows: list[list[dict[str, Any]]] = [[] for _ in pieces]
    trains = hook(task, Trains)
    for number, config in pieces[0].configs:
        job = Job(number, config, 0, task.fidelity.r_max)
        # As was planned: the task has the hook.
        if trains is None:
            for piece, own, seed in zip(pieces, rows, seeds, strict=True):
                own += _evaluated(task, job, piece.repetition, seed)
            continue
        if grouped:
            trained = cast(TrainsGroups, task).train_group(job, seeds)
        else:
            trained = [trains.train(job, seed) for seed in seeds]
        for piece, own, curves in zip(pieces, rows, trained, strict=True):
            own += _rows(number, config, piece.repetition, curves)
    for piece, own in zip(pieces, rows, strict=True):
        _write(_table(own, task.space), piece.path(folder))
    return pieces


def _rows(
    number: int, config: Configuration, repetition: int, curves: Curves
) -> Iterator[dict[str, Any]]:
    """One row of the table an epoch."""
    series = {
        name: np.asarray(array, dtype=np.float32)
        for name in SERIES
        if (array := getattr(curves, name, None)) is not None
    }
    constant = {"config": number, "repetition": repetition, **curves.metrics}
    parameters = {column_of(key, _TAKEN): value for key, value in config.items()}
    for epoch, resource in enumerate(curves.epochs):
        values = {name: float(array[epoch]) for name, array in series.items()}
        yield {**constant, "resource": float(resource), **values, **parameters}


_EVALUATED = {
    "validation_error": "values",
    "test_error": "test_values",
    "training_error": "train_values",
    "training_s": "seconds",
}


def _evaluated(task: Task, job: Job, repetition: int, seed: int) -> Iterator[dict[str, Any]]:
    """One row of the table a level, from what the task reports; NaN from where it has failed."""
    parameters = {column_of(key, _TAKEN): value for key, value in job.config.items()}
    constant = {"config": job.trial, "repetition": repetition, **parameters}
    found = _by_level(task, job, seed)
    spent = 0.0
    for level in _levels(task):
        values = {name: found.get(level, {}).get(name, np.nan) for name in _EVALUATED}
        spent = values["training_s"] = max(spent, np.nan_to_num(values["training_s"]))
        yield {**constant, "resource": level, **values}


def _levels(task: Task) -> Sequence[float]:
    """The resources at which a table is to have values."""
    fidelity = task.fidelity
    return fidelity.levels or np.arange(fidelity.r_min, fidelity.r_max + 1).tolist()


def _by_level(task: Task, job: Job, seed: int) -> dict[float, dict[str, float]]:
    """What an evaluation reports on its way; where that is its end alone, of one a level."""
    whole = evaluate(task, job, seed, None)
    found = _of(whole)
    if len(whole.values) == 1 and not task.can_checkpoint and whole.error is None:
        for level in _levels(task)[:-1]:
            found |= _of(evaluate(task, job._replace(to_resource=level), seed, None))
    return found


def _of(evaluation: Evaluation) -> dict[float, dict[str, float]]:
    columns = {
        name: array.tolist()
        for name, field in _EVALUATED.items()
        if (array := getattr(evaluation, field)) is not None
    }
    return {
        resource: {name: column[number] for name, column in columns.items()}
        for number, resource in enumerate(evaluation.resources.tolist())
    }


def _table(rows: list[dict[str, Any]], space: Space) -> pa.Table:
    whole = pa.int32()
    types = {"config": whole, "repetition": whole, "resource": pa.float32()}
    types |= {name: pa.float32() for name in SERIES if name in rows[0]}
    parameters = {column_of(name, _TAKEN) for name in space}
    names = [*types, *(name for name in rows[0] if name not in types and name not in parameters)]
    columns = {name: pa.array([row[name] for row in rows], types.get(name)) for name in names}
    for name in space:
        sample = space[name].from_unit(np.full(1, 0.5))
        kind = pa.array(sample).type
        column = column_of(name, _TAKEN)
        columns[column] = pa.array([row.get(column) for row in rows], kind)
    return pa.table(columns)


def _write(table: pa.Table, path: Path) -> None:
    with atomic.draft(path) as aside:
        pq.write_table(table, aside, compression="zstd")


def write_table(job: Recording, folder: Path) -> Path:
    """Write `table.parquet`: all blocks of which every repetition is stored, sorted.

    Raises ValueError if no block is complete.
    """
    lacking = {piece.block for piece in job.missing(folder)}
    paths = [piece.path(folder / "pieces") for piece in job.pieces if piece.block not in lacking]
    if not paths:
        raise ValueError(f"no block of configurations is complete in {folder}: record more")
    table = pa.concat_tables(pq.ParquetFile(path).read() for path in paths)
    table = table.sort_by([(name, "ascending") for name in KEYS])
    stated = _facts(job.task_config, table.column_names).to_json()
    settings = job.settings.encode()
    table = table.replace_schema_metadata({METADATA: stated, b"settings": settings})
    _write(table, folder / "table.parquet")
    return folder / "table.parquet"


def _facts(task_config: Config, columns: Sequence[str]) -> Facts:
    task = build.build_task(task_config)
    known = {*KEYS, *SERIES, *(column_of(name, _TAKEN) for name in task.space)}
    return Facts(
        task.space.specification(),
        task.metric,
        task.fidelity.name,
        task.fidelity.comparable,
        tuple(name for name in columns if name not in known),
    )
