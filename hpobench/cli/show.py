"""Commands that show something: what there is, figures, the report, tables for papers."""

import argparse
import gc
from pathlib import Path

from hpobench.cli.options import Commands, add_failed, of_study, seconds, share
from hpobench.system import atomic, terminal
from hpobench.system.threads import cap_threads


def add(commands: Commands) -> None:
    """The commands, for the parser."""
    page = of_study(commands, "report", "one HTML page with everything, without network")
    page.set_defaults(command=report)
    follow = of_study(commands, "watch", "follow a study that is still running")
    follow.add_argument("--every", type=seconds, metavar="SECONDS", help="default: 30")
    follow.add_argument("--once", action="store_true", help="look once and end")
    follow.set_defaults(command=watch)
    for command in (page, follow):
        command.add_argument(
            "--output", type=Path, metavar="FILE", help="default: report.html in the study's folder"
        )
    needs = of_study(commands, "plan", "seeds and CPU hours that a difference needs, from a pilot")
    needs.add_argument(
        "--detect",
        type=share,
        required=True,
        metavar="REGRET",
        help="the difference of normalised regret that is to be found, such as 0.02",
    )
    needs.add_argument("--power", type=share, default=0.8, help="default: 0.8")
    needs.add_argument("--level", type=share, default=0.05, help="of the test; default: 0.05")
    needs.add_argument("--each", action="store_true", help="task by task, not their average")
    needs.set_defaults(command=plan)
    add_failed(needs)
    add_failed(page)


def report(options: argparse.Namespace) -> int:
    """One HTML file; one that is there is left as it is if it would be made of the same."""
    cap_threads()
    gc.set_threshold(50_000)  # figures are very many small objects, which live on
    from hpobench.plots.report import reuse
    from hpobench.study.checks import study_folder

    folder = study_folder(options.study, options.runs_dir)
    output = _place(options, folder)
    made_of = reuse.made_from(folder, {"failed": options.failed})
    if reuse.stands(folder, output, made_of):
        _warn(folder)
    else:
        from hpobench.plots.report import page

        with terminal.working(f"report of {options.study}"):
            page.write(folder, output, failed=options.failed)
        if reuse.made_from(folder, {"failed": options.failed}) == made_of:
            reuse.note(folder, output, made_of)
    print(output)
    return 0


def _place(options: argparse.Namespace, folder: Path) -> Path:
    """Where the report goes; raises ValueError if it would replace what is none."""
    if options.output is None:
        return folder / "report.html"
    from hpobench.plots.report import reuse

    atomic.check_output(options.output, reuse.MARK)
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
