"""A user's table as a task: the recorded table in Parquet, and the YAML beside it."""

import json
import math
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hpobench.storage.schema import column_of
from hpobench.system import atomic
from hpobench.tables import reading
from hpobench.tasks import recorded_table
from hpobench.tasks.importing import asked as asking
from hpobench.tasks.importing.asked import Asked
from hpobench.tasks.importing.rows import Rows, rows_of
from hpobench.tasks.recorded_facts import KEYS, METADATA, METRICS, SERIES, Facts
from hpobench.tasks.table import TableTask
from hpobench.words import counted

MODEL = "_surrogate"
"""What the name of a task ends with that is a model of a table."""
MOST_TRIALS = 100
"""The stated budget lets one worker train so many configurations in full, or all there are."""


@dataclass(frozen=True)
class Imported:
    """One table that was written: its task, and what is to be said of it."""

    name: str
    task: TableTask
    repetition: str
    words: list[str]
    notes: list[str]
    summary: str


def import_table(
    paths: Sequence[Path],
    name: str,
    asked: Asked,
    folder: Path,
    overwrite: bool = False,
    surrogate: bool = False,
) -> list[Imported]:
    """Write `folder/task/NAME.yaml` with its Parquet; with `asked.by` one task a value of a column.

    `surrogate`: NAME_surrogate.yaml, too, a model of the table for its whole space. Raises
    ValueError, before anything is written, for what is not there or cannot be read.
    """
    whole = reading.read(paths)
    notes: list[str] = []
    if asking.is_cv_results(whole):
        whole, asked = asking.of_cv_results(whole, asked, notes)
    kept = reading.chosen(whole, asked.where)
    parts = _parts(kept, asked.by, name)
    place = folder / "task"
    yamls = [place / f"{each}.yaml" for each in (name, *([name + MODEL] if surrogate else []))]
    if not overwrite and (there := [yaml for yaml in yamls if yaml.exists()]):
        raise ValueError(f"{there[0]} is there already: choose another --name, or add --replace")
    made = {}
    for part, frame in parts.items():
        try:
            made[part] = rows_of(_with_test(frame, whole, asked), _test_asked(asked), notes)
        except ValueError as error:
            where = f"{asked.by} of {part}: " if asked.by else ""
            raise ValueError(f"{where}{error}") from error
    source = ", ".join(path.name for path in paths)
    with tempfile.TemporaryDirectory(prefix="hpobench-") as aside:
        tasks = [_tried(Path(aside), part, rows, asked) for part, rows in made.items()]
        place.mkdir(parents=True, exist_ok=True)
        for part in made:
            file = f"{part}.parquet"
            atomic.write_bytes(place / file, (Path(aside) / file).read_bytes())
    named = dict(zip(parts, _values(kept, asked.by), strict=True))
    for yaml in yamls:
        text = _yaml(yaml.stem, source, asked, tasks, list(made.values()), named)
        atomic.write_text(yaml, text)
    return tasks


def _values(frame: pd.DataFrame, by: str) -> list[str]:
    return [str(value) for value in frame[by].dropna().unique()] if by else [""]


def _parts(frame: pd.DataFrame, by: str, name: str) -> dict[str, pd.DataFrame]:
    """The rows of each task by its name."""
    if not by:
        return {name: frame}
    reading.one_of(frame, by, "--by")
    parts: dict[str, pd.DataFrame] = {}
    for value in frame[by].dropna().unique():
        part = f"{name}_{re.sub(r'[^A-Za-z0-9-]+', '_', str(value)).strip('_')}"
        if part in parts:
            raise ValueError(f"--by {by}: two values are both called {part} as tasks: rename one")
        parts[part] = frame[frame[by] == value].reset_index(drop=True)
    return parts


_TEST = "_test_value"


def _with_test(frame: pd.DataFrame, whole: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """The rows with the test values that stand in other rows, of the same configuration."""
    if not asked.test_where:
        return frame
    if asked.test or "*" in asked.value:
        raise ValueError("--test-where takes the place of --test, and of one column of --value")
    others = reading.chosen(whole, asked.test_where)
    found = [reading.matching(frame, text, "--config") for text in asked.config]
    columns = [column for some in found for column in some.values()]
    keys = [*columns, *filter(None, (asked.resource, asked.repetition))]
    tested = others[keys].apply(tuple, axis=1)
    values = reading.numbers(others[reading.one_of(others, asked.value, "--value")])[0]
    means = values.groupby(tested).mean()
    return frame.assign(**{_TEST: frame[keys].apply(tuple, axis=1).map(means)})


def _test_asked(asked: Asked) -> Asked:
    return replace(asked, test=_TEST) if asked.test_where else asked


def _write_parquet(path: Path, rows: Rows) -> None:
    series = rows.series
    taken = {*KEYS, *SERIES, *METRICS, *rows.metrics}
    if strange := [name for name in rows.metrics if name in {*KEYS, *SERIES}]:
        raise ValueError(f"--constraint {strange[0]}: rename the column, the name is taken")
    columns: dict[str, Any] = {
        "config": pa.array(series["config"], pa.int64()),
        "repetition": pa.array(series["repetition"], pa.int64()),
        "resource": pa.array(series["resource"], pa.float64()),
        "validation_error": pa.array(series["value"].to_numpy(float), from_pandas=False),
    }
    known = {"test": "test_error", "train": "training_error", "seconds": "training_s"}
    for name, stored in known.items():
        if name in series:
            columns[stored] = pa.array(series[name].to_numpy(float), from_pandas=False)
    for name in rows.metrics:
        columns[name] = pa.array(series[name].to_numpy(float), from_pandas=False)
    for name in rows.space:
        values = rows.configs[name].tolist()
        of_rows = [values[number] for number in series["config"]]
        columns[column_of(name, taken)] = pa.array(of_rows, from_pandas=True)
    facts = Facts(
        rows.space, rows.metric, rows.fidelity, rows.comparable, metrics=tuple(rows.metrics)
    )
    table = pa.table(columns).replace_schema_metadata({METADATA: facts.to_json()})
    pq.write_table(table, path)


def _tried(folder: Path, name: str, rows: Rows, asked: Asked) -> Imported:
    """The table, written into a folder, as a task."""
    file = folder / f"{name}.parquet"
    _write_parquet(file, rows)
    try:
        found = recorded_table.read(str(file), None, asked.short_curves)
    except ValueError as error:  # of what the user's file holds, not one that is gone again
        where = f"{name}: " if asked.by else ""
        raise ValueError(where + str(error).removeprefix(f"{file}: ")) from error
    paired = bool(asked.repetition) and found.paired and found.values.shape[1] > 1
    short = asked.short_curves if any("end before" in note for note in rows.notes) else None
    repetition = "paired" if paired else "sampled"
    task = recorded_table.recorded(
        str(file), None, repetition, _bounds(asked.constraints), rows.comparable, short
    )
    n, most, levels = found.values.shape
    least = int(found.counts.min())
    times = f"{least} to {most}" if least < most else f"{most}"
    summary = f"{counted(n, 'configurations')} x {times} {'repetition' + 's' * (most > 1)}"
    if levels > 1:
        summary += f" x {levels} levels of {rows.fidelity}"
    if most > 1:
        drawn = "a seed sees the same one of all" if paired else "an evaluation sees one by chance"
        rows.notes.append(f"{times} repetitions: {drawn} ({repetition}); true values are means")
    if short:
        means = "go on with their last value" if short == "carried" else "have failed from there on"
        rows.notes.append(f"curves that end early {means} (--short-curves {short})")
    if not rows.comparable:
        rows.notes.append(
            f"values at different {rows.fidelity} do not compare, and each is a training of its "
            "own (--comparable, if it is not so)"
        )
    rows.notes.extend(task.remarks)
    return Imported(name, task, repetition, rows.words, rows.notes, summary)


def _bounds(texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """Bounds by metric, of those that have one."""
    bounds = {}
    for text in texts:
        for sign, side in (("<=", "upper"), (">=", "lower")):
            name, found, bound = text.partition(sign)
            if found:
                try:
                    bounds[name.strip()] = {side: float(bound)}
                except ValueError:
                    raise ValueError(f"--constraint {text}: {bound!r} is no number") from None
    return bounds


def _yaml(
    name: str,
    source: str,
    asked: Asked,
    tasks: Sequence[Imported],
    rows: Sequence[Rows],
    named: dict[str, str],
) -> str:
    """The YAML of one task, or of a family of them."""
    first = tasks[0]
    value = rows[0].metric.label
    what = f"{value} of {source}" + (", its whole space by a model" if _models(name) else "")
    about = {"label": name, "summary": f"{what}: {first.summary}", "source": source}
    common = _of_model() if _models(name) else _of_table(asked, tasks, rows)
    common.append(
        f"constraints: {json.dumps(_bounds(asked.constraints))} # bounds, e.g. {{latency: 0.1}}"
    )
    head = ["about:", *(f"  {key}: {json.dumps(text)}" for key, text in about.items())]
    if not asked.by:
        return "\n".join([*head, *_own(first, rows[0], ""), *common]) + "\n"
    family = ["family: # one task each", f"  {json.dumps(asked.by)}:"]
    for task, one in zip(tasks, rows, strict=True):
        family += [f"    {json.dumps(named[task.name])}:", *_own(task, one, "      ")]
    return "\n".join([*head, *common, *family]) + "\n"


def _models(name: str) -> bool:
    return name.endswith(MODEL)


def _of_model() -> list[str]:
    return [
        "_target_: hpobench.tasks.surrogate.surrogate # fitted when first used, in about a minute",
        "quality: {error: 0.9} # least rank correlation with configurations left out; also cost",
        "noise: true # as repetitions differ, in values and costs",
    ]


def _of_table(asked: Asked, tasks: Sequence[Imported], rows: Sequence[Rows]) -> list[str]:
    lines = [
        "_target_: hpobench.tasks.recorded_table.recorded",
        f"repetition: {_repetition(tasks)} # sampled, paired, mean (free of noise), or the "
        "index of one",
        f"can_checkpoint: {json.dumps(all(one.comparable for one in rows))} # false: a trial that "
        "goes on is trained anew",
    ]
    if any("end early" in note for one in rows for note in one.notes):
        lines.append(f"short_curves: {asked.short_curves} # or failed: of curves that end early")
    return lines


def _repetition(tasks: Sequence[Imported]) -> str:
    return "paired" if {task.repetition for task in tasks} == {"paired"} else "sampled"


def _own(task: Imported, rows: Rows, indent: str) -> list[str]:
    """What is of this table alone: its file, budget and space."""
    lines = [
        f"table: {json.dumps(task.name + '.parquet')} # beside this file",
        f"budget: {_budget(task.task, rows)}",
        "space: # as it was read; correct it here: types, ranges (for surrogates), scales",
    ]
    for name, spec in rows.space.items():
        lines.append(f"  {json.dumps(name)}: {json.dumps(spec)}")
    return [indent + line for line in lines]


def _budget(task: TableTask, rows: Rows) -> str:
    count = min(MOST_TRIALS, task.space.size or MOST_TRIALS)
    if task.clock == "seconds":
        last = rows.series["resource"] == rows.series["resource"].max()
        mean = float(rows.series.loc[last, "seconds"].mean())
        limit = count * mean
        digits = 2 - math.ceil(math.log10(limit)) if limit > 0 else 0
        return f"{{time_s: {round(limit, digits):g}}} # {count} full trainings of the mean cost"
    if task.fidelity.single:
        return f"{{trials: {count}}} # its cost is not known: the clock counts evaluations"
    resource = count * task.fidelity.r_max
    return f"{{resource: {resource:g}}} # {count} full trainings; their cost is not known"
