"""The facades of SMAC3 that try configurations at full resource, asked and told trial by trial.

Lindauer et al. (2022), SMAC3: A Versatile Bayesian Optimization Package for Hyperparameter
Optimization, JMLR 23.
"""

import logging
import math
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joblib import parallel_config

from hpobench.methods.peers.dimensions import Dimension, Dimensions, Values

# Beyond this size costs grow as logarithms, and stay below 1e6: SMAC takes 1e-10 off the lowest
# before it takes logarithms of them, which is nothing beside 1e7, and it squares them.
_LARGE = 1e5


def configuration_space(dimensions: Dimensions) -> Any:
    """The dimensions in the words of ConfigSpace."""
    from ConfigSpace import ConfigurationSpace, InCondition

    space = ConfigurationSpace()
    space.add([_hyperparameter(item) for item in dimensions])
    space.add(
        [
            InCondition(space[item.name], space[item.parent], list(item.when))
            for item in dimensions
            if item.parent is not None
        ]
    )
    return space


def _hyperparameter(item: Dimension) -> Any:
    from ConfigSpace import (
        CategoricalHyperparameter,
        UniformFloatHyperparameter,
        UniformIntegerHyperparameter,
    )

    if item.kind == "choice":
        return CategoricalHyperparameter(item.name, list(range(item.size)))
    if item.kind == "integer":
        return UniformIntegerHyperparameter(item.name, int(item.low), int(item.high), log=item.log)
    return UniformFloatHyperparameter(item.name, item.low, item.high, log=item.log)


def reproducible_maximizer(facade: Any, scenario: Any) -> Any:
    """The facade's own maximiser of its acquisition function, whose local searches have an order.

    SMAC takes their starting points from a set of configurations, which are hashed as strings: with
    the same seed, it suggests something else in each process.
    """
    maximizer = facade.get_acquisition_maximizer(scenario)
    search = maximizer._local_search
    starting_points = search._get_init_points_from_previous_configs
    search._get_init_points_from_previous_configs = lambda *given: sorted(
        starting_points(*given), key=str
    )
    return maximizer


class Session:
    """A facade of SMAC, by the name of its class, that keeps its files and its log to itself.

    `scenario` are settings of SMAC's scenario. A failure is told as a crash that costs hardly more
    than the worst value so far; SMAC's own cost of a crash, infinity, leaves its models without a
    finite target. Until there is a value, a failed trial counts as under way.

    SMAC compares each trial under way with each other whenever it is asked, 20 us a pair: it is
    only asked while fewer than `most_pending` are.
    """

    def __init__(
        self, dimensions: Dimensions, facade: str, seed: int, most_pending: int, **scenario: Any
    ) -> None:
        if not most_pending >= 1:
            raise ValueError(f"most_pending={most_pending}: SMAC is asked for at least 1 trial")
        import smac

        # SMAC warns when it has tried all points of a space, and says that an intensifier ended.
        logging.getLogger("smac").setLevel(logging.CRITICAL)
        self._kinds = {item.name: item.kind for item in dimensions}
        self._space = configuration_space(dimensions)
        make = getattr(smac, facade)
        # It writes its settings into a directory when it is made, and after that only if asked to.
        with tempfile.TemporaryDirectory() as folder:
            settings = smac.Scenario(
                self._space, "run", output_directory=Path(folder), seed=seed, **scenario
            )
            self._facade = make(
                settings,
                target_function=None,
                acquisition_maximizer=reproducible_maximizer(make, settings),
                logging_level=False,
                overwrite=True,
            )
        # The first seed that SMAC gives to the training, or that is told to it before.
        self._training_seed = 0
        self._most_pending = most_pending
        self._worst = -math.inf
        self._crashed: list[Any] = []

    def ask(self) -> Any | None:
        """SMAC's next trial (its `TrialInfo`); None: too many are under way, or it has given up.

        It gives up when it draws nothing but known configurations, as in a space of few points.
        """
        from smac.main.exceptions import ConfigurationSpaceExhaustedException

        if self._facade.runhistory.running >= self._most_pending:
            return None
        try:
            # SMAC's forests would take all cores, and the runs of a study share them.
            with warnings.catch_warnings(), parallel_config(backend="sequential"):
                # A local search from points without neighbours has its mean time logged.
                for said in ("Mean of empty slice", "invalid value encountered in scalar divide"):
                    warnings.filterwarnings("ignore", said, RuntimeWarning, r"numpy\.")
                info = self._facade.ask()
        except (StopIteration, ConfigurationSpaceExhaustedException):
            return None
        self._training_seed = info.seed
        return info

    def draw(self) -> Any:
        """A random configuration, in the way in which SMAC draws one."""
        return self._space.sample_configuration()

    def extra(self, values: Values, budget: float | None = None) -> Any:
        """A trial that SMAC was not asked for."""
        from ConfigSpace import Configuration
        from smac.runhistory import TrialInfo

        config = Configuration(self._space, values=values)
        return TrialInfo(config, seed=self._training_seed, budget=budget)

    def values(self, config: Any) -> Values:
        """What is active in a configuration of ConfigSpace."""
        return {
            name: float(config[name]) if kind == "float" else int(config[name])
            for name, kind in self._kinds.items()
            if name in config
        }

    def tell(self, info: Any, value: float) -> None:
        """A trial ended with `value`, infinite if it failed."""
        from smac.runhistory import StatusType

        if value == math.inf:
            self._crashed.append(info)
        else:
            cost = _damped(value)
            self._worst = max(self._worst, cost)
            self._tell(info, cost, StatusType.SUCCESS)
        if self._worst > -math.inf:
            for crashed in self._crashed:
                self._tell(crashed, math.nextafter(self._worst, math.inf), StatusType.CRASHED)
            self._crashed.clear()

    def drop(self, info: Any) -> None:
        """Another configuration was tried in place of a trial: SMAC's models leave it aside."""
        from smac.runhistory import StatusType

        self._tell(info, math.nextafter(max(self._worst, 0.0), math.inf), StatusType.TIMEOUT)

    def _tell(self, info: Any, cost: float, status: Any) -> None:
        from smac.runhistory import TrialValue

        self._facade.tell(info, TrialValue(cost=cost, status=status), save=False)


def _damped(value: float) -> float:
    """The value, in the same order, and of a size with which SMAC can calculate."""
    size = abs(value)
    if size <= _LARGE:
        return value
    return math.copysign(_LARGE + 500 * math.log(size / _LARGE), value)


class SmacFacade:
    """`facade` is a class of `smac`; `trials` the number of trials that SMAC shall plan for.

    Of that number at most a quarter are SMAC's initial design. `deterministic`: SMAC evaluates a
    configuration once; otherwise it evaluates the best ones again, with other seeds. Where SMAC is
    not asked, or has given up (see `Session`), what is suggested is random, and told to it.
    """

    def __init__(
        self,
        dimensions: Dimensions,
        seed: int,
        workers: int,  # noqa: ARG002  (part of the contract of optimizers)
        facade: str,
        trials: int = 100,
        deterministic: bool = True,
        most_pending: int = 100,
    ) -> None:
        self._session = Session(
            dimensions, facade, seed, most_pending, n_trials=trials, deterministic=deterministic
        )
        self._asked: dict[int, Any] = {}

    def ask(self, trial: int) -> Values:
        info = self._session.ask()
        if info is None:
            return self._session.values(self._session.draw())
        self._asked[trial] = info
        return self._session.values(info.config)

    def tell(
        self,
        trial: int | None,
        values: Values,
        value: float,
        slacks: Mapping[str, float],  # noqa: ARG002  (SMAC knows of no constraints)
    ) -> None:
        asked = None if trial is None else self._asked.pop(trial, None)
        if asked is not None and self._session.values(asked.config) == values:
            self._session.tell(asked, value)
            return
        self._session.tell(self._session.extra(values), value)
        if asked is not None:
            self._session.drop(asked)
