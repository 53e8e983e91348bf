"""What those know who know Hydra: --cfg, --info, -m, --config-dir, and completion in the shell."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpobench.cli.options import Commands
from hpobench.study import catalogue

if TYPE_CHECKING:
    from hpobench.study.compose import Composed

SHELLS = ("bash", "zsh", "fish")
_GROUPS = ("method", "task", "study", "engine")


def add_conf(command: argparse.ArgumentParser) -> None:
    """The option for folders of YAML files of one's own."""
    command.add_argument(
        "--conf",
        "--config-dir",
        "-cd",
        action="append",
        default=[],
        type=_folder,
        metavar="DIR",
        help="a folder with method/, task/ or study/ YAML files of your own",
    )


def _folder(given: str) -> Path:
    """A folder that is named; "" would be this one, as that of a variable that is not set."""
    if not given:
        raise argparse.ArgumentTypeError("it is empty: name a folder, or leave it out")
    return Path(given)


def add_settings(command: argparse.ArgumentParser) -> None:
    """The settings of a command, and what Hydra has beside them."""
    words = command.add_argument(
        "overrides", nargs="*", metavar="key=value", help="see conf/config.yaml"
    )
    words.completer = completed  # type: ignore[attr-defined]
    command.add_argument(
        "--multirun",
        "-m",
        action="store_true",
        help="as in Hydra; several values always make several methods, tasks or seeds",
    )
    command.add_argument(
        "--cfg", choices=["job", "all"], help="print the settings as composed, and run nothing"
    )
    command.add_argument(
        "--info",
        nargs="?",
        const="all",
        choices=["all", "config", "searchpath", "defaults"],
        help="print where settings come from, and run nothing",
    )


def answered(options: argparse.Namespace, composed: "Composed") -> bool:
    """Whether only the settings were asked for; then they are printed."""
    if options.cfg:
        _print_yaml(composed.settings)
    if options.info in ("all", "searchpath"):
        print("searched, in this order:")
        for folder in (catalogue.CONF, *options.conf):
            print(f"  {Path(folder).resolve()}")
    if options.info in ("all", "defaults"):
        print("merged, in this order:")
        for path in _files(options, composed):
            print(f"  {path}")
    if options.info in ("all", "config"):
        print("settings:")
        _print_yaml(composed.settings)
    return bool(options.cfg or options.info)


def _print_yaml(settings: Any) -> None:
    import yaml

    print(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), end="")


def _files(options: argparse.Namespace, composed: "Composed") -> Iterator[str]:
    """The files that settings were merged from, and what the command line says."""
    yield str(catalogue.CONF / "config.yaml")
    named = [text.partition("=")[2] for text in options.overrides if text.startswith("study=")]
    yield str(catalogue.study_file(named[-1] if named else "default", options.conf))
    for group, index in (("task", 0), ("method", 1)):
        for name in dict.fromkeys(pair[index] for pair in composed.pairs):
            if name in catalogue.names(group, options.conf):
                yield str(catalogue.path_of(group, name, options.conf))
    for text in options.overrides:
        yield f"command line: {text}"


def add_completion(commands: Commands) -> None:
    """The command that prints what a shell needs."""
    command = commands.add_parser(
        "completion", help="completion of commands and settings in bash, zsh or fish"
    )
    command.add_argument("shell", choices=SHELLS)
    command.set_defaults(command=completion)


def completion(options: argparse.Namespace) -> int:
    """Print the code that turns on completion: eval "$(hpobench completion bash)"."""
    import argcomplete.shell_integration

    print(argcomplete.shell_integration.shellcode(["hpobench"], shell=options.shell))
    return 0


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks what could come next, and end."""
    import argcomplete

    argcomplete.autocomplete(parser, append_space=False)


def completed(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """What a setting that begins so can be: names after method=, task=, ..., keys before."""
    folders = list(getattr(parsed_args, "conf", None) or [])
    key, sign, value = prefix.partition("=")
    if sign and key in _GROUPS:
        open_at = max(value.rfind(mark) for mark in ",[") + 1
        before = f"{key}={value[:open_at]}"
        return [before + name for name in catalogue.names(key, folders)]
    if sign:
        return []
    return [f"{name}=" for name in _keys(key, folders)]


def _keys(prefix: str, folders: Sequence[Path]) -> Iterator[str]:
    """The keys of settings: those of conf/config.yaml, and of one task or method once named."""
    yield from (*_GROUPS, "name", "seeds", "workers")
    yield from _below("", catalogue.mapping(catalogue.CONF / "config.yaml"))
    group, _, rest = prefix.partition(".")
    if group in ("tasks", "methods"):
        single, name = group[:-1], rest.partition(".")[0]
        known = catalogue.names(single, folders)
        if name in known and "." in rest:
            yield from _below(f"{group}.{name}.", catalogue.read(single, name, folders))
        else:
            yield from (f"{group}.{name}." for name in known)


def _below(place: str, node: Any) -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from _below(f"{place}{key}.", value)
        elif not str(key).startswith("_"):
            yield f"{place}{key}"


def quieted(options: argparse.Namespace, overrides: Sequence[str]) -> list[str]:
    """The settings of a call that is to be quiet: without a bar."""
    if not getattr(options, "quiet", False):
        return list(overrides)
    if any(text.startswith("progress=") for text in overrides):
        raise ValueError("--quiet and progress= say the same: give one of them")
    return [*overrides, "progress=false"]


def say(words: str, quiet: bool = False) -> None:
    """Print on standard error, unless it is to be quiet."""
    if not quiet:
        print(words, file=sys.stderr)
