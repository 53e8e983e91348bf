"""The command line: what can be asked; the modules beside it do it."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
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
from hpobench.cli.options import Commands
from hpobench.system import dotted, interruption, processes, terminal

EPILOG = """examples:
  hpobench run                       run the default study
  hpobench run method=[random,asha] task=[curves_stable,phoneme] seeds=30 workers=4 name=mine
  hpobench run method=tpe task=phoneme seeds=30 workers=4 name=mine --extend
  hpobench run task=phoneme budget.trials=100 tasks.phoneme.repetition=mean --dry-run
  hpobench report mine               one page with everything, to look at or to mail
  hpobench plot mine                 the figures, for papers and slides
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, by default that of this program; returns the exit status.

    0; 1 if runs failed, or stored ones are left out of what is shown; 2 if it was asked wrongly;
    128 + N if signal N told it to stop.
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
        print(f"hpobench: error: {_in_words(error)}", file=sys.stderr)
        return 2
    if why := terminal.lost():
        print(f"hpobench: standard output could not be written: {why}", file=sys.stderr)
        # All others have their results in files.
        printing = options.command in (
            *(catalog.listed, catalog.shown, show.plan),
            *(exporting.export, peers.listing),
        )
        return max(status, int(printing and not getattr(options, "output", None)))
    # Those that run make again what is left out.
    makes = options.command in (running.run, running.record, running.claims, tune.tune)
    return max(status, int(terminal.left_out() and not makes))


def _in_words(error: Exception) -> Any:
    if isinstance(error, LookupError) and error.args:
        return error.args[0]  # str() of a KeyError would put it in quotes
    if not isinstance(error, OSError) or error.filename is None:
        return error
    where = error.filename2 or error.filename
    if isinstance(error, NotADirectoryError) or (
        isinstance(error, FileExistsError) and os.path.isfile(where)
    ):
        return f"{where}: a file is in the place of a folder: move it away, or write elsewhere"
    if isinstance(error, PermissionError):
        return f"{where}: {error.strerror}: see who owns it and its folder, or write elsewhere"
    return f"{where}: {error.strerror}"


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
    running.add(commands)
    catalog.add(commands)
    running.add_record(commands)
    _add_check(commands)
    running.add_claims(commands)
    tune.add(commands)
    show.add(commands)
    figures.add(commands)
    tables.add(commands)
    clusters.add(commands)
    exporting.add(commands)
    importing.add(commands)
    peers.add(commands)
    publish.add(commands)
    habits.add_completion(commands)
    return parser


def _add_check(commands: Commands) -> None:
    checking = commands.add_parser("check", help="whether a task or method keeps its contract")
    checking.add_argument(
        "what", nargs="+", metavar="WHAT", help="task=NAME, method=NAME or package.module:object"
    )
    checking.add_argument("--json", action="store_true", help="print a list of objects")
    checking.set_defaults(command=_check)
    habits.add_conf(checking)


def _check(options: argparse.Namespace) -> int:
    from hpobench.cli.check import check

    return check(options)
