"""Ray Tune experiments as runs: one JSON line a report in the `result.json` of each trial's folder.

Of a line are read `trial_id`, `config`, `training_iteration`, `timestamp` (when the report was
made, in whole seconds), `time_total_s` (finer), and the metric. A folder that has `progress.csv`
alone holds the same in columns, with the configuration in `params.json`; one with `error.txt` is
that of a trial that failed, be it before its first report. The trials below one folder are one run;
so are those of one file.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.results.foreign.files import parsed, text_of
from hpobench.results.foreign.model import (
    Piece,
    Run,
    check_beside,
    finite,
    sign_of,
    value_label,
)
from hpobench.results.foreign.naming import Naming, files_of
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study
from hpobench.tables.reading import plain
from hpobench.words import counted

RESULT, PROGRESS, PARAMS, ERROR = "result.json", "progress.csv", "params.json", "error.txt"
CONFIG = "config/"
_OCCURRED = re.compile(r"occurred at (\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)")
AUTOMATIC = {
    *("timestamp", "done", "training_iteration", "trial_id", "time_this_iter_s", "time_total_s"),
    *("config", "pid", "iterations_since_restore", "time_since_restore", "timesteps_total"),
    *("episodes_total", "should_checkpoint", "timesteps_since_restore", "experiment_tag"),
    *("warmup_time", "node_ip", "hostname", "date", "logdir"),
}
CORRECT = "correct it, or take the line out"


def from_ray_tune(
    paths: str | Path | Sequence[str | Path],
    *,
    task: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    runs: str = "",
    metric: str | None = None,
    mode: str | None = None,
    test: str | None = None,
    train: str | None = None,
    resource: str = "training_iteration",
    comparable: bool = True,
) -> Study:
    """Import experiments: their folders, or files of result lines.

    Names of a run: those given; what `runs`, a pattern, finds in the name of its folder or file;
    else that name, "ray_tune", and numbers. `metric`: None, if the lines report one only; `mode`,
    min or max, is to be given, as the logs do not say it. `test`, `train`: the same on test data
    and on the data trained on. `comparable`: values at different iterations compare. Raises
    ValueError, naming the file, for what cannot be read.
    """
    naming = Naming(task, method, seed, runs)
    made, notes = [], []
    for name, files in _experiments(paths):
        trials = [trial for file in files for trial in _trials(file)]
        ended = [trial for trial in trials if trial.lines or trial.error]
        if not ended:
            raise ValueError(f"{files[0]} holds no report of Ray Tune: it is empty")
        if left := len(trials) - len(ended):
            notes.append(f"{name}: {counted(left, 'trials')} without any report left out.")
        lines = [line for trial in ended for line in trial.lines]
        known = metric or _only_metric(name, lines)
        sign = sign_of(mode, known)
        check_beside(test, train, _numbers_in(lines), name)
        pieces = _pieces(ended, (known, test, train), sign, resource, notes)
        made.append(
            Run(
                *naming.of(name, task=name, method="ray_tune"),
                pieces=pieces,
                value_label=value_label(known, sign < 0),
                fidelity=resource if any(len(piece.values) > 1 for piece in pieces) else "none",
                comparable=comparable,
                sign=sign,
                states=_states(pieces),
            )
        )
    return study_of(made, "Ray Tune", notes)


class _Trial(NamedTuple):
    """The reports of one trial, each with where it stands, and why it failed; empty: it did not.

    `failed_at`: when that was, as a local time.
    """

    config: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]
    error: str = ""
    failed_at: str = ""


def _experiments(paths: str | Path | Sequence[str | Path]) -> list[tuple[str, list[Path]]]:
    """The name and files of each experiment: the folder above those of its trials."""
    found: dict[Path, list[Path]] = {}
    for file in files_of(paths, RESULT, PROGRESS, ERROR, "*.jsonl"):
        whole = file.absolute()
        if file.name not in (RESULT, PROGRESS, ERROR):
            found.setdefault(whole.with_suffix(""), []).append(file)
        elif file.name == _speaks_for(file.parent):
            found.setdefault(whole.parent.parent, []).append(file)
    if not found:
        raise ValueError(f"there is no {RESULT} or {PROGRESS} beside the {ERROR} to import")
    return [(place.name or "ray_tune", files) for place, files in found.items()]


def _speaks_for(folder: Path) -> str:
    """The name of the file that the trial of a folder is read from; empty: it is of none."""
    there = [name for name in (RESULT, PROGRESS) if (folder / name).is_file()]
    return next(iter(there), ERROR if (folder / PARAMS).is_file() else "")


def _trials(file: Path) -> list[_Trial]:
    """The trials of one file, or the one of which the folder is."""
    if file.suffix == ".csv" and file.name != PROGRESS:
        raise ValueError(
            f"{file} is a table, such as results.get_dataframe() gives: `hpobench import csv "
            f"{file}` reads it (with --metric and --mode)"
        )
    if file.name not in (RESULT, PROGRESS, ERROR):
        trials: dict[str, list[Mapping[str, Any]]] = {}
        for line in _lines(file):
            trials.setdefault(str(line["trial_id"]), []).append(line)
        return [_Trial(lines[0]["config"], lines) for lines in trials.values()]
    params, said = file.with_name(PARAMS), file.with_name(ERROR)
    config = _params(params) if params.is_file() else None
    lines = [] if file.name == ERROR else list(_lines(file, config))
    if not lines and file.name == RESULT and file.with_name(PROGRESS).is_file():
        lines = list(_lines(file.with_name(PROGRESS), config))
    config = lines[0]["config"] if lines else config or {}
    if not said.is_file():
        return [_Trial(config, lines)]
    text = text_of(said).strip()
    moments = _OCCURRED.findall(text)
    last = text.splitlines()[-1].strip() if text else "error"
    return [_Trial(config, lines, last, moments[-1] if moments else "")]


def _params(file: Path) -> Mapping[str, Any]:
    try:
        content = parsed(text_of(file))
    except ValueError as error:
        raise ValueError(f"{file} is no configuration of Ray Tune: {error}") from None
    if not isinstance(content, Mapping):
        raise ValueError(f"{file} is no configuration of Ray Tune: it is no mapping")
    return content


def _lines(file: Path, config: Mapping[str, Any] | None = None) -> Iterator[Mapping[str, Any]]:
    """The reports of one file, mappings in them taken apart; `config`, where they have none."""
    for where, line in _rows(file) if file.suffix == ".csv" else _json_lines(file):
        if config is not None:  # of columns it would be texts
            beside = {"config": config, "trial_id": file.parent.name}
            line = line | beside if file.suffix == ".csv" else beside | line
        if missing := {"config", "trial_id"} - set(line):
            raise ValueError(f"{where} is no result of Ray Tune: it has no {min(missing)}")
        deep = {k: v for k, v in line.items() if isinstance(v, Mapping) and k != "config"}
        yield line | flat(deep) | {"_where": where}


def _json_lines(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, text in enumerate(text_of(file).splitlines(), start=1):
        if text.strip():
            where = f"{file}, line {number}"
            try:
                yield where, dict(parsed(text))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{where} is no result of Ray Tune: {error}") from None


def _rows(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of `progress.csv`, with the configuration if that is in columns."""
    for number, row in enumerate(csv.DictReader(io.StringIO(text_of(file))), start=1):
        cells = {name: plain(str(value)) for name, value in row.items() if name and value}
        config = {n.removeprefix(CONFIG): v for n, v in cells.items() if n.startswith(CONFIG)}
        line = {name: value for name, value in cells.items() if not name.startswith(CONFIG)}
        if any(name.startswith(CONFIG) for name in row):
            line["config"] = config
        # Never a number: `00000` would lose its zeros.
        yield f"{file}, row {number}", line | {"trial_id": row.get("trial_id") or file.parent.name}


def _numbers_in(lines: Sequence[Mapping[str, Any]]) -> dict[str, None]:
    """The names of numbers that are reported beside those that Ray Tune adds."""
    return dict.fromkeys(
        key
        for line in lines
        for key, value in line.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
        if key not in AUTOMATIC and not key.startswith("_")
    )


def _only_metric(name: str, lines: Sequence[Mapping[str, Any]]) -> str:
    found = _numbers_in(lines)
    if len(found) != 1:
        known = ", ".join(found) or "none"
        raise ValueError(f"{name} reports the numbers {known}: choose one by --metric")
    return next(iter(found))


def _pieces(
    trials: Sequence[_Trial],
    metrics: tuple[str, str | None, str | None],
    sign: float,
    resource: str,
    notes: list[str],
) -> list[Piece]:
    """One job a trial, times counted from when the first trial began.

    `metrics`: that of the value, and those on test and on training data.
    """
    metric, *beside = metrics
    begun = [
        _moments(trial.lines)[0] if trial.lines else _failed_at(trial, trials) for trial in trials
    ]
    zero = min((moment for moment in begun if moment is not None), default=0.0)
    if unknown := begun.count(None):
        notes.append(
            f"{counted(unknown, 'trials')} failed before any report, and when is not known: they "
            "count as failed at the start."
        )
    lowest = min((_number(trial.lines[0], resource) for trial in trials if trial.lines), default=1)
    made = []
    for number, (trial, moment) in enumerate(zip(trials, begun, strict=True)):
        reports, config = trial.lines, flat(trial.config)
        at = 0.0 if moment is None else moment - zero
        if not reports:
            made.append(Piece(number, config, at, at, [lowest], [at], [np.nan], trial.error))
            continue
        ends = _moments(reports)[1] - zero
        values = [sign * _value(line, metric) for line in reports]
        tests, trains = (
            [sign * _value(line, name) for line in reports] if name else [] for name in beside
        )
        failed = trial.error or ("" if np.isfinite(values[-1]) else f"no {metric}")
        if trial.error:  # it had values before it failed
            values, ends = [*values, np.nan], np.append(ends, ends[-1])
            tests, trains = (some and [*some, np.nan] for some in (tests, trains))
        resources = [_number(line, resource) for line in reports]
        resources += [resources[-1]] * (len(values) - len(resources))
        made.append(
            Piece(
                trial=number,
                config=config,
                start_s=min(at, float(ends[0])),
                end_s=float(ends[-1]),
                resources=resources,
                times_s=ends.tolist(),
                values=values,
                error=failed,
                tests=tests,
                trains=trains,
            )
        )
    return made


def _failed_at(trial: _Trial, trials: Sequence[_Trial]) -> float | None:
    """The moment when a trial without reports failed, as those of reports; None: not known.

    It is written as a local time: a report of the others, which says both, tells the zone.
    """
    dated = ((_local(line.get("date")), line) for other in trials for line in other.lines[:1])
    known = next(((local, line) for local, line in dated if local is not None), None)
    moment = _local(trial.failed_at)
    if known is None or moment is None:
        return None
    local, line = known
    return _number(line, "timestamp") + moment - local


def _local(text: Any) -> float | None:
    try:
        moment = datetime.strptime(str(text), "%Y-%m-%d_%H-%M-%S")
    except ValueError:
        return None
    return (moment - datetime(1970, 1, 1)).total_seconds()


def _moments(reports: Sequence[Mapping[str, Any]]) -> tuple[float, FloatArray]:
    """When a trial began, as far as its first report says, and when its reports (n,) were made.

    Stamps are whole seconds, cut off: seconds since it began are finer, as long as the two agree
    (a trial that was paused, or restored, took less than went by).
    """
    stamps = np.maximum.accumulate([_number(line, "timestamp") for line in reports])
    totals = np.array([_took(line, "time_total_s") for line in reports])
    begun = stamps - totals
    if (np.diff(totals) >= 0).all() and begun.max() < begun.min() + 1.0:
        return float(begun.max()), begun.max() + totals
    took = _took(reports[0], "time_this_iter_s")
    took = _took(reports[0], "time_total_s") if np.isnan(took) else took
    return float(stamps[0] - (0.0 if np.isnan(took) else took)), stamps


def _took(line: Mapping[str, Any], name: str) -> float:
    """Seconds, NaN where they are not reported."""
    return np.nan if line.get(name) is None else _number(line, name)


def _number(line: Mapping[str, Any], name: str) -> float:
    return finite(line.get(name), name, line["_where"], CORRECT)


def _value(line: Mapping[str, Any], metric: str) -> float:
    """The value of a report; NaN where the metric is missing or null."""
    value = line.get(metric)
    if value is None or value != value or (isinstance(value, float) and not np.isfinite(value)):
        return np.nan
    return finite(value, metric, line["_where"], CORRECT)


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """A configuration without mappings in it: `optimizer/lr`; lists are texts."""
    made: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            made |= flat(value, f"{above}{name}/")
        elif value is not None:
            made[f"{above}{name}"] = str(value) if isinstance(value, list) else value
    return made


def _states(pieces: Sequence[Piece]) -> dict[str, int]:
    failed = sum(bool(piece.error) for piece in pieces)
    states = {"reported": len(pieces) - failed, "failed": failed}
    return {name: count for name, count in states.items() if count}
