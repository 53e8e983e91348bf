"""How long a study will take, of a task that sleeps for a known time."""

import time

import numpy as np
import pytest

import hpobench
from hpobench.api import estimate
from hpobench.study import compose
from hpobench.study.study import Study

SLEPT_S = 0.02


def test_cells_that_were_not_tried_are_task_times_method():
    """Seconds a * b of tasks a = 1, 2 and methods b = 3, 5: one cell is left out."""
    known = {("1", "3"): 3.0, ("2", "3"): 6.0, ("1", "5"): 5.0}
    cells = [*known, ("2", "5"), ("2", "new")]
    seconds = estimate._all(cells, known)
    assert seconds["2", "5"] == pytest.approx(10.0)
    assert seconds["2", "new"] == pytest.approx(2 * np.sqrt(15))
    assert seconds["1", "3"] == 3.0


def test_each_task_and_method_come_early():
    cells = [(task, method) for task in "abc" for method in "xyz"]
    first = estimate._spread(cells)[:3]
    assert {task for task, _ in first} == set("abc")
    assert {method for _, method in first} == set("xyz")


def test_an_estimate_of_sleep_is_within_half(tmp_path, monkeypatch):
    """40 runs of 5 evaluations of 20 ms in one process: 4 s, whatever else the machine does."""
    monkeypatch.chdir(tmp_path)

    def sleeps(x):
        time.sleep(SLEPT_S)
        return x

    task = hpobench.task(sleeps, {"x": {"type": "float", "low": 0, "high": 1}})
    from hpobench.api.run import composed

    texts = ["seeds=40", "n_jobs=1", "budget.trials=5", "name=mine"]
    study = Study.make(composed(texts, {"task": task, "method": "random"}, []))
    found = estimate.estimate(study)
    assert found is not None
    # The machine may be slow, but no call sleeps shorter.
    assert found.seconds >= 40 * 5 * SLEPT_S
    assert "1 of 1 pair tried once" in found.source
    assert not (tmp_path / "runs").exists()


def test_the_real_clock_takes_its_budget(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = ["clock=real", "task=branin", "method=random", "seeds=3", "workers=1"]
    study = Study.make(compose.load([*settings, "budget.time_s=50"]))
    assert estimate.estimate(study).in_words().startswith("takes about 2.5 minutes")
    study = Study.make(compose.load([*settings, "budget.trials=5"]))
    assert "is not known" in estimate.estimate(study).in_words()
