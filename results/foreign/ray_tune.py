"""Ray Tune experiments as runs: one JSON line a report in the `result.json` of each trial's folder.

Of a line are read `trial_id`, `config`, `training_iteration`, `timestamp` (when the report was
made, in whole seconds), `time_total_s` and the metric. The trials below one folder are one run; so
are those of one file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

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

ERROR = "error.txt"
AUTOMATIC = {
    *("timestamp", "done", "training_iteration", "trial_id", "time_this_iter_s", "time_total_s"),
    *("config", "pid", "iterations_since_restore", "time_since_restore", "timesteps_total"),
    *("episodes_total", "should_checkpoint", "timesteps_since_restore", "experiment_tag"),
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
    made = []
    for name, files in _experiments(paths).items():
        lines = [line for file in files for line in _lines(file)]
        if not lines:
            raise ValueError(f"{files[0]} holds no report of Ray Tune: it is empty")
        known = metric or _only_metric(name, lines)
        sign = sign_of(mode, known)
        check_beside(test, train, _numbers_in(lines), name)
        pieces = _pieces(lines, (known, test, train), sign, resource)
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
    return study_of(made, "Ray Tune", [])


def _experiments(paths: str | Path | Sequence[str | Path]) -> dict[str, list[Path]]:
    """The files of each experiment by its name: the folder above those of its trials."""
    found: dict[str, list[Path]] = {}
    for file in files_of(paths, "result.json", "*.jsonl"):
        name = file.parent.parent.name if file.name == "result.json" else file.stem
        found.setdefault(name or file.parent.name or "ray_tune", []).append(file)
    return found


def _lines(file: Path) -> list[dict[str, Any]]:
    """The reports of one file, each with where it stands and why its trial ended."""
    why = ""
    if file.name == "result.json" and (file.parent / ERROR).is_file():
        said = text_of(file.parent / ERROR).strip().splitlines()
        why = said[-1] if said else "error"
    made = []
    for number, text in enumerate(text_of(file).splitlines(), start=1):
        if not text.strip():
            continue
        where = f"{file}, line {number}"
        try:
            line = parsed(text)
            missing = {"config", "trial_id"} - set(line)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{where} is no result of Ray Tune: {error}") from None
        if missing:
            raise ValueError(f"{where} is no result of Ray Tune: it has no {min(missing)}")
        made.append(line | {"_where": where, "_error": why})
    return made


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
    lines: Sequence[Mapping[str, Any]],
    metrics: tuple[str, str | None, str | None],
    sign: float,
    resource: str,
) -> list[Piece]:
    """One job a trial, times counted from when the first trial began.

    `metrics`: that of the value, and those on test and on training data.
    """
    metric, *beside = metrics
    trials: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        trials.setdefault(str(line["trial_id"]), []).append(line)
    begun = {name: _begin(reports[0]) for name, reports in trials.items()}
    zero = min(begun.values(), default=0.0)
    made = []
    for number, (name, reports) in enumerate(trials.items()):
        ends = np.maximum.accumulate([_number(line, "timestamp") for line in reports]) - zero
        values = [sign * _value(line, metric) for line in reports]
        tests, trains = (
            [sign * _value(line, name) for line in reports] if name else [] for name in beside
        )
        failed = reports[-1]["_error"] or ("" if np.isfinite(values[-1]) else f"no {metric}")
        if reports[-1]["_error"]:  # it had values before it failed
            values, ends = [*values, np.nan], np.append(ends, ends[-1])
            tests, trains = (some and [*some, np.nan] for some in (tests, trains))
        resources = [_number(line, resource) for line in reports]
        resources += [resources[-1]] * (len(values) - len(resources))
        made.append(
            Piece(
                trial=number,
                config=flat(reports[0]["config"]),
                start_s=min(begun[name] - zero, float(ends[0])),
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


def _begin(line: Mapping[str, Any]) -> float:
    """When a trial began, as far as its first report says."""
    took = line.get("time_this_iter_s", line.get("time_total_s"))
    return _number(line, "timestamp") - (0.0 if took is None else float(took))


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
