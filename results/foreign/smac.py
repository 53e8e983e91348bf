"""SMAC's `runhistory.json` as a run, of SMAC 1 and 2 alike.

An entry of `data` holds the number of the configuration, instance, seed and budget, the cost, the
seconds that it took, its status, and when it began and ended. As SMAC compares within a budget,
values at different ones do not compare.

Of a configuration that is evaluated on several instances or with several seeds SMAC takes the mean
(`RunHistory.get_cost`), and another replaces it only on all that it was evaluated on. So how many
there are is a resource, as a budget is: a value is the mean over those so far, and those over the
most count.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpobench.results.foreign.files import parsed, text_of
from hpobench.results.foreign.model import Piece, Run, finite
from hpobench.results.foreign.naming import Names, Naming, files_of
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study
from hpobench.words import counted

FILE = "runhistory.json"
INTENSIFIER = "intensifier.json"
"""Lies beside it, of SMAC 2, and says which configurations are the incumbents."""
FIELDS = ("config_id", "instance", "seed", "budget", "cost", "time", "status")
TIMES = ("starttime", "endtime")
SMAC_1 = (
    *("", "SUCCESS", "TIMEOUT", "CRASHED", "ABORT", "MEMOUT", "CAPPED", "DONOTADVANCE"),
    *("STOP", "RUNNING"),
)
SMAC_2 = ("RUNNING", "SUCCESS", "CRASHED", "TIMEOUT", "MEMORYOUT")
"""Statuses by number, as `StatusType` has them; SMAC 1, whose entries are pairs, writes names."""
STATES = {"MEMOUT": "memory out", "MEMORYOUT": "memory out", "ABORT": "aborted"}
SUCCESS = {"SUCCESS", "DONOTADVANCE"}
RUNNING = "RUNNING"
CORRECT = "correct it, or take the entry out"


class _Entry(NamedTuple):
    config: str
    instance: Any
    seed: Any
    budget: Any
    cost: Any
    time: Any
    status: str
    starttime: Any
    endtime: Any


class _Ended(NamedTuple):
    """An entry that ended: seconds since the run began; `value` is NaN if it failed, and `error`.

    `cost` is what SMAC counts it as.
    """

    config: str
    pair: tuple[Any, Any]
    budget: float
    start_s: float
    end_s: float
    cost: float
    value: float
    status: str
    error: str


class _Log(NamedTuple):
    """One file; its entries in the order in which they ended."""

    file: Path
    names: Names
    entries: Sequence[_Ended]
    configs: Mapping[str, Any]


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
    of runs with several. `comparable`: so do costs at different budgets, and means over different
    numbers of seeds and instances. Raises ValueError, naming the file, for what cannot be read.
    """
    naming = Naming(task, method, seed, runs)
    logs, notes = [], []
    for file in files_of(paths, FILE):
        entries, configs = _read(file)
        ended = [entry for entry in entries if entry.status != RUNNING]
        if left := len(entries) - len(ended):
            notes.append(f"{file}: {counted(left, 'trials')} under way left out.")
        if ended or not entries:
            named = _names(file)
            names = naming.of(file.parent.name, task=named[0], method="smac", seed=named[1])
            logs.append(_Log(file, names, _on_clock(file, ended, configs, objective), configs))
    return study_of([_run(log, logs, comparable, notes) for log in logs], "SMAC", notes)


def _run(log: _Log, logs: Sequence[_Log], comparable: bool, notes: list[str]) -> Run:
    """The run of a log, which measures what all of its task do; adds notes on that."""
    pieces = _pieces(log)
    entries = [each for other in logs if other.names[0] == log.names[0] for each in other.entries]
    budgets, several = len({entry.budget for entry in entries}) > 1, _several(entries)
    fidelity = " times ".join(filter(None, ["budget" if budgets else "", several])) or "none"
    if several:
        notes.append(_on_means(log, several, comparable))
    elif len({entry.pair[0] for entry in entries}) > 1:
        notes.append(f"{log.file}: costs are those of single instances, of which there are several")
    if budgets and not comparable:
        notes.append(
            f"{log.file}: costs at different budgets do not compare, and those at the highest that "
            f"was reached count. The least of any budget{_least(pieces, fidelity)} (--comparable "
            "lets it count)."
        )
    return Run(
        *log.names,
        pieces=pieces,
        value_label="mean cost" if several else "cost",
        fidelity=fidelity,
        comparable=comparable or fidelity == "none",
        states=_states(log.entries),
        own_best=_own_best(log),
    )


def _several(entries: Sequence[_Ended]) -> str:
    """Of what a configuration has several values at one budget: seeds, instances, or both."""
    pairs: dict[tuple[str, float], list[tuple[Any, Any]]] = {}
    for entry in entries:
        if np.isfinite(entry.value):
            pairs.setdefault((entry.config, entry.budget), []).append(entry.pair)
    if all(len(some) < 2 for some in pairs.values()):
        return ""
    kinds = [
        kind
        for place, kind in enumerate(("instances", "seeds"))
        if any(len({pair[place] for pair in some}) > 1 for some in pairs.values())
    ]
    return " and ".join(kinds) or "evaluations"


def _on_means(log: _Log, several: str, comparable: bool) -> str:
    """What a value is where configurations have several, and what that leaves out."""
    ok = [entry for entry in log.entries if np.isfinite(entry.value)]
    counts = Counter((entry.config, entry.budget) for entry in ok)
    failed = {(e.config, e.budget) for e in log.entries if not np.isfinite(e.value)}
    words = (
        f"{log.file}: configurations have costs of {counted(counts.values(), several)}: a value is "
        "the mean over those so far, as SMAC takes it"
    )
    if not comparable:
        words += ", and only means over the most that were reached count (--comparable: all)"
    if ok:
        least = min(ok, key=lambda entry: entry.value)
        words += f". The least single cost is {least.value:.6g}, of configuration {least.config}"
    if both := len(failed & counts.keys()):
        words += f". Failed ones are in no mean: those of {counted(both, 'configurations')}"
    return f"{words}."


def _least(pieces: Sequence[Piece], fidelity: str) -> str:
    known = [(p.values[0], p.end_s, p.resources[0]) for p in pieces if np.isfinite(p.values[0])]
    if not known:
        return " there is not"
    cost, time_s, budget = min(known)
    return f" is {cost:.6g} at {time_s:.6g} s, with {fidelity} {budget:g}"


def _names(file: Path) -> tuple[str, int | None]:
    """Task and seed as SMAC names its folders."""
    if file.parent.name.isdecimal():
        return file.parent.parent.name, int(file.parent.name)
    return file.parent.name or "smac", None


def _read(file: Path) -> tuple[list[_Entry], Mapping[str, Any]]:
    try:
        content = parsed(text_of(file))
        data, configs = content["data"], content["configs"]
        return [_entry(each) for each in data], configs
    except (ValueError, TypeError, KeyError, IndexError) as error:
        words = error if isinstance(error, ValueError) else f"{type(error).__name__} {error}"
        shown = "" if str(words).startswith(f"{file} ") else f"{file} is no run history of SMAC: "
        raise ValueError(f"{shown}{words}") from None


def _entry(given: Any) -> _Entry:
    """One entry: a mapping, a flat list, or the list of two of SMAC 1."""
    numbers: Sequence[str] = SMAC_2
    if isinstance(given, Mapping):
        fields = dict(given)
    elif len(given) == 2:
        (config, instance, seed, budget), (cost, time, status, *times) = given
        fields = dict(
            zip(FIELDS, (config, instance, seed, budget, cost, time, status), strict=True)
        )
        fields |= dict(zip(TIMES, times, strict=False))
        numbers = SMAC_1
    else:
        names = FIELDS if len(given) < 11 else (*FIELDS[:6], "cpu_time", FIELDS[6])
        fields = dict(zip((*names, *TIMES), given, strict=False))
    return _Entry(
        str(fields["config_id"]),
        fields.get("instance"),
        fields.get("seed"),
        fields.get("budget"),
        fields["cost"],
        fields.get("time", 0.0),
        _status(fields["status"], numbers),
        fields.get("starttime"),
        fields.get("endtime"),
    )


def _status(given: Any, numbers: Sequence[str]) -> str:
    """The name of a status; a number that has none stands for itself."""
    name = str(given.get("__enum__") if isinstance(given, Mapping) else given)
    if name.isdecimal() and int(name) < len(numbers):
        return numbers[int(name)]
    return name.rpartition(".")[2].upper()


def _on_clock(
    file: Path, entries: Sequence[_Entry], configs: Mapping[str, Any], objective: str | int | None
) -> list[_Ended]:
    """The entries in the order of their ends; those without times come one after the other."""
    timed = all(entry.starttime and entry.endtime for entry in entries)
    clock = 0.0
    zero = min((float(entry.starttime) for entry in entries), default=0.0) if timed else 0.0
    made = []
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
        cost = _cost(entry, where, objective)
        value, error = (np.nan, _state(entry.status)) if entry.status not in SUCCESS else (cost, "")
        if not error and not np.isfinite(cost):
            value, error = np.nan, "no finite cost"
        pair = str(entry.instance), entry.seed
        times = start, max(end, start)
        made.append(_Ended(entry.config, pair, budget, *times, cost, value, entry.status, error))
    return sorted(made, key=lambda each: each.end_s)


def _cost(entry: _Entry, where: str, objective: str | int | None) -> float:
    """The cost; NaN: there is none."""
    cost = entry.cost
    if isinstance(cost, list) and len(cost) > 1:
        if objective is None or not str(objective).isdecimal() or int(objective) >= len(cost):
            raise ValueError(
                f"{where} has {len(cost)} objectives: choose one by --objective, from 0"
            )
        cost = cost[int(objective)]
    elif isinstance(cost, list):
        (cost,) = cost
    try:
        return np.nan if cost is None else float(cost)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: the cost {cost!r} is not a number: {CORRECT}") from None


def _pieces(log: _Log) -> list[Piece]:
    """Each entry as a job: the mean cost of its configuration at its budget, with it.

    The resource is the budget times how many values are in the mean; one that failed is in none.
    """
    known: dict[tuple[str, float], list[float]] = {}
    pieces = []
    for entry in log.entries:
        ok = bool(np.isfinite(entry.value))
        values = known.setdefault((entry.config, entry.budget), [])
        values += [entry.value] if ok else []
        pieces.append(
            Piece(
                trial=int(entry.config),
                config={k: v for k, v in log.configs[entry.config].items() if v is not None},
                start_s=entry.start_s,
                end_s=entry.end_s,
                resources=[entry.budget * (len(values) if ok else len(values) + 1)],
                times_s=[entry.end_s],
                values=[float(np.mean(values)) if ok else np.nan],
                error=entry.error,
            )
        )
    return pieces


def _own_best(log: _Log) -> float | None:
    """The cost of SMAC's incumbent, as its `RunHistory.get_cost` has it.

    That is the mean over pairs of instance and seed, each at its highest budget, costs of failed
    ones included. Without its own word on incumbents: the least of those with the most pairs.
    """
    costs: dict[str, dict[Any, tuple[float, float]]] = {}
    for entry in log.entries:
        if entry.status != "CAPPED":
            mine = costs.setdefault(entry.config, {})
            mine[entry.pair] = max(
                mine.get(entry.pair, (-np.inf, 0.0)),
                (entry.budget, entry.cost),
                key=lambda each: each[0],
            )
    found = {entry.config for entry in log.entries if np.isfinite(entry.value)} & costs.keys()
    most = max((len(costs[config]) for config in found), default=0)
    stated = _incumbents(log.file.with_name(INTENSIFIER))
    chosen = found & stated or {config for config in found if len(costs[config]) == most}
    means = [float(np.mean([cost for _, cost in costs[config].values()])) for config in chosen]
    return min((mean for mean in means if np.isfinite(mean)), default=None)


def _incumbents(file: Path) -> set[str]:
    """The configurations that SMAC 2 says are the incumbents; empty: it does not."""
    try:
        return set(map(str, parsed(text_of(file))["incumbent_ids"])) if file.is_file() else set()
    except (ValueError, TypeError, KeyError):
        return set()


def _state(status: str) -> str:
    return STATES.get(status, status.lower())


def _states(entries: Sequence[_Ended]) -> dict[str, int]:
    return dict(Counter(_state(entry.status) for entry in entries))
