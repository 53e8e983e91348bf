"""Estimators as tasks: what more training is, folds, scores, data, and what is refused."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split

from hpobench.real import checkpoints
from hpobench.records import Job
from hpobench.tasks.data import tabular
from hpobench.tasks.estimators import CrossValidation
from hpobench.tasks.fitting import fits

DEPTH = {"max_depth": {"type": "integer", "low": 1, "high": 4}}
C = {"C": {"type": "float", "low": 0.01, "high": 10, "log": True}}
TREE = "sklearn.tree.DecisionTreeClassifier"


def made(estimator=TREE, space=DEPTH, data="iris", **settings):
    return CrossValidation(estimator, space, data=data, **{"folds": 3, **settings})


def whole(task, config, seed=1):
    found = task.evaluate(Job(0, config, 0, task.fidelity.r_max), seed, None)
    assert not found.error, found.error
    return found


def assert_same(one, other):
    for name in ("resources", "values", "test_values", "train_values"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_mean_over_folds_is_that_of_scikit_learn():
    inputs, target = load_iris(return_X_y=True)
    seed = fits._SPLIT_SEED
    rows, held = train_test_split(np.arange(150), test_size=0.2, random_state=seed, stratify=target)
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    estimator = LogisticRegression(C=0.5, max_iter=400)
    scores = cross_val_score(
        estimator, inputs[rows], target[rows], cv=folds, scoring="neg_log_loss"
    )
    found = whole(
        made("sklearn.linear_model.LogisticRegression", C, scorer="neg_log_loss",
             fixed={"max_iter": 400}),
        {"C": 0.5},
    )  # fmt: skip
    assert found.resources.tolist() == [1, 2, 3]
    assert found.values == pytest.approx(-np.cumsum(scores) / [1, 2, 3])
    tests = [
        -estimator_score(inputs, target, rows[train], held)
        for train, _ in folds.split(inputs[rows], target[rows])
    ]
    assert found.test_values[-1] == pytest.approx(np.mean(tests))
    assert found.train_values[-1] < found.values[-1]


def estimator_score(inputs, target, train, held):
    from sklearn.metrics import get_scorer

    fitted = LogisticRegression(C=0.5, max_iter=400).fit(inputs[train], target[train])
    return get_scorer("neg_log_loss")(fitted, inputs[held], target[held])


def test_folds_are_paused_and_resumed_on_disk_too(tmp_path):
    task = made()
    assert task.can_checkpoint
    config = {"max_depth": 2}
    straight = whole(task, config)
    first = task.evaluate(Job(0, config, 0, 1), 1, None)
    checkpoints.save(task, tmp_path / "state", first.checkpoint)
    rest = task.evaluate(Job(0, config, 1, 3), 1, checkpoints.load(task, tmp_path / "state"))
    assert rest.resources.tolist() == [2, 3]
    np.testing.assert_array_equal(rest.values, straight.values[1:])
    other = task.evaluate(Job(1, {"max_depth": 3}, 1, 3, source=0), 1, first.checkpoint)
    assert "cannot go on with" in other.error


GROWING = {
    "sklearn.ensemble.RandomForestClassifier": {"n_estimators": [1, 2, 4]},
    "sklearn.ensemble.HistGradientBoostingClassifier": {"max_iter": [1, 2, 4]},
    "sklearn.neural_network.MLPClassifier": {"partial_fit": 4},
    "sklearn.linear_model.SGDClassifier": {"partial_fit": 4},
}


@pytest.mark.parametrize(("estimator", "fidelity"), GROWING.items())
def test_estimators_grow_and_go_on_where_they_are_held(estimator, fidelity):
    space = {"alpha": {"type": "float", "low": 1e-5, "high": 1}}
    if "Forest" in estimator or "Boosting" in estimator:
        space = DEPTH
    task = made(estimator, space, fidelity=fidelity)
    assert not task.can_checkpoint  # no pickle is written
    config = task.space.default()
    straight = whole(task, config)
    assert straight.resources[-1] == 4
    assert_same(straight, whole(task, config))
    held = task.evaluate(Job(0, config, 0, 2), 1, None)
    for checkpoint in (None, held.checkpoint):
        rest = task.evaluate(Job(0, config, 2, 4), 1, checkpoint)
        assert rest.values[-1] == straight.values[-1]
        assert (rest.resources > 2).all()
    other = whole(task, config, seed=2)
    assert len(other.values) == len(straight.values)


def test_a_forest_that_grew_is_the_forest():
    from sklearn.ensemble import RandomForestClassifier

    inputs, target = tabular.read("iris")
    grown = RandomForestClassifier(1, warm_start=True, random_state=3)
    for size in (1, 4):
        grown.set_params(n_estimators=size).fit(inputs, target)
    alone = RandomForestClassifier(4, random_state=3).fit(inputs, target)
    np.testing.assert_array_equal(grown.predict_proba(inputs), alone.predict_proba(inputs))


def test_shares_of_the_data_are_nested_and_stratified():
    task = made(fidelity={"data": ["1/8", "1/2", 1]})
    assert task.fidelity.levels == (0.125, 0.5, 1)
    assert not task.fidelity.comparable
    some = task._fits
    rows = some.loaded.folds[0].train
    small, large = some.share(rows, 1 / 8), some.share(rows, 1 / 2)
    assert set(small) < set(large) < set(rows)
    assert np.bincount(some.loaded.target[small]).tolist() in ([3, 3, 4], [4, 3, 3], [3, 4, 3])
    found = task.evaluate(Job(0, {"max_depth": 2}, 0, 0.5), 1, None)
    assert found.resources.tolist() == [0.5]
    assert found.duration_s > 0


def test_a_parameter_that_does_not_grow_is_fitted_from_zero():
    task = made("sklearn.linear_model.LogisticRegression", C, fidelity={"max_iter": [5, 10]})
    assert not task._fits.grows
    found = task.evaluate(Job(0, {"C": 1.0}, 5, 10), 1, None)
    assert found.resources.tolist() == [10]


def csv(folder):
    inputs, target = load_iris(return_X_y=True)
    path = folder / "flowers.csv"
    rows = [
        f"{a},{b},{'red' if number % 2 else 'blue'},{number},kind {label}"
        for number, ((a, b, *_), label) in enumerate(zip(inputs, target, strict=True))
    ]
    path.write_text("\n".join(["long,wide,colour,id,kind", *rows]))
    return str(path)


def test_a_csv_of_the_users_own(tmp_path):
    path = csv(tmp_path)
    data = {"csv": path, "target": "kind", "ignore": ["id"]}
    inputs, target = tabular.read(data)
    assert inputs.shape == (150, 4)  # long, wide, blue, red
    assert set(target) == {"kind 0", "kind 1", "kind 2"}
    task = made(data=data, fidelity="none")
    assert task.fidelity.single
    assert task.data_hash == tabular.digest(data) != ""
    found = whole(task, {"max_depth": 3})
    assert 0.1 < found.value < 0.5
    assert_same(whole(pickle.loads(pickle.dumps(task)), {"max_depth": 3}), found)


def load_two_lists():
    return [[0.0], [1.0]] * 30, [0, 1] * 30


def test_data_of_a_function():
    assert whole(made(data="tests.tasks.fitting.test_cross_validation.load_two_lists"),
                 {"max_depth": 1}).value == 0  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"data": "irises"}, "use one of breast_cancer"),
        ({"data": {"csv": "nowhere.csv", "target": "y"}}, "there is no file"),
        ({"data": {"openml": 987654321}}, "nothing is downloaded"),
        ({"scorer": "precision_at_k"}, "scikit-learn has"),
        ({"folds": 1}, "folds=1"),
        ({"fidelity": "trees"}, "use folds, none"),
        ({"fidelity": {"n_trees": [1, 2]}}, "has no such parameter"),
        ({"fidelity": {"partial_fit": 3}}, "has no partial_fit"),
        ({"fidelity": {"data": [0.5, 0.25]}}, "levels that rise"),
        ({"fidelity": {"data": [0.25, 0.5]}}, "must be 1"),
        ({"space": {"depth": DEPTH["max_depth"]}}, "cannot be called"),
        ({"test": 1.5}, "test=1.5"),
        ({"cost": "gpu"}, "cost='gpu'"),
    ],
)
def test_what_is_stated_wrongly_is_named(settings, words):
    with pytest.raises((ValueError, LookupError), match=words):
        made(**settings).prepare()


def test_a_column_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'kind'"):
        tabular.read({"csv": csv(tmp_path), "target": "kinds"})


def test_a_fit_that_raises_has_failed():
    space = {"C": {"type": "float", "low": -1, "high": -0.5}}
    found = made("sklearn.linear_model.LogisticRegression", space).evaluate(
        Job(0, {"C": -1.0}, 0, 3), 1, None
    )
    assert "C" in found.error
