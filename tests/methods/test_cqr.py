"""CQR: its conformal correction by hand and by the law of coverage that it is named for."""

import numpy as np
import pytest

from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.methods.searchers.cqr import CQR, conformal_corrections
from hpobench.records import Evaluation, Job
from hpobench.space.space import Space

PLANE = Space({name: {"type": "float", "low": -1, "high": 1} for name in "xy"})
LINE = Space({"x": {"type": "integer", "low": 0, "high": 9}})
FIVE = np.arange(1, 6) / 6


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def observe(searcher, trial, config, value):
    evaluation = Evaluation(np.ones(1), np.ones(1), np.array([float(value)]), 1.0)
    searcher.observe(Job(trial, config, 0, 1), evaluation)


def test_corrections_by_hand():
    """Quantiles -1, 0, 1 at 1/4, 1/2, 3/4 for all; errors of 4 values: -1, 0, 1, 2.

    Coverage 1/2: of n = 4 errors the ceil((n + 1) / 2) = 3rd smallest, 1.
    """
    predicted, values = np.tile([-1.0, 0.0, 1.0], (4, 1)), np.array([0.0, 1.0, -2.0, 3.0])
    found = conformal_corrections(predicted, values, np.array([0.25, 0.5, 0.75]))
    assert found.tolist() == [-1, 0, 1]


def test_intervals_that_are_too_wide_shrink():
    predicted = np.tile([-9.0, 0.0, 9.0], (50, 1))
    found = conformal_corrections(predicted, rng().normal(size=50), np.array([0.25, 0.5, 0.75]))
    assert found[0] > 0 > found[2]
    assert found[1] == 0


@pytest.mark.parametrize("count", [11, 23, 59])
@pytest.mark.parametrize("spread", [0.0, 0.5, 3.0])
def test_coverage_is_what_exchangeability_says(count, spread):
    """However wrong the quantiles are: P(y in interval) = ceil((n + 1)(1 - alpha)) / (n + 1).

    Romano et al. (2019), theorem 1, which holds with equality for values without ties.
    """
    draw, repeats = rng(count), 2000
    inside = np.zeros((repeats, 2), dtype=bool)
    for repeat in range(repeats):
        values = draw.normal(0.3, 1, count + 1)
        predicted = np.tile(spread * np.linspace(-1, 1, 5), (count, 1))
        interval = predicted[0] + conformal_corrections(predicted, values[:-1], FIVE)
        inside[repeat] = [interval[k] <= values[-1] <= interval[4 - k] for k in (0, 1)]
    for pair, coverage in enumerate([4 / 6, 2 / 6]):
        exact = np.ceil((count + 1) * coverage - 1e-9) / (count + 1)
        tolerance = 4 * np.sqrt(exact * (1 - exact) / repeats)
        assert abs(inside[:, pair].mean() - exact) < tolerance


def test_candidates_of_each_quantile_are_drawn():
    """All values are noise: suggestions spread."""
    searcher, draw = CQR(PLANE, rng()), rng(1)
    for trial in range(60):
        observe(
            searcher, trial, dict(zip("xy", draw.uniform(-1, 1, 2), strict=True)), draw.normal()
        )
    found = np.array([list(searcher.suggest({}).values()) for _ in range(40)])
    assert (found.std(axis=0) > 0.2).all()


def test_of_candidates_that_were_tried_none_is_suggested(monkeypatch):
    """The same 30 candidates each time, in a space of 216,000: all 30 come, then random ones."""
    space = Space({name: {"type": "integer", "low": 1, "high": 60} for name in "xyz"})
    searcher = CQR(space, rng(), initial=5)
    same = UnitSpace(space).sample(30, rng(1))
    monkeypatch.setattr(Candidates, "drawn", lambda _self, _count: same.copy())
    seen = []
    for trial in range(40):
        config = searcher.suggest({})
        seen.append(tuple(config.values()))
        observe(searcher, trial, config, config["x"])
    assert len(set(seen)) == 40
    offered = {tuple(config.values()) for config in UnitSpace(space).configs(same)}
    assert offered == set(seen[5:35])


def test_the_bottom_of_a_bowl_is_found():
    for seed in range(2):
        searcher, values = CQR(PLANE, rng(seed)), []
        for trial in range(60):
            config = searcher.suggest({})
            values.append((config["x"] - 0.3) ** 2 + (config["y"] + 0.5) ** 2)
            observe(searcher, trial, config, values[-1])
        assert min(values) < 0.02
        assert np.mean(values[30:]) < np.mean(values[:10]) / 2


def test_lies_are_fitted_to():
    """Workers repeat all configurations below 5: the pessimist takes that for the worst place."""
    searcher = CQR(LINE, rng(), liar="worst", repeat=True)
    for trial in range(10):
        observe(searcher, trial, {"x": trial}, trial)
    pending = {10 + i: Job(10 + i, {"x": i % 5}, 0, 1) for i in range(100)}
    assert np.mean([searcher.suggest({})["x"] for _ in range(20)]) < 3
    assert np.mean([searcher.suggest(pending)["x"] for _ in range(20)]) > 4


@pytest.mark.parametrize(
    "setting",
    [{"quantiles": 4}, {"validation": 0}, {"candidates": 0}, {"conformal": 1}, {"liar": "x"}],
)
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        CQR(PLANE, rng(), **setting)
