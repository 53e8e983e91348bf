"""Odd folders, names, texts and settings: what is written arrives, what is wrong is refused.

Every trial makes a folder of one's own under an odd name, with a task under an odd name whose
function stands in a module that Python has too, and texts of random letters; it is planned, run and
read again. Others hand over settings with a letter changed, or make file names of hostile names.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hpobench.storage import parts
from hpobench.study import catalogue, compose
from hpobench.study.study import Study
from hpobench.system import dotted, names

_LETTERS = list("abcXYZ019 .,;:=+-_~#@!?*&%'\"`()[]{}<>|\\^äéßñç字🎉\u00a0\u202e\u2028\t")
_TASKS = ["31", "007", "1e3", "null", "true", "no", "crème", "0x1F", "1_000", "NaN", "字", "-", "_"]
_MODULES = ["code", "test", "profile", "json", "random", "string", "types", "token", "this", "own"]
_FUNCTION = "def f(x, kind):\n    return x + (kind == {kind!r})\n"


def attack(folder: Path, scale: float) -> Counter[str]:
    """200 folders and names, 400 settings and 2,000 file names at scale 1."""
    rng = np.random.default_rng(20261130)
    counts: Counter[str] = Counter()
    before = sys.path.copy()
    kinds: list[tuple[int, Callable[[Path, np.random.Generator], str]]] = [
        (200, _run_one),
        (400, _mistype),
        (2000, _name_a_file),
    ]
    try:
        for number, trial in kinds:
            for attempt in range(max(int(number * scale), 1)):
                place = folder / f"{trial.__name__.strip('_')}-{attempt}"
                try:
                    counts[trial(place, rng)] += 1
                except Exception as error:
                    first = str(error).splitlines()[0] if str(error) else ""
                    counts[f"{trial.__name__}: {type(error).__name__}: {first[:80]}"] += 1
    finally:
        dotted.set_folders([])
        sys.path[:] = before
    return counts


def _text(rng: np.random.Generator, longest: int = 12) -> str:
    return "".join(rng.choice(_LETTERS, size=rng.integers(1, longest)))


def _folder_name(rng: np.random.Generator) -> str:
    return _text(rng).replace("/", "") if rng.random() < 0.7 else "my study (copy), [1] = 'x'"


def _run_one(place: Path, rng: np.random.Generator) -> str:
    """An odd folder with an odd task, from YAML to the stored run."""
    own = place / f"x{_folder_name(rng)}"
    task, module, label, kind = (
        str(rng.choice(_TASKS)), str(rng.choice(_MODULES)), _text(rng, 30), _text(rng)
    )  # fmt: skip
    settings = {
        "_target_": "hpobench.tasks.functions.FunctionTask",
        "function": f"{module}.f",
        "space": {
            "x": {"type": "float", "low": 0, "high": 1},
            "kind": {"type": "categorical", "values": [kind, f"{kind}2"]},
        },
        "label": label,
        "budget": {"trials": 3},
    }
    for group in ("task", "study"):
        (own / group).mkdir(parents=True)
    written = json.dumps(settings, ensure_ascii=bool(rng.integers(2)))
    (own / "task" / f"{task}.yaml").write_text(written, encoding="utf-8")
    (own / f"{module}.py").write_text(_FUNCTION.format(kind=kind), encoding="utf-8")
    dotted.set_folders([own])
    overrides = [f"task={task}", "method=random", "seeds=1", "n_jobs=1", "progress=false"]
    composed = compose.load([*overrides, f"runs_dir={own}/runs"], [own])
    if composed.settings["tasks"][task] != settings:
        return "settings arrived changed"
    study = Study.make(composed)
    list(study.run())
    stored = {key: status for key, (status, _) in parts.inventory(study.folder).items()}
    if [(key.task, status) for key, status in stored.items()] != [(task, "ok")]:
        return "the run is not stored"
    known = {own / "task", own / "study", own / "runs", own / f"{module}.py", own / "__pycache__"}
    return "held" if set(own.iterdir()) <= known else "something was littered"


def _mistype(_place: Path, rng: np.random.Generator) -> str:
    """A setting with a letter changed, lost or twice is refused, whatever stands before it."""
    known = list(catalogue.mapping(catalogue.CONF / "config.yaml"))
    key = str(rng.choice(known))
    at = int(rng.integers(len(key)))
    changed = [key[:at] + key[at + 1 :], key[:at] + key[at] + key[at:], key[:at] + "q" + key[at:]]
    wrong = str(rng.choice(changed))
    sign = str(rng.choice(["", "+", "++"]))
    if wrong in known or not wrong:
        return "held"
    try:
        compose.load(["task=branin", "method=random", f"{sign}{wrong}=1"])
    except compose.ConfigError as error:
        return "held" if wrong in str(error) else "refused without its name"
    return f"swallowed {sign}{wrong}=1"


def _name_a_file(place: Path, rng: np.random.Generator) -> str:
    """Whatever a name is, its file is one piece in its folder, and can be made."""
    odd = ["../", "\0", "/", "\n", "CON", ".", "\ud800", "~"]
    name = "".join(str(rng.choice([*_LETTERS, *odd])) for _ in range(int(rng.integers(0, 90))))
    path = place.parent / "names" / names.as_file_name(name)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    return "held" if path.resolve().parent == path.parent.resolve() else "left its folder"
