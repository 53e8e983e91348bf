"""The task that trains.

A user's own is one function and one YAML:

    # my_package/networks.py
    def network(shape, classes, *, units, dropout):  # of one input; returns a torch Module
        ...

    # conf/task/mine.yaml
    about: {label: mine, summary: what it is, source: where from}
    budget: {time_s: 600}
    _target_: hpobench.tasks.training.task.TrainingTask
    data: hpobench.tasks.data.digits.digits  # or your own function that returns a DataSet
    model: my_package.networks.network
    epochs: 20
    space:
      learning_rate: {type: float, low: 1.0e-3, high: 1, log: true}
      units: {type: integer, low: 8, high: 256, log: true}
      dropout: {type: float, low: 0, high: 0.8}
    fixed: {batch_size: 64}

This module imports no torch: what does is imported by the first training.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
from hpobench.space.space import Space
from hpobench.tasks.training.curves import Curves
from hpobench.tasks.training.recipe import Recipe, path

METRICS = ("parameters", "memory_bytes", "latency_s")
# Raise when the same settings would train otherwise: older checkpoints are then refused.
VERSION = 1


class TrainingTask:
    """Train a network for up to `epochs` epochs; minimise its validation error.

    `settings` are those of `Recipe`: data, model, optimizer, fixed, metric, cost, device,
    precision, channels_last, threads. `constraints`: upper bounds on parameters, memory_bytes or
    latency_s, `{parameters: 20000}`, or as `{parameters: {lower: 100}}`.

    A trial's weights, data order and dropout follow from the seed alone, so that configurations
    compared under one seed begin alike. Training paused and resumed is the same to the bit.
    """

    def __init__(
        self,
        space: Mapping[str, Any],
        *,
        epochs: int,
        constraints: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.space = space if isinstance(space, Space) else Space(space)
        self.recipe = Recipe(**settings)
        self.fidelity = Fidelity("epochs", 1, epochs)
        balanced = "balanced " * (self.recipe.metric == "balanced_accuracy")
        self.metric = Metric(self.recipe.metric, f"{balanced}validation error", goal="maximize")
        self.constraints = stated_constraints(constraints, METRICS)
        self.can_checkpoint = True
        self.optimum: float | None = None
        self.median: float | None = None
        self._session: Any = None

    @property
    def identity(self) -> str:
        """What checkpoints say they belong to."""
        recipe = self.recipe
        parts = [path(part) for part in (recipe.data, recipe.model, recipe.optimizer)]
        fixed = dict(sorted(recipe.fixed.items()))
        return f"training/{VERSION} {' '.join(parts)} {fixed} {recipe.precision}"

    def evaluate(self, job: Job, seed: int, checkpoint: Any) -> Evaluation:
        """Train `job`. A divergence is a failed observation, and the last."""
        curves = self.train(job, seed, checkpoint)
        slacks = {
            bound.metric: np.full(len(curves.epochs), bound.slack(curves.metrics[bound.metric]))
            for bound in self.constraints
        }
        return as_evaluation(curves, slacks, job.from_resource)

    def train(self, job: Job, seed: int, checkpoint: Any = None) -> Curves:
        """Train `job` and return all that was measured, from the first epoch trained now on.

        Raises CheckpointError if the checkpoint is not that of the job, or of its source.
        """
        first, last = whole_steps(job, self.space, self.fidelity)
        curves: Curves = self.session.train(
            job.config, first, last, seed, checkpoint, inherited=job.source is not None
        )
        return curves

    def train_group(self, job: Job, seeds: Sequence[int]) -> list[Curves]:
        """The curves of `job` under each of the seeds, trained as one network, from the start.

        They are equal to those of `train` up to the rounding of sums; an epoch's times are what one
        member takes alone, on average over the first epochs of the first. Raises GroupError if this
        task cannot be trained in groups.
        """
        from hpobench.tasks.training.grouped import train_group

        _, last = whole_steps(job, self.space, self.fidelity)
        return train_group(self.session, [job.config] * len(seeds), seeds, last).members

    def prepare(self) -> None:
        """Load torch and the data, once a process, outside of any job."""
        _ = self.session

    def save_checkpoint(self, path: Path, state: Any) -> None:
        """Store a checkpoint; `load_checkpoint` reads it back without unpickling code."""
        import torch

        torch.save(state, path)

    def load_checkpoint(self, path: Path) -> Any:
        """Read what `save_checkpoint` stored."""
        import torch

        return torch.load(path, weights_only=True)

    @property
    def session(self) -> Any:
        """Torch and the data on the device, loaded once a process."""
        if self._session is None:
            from hpobench.tasks.training.session import Session

            self._session = Session(self.recipe, self.identity, self.space)
        return self._session

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_session": None}


def as_evaluation(
    curves: Curves, slacks: Mapping[str, FloatArray], from_resource: float
) -> Evaluation:
    """What a job reports of its curves: all that is behind `from_resource`.

    `slacks`: c(x) by metric, at the resources of the curves.
    """
    reported = curves.epochs > from_resource
    if not reported.any():  # diverged before what was asked for
        reported[-1] = True
    return Evaluation(
        resources=curves.epochs[reported],
        seconds=(curves.training_s + curves.evaluation_s)[reported],
        values=curves.validation_error[reported],
        duration_s=curves.duration_s,
        test_values=curves.test_error[reported],
        constraints={metric: slack[reported] for metric, slack in slacks.items()},
        checkpoint=curves.checkpoint,
        error=curves.error,
    )


def stated_constraints(
    stated: Mapping[str, Any] | None, metrics: Sequence[str]
) -> tuple[Constraint, ...]:
    """Bounds as in YAML; raises ValueError if one is on something not among the metrics."""
    made = []
    for metric, bound in (stated or {}).items():
        if metric not in metrics:
            raise ValueError(
                f"there is no metric {metric!r} to constrain: has {', '.join(metrics)}"
            )
        bounds = bound if isinstance(bound, Mapping) else {"upper": bound}
        made.append(Constraint(metric, **bounds))
    return tuple(made)


def whole_steps(job: Job, space: Space, fidelity: Fidelity) -> tuple[int, int]:
    """First and last resource of a job; raises ValueError if a task cannot train it."""
    space.validate(job.config)
    first, last = int(job.from_resource), int(job.to_resource)
    if not 0 <= first < last <= fidelity.r_max:
        what = fidelity.name
        raise ValueError(
            f"a job from {job.from_resource} to {job.to_resource} {what}: this task trains "
            f"from 0 to {fidelity.r_max} {what}, one or more at a time"
        )
    return first, last
