"""Environments of their own for libraries that cannot be installed beside the others.

Each is a virtual environment in `$HPOBENCH_PEERS`, or `~/.cache/hpobench/peers`, made from the
pinned `requirements/NAME.txt` beside this file; `NAME.lock` has the hashes of all files of these
versions (`make lock`), and nothing else is installed, but for torch. A marker, written last, holds
the hash of the requirements that are installed: without it an environment is half made.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hpobench.words import unknown

REQUIREMENTS = Path(__file__).parents[1] / "requirements"
INSTALLED, OUTDATED, MISSING = "installed", "outdated", "missing"
_MARKER = ".installed"
_SHOWN_LINES = 15
# Settings that would let one Python see what belongs to another.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


class InstallationError(RuntimeError):
    """An environment could not be made; the message ends with what pip said."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment, there or not, and the file of what belongs into it."""

    name: str
    folder: Path
    requirements: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    @property
    def status(self) -> str:
        """`installed`, `outdated` (its requirements have changed since) or `missing`."""
        try:
            installed = (self.folder / _MARKER).read_text(encoding="utf-8").strip()
        except OSError:
            return MISSING
        if not Path(self.python).exists():  # the Python that it was made with is gone
            return MISSING
        return INSTALLED if installed == self._wanted() else OUTDATED

    @property
    def version(self) -> str:
        """Its name, and a short hash of what it was made from."""
        return f"{self.name} {self._wanted()[:12]}"

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        return f"hpobench peers install {self.name}"

    def _wanted(self) -> str:
        return hashlib.sha256(self.requirements.read_bytes()).hexdigest()

    def require(self) -> None:
        """Raise ValueError, with the remedy, unless it is installed."""
        if self.status != INSTALLED:
            word = "not installed" if self.status == MISSING else "outdated"
            raise ValueError(f"the environment {self.name!r} is {word}: {self.remedy}")

    def install(self, python: str = sys.executable) -> None:
        """Make it with `python`, anew if there is one; raises InstallationError."""
        wanted = self._wanted()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        _call([python, "-m", "venv", str(self.folder)], f"no environment {self.name!r}")
        pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-input", "--requirement"]
        failure = f"the libraries of {self.name!r} cannot be installed"
        if (lock := self.requirements.with_suffix(".lock")).exists():
            _call([*pip, str(lock), "--require-hashes", "--no-deps"], failure)
        _call([*pip, str(self.requirements)], failure)  # torch is left, of which any build will do
        (self.folder / _MARKER).write_text(wanted + "\n", encoding="utf-8")


def _call(command: list[str], failure: str) -> None:
    """Run quietly; raises InstallationError with the last lines of what was said."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean(os.environ),
            check=False,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise InstallationError(f"{failure}: {error}") from error
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-_SHOWN_LINES:])
        raise InstallationError(f"{failure}:\n{said}")


def clean(variables: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    """Environment variables without those that show one Python the packages of another."""
    return {name: value for name, value in variables.items() if name not in _FOREIGN}


def root() -> Path:
    """The folder of all environments."""
    stated = os.environ.get("HPOBENCH_PEERS")
    return Path(stated).expanduser() if stated else Path.home() / ".cache" / "hpobench" / "peers"


def names() -> list[str]:
    """All that can be installed."""
    return sorted(path.stem for path in REQUIREMENTS.glob("*.txt"))


def named(name: str) -> Environment:
    """The environment of that name, there or not; raises LookupError."""
    if name not in names():
        raise LookupError(unknown("environment", name, names()))
    return Environment(name, root().absolute() / name, REQUIREMENTS / f"{name}.txt")
