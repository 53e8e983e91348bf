"""Recording: train a space-filling design of configurations once, to replay it for ever after.

Pieces of a few configurations under one repetition are trained in processes of their own and stored
as they come, complete or absent, so that recording can be stopped and taken up again. The table
holds all blocks of configurations of which every repetition is there.

Columns of the table, one row per configuration, repetition and epoch:
    config          number in the design
    repetition      number of the seed
    resource        epochs trained
    validation_error, test_error     1 - accuracy, means over examples (NaN: diverged)
    validation_loss, test_loss, training_loss   cross-entropy in nats
    training_s, evaluation_s         seconds since training began that each has taken
    parameters, memory_bytes, latency_s         of the network
    then one column a hyperparameter (null: not active)

The schema metadata states the space and what else `hpobench.tasks.recorded_table` needs to serve
the table as a task, under the key `hpobench`; and the settings recorded, under `settings`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hpobench.contracts import Trains, hook
from hpobench.records import Job
from hpobench.run.randomness import derive_seed
from hpobench.space.space import Configuration, Space
from hpobench.storage.schema import column_of
from hpobench.study import simulated
from hpobench.study.pairs import Config
from hpobench.system import atomic
from hpobench.system.moved import identity
from hpobench.tasks.recorded_facts import KEYS, METADATA, METRICS, SERIES, Facts

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
    """What is to be recorded of one task: a design under so many seeds."""

    task_config: Config
    pieces: tuple[Piece, ...]

    def missing(self, folder: Path) -> list[Piece]:
        """The pieces that are not stored below `folder`."""
        return [piece for piece in self.pieces if not piece.path(folder / "pieces").exists()]


def plan(name: str, settings: Config, configs: int, seeds: int) -> Recording:
    """All pieces in the order in which they are worth having; ValueError: nothing to record."""
    task_config = {key: value for key, value in settings.items() if key not in ("about", "budget")}
    task = simulated.build_task(task_config)
    if hook(task, Trains) is None:
        raise ValueError(
            f"task {name!r} has no learning curve to record: use a task that trains by epochs "
            "(a TrainingTask, or KFold around one)"
        )
    numbered = list(enumerate(design(task.space, configs)))
    return Recording(
        task_config,
        tuple(
            Piece(first // BLOCK, repetition, tuple(numbered[first : first + BLOCK]))
            for first in range(0, len(numbered), BLOCK)
            for repetition in range(seeds)
        ),
    )


def record(job: Recording, folder: Path, n_jobs: int) -> Iterator[Piece]:
    """Train what is missing below `folder`; yields each piece when it is stored.

    Raises ValueError if the pieces there were recorded under other settings of the task.
    """
    import joblib

    (folder / "pieces").mkdir(parents=True, exist_ok=True)
    signature = json.dumps(identity(job.task_config), sort_keys=True)
    path = folder / "task.json"
    if path.exists() and path.read_text() != signature:
        raise ValueError(f"{folder} was recorded under other settings ({path}): move it away")
    atomic.write_text(path, signature)
    for place in (folder, folder / "pieces"):
        atomic.remove_drafts(place)
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
        yield from parallel(
            joblib.delayed(_record_piece)(job.task_config, piece, folder / "pieces")
            for piece in job.missing(folder)
        )


def _record_piece(task_config: Config, piece: Piece, folder: Path) -> Piece:
    task = simulated.build_task(task_config)
    training = cast(Trains, task)  # as was planned
    seed = derive_seed(0, "recording", piece.repetition)
    rows = []
    for number, config in piece.configs:
        curves = training.train(Job(number, config, 0, task.fidelity.r_max), seed)
        series = {name: np.asarray(getattr(curves, name), dtype=np.float32) for name in SERIES}
        constant = {"config": number, "repetition": piece.repetition, **curves.metrics}
        for epoch, resource in enumerate(curves.epochs):
            values = {name: float(array[epoch]) for name, array in series.items()}
            parameters = {column_of(key, _TAKEN): value for key, value in config.items()}
            rows.append({**constant, "resource": float(resource), **values, **parameters})
    _write(_table(rows, task.space), piece.path(folder))
    return piece


def _table(rows: list[dict[str, Any]], space: Space) -> pa.Table:
    whole = pa.int32()
    types = {"config": whole, "repetition": whole, "resource": pa.float32()}
    types |= dict.fromkeys(SERIES, pa.float32())
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
    settings = json.dumps(job.task_config).encode()
    table = table.replace_schema_metadata({METADATA: stated, b"settings": settings})
    _write(table, folder / "table.parquet")
    return folder / "table.parquet"


def _facts(task_config: Config, columns: Sequence[str]) -> Facts:
    task = simulated.build_task(task_config)
    known = {*KEYS, *SERIES, *(column_of(name, _TAKEN) for name in task.space)}
    return Facts(
        task.space.specification(),
        task.metric,
        task.fidelity.name,
        task.fidelity.comparable,
        tuple(name for name in columns if name not in known),
    )
