"""Small studies for tests: tasks of one's own in a folder of YAML files."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hpobench.study import compose
from hpobench.study.study import Study

SPACE = {
    "x": {"type": "float", "low": 0.0, "high": 1.0},
    "units": {"type": "integer", "low": 1, "high": 64, "log": True},
    "kind": {"type": "categorical", "values": ["a", "b"]},
}


def bowl(x: float, units: int, kind: str) -> float:
    """A function with its minimum, 0, at x = 0.3, units = 8, kind = a."""
    return (x - 0.3) ** 2 + float(np.log2(units / 8)) ** 2 / 10 + (kind == "b") / 10


def sometimes_raises(x: float, units: int, kind: str) -> float:
    """Fails on half of the space."""
    if kind == "b":
        raise ValueError("kind b diverges")
    return bowl(x, units, kind)


def kills(x: float, units: int, kind: str) -> float:
    """Ends its process, as the kernel does when memory runs out."""
    os._exit(9)


def kills_seldom(x: float, units: int, kind: str) -> float:
    """As `kills`, on a tenth of the space."""
    return kills(x, units, kind) if x > 0.9 else x


class Broken:
    """A searcher that raises at its third suggestion, if its generator says so."""

    def __init__(self, space: Any, rng: np.random.Generator, healthy: bool = False) -> None:
        self._space, self._rng, self._count = space, rng, 0
        self._healthy = healthy

    def suggest(self, pending: Any) -> Any:
        self._count += 1
        if self._count == 3 and not self._healthy:
            raise RuntimeError("third time unlucky")
        return self._space.sample(self._rng, 1)[0]

    def observe(self, job: Any, evaluation: Any) -> None:
        """Nothing."""


def write_conf(folder: Path) -> Path:
    """Tasks `bowl` and `raises`, and method `broken`, as a user would add them."""
    task = {
        "_target_": "hpobench.tasks.functions.FunctionTask",
        "space": SPACE,
        "cost_spread": 1.0,
        "optimum": 0.0,
        "budget": {"time_s": 20},
    }
    scheduler = {"_target_": "hpobench.methods.schedulers.fifo.FIFO", "_partial_": True}
    broken = {
        "_target_": "hpobench.methods.composite.Composite",
        "searcher": {"_target_": "tests.studies.Broken", "_partial_": True, "healthy": False},
        "scheduler": scheduler,
    }
    for group, name, content in [
        ("task", "bowl", task | {"function": "tests.studies.bowl", "noise": 0.1}),
        ("task", "raises", task | {"function": "tests.studies.sometimes_raises"}),
        ("task", "kills", task | {"function": "tests.studies.kills"}),
        ("task", "kills_seldom", task | {"function": "tests.studies.kills_seldom"}),
        ("method", "broken", broken),
    ]:
        path = folder / group / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def plan(folder: Path, *overrides: str) -> Study:
    """A planned study below `folder`; its settings come after those fixed for tests."""
    conf = folder / "conf"
    if not conf.exists():
        write_conf(conf)
    fixed = [f"runs_dir={folder}/runs", "name=study", "n_jobs=1", "progress=false", "seeds=3"]
    names = {override.split("=")[0] for override in overrides}
    kept = [setting for setting in fixed if setting.split("=")[0] not in names]
    return Study.make(compose.load([*kept, *overrides], [conf]))


def execute(study: Study, **allowed: bool) -> int:
    """Run what is missing; returns how many runs that were. `allowed`: extend, replace."""
    return sum(len(report.chunk.seeds) for report in study.run(**allowed))
