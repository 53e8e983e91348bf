"""`hpobench plot`: which figures are drawn, how, and where they go."""

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpobench.cli.options import VIEWS, Commands, add_failed, add_scale, of_study
from hpobench.system import names, terminal
from hpobench.system.threads import cap_threads

if TYPE_CHECKING:
    from hpobench.results import Study


def add(commands: Commands) -> None:
    """The command, for the parser."""
    made = of_study(commands, "plot", "draw the figures of a study")
    made.add_argument("--time", choices=["log", "linear"], help="time axis; default: log")
    made.add_argument("--statistic", choices=["mean", "median", "iqm"], help="default: mean")
    made.add_argument("--band", choices=["interval", "sem", "sd", "bootstrap", "quartiles"])
    made.add_argument("--view", choices=VIEWS, help="value that is drawn")
    made.add_argument(
        "--axis",
        help="time axis: wall_clock, with_decisions, evaluations, ...; several, with commas, for "
        "--task",
    )
    made.add_argument(
        "--reference", metavar="METHOD", help="speed-ups over this method, and nothing else"
    )
    made.add_argument(
        "--level",
        nargs="+",
        type=float,
        metavar="REGRET",
        help="normalised regrets to reach, for speed-ups; default: the reference's final one",
    )
    made.add_argument("--costs", action="store_true", help="overhead, overtuning, feasibility")
    made.add_argument(
        "--scaling", nargs="+", metavar="STUDY", help="the same with other numbers of workers"
    )
    made.add_argument("--task", metavar="TASK", help="one task: configurations, all time axes")
    made.add_argument(
        "--run", metavar="TASK,METHOD,SEED", help="one run: its learning curves, rungs, workers"
    )
    add_scale(made, "averages over tasks")
    _add_paper(made)
    made.set_defaults(command=plot)
    add_failed(made)


def _add_paper(made: argparse.ArgumentParser) -> None:
    """What papers ask of figures."""
    made.add_argument(
        "--paper", choices=["column", "page"], help="3.3 or 6.9 inches wide, in small type"
    )
    made.add_argument("--font", metavar="FAMILY", help="one that is installed, such as STIXGeneral")
    made.add_argument("--methods", metavar="A,B", help="those to show and compare; default: all")
    made.add_argument(
        "--order", metavar="A,B", help="these first, then the best; default: best first"
    )
    made.add_argument("--tasks", metavar="S,T", help="those to draw; default: all")
    made.add_argument(
        "--labels", nargs="+", metavar="NAME=TEXT", help="other labels of methods and tasks"
    )
    made.add_argument(
        "--no-caption", action="store_true", help="captions only beside the figures (.txt, .tex)"
    )


def plot(options: argparse.Namespace) -> int:
    """The standard figures of a study, or those of its costs, speed-ups, one task or one run.

    Which figures are left out, and why, goes to standard error.
    """
    cap_threads()
    gc.set_threshold(50_000)  # figures are very many small objects, which live on
    from hpobench.plots.canvas import paper
    from hpobench.results.study import selection
    from hpobench.study.checks import study_folder

    mode = _mode(options)
    methods, order, tasks = map(_names, (options.methods, options.order, options.tasks))
    labels = _labels(options.labels)
    width_in = paper.WIDTHS_IN.get(options.paper)
    style = paper.Paper(width_in, options.font, caption=not options.no_caption)
    paper.check(style)
    folder = study_folder(options.study, options.runs_dir)
    study = selection.chosen(_read(options, options.study), tasks=tasks, labels=labels)
    output = folder / "figures" / _variant(options)
    with paper.drawn_for(style), terminal.working(f"figures of {options.study}"):
        paths = _draw(options, mode, study, output, methods, order)
    print("\n".join(map(str, paths)))
    return 0


def _draw(
    options: argparse.Namespace,
    mode: str | None,
    study: "Study",
    output: Path,
    methods: Sequence[str] | None,
    order: Sequence[str] | None,
) -> list[Path]:
    """The figures that the options ask for; their paths."""
    from hpobench.plots import draw
    from hpobench.results.study import selection
    from hpobench.results.study.time_axis import WALL_CLOCK

    time = options.time or "log"
    if mode in ("task", "costs"):
        asked = [*dict.fromkeys([*(order or ()), *(methods or study.methods)])]
        shown = None if methods is None and order is None else asked
        study = selection.chosen(study, methods=shown)
    if mode == "run":
        return draw.draw_run(study, output, *_one_run(options.run))
    if mode == "task":
        axes = options.axis.split(",") if options.axis else None
        return draw.draw_task(study, output, options.task, time=time, axes=axes, left_out=_left_out)
    if mode == "scaling":
        others = [_read(options, name) for name in options.scaling]
        return draw.draw_scaling([study, *others], output, _left_out)
    if mode == "costs":
        return draw.draw_costs(study, output, _left_out)
    which: Any = {"view": options.view, "axis": options.axis or WALL_CLOCK}
    which |= {"methods": methods, "order": order, "left_out": _left_out}
    if mode in ("reference", "level"):
        over, levels = options.reference, _levels(options.level)
        return draw.draw_speedups(study, output, reference=over, levels=levels, **which)
    how: Any = {"time": time, "statistic": options.statistic or "mean", "band": options.band}
    paths = draw.draw(study, output, scale=options.scale, **how, **which)
    if not any(getattr(options, name) for name in _CHOOSING):
        paths += draw.draw_decisions(study, output, _left_out)
    return paths


def _read(options: argparse.Namespace, name: str) -> "Study":
    """A stored study, its failed runs as they are to count."""
    from hpobench.results import load
    from hpobench.results.study.failed_runs import counting_failed
    from hpobench.study.checks import study_folder

    return counting_failed(load(study_folder(name, options.runs_dir)), options.failed)


def _names(given: str | None) -> list[str] | None:
    """A list of names with commas between them."""
    if given is None:
        return None
    names = [name.strip() for name in given.split(",")]
    if not all(names) or len(set(names)) < len(names):
        raise ValueError(f"{given!r}: give each name once, with commas between them")
    return names


def _labels(given: Sequence[str] | None) -> dict[str, str]:
    """By name, the label to show."""
    pairs = [text.partition("=") for text in given or ()]
    wrong = [name + sign + label for name, sign, label in pairs if not (name and sign and label)]
    if wrong:
        raise ValueError(f"--labels {wrong[0]}: give NAME=TEXT, such as 'random=Random search'")
    return {name.strip(): label for name, _, label in pairs}


# Which figures take which options; None: the standard ones.
_PAPER = ("paper", "font", "no_caption", "labels")
_SOME = ("methods", "order", "tasks")
_TAKES: dict[str | None, tuple[str, ...]] = {
    None: ("time", "statistic", "band", "view", "axis", "failed", "scale", *_PAPER, *_SOME),
    "reference": ("level", "view", "axis", "failed", *_PAPER, *_SOME),
    "level": ("reference", "view", "axis", "failed", *_PAPER, *_SOME),
    "task": ("time", "axis", "failed", *_PAPER, "methods", "order"),
    "run": (),
    "costs": (*_PAPER, *_SOME),
    "scaling": ("failed", *_PAPER),
}
_CHOOSING = ("methods", "tasks", "view", "scale", "axis")
"""Decisions are of all methods and tasks, at the end of the budget, in the usual view."""
_USUAL = {"time": "log", "statistic": "mean", "axis": "wall_clock"}


def _mode(options: argparse.Namespace) -> str | None:
    """The option that says which figures are drawn; raises ValueError if another is no use."""
    # An empty name is one all the same, as that of a variable of the shell which is not set.
    for name in ("task", "run", "reference", "axis"):
        if getattr(options, name) == "":
            raise ValueError(f"--{name} is empty: give a name, or leave it out")
    modes = [mode for mode in _TAKES if mode and getattr(options, mode)]
    mode = modes[0] if modes else None
    takes = _TAKES[mode]
    for name in (*modes[1:], *_TAKES[None]):
        if name not in takes and getattr(options, name):
            which = f"--{mode}" if mode else "the standard figures"
            known = ", ".join(map(flag, takes)) or "no other option"
            raise ValueError(
                f"{flag(name)} is no use with {which}, which takes {known}: leave it out"
            )
    return mode


def _variant(options: argparse.Namespace) -> str:
    """The folder of figures drawn otherwise than usual, so that these are not overwritten."""
    given = {name: getattr(options, name) for name in ("axis", *_TAKES[None])}
    words = [
        word if name == "axis" else _in_name(name, word)
        for name, word in given.items()
        if word and word != _USUAL.get(name)
    ]
    words += ["level-" + "-".join(f"{level:g}" for level in options.level)] if options.level else []
    return names.as_file_name("+".join(words).replace(",", "+")) if words else ""


def _in_name(name: str, given: Any) -> str:
    """An option in the name of a folder."""
    if given is True:
        return name.replace("_", "-")
    return f"{name}-{'-'.join(given) if isinstance(given, list) else given}"


def _left_out(names: str, reason: str) -> None:
    print(f"Left out: {names} ({reason.removesuffix('.')})", file=sys.stderr)


def _levels(given: Sequence[float] | None) -> Sequence[float] | None:
    wrong = [level for level in given or () if not 0 <= level < float("inf")]
    if wrong:
        raise ValueError(f"--level {wrong[0]}: give a normalised regret of 0 or more, such as 0.1")
    return given


def _one_run(text: str) -> tuple[str, str, int]:
    parts = text.split(",")
    if len(parts) != 3 or not parts[2].strip().isdecimal():
        raise ValueError(f"--run {text}: give a task, a method and a seed, as in phoneme,random,0")
    return parts[0].strip(), parts[1].strip(), int(parts[2])


def flag(name: str) -> str:
    """An option as it is written."""
    return f"--{name.replace('_', '-')}"
