"""Gaussian processes and expected improvement of BoTorch, for the rows of a space.

Values are minimised outside; here the models see them negated, for BoTorch maximises. Slacks are
modelled as they are: feasible means >= 0.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from hpobench.methods.peers.botorch_columns import Columns, Row

Targets = Sequence[float]


def finite_targets(values: Targets) -> list[float]:
    """`values` with the worst finite one in place of what failed."""
    worst = max(value for value in values if value != float("inf"))
    return [worst if value == float("inf") else value for value in values]


def scaled(values: Targets, centre: float | None = None) -> Any:
    """`values` over their range, (n,), about their minimum or `centre`.

    BoTorch takes targets of a spread below 1e-8 for constant, and squares those it standardises, so
    that 1e300 would overflow.
    """
    halves = np.array(values) / 2
    spread = float(np.ptp(halves)) or abs(float(halves[0])) or 1.0
    origin = float(halves.min()) if centre is None else centre / 2
    return (halves - origin) / spread


class Fitted:
    """Fits a model a column of targets, each from where the hyperparameters of its last were."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._last: dict[str, Any] = {}

    def fit(self, name: str, rows: Sequence[Row], targets: Any) -> Any:
        """A `SingleTaskGP` of targets (n,); raises BoTorch's `ModelFittingError`."""
        import torch
        from botorch.fit import fit_gpytorch_mll
        from botorch.models.gp_regression import SingleTaskGP
        from gpytorch.mlls import ExactMarginalLogLikelihood

        model = SingleTaskGP(
            torch.tensor(rows, dtype=torch.double),
            torch.tensor(targets, dtype=torch.double).unsqueeze(-1),
            input_transform=self._one_hot(),
        )
        for part, state in self._last.get(name, {}).items():
            getattr(model, part).load_state_dict(state)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        parts = ("likelihood", "mean_module", "covar_module")
        self._last[name] = {part: getattr(model, part).state_dict() for part in parts}
        return model

    def _one_hot(self) -> Any:
        from botorch.models.transforms import input as transforms
        from torch.nn.functional import one_hot

        sizes = {place: int(self._columns.items[place].size) for place in self._columns.categorical}
        if not sizes:
            return None
        encoders: dict[int, Any] = {
            place: partial(one_hot, num_classes=size) for place, size in sizes.items()
        }
        return transforms.NumericToCategoricalEncoding(len(self._columns), sizes, encoders)


def log_ei(model: Any, targets: Any) -> Any:
    """Logarithm of expected improvement, in closed form (Ament et al. 2023)."""
    from botorch.acquisition.analytic import LogExpectedImprovement

    return LogExpectedImprovement(model, best_f=float(targets.max()))


def log_noisy_ei(
    models: Sequence[Any], rows: Sequence[Row], pending: Sequence[Row], samples: int
) -> Any:
    """Its Monte Carlo sibling, which knows of trials under way and of constraints.

    The first model is that of the objective, each other that of a slack.
    """
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.acquisition.objective import LinearMCObjective
    from botorch.models.model_list_gp_regression import ModelListGP
    from botorch.sampling.normal import SobolQMCNormalSampler

    constrained = len(models) > 1
    weights = torch.eye(len(models), dtype=torch.double)[0]
    return qLogNoisyExpectedImprovement(
        ModelListGP(*models) if constrained else models[0],
        torch.tensor(rows, dtype=torch.double),
        sampler=SobolQMCNormalSampler(torch.Size([samples])),
        objective=LinearMCObjective(weights) if constrained else None,
        constraints=[_violation(place) for place in range(1, len(models))] or None,
        X_pending=torch.tensor(pending, dtype=torch.double) if pending else None,
    )


def _violation(place: int) -> Callable[[Any], Any]:
    """Of samples, minus the slack: feasible below 0."""
    return lambda drawn: -drawn[..., place]
