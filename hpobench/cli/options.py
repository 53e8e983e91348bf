"""Options that several commands have."""

import argparse
from typing import Any

VIEWS = ["observed", "true", "test", "reevaluated"]
FAILED = ["median", "last"]

Commands = Any
"""Where commands are added; argparse keeps its type private."""


def of_study(commands: Commands, name: str, about: str) -> argparse.ArgumentParser:
    """A command about one stored study."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=about)
    command.add_argument("study", help="name of the study, or its folder")
    command.add_argument("--runs-dir", default="runs")
    return command


def add_scale(command: argparse.ArgumentParser, what: str) -> None:
    """On which scale that is."""
    about = f"{what} as distance to the minimum or min-max scaled, not as regret"
    command.add_argument("--scale", choices=["adtm", "minmax"], help=about)


def add_failed(command: argparse.ArgumentParser) -> None:
    """What failed runs count as."""
    command.add_argument(
        "--failed",
        choices=FAILED,
        help="what failed runs count as from their failure on: the task's median configuration, or "
        "their last incumbent; default: as the study says",
    )


def share(text: str) -> float:
    """A number between 0 and 1."""
    return _number(text, 1, "a number between 0 and 1")


def seconds(text: str) -> float:
    """A number of seconds above 0."""
    return _number(text, float("inf"), "a number of seconds above 0")


def _number(text: str, below: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < below:
        raise argparse.ArgumentTypeError(f"{text!r}: use {what}")
    return number
