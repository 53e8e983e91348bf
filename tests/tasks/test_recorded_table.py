"""Recorded tables as tasks: replayed to the last digit, refused when they do not fit."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hydra.utils import instantiate

from hpobench.loop.budget import Budget
from hpobench.loop.events import Outcome
from hpobench.loop.simulator import simulate
from hpobench.methods.composite import Composite
from hpobench.methods.schedulers.fifo import FIFO
from hpobench.methods.schedulers.median_stopping import step_levels
from hpobench.methods.schedulers.rungs import rung_levels
from hpobench.methods.searchers.random_search import RandomSearch
from hpobench.records import Job
from hpobench.study import catalogue
from hpobench.tasks.recorded_table import recorded
from tests.tasks import made_tables

METHODS = {
    name: {key: value for key, value in settings.items() if key != "about"}
    for name in catalogue.names("method")
    if ".peers." not in (settings := catalogue.read("method", name))["_target_"]
}
LEVELS = list(made_tables.LEVELS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A table and its configurations."""
    path = tmp_path_factory.mktemp("recorded") / "made.parquet"
    configs = made_tables.make(path)
    return str(path), configs


def columns(count=3, repetitions=2):
    configs = made_tables.design(made_tables.Space(made_tables.SPACE), count)
    return made_tables.columns(configs, repetitions, 0.02)


def outcomes(task, method, **budget):
    events = simulate(task, method, budget=Budget(**budget), seed=1, workers=3)
    return [event for event in events if isinstance(event, Outcome)]


def test_what_was_recorded_is_replayed(made):
    path, configs = made
    task = recorded(path, repetition=0)
    table = made_tables.columns(configs, 2, 0.02)
    for number in (0, 17, 39):
        rows = [i for i, c in enumerate(table["config"]) if c == number][: len(LEVELS)]
        found = task.evaluate(Job(0, configs[number], 0, 4), 5, None)
        assert found.resources.tolist() == LEVELS
        assert found.values.tolist() == [table["validation_error"][row] for row in rows]
        assert found.test_values.tolist() == [table["test_error"][row] for row in rows]
        assert found.seconds.tolist() == [
            table["training_s"][row] + table["evaluation_s"][row] for row in rows
        ]
    assert task.fidelity.name == "epochs"
    assert (task.fidelity.r_min, task.fidelity.r_max) == (1, 4)
    assert task.metric.goal == "maximize"
    assert len(task.data_hash) == 64


def test_optimum_and_median_are_over_what_was_recorded(made):
    path, configs = made
    final = np.array(made_tables.columns(configs, 2, 0.02)["validation_error"])
    means = final.reshape(len(configs), 2, len(LEVELS))[:, :, -1].mean(axis=1)
    task = recorded(path)
    assert task.optimum == pytest.approx(means.min())
    assert task.median == pytest.approx(np.median(means))


def test_metrics_may_be_constrained(made):
    path, configs = made
    task = recorded(path, constraints={"parameters": 250})
    for config in configs[:9]:
        found = task.evaluate(Job(0, config, 0, 4), 0, None)
        assert found.constraints["parameters"].tolist() == [250 - 100 * config["layers"]] * 4
    with pytest.raises(ValueError, match="no metric 'latency_s' to constrain: has parameters"):
        recorded(path, constraints={"latency_s": 1})


def test_other_configurations_are_refused(made):
    task = recorded(made[0])
    with pytest.raises(ValueError, match=r"none of the 40 configurations .* the nearest is"):
        task.evaluate(Job(0, {"rate": 0.5, "layers": 1, "kind": "b"}, 0, 4), 0, None)
    with pytest.raises(ValueError, match="rate=5 lies outside"):
        task.evaluate(Job(0, {"rate": 5, "layers": 1, "kind": "b"}, 0, 4), 0, None)


def test_random_search_tries_each_configuration_once(made):
    path, configs = made
    task = recorded(path)
    method = Composite(task.space, task.fidelity, np.random.default_rng(0), 3, RandomSearch, FIFO)
    keys = [task.space.key(o.job.config) for o in outcomes(task, method, time_s=1e9)]
    assert sorted(map(str, keys)) == sorted(str(task.space.key(config)) for config in configs)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_tries_what_was_recorded_and_no_more(name, made):
    task = recorded(made[0])
    make = instantiate(METHODS[name], _partial_=True)
    rng = np.random.default_rng(0)
    method = make(space=task.space, fidelity=task.fidelity, rng=rng, workers=3)
    found = outcomes(task, method, trials=25)
    assert not [outcome.evaluation.error for outcome in found if outcome.evaluation.error]
    assert len({outcome.job.trial for outcome in found}) >= 10


def test_a_diverged_training_has_failed_from_there_on(tmp_path):
    table = columns()
    # The second repetition of configuration 1 diverges at the resource 3.
    table["validation_error"][14] = table["test_error"][14] = float("nan")
    table = {name: values[:15] + values[16:] for name, values in table.items()}
    task = recorded(made_tables.write(tmp_path / "made.parquet", table), repetition=1)
    config = task.space.config_at(1)
    found = task.evaluate(Job(0, config, 0, 4), 0, None)
    assert np.isnan(found.values).tolist() == [False, False, True, True]
    assert found.value == np.inf
    assert found.seconds[3] == found.seconds[2] == found.duration_s
    assert task.evaluate(Job(0, config, 0, 2), 0, None).value < 1


RATE = {"lr": {"type": "float", "low": 1e-4, "high": 1, "log": True}}
RENAMED = {"loss": "validation_error", "seconds": "training_s"}


def rows_of(names, *rows):
    return [dict(zip(names.split(), row, strict=True)) for row in rows]


def as_it_is(path, rows, space=RATE):
    """The task of a table as somebody has it: a row a result, a column a hyperparameter."""
    table = {RENAMED.get(name, name): [row[name] for row in rows] for name in rows[0]}
    made_tables.pq.write_table(made_tables.pa.table(table), path)
    return recorded(str(path), space=space)


def test_rows_of_equal_configurations_are_repetitions(tmp_path):
    """By hand: 0.1 has 0.10 and 0.30, mean 0.20; the others 0.21 and 0.50."""
    rows = rows_of("lr loss seconds", (0.1, 0.1, 1), (0.1, 0.3, 1), (0.01, 0.21, 1), (1e-3, 0.5, 1))
    task = as_it_is(tmp_path / "t.parquet", rows)
    assert task.space.size == 3
    assert task.optimum == pytest.approx(0.2)
    assert task.median == pytest.approx(0.21)
    found = {task.evaluate(Job(0, {"lr": 0.1}, 0, 1), seed, None).values[0] for seed in range(40)}
    assert found == {0.1, 0.3}
    assert task.evaluate(Job(0, {"lr": 0.1}, 0, 1), 0, None).true_values == pytest.approx([0.2])
    with pytest.raises(ValueError, match="have not all the same repetitions"):
        recorded(str(tmp_path / "t.parquet"), space=RATE, repetition="paired")


def test_a_cost_that_is_not_known_is_named(tmp_path):
    rows = rows_of("lr loss seconds", (0.1, 0.1, None), (0.01, 0.2, 60.0), (1e-3, 0.5, 60.0))
    with pytest.raises(ValueError, match=r"t\.parquet: the cost of \{'lr': 0\.1\} is not known"):
        as_it_is(tmp_path / "t.parquet", rows)


def test_without_cost_and_test_values_the_clock_counts_evaluations(tmp_path):
    rows = [(0.1, 10, 0.9), (0.1, 50, 0.5), (0.01, 10, 0.8), (0.01, 50, 0.7)]
    task = as_it_is(tmp_path / "t.parquet", rows_of("lr resource loss", *rows))
    assert (task.clock, task.optimum, task.median) == ("evaluations", 0.5, 0.6)
    found = task.evaluate(Job(0, {"lr": 0.1}, 0, 50), 0, None)
    assert found.seconds.tolist() == [0.2, 1.0]
    assert found.test_values is None


def test_curves_that_end_early_are_carried_or_failed_or_refused(tmp_path):
    rows = [(0.1, 1, 2.0, 0.9), (0.1, 2, 4.0, 0.45), (0.01, 1, 3.0, 0.79)]
    path = tmp_path / "t.parquet"
    with pytest.raises(
        ValueError, match=r"\{'lr': 0.01\} ends at the resource 1 of 2.*=carried lets"
    ):
        as_it_is(path, rows_of("lr resource seconds loss", *rows))
    carried = recorded(str(path), space=RATE, short_curves="carried")
    found = carried.evaluate(Job(0, {"lr": 0.01}, 0, 2), 0, None)
    assert (found.values.tolist(), found.seconds.tolist()) == ([0.79, 0.79], [3.0, 3.0])
    assert (carried.optimum, carried.median) == (0.45, pytest.approx((0.45 + 0.79) / 2))
    failed = recorded(str(path), space=RATE, short_curves="failed")
    values = failed.evaluate(Job(0, {"lr": 0.01}, 0, 2), 0, None).values
    assert np.isnan(values).tolist() == [False, True]


@pytest.mark.parametrize("levels", [(10, 50), (0.25, 1.0), (1, 2, 3)])
def test_rungs_and_steps_are_where_values_are(levels, tmp_path):
    """ASHA's rungs for eta 3 would be 10, 30 and 50: a job from 10 to 30 would have no value."""
    rows = [(x, level, x + 1 / level) for x in (0.1, 0.2, 0.3, 0.4) for level in levels]
    names = ["x", "resource", "validation_error"]
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    pq.write_table(table, tmp_path / "t.parquet")
    task = recorded(str(tmp_path / "t.parquet"), {"x": {"type": "float", "low": 0, "high": 1}})
    assert rung_levels(task.fidelity, 3) == [level for level in levels if level != 2]
    assert step_levels(task.fidelity, task.fidelity.r_min) == list(levels)
    assert task.fidelity.levels == (() if levels == (1, 2, 3) else levels)


def test_hyperparameters_called_like_columns(tmp_path):
    rows = rows_of("config param.config loss", (0, 0.1, 0.5), (1, 0.2, 0.4))
    space = {"config": {"type": "float", "low": 0, "high": 1}}
    task = as_it_is(tmp_path / "t.parquet", rows, space)
    assert [task.space.config_at(n) for n in range(2)] == [{"config": 0.1}, {"config": 0.2}]


def test_one_number_for_two_configurations_is_refused(tmp_path):
    rows = rows_of("config lr loss", (0, 0.1, 0.5), (0, 0.2, 0.4))
    with pytest.raises(ValueError, match="config 0 has rows of several configurations"):
        as_it_is(tmp_path / "t.parquet", rows)


def test_designs_that_repeat_themselves_count_once(tmp_path):
    table = columns(count=2, repetitions=1)
    for name in made_tables.SPACE:
        table[name] = [table[name][0]] * 8
    task = recorded(made_tables.write(tmp_path / "made.parquet", table))
    assert task.space.size == 1


def test_without_metadata_the_space_is_to_be_given(made, tmp_path):
    path = made_tables.write(tmp_path / "made.parquet", columns(), space=None)
    with pytest.raises(ValueError, match="does not state its space"):
        recorded(path)
    table = columns() | {name: [1.0] * 24 for name in ("memory_bytes", "latency_s")}
    path = made_tables.write(tmp_path / "whole.parquet", table, space=None)
    assert recorded(path, space=made_tables.SPACE).space.size == 3


def broken(change):
    table = columns()
    change(table)
    return table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("layers"), "does not fit its space: it has no column layers"),
        (lambda t: t.update(width=t["layers"]), "column width is no hyperparameter of it"),
        (lambda t: t.update(layers=[9] * 24), "configuration 0 .* layers=9 lies outside"),
        (lambda t: t.update(extra=[0.5] * 24), "'extra' is active only where"),
        (lambda t: t.update(kind=["a"] * 24, extra=[None] * 24), "'extra' is missing"),
        (lambda t: t.pop("training_s"), "no column training_s"),
        (lambda t: t.update(test_error=["x"] * 24), "test_error holds string, not numbers"),
        (lambda t: [v.pop() for v in t.values()], "ends at the resource 3 of 4 with a finite"),
        (lambda t: [v.append(v[3]) for v in t.values()], "'layers': 4.* has not one row"),
        (lambda t: [v.pop(8) for v in t.values()], "'layers': 2.* see repetition 0"),
        (lambda t: t.update(resource=[0.0] * 24), "a resource that is not above 0"),
    ],
)
def test_tables_that_do_not_fit_are_refused(change, message, tmp_path):
    path = made_tables.write(tmp_path / "made.parquet", broken(change))
    with pytest.raises(ValueError, match=message) as error:
        recorded(path)
    assert path in str(error.value)


def test_files_that_are_no_table(tmp_path):
    path = tmp_path / "made.parquet"
    path.write_text("no table")
    with pytest.raises(ValueError, match=r"made.parquet is no recorded table"):
        recorded(str(path))
    table = made_tables.pa.table({"x": [1]}).replace_schema_metadata({b"hpobench": b'{"x": 1}'})
    made_tables.pq.write_table(table, path)
    with pytest.raises(ValueError, match=r"made.parquet is no recorded table"):
        recorded(str(path))


def test_tables_that_are_not_there():
    with pytest.raises(LookupError, match=r"unknown recorded table 'cnn_digit'.*cnn_digits"):
        recorded("cnn_digit")
    with pytest.raises(LookupError, match=r"no recorded table no/such\.parquet"):
        recorded("no/such.parquet")
