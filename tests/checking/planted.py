"""A task that keeps its contract, and others that each break one sentence of it.

`FAULTS`: by class, words that must be said of it.
"""

import random
import threading
import time

import numpy as np

from hpobench.records import Evaluation, Fidelity, Job, Metric
from hpobench.space.space import Space
from hpobench.tasks.loops import TrainingLoop

SPACE = Space({"x": {"type": "float", "low": 0.25, "high": 1}})


class Good:
    """Learning curves x + 1 / epoch with noise of the seed, 2 s an epoch."""

    reproducible = True

    def __init__(self):
        self.space = SPACE
        self.fidelity = Fidelity("epochs", 1, 9)
        self.metric = Metric("error", "validation error")
        self.constraints = ()
        self.optimum = 0.25 + 1 / 9
        self.median = 0.625 + 1 / 9
        self.can_checkpoint = True

    def first(self, job, checkpoint):
        """The epochs that are trained now, 0 being none."""
        return 0 if checkpoint is None else int(checkpoint["epoch"])

    def evaluate(self, job: Job, seed: int, checkpoint) -> Evaluation:
        begin = self.first(job, checkpoint)
        epochs = np.arange(begin + 1.0, job.to_resource + 1)
        true = job.config["x"] + 1 / epochs
        noise = [np.random.default_rng([seed, int(e)]).normal(0, 0.01) for e in epochs]
        seconds = 2 * (epochs - begin)
        new = epochs > job.from_resource
        return Evaluation(
            resources=epochs[new],
            seconds=seconds[new],
            values=(true + noise)[new],
            duration_s=float(seconds[-1]),
            true_values=true[new],
            checkpoint={"epoch": job.to_resource},
        )


class Slow(Good):
    """27 epochs, each of which really takes `epoch_s` seconds."""

    def __init__(self, epoch_s):
        super().__init__()
        self.fidelity, self.epoch_s = Fidelity("epochs", 1, 27), epoch_s

    def evaluate(self, job, seed, checkpoint):
        time.sleep(self.epoch_s * (job.to_resource - self.first(job, checkpoint)))
        return super().evaluate(job, seed, checkpoint)


class Changed(Good):
    """As `Good`, but for what `change` makes of each evaluation."""

    def evaluate(self, job, seed, checkpoint):
        return self.change(super().evaluate(job, seed, checkpoint), job, seed)


class ReturnsANumber(Good):
    def evaluate(self, job, seed, checkpoint):
        return 0.5


class IsRandom(Changed):
    def change(self, found, job, seed):
        return found._replace(values=found.values + random.SystemRandom().random())


class UsesGlobalRandomness(Changed):
    def change(self, found, job, seed):
        return found._replace(values=found.values + np.random.random())  # noqa: NPY002


class IgnoresFromResource(Good):
    def evaluate(self, job, seed, checkpoint):
        return super().evaluate(job._replace(from_resource=0), seed, None)


class DoesNotReachTheEnd(Good):
    def evaluate(self, job, seed, checkpoint):
        return super().evaluate(job, seed, checkpoint).first(1)


class HasUnequalArrays(Changed):
    def change(self, found, job, seed):
        return found._replace(seconds=found.seconds[:0])


class ReturnsIntegers(Changed):
    def change(self, found, job, seed):
        return found._replace(resources=found.resources.astype(int))


class GoesBackInTime(Changed):
    def change(self, found, job, seed):
        return found._replace(seconds=found.seconds[::-1].copy())


class EndsTooEarly(Changed):
    def change(self, found, job, seed):
        return found._replace(duration_s=0.5)


class ForgetsItsCheckpoint(Changed):
    def change(self, found, job, seed):
        return found._replace(checkpoint=None)


class CheckpointsTooLittle(Good):
    """It holds the epoch, and not what the training came to."""

    def evaluate(self, job, seed, checkpoint):
        found = super().evaluate(job, seed, checkpoint)
        return found if checkpoint is None else found._replace(values=found.values + 0.1)


class UsesItsCheckpointUp(Good):
    def evaluate(self, job, seed, checkpoint):
        found = super().evaluate(job, seed, checkpoint)
        if checkpoint is not None:
            if checkpoint.get("used"):
                return found._replace(values=found.values + 0.1)
            checkpoint["used"] = True
        return found


class CheckpointsAnObject(Good):
    def evaluate(self, job, seed, checkpoint):
        state = None if checkpoint is None else {"epoch": job.from_resource}
        found = super().evaluate(job, seed, state)
        return found._replace(checkpoint=object())


class IsNotChargedFromZero(Good):
    def evaluate(self, job, seed, checkpoint):
        found = super().evaluate(job, seed, checkpoint)
        epochs = job.to_resource - job.from_resource
        return found._replace(seconds=2 * np.arange(1.0, epochs + 1), duration_s=2.0 * epochs)


class WritesIntoTheConfiguration(Good):
    def evaluate(self, job, seed, checkpoint):
        found = super().evaluate(job, seed, checkpoint)
        job.config["x"] = 0.9
        return found


class ReusesItsArrays(Good):
    shared = np.empty(9)

    def evaluate(self, job, seed, checkpoint):
        found = super().evaluate(job, seed, checkpoint)
        if checkpoint is None and not job.from_resource:
            self.shared[: len(found.values)] = found.values
            return found._replace(values=self.shared[: len(found.values)])
        return found


class CannotBePickled(Good):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


class HasNoisyTruth(Changed):
    def change(self, found, job, seed):
        return found._replace(true_values=found.values)


class HasAnOptimumAboveItsValues(Good):
    def __init__(self):
        super().__init__()
        self.optimum, self.median = 0.9, 0.95


class StatesScoresAsValues(Good):
    def __init__(self):
        super().__init__()
        self.optimum, self.median = 0.95, 0.5


class HasNoSuchConstraint(Changed):
    def change(self, found, job, seed):
        return found._replace(constraints={"latency_s": np.ones(len(found.values))})


class HashesTexts(Changed):
    def change(self, found, job, seed):
        return found._replace(values=found.values + hash("text") % 1000 / 1000)


class RaisesOnItsDefault(Good):
    def evaluate(self, job, seed, checkpoint):
        raise ValueError("boom")


class TakesOtherSecondsEachTime(Changed):
    def change(self, found, job, seed):
        longer = 1 + random.SystemRandom().random()
        return found._replace(seconds=found.seconds * longer, duration_s=found.duration_s * longer)


class NamesASpaceOfItsOwn(Good):
    def __init__(self):
        super().__init__()
        self.space = {"x": [0, 1]}


def _curve(x, seed, start, off=0.0):
    epoch = start
    while True:
        epoch += 1
        noise = np.random.default_rng([seed, epoch]).normal(0, 0.01)
        state = str(epoch)
        yield {
            "value": x + 1 / epoch + noise + off,
            "save": lambda folder, state=state: (folder / "epoch").write_text(state),
        }


def restores(x, load=None):
    yield from _curve(x, 0, int((load / "epoch").read_text()) if load else 0)


def restores_half(x, load=None):
    """As where the order of data, or momentum, is not restored."""
    begin = int((load / "epoch").read_text()) if load else 0
    yield from _curve(x, 0, begin, 0.05 if load else 0.0)


def begins_anew(x, load=None):
    yield from _curve(x, 0, 0)


def begins_anew_by_chance(x, load=None):
    yield from _curve(x, random.SystemRandom().randrange(10**9), 0)


def loop(function):
    """A training loop without a seed, of which nothing is claimed to repeat."""
    return TrainingLoop(function, {"x": SPACE.specification()["x"]}, epochs=9, cost_s=2.0)


def BeginsAnew():  # noqa: N802
    return loop(begins_anew)


FAULTS = {
    BeginsAnew: "paused at 1 and resumed it reports what it reports from zero",
    ReturnsANumber: "evaluate() returned 0.5, of type float",
    IsRandom: "is not a function of (configuration, resources, seed)",
    UsesGlobalRandomness: "global random state",
    IgnoresFromResource: "from_resource is not honoured: a job from 1 to 9 reported resource 1",
    DoesNotReachTheEnd: "a job to 9 reported 1 last",
    HasUnequalArrays: "different lengths (resources 1, seconds 0, values 1",
    ReturnsIntegers: "resources is array([1]) (int64)",
    GoesBackInTime: "fall: they count from the beginning",
    EndsTooEarly: "the job ends after 0.5 s",
    ForgetsItsCheckpoint: "can_checkpoint is true, but the evaluation to 1 has no checkpoint",
    CheckpointsTooLittle: "paused at 1 and resumed it is not the same as straight through",
    UsesItsCheckpointUp: "resumed a second time it is not the same",
    CheckpointsAnObject: "its checkpoint cannot be written to a file",
    IsNotChargedFromZero: "took 16 s, one from 0 18 s",
    WritesIntoTheConfiguration: "wrote into job.config",
    ReusesItsArrays: "the arrays of an evaluation changed with the next one",
    CannotBePickled: "it cannot be pickled",
    HasNoisyTruth: "true_values differ with the seed",
    HasAnOptimumAboveItsValues: "is below the optimum, 0.9",
    StatesScoresAsValues: "optimum 0.95 is above median 0.5",
    HasNoSuchConstraint: "slacks of ['latency_s'], the task constrains none",
    RaisesOnItsDefault: "ValueError: boom",
    TakesOtherSecondsEachTime: "reproducible is true, but the same job took",
    NamesASpaceOfItsOwn: "space is {'x': [0, 1]}: a task has a Space there",
}
"""All but `HashesTexts`, which another process tells."""
