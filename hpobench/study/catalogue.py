"""What `conf/` offers: names of methods, tasks and studies, and their YAML files.

Reading a YAML here imports neither Hydra nor NumPy, so that `hpobench list` answers at once.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpobench.study import yaml_text
from hpobench.system import package
from hpobench.words import unknown

CONF = package.folders()["conf"]
# Studies may stand in folders: study=claims/asha.
_GLOBS = {"study": "**/*.yaml"}


def names(group: str, folders: Sequence[Path] = ()) -> list[str]:
    """The names in `conf/GROUP/` (method, task or study) and in further folders, sorted."""
    return sorted(_paths(group, folders))


def read(group: str, name: str, folders: Sequence[Path] = ()) -> dict[str, Any]:
    """The YAML of one name, as it stands in the file; raises LookupError or ValueError."""
    return mapping(path_of(group, name, folders))


def path_of(group: str, name: str, folders: Sequence[Path] = ()) -> Path:
    """The file of one name; raises LookupError, naming the nearest, if there is none."""
    paths = _paths(group, folders)
    if name not in paths:
        raise LookupError(unknown(group, name, paths))
    return paths[name]


def study_file(name: str, folders: Sequence[Path] = ()) -> Path:
    """The file of a study: by its name, by the path of its YAML, or of the folder of a stored one.

    Raises LookupError if there is none. Of a stored study it is its config.yaml.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    if (path / "study.json").is_file():
        return path / "config.yaml"
    if path.suffix in (".yaml", ".yml") or path.is_dir():
        raise LookupError(f"study={name}: no YAML file of a study, and no folder of a stored one")
    return path_of("study", name, folders)


def mapping(path: Path, as_texts: bool = False) -> dict[str, Any]:
    """The settings in a YAML file; with `as_texts`, every value as it is written there."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}): save it as UTF-8") from error
    settings = (yaml_text.texts if as_texts else yaml_text.parse)(text, str(path)) or {}
    if not isinstance(settings, dict):
        raise ValueError(f"{path} holds no mapping of keys to values")
    if not isinstance(about := settings.get("about") or {}, dict):
        raise ValueError(f"{path}: about: {about!r} is no mapping: write about: {{summary: ...}}")
    return settings


def check_name(name: str, path: str = "--name") -> None:
    """Raise ValueError for a name that no file of `conf/` can have; `path`: where it stands."""
    if not re.fullmatch(r"[\w/-]+", name):
        raise ValueError(f"{path}: {name!r} is no name: use letters, digits, _ and - only")


def _paths(group: str, folders: Sequence[Path]) -> dict[str, Path]:
    """The files by name. A name may stand in one place only: what runs must be what is listed."""
    paths: dict[str, Path] = {}
    for folder in (CONF, *folders):
        if not folder.is_dir():
            raise ValueError(f"--conf {folder}: there is no such folder")
        for path in sorted((folder / group).glob(_GLOBS.get(group, "*.yaml"))):
            if path.name.startswith("."):  # such as editors and macOS leave beside a file
                continue
            name = path.relative_to(folder / group).with_suffix("").as_posix()
            name = unicodedata.normalize("NFC", name)  # some file systems take letters apart
            check_name(name, str(path))
            if name in paths:
                raise ValueError(
                    f"{group} {name!r} stands in {paths[name]} and in {path}: rename one"
                )
            paths[name] = path
    return paths
