"""What a failed run counts as: one rule for every figure, table, rank, test and claim.

A run that failed never leaves an average: a method that fails where it is hard would look better
than it is. From its failure on it counts, by the rule of the study (its setting `failed`),

    median   as the median configuration of the task, or as its own last incumbent or the mean of
             its method's other runs if that is worse: failing never pays (the default)
    last     as its last incumbent; one without any counts as a run without a value yet

The median is the one that the task is normalised by (see `normalise`): the known one, else that of
the values observed in the study. A target that a failed run had not reached is never reached. Only
tasks on which every run failed are left out: nothing is known of them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from hpobench.arrays import BoolArray
from hpobench.results.study.study import Study
from hpobench.storage.schema import FAILED_RULES, MethodFacts

SETTING = "failed"
RULES = dict(
    zip(
        FAILED_RULES,
        (
            "from then on they count as the median configuration (or as their last incumbent or "
            "the mean of their method's other runs, if worse)",
            "from then on they keep their last incumbent",
        ),
        strict=True,
    )
)
"""By name, in words."""
DEFAULT = FAILED_RULES[0]


class Failed(NamedTuple):
    """The number of runs of a method that failed, of how many."""

    failed: int
    runs: int


def has_failed(runs: pd.DataFrame) -> BoolArray:
    """Flags (n,) of the runs that failed."""
    failed: BoolArray = (runs["status"] == "failed").to_numpy()
    return failed


def fine(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that did not fail."""
    return runs[~has_failed(runs)]


def rule_of(settings: Mapping[str, Any], rule: str | None = None) -> str:
    """The rule given, else that of a study's settings; raises ValueError if it is unknown."""
    chosen = str(rule or settings.get(SETTING) or DEFAULT)
    if chosen not in RULES:
        raise ValueError(f"failed={chosen!r}: use one of {', '.join(RULES)}")
    return chosen


def counting_failed(study: Study, rule: str | None) -> Study:
    """The same study under another rule for failed runs; None: under its own."""
    chosen = rule_of(study.settings, rule)
    if chosen == rule_of(study.settings):
        return study
    return study.changed(settings=study.settings | {SETTING: chosen})


def added(some: Mapping[str, Failed], more: Mapping[str, Failed]) -> dict[str, Failed]:
    """The sums by method."""
    none = Failed(0, 0)
    pairs = {name: (some.get(name, none), more.get(name, none)) for name in {**some, **more}}
    return {
        name: Failed(one.failed + two.failed, one.runs + two.runs)
        for name, (one, two) in pairs.items()
    }


def in_words(
    failed: Mapping[str, Failed], rule: str, methods: Mapping[str, MethodFacts]
) -> tuple[str, ...]:
    """Such as: 2 of 30 runs of A failed: from then on they ...; nothing if none failed."""
    some = counts_in_words(failed, methods)
    return (f"{some} failed: {RULES[rule]}.",) if some else ()


def counts_in_words(failed: Mapping[str, Failed], methods: Mapping[str, MethodFacts]) -> str:
    """Such as: 2 of 30 runs of A, 1 of 30 runs of B."""
    return ", ".join(
        f"{counts.failed} of {counts.runs} runs of {methods[name].label}"
        for name, counts in failed.items()
        if counts.failed
    )
