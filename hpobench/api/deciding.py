"""seeds=auto: who is asked after each round of seeds, and what is said of it."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace as replaced
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpobench.real.live import Watch
    from hpobench.results.study.load import Kept
    from hpobench.results.verdicts.decisions import Decisions
    from hpobench.storage.rule import Rule
    from hpobench.storage.schema import MethodFacts
    from hpobench.study import rounds
    from hpobench.study.study import Study
    from hpobench.study.turns import Report


def is_auto(study: "Study") -> bool:
    """Whether the study finds its number of seeds itself."""
    from hpobench.storage.rule import AUTO

    return bool(study.settings["seeds"] == AUTO)


def reports(
    study: "Study",
    watch: "Watch | None" = None,
    *,
    extend: bool = False,
    replace: bool = False,
    tell: "rounds.Tell" = lambda _study, _words: None,
) -> "Iterator[Report]":
    """Run a study, in rounds if it finds its number of seeds; yields a report a stored part."""
    if is_auto(study):
        from hpobench.study import rounds

        options: dict[str, Any] = {"watch": watch, "extend": extend, "replace": replace}
        return rounds.run(study, partial(decide, kept={}), tell=tell, **options)
    return study.run(watch, extend=extend, replace=replace)


def decide(folder: Path, rule: "Rule", kept: "Kept | None" = None) -> "rounds.Wanted":
    """What is needed next of the study in a folder. Raises ValueError if nothing can be decided.

    `kept`: what was read of it in earlier rounds, so that only new parts are read.
    """
    from hpobench.results.text.decision_words import so_far
    from hpobench.study import rounds

    made, _ = _decisions(folder, rule, kept)
    return rounds.Wanted(made.wanted, so_far(made))


def _decisions(
    folder: Path, rule: "Rule", kept: "Kept | None" = None, *, paths: bool = False
) -> "tuple[Decisions, Mapping[str, MethodFacts]]":
    """The decisions of a stored study, and the facts of its methods."""
    from hpobench.results.anytime.incumbents import incumbents
    from hpobench.results.anytime.regret import references
    from hpobench.results.study.load import load
    from hpobench.results.verdicts.decisions import decisions

    study = load(folder, kept)
    found = incumbents(study)
    known = references(study, found.views)
    return decisions(found, known, rule, paths=paths), study.methods


def grown(study: "Study") -> "Study":
    """The study with all seeds that its rounds have come to."""
    planned = study.planned_seeds()
    pairs = tuple(
        replaced(pair, seeds=tuple(planned[pair.task, pair.method])) for pair in study.pairs
    )
    return replaced(study, pairs=pairs)


def print_decisions(study: "Study") -> None:
    """What was decided, comparison by comparison; what the call could not run is said too."""
    from hpobench.results.text import decision_words
    from hpobench.storage.rule import Rule

    made, methods = _decisions(study.folder, Rule.of(study.settings["decide"]), paths=True)
    print("\n".join(["", *decision_words.sentences(made, methods), decision_words.level(made)]))
    mine = {(pair.task, pair.method) for pair in study.pairs}
    if made.missing and (others := [pair for pair in made.wanted if pair not in mine]):
        words = "; ".join(f"{method} on {task}" for task, method in others[:4])
        print(
            "Not decided yet: seeds are missing of what this call does not run, or could not "
            f"({words}). Run the study with all its tasks and methods",
            file=sys.stderr,
        )
