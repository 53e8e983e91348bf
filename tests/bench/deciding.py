"""What seeds=auto would have decided of a stored study, and which runs that would have saved.

    hpobench run study=deciding
    python -m tests.bench.deciding runs/deciding
    python -m tests.bench.deciding false         # false decisions of races, by simulation
    python -m tests.bench.deciding false 'log-normal, sigma 1'    # of regrets of this kind alone

Against the verdicts of its first 100 seeds: all pairs by Student's t, p-values after Holm over all
of them, as reports make them; equal: not significant, and the 95 % interval within the region.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from hpobench.results import incumbents, load, references
from hpobench.results.statistics.contrasts import difference
from hpobench.results.statistics.correction import LEVEL, holm
from hpobench.results.verdicts.decisions import decide
from hpobench.results.verdicts.final import final_regrets
from hpobench.results.verdicts.judging import BETTER, EQUAL, FUTILE, OPEN, WORSE
from hpobench.storage.rule import Rule
from tests.bench.calibrate import KINDS, SCALE, STUDIES

FIXED = 100
RULES = {
    "best, 100 seeds at most": Rule(max=FIXED),
    "best": Rule(),
    "best, given up below 0.2": Rule(futile=0.2),
    "reference": Rule(compare="reference"),
    "all, 100 seeds at most": Rule(compare="all", max=FIXED),
    "all": Rule(compare="all"),
    "best, each task, 100 seeds at most": Rule(max=FIXED, tasks="each"),
    "best, bounded": Rule(assume="bounded"),
}
Regrets = Mapping[str, pd.DataFrame]
Verdicts = dict[tuple[tuple[str, ...], str, str], str]


def fixed(regrets: Regrets, units: list[tuple[str, ...]], within: float) -> Verdicts:
    """Better, worse, equal or open, of every ordered pair by the first `FIXED` seeds."""
    names, made = [], []
    for tasks in units:
        tables = {task: regrets[task].iloc[:FIXED] for task in tasks}
        for one, two in combinations(tables[tasks[0]].columns, 2):
            names.append((tasks, one, two))
            made.append(difference(tables, one, two))
    p_values = holm(np.array([each.p_value() for each in made], dtype=np.float64))
    verdicts: Verdicts = {}
    for (tasks, one, two), each, p in zip(names, made, p_values, strict=True):
        low, high = each.interval()
        verdict = OPEN
        if p <= LEVEL:
            verdict = WORSE if each.value > 0 else BETTER
        elif max(-low, high) <= within:
            verdict = EQUAL
        verdicts[tasks, one, two] = verdict
        verdicts[tasks, two, one] = {WORSE: BETTER, BETTER: WORSE}.get(verdict, verdict)
    return verdicts


def rows(regrets: Regrets, groups: list[list[str]]) -> Iterator[str]:
    """A line of the table each rule."""
    for name, rule in RULES.items():
        made = decide(regrets, groups, rule, "random", paths=False)
        units = list(dict.fromkeys(path.tasks for path in made.paths))
        there = fixed(regrets, units, rule.equal_within)
        said = [path for path in made.paths if path.verdict not in (OPEN, FUTILE)]
        same = [p for p in said if there[p.tasks, p.method, p.other] == p.verdict]
        opposite = [
            p for p in said if {p.verdict, there[p.tasks, p.method, p.other]} == {WORSE, BETTER}
        ]
        runs = f"{made.runs:,} ({100 * made.runs / (FIXED * len(made.wanted)):.0f} %)"
        yield (
            f"| {name} | {runs} | {len(said)} of {len(made.paths)} | "
            f"{100 * len(same) / max(len(said), 1):.0f} % | {len(opposite)} |"
        )


def races(kinds: Sequence[str]) -> Iterator[str]:
    """Shares of 500 studies of 200 seeds with a false decision, in races as they run by default.

    Of five equal methods one is called worse; or of three, of which b is worse than a by just so
    much that it is not equal, and c is as good but for three times the noise, so that it is given
    up: b is called equal, or a or c worse.
    """
    for kind in kinds or KINDS:
        made = KINDS[kind]
        rng, false = np.random.default_rng([ord(letter) for letter in kind]), np.zeros(2)
        within = 0.5 * float((made.draw(rng, (100_000,)) - made.draw(rng, (100_000,))).std())
        within = min(within / SCALE, 0.9)
        for _ in range(STUDIES):
            equal = pd.DataFrame(made.draw(rng, (200, 5)) / SCALE, columns=list("abcde"))
            said = decide({"t": equal.clip(upper=1.0)}, [["t"]], Rule(), paths=False)
            false[0] += any(path.verdict == WORSE for path in said.paths)
            values = made.draw(rng, (200, 3)) / SCALE
            values[:, 1] += within
            noise = made.draw(rng, (200, 2)) / SCALE
            values[:, 2] += np.sqrt(2) * (noise[:, 0] - noise[:, 1])
            table, rule = pd.DataFrame(values, columns=list("abc")), Rule(equal_within=within)
            paths = decide({"t": table}, [["t"]], rule, paths=False).paths
            verdicts = {path.method: path.verdict for path in paths}
            worse = any(verdicts.get(name) == WORSE for name in "ac")
            false[1] += worse or verdicts.get("b") == EQUAL
        yield f"| {kind} | {100 * false[0] / STUDIES:.1f} | {100 * false[1] / STUDIES:.1f} |"


def main() -> None:
    """Print the table."""
    if sys.argv[1] == "false":
        for row in races(sys.argv[2:]):
            print(row, flush=True)
        return
    study = load(Path(sys.argv[1]))
    found = incumbents(study)
    regrets = final_regrets(found, references(study, found.views))
    print(f"| `decide` | runs (of those of {FIXED} seeds) | decided | same verdict | opposite |")
    print("|---|---|---|---|---|")
    print("\n".join(rows(regrets, found.groups())))


if __name__ == "__main__":
    main()
