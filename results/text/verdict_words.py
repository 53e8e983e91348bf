"""Verdicts in plain words: what to use, what failed, what had ended, and the numbers behind it."""

from collections.abc import Mapping

import numpy as np

from hpobench.results.study.failed_runs import in_words as failed_in_words
from hpobench.results.verdicts.verdict import Verdict
from hpobench.storage.schema import MethodFacts
from hpobench.words import counted, either

SKEWED = " (regrets are very skewed: rather less sure than that)"


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
    if len(verdict.rivals) == len(verdict.standings) - 1:
        return f"{best} came out best, but all other methods are within error of it."
    if verdict.rivals:
        names = [methods[each.method].label for each in (verdict.best, *verdict.rivals)]
        return f"{either(names)}: the data do not tell them apart. {best} came out best."
    return f"use {best}. No other method is within error of it."


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
    beaten = [each for each in verdict.standings[1:] if not each.within_error]
    if beaten:
        first = beaten[0]
        by = f"{first.difference:.3g}{_bracket(first.difference_low, first.difference_high)}"
        words.append(f"the best one not within error, {methods[first.method].label}, is {by} worse")
    apart = [each for each in verdict.standings[1:] if not each.pairs]
    if apart:
        names = ", ".join(methods[each.method].label for each in apart)
        words.append(f"no common seeds with {names}: differences are unpaired")
    return "; ".join(words) + "."


def _bracket(low: float, high: float) -> str:
    return "" if np.isnan(low) else f" [{low:.3g}, {high:.3g}]"
