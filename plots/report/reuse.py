"""A report that is there is not made again, as long as all that it is made from is the same.

Beside a study lies `.report.json`, which says of the report that was written last where it is, what
it holds, and what it was made from: what is stored of the study, the options, the code of this
program and the versions of the libraries that reports depend on.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

from hpobench.results.conduct.under_way import any_under_way
from hpobench.results.study import stored
from hpobench.system import atomic

FILE = ".report.json"
MARK = "<title>Study "
"""In every report, whatever version wrote it."""
LIBRARIES = (
    *("numpy", "scipy", "pandas", "pyarrow"),
    *("matplotlib", "fonttools", "pillow", "jinja2"),
)


def made_from(folder: Path, options: Mapping[str, Any]) -> str:
    """A hash of all that a report of the study in `folder` depends on; "": it changes by itself.

    So does that of a study with real runs under way, which says how long ago something happened.
    """
    if any_under_way(folder):
        return ""
    return stored.made_from(
        folder,
        LIBRARIES,
        manifest=_digest(folder / "manifest.json"),
        options={name: str(value) for name, value in options.items()},
        # To ask for the backend would choose one, and import it.
        style={name: repr(mpl.rcParams[name]) for name in mpl.rcParams if name != "backend"},
    )


def note(folder: Path, report: Path, made_of: str) -> None:
    """Remember a report that was written, unless it is of no use again, such as one to a pipe."""
    if made_of and report.is_file():
        facts = {"made_from": made_of, "report": str(report.resolve()), "holds": _digest(report)}
        atomic.write_text(folder / FILE, json.dumps(facts, indent=1))


def stands(folder: Path, report: Path, made_of: str) -> bool:
    """Whether the report that would be made of the same is there, as it was written.

    If it was written to another place it is copied.
    """
    try:
        facts = json.loads((folder / FILE).read_bytes())
        there, holds = Path(facts["report"]), facts["holds"]
        same = bool(made_of) and facts["made_from"] == made_of
    except (OSError, ValueError, LookupError, TypeError):
        return False
    if not same or _digest(there) != holds:
        return False
    if there != report.resolve():
        report.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(report, there.read_bytes())
    return True


def _digest(path: Path) -> str:
    return atomic.digest(path) if path.is_file() else ""
