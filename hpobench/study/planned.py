"""What a study plans: its pairs of task and method, each built once, and the facts about both."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from hydra.errors import InstantiationException

from hpobench.contracts import (
    DecidesResources,
    HasClock,
    HasData,
    HasVersion,
    Remarks,
    SaysWhetherReproducible,
    Task,
    hook,
)
from hpobench.identity import RunKey
from hpobench.loop.budget import Budget
from hpobench.storage import parts
from hpobench.storage.arrow import as_plain
from hpobench.storage.layout import read_plan
from hpobench.storage.rule import AUTO
from hpobench.storage.schema import MethodFacts, TaskFacts
from hpobench.study import build, checks, sources
from hpobench.study.compose import Composed
from hpobench.study.overrides import ConfigError
from hpobench.study.pairs import REAL_SETTINGS, Config, Pair
from hpobench.system import carried
from hpobench.system.dotted import locate

T = TypeVar("T")

# Parts of a task's or method's YAML that are not settings of the thing itself.
_ASIDE = ("about", "budget")


def pairs(composed: Composed) -> tuple[Pair, ...]:
    """All pairs, each built once to find what is wrong with it."""
    settings = composed.settings
    auto = settings["seeds"] == AUTO
    numbers = tuple(range(checks.rule(settings).first)) if auto else checks.crossed_seeds(settings)
    workers = settings["workers"]
    recorded = _recorded(settings) if settings["replay_from"] else {}
    real: dict[str, Any] = {name: settings[name] for name in REAL_SETTINGS}
    made = []
    for task_name, method_name in composed.pairs:
        task_config = _own(settings["tasks"][task_name])
        method_config = _own(settings["methods"][method_name])
        task = built(task_name, task_config)
        what = f"method {method_name!r} on task {task_name!r}"
        rng = np.random.default_rng(0)
        method = _build(what, build.build_method, method_config, task, rng, workers)
        made.append(
            Pair(
                task=task_name,
                method=method_name,
                task_config=task_config,
                method_config=method_config,
                budget=_countable(
                    task_name,
                    task,
                    checks.budget(settings["budget"], settings["tasks"][task_name].get("budget")),
                    settings,
                ),
                workers=workers,
                objective_seeds=settings["objective_seeds"],
                study_seed=settings["study_seed"],
                seeds=numbers,
                overhead=settings["overhead"],
                data_hash="" if (data := hook(task, HasData)) is None else data.data_hash,
                library="" if (known := hook(method, HasVersion)) is None else known.version,
                task_code=sources.digest(task_config),
                method_code=sources.digest(method_config),
                faults=checks.faults(settings),
                failed_trials=checks.failed_trials(settings),
                carried=carried.within([task_config, method_config]),
                **real,
                **_replayed(recorded, task_name, method_name, numbers),
            )
        )
    return tuple(made)


def _own(node: Mapping[str, Any]) -> Config:
    return {key: value for key, value in node.items() if key not in _ASIDE}


def built(name: str, config: Config) -> Task:
    """The task of that name and these settings; raises ConfigError if it cannot be built."""
    return _build(f"task {name!r}", build.build_task, config)


def _build(what: str, build: Callable[..., T], *arguments: Any) -> T:
    """Build a task or method; an exception becomes a ConfigError that says whose fault it is."""
    try:
        return build(*arguments)
    except Exception as error:
        cause: BaseException = error
        while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
            cause = cause.__cause__
        raise ConfigError(f"{what}: {_lacking(cause) or cause}") from error


_EXTRAS = {"torch": "train", "sklearn": "train", "scikit-learn": "train"}
"""By module or distribution, the extra of this package that installs it."""


def _lacking(cause: BaseException) -> str:
    """What to install, if a library is missing of which an extra is known; else empty."""
    name = getattr(cause, "name", None) if isinstance(cause, ModuleNotFoundError) else None
    if name not in _EXTRAS:
        return ""
    return f"it needs {name}, which is not installed: pip install 'hpobench[{_EXTRAS[name]}]'"


def _recorded(settings: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The pairs of the study from which decision times are replayed, with the seeds it stored."""
    source = checks.study_folder(settings["replay_from"], settings["runs_dir"]).resolve()
    stored = {key for key, (status, _) in parts.inventory(source).items() if status == "ok"}
    pairs = {}
    for pair in read_plan(source)["pairs"]:
        keys = [RunKey(pair["task"], pair["method"], n, pair["fingerprint"]) for n in pair["seeds"]]
        seeds = [key.seed for key in keys if key in stored]
        pairs[pair["task"], pair["method"]] = pair | {"folder": str(source), "seeds": seeds}
    return pairs


def _replayed(
    recorded: Mapping[tuple[str, str], Mapping[str, Any]],
    task: str,
    method: str,
    numbers: tuple[int, ...],
) -> dict[str, Any]:
    if not recorded:
        return {}
    found = recorded.get((task, method))
    missing = set(numbers) - set(found["seeds"] if found else ())
    if found is None or missing:
        raise ConfigError(
            f"replay_from has no decisions of {method!r} on {task!r} for seeds {sorted(missing)}"
        )
    return {"replay_from": found["folder"], "replay_fingerprint": found["fingerprint"]}


def task_facts(
    name: str, config: Mapping[str, Any], task: Task, on_clock: str = "simulated"
) -> TaskFacts:
    """What results and figures will need of a task; the real clock measures any cost."""
    about, knows = config.get("about") or {}, hook(task, SaysWhetherReproducible)
    return TaskFacts(
        name=name,
        label=about.get("label", name),
        value_label=task.metric.label,
        unit=task.metric.unit,
        optimum=_finite(task.optimum),
        median=_finite(task.median),
        fidelity=task.fidelity.name,
        r_min=task.fidelity.r_min,
        r_max=task.fidelity.r_max,
        comparable=task.fidelity.comparable,
        reproducible=None if knows is None else knows.reproducible,
        clock=_clock(task, on_clock),
        remarks=_remarks(task, on_clock),
        control=about.get("control") or "",
        space=json.loads(json.dumps(task.space.specification(), default=as_plain)),
    )


_UNCOUNTED = (
    "Its cost is not known: all its times, those in seconds too, are in evaluations at the highest "
    "resource."
)


def _remarks(task: Task, on_clock: str) -> tuple[str, ...]:
    owner = hook(task, Remarks)
    remarks = () if owner is None else owner.remarks
    return remarks if _clock(task, on_clock) == "seconds" else (*remarks, _UNCOUNTED)


def _clock(task: Task, on_clock: str) -> str:
    own = hook(task, HasClock)
    return "seconds" if on_clock == "real" or own is None else own.clock


def _countable(name: str, task: Task, limits: Budget, settings: Mapping[str, Any]) -> Budget:
    """The budget; raises ConfigError if anything is in seconds that the task does not know."""
    if _clock(task, settings["clock"]) == "seconds":
        return limits
    unknown = f"task {name!r} does not know what evaluations cost, so that"
    if limits.time_s < math.inf or limits.cost_s < math.inf:
        raise ConfigError(
            f"{unknown} no budget can be in seconds: use budget.trials or budget.resource, or "
            "state its seconds"
        )
    if settings["overhead"] != "none":
        raise ConfigError(
            f"{unknown} the seconds of decisions cannot be added to its clock: leave overhead at "
            "none, or state its seconds"
        )
    if settings["job_timeout_s"]:
        raise ConfigError(
            f"{unknown} no job can be limited to {settings['job_timeout_s']} s: leave "
            "job_timeout_s at null, or state its seconds"
        )
    return limits


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def method_facts(name: str, config: Mapping[str, Any]) -> MethodFacts:
    """How a method is named and drawn."""
    about = config.get("about") or {}
    return MethodFacts(
        name=name,
        label=about.get("label", name),
        color=about.get("color"),
        line=about.get("line", "-"),
        multi_fidelity=_decides_resources(config) or _decides_resources(config.get("scheduler")),
    )


def _decides_resources(config: Any) -> bool:
    """Whether what a configuration describes says that it decides about resources."""
    target = config.get("_target_") if isinstance(config, Mapping) else None
    decides = hook(locate(target), DecidesResources) if target else None
    return decides is not None and bool(decides.multi_fidelity)
