"""The samplers of Optuna, asked and told trial by trial.

Akiba et al. (2019), Optuna: A Next-generation Hyperparameter Optimization Framework, KDD. The
search space is stated as the trial is made, so that Optuna sees its conditions; samplers that model
no conditional hyperparameters draw those independently.
"""

from collections.abc import Mapping
from typing import Any

from hpobench.methods.peers.dimensions import Dimension, Dimensions, Values


def quiet() -> None:
    """Let Optuna speak of errors only."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)


def distribution(dimension: Dimension) -> Any:
    """A dimension in Optuna's words."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if dimension.kind == "choice":
        return CategoricalDistribution(list(range(dimension.size)))
    if dimension.kind == "integer":
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def suggest(trial: Any, dimensions: Dimensions) -> Values:
    """The values of a trial: what is active, in the order of the space."""
    values: Values = {}
    for item in dimensions:
        if item.parent is not None and values.get(item.parent) not in item.when:
            continue
        if item.kind == "choice":
            values[item.name] = trial.suggest_categorical(item.name, list(range(item.size)))
        elif item.kind == "integer":
            values[item.name] = trial.suggest_int(item.name, item.low, item.high, log=item.log)
        else:
            values[item.name] = trial.suggest_float(item.name, item.low, item.high, log=item.log)
    return values


def ask_for(study: Any, values: Values, dimensions: Dimensions) -> Any:
    """A trial with given values, which the sampler takes for one of its own."""
    study.enqueue_trial(values)
    return study.ask({item.name: distribution(item) for item in dimensions if item.name in values})


def make_sampler(name: str, seed: int, settings: Mapping[str, Any]) -> Any:
    """A sampler of Optuna by the name of its class."""
    import optuna

    return getattr(optuna.samplers, name)(seed=seed, **settings)


# They know of no constraints, and warn at each trial that has one.
_UNCONSTRAINED = ("CmaEsSampler",)


class OptunaSampler:
    """`sampler` is a class of `optuna.samplers`; other settings are its own.

    A failed trial is told as failed. Constraints are told with it, except to CMA-ES; the TPE, GP
    and NSGA-II samplers heed them.
    """

    def __init__(
        self,
        dimensions: Dimensions,
        seed: int,
        workers: int,  # noqa: ARG002  (part of the contract of optimizers)
        sampler: str,
        **settings: Any,
    ) -> None:
        import optuna

        quiet()
        self._dimensions = dimensions
        self._constrained = sampler not in _UNCONSTRAINED
        self._study = optuna.create_study(sampler=make_sampler(sampler, seed, settings))
        self._trials: dict[int, Any] = {}

    def ask(self, trial: int) -> Values:
        self._trials[trial] = self._study.ask()
        return suggest(self._trials[trial], self._dimensions)

    def tell(
        self, trial: int | None, values: Values, value: float, slacks: Mapping[str, float]
    ) -> None:
        from optuna.trial import TrialState, create_trial

        failed = value == float("inf")
        violations = {name: -slack for name, slack in slacks.items() if self._constrained}
        if trial is not None:
            asked = self._trials.pop(trial)
            if asked.params != values:
                # Another was tried in its place: Optuna leaves failed trials aside.
                self._study.tell(asked, state=TrialState.FAIL)
                asked = ask_for(self._study, values, self._dimensions)
            if failed:
                self._study.tell(asked, state=TrialState.FAIL)
                return
            for name, violation in violations.items():
                asked.set_constraint(name, violation)
            self._study.tell(asked, value)
            return
        self._study.add_trial(
            create_trial(
                state=TrialState.FAIL if failed else TrialState.COMPLETE,
                value=None if failed else value,
                params=values,
                distributions={
                    item.name: distribution(item)
                    for item in self._dimensions
                    if item.name in values
                },
                constraints=violations or None,
            )
        )
