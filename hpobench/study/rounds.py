"""seeds=auto: rounds of seeds, until whoever is asked after each says that no more are needed.

What is needed follows from what is stored alone, so that an interrupted study goes on where it
stopped, and calls of the same study side by side ask for the same runs and share them. A run is
the same, byte for byte, as with a fixed number of seeds. Who decides is none of this floor's
business: `decide` is told the study's folder.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace as replaced
from pathlib import Path
from typing import NamedTuple

from hpobench.real.live import Watch
from hpobench.storage.rule import AUTO, Rule
from hpobench.study import checks
from hpobench.study.merging import differences
from hpobench.study.overrides import ConfigError
from hpobench.study.study import Study
from hpobench.study.turns import Report


class Wanted(NamedTuple):
    """What is needed: `seeds` by task and method (0, 1, ..., less one), and a line of words."""

    seeds: Mapping[tuple[str, str], int]
    words: str = ""


Decide = Callable[[Path, Rule], Wanted]
Tell = Callable[[Study, str], None]
"""Told of each round before it begins: the study with its seeds, and what was decided so far."""


def run(
    study: Study,
    decide: Decide,
    *,
    watch: Watch | None = None,
    extend: bool = False,
    replace: bool = False,
    tell: Tell = lambda _study, _words: None,
) -> Iterator[Report]:
    """Run round after round; yields a report a stored part.

    Raises ConfigError, as `Study.run` does, if that would change a study that is there, which was
    not asked for.
    """
    rule = checks.rule(study.settings)
    _check_stored(study, rule, asked=extend or replace)
    wanted = Wanted(dict.fromkeys(_pairs(study), rule.first))
    known: Mapping[tuple[str, str], int] | None = None
    while known != wanted.seeds:
        again, known = known is not None, dict(wanted.seeds)
        current = with_seeds(study, wanted.seeds)
        tell(current, wanted.words)
        # Within a study of its own kind, more seeds are what was asked for.
        more = extend or again or _is_ours(study)
        yield from current.run(watch, extend=more, replace=replace, again=again)
        wanted = decide(study.folder, rule)
    tell(with_seeds(study, wanted.seeds), wanted.words)


def with_seeds(study: Study, seeds: Mapping[tuple[str, str], int]) -> Study:
    """The study with so many seeds of each pair; pairs that are not named keep theirs."""
    pairs = tuple(
        replaced(pair, seeds=tuple(range(seeds.get((pair.task, pair.method), len(pair.seeds)))))
        for pair in study.pairs
    )
    return replaced(study, pairs=pairs)


def _pairs(study: Study) -> list[tuple[str, str]]:
    return [(pair.task, pair.method) for pair in study.pairs]


def _is_ours(study: Study) -> bool:
    stored = study.stored_plan()
    return stored is not None and "decide" in stored["settings"]


def _check_stored(study: Study, rule: Rule, *, asked: bool) -> None:
    """Raise ConfigError for a study that is there and was not decided by this rule, if not asked.

    And for one that has a pair of task and method more than it, or less: `Study.run` looks at those
    with the seeds of the first round alone.
    """
    stored = study.stored_plan()
    if stored is None or asked:
        return
    there = stored["settings"].get("decide")
    if there is None:
        raise ConfigError(
            f"{study.folder} holds a study with a number of seeds that was given. Choose "
            f"name=OTHER, or --extend to go on from its runs with seeds={AUTO}"
        )
    differ = differences({"decide": there}, {"decide": rule.as_settings()})
    if differ:
        raise ConfigError(
            f"{study.folder} is decided by another rule ({'; '.join(differ)}), and one that is "
            "chosen after looking does not keep its level. Choose name=OTHER, or --extend to go on "
            "with this one"
        )
    named = {(pair["task"], pair["method"]) for pair in stored["pairs"]}
    if new := [pair for pair in _pairs(study) if pair not in named]:
        words = "; ".join(f"{method} on {task}" for task, method in new[:4])
        raise ConfigError(
            f"{study.folder} holds a study already, and this call adds to the study {words}. "
            "Choose name=OTHER for a study of its own, or --extend to add to the study"
        )
