"""What a YAML says of a peer, checked, and the command that starts it."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpobench.methods.peers.process import environments

CLIENTS = Path(__file__).parents[1] / "clients"
# One thread for each run, as everywhere; and the order of a set of strings must not be by chance.
_VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "JULIA_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


@dataclass(frozen=True)
class Command:
    """How a peer is started, and how long it may take to answer.

    In `command` the word `{python}` stands for the interpreter of `environment` (without one: that
    of this process), `{clients}` for the folder of the clients that come with hpobench. `settings`
    are passed on in `hello`. `cwd`: the folder in which it runs, by default the present one.
    Raises ValueError unless it can be started.
    """

    command: Sequence[str]
    environment: str | None = None
    timeout_s: float = 600
    settings: Mapping[str, Any] = field(default_factory=dict)
    cwd: str | None = None

    def __post_init__(self) -> None:
        words = self.command
        if isinstance(words, str) or not words or not all(isinstance(word, str) for word in words):
            raise ValueError(f"peer.command={words!r}: use a list of words, the program first")
        timeout = self.timeout_s
        number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
        if not (number and 0 < timeout < float("inf")):
            raise ValueError(f"peer.timeout_s={timeout!r}: use a number of seconds above 0")
        if not isinstance(self.settings, Mapping):
            raise ValueError(f"peer.settings={self.settings!r}: use a mapping")
        if self.cwd is not None and not Path(self.cwd).is_dir():
            raise ValueError(f"peer.cwd={self.cwd!r}: there is no such folder")
        self._require()

    @classmethod
    def read(cls, peer: Mapping[str, Any]) -> "Command":
        """From the node `peer` of a YAML."""
        if unknown := sorted(set(peer) - set(cls.__dataclass_fields__)):
            raise ValueError(
                f"peer.{unknown[0]}: unknown; has {', '.join(cls.__dataclass_fields__)}"
            )
        if "command" not in peer:
            raise ValueError("peer.command is missing: the list of words that starts the peer")
        return cls(**peer)

    def _require(self) -> None:
        """Raise ValueError, with the remedy, unless there is an environment and a program."""
        if self.environment is not None:
            try:
                environments.named(self.environment).require()
            except LookupError as error:
                raise ValueError(f"peer.environment: {error.args[0]}") from error
        program = self.words()[0]
        if shutil.which(os.path.join(self.cwd or "", program) if "/" in program else program):
            return
        raise ValueError(f"peer.command: there is no program {program!r}: install it, or correct")

    def words(self) -> list[str]:
        """The words of the command."""
        python = sys.executable
        if self.environment is not None:
            python = environments.named(self.environment).python
        places = {"{python}": python, "{clients}": str(CLIENTS)}
        words = list(self.command)
        for place, meaning in places.items():
            words = [word.replace(place, meaning) for word in words]
        return words

    def variables(self) -> dict[str, str]:
        """The environment variables of the peer."""
        if self.environment is None:
            return {**os.environ, **_VARIABLES}
        return {**environments.clean(os.environ), **_VARIABLES, "PYTHONNOUSERSITE": "1"}

    @property
    def version(self) -> str:
        """That of its environment; of a program of the user's nothing is known."""
        return environments.named(self.environment).version if self.environment else ""

    @property
    def title(self) -> str:
        """What to call it until it has said its name."""
        return self.environment or " ".join([Path(self.words()[0]).name, *self.command[1:2]])
