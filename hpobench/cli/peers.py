"""Commands about peers: libraries of others, in process or in environments of their own."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from hpobench.cli import habits
from hpobench.cli.options import Commands
from hpobench.methods.peers.process import environments
from hpobench.study import catalogue

Users = dict[str, list[str]]
"""For each library or environment the methods that need it."""


def add(commands: Commands) -> None:
    """The commands, for the parser."""
    about = "libraries of others, in environments of their own"
    actions = commands.add_parser("peers", help=about).add_subparsers(required=True, metavar="WHAT")
    making = actions.add_parser("install", help="make the environment of a library")
    making.add_argument("names", nargs="+", metavar="NAME", help="see hpobench peers list")
    making.add_argument("--python", metavar="PROGRAM", help="interpreter; default: this one")
    making.set_defaults(command=install)
    known = actions.add_parser("list", help="what is installed, and what needs it")
    known.set_defaults(command=listing)
    habits.add_conf(known)


def install(options: argparse.Namespace) -> int:
    """Make the environments `options.names`, with the interpreter `options.python` if it is given.

    One that fails does not keep the others; what pip said is printed, and the status is 1.
    """
    chosen = [environments.named(name) for name in dict.fromkeys(options.names)]
    python = getattr(options, "python", None) or sys.executable
    failed = False
    for environment in chosen:
        if environment.status == environments.INSTALLED:
            print(f"{environment.name}: is installed; to make it anew, remove {environment.folder}")
            continue
        print(f"{environment.name}: installing into {environment.folder}", flush=True)
        try:
            environment.install(python)
        except environments.InstallationError as error:
            print(f"{environment.name}: {error}", file=sys.stderr)
            failed = True
    return int(failed)


def listing(options: argparse.Namespace) -> int:
    """Which libraries and environments there are, how to get the others, and what needs them."""
    libraries, others = _users(getattr(options, "conf", ()))
    print("Libraries in this environment:")
    _print_rows((name, _version(name), methods) for name, methods in sorted(libraries.items()))
    print(f"\nLibraries in environments of their own, in {environments.root()}:")
    known = {name: others.get(name, []) for name in {*environments.names(), *others}}
    _print_rows((name, _state(name), methods) for name, methods in sorted(known.items()))
    return 0


def _users(folders: Sequence[Path]) -> tuple[Users, Users]:
    """Who needs which library, and who which environment, by what the YAML files say."""
    libraries: Users = {}
    others: Users = {}
    for method in catalogue.names("method", folders):
        settings = catalogue.read("method", method, folders)
        about, peer = settings.get("about") or {}, settings.get("peer") or {}
        for users, name in (
            (libraries, settings.get("library") or about.get("library")),
            (others, peer.get("environment")),
        ):
            if name:
                users.setdefault(str(name), []).append(method)
    return libraries, others


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return f"missing: pip install 'hpobench[{library}]'"


def _state(name: str) -> str:
    """Whether an environment is installed; else what to do about it."""
    if name not in environments.names():
        return "unknown: there are no requirements of that name"
    environment = environments.named(name)
    ready = environment.status == environments.INSTALLED
    return environment.status + ("" if ready else f": {environment.remedy}")


def _print_rows(rows: Iterable[tuple[str, str, Sequence[str]]]) -> None:
    table = list(rows)
    widths = [max((len(row[column]) for row in table), default=0) for column in (0, 1)]
    for name, state, methods in table:
        users = ", ".join(methods) or "no method: for tests and benches"
        print(f"  {name:<{widths[0]}}  {state:<{widths[1]}}  {users}")
    if not table:
        print("  none")
