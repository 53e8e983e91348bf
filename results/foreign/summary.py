"""What was imported, a line a run: its trials as its log counts them, and its best value twice."""

from collections.abc import Mapping
from typing import Any

from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.foreign.model import UNTIMED
from hpobench.results.study.study import Study


def summary(study: Study) -> list[str]:
    """One line a run of a study that was imported, values in the log's own direction."""
    if not len(study.observations):
        return []
    found = incumbents(study, view="observed")
    read = {tuple(each["run"]): each for each in study.settings.get("read", [])}
    return [
        _line(study, found, number, row, read.get((row["task"], row["method"], row["seed"]), {}))
        for number, row in enumerate(study.runs.to_dict("records"))
    ]


def _line(
    study: Study, found: Incumbents, number: int, row: Mapping[Any, Any], read: Mapping[str, Any]
) -> str:
    trials = f"{int(row['trials'])} trials"
    if states := read.get("states"):
        trials += f" ({', '.join(f'{count} {state}' for state, count in states.items())})"
    sign = read.get("sign", 1.0)
    first, last = found.starts[number], found.starts[number + 1]
    best = "no value"
    if last > first:
        rows = study.observations.iloc[found.row[last - 1]]
        facts = study.tasks[row["task"]]
        unit = "evaluations" if UNTIMED in facts.remarks else "s"
        several = not facts.comparable and facts.r_min < facts.r_max
        at = f" at {facts.fidelity} {rows['resource']:g}" if several else ""
        best = f"best {sign * rows['value']:.6g}{at}, known at {rows['time_s']:.6g} {unit}"
        best += f" (trial {int(rows['trial'])})"
    own = read.get("own_best")
    theirs = "" if own is None else f"; by {study.settings.get('source', 'its log')} {own:.6g}"
    return f"{row['task']}, {row['method']}, seed {row['seed']}: {trials}; {best}{theirs}"
