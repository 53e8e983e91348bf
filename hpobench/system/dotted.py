"""What settings name by a dotted path, such as `my_module.error`, and the file it stands in.

Modules beside one's YAML (in the folders of `--conf`) come first: a `code.py`, `test.py` or
`profile.py` there is found though Python has a module of that name. It is loaded under a name of
its own, so that whatever else imports `code` gets Python's.
"""

import difflib
import hashlib
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from hpobench.system.moved import present

# Worker processes inherit it.
_VARIABLE = "HPOBENCH_CONF_FOLDERS"


def set_folders(folders: Sequence[Path]) -> None:
    """Look for modules in these folders from now on, here and in processes begun later."""
    paths = [str(folder.resolve()) for folder in folders]
    os.environ[_VARIABLE] = json.dumps(paths)
    # Last, so that modules of one's own can import each other and replace nobody else's.
    sys.path += [path for path in paths if path not in sys.path]


def own_folders() -> list[Path]:
    """The folders in which modules of the user's own may stand beside the YAML."""
    return [Path(path) for path in json.loads(os.environ.get(_VARIABLE, "[]"))]


def locate(path: str) -> Any:
    """What stands at a dotted path; raises ValueError, naming what is missing of it.

    An exception that a module raises while it is imported passes. A module of this package that
    has moved is found where it is now, with a note.
    """
    path = present(path)
    first, *rest = path.split(".")
    if not all(part.isidentifier() for part in (first, *rest)):
        raise ValueError(f"{path!r} is no dotted path: write module.function")
    with _outlived(path):
        return _found(path, first, rest)


def _found(path: str, first: str, rest: Sequence[str]) -> Any:
    found: Any = _top(first, path)
    name = str(getattr(found, "__name__", first))
    for part in rest:
        name = f"{name}.{part}"
        if not hasattr(found, part):
            _import_submodule(found, part, name, path)
        found = getattr(found, part, None) if hasattr(found, part) else sys.modules[name]
    return found


@contextmanager
def _outlived(path: str) -> Iterator[None]:
    """Code that ends the process while it is imported is an ImportError instead."""

    def refuse(status: object) -> None:
        raise ImportError(
            f"{path}: the module ends the program with status {status} when it is imported: keep "
            "what only a script does under `if __name__ == '__main__':`"
        )

    usual, os._exit = os._exit, refuse  # type: ignore[assignment]
    try:
        yield
    except SystemExit as end:
        refuse(end.code or 0)
    finally:
        os._exit = usual


def with_own_targets(config: Any) -> Any:
    """`config` with the objects in place of `_target_`s that only `locate` finds."""
    if isinstance(config, list):
        return [with_own_targets(node) for node in config]
    if not isinstance(config, dict):
        return config
    made = {key: with_own_targets(node) for key, node in config.items()}
    target = made.get("_target_")
    if isinstance(target, str) and _shadowed(target.partition(".")[0]) is not None:
        made["_target_"] = locate(target)
    return made


def _top(name: str, path: str) -> ModuleType:
    """The module or package with which a path begins."""
    spec = _shadowed(name)
    if spec is not None:
        return _load_apart(name, spec)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        places = "".join(f", nor {folder / name}.py" for folder in own_folders())
        raise ValueError(f"{path!r}: there is no module {name!r} to import{places}") from error


def _shadowed(name: str) -> ModuleSpec | None:
    """The module of that name in a folder of one's own, if Python would import another or none."""
    own = PathFinder.find_spec(name, [str(folder) for folder in own_folders()])
    if own is None or own.origin is None:  # a folder without __init__.py
        return None
    try:
        usual = importlib.util.find_spec(name)
    except ValueError:  # __main__
        usual = None
    return own if usual is None or usual.origin != own.origin else None


def _load_apart(name: str, spec: ModuleSpec) -> ModuleType:
    """The module of a file, under a name that no other file has."""
    assert spec.origin is not None
    mark = hashlib.blake2b(spec.origin.encode(errors="surrogateescape"), digest_size=4).hexdigest()
    alias = f"own_{mark}_{name}"
    if alias in sys.modules:
        return sys.modules[alias]
    packages = spec.submodule_search_locations
    renamed = importlib.util.spec_from_file_location(
        alias, spec.origin, submodule_search_locations=packages
    )
    assert renamed is not None
    assert renamed.loader is not None
    module = importlib.util.module_from_spec(renamed)
    sys.modules[alias] = module
    try:
        renamed.loader.exec_module(module)
    except BaseException:
        del sys.modules[alias]
        raise
    return module


def _import_submodule(parent: Any, part: str, name: str, path: str) -> None:
    """Import what a package does not import itself."""
    if hasattr(parent, "__path__"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
        else:
            return
    holder = getattr(parent, "__file__", None) or getattr(parent, "__name__", repr(parent))
    nearest = difflib.get_close_matches(part, dir(parent), n=1)
    hint = f": did you mean {nearest[0]!r}?" if nearest else ""
    raise ValueError(f"{path!r}: {holder} has no {part!r}{hint}")
