"""The Gaussian process and the acquisitions of BoTorch, for the rows of a space.

Notation: n told trials, m outcomes: the objective, negated because BoTorch maximises, and after it
one slack a constraint, feasible from 0 on.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.peers.botorch_columns import Columns, Row


def in_range(outcomes: FloatArray) -> FloatArray:
    """Outcomes (n, m) over the range of their column, which leaves the sign as it is.

    BoTorch standardises what it is given, but takes a spread below 1e-8 for none. Of what is not
    finite, the least that is.
    """
    finite = np.where(np.isfinite(outcomes), outcomes, np.nan)
    least, most = np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)
    spread = np.where(most > least, most - least, np.maximum(abs(most), 1e-300))
    filled: FloatArray = np.where(np.isnan(finite), least, finite) / spread
    return filled


class GaussianProcess:
    """Fits `SingleTaskGP`, each time from where the hyperparameters of the last fit were."""

    def __init__(self, columns: Columns) -> None:
        sizes = {place: int(columns.items[place].size) for place in columns.categorical}
        self._width, self._sizes = len(columns), sizes
        self._last: tuple[int, dict[str, Any]] = (0, {})

    def fit(self, rows: Any, outcomes: Any) -> Any:
        """A model of tensors (n, d) and (n, m); raises BoTorch's `ModelFittingError`."""
        from botorch.fit import fit_gpytorch_mll
        from botorch.models.gp_regression import SingleTaskGP
        from gpytorch.mlls import ExactMarginalLogLikelihood

        count = outcomes.shape[1]
        model = SingleTaskGP(rows, outcomes, input_transform=self._one_hot())
        if self._last[0] == count:
            for part, state in self._last[1].items():
                getattr(model, part).load_state_dict(state)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        parts = ("likelihood", "mean_module", "covar_module")
        self._last = count, {part: getattr(model, part).state_dict() for part in parts}
        return model

    def _one_hot(self) -> Any:
        from botorch.models.transforms.input import NumericToCategoricalEncoding
        from torch.nn.functional import one_hot

        if not self._sizes:
            return None
        encoders: dict[int, Any] = {
            place: partial(one_hot, num_classes=size) for place, size in self._sizes.items()
        }
        return NumericToCategoricalEncoding(self._width, self._sizes, encoders)


def log_ei(model: Any, outcomes: Any) -> Any:
    """Logarithm of expected improvement, in closed form (Ament et al. 2023)."""
    from botorch.acquisition.analytic import LogExpectedImprovement

    return LogExpectedImprovement(model, best_f=outcomes.max())


def log_noisy_ei(model: Any, rows: Any, pending: Sequence[Row], samples: int) -> Any:
    """Its Monte Carlo sibling, which knows of trials under way and of constraints."""
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.acquisition.objective import LinearMCObjective
    from botorch.sampling.normal import SobolQMCNormalSampler

    count = model.num_outputs
    return qLogNoisyExpectedImprovement(
        model,
        rows,
        sampler=SobolQMCNormalSampler(torch.Size([samples])),
        objective=LinearMCObjective(torch.eye(count, dtype=torch.double)[0]),
        constraints=[_violation(place) for place in range(1, count)] or None,
        X_pending=torch.tensor(pending, dtype=torch.double) if pending else None,
    )


def _violation(place: int) -> Callable[[Any], Any]:
    """Of samples, minus the slack: feasible below 0."""
    return lambda drawn: -drawn[..., place]
