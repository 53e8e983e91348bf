"""Commands about what is given to others: a bundle of a study, and running one again."""

import argparse
import sys
from pathlib import Path

from hpobench.cli import habits
from hpobench.cli.options import Commands, of_study
from hpobench.system import atomic
from hpobench.system.threads import cap_threads


def add(commands: Commands) -> None:
    """The commands, for the parser."""
    bundle = of_study(
        commands,
        "bundle",
        "a study as one file: settings, code, runs, versions, figures, checklist",
    )
    bundle.add_argument(
        "--output", type=Path, metavar="FILE", help="default: STUDY-bundle.zip, here"
    )
    habits.add_conf(bundle)
    bundle.set_defaults(command=write)
    again = commands.add_parser(
        "reproduce", help="run a bundle or a stored study again, and say what agrees"
    )
    again.add_argument("path", type=Path, metavar="BUNDLE|FOLDER")
    again.add_argument(
        "overrides", nargs="*", metavar="key=value", help="how it is run: n_jobs=, backend=, ..."
    )
    again.add_argument(
        "--trust", action="store_true", help="run the code that a bundle brings or names"
    )
    again.add_argument(
        "--environment",
        action="store_true",
        help="in an environment with the versions that it was run with, which is made",
    )
    again.add_argument("--seeds", type=int, metavar="N", help="only the first N seeds")
    again.add_argument("--name", help="of the study that is written; default: NAME-again")
    again.add_argument("--runs-dir", default="runs")
    habits.add_conf(again)
    again.set_defaults(command=reproduce)


def write(options: argparse.Namespace) -> int:
    """Write a bundle and print its path."""
    cap_threads()
    from hpobench.api import bundle
    from hpobench.study.checks import study_folder

    folder = study_folder(options.study, options.runs_dir)
    output = options.output or Path(f"{folder.resolve().name}-bundle.zip")
    atomic.check_output(output, bundle.INDEX)
    if output.exists():
        _say(f"{output}: the bundle that was there is replaced")
    print(bundle.write(folder, output, _say))
    return 0


def _say(words: str) -> None:
    print(words, file=sys.stderr)


def _in_words(options: argparse.Namespace) -> list[str]:
    """The command again, less --environment."""
    words = ["reproduce", str(options.path), *options.overrides, "--runs-dir", options.runs_dir]
    words += ["--trust"] if options.trust else []
    words += ["--seeds", str(options.seeds)] if options.seeds is not None else []
    words += ["--name", options.name] if options.name else []
    return words + [word for folder in options.conf for word in ("--conf", str(folder))]


# They say how a study is run, not what: nothing else may be changed of one that is run again.
_HOW = ("n_jobs", "backend", "engine", "progress", "part_runs", "oversubscribe", "retry_failed")


def reproduce(options: argparse.Namespace) -> int:
    """Run again, print what agrees; 0 if all does, 1 if anything differs or nothing was run."""
    cap_threads()
    from hpobench.api import reproduce as doing

    for text in options.overrides:
        if text.partition("=")[0].partition(".")[0] not in _HOW:
            known = ", ".join(f"{name}=" for name in _HOW)
            raise ValueError(
                f"{text}: what is run again is run as it was; only how may be chosen: {known}"
            )
    if options.seeds is not None and options.seeds < 1:
        raise ValueError(f"--seeds {options.seeds}: use a number of at least 1")
    runs_dir = Path(options.runs_dir)
    source = doing.opened(options.path, runs_dir, _say)
    if code := doing.untrusted(source):
        names = ", ".join(code)
        if not options.trust:
            print(f"it would run code that is not of this package: {names}")
            print("nothing was run: read code/ and study/config.yaml, then give --trust")
            return 1
        _say(f"trusted: {names}")
    if options.environment:
        lock = source.folder.parent / "requirements.lock"
        if not lock.is_file():
            raise ValueError(f"--environment is for bundles: {source.folder} has no {lock.name}")
        words = _in_words(options)
        return doing.in_environment(words, lock, source.folder.parent / "environment", _say)
    name = options.name or f"{source.folder.parent.name if source.code else source.folder.name}"
    name = name.removesuffix("-bundle") + ("" if options.name else "-again")
    folder = doing.again(source, name, runs_dir, options.seeds, options.overrides)
    lines, differs = doing.compared(source, folder)
    print("\n".join(lines))
    return int(differs)
