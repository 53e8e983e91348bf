"""Other libraries: whether they are there, and how they draw their random numbers."""

import importlib.util
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import numpy as np


def require(library: str) -> str:
    """Name and version of a library, which is not imported.

    Raises ValueError, with the command that installs it, if it is not there.
    """
    if importlib.util.find_spec(library) is None:
        raise ValueError(f"{library} is not installed: pip install 'hpobench[{library}]'")
    return f"{library} {metadata.version(library)}"


class GlobalRandomness:
    """Random numbers for a library that draws them from global state.

    Within `own()` the global generators of Python, NumPy and, once it is imported, torch stand
    where the library left them the last time; outside they are as they were. A library that imports
    torch must not draw from it until the next `own()`, which is when it is seeded.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._states: dict[str, Any] | None = None

    @contextmanager
    def own(self) -> Iterator[None]:
        """Let the library draw."""
        outside = _states()
        _restore(self._states or self._seeded())
        try:
            yield
        finally:
            self._states = _states()
            if "torch" in self._states and "torch" not in outside:
                self._states["torch"], outside["torch"] = _of_torch(self._seed), _of_torch()
            _restore(outside)

    def _seeded(self) -> dict[str, Any]:
        states: dict[str, Any] = {
            "random": random.Random(self._seed).getstate(),
            "numpy": np.random.RandomState(self._seed % 2**32).get_state(),
        }
        if "torch" in sys.modules:
            states["torch"] = _of_torch(self._seed)
        return states


def _of_torch(seed: int | None = None) -> Any:
    """The state of torch's generator after it is seeded, or, without a seed, imported."""
    import torch

    generator = torch.Generator()
    return (generator if seed is None else generator.manual_seed(seed)).get_state()


def _states() -> dict[str, Any]:
    states: dict[str, Any] = {
        "random": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002
    }
    if "torch" in sys.modules:
        import torch

        states["torch"] = torch.get_rng_state()
    return states


def _restore(states: dict[str, Any]) -> None:
    random.setstate(states["random"])
    np.random.set_state(states["numpy"])  # noqa: NPY002
    if "torch" in states:
        import torch

        torch.set_rng_state(states["torch"])
