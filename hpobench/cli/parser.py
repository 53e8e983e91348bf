"""The command line: what can be asked; the modules beside it do it."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from hpobench.cli import (
    catalog,
    clusters,
    exporting,
    figures,
    habits,
    importing,
    peers,
    publish,
    show,
    tables,
    tune,
)
from hpobench.cli import run as running
from hpobench.system import dotted, interruption, processes, terminal

EPILOG = """examples:
  hpobench run                       run the default study
  hpobench run method=[random,asha] task=[curves_stable,phoneme] seeds=30 workers=4 name=mine
  hpobench run method=tpe task=phoneme seeds=30 workers=4 name=mine --extend
  hpobench run task=phoneme budget.trials=100 tasks.phoneme.repetition=mean --dry-run
  hpobench report mine               one page with everything, to look at or to mail
  hpobench plot mine                 the figures, for papers and slides
"""


VIEWS = ["observed", "true", "test", "reevaluated"]
FAILED = ["median", "last"]

Commands = Any
"""Where commands are added; argparse keeps its type private."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, by default that of this program; returns the exit status.

    0; 1 if runs failed; 2 if it was asked wrongly; 128 + N if signal N told it to stop.
    """
    program = arguments is None
    if program:
        processes.adopt()
    with terminal.forgiving(), interruption.heard(_end_at_once):
        try:
            status = _execute(arguments)
        except BaseException:
            if not interruption.told():
                raise
            print(_farewell(interruption.told()), file=sys.stderr)
            status = 128 + interruption.told()
        interruption.settle()
        if program:
            processes.leave(status, now=True)
    return status


def _execute(arguments: Sequence[str] | None) -> int:
    """Parse and run a command; what was asked wrongly becomes a line and status 2."""
    try:
        options = _parse(arguments)
        status: int = options.command(options)
    except (ValueError, LookupError, OSError) as error:
        if os.environ.get("HPOBENCH_TRACEBACK") or interruption.told():
            raise
        # str() of a KeyError would put its message in quotes.
        words = error.args[0] if isinstance(error, LookupError) and error.args else error
        print(f"hpobench: error: {words}", file=sys.stderr)
        return 2
    if why := terminal.lost():
        print(f"hpobench: standard output could not be written: {why}", file=sys.stderr)
        # All others have their results in files.
        printing = options.command in (
            *(catalog.listed, catalog.shown, show.plan),
            *(exporting.export, peers.listing),
        )
        return max(status, int(printing and not getattr(options, "output", None)))
    return status


def _farewell(number: int) -> str:
    how = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    return f"hpobench: stopped by {how}. What is stored is kept; the same command goes on from it."


def _end_at_once(number: int) -> NoReturn:
    """The last resort, in a thread: the main one does not let go."""
    from hpobench.system.output import aloud

    speaking = threading.Thread(target=aloud, args=[f"\n{_farewell(number)}"], daemon=True)
    speaking.start()
    speaking.join(0.2)  # nobody may be reading
    processes.end_all()
    os._exit(128 + number)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse; settings may stand before and after options."""
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:
        habits.complete(parser)
    options, rest = parser.parse_known_args(arguments)
    if any(word.startswith("-") for word in rest) or (rest and "overrides" not in options):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.overrides = [*options.overrides, *rest]
    # Tasks and methods of one's own may be modules beside their YAML.
    folders = getattr(options, "conf", [])
    dotted.set_folders(folders if isinstance(folders, list) else [folders])
    return options


class _Once(argparse.Action):
    """Stores an option's value; given twice, it would hide the first."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None
    ) -> None:
        given = vars(namespace).setdefault("_given", set())
        if option and self.dest in given:
            parser.error(f"{option} is given twice: give it once")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


class _Parser(argparse.ArgumentParser):
    """One that refuses options that are given twice; so do those of its commands."""

    def __init__(self, *words: Any, **settings: Any) -> None:
        super().__init__(*words, **settings)
        self.register("action", None, _Once)


class _Version(argparse.Action):
    """Prints the version, which is looked up when it is asked for."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: Any,  # noqa: ARG002  (part of what argparse calls)
        values: Any,  # noqa: ARG002
        option: Any = None,  # noqa: ARG002
    ) -> None:
        from hpobench.system.version import __version__

        print(f"hpobench {__version__}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "hpobench",
        description="Compare hyperparameter-optimisation methods, honestly and fast.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_running(commands)
    tune.add(commands)
    _add_showing(commands)
    tables.add(commands)
    clusters.add(commands)
    _add_exchange(commands)
    _add_peers(commands)
    publish.add(commands)
    habits.add_completion(commands)
    return parser


def _add_running(commands: Commands) -> None:
    run = commands.add_parser("run", help="run a study, or what is missing of it")
    habits.add_settings(run)
    run.add_argument("--dry-run", action="store_true", help="print the plan and run nothing")
    run.add_argument(
        "--extend", action="store_true", help="add methods, tasks or seeds to a study that is there"
    )
    run.add_argument("--report", action="store_true", help="write the report in the end")
    run.add_argument("--plot", action="store_true", help="draw the figures in the end")
    run.add_argument("--quiet", "-q", action="store_true", help="no bar, notes or scores")
    run.add_argument("--json", action="store_true", help="print what became of it as JSON")
    run.set_defaults(command=running.run)
    listing = catalog.add(commands)
    recording = commands.add_parser("record", help="train a design once, into a table to replay")
    recording.add_argument(
        "overrides", nargs="*", metavar="key=value", help="task= configs= seeds="
    )
    recording.add_argument(
        "--grouped",
        action="store_true",
        help="train the seeds of a configuration as one network: cheaper, and equal up to rounding",
    )
    recording.set_defaults(command=running.record)
    checking = commands.add_parser("check", help="whether a task or method keeps its contract")
    checking.add_argument(
        "what", nargs="+", metavar="WHAT", help="task=NAME, method=NAME or package.module:object"
    )
    checking.add_argument("--json", action="store_true", help="print a list of objects")
    checking.set_defaults(command=_check)
    for command in (run, listing, recording, checking):
        habits.add_conf(command)
    claims = commands.add_parser("claims", help="what papers say of methods, run and judged")
    claims.add_argument("overrides", nargs="*", metavar="key=value", help="claim=NAME, seeds=, ...")
    for command in (run, claims):
        command.add_argument(
            "--replace",
            action="store_true",
            help="hide what was run under other settings; it stays on disk",
        )
    claims.add_argument(
        "--findings",
        type=Path,
        metavar="FILE",
        help="keep there what was found of each study, and run none of which it is known already",
    )
    claims.set_defaults(command=running.claims)
    for command in (run, recording, claims):
        command.add_argument("--runs-dir", help="the same as runs_dir=, for studies to be written")


def _check(options: argparse.Namespace) -> int:
    from hpobench.cli.check import check

    return check(options)


def _add_showing(commands: Commands) -> None:
    report = _of_study(commands, "report", "one HTML page with everything, without network")
    report.set_defaults(command=show.report)
    watch = _of_study(commands, "watch", "follow a study that is still running")
    watch.add_argument("--every", type=_seconds, metavar="SECONDS", help="default: 30")
    watch.add_argument("--once", action="store_true", help="look once and end")
    watch.set_defaults(command=show.watch)
    for command in (report, watch):
        command.add_argument(
            "--output", type=Path, metavar="FILE", help="default: report.html in the study's folder"
        )
    plan = _of_study(commands, "plan", "seeds and CPU hours that a difference needs, from a pilot")
    plan.add_argument(
        "--detect",
        type=_share,
        required=True,
        metavar="REGRET",
        help="the difference of normalised regret that is to be found, such as 0.02",
    )
    plan.add_argument("--power", type=_share, default=0.8, help="default: 0.8")
    plan.add_argument("--level", type=_share, default=0.05, help="of the test; default: 0.05")
    plan.add_argument("--each", action="store_true", help="task by task, not their average")
    plan.set_defaults(command=show.plan)
    _add_failed(plan)
    plot = _of_study(commands, "plot", "draw the figures of a study")
    plot.add_argument("--time", choices=["log", "linear"], help="time axis; default: log")
    plot.add_argument("--statistic", choices=["mean", "median", "iqm"], help="default: mean")
    plot.add_argument("--band", choices=["interval", "sem", "sd", "bootstrap", "quartiles"])
    plot.add_argument("--view", choices=VIEWS, help="value that is drawn")
    plot.add_argument(
        "--axis",
        help="time axis: wall_clock, with_decisions, evaluations, ...; several, with commas, for "
        "--task",
    )
    plot.add_argument(
        "--reference", metavar="METHOD", help="speed-ups over this method, and nothing else"
    )
    plot.add_argument(
        "--level",
        nargs="+",
        type=float,
        metavar="REGRET",
        help="normalised regrets to reach, for speed-ups; default: the reference's final one",
    )
    plot.add_argument("--costs", action="store_true", help="overhead, overtuning, feasibility")
    plot.add_argument(
        "--scaling", nargs="+", metavar="STUDY", help="the same with other numbers of workers"
    )
    plot.add_argument("--task", metavar="TASK", help="one task: configurations, all time axes")
    plot.add_argument(
        "--run", metavar="TASK,METHOD,SEED", help="one run: its learning curves, rungs, workers"
    )
    _add_scale(plot, "averages over tasks")
    _add_paper(plot)
    plot.set_defaults(command=figures.plot)
    for command in (report, plot):
        _add_failed(command)


def _add_paper(plot: argparse.ArgumentParser) -> None:
    """What papers ask of figures."""
    plot.add_argument(
        "--paper", choices=["column", "page"], help="3.3 or 6.9 inches wide, in small type"
    )
    plot.add_argument("--font", metavar="FAMILY", help="one that is installed, such as STIXGeneral")
    plot.add_argument("--methods", metavar="A,B", help="those to show and compare; default: all")
    plot.add_argument(
        "--order", metavar="A,B", help="these first, then the best; default: best first"
    )
    plot.add_argument("--tasks", metavar="S,T", help="those to draw; default: all")
    plot.add_argument(
        "--labels", nargs="+", metavar="NAME=TEXT", help="other labels of methods and tasks"
    )
    plot.add_argument(
        "--no-caption", action="store_true", help="captions only beside the figures (.txt, .tex)"
    )


def _add_exchange(commands: Commands) -> None:
    export = _of_study(commands, "export", "tables for a paper, or all evaluations for other tools")
    formats = [*exporting.TABLES, *exporting.DATA]
    export.add_argument(
        "--format",
        choices=formats,
        default="markdown",
        help="tables of scores and tests (markdown, latex), or all evaluations: csv, an Optuna "
        "storage, a folder of IOHprofiler",
    )
    export.add_argument("--view", choices=VIEWS, help="value that is scored")
    _add_scale(export, "scores, and nothing else,")
    export.add_argument("--output", type=Path, metavar="FILE", help="default: print them")
    _add_failed(export)
    export.set_defaults(command=exporting.export)
    importing.add(commands)


def _add_peers(commands: Commands) -> None:
    about = "libraries of others, in environments of their own"
    actions = commands.add_parser("peers", help=about).add_subparsers(required=True, metavar="WHAT")
    install = actions.add_parser("install", help="make the environment of a library")
    install.add_argument("names", nargs="+", metavar="NAME", help="see hpobench peers list")
    install.add_argument("--python", metavar="PROGRAM", help="interpreter; default: this one")
    install.set_defaults(command=peers.install)
    listing = actions.add_parser("list", help="what is installed, and what needs it")
    listing.set_defaults(command=peers.listing)
    habits.add_conf(listing)


def _add_scale(command: argparse.ArgumentParser, what: str) -> None:
    about = f"{what} as distance to the minimum or min-max scaled, not as regret"
    command.add_argument("--scale", choices=["adtm", "minmax"], help=about)


def _add_failed(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--failed",
        choices=FAILED,
        help="what failed runs count as from their failure on: the task's median configuration, or "
        "their last incumbent; default: as the study says",
    )


def _of_study(commands: Commands, name: str, about: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=about)
    command.add_argument("study", help="name of the study, or its folder")
    command.add_argument("--runs-dir", default="runs")
    return command


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: use a number between 0 and 1")
    return share


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: use a number of seconds above 0")
    return seconds
