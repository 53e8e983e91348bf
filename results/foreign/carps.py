"""CARP-S logs as runs: `trial_logs.jsonl` of its file logger with `.hydra/config.yaml` is one run.

One line is one evaluation: `trial_info` (config, seed, budget, ..) and `trial_value` (cost, time,
virtual_time, status, starttime, endtime). The config is a list of values without names: they are
called x0, x1, .. Evaluations come one after the other. The clock is the one of CARP-S: wall-clock
time since the first evaluation began, plus the virtual time of all evaluations so far (seconds
that a table or a surrogate says the evaluation would have taken).
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hpobench.arrays import FloatArray
from hpobench.results.foreign.files import parsed, text_of
from hpobench.results.foreign.model import Piece, Run, finite, whole_number
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study

LOG = "trial_logs.jsonl"
CONFIG = Path(".hydra") / "config.yaml"
SUCCESS = 1
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
CORRECT = "correct it, or take the line out"

FIDELITY_TYPES = ("task.input_space.fidelity_space.fidelity_type", "task.fidelity_type")
NAMES_NOTE = "CARP-S logs the values of hyperparameters without their names: x0, x1, .. in order."


def from_carps(
    folder: str | Path,
    *,
    task: str | None = None,
    method: str | None = None,
    seed: int | None = None,
) -> Study:
    """Import the runs in `folder` and below.

    Names: those given, else `task_id` (or `problem_id`), `optimizer_id` and `seed` of the run's
    .hydra/config.yaml. Values at different budgets compare if the fidelity is of epochs. Raises
    ValueError, naming the file, for what cannot be read, and for several objectives.
    """
    folder = Path(folder)
    paths = sorted(folder.rglob(LOG)) if folder.is_dir() else [folder]
    if folder.is_file() and folder.name != LOG:
        raise ValueError(f"{folder} is no log of CARP-S: give a run's {LOG}, or its folder")
    if not paths or not paths[0].is_file():
        raise ValueError(f"{folder} holds no run of CARP-S: there is no {LOG}")
    notes = [NAMES_NOTE]
    runs = []
    for path in paths:
        config = _Config(path.parent / CONFIG)
        number = config.need("seed") if seed is None else seed
        pieces = _pieces(path)
        budgets = any(piece.resources != [1.0] for piece in pieces)
        kind = config.first(*FIDELITY_TYPES) or "budget"
        runs.append(
            Run(
                task=task or str(config.need("task_id", "problem_id")),
                method=method or str(config.need("optimizer_id")),
                seed=whole_number(number, str(path)),
                pieces=pieces,
                value_label="cost",
                fidelity=str(kind) if budgets else "none",
                comparable=not budgets or "epoch" in str(kind),
            )
        )
    return study_of(runs, "CARP-S", notes)


class _Config:
    """The configuration that a run was started with, empty if it is not there.

    Of its `${...}` only names of other places in the same file are followed. Nothing is resolved
    that could ask for the environment, or call anything.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.content = yaml.safe_load(text_of(path)) if path.exists() else {}
        except (yaml.YAMLError, RecursionError) as error:
            raise ValueError(f"{path} is not YAML: {error}") from None

    def first(self, *names: str) -> Any:
        """The value of the first of these names that has a plain one."""
        for name in names:
            value = self._at(name)
            if isinstance(value, str) and (place := _REFERENCE.fullmatch(value)):
                value = self._at(place[1])
            if isinstance(value, str | int | float) and not _is_open(value):
                return value
        return None

    def _at(self, name: str) -> Any:
        value = self.content
        for piece in name.split("."):
            value = value.get(piece) if isinstance(value, dict) else None
        return value

    def need(self, *names: str) -> Any:
        """The first setting of these names, as `first`; raises ValueError if no name has it."""
        value = self.first(*names)
        if value is None:
            given = {"seed": "seed", "optimizer_id": "method"}.get(names[0], "task")
            said = "does not say" if self.path.exists() else "is not there to say"
            raise ValueError(f"{self.path} {said} {' or '.join(names)}: give --{given}")
        return value


def _is_open(value: object) -> bool:
    """Whether Hydra would have something to fill in."""
    return value == "???" or "${" in str(value)


def _pieces(path: Path) -> list[Piece]:
    """The evaluations of one log as jobs, in order."""
    lines = [_line(path, number, text) for number, text in enumerate(_texts(path), start=1)]
    clock = _clock(path, lines)
    trials: dict[str, int] = {}
    pieces = []
    for number, ((info, value), (start_s, end_s)) in enumerate(zip(lines, clock, strict=True), 1):
        where = f"{path}, evaluation {number}"
        config = _named(info.get("config"), where)
        trial = trials.setdefault(json.dumps(config, sort_keys=True), len(trials))
        cost, error = _cost(value, where)
        budget = info.get("budget")
        resource = 1.0 if budget is None else finite(budget, "budget", where, CORRECT)
        pieces.append(Piece(trial, config, start_s, end_s, [resource], [end_s], [cost], error))
    return pieces


def _texts(path: Path) -> list[str]:
    return [line for line in text_of(path).splitlines() if line.strip()]


def _line(path: Path, number: int, text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        content = parsed(text)
        info, value = content["trial_info"], content["trial_value"]
        value["cost"]
        return dict(info), dict(value)
    except (KeyError, TypeError, ValueError) as error:
        words = f"no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}, line {number} is not a trial of CARP-S: {words}") from None


def _clock(
    path: Path, lines: list[tuple[dict[str, Any], dict[str, Any]]]
) -> list[tuple[float, float]]:
    """Start and end (s) of each evaluation since the first began."""
    values = [value for _, value in lines]
    begun = _seconds(path, values, "starttime")
    took = _seconds(path, values, "time")
    ended = _seconds(path, values, "endtime")
    virtual = _seconds(path, values, "virtual_time")
    if len(values) and not (begun.any() or took.any() or virtual.any()):
        raise ValueError(f"{path} holds no times: its values cannot be put on a clock")
    if not begun.any():  # no times of day: one evaluation after the other
        begun = np.cumsum(took) - took
        ended = begun + took
    ended = np.where(ended >= begun, ended, begun + took)
    begun, ended = begun - begun.min(initial=np.inf), ended - begun.min(initial=np.inf)
    before = np.cumsum(virtual) - virtual
    if (np.diff(ended) < 0).any():
        raise ValueError(f"{path} is not in order of time: two runs may have written to it")
    return list(zip(begun + before, ended + before + virtual, strict=True))


def _seconds(path: Path, values: Sequence[dict[str, Any]], name: str) -> FloatArray:
    """One number of seconds a line (n,), 0 where it is not there."""
    return np.array(
        [
            _number(value.get(name), name, f"{path}, evaluation {n}")
            for n, value in enumerate(values, 1)
        ]
    )


def _number(given: Any, name: str, where: str) -> float:
    """NaN counts as not there."""
    if given is None or given != given:
        return 0.0
    return finite(given, name, where, CORRECT)


def _named(config: Any, where: str) -> dict[str, Any]:
    if isinstance(config, dict):
        return config
    if config is not None and not isinstance(config, list):
        raise ValueError(f"{where}: the config {config!r} is no list of values: {CORRECT}")
    return {f"x{place}": value for place, value in enumerate(config or [])}


def _cost(value: dict[str, Any], where: str) -> tuple[float, str]:
    """The cost, NaN if the evaluation did not succeed, and then why."""
    cost, status = value["cost"], value.get("status", SUCCESS)
    if isinstance(cost, list):
        if len(cost) != 1:
            raise ValueError(f"{where} has {len(cost)} objectives: only one can be imported")
        cost = cost[0]
    if status != SUCCESS:
        return np.nan, f"status {status} in CARP-S"
    if cost is None or (isinstance(cost, float) and not np.isfinite(cost)):
        return np.nan, "no finite cost"
    return finite(cost, "cost", where, CORRECT), ""
