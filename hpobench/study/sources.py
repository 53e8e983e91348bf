"""The user's own code behind the dotted paths of a task's or method's settings.

It counts in fingerprints: the files of the modules that the paths name, and of all that these
import by statement, or by a call with the name in it, as far as they are the user's: not of Python,
of what is installed, or of this package. So do files that the command of a peer names. What a
program reads besides is not known.
"""

import ast
import contextlib
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from hpobench.system import carried, package
from hpobench.system.dotted import own_folders

_INSTALLED = {"site-packages", "dist-packages"}
# By file: the module that was loaded from it, and what the file held then.
_contents: dict[Path, tuple[object, bytes]] = {}


def digest(config: Any, on_disk: bool = False) -> str:
    """A hash of the user's code behind some settings; empty if there is none.

    Of a module that is loaded it is what the file held when it was looked at first, which is what
    runs, unless it is loaded anew. `on_disk`: what the files hold now, for processes yet to begin.
    """
    if not (paths := set(_paths(config))) and not any(_commands(config)):
        return ""
    files = _files(config, paths, {} if on_disk else _loaded())
    found = [f"{name}\0".encode() + text.replace(b"\r\n", b"\n") for name, text in files.items()]
    return hashlib.blake2b(b"\0".join(sorted(found)), digest_size=6).hexdigest() if found else ""


def foreign(config: Any) -> bool:
    """Whether settings name code of others, the user's or installed, that other processes find."""
    tops = {path.partition(".")[0] for path in _paths(config)}
    return carried.is_named(config) or any(_spec(top) is not None for top in tops)


def unread(config: Any) -> list[str]:
    """The modules that dotted paths name and whose source cannot be found, as in a notebook."""
    tops = {path.partition(".")[0] for path in _paths(config)}
    return sorted(top for top in tops & set(sys.modules) if _spec(top) is None and not _file(top))


def places(config: Any) -> dict[str, Path]:
    """The user's files behind some settings, by their place below a folder that imports find.

    Scripts that commands name have their names there.
    """
    found: dict[str, Path] = {}
    waiting = [module for path in set(_paths(config)) for module in _modules(path)]
    while waiting:
        name, path, package = waiting.pop()
        place = name.replace(".", "/")
        place += "/__init__" if path.stem == "__init__" else ""
        if f"{place}{path.suffix}" not in found:
            found[f"{place}{path.suffix}"] = path
            imported = _imports(path.read_bytes(), package) if path.suffix == ".py" else ()
            waiting += [module for other in imported for module in _modules(other)]
    scripts = [Path(word) for word in _commands(config)]
    own = {path.name: path for path in scripts if path.is_file() and _is_users(path)}
    return dict(sorted((found | own).items()))


def missing(config: Any) -> list[str]:
    """The dotted paths of code in settings whose first module is nowhere to be found."""
    tops = {path: path.partition(".")[0] for path in _named(config)}
    return sorted(path for path, top in tops.items() if not _spec(top) and not _file(top))


def _named(node: Any, key: str = "") -> Iterator[str]:
    """Texts that can be nothing but paths of code."""
    if isinstance(node, Mapping):
        for name, item in node.items():
            yield from _named(item, str(name))
    elif isinstance(node, list):
        for item in node:
            yield from _named(item, key)
    elif key in ("_target_", "function", "loop") and isinstance(node, str) and _is_path(node):
        yield node


def _files(config: Any, paths: Iterable[str], loaded: Mapping[Path, object]) -> dict[str, bytes]:
    """What the user's files hold, by the names of their modules."""
    found: dict[str, bytes] = {}
    waiting = [module for path in paths for module in _modules(path)]
    while waiting:
        name, path, package = waiting.pop()
        if name not in found:
            found[name] = _content(path, loaded)
            imported = _imports(found[name], package) if path.suffix == ".py" else ()
            waiting += [module for other in imported for module in _modules(other)]
    scripts = [Path(word) for word in _commands(config)]
    own = {str(path): path.read_bytes() for path in scripts if path.is_file() and _is_users(path)}
    return found | own


def _paths(node: Any) -> Iterator[str]:
    """The texts in settings that look like dotted paths to somebody else's modules."""
    if isinstance(node, Mapping):
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _paths(item)
    elif isinstance(node, str) and _is_path(node):
        yield node


def _is_path(text: str) -> bool:
    parts = text.split(".")
    return len(parts) > 1 and parts[0] != "hpobench" and all(part.isidentifier() for part in parts)


def _commands(node: Any) -> Iterator[str]:
    """The words of commands in settings."""
    if isinstance(node, Mapping):
        words = node.get("command")
        if isinstance(words, list):
            yield from (word for word in words if isinstance(word, str))
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _commands(item)


def _modules(path: str) -> Iterator[tuple[str, Path, str]]:
    """The user's modules on the way along a dotted path: name, file, package for its imports."""
    top, *rest = path.split(".")
    name, spec = top, _spec(top)
    if spec is None and (file := _file(top)):
        yield top, file, ""
    for part in [*rest, ""]:
        if spec is None:
            return
        places = spec.submodule_search_locations
        if spec.has_location and spec.origin and _is_users(Path(spec.origin)):
            yield name, Path(spec.origin), name if places is not None else name.rpartition(".")[0]
        if places is None or not part:
            return
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, list(places))


def _spec(top: str) -> ModuleSpec | None:
    """Where a module or package of no other stands; nothing is imported."""
    own = PathFinder.find_spec(top, [str(folder) for folder in own_folders()])
    if own is not None and own.origin is not None:
        return own
    with contextlib.suppress(ValueError, ImportError):
        return importlib.util.find_spec(top)
    return None


def _file(top: str) -> Path | None:
    """The file of a module that is loaded and has no place in a package: a script."""
    file = getattr(sys.modules.get(top), "__file__", None)
    return Path(file) if file and _is_users(Path(file)) else None


def _imports(source: bytes, package: str) -> Iterator[str]:
    """What a source imports, as dotted paths; `package` is what `.` stands for.

    By statements, or by `importlib.import_module("name")` and `__import__("name")`.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = [*(above if node.level else []), *([node.module] if node.module else [])]
            for alias in node.names:
                yield ".".join([*base, *([] if alias.name == "*" else [alias.name])])
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            name = getattr(node.args[0], "value", None)
            if called in ("import_module", "__import__") and isinstance(name, str):
                yield from [name] if all(map(str.isidentifier, name.split("."))) else ()


@cache
def _libraries() -> tuple[Path, ...]:
    """Where the files of Python and of this package stand."""
    python = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    return tuple(path.resolve() for path in (*package.folders().values(), *python))


def _is_users(path: Path) -> bool:
    path = path.resolve()
    if _INSTALLED & set(path.parts):
        return False
    return not any(path.is_relative_to(library) for library in _libraries())


def _loaded() -> dict[Path, object]:
    """By file, what tells a module that is loaded from one that is loaded anew."""
    modules = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
    return {Path(str(m.__file__)): getattr(m, "__spec__", None) or m for m in modules}


def _content(path: Path, loaded: Mapping[Path, object]) -> bytes:
    module = loaded.get(path)
    if module is not None and (known := _contents.get(path)) is not None and known[0] is module:
        return known[1]
    content = path.read_bytes()
    if module is not None:
        _contents[path] = (module, content)
    return content
