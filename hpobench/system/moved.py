"""Modules of this package that have moved, so that settings and stored studies outlive the move.

Settings name what they use by dotted paths, and a fingerprint covers settings. An old path is found
at its new place; and the identity of settings is made of the path that was the first, so that both
spellings are the same settings, those of the studies that are stored.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from hpobench.system.terminal import Notice

_OF_SEARCHERS = {
    "acquisition": "search.acquisition",
    "acquisition_search": "search.acquisition_search",
    "candidates": "search.candidates",
    "evidence": "search.evidence",
    "feasibility": "search.constraints",
    "gaussian_process": "models.gp.gaussian_process",
    "history": "search.history",
    "kernels": "models.gp.kernels",
    "one_exchange": "search.one_exchange",
    "parzen": "parzen.parzen",
    "parzen_bandwidths": "parzen.bandwidths",
    "parzen_kernels": "parzen.kernels",
    "prior": "search.prior",
    "surrogate": "search.surrogate",
    "tpe_ratio": "parzen.tpe_ratio",
    "training_data": "search.training_data",
    "unit_space": "search.unit_space",
    "value_transform": "models.value_transform",
}
_OF_METHODS = {
    "curve_model": "dyhpo.curve_model",
    "explore": "pbt.explore",
    "points": "first_points",
    "schedulers.precision": "models.precision",
    "subpopulation": "dehb.subpopulation",
    **{f"searchers.{old}": new for old, new in _OF_SEARCHERS.items()},
    **{
        f"peers.{name}": f"peers.process.{name}"
        for name in ("command", "environments", "messages", "pipes", "supervise")
    },
}
_OF_FORESTS = {
    "forest": "forest.forest",
    "forest_growth": "forest.growth",
    "forest_splits": "forest.splits",
    "quantile_forest": "forest.quantile_forest",
}
MOVED = {
    "hpobench.encoding": "hpobench.space.encoding",
    "hpobench.hyperparameters": "hpobench.space.hyperparameters",
    "hpobench.listed_space": "hpobench.space.listed",
    "hpobench.specification": "hpobench.space.statement",
    **{f"hpobench.methods.{old}": f"hpobench.methods.{new}" for old, new in _OF_METHODS.items()},
    **{f"hpobench.methods.searchers.{old}": f"hpobench.{new}" for old, new in _OF_FORESTS.items()},
}
"""Where a module was first, and where it is. One that moves again keeps its first name here."""


class Renamed(NamedTuple):
    """Settings with the new names, and a note for each old one that they had."""

    settings: Any
    notes: tuple[str, ...]


def renamed(settings: Any) -> Renamed:
    """Settings in which all that names a module that has moved names its new place."""
    notes: dict[str, None] = {}

    def present(text: str) -> str:
        now = _replaced(text, MOVED)
        if now != text:
            notes[_note(text, now)] = None
        return now

    return Renamed(_texts(settings, present), tuple(notes))


def present(path: str) -> str:
    """The path at which one finds today what a dotted path names, with a note if it has moved."""
    now = _replaced(path, MOVED)
    if now != path:
        warnings.warn(_note(path, now), Notice, stacklevel=3)
    return now


def identity(settings: Any) -> Any:
    """Settings in which every module that has moved has its first name."""
    first: dict[str, str] = {}
    for old, new in MOVED.items():
        first.setdefault(new, old)
    return _texts(settings, lambda text: _replaced(text, first))


def _note(old: str, new: str) -> str:
    return f"{old} is now called {new}; the old name is understood"


def _texts(node: Any, change: Callable[[str], str]) -> Any:
    """Settings with every text changed, but for keys."""
    if isinstance(node, dict):
        return {key: _texts(item, change) for key, item in node.items()}
    if isinstance(node, list):
        return [_texts(item, change) for item in node]
    return change(node) if isinstance(node, str) else node


def _replaced(path: str, names: dict[str, str]) -> str:
    """The path with another beginning, if that is a name of the table."""
    if not path.startswith("hpobench."):
        return path
    parts = path.split(".")
    for length in range(len(parts), 1, -1):
        begin = names.get(".".join(parts[:length]))
        if begin is not None:
            return ".".join((begin, *parts[length:]))
    return path
