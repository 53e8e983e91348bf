"""DEHB of its authors (PyPI `dehb`), asked and told.

Each job is a trial of its own, trained from scratch, also where DEHB evaluates a configuration
again at a higher fidelity: an evaluation of DEHB is a function of configuration and fidelity, and
its repository of configurations says that continuing is not used yet. Fidelities, r_max times a
power of 1 / eta, are rounded where resources are whole numbers. DEHB knows of conditions, through
ConfigSpace. It cannot be told of configurations that it did not ask for.

Settings: the arguments of `dehb.DEHB`, such as eta, mutation_factor, crossover_prob, strategy.
"""

from __future__ import annotations

import random
import sys
import tempfile
from importlib import metadata
from typing import Any

from serving import serve
from translation import Dimension, Dimensions, Message, translated


class Client:
    """DEHB compares values only, so that the largest number is as good as any for a failure."""

    def __init__(self, hello: Message, dimensions: Dimensions) -> None:
        fidelity = hello["fidelity"]
        if fidelity["r_min"] == fidelity["r_max"]:
            raise ValueError(
                "DEHB needs several levels of resource, and this task has one, "
                f"r_min = r_max = {fidelity['r_max']}: choose another method for it"
            )
        import dehb
        import numpy as np

        random.seed(hello["seed"])
        np.random.seed(hello["seed"])  # noqa: NPY002  (in a process of its own)
        self.name = f"dehb {metadata.version('dehb')}"
        self._dimensions, self._fidelity = dimensions, fidelity
        self._dehb = dehb.DEHB(
            cs=configuration_space(dimensions, hello["seed"]),
            min_fidelity=fidelity["r_min"],
            max_fidelity=fidelity["r_max"],
            seed=hello["seed"],
            n_workers=1,  # more would start Dask, which ask and tell do not use
            output_path=tempfile.mkdtemp(),
            save_freq="end",
            **hello["settings"],
        )
        self._jobs: list[Any] = []

    def ask(self) -> Message:
        job = self._dehb.ask()
        self._jobs.append(job)
        config = self._dimensions.decode(dict(job["config"]))
        resource = self._resource(float(job["fidelity"]))
        return {"trial": len(self._jobs) - 1, "config": config, "resource": resource}

    def _resource(self, wanted: float) -> float:
        fidelity = self._fidelity
        level = round(wanted) if fidelity["integer"] else wanted
        return float(min(max(level, fidelity["r_min"]), fidelity["r_max"]))

    def tell(self, message: Message) -> None:
        if message["trial"] is None:
            return
        value = message["value"]
        fitness = sys.float_info.max if value is None else value
        result = {"fitness": fitness, "cost": message["seconds"]}
        self._dehb.tell(self._jobs[message["trial"]], result)


def configuration_space(dimensions: Dimensions, seed: int) -> Any:
    """The dimensions and their conditions in the words of ConfigSpace."""
    import ConfigSpace

    space = ConfigSpace.ConfigurationSpace(seed=seed)
    for item in dimensions:
        space.add(_hyperparameter(item))
    for item in dimensions:
        if item.parent is not None:
            values = list(item.when)
            space.add(ConfigSpace.InCondition(space[item.name], space[item.parent], values))
    return space


def _hyperparameter(item: Dimension) -> Any:
    import ConfigSpace

    if item.kind == "choice":
        return ConfigSpace.CategoricalHyperparameter(item.name, item.numbers)
    if item.kind == "ordinal":
        return ConfigSpace.OrdinalHyperparameter(item.name, item.numbers)
    numbers: Any = ConfigSpace.UniformFloatHyperparameter
    if item.kind == "integer":
        numbers = ConfigSpace.UniformIntegerHyperparameter
    return numbers(item.name, item.low, item.high, log=item.log)


if __name__ == "__main__":
    serve(translated(Client))
