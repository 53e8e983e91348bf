"""The tree-structured Parzen estimator of hyperopt, asked and told trial by trial.

Bergstra, Yamins and Cox (2013), Making a Science of Model Search, ICML. Does by hand what
hyperopt's `fmin` does around its `tpe.suggest`. Trials under way count as the worst there are.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hpobench.methods.peers.dimensions import Dimension, Dimensions, Values


def search_space(dimensions: Dimensions) -> dict[str, Any]:
    """The dimensions in hyperopt's words: what is conditional lies within the options of a choice.

    An integer that others depend on becomes a choice. A conditional expression that several
    options share is one and the same, so that hyperopt knows one distribution for all of them.
    """
    nodes: dict[str, Any] = {}
    for item in reversed(list(dimensions)):
        children = [child for child in dimensions if child.parent == item.name]
        nodes[item.name] = _choice(item, children, nodes) if children else _single(item)
    return {item.name: nodes[item.name] for item in dimensions if item.parent is None}


def _choice(item: Dimension, children: Iterable[Dimension], nodes: Mapping[str, Any]) -> Any:
    from hyperopt import hp

    values = range(int(item.low), int(item.high) + 1)
    return hp.choice(
        item.name,
        [
            {child.name: nodes[child.name] for child in children if value in child.when}
            for value in values
        ],
    )


def _single(item: Dimension) -> Any:
    """Integers: half a unit of range more at both ends, to be rounded."""
    from hyperopt import hp

    if item.kind == "choice":
        return hp.choice(item.name, list(range(item.size)))
    if item.kind == "float":
        if item.log:
            return hp.loguniform(item.name, math.log(item.low), math.log(item.high))
        return hp.uniform(item.name, item.low, item.high)
    low, high = item.low - 0.5, item.high + 0.5
    if item.log:
        return hp.qloguniform(item.name, math.log(low), math.log(high), 1)
    return hp.uniformint(item.name, low, high)


class HyperoptTPE:
    """Other settings are those of `hyperopt.tpe.suggest`. A failed trial is told as failed."""

    def __init__(
        self,
        dimensions: Dimensions,
        seed: int,
        workers: int,  # noqa: ARG002  (part of the contract of optimizers)
        **settings: Any,
    ) -> None:
        from hyperopt import Domain, Trials

        self._items = {item.name: item for item in dimensions}
        self._parents = {item.parent for item in dimensions}
        self._domain = Domain(None, search_space(dimensions))
        self._trials = Trials()
        self._rng = np.random.default_rng(seed)
        self._settings = settings
        self._asked: dict[int, Any] = {}

    def ask(self, trial: int) -> Values:
        from hyperopt import tpe

        (number,) = self._trials.new_trial_ids(1)
        self._trials.refresh()
        seed = int(self._rng.integers(2**31 - 1))
        (asked,) = tpe.suggest(
            [number], self._domain, self._trials, seed, verbose=False, **self._settings
        )
        self._asked[trial] = self._insert(asked)
        drawn = self._asked[trial]["misc"]["vals"]
        return {
            name: float(drawn[name][0])
            if item.kind == "float"
            else int(drawn[name][0]) + self._first(item)
            for name, item in self._items.items()
            if len(drawn[name])
        }

    def _first(self, item: Dimension) -> int:
        """What hyperopt calls 0: it counts the options of a choice."""
        return int(item.low) if item.name in self._parents else 0

    def _insert(self, document: dict[str, Any]) -> Any:
        """Record a trial; its document there."""
        self._trials.insert_trial_doc(document)
        self._trials.refresh()
        return self._trials.trials[-1]

    def tell(
        self,
        trial: int | None,
        values: Values,
        value: float,
        slacks: Mapping[str, float],  # noqa: ARG002  (hyperopt knows of no constraints)
    ) -> None:
        from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK

        if trial is None:
            document = self._insert(self._extra(values))
        else:
            document = self._asked.pop(trial)
            document["misc"] |= self._drawn(values, document["tid"])
        document["state"] = JOB_STATE_DONE
        failed = value == math.inf
        document["result"] = (
            {"status": STATUS_FAIL} if failed else {"status": STATUS_OK, "loss": value}
        )

    def _drawn(self, values: Values, number: int) -> dict[str, dict[str, list[Any]]]:
        """The values that were tried as trial `number`, in hyperopt's form."""
        known = {name: values[name] - self._first(self._items[name]) for name in values}
        return {
            "idxs": {name: [number] if name in known else [] for name in self._items},
            "vals": {name: [known[name]] if name in known else [] for name in self._items},
        }

    def _extra(self, values: Values) -> dict[str, Any]:
        """The document of a trial that hyperopt was not asked for."""
        (number,) = self._trials.new_trial_ids(1)
        misc = {"tid": number, "cmd": self._domain.cmd, "workdir": self._domain.workdir}
        misc |= self._drawn(values, number)
        documents = self._trials.new_trial_docs(
            [number], [None], [self._domain.new_result()], [misc]
        )
        return dict(documents[0])
