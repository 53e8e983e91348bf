"""Each planted fault of a method is named, what is shipped passes."""

import random

import numpy as np
import pytest

from hpobench.checking import methods
from hpobench.records import Job
from hpobench.study import catalogue
from tests.methods import test_contract

QUICK = ("random", "asha", "hyperband", "evolution", "grid", "pbt", "median_stopping", "dehb")


class Good:
    """Random search that trains each trial to epoch 3, and then to the last."""

    def __init__(self, space, fidelity, rng, workers):
        self.space, self.fidelity, self.rng = space, fidelity, rng
        self.count, self.paused = 0, []

    def ask(self):
        if self.paused:
            return self.paused.pop()
        self.count += 1
        config = self.space.sample(self.rng, 1)[0]
        return Job(self.count - 1, config, 0, min(3, self.fidelity.r_max))

    def tell(self, job, evaluation):
        if job.to_resource < self.fidelity.r_max and evaluation.value < 1:
            more = job._replace(from_resource=job.to_resource, to_resource=self.fidelity.r_max)
            self.paused.append(more)


class ReturnsADict(Good):
    def ask(self):
        return super().ask().config


class LeavesTheSpace(Good):
    def ask(self):
        return super().ask()._replace(config={"learning_rate": 5, "units": 16, "optimizer": "sgd"})


class CountsFromOne(Good):
    def ask(self):
        job = super().ask()
        return job._replace(trial=job.trial + 1)


class TrainsTooFar(Good):
    def ask(self):
        return super().ask()._replace(to_resource=100)


class ForgetsWhereItWas(Good):
    def ask(self):
        return super().ask()._replace(from_resource=0)


class AsksTwice(Good):
    def ask(self):
        self.last = getattr(self, "last", None) or super().ask()
        return self.last


class AsksNothing(Good):
    def ask(self):
        return None


class IsRandom(Good):
    def ask(self):
        self.rng = np.random.default_rng()
        return super().ask()


class UsesGlobalRandomness(Good):
    def ask(self):
        random.random()
        return super().ask()


class WritesIntoWhatItIsTold(Good):
    def tell(self, job, evaluation):
        super().tell(job, evaluation)
        job.config["units"] = 17


class RaisesOnFailures(Good):
    def tell(self, job, evaluation):
        super().tell(job, evaluation)
        if evaluation.error:
            raise ZeroDivisionError


class TakesNoWorkers(Good):
    def __init__(self, space, fidelity, rng):
        super().__init__(space, fidelity, rng, 1)


class NeedsManyEpochs(Good):
    def __init__(self, space, fidelity, rng, workers):
        super().__init__(space, fidelity, rng, workers)
        assert fidelity.r_max > 1, "no fidelity"


class IsNeverTold(Good):
    tell = None


FAULTS = {
    ReturnsADict: "of type dict: it must return an hpobench.Job",
    LeavesTheSpace: "learning_rate=5 lies outside",
    CountsFromOne: "a new trial is numbered 1",
    TrainsTooFar: "from 0 to 100: to_resource must be more, at most 9",
    ForgetsWhereItWas: "is to go on from 0, and had reached 3",
    AsksTwice: "trial 0 is under way, and was asked for again",
    AsksNothing: "its first answer was None",
    IsRandom: "with the same generator job 0 was",
    UsesGlobalRandomness: "global random state",
    WritesIntoWhatItIsTold: "tell() changed what it was told",
    RaisesOnFailures: "tell() raised ZeroDivisionError",
    TakesNoWorkers: "cannot be made with (space, fidelity, rng, workers)",
    NeedsManyEpochs: "no fidelity",
    IsNeverTold: "it has no tell()",
}


def look(kind):
    return methods.look(lambda *given: kind(*given))


def test_a_good_method_passes():
    report = look(Good)
    assert report.faults == ()
    assert report.answers == look(Good).answers


@pytest.mark.parametrize(("kind", "words"), FAULTS.items())
def test_each_fault_is_named(kind, words):
    (fault,) = look(kind).faults
    assert words in fault
    assert ": " in fault


@pytest.mark.parametrize("name", [name for name in catalogue.names("method") if name in QUICK])
def test_shipped_methods_pass(name):
    settings = {key: value for key, value in test_contract.SETTINGS[name].items() if key != "about"}
    make = test_contract.instantiate(settings, _partial_=True)
    report = methods.look(
        lambda space, fidelity, rng, workers: make(
            space=space, fidelity=fidelity, rng=rng, workers=workers
        )
    )
    assert report.faults == ()
