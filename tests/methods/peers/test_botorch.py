"""The BoTorch loop: its columns, its outcomes, and what it makes of them."""

import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("botorch")

from hpobench.methods.peers.botorch_columns import Columns  # noqa: E402
from hpobench.methods.peers.botorch_loop import BoTorchLoop  # noqa: E402
from hpobench.methods.peers.botorch_models import in_range  # noqa: E402
from hpobench.methods.peers.dimensions import Dimensions  # noqa: E402
from hpobench.space.space import Space  # noqa: E402

INF = float("inf")
MIXED = Space(
    {
        "kind": {"type": "categorical", "values": ["a", "b", "c"]},
        "momentum": {"type": "float", "low": 0, "high": 1, "when": {"kind": "a"}},
        "width": {"type": "ordinal", "values": [1, 2, 8, 16]},
        "units": {"type": "integer", "low": 1, "high": 500_000, "log": True},
        "layers": {"type": "integer", "low": -2, "high": 7},
        "rate": {"type": "float", "low": 1e-4, "high": 0.3, "log": True},
    }
)
LINE = Space({"x": {"type": "float", "low": 0, "high": 1}})
LISTED = Space(
    {
        "a": {"type": "ordinal", "values": list(range(4))},
        "b": {"type": "categorical", "values": ["p", "q", "r"]},
    }
)
LATTICE = Space(
    {
        name: {"type": "ordinal", "values": list(range(12))}
        for name in ("first", "second", "third", "fourth")
    }
)


def make(space, seed=3):
    return BoTorchLoop(
        Dimensions(space), seed, 1, restarts=5, raw_samples=20, samples=64, pending=8
    )


def play(loop, value_of, trials, slacks_of=lambda _: {}, first=0):
    """Ask and tell; what was asked for."""
    asked = []
    for trial in range(first, first + trials):
        values = loop.ask(trial)
        asked.append(values)
        loop.tell(trial, values, value_of(values), slacks_of(values))
    return asked


def test_a_configuration_there_and_back():
    dimensions, columns = Dimensions(MIXED), Columns(Dimensions(MIXED))
    for config in MIXED.sample(np.random.default_rng(1), 300):
        row = columns.row(dimensions.encode(config))
        for entry, column in zip(row, columns.items, strict=True):
            low, high = column.bounds
            assert low <= entry <= high
        assert dimensions.decode(columns.values(row)) == pytest.approx(config)
        assert columns.nearest(row) == pytest.approx(row)


def test_what_is_not_active_makes_no_other_row():
    columns = Columns(Dimensions(MIXED))
    uniform = [0.5] * len(columns)
    rows = {columns.drawn([0.9, number, *uniform[2:]]) for number in (0.1, 0.4, 0.8)}
    assert len(rows) == 1


def test_levels_run_from_bound_to_bound():
    for column in Columns(Dimensions(LISTED)).items:
        levels = column.levels()
        assert (levels[0], levels[-1]) == column.bounds
        assert [column.value(level) for level in levels] == list(range(column.size))


def test_a_small_finite_space_is_listed_and_others_are_not():
    rows = Columns(Dimensions(LISTED)).all_rows()
    assert len(rows) == len(set(rows)) == 12
    assert Columns(Dimensions(LATTICE)).all_rows() == []
    assert Columns(Dimensions(MIXED)).all_rows() == []


def test_outcomes_over_their_range():
    """By hand: (1, 3, 5) over 4; a slack keeps its sign; what is missing is the least."""
    found = in_range(np.array([[1.0, -2.0], [3.0, 2.0], [5.0, np.nan], [-INF, 0.0]]))
    np.testing.assert_allclose(found[:, 0], [0.25, 0.75, 1.25, 0.25])
    np.testing.assert_allclose(found[:, 1], [-0.5, 0.5, -0.5, 0.0])
    for constant in (0.0, 7.0, -1e100):
        assert np.isfinite(in_range(np.full((3, 1), constant))).all()


def test_it_closes_in_on_a_valley():
    """A parabola; 4 Sobol points lie no nearer than the spacing of 12 would, 1/24 on average."""
    asked = play(make(LINE), lambda values: (values["x"] - 0.3) ** 2, 12)
    assert min(abs(values["x"] - 0.3) for values in asked[4:]) < 0.005


def test_a_listed_space_is_tried_point_by_point_and_then_again():
    asked = play(make(LISTED), lambda values: values["a"] - 2.0 * (values["b"] == 1), 14)
    points = [tuple(values.values()) for values in asked]
    assert len(set(points[:12])) == 12
    assert set(points[12:]) <= set(points[:12])


@pytest.mark.slow
def test_a_lattice_is_searched_without_repeats():
    """Of 20,736 points; one of distance <= 2 from the best in 12 steps after 10 Sobol points."""

    def distance(values):
        return sum(abs(value - 3) for value in values.values())

    asked = play(make(LATTICE), distance, 22)
    assert len({tuple(values.values()) for values in asked}) == 22
    assert min(map(distance, asked)) <= 2


@pytest.mark.slow
def test_constraints_hold_though_a_trial_failed():
    """The lower x the better; allowed from 0.4 on."""

    def value_of(values):
        return INF if values["x"] > 0.9 else values["x"]

    asked = play(make(LINE), value_of, 14, lambda values: {"size": values["x"] - 0.4})
    assert np.mean([abs(values["x"] - 0.4) < 0.1 for values in asked[-5:]]) >= 0.6


def test_nothing_but_failures_goes_on_with_sobol_points():
    asked = play(make(LINE), lambda _: INF, 8)
    sobol = torch.quasirandom.SobolEngine(1, scramble=True, seed=3).draw(8)[:, 0].tolist()
    assert [values["x"] for values in asked] == pytest.approx(sobol)


@pytest.mark.slow
def test_torch_is_neither_read_nor_set():
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        found.append(play(make(MIXED), lambda values: values["rate"], 16))
        assert torch.equal(before, torch.get_rng_state())
    assert found[0] == found[1]


def test_pickled_in_the_middle_it_goes_on_alike():
    loop = make(LINE)
    play(loop, lambda values: values["x"], 6)
    copy = pickle.loads(pickle.dumps(loop))
    found = [play(each, lambda values: values["x"], 3, first=6) for each in (loop, copy)]
    assert found[0] == found[1]
