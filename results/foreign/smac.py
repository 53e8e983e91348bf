"""SMAC's `runhistory.json` as a run, of SMAC 1 and 2 alike.

An entry of `data` holds the number of the configuration, instance, seed and budget, the cost, the
seconds that it took, its status, and when it began and ended. As SMAC compares within a budget,
values at different ones do not compare.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpobench.results.foreign.files import parsed, text_of
from hpobench.results.foreign.model import Piece, Run, finite
from hpobench.results.foreign.naming import Naming, files_of
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study

FILE = "runhistory.json"
FIELDS = ("config_id", "instance", "seed", "budget", "cost", "time", "status")
TIMES = ("starttime", "endtime")
SUCCESS = {"1", "SUCCESS", "StatusType.SUCCESS"}
STATES = {"2": "timeout", "3": "crashed", "4": "aborted", "5": "memory out", "6": "capped"}
RUNNING = {"0", "RUNNING", "StatusType.RUNNING", "7", "8"}
CORRECT = "correct it, or take the entry out"


class _Entry(NamedTuple):
    config: str
    instance: Any
    budget: Any
    cost: Any
    time: Any
    status: str
    starttime: Any
    endtime: Any


def from_smac(
    paths: str | Path | Sequence[str | Path],
    *,
    task: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    runs: str = "",
    objective: str | int | None = None,
    comparable: bool = False,
) -> Study:
    """Import the run histories in files or folders, each a run.

    Names of a run: those given; what `runs`, a pattern, finds in the name of its folder; else the
    folders in which SMAC writes (`smac3_output/TASK/SEED/`), and "smac". `objective`: its number,
    of runs with several. Raises ValueError, naming the file, for what cannot be read.
    """
    naming = Naming(task, method, seed, runs)
    made, notes = [], []
    for file in files_of(paths, FILE):
        entries, configs = _read(file)
        pieces = _pieces(file, entries, configs, objective)
        budgets = {piece.resources[0] for piece in pieces}
        if len({str(entry.instance) for entry in entries}) > 1:
            notes.append(f"{file}: costs are those of single instances, of which there are several")
        names = _names(file)
        made.append(
            Run(
                *naming.of(file.parent.name, task=names[0], method="smac", seed=names[1]),
                pieces=pieces,
                value_label="cost",
                fidelity="budget" if len(budgets) > 1 else "none",
                comparable=comparable or len(budgets) == 1,
                states=_states(entries),
                own_best=min((v for p in pieces for v in p.values if np.isfinite(v)), default=None),
            )
        )
        if len(budgets) > 1 and not comparable:
            notes.append(
                f"{file}: costs at different budgets do not compare, and those at the highest that "
                f"was reached count. The least of any budget{_least(pieces)} (--comparable lets it "
                "count)."
            )
    return study_of(made, "SMAC", notes)


def _least(pieces: Sequence[Piece]) -> str:
    known = [(p.values[0], p.end_s, p.resources[0]) for p in pieces if np.isfinite(p.values[0])]
    if not known:
        return " there is not"
    cost, time_s, budget = min(known)
    return f" is {cost:.6g} at {time_s:.6g} s, with budget {budget:g}"


def _names(file: Path) -> tuple[str, int | None]:
    """Task and seed as SMAC names its folders."""
    if file.parent.name.isdecimal():
        return file.parent.parent.name, int(file.parent.name)
    return file.parent.name or "smac", None


def _read(file: Path) -> tuple[list[_Entry], Mapping[str, Any]]:
    try:
        content = parsed(text_of(file))
        data, configs = content["data"], content["configs"]
        entries = [_entry(each) for each in data]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        words = error if isinstance(error, ValueError) else f"{type(error).__name__} {error}"
        shown = "" if str(words).startswith(f"{file} ") else f"{file} is no run history of SMAC: "
        raise ValueError(f"{shown}{words}") from None
    return [entry for entry in entries if entry.status not in RUNNING], configs


def _entry(given: Any) -> _Entry:
    """One entry: a mapping, a flat list, or the list of two of SMAC 1."""
    if isinstance(given, Mapping):
        fields = dict(given)
    elif len(given) == 2:
        (config, instance, seed, budget), (cost, time, status, *times) = given
        fields = dict(
            zip(FIELDS, (config, instance, seed, budget, cost, time, status), strict=True)
        )
        fields |= dict(zip(TIMES, times, strict=False))
    else:
        names = FIELDS if len(given) < 11 else (*FIELDS[:6], "cpu_time", FIELDS[6])
        fields = dict(zip((*names, *TIMES), given, strict=False))
    status = fields["status"]
    status = status.get("__enum__") if isinstance(status, Mapping) else status
    return _Entry(
        str(fields["config_id"]),
        fields.get("instance"),
        fields.get("budget"),
        fields["cost"],
        fields.get("time", 0.0),
        str(status),
        fields.get("starttime"),
        fields.get("endtime"),
    )


def _pieces(
    file: Path, entries: Sequence[_Entry], configs: Mapping[str, Any], objective: str | int | None
) -> list[Piece]:
    """Each entry as a job; entries without times of day come one after the other."""
    timed = all(entry.starttime and entry.endtime for entry in entries)
    clock = 0.0
    zero = min((float(entry.starttime) for entry in entries), default=0.0) if timed else 0.0
    pieces = []
    for number, entry in enumerate(entries, 1):
        where = f"{file}, entry {number}"
        if entry.config not in configs:
            raise ValueError(f"{where}: there is no configuration {entry.config}")
        start = finite(entry.starttime, "start", where, CORRECT) - zero if timed else clock
        took = finite(entry.time, "time", where, CORRECT)
        end = finite(entry.endtime, "end", where, CORRECT) - zero if timed else clock + took
        clock = end
        budget = (
            1.0 if entry.budget in (None, 0) else finite(entry.budget, "budget", where, CORRECT)
        )
        cost, why = _cost(entry, where, objective)
        config = {name: value for name, value in configs[entry.config].items() if value is not None}
        pieces.append(
            Piece(int(entry.config), config, start, max(end, start), [budget], [end], [cost], why)
        )
    return pieces


def _cost(entry: _Entry, where: str, objective: str | int | None) -> tuple[float, str]:
    """The cost, NaN if the evaluation did not succeed, and then why."""
    cost = entry.cost
    if isinstance(cost, list) and len(cost) > 1:
        if objective is None or not str(objective).isdecimal() or int(objective) >= len(cost):
            raise ValueError(
                f"{where} has {len(cost)} objectives: choose one by --objective, from 0"
            )
        cost = cost[int(objective)]
    elif isinstance(cost, list):
        (cost,) = cost
    if entry.status not in SUCCESS:
        return np.nan, _state(entry.status)
    if cost is None or not np.isfinite(float(cost)):
        return np.nan, "no finite cost"
    return finite(cost, "cost", where, CORRECT), ""


def _state(status: str) -> str:
    return STATES.get(status, status.rpartition(".")[2].lower())


def _states(entries: Sequence[_Entry]) -> dict[str, int]:
    states: dict[str, int] = {}
    for entry in entries:
        name = "success" if entry.status in SUCCESS else _state(entry.status)
        states[name] = states.get(name, 0) + 1
    return states
