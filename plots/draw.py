"""The standard figures of a study."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hpobench.plots import recipes
from hpobench.plots.canvas.files import save
from hpobench.plots.canvas.sheet import Drawn
from hpobench.plots.deciding.paths import decision_paths_figure, seeds_figure
from hpobench.plots.figures.anytime import anytime_figure
from hpobench.plots.figures.run import curves_figure, gap_figure, rungs_figure
from hpobench.plots.figures.scaling import scaling_figure
from hpobench.plots.figures.workers import workers_comparison_figure, workers_figure
from hpobench.plots.recipes import Compared, LeftOut, untold
from hpobench.results.anytime.comparison import anytime
from hpobench.results.anytime.incumbents import Incumbents, in_view, incumbents
from hpobench.results.anytime.regret import Reference, references
from hpobench.results.anytime.scales import scaled
from hpobench.results.anytime.views import available_views
from hpobench.results.conduct.one_run import learning_curves, one_run
from hpobench.results.study.jobs import workers_of
from hpobench.results.study.study import Study
from hpobench.results.study.time_axis import WALL_CLOCK, on_axis
from hpobench.results.verdicts.decisions import of_study
from hpobench.results.verdicts.scaling import scaling
from hpobench.results.verdicts.strips import final_order
from hpobench.results.verdicts.verdict import Verdict, verdicts
from hpobench.shown import in_latex
from hpobench.system import atomic
from hpobench.system.names import as_file_names
from hpobench.words import unknown

PANELS_PER_PAGE = 12

Named = tuple[str, Drawn]


def draw(
    study: Study,
    folder: Path | str,
    *,
    time: str = "log",
    statistic: str = "mean",
    band: str | None = None,
    view: str | None = None,
    rule: str | None = None,
    axis: str = WALL_CLOCK,
    methods: Sequence[str] | None = None,
    order: Sequence[str] | None = None,
    scale: str | None = None,
    left_out: LeftOut = untold,
) -> list[Path]:
    """Draw the standard figures into `folder`; the paths of their PNG and PDF files.

    overview         the answer: curves, and methods x budgets that are best or tied with it
    anytime          each task over time, in `view` (None: true values where there are any)
    anytime-test     the same on test data, for the tasks that have it, unless a view is given
    average-regret   normalised regret over tasks (if there are several)
    rank             average rank over time (if there are several methods)
    scores, ranks    at the end: mean, median, IQM and optimality gap; average ranks
    improvement, critical-difference, time-to-target, ecdf

    All but those of single tasks are drawn for each group of tasks on which the same methods were
    run: rank-1, ...; what cannot be computed (too few methods, tasks or runs) is left out, and
    `left_out` is told its name and why.

    `axis`: the time axis, a name of `results.time_axis.AXES`. Long lists of tasks go over several
    pages: anytime-1, anytime-2, ... Beside each figure lies its caption (.txt). `band` defaults to
    that of the statistic. `methods`: those to show and compare, None: all; what values are
    normalised by stays that of the whole study. `order`: None: best first. `scale`: adtm or minmax
    (see `scales`): average and scores on that scale, and nothing else.
    """
    options = {"time": time, "statistic": statistic, "band": band}
    study = on_axis(study, axis)
    found = incumbents(study, view=view, rule=rule)
    found, judged = _in_order(study, found, methods, order)
    tasks = [task for task in _with_runs(study) if task in found.tasks]
    if scale is not None:
        scaled_to = scaled(study, found, references(study, found.views), scale)
        drawings = _averages(
            study, found, tasks, options, left_out, scaled_to, recipes.ON_OTHER_SCALES
        )
        return [path for stem, drawn in drawings for path in _save(drawn, Path(folder), stem)]
    drawings = _pages(study, found, tasks, "anytime", options)
    if view is None:
        tested = [task for task in _tested(study, tasks) if found.views[task] != "test"]
        on_test = in_view(found, study, dict.fromkeys(tested, "test"))
        if not tested:
            left_out("anytime-test", "no task has values on test data beside those shown")
        drawings += _pages(study, on_test, tested, "anytime-test", options)
    drawings += _averages(study, found, tasks, options | {"judged": judged}, left_out)
    return [path for stem, drawn in drawings for path in _save(drawn, Path(folder), stem)]


def draw_decisions(study: Study, folder: Path | str, left_out: LeftOut = untold) -> list[Path]:
    """Draw how a study found its number of seeds: decisions-paths and decisions-seeds.

    The path of each comparison, and the runs that were saved, for each set of tasks that was
    decided together (-1, ...). Nothing of a study whose seeds were given.
    """
    found = incumbents(study)
    try:
        made = of_study(study, found, references(study, found.views))
    except ValueError as error:
        left_out("decisions", str(error))
        return []
    if made is None:
        return []
    units = list(dict.fromkeys(path.tasks for path in made.paths))
    labels = {name: facts.label for name, facts in study.tasks.items()}
    paths: list[Path] = []
    for number, tasks in enumerate(units, start=1):
        mine = [path for path in made.paths if path.tasks == tasks]
        given = (study.methods, made.rule)
        makers = {
            "paths": partial(decision_paths_figure, mine, *given, made.statements),
            "seeds": partial(seeds_figure, made.wanted, tasks, *given, labels=labels),
        }
        suffix = f"-{number}" if len(units) > 1 else ""
        for name, drawn in recipes.possible(makers, left_out):
            paths += _save(drawn, Path(folder), f"decisions-{name}{suffix}")
    return paths


def draw_speedups(
    study: Study,
    folder: Path | str,
    *,
    reference: str | None = None,
    levels: Sequence[float] | None = None,
    view: str | None = None,
    axis: str = WALL_CLOCK,
    methods: Sequence[str] | None = None,
    order: Sequence[str] | None = None,
    left_out: LeftOut = untold,
) -> list[Path]:
    """Draw the speed-up of all methods over `reference`: time-to-target-over-METHOD.

    None: over random search, or else the first method. `levels`: normalised regrets to reach, a
    panel each; None: what the reference reaches in the end. Raises ValueError if the study has no
    such method.
    """
    if reference is not None and reference not in study.methods:
        raise ValueError(
            f"reference {reference!r} is not in the study: it has {', '.join(study.methods)}"
        )
    study = on_axis(study, axis)
    found, _ = _in_order(study, incumbents(study, view=view), methods, order)
    scale = references(study, found.views)
    groups = found.groups()
    paths: list[Path] = []
    for number, group in enumerate(groups, start=1):
        some = found.only(group)
        known = {task: scale[task] for task in group if task in scale}
        over = reference or Compared(study, some, known).reference
        stem = f"time-to-target-over-{as_file_names(study.methods)[over]}" + (
            f"-{number}" if len(groups) > 1 else ""
        )
        recipe = recipes.speedups(over, levels, stem)
        for name, drawn in recipes.made(Compared(study, some, known), [recipe], left_out):
            paths += _save(drawn, Path(folder), name)
    return paths


def draw_costs(study: Study, folder: Path | str, left_out: LeftOut = untold) -> list[Path]:
    """Draw overhead, its growth, overtuning and feasibility, those that the study can answer."""
    drawings = recipes.costs(study, left_out)
    return [path for stem, drawn in drawings for path in _save(drawn, Path(folder), stem)]


def draw_task(
    study: Study,
    folder: Path | str,
    task: str,
    *,
    time: str = "log",
    axes: Sequence[str] | None = None,
    left_out: LeftOut = untold,
) -> list[Path]:
    """Draw one task: its incumbents' configurations, and its curves on these time axes.

    `axes`: None is all that there are for the study; `left_out` is told why one is not.
    """
    name = as_file_names(study.tasks).get(task, "")  # else what follows says which tasks there are
    drawings = {
        f"configurations-{name}": recipes.configurations(study, task),
        f"axes-{name}": recipes.on_axes(study, task, axes, time=time, left_out=left_out),
    }
    return [path for stem, drawn in drawings.items() for path in _save(drawn, Path(folder), stem)]


def draw_scaling(
    studies: Sequence[Study], folder: Path | str, left_out: LeftOut = untold
) -> list[Path]:
    """Draw speed-up and efficiency over the number of workers, of studies that differ in it.

    One figure a task: scaling-TASK; `left_out` is told of which there is none. Raises ValueError if
    two have the same number of workers.
    """
    counts = [workers_of(study) for study in studies]
    if len(set(counts)) < len(counts) or len(counts) < 2:
        raise ValueError(
            f"the studies have {', '.join(map(str, counts))} workers: give two or more studies, "
            "each with another number of workers"
        )
    made = scaling(dict(zip(counts, studies, strict=True)))
    methods = {name: facts for study in studies for name, facts in study.methods.items()}
    labels = {name: facts.label for study in studies for name, facts in study.tasks.items()}
    stems = {task: f"scaling-{name}" for task, name in as_file_names(labels).items()}
    for task, why in made.left_out.items():
        left_out(stems[task], why)
    return [
        path
        for task, notes in made.notes.items()
        for path in _save(
            scaling_figure(made.table, methods, task=task, labels=labels, notes=notes),
            Path(folder),
            stems[task],
        )
    ]


def draw_run(study: Study, folder: Path | str, task: str, method: str, seed: int) -> list[Path]:
    """Draw one run into `folder`; the paths of the PNG and PDF files run-TASK-METHOD-SEED-...

    curves     learning curves of its trials over time
    rungs      values at the ends of jobs over resource: which trials were continued
    workers    what each worker did, and how long it waited
    gap        validation less training values over resource, of tasks that report both

    Raises ValueError, naming the choices, if there is no such run.
    """
    run = one_run(study, task, method, seed)
    figures = {"curves": curves_figure, "rungs": rungs_figure, "workers": workers_figure}
    if learning_curves(run)["train_value"].notna().any():
        figures["gap"] = gap_figure
    of_task, of_method = as_file_names(study.tasks)[task], as_file_names(study.methods)[method]
    stem = f"run-{of_task}-{of_method}-{seed}"
    return [
        path
        for name, make in figures.items()
        for path in _save(make(run), Path(folder), f"{stem}-{name}")
    ]


def draw_workers(
    study: Study,
    folder: Path | str,
    task: str,
    methods: Sequence[str],
    seed: int,
    *,
    until_s: float | None = None,
) -> list[Path]:
    """Draw what the workers of these methods did, one above the other: workers-TASK-SEED."""
    runs = [one_run(study, task, method, seed) for method in methods]
    stem = f"workers-{as_file_names(study.tasks)[task]}"
    return _save(workers_comparison_figure(runs, until_s), Path(folder), f"{stem}-{seed}")


def _pages(
    study: Study, found: Incumbents, tasks: Sequence[str], stem: str, options: dict[str, Any]
) -> list[Named]:
    """Anytime figures of the tasks, so many a page."""
    pages = [
        tasks[start : start + PANELS_PER_PAGE] for start in range(0, len(tasks), PANELS_PER_PAGE)
    ]
    drawings = []
    methods = recipes.in_this_order(study.methods, found.methods)
    for number, page in enumerate(pages, start=1):
        panels = [anytime(found, task, **options) for task in page]
        drawn = anytime_figure(panels, methods, study.settings, time=options["time"])
        drawings.append((stem if len(pages) == 1 else f"{stem}-{number}", drawn))
    return drawings


def _averages(
    study: Study,
    found: Incumbents,
    tasks: Sequence[str],
    options: dict[str, Any],
    left_out: LeftOut,
    known: Mapping[str, Reference] | None = None,
    chosen: Sequence[recipes.Recipe[Any]] = recipes.OVER_TASKS,
) -> list[Named]:
    """The figures over tasks, for each group of tasks on which the same methods were run."""
    known = references(study, found.views) if known is None else known
    scale = {task: each for task, each in known.items() if task in tasks}
    groups = found.groups()
    drawings: list[Named] = []
    for number, group in enumerate(groups, start=1):
        suffix = f"-{number}" if len(groups) > 1 else ""
        mine = {task: scale[task] for task in group if task in scale}
        some = Compared(study, found.only(group), mine, **options)
        own = [replace(recipe, name=recipe.name + suffix) for recipe in chosen]
        drawings += recipes.made(some, own, left_out)
    return drawings


def _in_order(
    study: Study,
    found: Incumbents,
    methods: Sequence[str] | None,
    order: Sequence[str] | None,
) -> tuple[Incumbents, list[Verdict]]:
    """The runs of the methods that are shown, in the order in which they are, and the verdicts."""
    for name in (*(methods or ()), *(order or ())):
        if name not in study.methods:
            raise ValueError(unknown("method", name, study.methods))
    found = found.ordered(methods or list(study.methods))
    judged = verdicts(found, references(study, found.views))
    first = final_order(found.methods, judged)
    return found.ordered([*dict.fromkeys([*(order or ()), *first])]), judged


def _with_runs(study: Study) -> list[str]:
    present = set(study.runs["task"].astype(str))
    return [task for task in study.tasks if task in present]


def _tested(study: Study, tasks: Sequence[str]) -> list[str]:
    views = available_views(study)
    return [task for task in tasks if "test" in views[task]]


def _save(drawn: Drawn, folder: Path, stem: str) -> list[Path]:
    paths = save(drawn.figure, folder, stem)
    atomic.write_text(folder / f"{stem}.txt", drawn.caption + "\n")
    label = stem.replace("_", "-")
    text = f"\\caption{{{in_latex(drawn.caption)}}}\n\\label{{fig:{label}}}\n"
    atomic.write_text(folder / f"{stem}.tex", text)
    return paths
