"""What `conf/` offers: names of methods, tasks and studies, and their YAML files.

Reading a YAML here imports neither Hydra nor NumPy, so that `hpobench list` answers at once.
"""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

CONF = Path(__file__).parent / "conf"


def names(group: str, folders: Sequence[Path] = ()) -> list[str]:
    """The names in `conf/GROUP/` (method, task or study) and in further folders, sorted."""
    found = {path.stem for folder in (CONF, *folders) for path in (folder / group).glob("*.yaml")}
    return sorted(found)


def read(group: str, name: str, folders: Sequence[Path] = ()) -> dict[str, Any]:
    """The YAML of one name, as it stands in the file; further folders go before `conf/`."""
    for folder in (*folders, CONF):
        path = folder / group / f"{name}.yaml"
        if path.exists():
            settings: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
            return settings
    raise LookupError(unknown(group, name, names(group, folders)))


def unknown(what: str, name: str, choices: Iterable[str]) -> str:
    """The message for a mistyped name: the nearest names and all choices."""
    choices = list(choices)
    nearest = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    return f"unknown {what} {name!r}.{hint} Choices: {', '.join(choices)}"
