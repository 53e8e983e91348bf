"""Twenty methods with names of 40 characters fit every figure, a column of a paper or a slide."""

import pytest

from hpobench.plots.canvas.files import save
from hpobench.plots.canvas.style import COLUMN_IN, SINGLE_IN
from hpobench.plots.figures.aggregates import aggregates_figure, rank_intervals_figure
from hpobench.plots.figures.configurations import parallel_figure
from hpobench.plots.figures.critical_difference import critical_difference_figure
from hpobench.plots.figures.feasibility import feasibility_figure
from hpobench.plots.figures.improvement import improvement_figure
from hpobench.plots.figures.overhead import overhead_figure, overhead_growth_figure
from hpobench.plots.figures.overtuning import overtuning_figure
from hpobench.plots.figures.scaling import scaling_figure
from hpobench.plots.figures.targets import targets_figure
from tests.plots import tables
from tests.plots.extents import check_words

TASKS = ("t", "a_task_with_a_rather_long_name")


def parallel(methods, *, color="value", ranked=True, **options):
    configs = tables.configurations(methods)
    importance = tables.importances(configs) if ranked else None
    return parallel_figure(configs, methods, importance, color=color, **options)


def of(figure, table, **details):
    return lambda methods, **options: figure(table(methods, **details), methods, **options)


def targets(tasks):
    return lambda methods, **options: targets_figure(
        tables.times_to_target(methods, tasks=tasks), methods, "m0", **options
    )


FIGURES = {
    "aggregates": of(aggregates_figure, tables.aggregates),
    "ranks": of(rank_intervals_figure, tables.rank_intervals),
    "improvement": of(improvement_figure, tables.improvements),
    "critical difference": of(critical_difference_figure, tables.friedman),
    "close ranks": of(critical_difference_figure, tables.friedman, spread=(1.5, 2.0)),
    "targets": targets(["all tasks"]),
    "targets of tasks": targets(TASKS),
    "scaling": of(scaling_figure, tables.scalings, tasks=TASKS),
    "overhead": of(overhead_figure, tables.overheads),
    "overhead growth": of(overhead_growth_figure, tables.growths),
    "overtuning": of(overtuning_figure, tables.gaps),
    "feasibility": of(feasibility_figure, tables.feasibilities, tasks=TASKS),
    "configurations by value": parallel,
    "configurations by method": lambda methods, **options: parallel(
        methods, color="method", ranked=False, **options
    ),
}


@pytest.mark.parametrize(
    "width_in", [COLUMN_IN, pytest.param(SINGLE_IN[0], marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", FIGURES)
def test_twenty_long_names_fit(name, width_in):
    figure = FIGURES[name](tables.methods_of(20), width_in=width_in).figure
    check_words(figure)
    assert figure.get_figwidth() == width_in


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", FIGURES)
def test_few_methods_fit(name, count):
    if name in ("improvement", "critical difference", "close ranks") and count == 1:
        pytest.skip("compares methods")
    drawn = FIGURES[name](tables.methods_of(count, long=False))
    check_words(drawn.figure)
    assert drawn.caption.endswith(".")


def test_a_figure_is_saved_as_vectors(tmp_path):
    paths = save(FIGURES["improvement"](tables.methods_of(3)).figure, tmp_path, "matrix")
    assert [path.suffix for path in paths] == [".png", ".pdf"]
    assert b"/Subtype /Image" not in paths[1].read_bytes()
