"""`hpobench export`: tables for papers, and a study in the formats of other tools."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hpobench.cli.options import VIEWS, Commands, add_failed, add_scale, of_study
from hpobench.system import atomic
from hpobench.system.threads import cap_threads
from hpobench.words import counted

if TYPE_CHECKING:
    from hpobench.results import Study

TABLES = ("markdown", "latex")
DATA = ("csv", "optuna", "ioh")
"""All evaluations, in a format that others read."""
MARK = 30
"""Exported tables begin with so many characters that are the same in all of their format."""


def add(commands: Commands) -> None:
    """The command, for the parser."""
    made = of_study(commands, "export", "tables for a paper, or all evaluations for other tools")
    formats = [*TABLES, *DATA]
    made.add_argument(
        "--format",
        choices=formats,
        default="markdown",
        help="tables of scores and tests (markdown, latex), or all evaluations: csv, an Optuna "
        "storage, a folder of IOHprofiler",
    )
    made.add_argument("--view", choices=VIEWS, help="value that is scored")
    add_scale(made, "scores, and nothing else,")
    made.add_argument("--output", type=Path, metavar="FILE", help="default, and -: print them")
    add_failed(made)
    made.set_defaults(command=export)


def export(options: argparse.Namespace) -> int:
    """Tables for a paper, or all evaluations, printed or written to a file."""
    cap_threads()
    from hpobench.results import load
    from hpobench.results.study.failed_runs import counting_failed
    from hpobench.results.text import tables
    from hpobench.study.checks import study_folder

    study = load(study_folder(options.study, options.runs_dir))
    if options.output == Path("-"):
        options.output = None
    if options.format in DATA:
        return _data(options, study)
    study = counting_failed(study, options.failed)
    text = tables.tables(study, options.format, view=options.view, scale=options.scale)
    return _write(options.output, text)


def _write(output: Path | None, text: str, mark: int = MARK) -> int:
    if output is None:
        print(text, end="")
        return 0
    atomic.check_output(output, text[:mark])
    atomic.write_text(output, text)
    print(output)
    return 0


def _data(options: argparse.Namespace, study: "Study") -> int:
    """All evaluations in the format of another tool."""
    for name in ("view", "failed", "scale"):
        if getattr(options, name):
            raise ValueError(f"--{name} is of tables: --format {options.format} holds all values")
    if options.format == "csv":
        from hpobench.results.exports.rows import evaluations

        text = evaluations(study).to_csv(index=False)
        return _write(options.output, text, len("task,method,seed,trial"))
    if options.output is None:
        raise ValueError(f"--format {options.format} writes files: add --output PATH")
    if not options.output.absolute().parent.is_dir():
        raise ValueError(f"--output {options.output}: there is no such folder: make it first")
    runs = _writer(options.format)(study, options.output)
    print(f"{counted(runs, 'runs')} written to {options.output}", file=sys.stderr)
    print(options.output)
    return 0


def _writer(kind: str) -> "Callable[[Study, Path], int]":
    if kind == "optuna":
        from hpobench.results.exports.optuna import to_optuna

        return to_optuna
    from hpobench.results.exports.iohprofiler import to_ioh

    return to_ioh
