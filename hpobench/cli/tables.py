"""`hpobench import-table`: results that a user has, made into a task."""

import argparse
from pathlib import Path
from typing import Any

from hpobench.cli.options import Commands
from hpobench.system.threads import cap_threads
from hpobench.words import counted


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    made = commands.add_parser(
        "import-table",
        help="make a task of a table of results: CSV, Parquet, JSON lines",
        description="Write DIR/task/NAME.yaml and its table beside it, for hpobench run --conf DIR "
        "task=NAME. A COLUMN may hold one *, which stands for the part in which columns differ.",
    )
    made.add_argument("files", nargs="+", type=Path, metavar="FILE")
    made.add_argument("--name", required=True, help="name of the task")
    made.add_argument(
        "--config", nargs="+", default=[], metavar="COLUMN", help="the hyperparameters"
    )
    made.add_argument(
        "--value",
        default="",
        metavar="COLUMN",
        help="what was measured; 'loss_*' for one column a level of resource",
    )
    for name, what in (
        ("seconds", "cost; without it the clock counts evaluations"),
        ("resource", "epochs, share of the data, ...; for 'loss_*' what to call the levels"),
        ("repetition", "seed, fold, ...; '*' if the columns of --value are repetitions"),
        ("test", "value on test data"),
        ("train", "value on training data"),
        ("by", "one task a value of this column"),
    ):
        made.add_argument(f"--{name}", default="", metavar="COLUMN", help=what)
    made.add_argument(
        "--constraint",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="metrics that may be constrained; with a bound: 'latency<=0.1'",
    )
    for name, what in (
        (
            "where",
            "only these rows, or but for these: COLUMN!=VALUE; no value: empty cells",
        ),
        ("test-where", "the rows whose value is the test value of their configuration"),
    ):
        made.add_argument(f"--{name}", nargs="+", default=[], metavar="COLUMN=VALUE", help=what)
    _add_meaning(made)
    made.add_argument(
        "--surrogate",
        action="store_true",
        help="write NAME_surrogate as well: a model of the table, for its whole space",
    )
    made.add_argument("--conf", type=Path, default=Path(), metavar="DIR", help="default: here")
    made.add_argument("--replace", action="store_true", help="write over a task of this name")
    made.set_defaults(command=import_table)


def _add_meaning(made: argparse.ArgumentParser) -> None:
    """What the numbers of the columns mean."""
    made.add_argument("--goal", choices=["minimize", "maximize"], default="")
    made.add_argument(
        "--short-curves",
        choices=["carried", "failed"],
        default="carried",
        help="curves that end early go on with their last value (default), or have failed",
    )
    made.add_argument(
        "--impute-seconds", action="store_true", help="unknown costs: the median of the others"
    )
    made.add_argument(
        "--comparable",
        action=argparse.BooleanOptionalAction,
        help="values at different resources compare; default: if it is called epochs or alike",
    )


def import_table(options: argparse.Namespace) -> int:
    """Write the task, and print what was read, guessed and counted."""
    cap_threads()
    from hpobench.study import catalogue
    from hpobench.tasks.importing.asked import Asked
    from hpobench.tasks.importing.writing import import_table as imported

    folder: Path = options.conf
    if not folder.is_dir():
        raise ValueError(f"--conf {folder}: there is no such folder: make it first")
    catalogue.check_name(options.name)
    if "/" in options.name:
        raise ValueError(f"--name {options.name}: name a task of one file, without a /")
    if options.name in catalogue.names("task"):
        raise ValueError(f"--name {options.name}: a task of that name is shipped: choose another")
    tuples = ("config", "where", "test_where")
    single = ("value", "goal", "seconds", "resource", "repetition", "test", "train", "by")
    stated: dict[str, Any] = {
        **{name: getattr(options, name) for name in (*single, "short_curves", "comparable")},
        **{name: tuple(getattr(options, name)) for name in tuples},
        "constraints": tuple(options.constraint),
        "impute_seconds": options.impute_seconds,
    }
    how = (folder, options.replace, options.surrogate)
    tasks = imported(options.files, options.name, Asked(**stated), *how)
    for task in tasks:
        _print(task)
    more = f" ({counted(len(tasks), 'tasks')})" if len(tasks) > 1 else ""
    print(
        f"Written to {folder / 'task' / options.name}.yaml{more}: correct there what was guessed."
    )
    if options.surrogate:
        print(f"Its model, of any configuration of the space: task={options.name}_surrogate.")
    where = "." if folder == Path() else folder
    print(f"Try it: hpobench run --conf {where} task={options.name} name={options.name}")
    return 0


def _print(imported: Any) -> None:
    task, metric = imported.task, imported.task.metric
    print(f"{imported.name}: {imported.summary}")
    for line in imported.words:
        print(f"  {line}")
    for note in imported.notes:
        print(f"  - {note}")
    said = {"optimum": task.optimum, "median": task.median}
    for name, value in said.items():
        if value is not None:
            shown = f" ({metric.name} {metric.to_user(value):.6g})" * (metric.goal == "maximize")
            print(f"  {name}: {metric.label} = {value:.6g}{shown}")
