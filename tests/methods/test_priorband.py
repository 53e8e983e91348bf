"""PriorBand: the odds of Mallik et al. (2023) by hand, and what is drawn under them."""

import math
from functools import partial

import numpy as np
import pytest
from scipy.stats import binomtest, norm, truncnorm

from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.hyperband import Hyperband
from hpobench.methods.search.history import Observed
from hpobench.methods.searchers.priorband import PriorBand
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Space

LINE = Space({"x": {"type": "float", "low": 0, "high": 1}})
MIXED = Space(
    {
        "x": {"type": "float", "low": 0, "high": 1, "default": 0.5},
        "width": {"type": "ordinal", "values": list(range(20))},
        "kind": {"type": "categorical", "values": ["a", "b", "c"], "default": "b"},
        "slope": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
    }
)
FINITE = Space(
    {
        "layers": {"type": "integer", "low": 1, "high": 3, "default": 2},
        "kind": {"type": "categorical", "values": ["a", "b"]},
    }
)


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def tell(searcher, trial, config, value, start=0.0, end=1.0):
    outcome = Evaluation(np.array([end]), np.ones(1), np.array([value]), 1.0)
    searcher.observe(Job(trial, config, start, end), outcome)


def bracket(searcher, value_of, configs):
    """One bracket of successive halving by 3 from 1 to 9: nine trials, three, one."""
    trials = list(range(len(configs)))
    for start, end in ((0.0, 1.0), (1.0, 3.0), (3.0, 9.0)):
        for trial in trials:
            tell(searcher, trial, configs[trial], value_of(configs[trial]), start, end)
        trials = sorted(trials, key=lambda t: value_of(configs[t]))[: len(trials) // 3]


@pytest.mark.parametrize(("rung", "random"), [(0, 1 / 2), (1, 1 / 4), (2, 1 / 10), (3, 1 / 28)])
def test_without_an_incumbent_the_prior_has_eta_to_the_rung_times_the_odds(rung, random):
    found = PriorBand(LINE, rng(), prior={"x": 0.2}).odds(rung, [])
    assert found == pytest.approx((random, 1 - random, 0))


def test_the_prior_and_the_incumbent_share_by_what_the_best_are_under_each():
    """With x = 0.3 before 0.6: S = 2 p(0.3) + 1 p(0.6), under the prior at 0.7 and about 0.3."""
    searcher = PriorBand(LINE, rng(), prior={"x": 0.7}, prior_spread=0.25)
    best = [Observed(0, {"x": 0.3}, 1.0, 1.0, {}), Observed(1, {"x": 0.6}, 2.0, 1.0, {})]

    def score(centre):
        density = truncnorm(-centre / 0.25, (1 - centre) / 0.25, loc=centre, scale=0.25).pdf
        return 2 * density(0.3) + density(0.6)

    share = score(0.7) / (score(0.7) + score(0.3))
    assert searcher.odds(1, best) == pytest.approx((0.25, 0.75 * share, 0.75 * (1 - share)))


def test_a_prior_far_from_the_best_loses_its_share():
    searcher = PriorBand(LINE, rng(), prior={"x": 1.0}, prior_spread=0.02)
    best = [Observed(0, {"x": 0.0}, 1.0, 1.0, {})]
    assert searcher.odds(0, best) == pytest.approx((0.5, 0, 0.5))


def test_the_incumbent_waits_for_the_cost_of_a_bracket():
    """Nine trials to 1, three on to 3 and one on to 9 take 9 + 6 + 6 = 21 = 9 (1 + 2 x 2/3)."""
    searcher = PriorBand(LINE, rng(), prior={"x": 0.5}, prior_spread=0.01)
    configs = [{"x": 0.1 * k} for k in range(9)]
    for trial, config in enumerate(configs[:8]):
        tell(searcher, trial, config, config["x"])
    tell(searcher, 0, configs[0], 0.0, 1.0, 3.0)
    tell(searcher, 0, configs[0], 0.0, 3.0, 9.0)

    def near_incumbent():
        found = [searcher.suggest({})["x"] for _ in range(60)]
        return sum(x < 0.45 for x in found) / 60

    before = near_incumbent()  # only half of all, those at random, are not at the prior
    for trial in range(8, 14):
        tell(searcher, trial, configs[0], 1.0)
    assert before < 0.4
    assert near_incumbent() > 0.55  # spent: 8 + 2 + 6 + 6 = 22


def test_the_incumbent_waits_for_a_trial_at_the_full_resource():
    """Of 30 trials at 1, the cost of a bracket to 9 (21) is spent; then one goes on to 9."""
    configs = [{"x": 0.03 * k} for k in range(30)]
    searcher = PriorBand(LINE, rng(), prior={"x": 1}, fidelity=Fidelity("epochs", 1, 9))
    for trial, config in enumerate(configs):
        tell(searcher, trial, config, config["x"])
    assert searcher._best() == []
    tell(searcher, 0, configs[0], 0.0, 1.0, 9.0)
    assert [one.config["x"] for one in searcher._best()] == pytest.approx(np.arange(10) * 0.03)


def test_the_first_bracket_of_hyperband_knows_no_incumbent(make_task, run):
    """`Composite` gives the fidelity. All of its nine are from the prior at 0.9, or at random."""
    fidelity, near = Fidelity("epochs", 1, 9), 0
    task = make_task(LINE, fidelity, lambda config, _: config["x"])
    stated = partial(PriorBand, prior={"x": 0.9}, prior_spread=0.01)
    for seed in range(60):
        method = Composite(LINE, fidelity, rng(seed), 1, stated, partial(Hyperband, eta=3))
        outcomes = run(task, method, trials=9)
        near += sum(o.job.config["x"] > 0.85 for o in outcomes if o.job.from_resource == 0)
    # 1/2 + 1/2 x 0.15; with an incumbent from the fourth on, the share of the prior vanishes.
    assert binomtest(near, 540, 0.575).pvalue > 1e-3


def test_the_prior_competes_for_at_least_eta_of_the_best():
    """Of three at the highest rung all three count, as in the authors' code, in order of value."""
    searcher = PriorBand(LINE, rng(), prior={"x": 1})
    for trial, x in enumerate((0.5, 0.1, 0.9)):
        tell(searcher, trial, {"x": x}, x)
    assert [one.config["x"] for one in searcher._best()] == [0.1, 0.5, 0.9]


def test_the_rung_is_that_of_the_latest_start():
    """After a start at 9, where resources begin at 1: 1 / (1 + 9) are random, the rest prior."""
    searcher = PriorBand(LINE, rng(), prior={"x": 0.5}, prior_spread=0.01)
    tell(searcher, 0, {"x": 0.1}, 1.0)
    pending = {7: Job(7, {"x": 0.2}, 0, 9.0), 3: Job(3, {"x": 0.2}, 0, 1.0)}
    tell(searcher, 1, {"x": 0.2}, 1.0, end=9.0)
    found = np.array([searcher.suggest(pending)["x"] for _ in range(400)])
    far = int((np.abs(found - 0.5) > 0.05).sum())
    assert binomtest(far, 400, 0.9 / 10).pvalue > 1e-3


def test_half_of_the_incumbent_is_changed_each_time():
    """Each of three hyperparameters with probability 1/2; a changed category is another one.

    Draws that change nothing are repeated: a quarter of those that leave the width at 10, which a
    normal step of at most half a cell does as well.
    """
    same = 1 / 4 * (1 / 2 + 1 / 2 * (2 * norm.cdf(0.025 / 0.1) - 1))
    changed = 1 / 2 / (1 - same)
    searcher = PriorBand(MIXED, rng(), mutation_spread=0.1, repeat=True)
    incumbent = {"x": 0.5, "width": 10, "kind": "b"}
    found = [searcher._around(incumbent) for _ in range(600)]
    for config in found:
        MIXED.validate(config)
    kinds = [config["kind"] for config in found]
    assert binomtest(kinds.count("b"), 600, 1 - changed).pvalue > 1e-3
    assert binomtest(kinds.count("a"), 600, changed / 2).pvalue > 1e-3
    moves = np.array([config["x"] - 0.5 for config in found])
    assert binomtest(int((moves != 0).sum()), 600, changed).pvalue > 1e-3
    assert incumbent not in found
    # Truncated at five deviations: a normal distribution, whose own deviation is 0.1.
    assert moves[moves != 0].std() == pytest.approx(0.1, rel=4 / math.sqrt(2 * 300))


def test_after_a_bracket_it_searches_around_the_incumbent():
    """The prior is wrong: about 0.9, where the best are about 0.1."""
    searcher = PriorBand(LINE, rng(), prior={"x": 0.9}, prior_spread=0.1)
    bracket(searcher, lambda config: config["x"], [{"x": 0.1 * k + 0.05} for k in range(9)])
    found = np.array([searcher.suggest({})["x"] for _ in range(200)])
    assert (found < 0.5).mean() > 0.6


def test_a_right_prior_helps_hyperband_and_a_wrong_one_is_recovered_from(make_task, run):
    """A bowl in three dimensions about 0.2, whose value does not depend on the resource."""
    space = Space({name: {"type": "float", "low": 0, "high": 1} for name in "xyz"})
    fidelity = Fidelity("epochs", 1, 9)
    task = make_task(space, fidelity, lambda c, _: sum((v - 0.2) ** 2 for v in c.values()))

    def best(searcher, time_s):
        found = []
        for seed in range(5):
            method = Composite(space, fidelity, rng(seed), 1, searcher, partial(Hyperband, eta=3))
            outcomes = run(task, method, time_s=time_s)
            found.append(min(o.evaluation.value for o in outcomes))
        return np.mean(found)

    def stated(centre):
        return partial(PriorBand, prior=dict.fromkeys("xyz", centre), prior_spread=0.125)

    assert best(stated(0.2), 30) < best(RandomSearch, 30) / 2
    assert best(stated(0.8), 600) < best(RandomSearch, 600) / 2


def test_a_finite_space_is_never_repeated_unless_asked():
    for repeat in (False, True):
        searcher = PriorBand(FINITE, rng(), repeat=repeat)
        found = []
        while len(found) < 30 and (config := searcher.suggest({})) is not None:
            tell(searcher, len(found), config, float(config["layers"]))
            found.append(FINITE.key(config))
        assert len(found) == (30 if repeat else 6)
        assert repeat or len(set(found)) == 6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eta": 1}, "eta=1"),
        ({"mutation_rate": 0}, "mutation_rate=0"),
        ({"mutation_spread": 2}, "mutation_spread=2"),
        ({"prior": {"y": 1}}, "'y'"),
        ({"prior_spread": -1}, "prior_spread=-1"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        PriorBand(LINE, rng(), **settings)
