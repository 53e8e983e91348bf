"""A loop of Bayesian optimisation with BoTorch, as its documentation teaches it.

Balandat et al. (2020), BoTorch: A framework for efficient Monte-Carlo Bayesian optimization.
`SingleTaskGP` with its default priors on the unit cube (choices one-hot), standardised outcomes,
double precision; `LogExpectedImprovement`, or `qLogNoisyExpectedImprovement` where trials are under
way or constraints are told.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from hpobench.methods.peers.botorch_columns import Columns, Row
from hpobench.methods.peers.botorch_models import (
    GaussianProcess,
    in_range,
    log_ei,
    log_noisy_ei,
)
from hpobench.methods.peers.dimensions import Dimensions, Values

FEW = 20
"""Levels up to which an integer is searched level by level; above, as if continuous (BoTorch's)."""
LATTICE = 100
"""Levels a dimension up to which a finite space is searched as a lattice (BoTorch's)."""
_TRIES = 100


class _Told(NamedTuple):
    row: Row
    value: float
    slacks: Mapping[str, float]


class BoTorchLoop:
    """Sobol points until 2 (d + 1) trials are told, then the maximum of the acquisition.

    A finite space of up to 10,000 points is searched whole, a larger one from `restarts` points by
    steps in one dimension, each without the points known already; any other in turns by such steps
    and by L-BFGS-B. `samples`: Monte Carlo samples; `pending`: how many of the trials under
    way, the latest, are heeded. A failed trial counts as the worst value so far. Where no model can
    be fitted, the next Sobol point.
    """

    def __init__(
        self,
        dimensions: Dimensions,
        seed: int,
        workers: int,  # noqa: ARG002  (part of the contract of optimizers)
        restarts: int,
        raw_samples: int,
        samples: int,
        pending: int,
    ) -> None:
        with _quiet():
            import botorch  # noqa: F401
        from torch.quasirandom import SobolEngine

        self._columns = Columns(dimensions)
        self._all = self._columns.all_rows()
        self._model = GaussianProcess(self._columns)
        self._sobol = SobolEngine(len(dimensions), True, seed)  # type: ignore[no-untyped-call]
        self._seed, self._asked = seed, 0
        self._search: dict[str, Any] = {"num_restarts": restarts, "raw_samples": raw_samples}
        self._samples, self._heeded = samples, pending
        self._told: list[_Told] = []
        self._pending: dict[int, Row] = {}
        self._known: dict[Row, None] = {}

    def ask(self, trial: int) -> Values:
        from botorch.utils.sampling import manual_seed

        self._asked += 1
        with _quiet(), _one_thread(), manual_seed(self._seed + self._asked):
            row = self._suggest()
        self._pending[trial] = row
        self._known[row] = None
        return self._columns.values(row)

    def tell(
        self, trial: int | None, values: Values, value: float, slacks: Mapping[str, float]
    ) -> None:
        if trial is not None:
            self._pending.pop(trial)
        row = self._columns.row(values)
        self._known[row] = None
        kept = {name: slack for name, slack in slacks.items() if math.isfinite(slack)}
        self._told.append(_Told(row, value, kept if math.isfinite(value) else {}))

    def _suggest(self) -> Row:
        from botorch.exceptions.errors import ModelFittingError
        from linear_operator.utils.errors import NanError, NotPSDError  # type: ignore[import-untyped]

        finite = any(told.value != float("inf") for told in self._told)
        if len(self._told) < 2 * (len(self._columns) + 1) or not finite:
            return self._draw()
        try:
            return self._best(self._acquisition())
        except (ModelFittingError, NanError, NotPSDError):
            return self._draw()

    def _draw(self) -> Row:
        """The next Sobol point, of a finite space one not known, if it comes soon."""
        for _ in range(_TRIES):
            row = self._columns.drawn(self._sobol.draw(1)[0].tolist())
            if row not in self._known:
                break
        return row

    def _acquisition(self) -> Any:
        import torch

        names = sorted({name for told in self._told for name in told.slacks})
        outcomes = [
            [-told.value, *(told.slacks.get(name, math.nan) for name in names)]
            for told in self._told
        ]
        rows = torch.tensor([told.row for told in self._told], dtype=torch.double)
        targets = torch.tensor(in_range(np.array(outcomes)))
        model = self._model.fit(rows, targets)
        pending = list(self._pending.values())[-self._heeded :]
        if not pending and not names:
            return log_ei(model, targets)
        return log_noisy_ei(model, rows, pending, self._samples)

    def _best(self, acquisition: Any) -> Row:
        """Where the acquisition is highest; in a finite space a Sobol point if that is known."""
        if self._all:
            found = self._of_all(acquisition)
        elif all(item.size <= LATTICE for item in self._columns.items):
            found = self._of_lattice(acquisition)
        else:
            found = self._of_mixed(acquisition)
        row = self._columns.nearest(found[0].tolist())
        return self._draw() if self._columns.finite and row in self._known else row

    def _of_all(self, acquisition: Any) -> Any:
        import torch
        from botorch.optim.optimize import optimize_acqf_discrete

        fresh = [row for row in self._all if row not in self._known]
        choices = torch.tensor(fresh or self._all, dtype=torch.double)
        return optimize_acqf_discrete(acquisition, 1, choices)[0]

    def _of_lattice(self, acquisition: Any) -> Any:
        import torch
        from botorch.optim.optimize import optimize_acqf_discrete_local_search

        levels = [torch.tensor(item.levels(), dtype=torch.double) for item in self._columns.items]
        known = torch.tensor(list(self._known), dtype=torch.double)
        return optimize_acqf_discrete_local_search(
            acquisition, levels, 1, X_avoid=known, **self._search
        )[0]

    def _of_mixed(self, acquisition: Any) -> Any:
        import torch
        from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating

        items = list(enumerate(self._columns.items))
        choices = self._columns.categorical
        return optimize_acqf_mixed_alternating(
            acquisition,
            torch.tensor([item.bounds for _, item in items], dtype=torch.double).T,
            {n: item.levels() for n, item in items if item.size <= FEW and n not in choices},
            {n: items[n][1].levels() for n in choices},
            **self._search,
        )[0]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in the same order, however many cores there are."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice of BoTorch and of what it builds on."""
    with warnings.catch_warnings(action="ignore"):
        yield
