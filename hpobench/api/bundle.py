"""A study as one file that others can read, check and run again.

bundle.json      what it is, and a hash of each other file
CHECKLIST.md     what good reporting asks for, answered from the facts
README.md        how to read it and how to run it again
requirements.lock  all that was installed, by version
study/           the stored study: settings as composed, plan, manifest, all runs
code/            the user's own modules that its settings name, what these import, and tables
report.html, figures/, tables.md, tables.tex, scores.csv
"""

import hashlib
import json
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from hpobench.storage.layout import read_config, read_manifest
from hpobench.study import catalogue, sources
from hpobench.system import atomic
from hpobench.system.terminal import Notice
from hpobench.words import counted

FORMAT = 1
INDEX = "bundle.json"
_LARGEST = 8 * 2**30
"""Bytes that a bundle may unpack to."""
_KEPT = ("config.yaml", "study.json", "manifest.json")


class BundleError(ValueError):
    """A file that is no bundle, or is not as it was written."""


def write(folder: Path, output: Path, say: Callable[[str], None] = print) -> Path:
    """Write the bundle of the study in a folder.

    Raises ValueError if the study names code or tables that no file holds, as of a notebook.
    """
    from hpobench.results.study.load import load

    study, settings, manifest = load(folder), read_config(folder), read_manifest(folder)
    code = code_of(settings)
    with TemporaryDirectory() as place:
        made = Path(place)
        for name, path in code.items():
            _put(made / "code" / name, path.read_bytes())
        for path in _of_study(folder):
            _put(made / "study" / path.relative_to(folder), path.read_bytes())
        (made / "requirements.lock").write_text(lock(), encoding="utf-8")
        _describe(made, folder, study, settings, manifest)
        say(f"{counted(len(code), 'files')} of your own code: {', '.join(code) or 'none'}")
        _pack(made, output, {"name": folder.name, "code": sorted(code)})
    return output


def code_of(settings: Mapping[str, Any]) -> dict[str, Path]:
    """The user's files behind settings, by their place below a folder that imports find."""
    from hpobench.system import carried

    nodes = [settings.get("tasks") or {}, settings.get("methods") or {}]
    if carried.is_named(nodes):
        raise ValueError(
            "the study has functions or classes of a notebook or a program, which no file holds: "
            "put them into a module, run the study with those, and bundle that"
        )
    if lacking := sources.missing(nodes):
        raise ValueError(
            f"the bundle would lack {', '.join(lacking)}, of which no file is found: give the "
            "folder of your code with --conf DIR"
        )
    return sources.places(nodes) | dict(_tables(nodes))


def _tables(node: Any) -> Iterator[tuple[str, Path]]:
    """The user's tables that settings name, by the place where a folder of settings has them.

    Raises ValueError for one that is not found; one that will not be found elsewhere is said.
    """
    from hpobench.tasks import recorded_table
    from hpobench.tasks.data import tabular

    homes = {"table": ("task/", recorded_table.locate), "csv": ("", tabular.find)}
    for key, item in node.items() if isinstance(node, Mapping) else enumerate(node):
        if isinstance(item, Mapping | list):
            yield from _tables(item)
        elif key in homes and isinstance(item, str) and Path(item).suffix:
            below, find = homes[key]
            try:
                found = find(item)
            except LookupError as error:
                raise ValueError(
                    f"the bundle would lack {item}: give --conf DIR ({error})"
                ) from error
            if Path(item).is_absolute() or ".." in Path(item).parts:
                words = f"{item} is not in the bundle: it is found here only, by its path"
                warnings.warn(words, Notice, stacklevel=2)
            else:
                yield below + Path(item).as_posix(), found


def lock() -> str:
    """All that is installed here, as pip reads it; of a checkout the version alone is known."""
    found = {
        str(one.metadata["Name"]): one.version
        for one in metadata.distributions()
        if one.metadata["Name"]
    }
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found, key=str.lower))


def _of_study(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in _KEPT if (folder / name).is_file())
    yield from sorted(path for path in (folder / "parts").rglob("*") if path.is_file())


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _describe(
    made: Path, folder: Path, study: Any, settings: dict[str, Any], manifest: dict[str, Any]
) -> None:
    """Tables, figures, the report, the checklist and how to go on."""
    from hpobench.plots.draw import draw
    from hpobench.plots.report import page
    from hpobench.results.text import tables
    from hpobench.results.text.checklist import checklist
    from hpobench.results.verdicts.scores import scores

    for name, how in (("tables.md", "markdown"), ("tables.tex", "latex")):
        (made / name).write_text(tables.tables(study, how), encoding="utf-8")
    scores(study).to_csv(made / "scores.csv", index=False)
    draw(study, made / "figures")
    page.write(folder, made / "report.html")
    code = {
        path.relative_to(made / "code").as_posix(): atomic.digest(path)
        for path in sorted((made / "code").rglob("*"))
        if path.is_file()
    }
    items = checklist(study, settings, manifest, code)
    lines = [f"# Checklist of study {folder.name}", "", *(item.in_markdown() for item in items)]
    lines += ["", *(f"- code/{name}: {mark}" for name, mark in code.items())]
    (made / "CHECKLIST.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (made / "README.md").write_text(_README.format(name=folder.name), encoding="utf-8")


_README = """# Study {name}

`report.html` has everything at a glance, `CHECKLIST.md` what good reporting asks for. To check the
file, and to run the study again:

    pip install hpobench
    hpobench reproduce {name}-bundle.zip                # checks it; runs no code but hpobench's
    hpobench reproduce {name}-bundle.zip --trust        # runs it, with the code in code/
    hpobench reproduce {name}-bundle.zip --environment  # with the versions it was run with

The runs that were stored are in `study/`: `hpobench report study` reads them.
"""


def _pack(made: Path, output: Path, facts: Mapping[str, Any]) -> None:
    files = sorted(path for path in made.rglob("*") if path.is_file())
    hashes = {
        path.relative_to(made).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    index = {"format": FORMAT, "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **facts}
    with (
        atomic.draft(output) as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr(INDEX, json.dumps(index | {"files": hashes}, indent=1))
        for path in files:
            archive.write(path, path.relative_to(made).as_posix())


def unpack(bundle: Path, folder: Path) -> dict[str, Any]:
    """Unpack a bundle into a folder, checked; what its index says. Nothing of it is run.

    Raises BundleError if it is none, or any file is missing, changed, or too much.
    """
    try:
        with zipfile.ZipFile(bundle) as archive:
            index: dict[str, Any] = json.loads(archive.read(INDEX))
            if index.get("format") != FORMAT or not isinstance(index.get("files"), dict):
                raise BundleError(f"{bundle} is of another format: use the version that made it")
            names = {info.filename: info for info in archive.infolist() if not info.is_dir()}
            if sum(info.file_size for info in names.values()) > _LARGEST:
                raise BundleError(f"{bundle} would unpack to more than {_LARGEST // 2**30} GB")
            if odd := sorted(({*names} - {INDEX}) ^ {*index["files"]}):
                raise BundleError(f"{bundle}: {odd[0]} is not what its index lists")
            for name, wanted in index["files"].items():
                _unpack(archive, name, wanted, folder)
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError, OSError) as error:
        raise BundleError(f"{bundle} is no bundle, or damaged ({error})") from error
    return index


def _unpack(archive: zipfile.ZipFile, name: str, wanted: str, folder: Path) -> None:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
        raise BundleError(f"{name!r} would lie outside of the folder: it is not unpacked")
    content = archive.read(name)
    if hashlib.sha256(content).hexdigest() != wanted:
        raise BundleError(f"{name} is not as it was written: ask for the file again")
    _put(folder / name, content)


def strange(settings: Mapping[str, Any]) -> list[str]:
    """The dotted paths and commands in settings that no YAML of this package has, sorted.

    They may lead to any code: that of a bundle, or of what is installed.
    """
    known: set[str] = set()
    for group in ("task", "method", "engine"):
        for name in catalogue.names(group):
            known.update(_code_in(catalogue.read(group, name)))
    return sorted(set(_code_in(settings)) - known)


def _code_in(node: Any, key: str = "") -> Iterator[str]:
    """Texts that may be taken for paths of code, and commands."""
    if isinstance(node, Mapping):
        for name, item in node.items():
            if name not in ("about", "budget"):
                yield from _code_in(item, str(name))
    elif isinstance(node, list):
        for item in node:
            yield from _code_in(item, key)
    elif isinstance(node, str):
        dotted = "." in node and all(part.isidentifier() for part in node.split("."))
        if dotted or key in ("_target_", "command", "environment", "function"):
            yield node
