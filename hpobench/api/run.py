"""`hpobench.run`: what the command does, of names and of Python's own objects."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hpobench.api import given
from hpobench.api.stored import StoredStudy

if TYPE_CHECKING:
    from hpobench.study.compose import Composed


def run(
    *settings: str,
    methods: Any = None,
    tasks: Any = None,
    study: str | None = None,
    name: str | None = None,
    seeds: int | Iterable[int] | None = None,
    workers: int | None = None,
    budget: Mapping[str, float] | None = None,
    conf: str | Path | Iterable[str | Path] = (),
    extend: bool = False,
    replace: bool = False,
    **others: Any,
) -> StoredStudy:
    """The study, run as far as it is not stored yet, and loaded.

    `methods`: names or patterns of `hpobench list method`, and classes of searchers, schedulers or
    methods of your own (`functools.partial` gives them settings). `tasks`: names or patterns, and
    functions of your own that say their space (see `hpobench.task`). Both may be dicts by name.
    `budget`: {"time_s": 3600}, or trials, resource, cost; without, the tasks' own. `others` are all
    that `conf/config.yaml` lists (n_jobs, clock, overhead, ...), `settings` texts as on the command
    line ("tasks.phoneme.repetition=mean"); `conf`, `extend` and `replace` are its options.

    Functions and classes may be of a notebook. A study without a name has one that its methods,
    tasks and settings make: the same call continues it. Failed runs are in the table of runs, and
    are said. Raises ValueError if it was asked wrongly.
    """
    from hpobench.api import running
    from hpobench.api.failing import report_failures
    from hpobench.study.study import Study

    things = {"task": tasks, "method": methods}
    given_things = {group: each for group, each in things.items() if each is not None}
    texts = [*asked(study, seeds, workers, budget, others), *settings]
    named = name or any(text.startswith(("name=", "study=")) for text in texts)
    texts += [f"name={name or 'unnamed'}"] if name or not named else []
    chosen = composed(texts, given_things, folders_of(conf))
    planned = Study.make(chosen if named else _unnamed(chosen))
    planned, left = running.execute(planned, extend or not named, replace)
    running.remark(planned)
    stored = load(planned.folder)
    report_failures(planned, stored.runs, left)
    return stored


def composed(
    texts: Sequence[str], things: Mapping[str, Any], folders: Sequence[Path]
) -> "Composed":
    """The settings of a call, with tasks and methods that are given as objects."""
    from hpobench.study import compose
    from hpobench.system import dotted

    dotted.set_folders(folders)
    with TemporaryDirectory() as own:
        chosen = []
        for group, thing in things.items():
            names, nodes = given.nodes(group, thing)
            _write(Path(own), group, nodes, folders)
            chosen.append(f"{group}=[{','.join(names)}]")
        made = compose.load([*texts, *chosen], [*folders, Path(own)])
    for note in made.notes:
        print(note, file=sys.stderr)
    return made


def run_study(
    *settings: str,
    conf: str | Path | Iterable[str | Path] = (),
    extend: bool = False,
    replace: bool = False,
) -> StoredStudy:
    """The study that settings as on the command line ask for, run and loaded, without a word.

    `settings`: such as "method=[random,asha]", "seeds=30" or "name=mine". Failed runs are in the
    table of runs. Raises ValueError if it was asked wrongly.
    """
    from hpobench.api import deciding
    from hpobench.study import compose
    from hpobench.study.study import Study
    from hpobench.system import dotted

    folders = folders_of(conf)
    dotted.set_folders(folders)
    study = Study.make(compose.load(settings, folders))
    for _ in deciding.reports(study, extend=extend, replace=replace):
        pass
    return load(study.folder)


def load(study: str | Path, runs_dir: str | Path = "runs") -> StoredStudy:
    """The stored study of this name, or in this folder.

    Raises FileNotFoundError if there is none; warns of parts that are damaged, and left out.
    """
    from hpobench.results.study import load as loading
    from hpobench.study import checks

    if not isinstance(study, str | Path) or not str(study):
        raise ValueError(f"study={study!r}: give the name of a stored study, or its folder")
    try:
        folder = checks.study_folder(str(study), str(runs_dir))
    except ValueError as error:
        raise FileNotFoundError(str(error)) from None
    return StoredStudy.of(loading.load(folder), folder)


def asked(
    study: str | None,
    seeds: int | Iterable[int] | None,
    workers: int | None,
    budget: Mapping[str, float] | None,
    others: Mapping[str, Any],
) -> list[str]:
    """Arguments as settings of the command line."""
    limits = {} if budget is None else budget
    if not isinstance(limits, Mapping):
        raise ValueError(
            f"budget={budget!r}: give a dict of limits, such as {{'time_s': 3600}} or "
            "{'trials': 50}"
        )
    single = {"study": study, "seeds": _listed(seeds), "workers": workers, **others}
    single |= {f"budget.{key}": value for key, value in limits.items()}
    return [f"{key}={_text(key, value)}" for key, value in single.items() if value is not None]


def _listed(seeds: Any) -> Any:
    """Seeds as a list of Python's numbers, if there are several."""
    plain = seeds.tolist() if hasattr(seeds, "tolist") else seeds  # of NumPy, or pandas
    if isinstance(plain, str | bytes) or not isinstance(plain, Iterable):
        return plain
    return [each.item() if hasattr(each, "item") else each for each in plain]


def folders_of(conf: str | Path | Iterable[str | Path]) -> list[Path]:
    """Folders of the user's YAML files; one may be given alone."""
    return [Path(each) for each in ([conf] if isinstance(conf, str | Path) else conf)]


def _text(key: str, value: Any) -> str:
    """A value in Hydra's grammar, where it is no text that is taken as it is written."""
    plain = value.item() if hasattr(value, "item") else value
    try:
        return str(plain) if isinstance(plain, str | Path) else json.dumps(plain)
    except TypeError:
        raise ValueError(
            f"{key}={value!r}, of type {type(value).__name__}, is no setting: give a number, a "
            "text, a list or a dict of them"
        ) from None


def _unnamed(composed: "Composed") -> "Composed":
    """A study under a name that all that can change its results has made, but for the seeds."""
    from dataclasses import replace as replaced

    from hpobench.identity import digest
    from hpobench.storage.layout import CALL_SETTINGS

    aside = {*CALL_SETTINGS, "seeds", "decide", "name", "runs_dir", "about", "failed", "reference"}
    made_of = {key: value for key, value in composed.settings.items() if key not in aside}
    if not made_of.get("objective_seeds"):  # names are older than this setting
        made_of.pop("objective_seeds", None)
    label = f"{composed.settings['name']}-{digest([made_of, composed.pairs])}"
    return replaced(composed, settings=composed.settings | {"name": label})


def _write(folder: Path, group: str, nodes: dict[str, Any], folders: Iterable[Path]) -> None:
    """Settings of objects as YAML files of a folder, which is read as one of the user's own is."""
    from hpobench.study import catalogue

    known = catalogue.names(group, list(folders))
    (folder / group).mkdir()
    for name, node in nodes.items():
        if name in known:
            raise ValueError(
                f"{group} {name!r} is the name of another: give yours one of its own, "
                f"{group}s={{'my_{name}': ...}}"
            )
        (folder / group / f"{name}.yaml").write_text(json.dumps(node), encoding="utf-8")
