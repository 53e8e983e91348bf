"""Commands that show something: what there is, figures, the report, tables for papers."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpobench.study import catalogue
from hpobench.system import atomic, names
from hpobench.system.threads import cap_threads

if TYPE_CHECKING:
    pass


def listing(options: argparse.Namespace) -> int:
    """The names that can be chosen, with their summaries."""
    wrong = []
    for group in [options.group] if options.group else ["method", "task", "study", "engine"]:
        names = catalogue.names(group, options.conf)
        width = max(map(len, names), default=0)
        print(f"{group}:")
        for name in names:
            try:
                summary = _summary(catalogue.read(group, name, options.conf))
            except (ValueError, OSError) as error:
                wrong.append(str(error))
                summary = "(cannot be read)"
            print(f"  {name:<{width}}  {summary}".rstrip())
    for words in wrong:
        print(f"hpobench: error: {words}", file=sys.stderr)
    return 1 if wrong else 0


def _summary(settings: Mapping[str, Any]) -> str:
    about = settings.get("about") or {}
    lacks = ", ".join(about.get("lacks", ()))
    return f"{about.get('summary', '')}{f' (lacks: {lacks})' if lacks else ''}"


def plot(options: argparse.Namespace) -> int:
    """The standard figures of a study, or those of its costs, speed-ups, one task or one run.

    Which figures are left out, and why, goes to standard error.
    """
    cap_threads()
    from hpobench.plots import draw
    from hpobench.results import load
    from hpobench.results.study.failed_runs import counting_failed
    from hpobench.results.study.time_axis import WALL_CLOCK
    from hpobench.study.checks import study_folder

    mode = _mode(options)
    folder = study_folder(options.study, options.runs_dir)
    study = counting_failed(load(folder), options.failed)
    output = folder / "figures" / _variant(options)
    axis, time = options.axis or WALL_CLOCK, options.time or "log"
    if mode == "run":
        paths = draw.draw_run(study, output, *_one_run(options.run))
    elif mode == "task":
        axes = options.axis.split(",") if options.axis else None
        paths = draw.draw_task(
            study, output, options.task, time=time, axes=axes, left_out=_left_out
        )
    elif mode == "scaling":
        others = [
            counting_failed(load(study_folder(name, options.runs_dir)), options.failed)
            for name in options.scaling
        ]
        paths = draw.draw_scaling([study, *others], output, _left_out)
    elif mode == "costs":
        paths = draw.draw_costs(study, output, _left_out)
    elif mode in ("reference", "level"):
        paths = draw.draw_speedups(
            study,
            output,
            reference=options.reference,
            levels=_levels(options.level),
            view=options.view,
            axis=axis,
            left_out=_left_out,
        )
    else:
        paths = draw.draw(
            study,
            output,
            time=time,
            statistic=options.statistic or "mean",
            band=options.band,
            view=options.view,
            axis=axis,
            left_out=_left_out,
        )
    print("\n".join(map(str, paths)))
    return 0


# Which figures take which options; None: the standard ones.
_TAKES: dict[str | None, tuple[str, ...]] = {
    None: ("time", "statistic", "band", "view", "axis", "failed"),
    "reference": ("level", "view", "axis", "failed"),
    "level": ("reference", "view", "axis", "failed"),
    "task": ("time", "axis", "failed"),
    "run": (),
    "costs": (),
    "scaling": ("failed",),
}
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
            known = ", ".join(f"--{other}" for other in takes) or "no other option"
            raise ValueError(f"--{name} is no use with {which}, which takes {known}: leave it out")
    return mode


def _variant(options: argparse.Namespace) -> str:
    """The folder of figures drawn otherwise than usual, so that these are not overwritten."""
    given = {name: getattr(options, name) for name in ("axis", *_TAKES[None])}
    words = [
        word if name == "axis" else f"{name}-{word}"
        for name, word in given.items()
        if word and word != _USUAL.get(name)
    ]
    words += ["level-" + "-".join(f"{level:g}" for level in options.level)] if options.level else []
    return names.as_file_name("+".join(words).replace(",", "+")) if words else ""


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


def report(options: argparse.Namespace) -> int:
    """One HTML file; one that is there is left as it is if it would be made of the same."""
    cap_threads()
    from hpobench.plots.report import reuse
    from hpobench.study.checks import study_folder

    folder = study_folder(options.study, options.runs_dir)
    output = _place(options, folder)
    made_of = reuse.made_from(folder, {"failed": options.failed})
    if reuse.stands(folder, output, made_of):
        _warn(folder)
    else:
        from hpobench.plots.report import page

        page.write(folder, output, failed=options.failed)
        if reuse.made_from(folder, {"failed": options.failed}) == made_of:
            reuse.note(folder, output, made_of)
    print(output)
    return 0


def _place(options: argparse.Namespace, folder: Path) -> Path:
    """Where the report goes; raises ValueError if it would replace what is none."""
    if options.output is None:
        return folder / "report.html"
    atomic.check_output(options.output, REPORT_MARK)
    output: Path = options.output
    return output


def _warn(folder: Path) -> None:
    """Say again of a study that is not read what is said of one that is."""
    from hpobench.results import load
    from hpobench.storage.layout import read_manifest

    load(folder)
    read_manifest(folder)


def plan(options: argparse.Namespace) -> int:
    """How many seeds, and how much computing, a difference needs, by what is stored."""
    cap_threads()
    from hpobench.results import incumbents, load, references
    from hpobench.results.study.failed_runs import counting_failed
    from hpobench.results.text import decision_words
    from hpobench.results.verdicts import planning
    from hpobench.study.checks import study_folder

    study = counting_failed(load(study_folder(options.study, options.runs_dir)), options.failed)
    found = incumbents(study)
    made = planning.needs(
        *(found, references(study, found.views), options.detect),
        power=options.power,
        level=options.level,
        each=options.each,
    )
    print("\n".join(decision_words.planned(made, study.methods)))
    return 0


def watch(options: argparse.Namespace) -> int:
    """A status line and the report, time and again, until all runs are stored."""
    cap_threads()
    from hpobench.plots.report import watching
    from hpobench.study.checks import study_folder

    if options.once and options.every:
        raise ValueError("--every is no use with --once: leave one of them out")
    folder = study_folder(options.study, options.runs_dir)
    output = _place(options, folder)
    print(f"The report is in {output}; it loads itself anew.", flush=True)
    for line in watching.follow(folder, output, options.every or 30, once=options.once):
        print(line, flush=True)
    return 0


REPORT_MARK = "<title>Study "
"""In every report, whatever version wrote it."""
