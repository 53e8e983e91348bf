"""Expected shares are counted by hand."""

import numpy as np
import pandas as pd
import pytest
import yaml

from hpobench.results.conduct.repeats import repeated_suggestions
from hpobench.results.study.load import load
from hpobench.results.study.visits import trial_rows, visits
from tests.studies import execute, plan, write_conf


def of(synthetic, configs, runs=None, methods=None):
    """A study of these trials: (method, seed) -> names of configurations, in order."""
    rows = [
        {"method": method, "seed": seed, "trial": trial, "config": config, "task": "t"}
        for (method, seed), names in configs.items()
        for trial, config in enumerate(names)
    ]
    runs = runs or [{"method": method, "seed": seed} for method, seed in configs]
    study = synthetic.hand_made([{"time_s": 1, "value": 1.0, **runs[0]}], runs=runs)
    study.__dict__["trials"] = pd.DataFrame(rows)
    return study


def test_by_hand(synthetic):
    configs = {("a", 0): "xyxx", ("a", 1): "xyzw", ("b", 0): "xy", ("b", 1): "xx"}
    table = repeated_suggestions(of(synthetic, configs)).set_index("method")
    # Run a 0 repeats 2 of 4 trials, a 1 none; what another run tried is no repetition.
    assert table["share"].to_dict() == {"a": 0.25, "b": 0.25}
    assert table["seeds"].to_dict() == {"a": 2, "b": 2}
    # Means of resamples are 0, 0.25 and 0.5; of two seeds that is stretched past all shares.
    assert table.loc["a", ["low", "high"]].tolist() == [0, 1]


def test_a_single_seed_has_no_interval(synthetic):
    table = repeated_suggestions(of(synthetic, {("a", 0): "xxx"}))
    assert table["share"].tolist() == [pytest.approx(2 / 3)]
    assert table[["low", "high"]].isna().all(axis=None)


def test_failed_runs_and_runs_without_trials_are_left_out(synthetic):
    runs = [{"seed": 0}, {"seed": 1, "status": "failed"}, {"seed": 2}]
    table = repeated_suggestions(of(synthetic, {("a", 0): "xy", ("a", 1): "xx"}, runs=runs))
    assert table[["share", "seeds"]].to_numpy().tolist() == [[0, 1]]


def test_the_number_of_a_visit_follows_the_order_of_starting(synthetic):
    study = of(synthetic, {("a", 0): "xyxx", ("b", 0): "x"})
    shuffled = study.trials.iloc[[3, 4, 0, 2, 1]].reset_index(drop=True)
    study.__dict__["trials"] = shuffled
    found = visits(study)
    assert found.visit.tolist() == [2, 0, 0, 1, 0]
    assert len(set(found.config.tolist())) == 2
    wanted = pd.DataFrame({"task": "t", "method": ["b", "a"], "seed": 0, "trial": [0, 2]})
    assert trial_rows(study, wanted).tolist() == [1, 3]
    with pytest.raises(ValueError, match="does not list"):
        trial_rows(study, wanted.assign(trial=9))


def test_without_trials_it_refuses(synthetic):
    with pytest.raises(ValueError, match="stored without its trials"):
        repeated_suggestions(synthetic.random_study(tasks=1, methods=1, seeds=2))


def test_a_method_that_draws_with_replacement_repeats_as_often_as_chance_has_it(tmp_path):
    """n draws from k configurations: E[distinct] = k (1 - (1 - 1/k)^n)."""
    units, draws, seeds = 20, 30, 40
    space = {
        "x": {"type": "ordinal", "values": list(range(1, units + 1))},
        "units": {"type": "ordinal", "values": [8]},
        "kind": {"type": "categorical", "values": ["a"]},
    }
    path = write_conf(tmp_path / "conf") / "task" / "bowl.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"space": space}))
    method, budget = "method=[random_replacement,random]", f"budget.trials={draws}"
    planned = plan(tmp_path, "task=bowl", method, budget, f"seeds={seeds}", "workers=1")
    execute(planned)
    table = repeated_suggestions(load(planned.folder)).set_index("method")
    expected = 1 - units * (1 - (1 - 1 / units) ** draws) / draws
    assert table.loc["random_replacement", "share"] == pytest.approx(expected, abs=0.03)
    low, high = table.loc["random_replacement", ["low", "high"]]
    assert low < expected < high
    # Without replacement a run ends when the space is exhausted.
    assert table.loc["random", "share"] == 0
    assert np.isfinite(table["high"]).all()
