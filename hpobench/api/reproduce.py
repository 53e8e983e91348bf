"""Running a stored study or a bundle again, and saying what agrees and what differs, and why."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from hpobench.api import bundle as bundles
from hpobench.storage.layout import read_config, read_manifest, read_plan
from hpobench.system import dotted, package

Say = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """A study to run again: its folder, and that of the user's code that came with it."""

    folder: Path
    code: Path | None


def opened(path: Path, into: Path, say: Say = print) -> Source:
    """The study at a path: a folder as it is, or a bundle, unpacked and checked."""
    if (path / "study.json").is_file():
        return Source(path, None)
    if not path.is_file():
        raise ValueError(f"{path} is neither a bundle nor the folder of a stored study")
    place = into / f"{path.name.removesuffix('.zip').removesuffix('-bundle')}-bundle"
    index = bundles.unpack(path, place)
    say(f"{path}: {len(index['files'])} files are as they were written; unpacked into {place}")
    return Source(place / "study", place / "code")


def untrusted(source: Source) -> list[str]:
    """What of a bundle's study could run code that is not of this package; of a folder nothing."""
    if source.code is None:
        return []
    return bundles.strange(read_config(source.folder))


def again(
    source: Source,
    name: str,
    runs_dir: Path,
    seeds: int | None = None,
    settings: Iterable[str] = (),
) -> Path:
    """Run the study anew under another name; its folder. `seeds`: only so many, the first."""
    from hpobench.api import running
    from hpobench.study import compose
    from hpobench.study.study import Study

    if source.code is not None and source.code.is_dir():
        dotted.set_folders([*dotted.own_folders(), source.code])
    texts = [f"study={source.folder}", f"name={name}", f"runs_dir={runs_dir}", *settings]
    if seeds is not None:
        plan = read_plan(source.folder)
        known = sorted({seed for pair in plan["pairs"] for seed in pair["seeds"]})
        texts.append(f"seeds={known[:seeds]}")
    study = Study.make(compose.load(texts, dotted.own_folders()))
    study, _ = running.execute(study, False, False)
    return study.folder


def compared(source: Source, folder: Path) -> tuple[list[str], bool]:
    """What agrees and what differs, a line each, and whether anything differs."""
    from hpobench.results.study.load import load
    from hpobench.results.verdicts.agreement import agreements

    found = agreements(load(source.folder), load(folder))
    differs = any(each.how == "differs" for each in found)
    lines = [each.in_words() for each in found]
    if any(each.how != "bit" for each in found):
        lines += ["", *reasons(source.folder, folder)]
    return lines, differs or not found


def reasons(before: Path, after: Path) -> list[str]:
    """What is not the same of two studies and may be why they differ."""
    old, new = read_manifest(before), read_manifest(after)
    found = [
        f"{what}: {old.get(what)} then, {new.get(what)} now"
        for what in ("python", "platform", "cores", "git")
        if old.get(what) != new.get(what)
    ]
    for group in ("packages", "libraries", "data", "threads"):
        there, here = old.get(group) or {}, new.get(group) or {}
        for name in sorted({*there, *here}):
            if there.get(name) != here.get(name):
                found.append(f"{name}: {there.get(name)} then, {here.get(name)} now")
    found += _code(read_plan(before), read_plan(after))
    plan = read_plan(before)
    for name, facts in plan["tasks"].items():
        if facts.get("reproducible") is not True:
            found.append(f"task {name} is not known to repeat to the bit")
    if read_config(before).get("clock") == "real":
        found.append("it was run on the wall clock, which never repeats")
    head = "what differs, and may be why:" if found else "nothing that is known of differs"
    return [head, *(f"  {line}" for line in found)]


def _code(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    codes = [
        {(pair["task"], pair["method"]): pair.get("code") for pair in plan["pairs"]}
        for plan in (before, after)
    ]
    changed = [pair for pair, code in codes[0].items() if codes[1].get(pair, code) != code]
    return [f"the user's code of {task} {method} is another" for task, method in changed]


def in_environment(arguments: Iterable[str], lock: Path, folder: Path, say: Say = print) -> int:
    """Make an environment with the versions of a lock file, and run the command in it.

    This package is installed from where the one that runs here is from: a checkout, a file, or an
    index. The exit status of the command is returned.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        say(f"making an environment in {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = [line for line in lock.read_text(encoding="utf-8").splitlines() if line.strip()]
    others = [line for line in wanted if not line.startswith("hpobench==")]
    (folder / "others.lock").write_text("\n".join(others) + "\n", encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    own = _own_source() or f"hpobench=={_own_version(wanted)}"
    for what in (["--no-deps", "-r", str(folder / "others.lock")], ["--no-deps", own]):
        if subprocess.run([*pip, *what], check=False).returncode:
            raise ValueError(
                f"the environment cannot be made: {' '.join(what)} failed with Python "
                f"{platform.python_version()}; see {lock}"
            )
    return subprocess.run([str(python), "-m", "hpobench.cli", *arguments], check=False).returncode


def _own_source() -> str:
    """The checkout or the file that this package was installed from; "": an index (PEP 610)."""
    here = package.HERE.parent
    if (here / "pyproject.toml").is_file():
        return str(here)
    with suppress(metadata.PackageNotFoundError):
        stated = metadata.distribution("hpobench").read_text("direct_url.json")
        found = json.loads(stated) if stated else {}
        version = found.get("vcs_info", {})
        url = str(found.get("url", ""))
        return f"{version['vcs']}+{url}@{version['commit_id']}" if version else url
    return ""


def _own_version(wanted: Iterable[str]) -> str:
    named = [line.partition("==")[2] for line in wanted if line.startswith("hpobench==")]
    return named[0] if named else metadata.version("hpobench")
