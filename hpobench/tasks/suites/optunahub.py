"""Benchmarks of OptunaHub as tasks: classes with `search_space`, `directions` and `evaluate`.

    # conf/task/hub.yaml
    _target_: hpobench.tasks.suites.optunahub.problem
    folder: ~/.cache/optunahub/.../package/benchmarks/hpolib   # where the package lies
    name: Problem
    settings: {dataset_id: 0}

Nothing is downloaded: fetch a package once by `optunahub.load_module`, which keeps it in its cache.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpobench.tasks.functions import FunctionTask
from hpobench.tasks.suites.listed import needed


class _Call:
    """A problem as a function of its hyperparameters by name, one objective of it."""

    def __init__(self, problem: Any, objective: int) -> None:
        self._problem, self._objective = problem, objective

    def __call__(self, **params: Any) -> float:
        value = self._problem.evaluate(params)
        return float(value if isinstance(value, int | float) else value[self._objective])


def problem(
    folder: str,
    name: str = "Problem",
    settings: Mapping[str, Any] | None = None,
    objective: int = 0,
    noise: float | str | None = None,
    cost_s: float | None = 1.0,
    optimum: float | None = None,
) -> FunctionTask:
    """The task of the class `name` in a package's folder, made with `settings`.

    `objective`: of several. `noise`, `cost_s`, `optimum` as in `FunctionTask`; the optimum in the
    problem's own direction. Raises ValueError for distributions that have no counterpart.
    """
    (source,) = needed(folder, "__init__.py")
    made = getattr(_module(source), name)(**dict(settings or {}))
    directions = [str(getattr(each, "name", each)).lower() for each in made.directions]
    space = {key: _stated(key, given) for key, given in made.search_space.items()}
    task = FunctionTask(
        _Call(made, objective),
        space,
        noise=noise,
        cost_s=cost_s,
        optimum=optimum,
        goal="maximize" if "max" in directions[objective] else "minimize",
        ceiling=0.0 if "max" in directions[objective] else 1.0,
        label=name.lower(),
    )
    task.data_hash = _digest(source.parent)  # type: ignore[attr-defined]
    return task


def _module(source: Path) -> Any:
    """The package, under a name that no other has."""
    mark = hashlib.blake2b(str(source.resolve()).encode(), digest_size=4).hexdigest()
    alias = f"optunahub_{mark}"
    if alias in sys.modules:
        return sys.modules[alias]
    places = [str(source.parent)]
    spec = importlib.util.spec_from_file_location(alias, source, submodule_search_locations=places)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[alias]
        raise
    return module


def _digest(folder: Path) -> str:
    """A hash of a package's sources."""
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return content.hexdigest()


def _stated(name: str, given: Any) -> dict[str, Any]:
    """The statement of a distribution of Optuna's."""
    kind = type(given).__name__
    if kind == "CategoricalDistribution":
        return {"type": "categorical", "values": list(given.choices)}
    if kind not in ("FloatDistribution", "IntDistribution"):
        raise ValueError(f"hyperparameter {name!r} is a {kind}, which has no counterpart")
    step = given.step
    if step is not None and (kind == "FloatDistribution" or step != 1):
        count = round((given.high - given.low) / step) + 1
        whole = kind == "IntDistribution"
        values = [given.low + i * step for i in range(count)]
        levels = [int(value) if whole else round(value, 12) for value in values]
        return {"type": "ordinal", "values": levels, "scale": "linear"}
    made = {"type": "float" if kind == "FloatDistribution" else "integer"}
    return made | {"low": given.low, "high": given.high} | ({"log": True} if given.log else {})
