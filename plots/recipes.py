"""Each figure of a study, stated once: its name, what it needs, and how it is made.

`draw` saves them, the report shows them beside their tables: in both they are the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Generic, TypeVar

import pandas as pd

from hpobench.plots.canvas.caption import whole_runs
from hpobench.plots.canvas.sheet import Drawn
from hpobench.plots.figures.aggregates import (
    METRICS,
    aggregates_figure,
    rank_intervals_figure,
)
from hpobench.plots.figures.anytime import anytime_figure
from hpobench.plots.figures.configurations import parallel_figure
from hpobench.plots.figures.critical_difference import critical_difference_figure
from hpobench.plots.figures.ecdf import ecdf_figure
from hpobench.plots.figures.feasibility import feasibility_curves_figure, feasibility_figure
from hpobench.plots.figures.improvement import improvement_figure
from hpobench.plots.figures.overhead import overhead_figure, overhead_growth_figure
from hpobench.plots.figures.overtuning import overtuning_curves_figure, overtuning_figure
from hpobench.plots.figures.overview import overview_figure
from hpobench.plots.figures.rank import rank_figure
from hpobench.plots.figures.targets import targets_figure
from hpobench.results.anytime.comparison import Comparison, anytime, average_regret
from hpobench.results.anytime.ecdf import time_ecdf
from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.anytime.ranks import average_ranks, can_rank
from hpobench.results.anytime.regret import Reference
from hpobench.results.conduct.configurations import importance, incumbent_configs
from hpobench.results.conduct.feasibility import (
    constrained_tasks,
    feasibility,
    feasibility_curves,
)
from hpobench.results.conduct.overhead import overhead, overhead_growth
from hpobench.results.conduct.overtuning import gaps, overtuning_curves, reported_views
from hpobench.results.statistics.rank_tests import friedman
from hpobench.results.study.horizon import reference_of
from hpobench.results.study.selection import of_task
from hpobench.results.study.study import Study
from hpobench.results.study.time_axis import AXES, axis_unit, on_axis
from hpobench.results.verdicts.final import (
    aggregate_scores,
    final_regrets,
    final_values,
    probability_of_improvement,
    rank_intervals,
)
from hpobench.results.verdicts.strips import Strip, strips
from hpobench.results.verdicts.time_to_target import early_notes, time_to_target
from hpobench.results.verdicts.verdict import Verdict, verdicts
from hpobench.storage.schema import MethodFacts

T = TypeVar("T")
Named = tuple[str, Drawn]
LeftOut = Callable[[str, str], None]
"""Told of each figure that is left out, and why."""


def untold(_name: str, _reason: str) -> None:
    """For callers that do not ask what was left out."""


@dataclass(frozen=True)
class Compared:
    """Tasks on which the same methods were run; `references` of those that can be normalised.

    `time`, `statistic`, `band`: how curves over tasks are drawn. `judged`: the verdicts, if these
    are known already; they are corrected over all that is judged together.
    """

    study: Study
    found: Incumbents
    references: Mapping[str, Reference]
    time: str = "log"
    statistic: str = "mean"
    band: str | None = None
    judged: Sequence[Verdict] | None = None

    @property
    def quantity(self) -> str:
        """What values are normalised to."""
        return next(each.quantity for each in self.references.values())

    @property
    def ends(self) -> str:
        """What 0 and 1 are on its scale."""
        return next(each.in_words for each in self.references.values())

    @property
    def reference(self) -> str:
        """The method that others are compared to: the same, in whatever order they are shown."""
        every = self.study.methods
        shown = {name: every[name] for name in every if name in self.found.methods}
        return reference_of(shown, self.found.reference)

    @property
    def methods(self) -> Mapping[str, MethodFacts]:
        """Those of the study, in the order in which the figures show them."""
        return in_this_order(self.study.methods, self.found.methods)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What the captions of figures without a time axis have to say of the runs."""
        return whole_runs(self.found, self.references, self.study.settings)


@dataclass(frozen=True)
class Recipe(Generic[T]):
    """A figure of one group of tasks: its name, why it cannot be made, and how it is.

    `lacks`: the reason, "" if there is none. `table` computes what `figure` draws: for some width
    in inches, or its own.
    """

    name: str
    lacks: Callable[[Compared], str]
    table: Callable[[Compared], T]
    figure: Callable[..., Drawn]

    def __call__(self, some: Compared) -> Drawn:
        """The figure, in its own width. Raises ValueError if the runs are too few for it."""
        return self.figure(some, self.table(some))


def _too_few_to_average(some: Compared) -> str:
    enough = len(some.references) > 1
    return "" if enough else "an average needs 2 tasks or more that can be normalised"


def _too_few_to_rank(some: Compared) -> str:
    return (
        "" if can_rank(some.found) else "ranks need 2 methods or more with runs of the same seeds"
    )


def _nothing_to_compare(some: Compared) -> str:
    if not some.references:
        return "no task can be normalised"
    return "" if len(some.found.methods) > 1 else "there is one method only"


def _curves(draw_curves: Callable[..., Drawn]) -> Callable[[Compared, Comparison], Drawn]:
    def figure(some: Compared, made: Comparison) -> Drawn:
        return draw_curves(made, some.methods, some.study.settings, time=some.time)

    return figure


def _noted(draw_table: Callable[..., Drawn]) -> Callable[..., Drawn]:
    def figure(some: Compared, table: Any, **width_in: float) -> Drawn:
        return draw_table(table, some.methods, notes=some.notes, **width_in)

    return figure


AVERAGE_REGRET = Recipe(
    "average-regret",
    _too_few_to_average,
    lambda some: average_regret(
        some.found, some.references, time=some.time, statistic=some.statistic, band=some.band
    ),
    _curves(lambda made, *given, time: anytime_figure([made], *given, time=time)),
)  # fmt: skip
RANK = Recipe(
    "rank",
    _too_few_to_rank,
    lambda some: average_ranks(some.found, time=some.time),
    _curves(rank_figure),
)
SCORES = Recipe(
    "scores",
    _nothing_to_compare,
    lambda some: aggregate_scores(some.found, some.references),
    _noted(aggregates_figure),
)
RANKS = Recipe(
    "ranks",
    _nothing_to_compare,
    lambda some: rank_intervals(some.found, some.references),
    _noted(rank_intervals_figure),
)
IMPROVEMENT = Recipe(
    "improvement",
    _nothing_to_compare,
    lambda some: probability_of_improvement(some.found, some.references),
    _noted(improvement_figure),
)
CRITICAL_DIFFERENCE = Recipe(
    "critical-difference",
    _nothing_to_compare,
    lambda some: friedman(
        final_regrets(some.found, some.references), final_values(some.found, some.references)
    ),
    _noted(critical_difference_figure),
)
ECDF = Recipe(
    "ecdf",
    _nothing_to_compare,
    lambda some: time_ecdf(some.found, some.references),
    lambda some, made: ecdf_figure([made], some.methods, some.study.settings),
)


OVERVIEW = Recipe(
    "overview",
    _nothing_to_compare,
    lambda some: overview_of(some),
    lambda some, made: overview_figure(
        made[0], made[1], some.methods, some.study.settings, time=some.time
    ),
)  # fmt: skip


ON_OTHER_SCALES = (
    replace(AVERAGE_REGRET, name="average"),
    Recipe(
        "scores",
        _nothing_to_compare,
        lambda some: aggregate_scores(some.found, some.references),
        lambda some, made: aggregates_figure(
            made,
            some.methods,
            metrics=[name for name in METRICS if name != "optimality_gap"],
            quantity=some.quantity,
            notes=(f"{some.quantity}: {some.ends}.", *some.notes),
        ),
    ),
)
"""Of scales other than normalised regret, in which targets and tests are stated."""


def overview_of(some: Compared) -> tuple[Comparison, Strip]:
    """The curves of the group, over its tasks or of its only one, and its strip."""
    options: dict[str, Any] = {
        "time": some.time,
        "statistic": some.statistic,
        "band": some.band,
    }
    tasks = list(some.references)
    found = some.found.only(tasks)
    if len(tasks) > 1:
        curves = average_regret(found, some.references, **options)
    else:
        curves = anytime(found, tasks[0], **options)
    judged = verdicts(found, some.references) if some.judged is None else some.judged
    clocks = {name: facts.clock for name, facts in some.study.tasks.items()}
    made = {frozenset(strip.tasks): strip for strip in strips(judged, clocks)}
    if frozenset(tasks) not in made:
        raise ValueError("no verdict can be given on these tasks")
    return curves, made[frozenset(tasks)]


def in_this_order(
    methods: Mapping[str, MethodFacts], order: Iterable[str]
) -> dict[str, MethodFacts]:
    """The methods in this order, then those that it leaves out."""
    return {name: methods[name] for name in dict.fromkeys([*order, *methods])}


def speedups(
    reference: str | None = None, levels: Sequence[float] | None = None, name: str = ""
) -> Recipe[pd.DataFrame]:
    """Speed-ups over one method; None: that of `reference_of`.

    `levels`: normalised regrets to reach; None: what the reference method reaches in the end.
    """

    def over(some: Compared) -> str:
        return reference or some.reference

    def table(some: Compared) -> pd.DataFrame:
        return time_to_target(some.found, some.references, over(some), level=levels)

    def figure(some: Compared, table: pd.DataFrame) -> Drawn:
        axis, methods = some.found.axis, some.methods
        unit = axis_unit(axis, *(some.found.tasks[task] for task in some.references))
        notes = [*early_notes(some.found, some.references), *some.notes]
        return targets_figure(table, methods, over(some), axis=axis, unit=unit, notes=notes)

    return Recipe(name or "time-to-target", lambda _some: "", table, figure)


TIME_TO_TARGET = replace(speedups(), lacks=_nothing_to_compare)
OVER_TASKS: tuple[Recipe[Any], ...] = (
    OVERVIEW,
    *(AVERAGE_REGRET, RANK, SCORES, RANKS),
    *(IMPROVEMENT, CRITICAL_DIFFERENCE, TIME_TO_TARGET, ECDF),
)


def made(
    some: Compared, recipes: Sequence[Recipe[Any]] = OVER_TASKS, left_out: LeftOut = untold
) -> Iterator[Named]:
    """The figures of a group of tasks that can be made; `left_out` is told of the others."""
    lacking: dict[str, list[str]] = {}
    for recipe in recipes:
        lacking.setdefault(recipe.lacks(some), []).append(recipe.name)
    fine = lacking.pop("", [])
    for reason, names in lacking.items():
        left_out(", ".join(names), reason)
    makers = {recipe.name: partial(recipe, some) for recipe in recipes if recipe.name in fine}
    yield from possible(makers, left_out)


def costs(study: Study, left_out: LeftOut = untold) -> Iterator[Named]:
    """What deciding costs, how far values flatter, and how often and soon constraints are met."""
    names = study.methods
    labels = {name: facts.label for name, facts in study.tasks.items()}
    judged = [task for task, view in reported_views(study).items() if view != "observed"]
    constrained = constrained_tasks(study)
    over_time: dict[str, Callable[[], Drawn]] = {}
    if judged:
        over_time["overtuning-over-time"] = lambda: overtuning_curves_figure(
            [overtuning_curves(study, task) for task in judged], names, study.settings
        )
    if constrained:
        over_time["feasibility-over-time"] = lambda: feasibility_curves_figure(
            [feasibility_curves(study, task) for task in constrained], names, study.settings
        )
    yield from possible(
        {
            "overhead": lambda: overhead_figure(overhead(study), names),
            "overhead-growth": lambda: overhead_growth_figure(
                overhead_growth(study), names, labels=labels
            ),
            "overtuning": lambda: overtuning_figure(gaps(study), names, labels=labels),
            "feasibility": lambda: feasibility_figure(feasibility(study), names, labels=labels),
            **over_time,
        },
        left_out,
    )


def configurations(study: Study, task: str) -> Drawn:
    """The incumbents of a task in parallel coordinates, hyperparameters by their importance."""
    found, matters, options = configurations_of(study, task)
    return parallel_figure(found, study.methods, matters, **options)


def configurations_of(
    study: Study, task: str
) -> tuple[pd.DataFrame, pd.DataFrame | None, dict[str, Any]]:
    """The incumbents of a task, the importance of its hyperparameters, and how both are shown.

    Without importance, and saying why, if the study has too few configurations. Raises ValueError
    if it has no such task, or no configuration of it.
    """
    if task not in study.tasks:
        raise ValueError(f"task {task!r} is not in the study: it has {', '.join(study.tasks)}")
    facts, study = study.tasks[task], of_task(study, task)  # cut out once for all
    found = incumbent_configs(study, task)
    try:
        matters, notes = importance(study, task), []
    except ValueError as error:
        matters, notes = None, [f"Importance is not shown: {error}."]
    return found, matters, {"label": facts.value_label, "space": facts.space, "notes": notes}


def on_axes(
    study: Study,
    task: str,
    axes: Sequence[str] | None = None,
    *,
    time: str = "log",
    left_out: LeftOut = untold,
) -> Drawn:
    """The same runs of one task on several time axes, side by side; None: on all that there are."""
    if task not in study.tasks:
        raise ValueError(f"task {task!r} is not in the study: it has {', '.join(study.tasks)}")
    wanted = {axis: partial(on_axis, study, axis) for axis in AXES if axes is None}
    studies = [each for _, each in possible(wanted, left_out)]
    studies += [on_axis(study, axis) for axis in axes or ()]
    panels = [anytime(incumbents(each), task, time=time) for each in studies]
    return anytime_figure(panels, study.methods, study.settings, time=time)


def possible(figures: Mapping[str, Callable[[], T]], left_out: LeftOut) -> Iterator[tuple[str, T]]:
    """Those that can be drawn; a refusal is a ValueError."""
    for name, make in figures.items():
        try:
            yield name, make()
        except ValueError as error:
            left_out(name, str(error))
