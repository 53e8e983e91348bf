"""Decisions: as many seeds as a comparison of methods needs, and no more.

Look by look, as `Rule.looks` says, each comparison that is not decided is judged by all seeds that
there are then; methods that no open comparison needs get no further seeds. What is decided stays.
Everything follows from the regrets and the rule alone: the same function says which runs are to be
made next while a study runs, and what was decided, when, and by what, once it is there.

Of two methods one is *better* once there is evidence that the mean difference is on its side, they
are *equal* once there is evidence that it is less than `equal_within` either way. Evidence is that
of `sequential`: with H statements that could be false in a study, one is made at 1 / (level / H),
so that any is false with a probability of at most `level`. Statements that are made (Holm 1979) no
longer count among the H; "equal" still does, since an equal method may be called worse before.

With `compare: best` a method leaves the race when it is worse than the best one. Its evidence is
against the method that led before each seed, chosen by the seeds before it, so that there is one
statement a method and not one a pair. What is within `equal_within` of all that were not called
worse is within that of the best. Those that are settled or given up get no further seeds: only the
others run on, with the best of them.

What no seed has shown may still come: a decision also waits until a difference as large as the
largest of any two methods so far would hardly have been missed (`sequential.unseen`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hpobench.results.anytime.incumbents import Incumbents
from hpobench.results.anytime.regret import Reference
from hpobench.results.study.horizon import reference_of
from hpobench.results.study.study import Study
from hpobench.results.verdicts.final import final_regrets
from hpobench.results.verdicts.judging import FUTILE, OPEN, Comparisons, Path, comparisons
from hpobench.storage.rule import Rule

Seeds = dict[tuple[str, str], int]
"""By task and method, how many seeds."""


@dataclass(frozen=True)
class Decisions:
    """What is decided in a study, and which runs it took.

    `wanted`: by task and method, the seeds that are needed; `missing` of them have no run.
    `statements`: how many could be false.
    """

    rule: Rule
    paths: tuple[Path, ...]
    wanted: Seeds
    missing: bool
    statements: int

    @property
    def runs(self) -> int:
        """How many runs are needed."""
        return sum(self.wanted.values())

    @property
    def most(self) -> int:
        """How many runs there would be with all seeds that the rule allows."""
        return self.rule.max * len(self.wanted)

    @property
    def open(self) -> int:
        """How many comparisons are not decided."""
        return sum(path.verdict in (OPEN, FUTILE) for path in self.paths)


def decisions(
    found: Incumbents, references: Mapping[str, Reference], rule: Rule, *, paths: bool = True
) -> Decisions:
    """The decisions of a stored study; its tasks without a reference are left out.

    Raises ValueError if there is nothing to compare.
    """
    normalised = {task: references[task] for task in found.tasks if task in references}
    regrets = final_regrets(found, normalised)
    groups = [[task for task in group if task in regrets] for group in found.groups()]
    methods = {name: found.methods[name] for name in sorted(_run(regrets))}
    reference = rule.reference or (reference_of(methods, found.reference) if methods else None)
    return decide(regrets, [group for group in groups if group], rule, reference, paths=paths)


def of_study(
    study: Study, found: Incumbents, references: Mapping[str, Reference]
) -> Decisions | None:
    """What was decided in a study that found its number of seeds itself; None: in another.

    Raises ValueError if there is nothing to compare.
    """
    stated = study.settings.get("decide")
    return decisions(found, references, Rule.of(stated)) if stated else None


def _run(regrets: Mapping[str, pd.DataFrame]) -> set[str]:
    return {str(name) for table in regrets.values() for name in table}


def decide(
    regrets: Mapping[str, pd.DataFrame],
    groups: Sequence[Sequence[str]],
    rule: Rule,
    reference: str | None = None,
    *,
    paths: bool = True,
) -> Decisions:
    """Replay a study from its first seed on.

    `regrets`: by task a table of normalised regrets, index seed, columns methods (see
    `final.final_regrets`); `groups`: the tasks on which the same methods were run. `reference`: the
    method that others are compared with, where they are. `paths`: whether intervals are computed.
    Raises ValueError if there is nothing to compare.
    """
    units = [
        tuple(unit)
        for group in groups
        for unit in ([group] if rule.tasks == "average" else [[task] for task in group])
    ]
    families = [comparisons(regrets, unit, rule, reference) for unit in units]
    families = [family for family in families if len(family.methods) > 1]
    if not families:
        raise ValueError("there is nothing to decide: no task has two methods or more")
    statements = sum(family.statements for family in families)
    missing = False
    for look in rule.looks():
        active = [family for family in families if family.active]
        for family in active:
            family.want(look)
        missing = any(family.lacks() for family in active)
        if missing or not active:
            break
        _judge(active, families, rule)
        for family in active:
            family.looked.append(look)
    wanted = {
        (task, method): count
        for family in families
        for method, count in family.wanted.items()
        for task in family.tasks
    }
    made = tuple(path for family in families for path in family.paths(statements, paths))
    return Decisions(rule, made, wanted, missing, statements)


def _judge(active: Sequence[Comparisons], families: Sequence[Comparisons], rule: Rule) -> None:
    """Judge at one look, until no statement more is made."""
    for family in active:
        family.gather()
    while True:
        left = sum(family.left for family in families)
        nats = float(np.log(max(left, 1) / rule.level))
        if not [None for family in active if family.judge(nats)]:
            return
