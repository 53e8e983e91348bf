"""What of a study is stored, without reading its tables: its plan, the parts that count, a hash."""

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from platform import machine, python_version
from typing import Any

from hpobench.identity import RunKey, digest
from hpobench.storage import layout, parts, schema, seal
from hpobench.system import atomic, package


def plan_of(folder: Path) -> layout.Plan:
    """The plan of the study in `folder`. Raises FileNotFoundError if there is none."""
    if not (folder / "study.json").exists():
        raise FileNotFoundError(f"no study in {folder}: it has no study.json")
    plan = layout.read_plan(folder)
    if plan["schema"] != schema.VERSION:
        raise ValueError(
            f"{folder}/study.json has row schema {plan['schema']}, this version reads "
            f"{schema.VERSION}"
        )
    return plan


def selection_of(folder: Path, plan: layout.Plan) -> parts.Selection:
    """The parts that hold planned runs."""
    planned = {
        RunKey(pair["task"], pair["method"], seed, pair["fingerprint"])
        for pair in plan["pairs"]
        for seed in pair["seeds"]
    }
    return parts.select(folder, planned.__contains__)


def fingerprint(folder: Path) -> str:
    """A hash of all that `load` gives of a study: two studies that share it are the same."""
    selection = selection_of(folder, plan_of(folder))
    contents = {part.name: [seeds, seal.content(part)] for part, seeds in selection.items()}
    files = [folder / "study.json", folder / "config.yaml"]
    stated = [atomic.digest(file) if file.is_file() else "" for file in files]
    return digest({"folder": folder.name, "stated": stated, "parts": contents})


def made_from(folder: Path, libraries: Iterable[str], **options: Any) -> str:
    """A hash of all that what is made of a study depends on, the code and `libraries` included."""
    content = {
        "study": fingerprint(folder),
        "code": package.code(),
        "python": python_version(),
        "machine": machine(),
        "libraries": {name: metadata.version(name) for name in libraries},
        **options,
    }
    return digest(content)
