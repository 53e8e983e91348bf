"""A study in IOHprofiler's format, for IOHanalyzer and `hpobench import ioh`.

A folder a method; in it a JSON file a task, and its `.dat` file: of each seed the evaluations at
which the best observed value improved, and the last. Functions are numbered in the order of the
study's tasks; the dimension is the number of hyperparameters.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.results.study.study import Study
from hpobench.system import atomic, names

VERSION = "0.3.22"
HEAD = "evaluations raw_y\n"


def to_ioh(study: Study, folder: Path) -> int:
    """Write a new folder; returns how many runs it holds. Raises ValueError if it is there."""
    if folder.exists():
        raise ValueError(f"{folder} is there already: name another folder, or move it away")
    runs = 0
    with atomic.draft(folder) as aside:
        aside.mkdir()
        for method in study.methods:
            for number, task in enumerate(study.tasks, start=1):
                rows = study.observations
                mine = rows[(rows["task"] == task) & (rows["method"] == method)]
                seeds = study.runs[(study.runs["task"] == task) & (study.runs["method"] == method)][
                    "seed"
                ].tolist()
                if seeds:
                    place = aside / names.as_file_name(method)
                    _write(study, place, method, number, task, mine, seeds)
                    runs += len(seeds)
    return runs


def _write(
    study: Study,
    folder: Path,
    method: str,
    number: int,
    task: str,
    rows: pd.DataFrame,
    seeds: list[int],
) -> None:
    dimension = _dimension(study, task)
    title = f"f{number}_{names.as_file_name(task)}"
    data = Path(f"data_{title}") / f"IOHprofiler_f{number}_DIM{dimension}.dat"
    (folder / data.parent).mkdir(parents=True, exist_ok=True)
    texts, runs = [], []
    for place, seed in enumerate(seeds, start=1):
        values = rows[rows["seed"] == seed].sort_values("time_s", kind="stable")["value"]
        lines, best = _improvements(values.to_numpy(float))
        texts.append(HEAD + "".join(f"{count} {value:.10g}\n" for count, value in lines))
        runs.append({"instance": place, "evals": len(values), "best": best})
    (folder / data).write_text("".join(texts), encoding="utf-8")
    about: dict[str, Any] = {
        "version": VERSION,
        "suite": "hpobench",
        "function_id": number,
        "function_name": task,
        "maximization": False,
        "algorithm": {"name": method, "info": study.methods[method].label},
        "attributes": ["evaluations", "raw_y"],
        "scenarios": [{"dimension": dimension, "path": data.as_posix(), "runs": runs}],
    }
    text = json.dumps(about, indent=1)
    (folder / f"IOHprofiler_{title}.json").write_text(text, encoding="utf-8")


def _dimension(study: Study, task: str) -> int:
    """The number of hyperparameters of a task, those that are not always active among them."""
    configs = study.trials.loc[study.trials["task"] == task, "config"].head(1000)
    return max(1, len({name for text in configs for name in json.loads(text)}))


def _improvements(values: Any) -> tuple[list[tuple[int, float]], dict[str, Any]]:
    """(evaluation, value) where the best one improved, and at the last; and the best one."""
    known = np.where(np.isfinite(values), values, np.inf)
    best = np.minimum.accumulate(known) if len(known) else known
    better = np.flatnonzero(np.diff(best, prepend=np.inf) < 0).tolist()
    lines = [(place + 1, float(known[place])) for place in better]
    last = len(known) - 1
    if lines and better[-1] != last and np.isfinite(known[last]):
        lines.append((last + 1, float(known[last])))
    first = {"evals": better[-1] + 1, "y": float(best[-1]), "x": []} if better else {}
    return lines, first
