"""The pruners of Optuna: a trial reports after each step, and is stopped if it falls behind."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpobench.methods.first_points import first_points
from hpobench.methods.peers.dimensions import Dimensions
from hpobench.methods.peers.library import GlobalRandomness, require
from hpobench.methods.peers.optuna_sampler import ask_for, make_sampler, quiet, suggest
from hpobench.methods.schedulers.median_stopping import step_levels
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Configuration, Space


class OptunaPruner:
    """A sampler with a pruner, both by the names of their classes.

    A step is the smallest resource of the task, and Optuna counts steps from 1. The worker whose
    trial goes on gets it back at once, so that nothing is paused. `pruner_settings` may hold the
    word `steps` for the number of steps to the full resource. In a space with gaps see `BlackBox`.
    """

    multi_fidelity = True

    def __init__(
        self,
        space: Space,
        fidelity: Fidelity,
        rng: np.random.Generator,
        workers: int,  # noqa: ARG002  (part of the contract of methods)
        library: str,
        sampler: str,
        pruner: str,
        pruner_settings: Mapping[str, Any] | None = None,
        points_to_evaluate: Sequence[Mapping[str, Any] | str] = (),
    ) -> None:
        self.version = require(library)
        self._dimensions = Dimensions(space)
        self._levels = step_levels(fidelity, fidelity.r_min)
        self._sampler, self._pruner = sampler, pruner
        self._settings = dict(pruner_settings or {})
        self._first = first_points(space, points_to_evaluate)
        self._listed = isinstance(space, ListedSpace)
        self._tried: list[Configuration] = list(self._first) if self._listed else []
        self._seed = int(rng.integers(2**31))
        self._randomness = GlobalRandomness(self._seed)
        self._study: Any = None
        self._trials: list[_Trial] = []
        self._ready: deque[int] = deque()
        self._open = True

    def set_up(self) -> None:
        """Import Optuna, and make the study."""
        import optuna

        quiet()
        settings = {
            name: len(self._levels) if value == "steps" else value
            for name, value in self._settings.items()
        }
        self._study = optuna.create_study(
            study_name=str(self._seed),  # Hyperband's brackets are drawn from it
            sampler=make_sampler(self._sampler, self._seed, {}),
            pruner=getattr(optuna.pruners, self._pruner)(**settings),
        )

    def ask(self) -> Job | None:
        if self._study is None:
            self.set_up()
        if not (self._ready or self._open):
            return None
        if not self._ready:
            with self._randomness.own():
                self._start()
        number = self._ready.popleft()
        trial = self._trials[number]
        reached = self._levels[trial.steps - 1] if trial.steps else 0
        return Job(number, trial.config, reached, self._levels[trial.steps])

    def _start(self) -> None:
        if self._first:
            config = self._first.popleft()
            asked = ask_for(self._study, self._dimensions.encode(config), self._dimensions)
        else:
            asked = self._study.ask()
            config = self._dimensions.decode(suggest(asked, self._dimensions), self._tried)
            if self._listed:
                asked, config = self._moved(asked, config)
        self._ready.append(len(self._trials))
        self._trials.append(_Trial(config, asked))

    def _moved(self, asked: Any, config: Configuration) -> tuple[Any, Configuration]:
        """The trial of the listed configuration; Optuna leaves the failed one aside."""
        from optuna.trial import TrialState

        self._tried.append(config)
        values = self._dimensions.encode(config)
        if asked.params != values:
            self._study.tell(asked, state=TrialState.FAIL)
            asked = ask_for(self._study, values, self._dimensions)
        return asked, config

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        from optuna.trial import TrialState

        trial = self._trials[job.trial]
        with self._randomness.own():
            if evaluation.value == float("inf"):
                self._study.tell(trial.asked, state=TrialState.FAIL)
                return
            trial.steps += 1
            trial.asked.report(evaluation.value, trial.steps)
            if trial.steps == len(self._levels):
                self._study.tell(trial.asked, evaluation.value)
            elif trial.asked.should_prune():
                self._study.tell(trial.asked, state=TrialState.PRUNED)
            else:
                self._ready.append(job.trial)

    def refuse(self, job: Job) -> None:
        """No trial can be started any more; those under way go on."""
        self._trials.pop(job.trial)
        self._open = False


@dataclass(slots=True)
class _Trial:
    """A configuration, its trial in Optuna, and how many steps it has made."""

    config: Configuration
    asked: Any
    steps: int = 0
