"""Expected values are worked out by hand, by a naive loop, or follow from order statistics."""

import numpy as np
import pandas as pd
import pytest
import yaml

from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import in_view, incumbents
from hpobench.results.anytime.reevaluation import reevaluated
from hpobench.results.anytime.regret import references
from hpobench.results.conduct.overtuning import gaps, mean_views
from hpobench.results.study.load import load
from hpobench.results.verdicts.scores import scores
from tests.studies import execute, plan, write_conf


def with_trials(study, configs, jobs=None):
    """The study with the table of trials: (method, seed, trial) -> the name of a configuration."""
    keys = pd.DataFrame(list(configs), columns=["method", "seed", "trial"])
    study.__dict__["trials"] = keys.assign(task="t", config=list(configs.values()))
    if jobs is not None:
        study.__dict__["jobs"] = pd.DataFrame(jobs)
    return study


def by_hand(synthetic, rows, jobs=None, **options):
    """Rows of (method, seed, trial, config, resource, value), one a second."""
    table = [
        {"method": m, "seed": s, "trial": t, "resource": r, "value": v, "time_s": float(n)}
        for n, (m, s, t, _, r, v) in enumerate(rows, start=1)
    ]
    configs = {(m, s, t): config for m, s, t, config, _, _ in rows}
    return with_trials(synthetic.hand_made(table, **options), configs, jobs)


ROWS = [
    ("a", 0, 0, "x", 1, 5.0),
    ("a", 0, 1, "y", 1, 3.0),
    ("a", 0, 2, "x", 1, 2.0),  # x again, with fresh noise
    ("a", 0, 3, "x", 1, 9.0),
    ("b", 0, 0, "x", 1, 5.0),  # the first of x with seed 0: the same noise as under a
    ("a", 1, 0, "x", 1, 4.0),
    ("a", 1, 0, "x", 2, 1.0),  # another resource
    ("b", 1, 0, "x", 1, 4.0),
    ("b", 2, 0, "x", 1, 7.0),
]


def values_at(study, *rows):
    return reevaluated(study, np.array(rows, dtype=np.int64)).tolist()


def test_by_hand(synthetic):
    study = by_hand(synthetic, ROWS)
    # Draws of x at 1: seed 0: 5, 2, 9; seed 1: 4; seed 2: 7. What two methods saw counts once.
    assert values_at(study, 0) == [(2 + 9 + 4 + 7) / 4]
    # Chosen by its second evaluation: the first took part in the choice and is left out.
    assert values_at(study, 2) == [(9 + 4 + 7) / 3]
    assert values_at(study, 4) == [(2 + 9 + 4 + 7) / 4]  # under b, the same draw
    assert values_at(study, 5) == [(5 + 2 + 9 + 7) / 4]
    assert np.isnan(values_at(study, 1, 6)).all()  # y, and x at 2: once only
    assert values_at(study, 8, 0) == [(5 + 2 + 9 + 4) / 4, (2 + 9 + 4 + 7) / 4]
    assert values_at(study) == []


def test_failed_evaluations_take_no_part(synthetic):
    study = by_hand(synthetic, ROWS)
    study.observations["status"] = study.observations["status"].cat.add_categories("failed")
    study.observations.loc[3, ["status", "value"]] = ["failed", np.nan]
    assert values_at(study, 0) == [(2 + 4 + 7) / 3]


def test_a_trial_that_goes_on_from_another_takes_no_part(synthetic):
    jobs = [
        {"task": "t", "method": m, "seed": s, "trial": t, "source": 1 if (s, t) == (0, 3) else -1}
        for m, s, t, *_ in ROWS
    ]
    study = by_hand(synthetic, ROWS, jobs)
    assert values_at(study, 0) == [(2 + 4 + 7) / 3]
    assert np.isnan(values_at(study, 3)).all()


def test_huge_values_of_one_configuration_do_not_blur_another(synthetic):
    rows = [("a", seed, 0, "x", 1, 1e300 if seed else 1.0) for seed in range(3)]
    rows += [("a", seed, 1, "y", 1, 0.1 * (seed + 1)) for seed in range(3)]
    study = by_hand(synthetic, rows)
    assert values_at(study, 3) == pytest.approx([(0.2 + 0.3) / 2], rel=1e-15)


def test_the_order_of_the_tables_does_not_matter(synthetic):
    study = by_hand(synthetic, ROWS)
    study.__dict__["trials"] = study.trials.sample(frac=1, random_state=0)
    assert values_at(study, 0, 2) == [5.5, 20 / 3]


def test_a_run_passes_over_incumbents_that_were_evaluated_once(synthetic):
    study = by_hand(synthetic, ROWS)
    whole = incumbents(study)
    again = in_view(whole, study, {"t": "reevaluated"})
    assert np.isnan(again.value[:2]).tolist() == [False, True]
    found = incumbents(study, view="reevaluated")
    assert [part.tolist() for part in found.steps(0)] == [[1, 3], [5.5, 20 / 3]]
    assert found.known == {"t": (6, 8)}
    notes = anytime(found, "t").notes
    assert any("independent evaluations" in note for note in notes)
    assert any(note.startswith("75 % of the incumbents were evaluated again") for note in notes)


def test_tasks_without_any_are_left_out(synthetic):
    study = synthetic.random_study(tasks=2, methods=2, seeds=3)
    keys = study.observations[["task", "method", "seed", "trial"]]
    of_first = (keys["task"] == "task_0").to_numpy()
    # Random search on a finite space with common random numbers on the first task only.
    own = keys["method"].astype(str) + keys["seed"].astype(str)
    name = keys["trial"].astype(str).where(of_first, own + "." + keys["trial"].astype(str))
    study.__dict__["trials"] = keys.assign(config=name)
    found = incumbents(study, view="reevaluated")
    assert [*found.tasks] == [*found.views] == [*references(study, found.views)] == ["task_0"]
    assert set(scores(study, view="reevaluated")["task"]) == {"task_0"}
    study.__dict__["trials"] = keys.assign(config=own + keys["trial"].astype(str))
    with pytest.raises(ValueError, match="no incumbent has a re-evaluated value"):
        incumbents(study, view="reevaluated")


def test_without_trials_nothing_is_known(synthetic):
    study = synthetic.random_study(tasks=1, methods=1, seeds=2)
    with pytest.raises(ValueError, match="stored without its trials"):
        incumbents(study, view="reevaluated")
    assert gaps(study)["reevaluated"].isna().all()


def test_the_best_of_three_flatters_and_its_re_evaluation_does_not(synthetic):
    """Three configurations, all truly 0, noise N(0, 1): E[min of 3] = -3 / (2 sqrt(pi))."""
    seeds, rng = 2000, np.random.default_rng(0)
    noise = rng.standard_normal((seeds, 3))
    rows = [
        (method, seed, trial, "xyz"[config], 1, noise[seed, config])
        for method, turn in (("a", 0), ("b", 1))
        for seed in range(seeds)
        for trial, config in enumerate(np.roll(range(3), turn).tolist())
    ]
    study = by_hand(synthetic, rows)
    study.observations["true_value"] = 0.0
    ends = gaps(study).groupby("method")[["observed", "true", "reevaluated"]].mean()
    # sd of the least of three normals: 0.748 (Teichroew 1956); of a mean of 2000 draws: 1/44.7
    np.testing.assert_allclose(ends["observed"], -3 / (2 * np.sqrt(np.pi)), atol=4 * 0.748 / 44.7)
    np.testing.assert_allclose(ends["reevaluated"], 0.0, atol=4 / 44.7)
    means = mean_views(gaps(study)).set_index("method")
    assert (means["share"] == 1).all()
    np.testing.assert_allclose(means["gap"], -means["observed"])
    np.testing.assert_allclose(means["reevaluated_gap"], ends["reevaluated"] - ends["observed"])


def naive(study):
    """Re-evaluated values of all observations, one at a time."""
    configs = {(row.method, row.seed, row.trial): row.config for row in study.trials.itertuples()}
    visits, seen, draws = {}, {}, {}
    for row in study.trials.sort_values(["method", "seed", "trial"]).itertuples():
        place = (row.method, row.seed, row.config)
        visits[row.method, row.seed, row.trial] = seen.get(place, 0)
        seen[place] = seen.get(place, 0) + 1
    for row in study.observations.itertuples():
        key = (row.method, row.seed, row.trial)
        draws.setdefault(configs[key], {})[row.seed, visits[key]] = row.value
    found = []
    for row in study.observations.itertuples():
        key = (row.method, row.seed, row.trial)
        others = [
            value
            for (seed, visit), value in draws[configs[key]].items()
            if seed != row.seed or visit > visits[key]
        ]
        found.append(np.mean(others) if others else np.nan)
    return np.array(found)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """Runs on a bowl of 12 configurations with noise of 0.1: methods that come back to some."""
    folder = tmp_path_factory.mktemp("noisy")
    path = write_conf(folder / "conf") / "task" / "bowl.yaml"
    space = {
        "x": {"type": "ordinal", "values": [0.0, 0.3, 0.6]},
        "units": {"type": "ordinal", "values": [4, 8]},
        "kind": {"type": "categorical", "values": ["a", "b"]},
    }
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"space": space}))
    methods = "method=[random_replacement,evolution]"
    planned = plan(folder, "task=bowl", methods, "seeds=30", "workers=2", "budget.trials=20")
    execute(planned)
    return load(planned.folder)


def test_real_runs_agree_with_a_naive_loop(noisy):
    rows = np.arange(len(noisy.observations))
    np.testing.assert_allclose(reevaluated(noisy, rows), naive(noisy), rtol=1e-12)


def test_on_real_runs_it_is_unbiased_though_runs_share_their_noise(noisy):
    """The observed value of an incumbent is too good by several times its standard error."""
    table = gaps(noisy)
    assert table["reevaluated"].notna().mean() > 0.9
    error = table["reevaluated"] - table["true"]
    flattery = table["observed"] - table["true"]
    by_seed = pd.DataFrame({"error": error, "flattery": flattery}).groupby(table["seed"]).mean()
    sem = by_seed.sem()
    assert abs(by_seed["error"].mean()) < 4 * max(sem["error"], 0.1 / np.sqrt(30))
    assert by_seed["flattery"].mean() < -4 * sem["flattery"]
    assert by_seed["flattery"].mean() < -0.1 < by_seed["error"].mean()
