"""Suites that are tables: Syne Tune's blackbox repository, HPO-B, LCBench, mf-prior-bench's.

    # conf/task/lcbench_adult.yaml
    _target_: hpobench.tasks.suites.tables.lcbench
    file: ~/lcbench/data_2k_lw.json
    dataset: adult

Each function returns a table task of one data set. What is recorded is all that can be tried.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.arrays import FloatArray
from hpobench.tables.reading import as_plain
from hpobench.tasks.suites.listed import listed_table, needed
from hpobench.tasks.table import TableTask
from hpobench.words import unknown

ELAPSED = ("elapsed", "time")
"""Words in the name of an objective of seconds since a training began."""


def blackbox(
    folder: str | Path,
    task: str,
    metric: str | None = None,
    goal: str = "",
    seconds: str | None = None,
    test: str | None = None,
    repetition: str | int = "sampled",
) -> TableTask:
    """One task of a blackbox that Syne Tune keeps in `folder`, tabular or a long table.

    `metric`, `seconds`, `test`: names of objectives; by default the first one, and the first that
    is called after elapsed time. Runtimes of single levels are added up.
    """
    (about_file, _) = needed(folder, "metadata.json", "configspace.json")
    about = json.loads(about_file.read_text())
    names, tasks = list(about["objectives_names"]), list(about["task_names"])
    if task not in tasks:
        raise ValueError(unknown("task", task, tasks))
    for given in filter(None, (metric, seconds, test)):
        if given not in names:
            raise ValueError(unknown("objective", str(given), names))
    space_file = Path(folder).expanduser() / "configspace.json"
    domains = json.loads(space_file.read_text())
    root = Path(folder).expanduser()
    if (root / "objectives_evaluations.npy").is_file():
        paths = needed(folder, "hyperparameters.parquet", "fidelities_values.npy")
        configs = as_plain(pd.read_parquet(paths[0]))
        levels = np.load(paths[1], allow_pickle=False).astype(float)
        whole = np.load(root / "objectives_evaluations.npy", allow_pickle=False, mmap_mode="r")
        cube = np.array(whole[tasks.index(task)], dtype=float)
        source = f"{paths[0]}, {task}"
    else:
        (path,) = needed(folder, f"data-{task}.parquet")
        fidelity_file = root / "fidelityspace.json"
        fidelities = list(json.loads(fidelity_file.read_text())) if fidelity_file.is_file() else []
        frame = pd.read_parquet(path)
        configs, levels, cube = _cube(
            frame, list(domains), fidelities, about.get("seed_col"), names
        )
        source = str(path)
    value = metric or names[0]
    clock = seconds or next((n for n in names if any(word in n for word in ELAPSED)), None)
    known = [name for name in configs if str(name) in domains]
    return listed_table(
        configs[known],
        cube[..., names.index(value)],
        metric=value,
        goal=goal,
        seconds=None if clock is None else _elapsed(cube[..., names.index(clock)], clock),
        test_values=None if test is None else cube[..., names.index(test)],
        levels=levels,
        fidelity=_resource(root),
        space=_space({str(name): domains[str(name)] for name in known}, configs),
        repetition=repetition,
        data_hash=hashlib.sha256(f"{source}, {about}".encode()).hexdigest(),
    )


def _resource(root: Path) -> str:
    file = root / "fidelityspace.json"
    names = list(json.loads(file.read_text())) if file.is_file() else []
    return names[0].removeprefix("hp_") if names else "epochs"


def _elapsed(seconds: FloatArray, name: str) -> FloatArray:
    """Seconds since a training began: runtimes of levels are added up."""
    rises = np.diff(seconds, axis=-1, prepend=0.0) >= 0
    if "elapsed" in name or rises[np.isfinite(seconds)].all():
        return seconds
    return np.cumsum(seconds, axis=-1)


def _cube(
    frame: pd.DataFrame,
    names: Sequence[str],
    fidelities: Sequence[str],
    seed: str | None,
    objectives: Sequence[str],
) -> tuple[pd.DataFrame, FloatArray, FloatArray]:
    """Configurations, levels and (n, R, k, objectives) of a long table."""
    keys = [name for name in names if name in frame and name not in fidelities]
    groups = frame.groupby(keys, sort=False, dropna=False)
    number = groups.ngroup().to_numpy()
    configs = as_plain(groups.first().reset_index()[keys])
    level_of = [name for name in fidelities if name in frame][:1]
    resource = frame[level_of[0]].to_numpy(float) if level_of else np.ones(len(frame))
    levels, at = np.unique(resource, return_inverse=True)
    labels = frame[seed] if seed and seed in frame else pd.Series(0, frame.index)
    repetition = pd.factorize(labels)[0]
    cube = np.full((len(configs), repetition.max() + 1, len(levels), len(objectives)), np.nan)
    cube[number, repetition, at] = frame[list(objectives)].to_numpy(float)
    return configs, levels, cube


def _space(domains: Mapping[str, Any], configs: pd.DataFrame) -> dict[str, Any] | None:
    """The space as Syne Tune states it; None if the table holds what lies outside of it."""
    made = {name: _domain(given) for name, given in domains.items()}
    if any(spec is None for spec in made.values()):
        return None
    for name, spec in made.items():
        assert spec is not None
        column = configs[name]
        low, high = spec.get("low"), spec.get("high")
        if low is not None and not column.map(lambda v, a=low, b=high: a <= v <= b).all():
            return None
        if low is None and not set(column) <= set(spec["values"]):
            return None
    return dict(made)


def _domain(given: Any) -> dict[str, Any] | None:
    if not isinstance(given, dict):
        return {"type": "categorical", "values": [given]}
    settings = given["domain_kwargs"]
    log = {"log": True} if "Log" in str(given.get("sampler_cls")) else {}
    match given["domain_cls"]:
        case "Float":
            return {"type": "float", "low": settings["lower"], "high": settings["upper"]} | log
        case "Integer":
            return {"type": "integer", "low": settings["lower"], "high": settings["upper"]} | log
        case "Categorical":
            return {"type": "categorical", "values": settings["categories"]}
        case "Ordinal" | "OrdinalNearestNeighbor":
            return {"type": "ordinal", "values": settings["categories"]}
        case "FiniteRange":
            edges = settings["lower"], settings["upper"], settings["size"]
            spaced = np.geomspace if settings.get("log_scale") else np.linspace
            values = spaced(*edges)
            whole = settings.get("cast_int")
            levels = sorted({round(v) if whole else float(v) for v in values})
            return {"type": "ordinal", "values": levels}
    return None


def hpob(
    file: str | Path,
    search_space: str,
    dataset: str,
    goal: str = "maximize",
) -> TableTask:
    """One data set of HPO-B (`meta-test-dataset.json` and alike): points of the unit cube.

    The cost is not known, so that the clock counts evaluations.
    """
    path = Path(file).expanduser()
    needed(path.parent, path.name)
    content = json.loads(path.read_text())
    if search_space not in content:
        raise ValueError(unknown("search space", search_space, content))
    if dataset not in content[search_space]:
        raise ValueError(unknown("data set", dataset, content[search_space]))
    data = content[search_space][dataset]
    points, values = np.array(data["X"], dtype=float), np.array(data["y"], dtype=float)
    names = [f"x{i}" for i in range(points.shape[1])]
    configs = as_plain(pd.DataFrame(points, columns=names))
    return listed_table(
        configs,
        values.reshape(len(points), 1, 1),
        metric="accuracy" if goal == "maximize" else "value",
        goal=goal,
        data_hash=hashlib.sha256(f"{path}, {search_space}, {dataset}".encode()).hexdigest(),
    )


def lcbench(
    file: str | Path,
    dataset: str,
    metric: str = "Train/val_accuracy",
    test: str | None = "Train/test_result",
    goal: str = "",
) -> TableTask:
    """One data set of LCBench (`data_2k.json`, `data_2k_lw.json` and alike), 50 epochs.

    As its authors advise, the first value, before any training, and the last are left out.
    """
    path = Path(file).expanduser()
    needed(path.parent, path.name)
    content = json.loads(path.read_text())
    if dataset not in content:
        raise ValueError(unknown("data set", dataset, content))
    runs = list(content[dataset].values())
    configs = as_plain(pd.DataFrame([run["config"] for run in runs], dtype=object))
    varied = [name for name in configs if configs[name].nunique() > 1] or list(configs)
    values = np.array([_logged(run, metric) for run in runs])[:, None, 1:-1]
    times = np.array([_logged(run, "time") for run in runs])
    known = test is not None and test in runs[0]["log"]
    tests = np.array([_logged(run, str(test)) for run in runs])[:, None, 1:-1] if known else None
    return listed_table(
        configs[varied],
        values,
        metric=metric.rpartition("/")[2],
        goal=goal,
        seconds=(times[:, 1:-1] - times[:, :1])[:, None],
        test_values=tests,
        levels=np.arange(1.0, values.shape[2] + 1),
        data_hash=hashlib.sha256(f"{path}, {dataset}, {metric}".encode()).hexdigest(),
    )


def _logged(run: Mapping[str, Any], tag: str) -> list[float]:
    if tag not in run["log"]:
        raise ValueError(unknown("tag", tag, run["log"]))
    return [float(value) for value in run["log"][tag]]


def mfpbench(
    file: str | Path,
    metric: str,
    goal: str = "",
    seconds: str | None = None,
    test: str | None = None,
    config: Sequence[str] | None = None,
) -> TableTask:
    """One table of mf-prior-bench (PD1, TaskSet, LCBench): Parquet, by configuration and epoch.

    `config`: columns of hyperparameters; None: those that are the same at all epochs of every
    configuration, and are not those of metrics. Epoch 0, before any training, is left out.
    """
    path = Path(file).expanduser()
    needed(path.parent, path.name)
    frame = pd.read_parquet(path).reset_index()
    key = next((name for name in ("id", "config_id") if name in frame), None)
    if key is None or "epoch" not in frame:
        raise ValueError(f"{path} is no table of mf-prior-bench: it has no columns id and epoch")
    for name in filter(None, (metric, seconds, test)):
        if name not in frame:
            raise ValueError(unknown("column", str(name), map(str, frame)))
    frame = frame[frame["epoch"] > 0]
    taken = {key, "epoch", "index", metric, seconds, test}
    if config is None:
        constant = frame.groupby(key).nunique(dropna=False).max() <= 1
        config = [n for n in map(str, constant[constant].index) if n not in taken]
        config = [name for name in config if frame[name].nunique() > 1]
    objectives = list(dict.fromkeys(filter(None, (metric, seconds, test))))
    levels, at = np.unique(frame["epoch"].to_numpy(float), return_inverse=True)
    numbers = pd.factorize(frame[key])[0]
    cube = np.full((numbers.max() + 1, 1, len(levels), len(objectives)), np.nan)
    cube[numbers, 0, at] = frame[objectives].to_numpy(float)
    configs = as_plain(frame.groupby(key, sort=False)[list(config)].first().reset_index(drop=True))
    times = None if seconds is None else _elapsed(cube[..., objectives.index(seconds)], seconds)
    return listed_table(
        configs,
        cube[..., objectives.index(metric)],
        metric=metric,
        goal=goal,
        seconds=times,
        test_values=None if test is None else cube[..., objectives.index(test)],
        levels=levels,
        data_hash=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
