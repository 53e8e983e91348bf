"""NePS of its authors (PyPI `neural-pipeline-search`), through its own ask and tell.

A promoted configuration goes on from where it was, as NePS means it: it names the earlier
evaluation whose checkpoint to use. Ordinals are integers, the ranks of their values; conditions
are unknown to the algorithms that search hyperparameters. A failure is told as a crash.

Settings: `optimizer`, one of `neps.algorithms` by name, `auto` for NePS's own choice; `fidelity`
false leaves the fidelity out of the space, so that all is trained to the end; all others are
arguments of the optimizer, such as eta.
"""

from __future__ import annotations

import random
from importlib import metadata
from typing import Any

from serving import serve
from translation import Dimension, Dimensions, Message, moderate, translated


class Client:
    """NePS numbers each evaluation of a configuration, the protocol the configurations."""

    def __init__(self, hello: Message, dimensions: Dimensions) -> None:
        import neps
        import numpy as np
        import torch
        from neps.optimizers import load_optimizer

        random.seed(hello["seed"])
        np.random.seed(hello["seed"])  # noqa: NPY002  (in a process of its own)
        torch.manual_seed(hello["seed"])
        torch.set_num_threads(1)
        self.name = f"neps {metadata.version('neural-pipeline-search')}"
        self._dimensions, self._r_max = dimensions, hello["fidelity"]["r_max"]
        settings = dict(hello["settings"])
        self._resource = self._fidelity_name(hello["fidelity"], settings.pop("fidelity", True))
        choice = settings.pop("optimizer", "auto")
        space = search_space(dimensions, hello["fidelity"], self._resource)
        self._optimizer, _ = load_optimizer((choice, settings) if settings else choice, space)
        self._neps = neps.AskAndTell(self._optimizer)
        self._numbers: dict[str, int] = {}  # of our trials, by NePS's evaluations
        self._running: dict[int, str] = {}
        self._trials = 0

    def _fidelity_name(self, fidelity: Message, wanted: bool) -> str | None:
        """A name that no hyperparameter has; None: no fidelity."""
        if not wanted or fidelity["r_min"] == fidelity["r_max"]:
            return None
        name = "fidelity"
        while any(item.name == name for item in self._dimensions):
            name += "_"
        return name

    def ask(self) -> Message:
        asked = self._neps.ask()
        trial = self._numbers.get(asked.metadata.previous_trial_id)
        if trial is None:
            trial = self._trials
            self._trials += 1
        self._numbers[asked.metadata.id] = trial
        self._running[trial] = asked.metadata.id
        config = self._dimensions.decode(asked.config)
        resource = asked.config[self._resource] if self._resource else self._r_max
        return {"trial": trial, "config": config, "resource": resource}

    def tell(self, message: Message) -> None:
        value = message["value"]
        if message["trial"] is not None:
            crash = RuntimeError(message["error"] or "no finite value")
            result: Any = crash if value is None else _result(value, message["seconds"])
            self._neps.tell(self._running.pop(message["trial"]), result)
        elif value is not None:
            self._import(message["config"], _result(value, message["seconds"]))

    def _import(self, config: dict[str, Any], result: dict[str, Any]) -> None:
        """Tell of a configuration that NePS did not ask for; it gives it a number."""
        values = self._dimensions.encode(config)
        if self._resource:
            values[self._resource] = self._r_max
        for known in self._optimizer.import_trials([(values, result)], self._neps.trials):
            self._neps.tell_custom(config_id=known.id, config=known.config, result=known.result)


def _result(value: float, seconds: float) -> dict[str, Any]:
    return {"objective_to_minimize": moderate(value), "cost": float(seconds)}


def search_space(dimensions: Dimensions, fidelity: Message, resource: str | None) -> Any:
    """The dimensions in NePS's words, with the fidelity called `resource`, if any."""
    from neps.space import SearchSpace
    from neps.space.parameters import HPOFloat, HPOInteger

    elements = {item.name: _parameter(item) for item in dimensions}
    if resource:
        numbers = HPOInteger if fidelity["integer"] else HPOFloat
        bounds = fidelity["r_min"], fidelity["r_max"]
        elements[resource] = numbers(*bounds, is_fidelity=True)
    return SearchSpace(elements)


def _parameter(item: Dimension) -> Any:
    from neps.space.parameters import HPOCategorical, HPOFloat, HPOInteger

    if item.kind == "choice":
        return HPOCategorical(item.numbers)
    numbers = HPOFloat if item.kind == "float" else HPOInteger
    return numbers(item.low, item.high, log=item.log)


if __name__ == "__main__":
    serve(translated(Client))
