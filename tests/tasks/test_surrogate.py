"""Surrogates of tables in closed form: near the truth, as noisy as recorded, refused if worse."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.gaussian_process import kernels

from hpobench.records import Job
from hpobench.tasks import surrogate, surrogate_fit
from hpobench.tasks.recorded_table import read
from hpobench.tasks.surrogate import SurrogateQualityError
from tests.tasks import made_tables

NOISE = 0.05
LEVELS = list(made_tables.LEVELS)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPOBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("recorded") / "made.parquet"
    made_tables.make(path, count=128, repetitions=3, noise=NOISE)
    return str(path)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """A table of one repetition."""
    path = tmp_path_factory.mktemp("recorded") / "single.parquet"
    made_tables.make(path, count=64, repetitions=1, noise=0.0)
    return str(path)


@pytest.fixture(scope="module")
def task(table):
    return surrogate.surrogate(table)


def job(config, start=0, end=4):
    return Job(0, config, start, end)


def test_configurations_never_seen_are_predicted(task):
    configs = task.space.sample(np.random.default_rng(1), 300)
    found = [task.evaluate(job(config), 0, None) for config in configs]
    curves = np.array([made_tables.error(config, LEVELS) for config in configs])
    true = np.array([evaluation.true_values for evaluation in found])
    assert abs(true - curves).mean() < 0.01
    # Beyond what any training showed a surrogate does not go.
    assert spearmanr(true[:, -1], curves[:, -1]).statistic > 0.98
    paces = [made_tables.pace(config) for config in configs]
    durations = [evaluation.duration_s / 4 for evaluation in found]
    assert np.std(np.log(np.array(durations) / paces)) < 1.3 * NOISE


def test_noise_is_that_of_the_repetitions(task):
    """Errors are recorded as (1 + NOISE g) times their mean, the same g all along the curve."""
    ratios, paces = [], []
    for config in task.space.sample(np.random.default_rng(2), 60):
        found = [task.evaluate(job(config), seed, None) for seed in range(40)]
        values = np.array([evaluation.values for evaluation in found])
        ratios.append(values / values.mean(axis=0) - 1)
        paces += np.diff(np.log([evaluation.duration_s for evaluation in found])).tolist()
    ratios = np.concatenate(ratios)
    # Of middling configurations; the spread of 3 repetitions is known to some 5 %.
    assert ratios.std(axis=0) == pytest.approx([NOISE] * 4, rel=0.25)
    assert np.corrcoef(ratios.T).min() > 0.9
    assert np.std(paces) == pytest.approx(np.sqrt(2) * NOISE, rel=0.15)


def test_a_trial_that_goes_on_from_another_is_on_its_own_curve(task):
    first, second = task.space.sample(np.random.default_rng(5), 2)
    state = task.evaluate(job(first, 0, 2), 3, None).checkpoint
    whole = task.evaluate(job(second), 3, None)
    rest = task.evaluate(Job(1, second, 2, 4, source=0), 3, state)
    assert rest.values.tolist() == whole.values[2:].tolist()
    assert rest.seconds == pytest.approx(whole.seconds[2:] - whole.seconds[1])


def test_noise_is_a_function_of_seed_and_configuration(task):
    first, second = task.space.sample(np.random.default_rng(3), 2)
    values = [task.evaluate(job(first), seed, None).values[-1] for seed in range(20)]
    assert values == [task.evaluate(job(first), seed, None).values[-1] for seed in range(20)]
    assert len(set(values)) > 10
    others = [task.evaluate(job(second), seed, None).values[-1] for seed in range(20)]
    assert np.corrcoef(values, others)[0, 1] < 0.9


def test_without_noise_and_with_a_single_repetition_all_seeds_see_the_same(table, single):
    low = {"error": 0.9, "cost": 0.9}
    for quiet in (
        surrogate.surrogate(table, noise=False),
        surrogate.surrogate(single, quality=low),
    ):
        config = quiet.space.sample(np.random.default_rng(0), 1)[0]
        one, other = (quiet.evaluate(job(config), seed, None) for seed in (1, 2))
        assert one.values.tolist() == other.values.tolist() == one.true_values.tolist()
        assert one.seconds == pytest.approx(one.seconds[0] * np.array(LEVELS))
        assert one.duration_s == other.duration_s


def test_a_table_without_cost_and_test_values_has_a_surrogate(tmp_path):
    """A clock of evaluations: the part of the highest resource is the part of an evaluation."""
    configs = made_tables.design(made_tables.Space(made_tables.SPACE), 64)
    columns = made_tables.columns(configs, 1, 0.0)
    wanted = ("resource", "validation_error", "parameters", *made_tables.SPACE)
    path = made_tables.write(tmp_path / "t.parquet", {name: columns[name] for name in wanted})
    made = surrogate.surrogate(path, quality={"cost": 1.0})
    assert made.clock == "evaluations"
    config = made.space.sample(np.random.default_rng(0), 1)[0]
    found = made.evaluate(job(config), 0, None)
    assert found.test_values is None
    assert found.seconds.tolist() == [0.25, 0.5, 0.75, 1.0]
    whole = made.evaluate(
        job(config, 2, 4), 0, made.evaluate(job(config, 0, 2), 0, None).checkpoint
    )
    assert whole.seconds.tolist() == [0.25, 0.5]


def test_repetitions_of_some_configurations_only(tmp_path):
    """Those that were repeated lend their noise; a cost that is the same for all is not judged."""
    configs = made_tables.design(made_tables.Space(made_tables.SPACE), 64)
    columns = made_tables.columns(configs, 3, NOISE)
    rows = len(columns["config"])
    columns["training_s"], columns["evaluation_s"] = columns["resource"], [0.0] * rows
    kept = [i for i in range(rows) if columns["repetition"][i] <= columns["config"][i] % 3]
    ragged = {name: [values[i] for i in kept] for name, values in columns.items()}
    path = made_tables.write(tmp_path / "t.parquet", ragged)
    made = surrogate.surrogate(path, quality={"error": 0.8, "cost": 1.0})
    config = made.space.sample(np.random.default_rng(0), 1)[0]
    found = [made.evaluate(job(config), seed, None) for seed in range(200)]
    values = np.array([one.values for one in found])
    assert (values / values.mean(axis=0)).std(axis=0) == pytest.approx([NOISE] * 4, rel=0.5)
    assert {tuple(one.seconds.round(9)) for one in found} == {(1.0, 2.0, 3.0, 4.0)}


def test_errors_that_are_all_alike_are_refused(tmp_path):
    configs = made_tables.design(made_tables.Space(made_tables.SPACE), 16)
    columns = made_tables.columns(configs, 1, 0.0)
    columns["validation_error"] = [0.5] * len(columns["config"])
    path = made_tables.write(tmp_path / "t.parquet", columns)
    with pytest.raises(SurrogateQualityError, match="last errors, recorded or predicted, are all"):
        surrogate.surrogate(path)


def test_optimum_and_median(task):
    """Against the closed form on a fine design."""
    configs = task.space.sample(np.random.default_rng(4), 3000)
    curves = np.array([made_tables.error(config, 4) for config in configs])
    # What is far from the mean is drawn towards it, by some of the spread of 0.1.
    assert task.optimum == pytest.approx(curves.min(), abs=0.03)
    assert task.median == pytest.approx(np.median(curves), abs=0.01)
    true = [task.evaluate(job(config), 0, None).true_values[-1] for config in configs]
    assert task.optimum <= min(true)


def test_what_is_served_is_what_scikit_learn_predicts():
    """The posterior mean of a Gaussian process, one vector at a time and many at once."""
    rng = np.random.default_rng(0)
    rows, target, new = rng.random((40, 3)), rng.random((40, 2)), rng.random((9, 3))
    posterior = surrogate_fit._posterior(rows, target, 0)
    shape = kernels.Matern(posterior.scales, nu=2.5)
    # Weights are K^-1 (y - mean) times the variance: predictions are linear in them.
    expected = shape(new, rows) @ posterior.weights + target.mean(axis=0)
    assert posterior.many(new) == pytest.approx(expected, rel=1e-9)
    for vector, outputs in zip(new, expected, strict=True):
        assert posterior.at(vector) == pytest.approx(outputs, rel=1e-9)
    centred = target - target.mean(axis=0)
    kernel = surrogate_fit._likeliest(rows, centred[:, 0] / centred[:, 0].std())
    process = surrogate_fit._regression(kernel, None).fit(rows, centred)
    assert posterior.many(new) == pytest.approx(process.predict(new) + target.mean(axis=0))


def test_quality_is_measured_on_what_was_left_out_and_held_to_its_word(table):
    arrays, _, _ = surrogate._fitted(table, None)
    measured = surrogate.measured(arrays)
    assert measured["error"] > 0.95
    assert measured["cost"] > 0.95
    with pytest.raises(SurrogateQualityError, match=r"error of .* left out is 0\.9.*states 0\.999"):
        surrogate.surrogate(table, quality={"error": 0.9999})
    with pytest.raises(ValueError, match=r"quality.loss is not measured: use error, cost"):
        surrogate.surrogate(table, quality={"loss": 0.5})


def test_what_cannot_be_predicted_is_not_served(tmp_path):
    """Errors that have nothing to do with the configuration."""
    path = tmp_path / "random.parquet"
    configs = made_tables.design(made_tables.Space(made_tables.SPACE), 32)
    columns = made_tables.columns(configs, 1, 0.0)
    numbers = np.random.default_rng(0).random(32).repeat(4).tolist()
    made_tables.write(path, columns | {"validation_error": numbers})
    with pytest.raises(SurrogateQualityError, match=r"is not served: .* Record more"):
        surrogate.surrogate(str(path))


def test_fitted_once_and_served_without_scikit_learn(table, task, monkeypatch):
    monkeypatch.setattr(surrogate_fit, "fit", None)
    assert surrogate.surrogate(table).optimum == task.optimum
    code = (
        "import sys; from hpobench.tasks.surrogate import surrogate;"
        f"task = surrogate({table!r}); print('sklearn' in sys.modules, task.optimum)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", str(task.optimum)]


def test_the_same_table_gives_the_same_arrays(single):
    first, second = (surrogate_fit.fit(read(single)) for _ in range(2))
    for name, array in first.items():
        assert array.tobytes() == second[name].tobytes(), name


def test_a_diverged_training_counts_as_the_worst(tmp_path):
    configs = made_tables.design(made_tables.Space(made_tables.SPACE), 32)
    columns = made_tables.columns(configs, 1, 0.0)
    for row, level in enumerate(columns["resource"]):
        if configs[row // 4]["layers"] == 4 and level >= 2:
            columns["validation_error"][row] = columns["test_error"][row] = float("nan")
    path = made_tables.write(tmp_path / "diverging.parquet", columns)
    task = surrogate.surrogate(path, quality={"error": 0.5, "cost": 0.5})
    base = {"rate": 0.01, "kind": "b"}
    found = task.evaluate(job(base | {"layers": 4}), 0, None)
    assert np.isfinite(found.values).all()
    worst = np.nanmax(np.array(columns["validation_error"]).reshape(-1, 4)[:, -1])
    assert found.values[-1] > 0.7 * worst
    assert task.evaluate(job(base | {"layers": 1}), 0, None).values[-1] < 0.5 * worst


def test_metrics_may_be_constrained(table):
    bounded = surrogate.surrogate(table, constraints={"parameters": 250})
    for layers in (1, 2, 3, 4):
        config = {"rate": 0.01, "layers": layers, "kind": "b"}
        slack = bounded.evaluate(job(config, 1), 0, None).constraints["parameters"]
        assert slack == pytest.approx([250 - 100 * layers] * 3, abs=15)
    assert bounded.optimum is None
    with pytest.raises(ValueError, match="no metric 'latency_s' to constrain: has parameters"):
        surrogate.surrogate(table, constraints={"latency_s": 1})


@pytest.mark.parametrize(
    ("config", "start", "message"),
    [
        ({"rate": 7, "layers": 1, "kind": "b"}, 0, "rate=7 lies outside"),
        ({"rate": 0.1, "layers": 1, "kind": "b", "extra": 1}, 0, "active only where"),
        ({"rate": 0.1, "layers": 1, "kind": "b"}, 4, "from 4 to 4 reaches none"),
    ],
)
def test_jobs_that_cannot_be(config, start, message, task):
    with pytest.raises(ValueError, match=message):
        task.evaluate(job(config, start), 0, None)


def test_the_command_prints_the_quality(table, capsys):
    surrogate.main([table])
    printed = capsys.readouterr().out
    assert "error after 1: 0." in printed
    assert ", 4: 0.9" in printed
    assert "cost 0.9" in printed
