"""Commands about configurations: tune a task, print the best one of a study."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hpobench.cli import habits
from hpobench.cli.options import Commands, of_study
from hpobench.system.threads import cap_threads

if TYPE_CHECKING:
    from hpobench.results import Study


def add(commands: Commands) -> None:
    """The commands, for the parser."""
    tuning = commands.add_parser(
        "tune", help="the best configuration of one task, by the method that suits it"
    )
    words = tuning.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="task=NAME, method=auto or NAME, budget.time_s=, workers=, engine=, ...",
    )
    words.completer = habits.completed
    tuning.add_argument("--replace", action="store_true", help="hide an earlier, other run of it")
    tuning.add_argument("--runs-dir", help="the same as runs_dir=")
    habits.add_conf(tuning)
    _add_format(tuning)
    tuning.set_defaults(command=tune)
    best = of_study(commands, "best", "the best configuration in a study, and its value")
    best.add_argument("--task", metavar="TASK", help="of one task; default: of each")
    best.add_argument("--method", metavar="METHOD", help="found by this method; default: by any")
    best.add_argument(
        "--reevaluate",
        type=int,
        metavar="N",
        help="evaluate it N times anew: how sure its value is",
    )
    habits.add_conf(best)
    _add_format(best)
    best.set_defaults(command=show_best)


def _add_format(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=["yaml", "json"], help="default: yaml")
    command.add_argument("--json", action="store_true", help="the same as --format json")


def tune(options: argparse.Namespace) -> int:
    """Run one method on one task, then print the best configuration."""
    cap_threads()
    from hpobench.api import tuning
    from hpobench.results.study.failed_runs import has_failed

    texts = list(options.overrides)
    if options.runs_dir is not None:
        texts.append(f"runs_dir={options.runs_dir}")
    found = tuning.tuned(texts, {}, options.conf, replace=options.replace)
    if has_failed(found.runs).all():
        return 1
    _print(found, found.folder, options)
    return 0


def show_best(options: argparse.Namespace) -> int:
    """Print the best configuration of each task of a study."""
    cap_threads()
    from hpobench.results import load
    from hpobench.study.checks import study_folder

    if options.reevaluate is not None and options.reevaluate < 1:
        raise ValueError(f"--reevaluate {options.reevaluate}: use a number of at least 1")
    folder = study_folder(options.study, options.runs_dir)
    _print(load(folder), folder, options)
    return 0


def _print(study: "Study", folder: Path, options: argparse.Namespace) -> None:
    from hpobench.api import best
    from hpobench.results.verdicts.winner import winners

    task, method = getattr(options, "task", None), getattr(options, "method", None)
    found = winners(study, task, method)
    times = getattr(options, "reevaluate", None)
    again = [best.reevaluated(winner, folder, times) for winner in found] if times else []
    how = "json" if options.json else options.format or "yaml"
    print(best.as_text(found, study, how, again))
