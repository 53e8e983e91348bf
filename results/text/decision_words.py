"""Decisions in plain words: what was decided, after how many seeds, and which runs that saved."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from hpobench.results.verdicts.decisions import Decisions
from hpobench.results.verdicts.judging import BETTER, EQUAL, FUTILE, OPEN, WORSE, Path
from hpobench.results.verdicts.planning import Needs
from hpobench.storage.schema import MethodFacts
from hpobench.words import both, counted, either, first_of

MOST_NAMED = 4
MOST_PAIRS = 45
"""Those of ten methods."""


def so_far(made: Decisions) -> str:
    """How far a study is, as a line; such as: 12 of 14 comparisons decided, 3 methods go on."""
    settled = sum(path.verdict != OPEN for path in made.paths)
    seeds = max(made.wanted.values(), default=0)
    going = {method for (_, method), count in made.wanted.items() if count == seeds}
    words = f"{settled} of {counted(len(made.paths), 'comparisons')} settled"
    if not made.missing:
        return f"{words} after {counted(seeds, 'seeds')} at most"
    return f"{words}; {counted(len(going), 'methods')} to {counted(seeds, 'seeds')}"


def sentences(made: Decisions, methods: Mapping[str, MethodFacts]) -> Iterator[str]:
    """A line a comparison, and one on the runs that were saved."""
    for tasks in dict.fromkeys(path.tasks for path in made.paths):
        mine = [path for path in made.paths if path.tasks == tasks]
        yield f"{'Average of ' if len(tasks) > 1 else ''}{', '.join(tasks)}:"
        yield from (f"  {of_path(path, made, methods)}" for path in mine)
    yield saved(made)


def of_path(path: Path, made: Decisions, methods: Mapping[str, MethodFacts]) -> str:
    """What was decided of one comparison."""
    names = [methods[name].label for name in (path.method, path.other)]
    if not len(path.seeds):
        return f"{names[0]} and {names[1]}: no look yet."
    seeds = counted(path.decided, "seeds")
    within = f"{made.rule.equal_within:g}"
    numbers = _numbers(path)
    if path.verdict == OPEN:
        return f"{names[0]} and {names[1]}: not decided ({numbers})."
    if path.verdict == FUTILE:
        return (
            f"{names[0]} and {names[1]}: given up after {seeds}, since {made.rule.max} would "
            f"hardly decide it ({numbers})."
        )
    if path.verdict == EQUAL:
        to = "the best" if path.race else names[1]
        return f"{names[0]} is equal to {to} within {within}, after {seeds} ({numbers})."
    against = "the best" if path.race else names[1]
    beside = f", which is {names[1]}" if path.race else ""
    return f"{names[0]} is {path.verdict} than {against}{beside}, after {seeds} ({numbers})."


def answer(paths: Sequence[Path], made: Decisions, methods: Mapping[str, MethodFacts]) -> str:
    """What to use on the tasks of these comparisons, as far as it is decided."""
    if not any(len(path.seeds) for path in paths):
        return "nothing is decided yet: no look has been taken."
    if made.rule.compare == "reference":
        return _beside_reference(paths, made, methods)
    best, to_best = _beside_best(paths)
    name, within = methods[best].label, f"within {made.rule.equal_within:g}"
    equal, worse, left = (
        [methods[other].label for other, verdict in to_best.items() if verdict in kinds]
        for kinds in ((EQUAL,), (WORSE,), (OPEN, FUTILE))
    )
    others = f"{first_of(worse, MOST_NAMED)} {'is' if len(worse) == 1 else 'are'} worse."
    if not left and not equal:
        return f"use {name}: {others}"
    tied = f"{either([name, *equal])}: they are equal {within}." if equal else ""
    open_ones = (
        f"{name} came out best; it is not decided whether {both(left)} "
        f"{'is' if len(left) == 1 else 'are'} worse, or equal {within}."
        if left
        else ""
    )
    return " ".join(filter(None, [tied, open_ones, others if worse else ""]))


def _beside_best(paths: Sequence[Path]) -> tuple[str, dict[str, str]]:
    """The method that came out best, and by other method what was decided of it beside that one.

    Of pairs: of the methods that were not called worse than another, the one with the lowest mean.
    """
    if paths[0].race:
        return paths[0].other, {path.method: path.verdict for path in paths}
    turned = {WORSE: BETTER, BETTER: WORSE}
    said: dict[str, dict[str, str]] = {}
    lead: Counter[str] = Counter()
    for path in paths:
        said.setdefault(path.method, {})[path.other] = turned.get(path.verdict, path.verdict)
        said.setdefault(path.other, {})[path.method] = path.verdict
        by = float(path.mean[-1]) if len(path.mean) else 0.0
        lead.update({path.method: by, path.other: -by})
    fine = [name for name in said if BETTER not in said[name].values()] or list(said)
    best = min(fine, key=lambda name: lead[name])
    return best, said[best]


def _beside_reference(
    paths: Sequence[Path], made: Decisions, methods: Mapping[str, MethodFacts]
) -> str:
    name = methods[paths[0].other].label
    kinds = {
        f"better than {name}": (BETTER,),
        f"equal to {name} within {made.rule.equal_within:g}": (EQUAL,),
        f"worse than {name}": (WORSE,),
        "not decided": (OPEN, FUTILE),
    }
    found = {
        words: [methods[path.method].label for path in paths if path.verdict in verdicts]
        for words, verdicts in kinds.items()
    }
    words = [f"{key}: {first_of(names, MOST_NAMED)}" for key, names in found.items() if names]
    return "; ".join(words) + "."


def _numbers(path: Path) -> str:
    by = f"mean difference {path.mean[-1]:.3g}"
    return by if np.isnan(path.low[-1]) else f"{by} [{path.low[-1]:.3g}, {path.high[-1]:.3g}]"


def saved(made: Decisions) -> str:
    """How many runs it took, and how many a number of seeds for all would have."""
    words = (
        f"{counted(made.runs, 'runs')}; with {made.rule.max} seeds of everything it would be "
        f"{made.most:,}"
    )
    share = 1 - made.runs / made.most if made.most else 0.0
    return f"{words}: {100 * share:.0f} % saved."


def level(made: Decisions) -> str:
    """What the decisions are worth."""
    share = f"{100 * made.rule.level:g} %"
    start = (
        f"The probability that one or more of these decisions is false is at most {share}, however "
        "often the runs were looked at"
    )
    if made.rule.assume == "bounded":
        return f"{start}, whatever the distribution of regrets."
    return (
        f"{start}: exactly where differences of equal methods are as likely on either side, "
        "whatever their tails, and for many seeds otherwise. A method whose rare disasters no seed "
        "has met is judged without them."
    )


def planned(needs: Needs, methods: Mapping[str, MethodFacts]) -> Iterator[str]:
    """What a difference needs, as lines of text: a table for each group of tasks.

    Of many pairs those with the method that was best so far.
    """
    yield (
        f"Seeds to find a difference of {needs.detect:g} in normalised regret with a power of "
        f"{100 * needs.power:g} %, by Student's t over runs of the same seed at "
        f"{100 * needs.level:g} %:"
    )
    head = ("pair", "seen", "sd", "seeds", "CPU", "all pairs", "CPU")
    for tasks, rows in needs.pairs.groupby("tasks", sort=False):
        where = f"{'Average of ' if ', ' in str(tasks) else ''}{tasks}"
        yield f"\n{where} ({rows['pilot'].min()} seeds so far):"
        if len(rows) > MOST_PAIRS:
            best, every = _best(rows), len(rows)
            rows = rows[(rows["method"] == best) | (rows["other"] == best)]
            yield f"  Of {every:,} pairs those with the best so far, {methods[best].label}."
        names = [
            f"{methods[one].label} - {methods[two].label}"
            for one, two in zip(rows["method"], rows["other"], strict=True)
        ]
        width = max(map(len, [*names, head[0]]))
        yield f"  {head[0]:<{width}}" + "".join(f"{word:>11}" for word in head[1:])
        numbers = rows[list(rows.columns[3:])].to_numpy(float)
        for name, (seen, sd, _, alone, hours, total, most) in zip(names, numbers, strict=True):
            cells = [f"{seen:.3g}", f"{sd:.3g}", _count(alone), _cpu(hours)]
            cells += [_count(total), _cpu(most)]
            yield f"  {name:<{width}}" + "".join(f"{cell:>11}" for cell in cells)
    yield (
        "\nSeen: the difference in this study; sd: of one seed, averaged over the tasks. All "
        "pairs: where the p-values of all pairs are corrected. CPU: of both methods on all "
        "the tasks, by the runs so far. What the pilot does not know of the spread is counted in."
    )


def _count(seeds: float) -> str:
    return "> 100,000" if np.isnan(seeds) else f"{seeds:,.0f}"


def _best(rows: pd.DataFrame) -> str:
    """The method of the lowest mean, from the differences of all pairs."""
    ahead = rows.groupby("other")["difference"].sum()
    return str(rows.groupby("method")["difference"].sum().sub(ahead, fill_value=0.0).idxmin())


def _cpu(hours: float) -> str:
    """Such as: 3.3 s, 12 min or 140 h."""
    if np.isnan(hours):
        return "-"
    size, unit = (1 / 3600, "s") if hours < 1 / 30 else (1 / 60, "min") if hours < 2 else (1, "h")
    return f"{hours / size:,.3g} {unit}"
