"""A long-lived trainer: the data on the device, and one job after the other."""

import json
import math
from typing import Any

import numpy as np
import torch

from hpobench import progress
from hpobench.space import Configuration, Space
from hpobench.tasks.training import trainer
from hpobench.tasks.training.checkpoints import pack, unpack
from hpobench.tasks.training.curves import Curves
from hpobench.tasks.training.recipe import Recipe, resolve
from hpobench.tasks.training.trainer import Score

_FAILED = Score(math.nan, math.nan)
# Per epoch, in the order of the fields of Curves that are arrays.
_Row = tuple[float, float, float, float, float, float, float, float]


class Session:
    """Loads the data of a recipe once, then trains jobs."""

    def __init__(self, recipe: Recipe, identity: str, space: Space) -> None:
        torch.set_num_threads(recipe.threads)
        trainer.warm_up()
        self.recipe, self.identity, self.space = recipe, identity, space
        self.data = trainer.to_device(resolve(recipe.data)(), recipe)
        self.clock = trainer.stopwatch(recipe.cost, self.data.device)

    def key(self, config: Configuration) -> str:
        """A configuration as text, for its checkpoints."""
        return json.dumps(self.space.key(config), default=float)

    def train(
        self, config: Configuration, first: int, last: int, seed: int, checkpoint: Any
    ) -> Curves:
        """Train from epoch `first`, or from 0 without a checkpoint, to `last`."""
        torch.set_num_threads(self.recipe.threads)  # others in this process may have set it
        began = self.clock()
        settings = self.recipe.settings(config)
        model, optimizer = trainer.build(self.recipe, settings, self.data, seed)
        belongs = (self.identity, self.key(config), seed)
        asked = first
        if checkpoint is None:
            first = 0
        else:
            unpack(checkpoint, *belongs, first, model, optimizer)
        rows, error = self._epochs(
            model, optimizer, settings, seed, range(first + 1, last + 1), asked
        )
        made = None if error else pack(*belongs, last, model, optimizer)
        duration_s = self.clock() - began
        metrics = trainer.measure(model, self.data)
        columns = np.array(rows, dtype=float).T.copy()
        return Curves._make((*columns, duration_s, metrics, made, error))

    def _epochs(
        self,
        model: Any,
        optimizer: Any,
        settings: Configuration,
        seed: int,
        epochs: range,
        asked: int,
    ) -> tuple[list[_Row], str | None]:
        """Train and evaluate in turn, until the last epoch or a loss that is not finite.

        What is behind the epoch `asked` for is new, and reported at once.
        """
        size = trainer.batch_size(settings, self.data)
        precision = self.recipe.precision
        rows: list[_Row] = []
        training_s = evaluation_s = 0.0
        for epoch in epochs:
            began = self.clock()
            loss = trainer.train_epoch(model, optimizer, self.data, size, seed, epoch, precision)
            trained = self.clock()
            validation, test = self._scores(model) if math.isfinite(loss) else (_FAILED, _FAILED)
            training_s += trained - began
            evaluation_s += self.clock() - trained
            rows.append(
                (
                    *(epoch, training_s, evaluation_s, validation.error, test.error),
                    *(validation.loss, test.loss, loss),
                )
            )
            if not math.isfinite(validation.loss):
                return rows, f"training diverged in epoch {epoch}: loss {loss}"
            if epoch > asked:
                progress.report(epoch, validation.error, test_value=test.error)
        return rows, None

    def _scores(self, model: Any) -> tuple[Score, Score]:
        """On the validation and on the test examples; both failed if the first is not finite."""
        validation = trainer.score(model, self.data.validation)
        if not math.isfinite(validation.loss):
            return _FAILED, _FAILED
        return validation, trainer.score(model, self.data.test)
