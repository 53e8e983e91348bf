"""Verdicts in plain words: what to use, what failed, what had ended, and the numbers behind it."""

from collections.abc import Mapping

import numpy as np

from hpobench.results.study.failed_runs import in_words as failed_in_words
from hpobench.results.verdicts.more_seeds import more_seeds
from hpobench.results.verdicts.verdict import Verdict
from hpobench.storage.schema import MethodFacts
from hpobench.words import both, counted, either, first_of

SKEWED = " (regrets are very skewed: rather less sure than that)"
MOST_TIED = 3
"""Of more methods that cannot be told apart, none is named as a winner."""
MOST_NAMED = 4
MOST_SEEDS = 10_000


def in_words(verdict: Verdict, methods: Mapping[str, MethodFacts]) -> str:
    """Such as: use ASHA; or: ASHA, Hyperband or BOHB: the data do not tell them apart."""
    return " ".join(filter(None, [_choice(verdict, methods), failures(verdict, methods)]))


def _choice(verdict: Verdict, methods: Mapping[str, MethodFacts]) -> str:
    best = methods[verdict.best.method].label
    if not verdict.known:
        return "no run has found anything by then: no value is known yet."
    if not verdict.useful:
        return "no method has found anything better than the median configuration by then."
    if len(verdict.standings) < 2:
        return f"{best} is the only method there is to judge."
    if verdict.few:
        return f"{best} came out best; with {counted(verdict.seeds, 'seeds')} that may be chance."
    return _recommended(verdict, methods)


def _recommended(verdict: Verdict, methods: Mapping[str, MethodFacts]) -> str:
    best = methods[verdict.best.method].label
    tied = [methods[each.method].label for each in (verdict.best, *verdict.rivals)]
    if len(tied) == 1:
        return f"use {best}. No other method is within error of it."
    if len(tied) <= MOST_TIED:
        return f"{either(tied)}: the data do not tell them apart. {best} came out best."
    if not verdict.beaten:
        return f"no clear winner: all {len(tied)} methods are within error of {best}."
    avoid = [methods[each.method].label for each in verdict.beaten]
    names = both(avoid) if len(avoid) <= MOST_NAMED else first_of(avoid, MOST_NAMED)
    return f"no clear winner among {len(tied)} methods; avoid {names}. {best} came out best."


def to_tell(verdict: Verdict, methods: Mapping[str, MethodFacts]) -> str:
    """A sentence on how many seeds would tell the best method from the next; "": none is needed."""
    more = more_seeds(verdict)
    if more is None or verdict.few or not verdict.marks:
        return ""
    best, other = methods[more.best].label, methods[more.other].label
    apart = (
        f"{best} from {other}, the next, if they differ by what was seen ({more.difference:.2g})"
    )
    if more.seeds > MOST_SEEDS:
        return f"Not even {MOST_SEEDS:,} seeds would tell {apart}."
    return f"About {_round(more.seeds):,} seeds instead of {verdict.seeds} would tell {apart}."


def _round(seeds: int) -> int:
    """To two digits: it is an estimate."""
    size = int(10 ** max(len(str(seeds)) - 2, 0))
    return -(-seeds // size) * size


def failures(verdict: Verdict, methods: Mapping[str, MethodFacts]) -> str:
    """A sentence on the runs that failed, and what they count as."""
    return " ".join(failed_in_words(verdict.failed, verdict.failed_as, methods))


def ended_early(verdict: Verdict, methods: Mapping[str, MethodFacts]) -> str:
    """A sentence on methods all of whose runs had ended by then: what they found took less time."""
    if not verdict.ended:
        return ""
    lasted = [each.method for each in verdict.standings if each.method not in verdict.ended]
    if 0 < len(lasted) < len(verdict.ended):
        names = ", ".join(methods[name].label for name in lasted)
        return f"Only runs of {names} lasted as long: the others keep their last incumbent."
    names = ", ".join(methods[name].label for name in verdict.ended)
    return f"All runs of {names} had ended before that, and keep their last incumbent."


def evidence(verdict: Verdict, methods: Mapping[str, MethodFacts]) -> str:
    """The numbers behind it: the regret of the best, its interval, how many runs, the next best."""
    best = verdict.best
    runs = counted(best.runs, "runs")
    if not verdict.known:
        return f"{runs}."
    mean = f"mean normalised regret {best.value:.3g}{_bracket(best.low, best.high)}"
    words = [f"{mean}{SKEWED if verdict.skewed else ''}, {runs}"]
    if not np.isnan(verdict.fresh) and len(verdict.standings) > 1:
        words.append(
            f"{verdict.fresh:.3g} where half of the seeds choose the method and the others judge it"
        )
    if verdict.beaten:
        first = verdict.beaten[0]
        by = f"{first.difference:.3g}{_bracket(first.difference_low, first.difference_high)}"
        words.append(f"the best one not within error, {methods[first.method].label}, is {by} worse")
    apart = [each for each in verdict.standings[1:] if not each.pairs]
    if apart:
        names = ", ".join(methods[each.method].label for each in apart)
        words.append(f"no common seeds with {names}: differences are unpaired")
    return " ".join(filter(None, ["; ".join(words) + ".", to_tell(verdict, methods)]))


def _bracket(low: float, high: float) -> str:
    return "" if np.isnan(low) else f" [{low:.3g}, {high:.3g}]"
