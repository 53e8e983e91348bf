"""What a scheduler of ours decides, call by call, in a form that other libraries can follow.

A call is `["ask"]` or `["tell", trial, [[epoch, value], ...]]`; the answers to a list of calls are
of the same length. The promotion form answers an ask with `[trial, epoch to train to]` and is not
asked for an answer to a tell (None). The stopping form starts a trial at each ask (None), and
answers a tell with whether the trial goes on.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hpobench.contracts import Method
from hpobench.loop.budget import Budget
from hpobench.loop.simulator import simulate
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.study import build
from hpobench.study.catalogue import read
from tests.tiny import ScriptedTask


@dataclass(frozen=True)
class Work:
    """Trials in the order in which they are started: `curves` (trials, epochs), `costs` (trials,).

    Costs are seconds an epoch.
    """

    curves: np.ndarray
    costs: np.ndarray

    @classmethod
    def random(cls, seed: int, epochs: int, trials: int = 400, decimals: int = 12) -> "Work":
        """Noisy decaying curves; few `decimals` make ties."""
        rng = np.random.default_rng(seed)
        level, noise = rng.random((trials, 1)), rng.normal(0, 0.05, (trials, epochs))
        curves = level + np.exp(-np.arange(1, epochs + 1) / 10) + noise
        return cls(curves.round(decimals), rng.lognormal(0, 0.5, trials))

    @property
    def epochs(self) -> int:
        return self.curves.shape[1]

    def task(self) -> ScriptedTask:
        fidelity = Fidelity("epochs", 1, self.epochs)
        return ScriptedTask(self.costs.tolist(), self.curves.tolist(), fidelity)


@dataclass
class Transcript:
    """Calls and our answers to them."""

    calls: list[Any] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def add(self, call: list[Any], answer: Any) -> None:
        self.calls.append(call)
        self.answers.append(answer)


@dataclass
class _Watched:
    """A method that writes down what it is asked and told; after so many asks it is silent."""

    method: Method
    asks_left: int
    log: list[Any] = field(default_factory=list)

    def ask(self) -> Job | None:
        if not self.asks_left:
            return None
        self.asks_left -= 1
        self.log.append(self.method.ask())
        return self.log[-1]

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        if self.asks_left:
            self.log.append((job, evaluation))
            self.method.tell(job, evaluation)


def _log(name: str, work: Work, eta: float, workers: int, asks: int) -> list[Any]:
    """Jobs and (job, evaluation) in the order of the decisions of one simulated run."""
    task = work.task()
    config = {key: value for key, value in read("method", name).items() if key != "about"}
    config["points_to_evaluate"] = [{"x": trial} for trial in range(len(work.costs))]
    config["scheduler"] = {**config["scheduler"], "eta": eta}
    method = build.build_method(config, task, np.random.default_rng(0), workers)
    watched = _Watched(method, asks)
    list(simulate(task, watched, budget=Budget(time_s=1e9), seed=0, workers=workers))
    return watched.log


def _tell(job: Job, evaluation: Evaluation) -> list[Any]:
    pairs = zip(evaluation.resources.tolist(), evaluation.values.tolist(), strict=True)
    return ["tell", job.trial, [[int(epoch), value] for epoch, value in pairs]]


def promotions(work: Work, eta: float, workers: int, asks: int = 150) -> Transcript:
    """ASHA in its promotion form (`conf/method/asha.yaml`)."""
    transcript = Transcript()
    for entry in _log("asha", work, eta, workers, asks):
        if isinstance(entry, Job):
            transcript.add(["ask"], [entry.trial, int(entry.to_resource)])
        else:
            transcript.add(_tell(*entry), None)
    return transcript


def stops(work: Work, eta: float, workers: int, asks: int = 150) -> Transcript:
    """ASHA in its stopping form (`conf/method/asha_stopping.yaml`).

    Whether a trial goes on is seen in what its worker is given next.
    """
    transcript, told = Transcript(), None
    for entry in _log("asha_stopping", work, eta, workers, asks):
        if not isinstance(entry, Job):
            told = entry
            continue
        goes_on = told is not None and entry.trial == told[0].trial
        if told is not None:
            transcript.add(_tell(*told), goes_on)
        if not goes_on:
            transcript.add(["ask"], None)
        told = None
    return transcript
