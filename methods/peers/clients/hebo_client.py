"""HEBO of its authors (PyPI `HEBO`), one suggestion at a time, trained to the end.

HEBO leaves failed evaluations out of its data, and does not see what is under way. It has no
ordinals: they are integers, the ranks of their values. Conditions are unknown to it.

Settings: the arguments of `hebo.optimizers.hebo.HEBO`, such as model_name, rand_sample, es.
"""

from __future__ import annotations

import random
from importlib import metadata
from typing import Any

from serving import serve
from translation import Dimension, Dimensions, Message, moderate, translated


class Client:
    """One HEBO, and the rows that it suggested."""

    def __init__(self, hello: Message, dimensions: Dimensions) -> None:
        import numpy as np
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        seed = hello["seed"]
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  (in a process of its own)
        torch.manual_seed(seed)
        self.name = f"hebo {metadata.version('HEBO')}"
        self._dimensions = dimensions
        space = DesignSpace().parse([parameter(item) for item in dimensions])
        self._hebo = HEBO(space, scramble_seed=seed, **hello["settings"])
        self._rows: list[Any] = []

    def ask(self) -> Message:
        row = self._hebo.suggest()
        self._rows.append(row)
        config = self._dimensions.decode(row.iloc[0].to_dict())
        return {"trial": len(self._rows) - 1, "config": config}

    def tell(self, message: Message) -> None:
        import numpy as np
        import pandas as pd

        if message["trial"] is None:
            row = pd.DataFrame([self._dimensions.encode(message["config"])])
        else:
            row = self._rows[message["trial"]]
        value = np.nan if message["value"] is None else moderate(message["value"])
        self._hebo.observe(row, np.array([[value]]))


def parameter(item: Dimension) -> dict[str, Any]:
    """A dimension in HEBO's words."""
    if item.kind == "choice":
        return {"name": item.name, "type": "cat", "categories": item.numbers}
    kinds = {"float": ("num", "pow"), "integer": ("int", "pow_int"), "ordinal": ("int", "int")}
    kind = kinds[item.kind][item.log]
    return {"name": item.name, "type": kind, "lb": item.low, "ub": item.high}


if __name__ == "__main__":
    serve(translated(Client))
