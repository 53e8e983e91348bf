"""How comparisons of methods are judged at one look: in pairs, or as a race for the best.

Evidence is that of `sequential`, in nats; which evidence is enough, `decisions` says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from hpobench.arrays import FloatArray
from hpobench.results.statistics import sequential
from hpobench.storage.rule import Rule

WORSE, BETTER, EQUAL, OPEN, FUTILE = "worse", "better", "equal", "open", "given up"

_COST = 1.7
"""Nats that the evidence of normal values falls short of z^2 / 2, for not knowing the effect."""


@dataclass(frozen=True)
class Path:
    """One comparison, look by look: `method` with `other`; what was said of it, and when.

    `seeds` (looks,), and the mean difference of the regrets, with the confidence sequence [low,
    high] of all comparisons of the study at once. `verdict`: of `method`. `decided`: after how many
    seeds; 0: not. `race`: whether `other` is the best of all, as it came out in the end.
    """

    tasks: tuple[str, ...]
    method: str
    other: str
    verdict: str
    decided: int
    seeds: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    race: bool = False


class Comparisons:
    """Methods on the same tasks: `values` (seeds, methods), their regrets averaged over the tasks.

    `verdicts`: by comparison what was said, and after how many seeds; `now`: how many seeds there
    are at this look.
    """

    def __init__(
        self, rule: Rule, tasks: tuple[str, ...], methods: list[str], values: FloatArray
    ) -> None:
        self.rule, self.tasks, self.methods, self.values = rule, tasks, methods, values
        self.verdicts: dict[tuple[str, str], tuple[str, int]] = {}
        self.wanted: dict[str, int] = {}
        self.looked: list[int] = []
        self.now = 0
        self._bets: dict[tuple[str, str, float], FloatArray] = {}
        self._totals = np.cumsum(values, axis=0)
        known = ~np.isnan(values)
        high = np.where(known, values, -np.inf).max(axis=1)
        low = np.where(known, values, np.inf).min(axis=1)
        ranges = np.where(known.any(axis=1), high - low, 0.0)
        self._largest = np.maximum.accumulate(ranges)

    @property
    def statements(self) -> int:
        """How many statements could be false."""
        raise NotImplementedError

    @property
    def left(self) -> int:
        """How many of them have not been made."""
        raise NotImplementedError

    @property
    def active(self) -> list[str]:
        """The methods that need more seeds."""
        raise NotImplementedError

    def judge(self, nats: float) -> bool:
        """Whether another statement is made with evidence of so many nats."""
        raise NotImplementedError

    def compared(self) -> Iterator[tuple[str, str]]:
        """The comparisons, in order."""
        raise NotImplementedError

    def gather(self) -> None:
        """Take in the seeds since the last look."""

    def want(self, seeds: int) -> None:
        """Have all active methods run on so many seeds."""
        self.now = seeds
        self.wanted |= dict.fromkeys(self.active, seeds)

    def lacks(self) -> bool:
        """Whether a run is missing."""
        there = self.values[: self.now, [self.methods.index(name) for name in self.active]]
        return bool(np.isnan(there).any())

    def column(self, method: str) -> FloatArray:
        """The regrets of a method (seeds,), NaN where it has no run."""
        return self.values[:, self.methods.index(method)]

    def mean(self, method: str, seeds: int) -> float:
        """The mean regret of a method over its first seeds."""
        return float(self._totals[seeds - 1, self.methods.index(method)]) / seeds

    def beyond(self, method: str, other: str, m: float) -> float:
        """In nats, the evidence that a method is worse than another by more than m."""
        seeds = min(self.wanted[method], self.wanted[other])
        if (mean := self.mean(method, seeds) - self.mean(other, seeds)) <= m:
            return -np.inf
        key = (method, other, m)
        if key not in self._bets:
            x = self.column(method) - self.column(other)
            self._bets[key] = self.bets(x[: _complete(x)], m)
        return self.shown(mean, m, float(self._bets[key][seeds - 1]), seeds)

    def chance(self, method: str, other: str, nats: float) -> float:
        """The probability that the comparison is decided when all seeds that may be are there.

        Of normal differences, by what is known now: the mean of all N seeds, of which there are n,
        is about that of n, with a variance of s^2 (1/n - 1/N). Nor is it decided by means that N
        seeds cannot show, since what would undo them might still come (`sequential.least`).
        """
        x = (self.column(method) - self.column(other))[: self.now]
        most, mean, spread = self.rule.max, float(x.mean()), float(x.std(ddof=1))
        if self.now >= most:
            return 0.0
        reach = float(np.sqrt(2 * (nats + _COST) / most)) * spread
        error = spread * float(np.sqrt(1 / self.now - 1 / most)) + 1e-300
        bound, within = self._bound, self.rule.equal_within
        least = max(reach, sequential.least(most, 0.0, bound, nats))
        apart = ndtr((-least - mean) / error) + ndtr((mean - least) / error)
        left = max(min(within - reach, -sequential.least(most, -within, bound, nats)), 0.0)
        equal = ndtr((left - mean) / error) - ndtr((-left - mean) / error)
        return float(apart + equal)

    def bets(self, x: FloatArray, m: float) -> FloatArray:
        """The evidence (n,) after each seed that the mean of x (n,) lies above m, by the rule."""
        if self.rule.assume == "bounded":
            return sequential.betting(x, m, max(1.0, float(np.abs(x).max(initial=0.0))))
        return sequential.evidence(x, m, self.rule.first)

    def shown(self, mean: float, m: float, nats: float, seeds: int) -> float:
        """The evidence, as far as so many seeds can have shown what there is."""
        if self.rule.assume == "bounded":
            return nats
        return min(nats, sequential.unseen(seeds, mean, m, self._bound))

    @property
    def _bound(self) -> float:
        """How large differences may be: by the rule, or as the seeds so far have shown."""
        largest = float(self._largest[self.now - 1])
        return max(1.0, largest) if self.rule.assume == "bounded" else largest

    def say(self, pair: tuple[str, str], verdict: str) -> None:
        """Note a verdict."""
        self.verdicts[pair] = (verdict, self.now)

    def paths(self, statements: int, full: bool) -> Iterator[Path]:
        """The comparisons look by look."""
        for method, other in self.compared():
            verdict, decided = self.verdicts.get((method, other), (OPEN, 0))
            x = self.column(method) - self.column(other)
            last = min(self.wanted.get(method, 0), self.wanted.get(other, 0), _complete(x))
            looks = np.array([n for n in self.looked if n <= last], dtype=np.int64)
            mean = np.array([x[:n].mean() for n in looks])
            ends = np.full((2, len(looks)), np.nan)
            if full and len(looks):
                nats = np.full(len(looks), np.log(statements / self.rule.level))
                ends = sequential.interval(x[: looks[-1]], looks, nats, self.rule.first)
            race = isinstance(self, Race)
            numbers = (looks.astype(float), mean, ends[0], ends[1])
            yield Path(self.tasks, method, other, verdict, decided, *numbers, race)


class Pairs(Comparisons):
    """Comparisons of two methods each: all of them, or with one reference."""

    reference: str | None = None

    def compared(self) -> Iterator[tuple[str, str]]:
        if self.reference is None:
            yield from combinations(self.methods, 2)
        else:
            yield from ((name, self.reference) for name in self.methods if name != self.reference)

    @property
    def statements(self) -> int:
        return 2 * sum(1 for _ in self.compared())

    @property
    def left(self) -> int:
        verdicts = [self.verdicts.get(pair, (OPEN, 0))[0] for pair in self.compared()]
        return 2 * sum(verdict not in (WORSE, BETTER) for verdict in verdicts)

    @property
    def active(self) -> list[str]:
        needed = {name for pair in self.compared() if pair not in self.verdicts for name in pair}
        return [name for name in self.methods if name in needed]

    def judge(self, nats: float) -> bool:
        said = False
        for method, other in [pair for pair in self.compared() if pair not in self.verdicts]:
            verdict = self._verdict(method, other, nats)
            if verdict != OPEN:
                self.say((method, other), verdict)
                said = said or verdict in (WORSE, BETTER)
        return said

    def _verdict(self, method: str, other: str, nats: float) -> str:
        within = -self.rule.equal_within
        if self.beyond(method, other, 0.0) >= nats:
            return WORSE
        if self.beyond(other, method, 0.0) >= nats:
            return BETTER
        if min(self.beyond(method, other, within), self.beyond(other, method, within)) >= nats:
            return EQUAL
        return FUTILE if self.chance(method, other, nats) < self.rule.futile else OPEN


class Race(Comparisons):
    """Every method against the best: `behind` holds by how much each lagged, seed by seed.

    `staying`: the methods that were not called worse; `running`: those that get further seeds.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.staying = sorted(self.methods)  # in whatever order they are shown
        self.running = list(self.staying)
        self.best = ""
        self.behind: dict[str, list[float]] = {name: [] for name in self.methods}

    @property
    def statements(self) -> int:
        return len(self.methods)

    @property
    def left(self) -> int:
        return len(self.staying)

    @property
    def active(self) -> list[str]:
        return list(self.running)

    def gather(self) -> None:
        """Set each method against who of the others led before each seed."""
        rows = self.values[: self.now, [self.methods.index(name) for name in self.running]]
        totals = np.cumsum(rows, axis=0) - rows
        for seed in range(len(self.behind[self.running[0]]), self.now):
            order = np.argsort(totals[seed], kind="stable")
            for place, name in enumerate(self.running):
                leader = order[0] if order[0] != place else order[1]
                self.behind[name].append(float(rows[seed, place] - rows[seed, leader]))

    def judge(self, nats: float) -> bool:
        best = self._best()  # it stays, whatever led before
        rivals = [name for name in self.running if name != best]
        worse = [name for name in rivals if self._lag(name) >= nats]
        for name in worse:
            if (name, "") not in self.verdicts:
                self.say((name, ""), WORSE)
            self.staying.remove(name)
            self.running.remove(name)
        if worse:
            return True
        for name in self.running:
            if (name, "") not in self.verdicts and self._close(name) >= nats:
                self.say((name, ""), EQUAL)
        for name in rivals:
            open_one = (name, "") not in self.verdicts
            if open_one and self.chance(name, best, nats) < self.rule.futile:
                self.say((name, ""), FUTILE)
        self._stop(best)
        return False

    def _stop(self, best: str) -> None:
        """Go on with the methods that are not settled, and with the best, which they need."""
        left = [name for name in self.running if (name, "") not in self.verdicts]
        others = [name for name in left if name != best]
        self.running = [name for name in self.running if name == best or name in others]
        if not others:
            self.running = []

    def _lag(self, method: str) -> float:
        """In nats, the evidence that a method is not the best."""
        x = np.array(self.behind[method])
        if x.mean() <= 0:
            return -np.inf
        return self.shown(float(x.mean()), 0.0, float(self.bets(x, 0.0)[-1]), len(x))

    def _close(self, method: str) -> float:
        """In nats, the evidence that a method is worse than none that stays by `equal_within`."""
        others = [name for name in self.staying if name != method]
        within = -self.rule.equal_within
        return min((self.beyond(other, method, within) for other in others), default=np.inf)

    def _best(self) -> str:
        """Of the methods that run on; once none does, who was the best of them before."""
        if self.running:
            self.best = min(self.running, key=lambda name: self.mean(name, self.now))
        return self.best

    def compared(self) -> Iterator[tuple[str, str]]:
        if not self.now:
            return
        best = self._best()
        for name in self.methods:
            if name != best:
                if (name, "") in self.verdicts:
                    self.verdicts[name, best] = self.verdicts[name, ""]
                yield name, best


def _complete(x: FloatArray) -> int:
    """How many values from the first on are there."""
    return int(np.isnan(x).argmax()) if np.isnan(x).any() else len(x)


def comparisons(
    regrets: Mapping[str, pd.DataFrame], tasks: tuple[str, ...], rule: Rule, reference: str | None
) -> Comparisons:
    """The comparisons of the methods on these tasks, as the rule wants them.

    Raises ValueError if one with a reference lacks it.
    """
    tables = [regrets[task] for task in tasks]
    methods = list(dict.fromkeys(str(name) for table in tables for name in table))
    rows = range(rule.max)
    cut = [table.reindex(index=rows, columns=methods).to_numpy(float) for table in tables]
    values = np.mean(cut, axis=0)  # NaN where a run of any task is missing
    if rule.compare == "best":
        return Race(rule, tasks, methods, values)
    made = Pairs(rule, tasks, methods, values)
    if rule.compare == "reference":
        if reference not in methods:
            known = ", ".join(methods)
            raise ValueError(
                f"decide.reference={reference}: it is not run on {', '.join(tasks)}: choose one "
                f"of {known}"
            )
        made.reference = reference
    return made
