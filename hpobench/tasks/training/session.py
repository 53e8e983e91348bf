"""A long-lived trainer: the data on the device, and one job after the other."""

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from hpobench import progress
from hpobench.space.space import Configuration, Space
from hpobench.tasks.data.split import DataSet
from hpobench.tasks.training import trainer
from hpobench.tasks.training.checkpoints import adopt, pack, unpack
from hpobench.tasks.training.curves import Curves
from hpobench.tasks.training.recipe import Recipe, resolve
from hpobench.tasks.training.trainer import Score

FAILED = Score(math.nan, math.nan)


class Epoch(NamedTuple):
    """One epoch of a training: what it took, what it came to.

    `loss`: while training. `error`: what happened, if it diverged.
    """

    number: int
    training_s: float
    evaluation_s: float
    validation: Score
    test: Score
    loss: float
    error: str | None = None


class Session:
    """Loads the data of a recipe once, then trains jobs.

    `data`: what is trained on in the place of the recipe's data.
    """

    def __init__(
        self, recipe: Recipe, identity: str, space: Space, data: DataSet | None = None
    ) -> None:
        torch.set_num_threads(recipe.threads)
        trainer.warm_up()
        self.recipe, self.identity, self.space = recipe, identity, space
        self.data = trainer.to_device(resolve(recipe.data)() if data is None else data, recipe)
        self.clock = trainer.stopwatch(recipe.cost, self.data.device)

    def key(self, config: Configuration) -> str:
        """A configuration as text, for its checkpoints."""
        return json.dumps(self.space.key(config), default=float)

    def start(self, config: Configuration, first: int, seed: int, checkpoint: Any) -> "Training":
        """A training at epoch `first`, or at 0 without a checkpoint."""
        torch.set_num_threads(self.recipe.threads)  # others in this process may have set it
        return Training(self, config, first, seed, checkpoint)

    def train(
        self,
        config: Configuration,
        first: int,
        last: int,
        seed: int,
        checkpoint: Any,
        inherited: bool = False,
    ) -> Curves:
        """Train from epoch `first`, or from 0 without a checkpoint, to `last`.

        What is behind `first` is new, and reported at once. `inherited`: the checkpoint is that of
        another configuration.
        """
        began = self.clock()
        training = self.start(config, first, seed, None if inherited else checkpoint)
        if inherited and checkpoint is not None:
            training.inherit(checkpoint, first)
        epochs: list[Epoch] = []
        while training.epoch < last:
            epoch = training.advance()
            epochs.append(epoch)
            if epoch.error:
                break
            if epoch.number > first:
                progress.report(epoch.number, epoch.validation.error, test_value=epoch.test.error)
        error = epochs[-1].error
        made = None if error else training.checkpoint()
        duration_s = self.clock() - began
        return curves(epochs, duration_s, training.measure(), made, error)


class Training:
    """One network under way, at `epoch` epochs."""

    def __init__(
        self, session: Session, config: Configuration, first: int, seed: int, checkpoint: Any
    ) -> None:
        self.epoch = 0
        self._session, self._seed = session, seed
        self._belongs = (session.identity, session.key(config), seed)
        self._settings = session.recipe.settings(config)
        self._model, self._optimizer = trainer.build(
            session.recipe, self._settings, session.data, seed
        )
        if checkpoint is not None:
            unpack(checkpoint, *self._belongs, first, self._model, self._optimizer)
            self.epoch = first

    def inherit(self, checkpoint: Any, epoch: int) -> None:
        """Go on from the state of another configuration at `epoch`."""
        adopt(checkpoint, self._session.identity, epoch, self._model, self._optimizer)
        self.epoch = epoch

    def advance(self, evaluated: bool = True) -> Epoch:
        """Train one epoch more and evaluate, if the loss is finite; else the scores are NaN."""
        session, data = self._session, self._session.data
        self.epoch += 1
        began = session.clock()
        loss = trainer.train_epoch(
            self._model,
            self._optimizer,
            data,
            trainer.batch_size(self._settings, data),
            self._seed,
            self.epoch,
            session.recipe.precision,
        )
        trained = session.clock()
        finite = math.isfinite(loss)
        validation, test = self._scores() if finite and evaluated else (FAILED, FAILED)
        finite = finite and (math.isfinite(validation.loss) or not evaluated)
        error = None if finite else f"training diverged in epoch {self.epoch}: loss {loss}"
        times = trained - began, session.clock() - trained
        return Epoch(self.epoch, *times, validation, test, loss, error)

    def finish(self, last: int) -> Epoch:
        """Train on to epoch `last` and evaluate there alone; `training_s` is that of all epochs."""
        training_s = 0.0
        while True:
            epoch = self.advance(evaluated=self.epoch + 1 == last)
            training_s += epoch.training_s
            if epoch.error or epoch.number == last:
                return epoch._replace(training_s=training_s)

    def checkpoint(self) -> dict[str, Any]:
        """The state now; a later training starts from it."""
        return pack(*self._belongs, self.epoch, self._model, self._optimizer)

    def measure(self) -> dict[str, float]:
        """What may be constrained of the network: see `Curves.metrics`."""
        return trainer.measure(self._model, self._session.data)

    def _scores(self) -> tuple[Score, Score]:
        """On the validation and on the test examples; both failed if the first is not finite."""
        data, metric = self._session.data, self._session.recipe.metric
        validation = trainer.score(self._model, data.validation, metric)
        if not math.isfinite(validation.loss):
            return FAILED, FAILED
        return validation, trainer.score(self._model, data.test, metric)


def curves(
    epochs: Sequence[Epoch],
    duration_s: float,
    metrics: dict[str, float],
    checkpoint: Any,
    error: str | None,
) -> Curves:
    """The record of one training, or of what stands for one; `epochs` rising."""
    return Curves(
        epochs=np.array([epoch.number for epoch in epochs], dtype=float),
        training_s=np.cumsum([epoch.training_s for epoch in epochs]),
        evaluation_s=np.cumsum([epoch.evaluation_s for epoch in epochs]),
        validation_error=np.array([epoch.validation.error for epoch in epochs]),
        test_error=np.array([epoch.test.error for epoch in epochs]),
        validation_loss=np.array([epoch.validation.loss for epoch in epochs]),
        test_loss=np.array([epoch.test.loss for epoch in epochs]),
        training_loss=np.array([epoch.loss for epoch in epochs]),
        duration_s=duration_s,
        metrics=metrics,
        checkpoint=checkpoint,
        error=error,
    )
