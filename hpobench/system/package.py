"""Where the files of this package lie, and whether all of them are there."""

import hashlib
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parents[1]
FLOORS = ("conf", "methods", "plots", "results")
"""Folders at the top of a checkout. Links in `hpobench/` lead there, or an installation does."""
CODE = (".py", ".js", ".css", ".j2")


@cache
def folders() -> dict[str, Path]:
    """The folder of the package and that of each floor, as imports find them, by its name."""
    specs = {name: find_spec(f"hpobench.{name}") for name in FLOORS}
    return {"": HERE} | {
        name: Path(spec.submodule_search_locations[0])
        for name, spec in specs.items()
        if spec is not None and spec.submodule_search_locations
    }


def code() -> str:
    """A hash of the files of the package."""
    made = hashlib.blake2b(digest_size=16)
    for floor, root in folders().items():
        for place, below, files in os.walk(root):
            below[:] = sorted(name for name in below if name != "__pycache__")
            for name in sorted(files):
                path = Path(place, name)
                if path.suffix in CODE:
                    content = path.read_bytes()
                    made.update(f"{floor / path.relative_to(root)} {len(content)} ".encode())
                    made.update(content)
    return made.hexdigest()


def require(module: str) -> None:
    """Raise ModuleNotFoundError, before hours of work begin, if a library is not installed."""
    if find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def check() -> None:
    """Raise ImportError where floors are out of reach: a checkout without links, not installed."""
    if missing := [name for name in FLOORS if name not in folders()]:
        raise ImportError(
            f"{', '.join(missing)} cannot be found in {HERE}: this checkout has lost its symbolic "
            "links (by a zip file, or on Windows), and has to be installed to be used: "
            f'python -m pip install -e "{HERE.parent}"'
        )
