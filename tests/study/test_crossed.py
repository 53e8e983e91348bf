"""Seeds of methods crossed with seeds of the objective: which run has which, and its use."""

import numpy as np
import pytest

from hpobench.results import incumbents, load, references
from hpobench.results.anytime.curves import curves
from hpobench.results.verdicts.final import final_regrets
from hpobench.results.verdicts.sources import in_words, sources
from hpobench.study.overrides import ConfigError
from tests.studies import execute, plan

NOISY = ("task=bowl", "method=[random,sobol]", "budget.trials=4", "tasks.bowl.noise=0.5")


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crossed")
    execute(plan(folder, *NOISY, "seeds=3", "objective_seeds=2", "name=crossed"))
    execute(plan(folder, *NOISY, "seeds=3", "name=plain"))
    return load(folder / "runs" / "crossed"), load(folder / "runs" / "plain")


def _of(study, method, seed):
    rows = study.observations
    rows = rows[(rows["method"] == method) & (rows["seed"] == seed)]
    return rows["value"].to_numpy(), rows["true_value"].to_numpy()


def test_runs_of_a_seed_of_the_method_try_the_same(studies):
    """Random search: run 2 s + j tries what seed s tries; what it sees depends on j as well."""
    crossed, plain = studies
    for own in range(3):
        first, second = (_of(crossed, "random", 2 * own + noise) for noise in range(2))
        assert np.array_equal(first[1], second[1])  # the same configurations
        assert not np.array_equal(first[0], second[0])  # other noise
        assert np.array_equal(first[1], _of(plain, "random", own)[1])
    # Method and objective both have seed 0, or both seed 1, as in the plain study.
    assert np.array_equal(_of(crossed, "random", 0)[0], _of(plain, "random", 0)[0])
    assert np.array_equal(_of(crossed, "random", 3)[0], _of(plain, "random", 1)[0])


def test_runs_of_a_seed_count_as_one(studies):
    crossed, _ = studies
    found = incumbents(crossed)
    assert found.objective_seeds == 2
    known = references(crossed, found.views)
    (table,) = final_regrets(found, known).values()
    assert table.index.tolist() == [0, 1, 2]
    grid = np.array([found.horizons["bowl"].time_s])
    made = curves(found, "bowl", grid)["random"]
    assert made.values.shape == (3, 1)
    ends = [_last(found, "random", 2 * 1 + noise) for noise in range(2)]
    assert made.values[1, 0] == pytest.approx(np.mean(ends))


def _last(found, method, seed):
    runs = found.runs.reset_index(drop=True)
    (number,) = runs.index[(runs["method"] == method) & (runs["seed"] == seed)]
    return found.steps(number)[1][-1]


def test_sources(studies):
    for study, crossed in zip(studies, (True, False), strict=True):
        found = incumbents(study)
        made = sources(found, references(study, found.views))
        assert made["crossed"].unique().tolist() == [crossed]
        assert made["share"].sum() == pytest.approx(1)
        names = ["method", "noise", "method_noise", "own", "rest"]
        assert made["source"].tolist() == (names if crossed else ["method", "noise", "rest"])
        assert in_words(made).startswith("Of the variance of single runs ")


def test_crossing_is_another_study(tmp_path):
    execute(plan(tmp_path, *NOISY, "seeds=2"))
    other = plan(tmp_path, *NOISY, "seeds=2", "objective_seeds=2")
    assert len(other.keys()) == 8
    assert other.change().kind == "replaces"
    assert plan(tmp_path, *NOISY).pairs[0].fingerprint != other.pairs[0].fingerprint


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("objective_seeds=1",), "use a whole number of at least 2, or null"),
        (("objective_seeds=many",), "objective_seeds='many'"),
        (("objective_seeds=2", "seeds=auto"), r"give seeds=N, not auto"),
        (("objective_seeds=9", "seeds=[2000000000]"), "seeds above 2147483647"),
    ],
)
def test_what_cannot_be_crossed_is_said(tmp_path, settings, words):
    with pytest.raises(ConfigError, match=words):
        plan(tmp_path, *NOISY, *settings)
