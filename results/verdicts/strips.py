"""Methods x budgets: which came out best, which cannot be told from it, and how long that is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hpobench.results.verdicts.verdict import Verdict


class Budget(NamedTuple):
    """A part of the horizon, and how long that is on the tasks; `clock`: "" where clocks differ."""

    fraction: float
    times_s: tuple[float, ...]
    clock: str


@dataclass(frozen=True)
class Strip:
    """What the verdicts on the same tasks say, short budgets first.

    `marks`: by method, best in the end first, at each budget best, tied (within error of it), worse
    or "" (nothing is known, or none is better than the median configuration). `few`: of so few
    seeds that all may be chance.
    """

    tasks: tuple[str, ...]
    budgets: tuple[Budget, ...]
    marks: Mapping[str, tuple[str, ...]]
    few: bool


def strips(made: Iterable[Verdict], clocks: Mapping[str, str]) -> list[Strip]:
    """One for each set of tasks there are verdicts on, in their order; `clocks`: by task."""
    by_tasks: dict[tuple[str, ...], list[Verdict]] = {}
    for verdict in made:
        by_tasks.setdefault(verdict.tasks, []).append(verdict)
    return [_strip(tasks, some, clocks) for tasks, some in by_tasks.items()]


def _strip(tasks: tuple[str, ...], some: Sequence[Verdict], clocks: Mapping[str, str]) -> Strip:
    some = sorted(some, key=lambda verdict: verdict.fraction)
    of_tasks = {clocks[task] for task in tasks}
    clock = of_tasks.pop() if len(of_tasks) == 1 else ""
    budgets = [Budget(each.fraction, tuple(each.times_s.values()), clock) for each in some]
    marks = {
        each.method: tuple(verdict.marks.get(each.method, "") for verdict in some)
        for each in some[-1].standings
    }
    return Strip(tasks, tuple(budgets), marks, any(verdict.few for verdict in some))


def final_order(methods: Iterable[str], made: Sequence[Verdict]) -> list[str]:
    """The methods, best first, by their places in the end: over averages of tasks, then others.

    So all figures and tables of a study can have one order. Of several groups of tasks with other
    methods the mean place counts, from 0, the best of a group, to 1, its last. Methods without any
    verdict come last.
    """
    last = [verdict for verdict in made if verdict.fraction == max(v.fraction for v in made)]
    several = [verdict for verdict in last if len(verdict.tasks) > 1]
    known = list(methods)
    ranked = [*_by_place(several), *_by_place(last), *known]
    return [name for name in dict.fromkeys(ranked) if name in known]


def _by_place(verdicts: Iterable[Verdict]) -> list[str]:
    places: dict[str, list[float]] = {}
    for verdict in verdicts:
        for number, each in enumerate(verdict.standings):
            places.setdefault(each.method, []).append(number / max(len(verdict.standings) - 1, 1))
    return sorted(places, key=lambda name: sum(places[name]) / len(places[name]))
