"""`hpobench import`: the logs of other libraries, stored as a study."""

import argparse
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpobench.cli.options import Commands
from hpobench.system import atomic, names
from hpobench.system.threads import cap_threads
from hpobench.words import counted

if TYPE_CHECKING:
    from hpobench.results import Study

LIBRARIES = {
    "optuna": "from_optuna",
    "csv": "from_csv",
    "ray-tune": "from_ray_tune",
    "syne-tune": "from_syne_tune",
    "smac": "from_smac",
    "hpbandster": "from_hpbandster",
    "keras-tuner": "from_keras_tuner",
    "mlflow": "from_mlflow",
    "wandb": "from_csv",
    "coco": "from_coco",
    "ioh": "from_coco",
    "carps": "from_carps",
}
"""By the name of a library the function that reads its logs."""
OPTIONS = (
    *("task", "method", "seed", "runs", "study", "objective", "metric", "mode", "test", "train"),
    *("resource", "columns", "step_times", "comparable"),
)


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    made = commands.add_parser("import", help="store the logs of another library as a study")
    made.add_argument("library", choices=list(LIBRARIES))
    made.add_argument(
        "paths", nargs="+", metavar="PATH", help="files or folders; for Optuna also storage URLs"
    )
    made.add_argument("--name", required=True, help="name of the study")
    for name, kind in [("task", str), ("method", str), ("seed", int)]:
        made.add_argument(f"--{name}", type=kind, help="default: what the logs say")
    made.add_argument(
        "--runs",
        metavar="PATTERN",
        help="how the logs call a run, such as '{task}-{method}-{seed}', or '{task}_{_}_s{seed}'",
    )
    made.add_argument(
        "--study", nargs="+", metavar="NAME", help="Optuna: these studies, or patterns of names"
    )
    made.add_argument("--objective", help="one of several objectives, by number (from 0) or name")
    made.add_argument(
        "--metric", help="the value, where there are several; Optuna: what to call it"
    )
    made.add_argument("--mode", choices=["min", "max"], help="which values of it are better")
    for name, what in (("test", "test data"), ("train", "the data trained on")):
        about = f"the metric that is the value on {what}; Optuna: the user attribute"
        made.add_argument(f"--{name}", metavar="METRIC", help=about)
    made.add_argument(
        "--columns",
        nargs="+",
        metavar="FIELD=COLUMN",
        help="csv: value=val_loss time=elapsed method=algo seed=rep config=lr,depth ...",
    )
    made.add_argument("--resource", metavar="COLUMN", help="Syne Tune: column of the resource")
    made.add_argument(
        "--step-times", choices=["end", "even"], help="Optuna: when values of steps became known"
    )
    made.add_argument(
        "--comparable",
        action=argparse.BooleanOptionalAction,
        help="whether values at different resources compare (default: as the library takes them)",
    )
    made.add_argument("--runs-dir", default="runs")
    made.set_defaults(command=bring_in)


def bring_in(options: argparse.Namespace) -> int:
    """Read, store, and say of each run what was in it."""
    cap_threads()
    from hpobench.results import foreign

    names.check_study(options.name)
    atomic.check_runs_dir(Path(options.runs_dir))
    reader: Callable[..., Study] = getattr(foreign, LIBRARIES[options.library])
    given = _given(options, reader)
    try:
        study = _read(reader, options.paths, given)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{error.name} is not installed: pip install 'hpobench[{options.library}]'"
        ) from error
    folder = foreign.store(study, Path(options.runs_dir) / options.name)
    for note in study.settings.get("notes", []):
        print(note, file=sys.stderr)
    for line in foreign.summary(study):
        print(line)
    runs = counted(len(study.runs), "runs")
    print(f"{runs} stored in {folder}. Report: hpobench report {options.name}")
    return 0


def _read(reader: "Callable[..., Study]", paths: list[str], given: dict[str, Any]) -> "Study":
    """All paths by one call; of readers that take one folder, one call each."""
    from hpobench.results.foreign import combine

    first = next(iter(inspect.signature(reader).parameters))
    if first != "folder":
        return reader(paths, **given)
    studies = [reader(path, **given) for path in paths]
    return studies[0] if len(studies) == 1 else combine(*studies)


def _given(options: argparse.Namespace, reader: "Callable[..., Study]") -> dict[str, Any]:
    """The options that were given; raises ValueError if the reader does not take one of them."""
    given = {name: getattr(options, name) for name in OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    takes = [name for name in OPTIONS if name in inspect.signature(reader).parameters]
    strange = [_flag(name) for name in given if name not in takes]
    if strange:
        raise ValueError(
            f"{strange[0]}: logs of {options.library} are read with {', '.join(map(_flag, takes))}"
        )
    return given


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
