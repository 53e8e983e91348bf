"""The networks of one trial under cross-validation: all in turn by epochs, or one after the other.

What each way returns of a step is its row, a mean over networks with the seconds that the step
took, and the last epoch of each network that the mean is over.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from hpobench.loop.randomness import derive_seed
from hpobench.space.space import Configuration
from hpobench.tasks.training.checkpoints import verify
from hpobench.tasks.training.session import Epoch, Session, Training
from hpobench.tasks.training.trainer import Score

VERSION = 1


class Trial(NamedTuple):
    """What is trained: one network in each session, every one under a seed of its own."""

    identity: str
    sessions: Sequence[Session]
    epochs: int
    config: Configuration
    seed: int

    def start(self, fold: int, first: int = 0, checkpoint: Any = None) -> Training:
        """The training of one fold at epoch `first`."""
        seed = derive_seed(self.seed, "fold", fold)
        return self.sessions[fold].start(self.config, first, seed, checkpoint)

    def stated(self, resource: int) -> dict[str, Any]:
        """What a checkpoint of this trial says of itself."""
        return {
            "version": VERSION,
            "task": self.identity,
            "config": self.sessions[0].key(self.config),
            "seed": str(self.seed),
            "resource": resource,
        }


class Networks(Protocol):
    """The networks of a trial."""

    @property
    def reached(self) -> int:
        """The resource they are at."""

    def advance(self) -> tuple[Epoch, list[Epoch]]:
        """Train to the next resource; a network that diverges is the last of the list."""

    def measure(self) -> dict[str, float]:
        """What may be constrained of the first network: see `Curves.metrics`."""

    def checkpoint(self) -> dict[str, Any]:
        """The state now; it can go on from there."""


class ByEpochs:
    """All networks, one epoch of each in turn."""

    def __init__(self, trial: Trial, first: int, checkpoint: Any) -> None:
        self._trial = trial
        states: Sequence[Any] = [None] * len(trial.sessions)
        if checkpoint is not None:
            verify(checkpoint, trial.stated(first))
            states = checkpoint["networks"]
        self._trainings = [trial.start(fold, first, state) for fold, state in enumerate(states)]

    @property
    def reached(self) -> int:
        """The epoch that the first network has reached, and all others after it."""
        return self._trainings[0].epoch

    def advance(self) -> tuple[Epoch, list[Epoch]]:
        epochs: list[Epoch] = []
        for training in self._trainings:
            epochs.append(training.advance())
            if epochs[-1].error:
                break
        training_s = sum(epoch.training_s for epoch in epochs)
        evaluation_s = sum(epoch.evaluation_s for epoch in epochs)
        return _mean(self.reached, training_s, evaluation_s, epochs), epochs

    def measure(self) -> dict[str, float]:
        return self._trainings[0].measure()

    def checkpoint(self) -> dict[str, Any]:
        networks = [training.checkpoint() for training in self._trainings]
        return {**self._trial.stated(self.reached), "networks": networks}


class ByFolds:
    """One network after the other, each to its last epoch; of those that are done scores stay."""

    def __init__(self, trial: Trial, first: int, checkpoint: Any) -> None:
        self._trial = trial
        self._done: list[Epoch] = []
        if checkpoint is not None:
            verify(checkpoint, trial.stated(first))
            self._done = [_epoch(state) for state in checkpoint["networks"]]

    @property
    def reached(self) -> int:
        """How many networks are trained."""
        return len(self._done)

    def advance(self) -> tuple[Epoch, list[Epoch]]:
        clock = self._trial.sessions[self.reached].clock
        began = clock()
        last = self._trial.start(self.reached).finish(self._trial.epochs)
        training_s = clock() - began - last.evaluation_s
        self._done.append(last)
        return _mean(self.reached, training_s, last.evaluation_s, self._done), self._done

    def measure(self) -> dict[str, float]:
        return self._trial.start(0).measure()

    def checkpoint(self) -> dict[str, Any]:
        networks = [_plain(epoch) for epoch in self._done]
        return {**self._trial.stated(self.reached), "networks": networks}


def _mean(number: int, training_s: float, evaluation_s: float, epochs: Sequence[Epoch]) -> Epoch:
    """NaN where a network diverged."""

    def mean(scores: Sequence[Score]) -> Score:
        return Score(
            float(np.mean([score.error for score in scores])),
            float(np.mean([score.loss for score in scores])),
        )

    return Epoch(
        number,
        training_s,
        evaluation_s,
        mean([epoch.validation for epoch in epochs]),
        mean([epoch.test for epoch in epochs]),
        float(np.mean([epoch.loss for epoch in epochs])),
    )


def _plain(epoch: Epoch) -> dict[str, Any]:
    """Without classes of ours; test predictions are not needed any more."""
    return epoch._asdict() | {"validation": tuple(epoch.validation), "test": epoch.test[:2]}


def _epoch(state: dict[str, Any]) -> Epoch:
    scores = {part: Score(*state[part]) for part in ("validation", "test")}
    return Epoch(**state | scores)
