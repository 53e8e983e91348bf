"""Coverage and false alarms of the printed intervals and verdicts, by experiments with known truth.

    python -m tests.bench.calibrate            # or make calibrate

Each cell is kept in docs/calibration.jsonl as soon as it is measured: a cell that is there is not
measured again, and docs/calibration.md is written anew from all of them. After a change to a
statistic remove its lines.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from hpobench.arrays import FloatArray
from hpobench.results.anytime.ecdf import TARGETS
from hpobench.results.statistics.blocks import TASKS_FOR_WILCOXON, ranks
from hpobench.results.statistics.bootstrap import SHARE, run_weights
from hpobench.results.statistics.contrasts import Contrast, mean_contrast
from hpobench.results.statistics.correction import LEVEL, benjamini_hochberg, holm
from hpobench.results.statistics.rank_tests import (
    friedman,
    mixed_model,
    pairwise_wilcoxon,
    two_methods,
)
from hpobench.results.statistics.signed_rank import DRAWS, FEWEST, posterior
from hpobench.results.statistics.summary import summarise
from hpobench.results.statistics.survival import Observed, pooled, speed_up
from hpobench.results.verdicts.decisions import decide
from hpobench.results.verdicts.final import _improvement, _newcombe, _rank_interval
from hpobench.results.verdicts.judging import BETTER, EQUAL, WORSE
from hpobench.results.verdicts.verdict import Verdict, corrected, judge
from hpobench.storage.rule import Rule

FOLDER = Path(__file__).parents[2] / "docs"
SEEDS, TASKS = (3, 5, 10, 30), (1, 6, 15)
SPEED = 2.0
STUDIES, SCALE = 500, 10.0
"""Studies of a cell of decisions; regrets there are a tenth of the values drawn, at most 1."""


class Kind(NamedTuple):
    """How regrets are distributed: values of a shape, and their mean and median."""

    draw: Callable[[np.random.Generator, tuple[int, ...]], FloatArray]
    mean: float
    median: float


def _log_normal(sigma: float) -> Kind:
    return Kind(
        lambda rng, shape: rng.lognormal(0.0, sigma, shape), float(np.exp(sigma**2 / 2)), 1.0
    )


def _disasters(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    return np.where(rng.random(shape) < 0.05, 1.0, rng.uniform(0.0, 0.1, shape))


def _ties(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    return np.where(rng.random(shape) < 0.6, 0.0, rng.uniform(0.0, 1.0, shape))


KINDS = {
    "log-normal, sigma 0.5": _log_normal(0.5),
    "log-normal, sigma 1": _log_normal(1.0),
    "log-normal, sigma 1.5": _log_normal(1.5),
    "ties: 6 of 10 runs at the optimum": Kind(_ties, 0.2, 0.0),
    "disasters: 1 of 20 runs": Kind(_disasters, 0.05 + 0.95 * 0.05, 0.05 / 0.95),
}
Measure = Callable[[np.random.Generator, int, int, str], float]


def mean_interval(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often the default band of a mean holds it."""
    values = KINDS[kind].draw(rng, (tasks, seeds, 2000))
    return _held(mean_contrast(list(values)).interval(), KINDS[kind].mean)


def standard_error(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often the mean lies within its standard error."""
    values = KINDS[kind].draw(rng, (tasks, seeds, 2000))
    made = summarise(list(values), "mean", "sem")
    return _held((made.low, made.high), KINDS[kind].mean)


def median_interval(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often the bootstrap's interval of the median of all runs holds it."""
    return _middle(rng, seeds, tasks, kind, "median")


def iqm_interval(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """The same of the interquartile mean; its truth is that of a sample of a million."""
    return _middle(rng, seeds, tasks, kind, "iqm")


def _middle(rng: np.random.Generator, seeds: int, tasks: int, kind: str, statistic: str) -> float:
    truth = KINDS[kind].median
    if statistic == "iqm":
        large = np.sort(KINDS[kind].draw(np.random.default_rng(0), (1_000_000,)))
        truth = float(large[250_000:750_000].mean())
    held = []
    for _ in range(4):
        values = KINDS[kind].draw(rng, (tasks, seeds, 100))
        made = summarise(list(values), statistic, "bootstrap", _names(rng, tasks))
        held.append(_held((made.low, made.high), truth))
    return float(np.mean(held))


def ecdf_band(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often the band of the share of targets holds it; its truth is that of a million runs."""

    def shares(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
        # A tenth of the regrets lies among the targets.
        regrets = KINDS[kind].draw(rng, shape) / 10
        return 1 - np.searchsorted(np.sort(TARGETS), regrets) / len(TARGETS)

    truth = float(shares(np.random.default_rng(0), (1_000_000,)).mean())
    held = []
    for _ in range(4):
        some = list(shares(rng, (tasks, seeds, 100)))
        made = summarise(some, "mean", "bootstrap", _names(rng, tasks), SHARE)
        held.append(_held((made.low, made.high), truth))
    return float(np.mean(held))


def difference(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often two equal methods differ significantly, alone (as a claim does)."""
    draw = KINDS[kind].draw
    values = draw(rng, (tasks, seeds, 2000)) - draw(rng, (tasks, seeds, 2000))
    return 1 - _held(Contrast(list(values), [1 / tasks] * tasks).interval(), 0.0)


def improvement_equal(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often the interval of equal methods' probability of improvement holds a half."""
    return _improvement_held(rng, seeds, tasks, kind, 1.0, 0.5)


def improvement(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """The same where the other method's regrets are larger, so that the probability is 3/4."""
    sigma = float(kind.rpartition(" ")[2])
    # log X - log Y is normal with variance 2 sigma^2.
    return _improvement_held(
        rng, seeds, tasks, kind, float(np.exp(ndtri(0.75) * np.sqrt(2) * sigma)), 0.75
    )


def _improvement_held(
    rng: np.random.Generator, seeds: int, tasks: int, kind: str, factor: float, truth: float
) -> float:
    held = 0
    for _ in range(600):
        one, two = KINDS[kind].draw(rng, (2, tasks, seeds))
        mean = float(np.mean([_improvement(*pair) for pair in zip(one, two * factor, strict=True)]))
        low, high = _newcombe(mean, [(seeds, seeds)] * tasks)
        held += low <= truth <= high
    return held / 600


def rank_interval(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often the interval of one of five equal methods' average rank holds 3."""
    held = 0
    for _ in range(600):
        ranked = [ranks(each)[0] for each in KINDS[kind].draw(rng, (tasks, 5, seeds))]
        _, low, high = _rank_interval(ranked, 5)
        held += low <= 3 <= high
    return held / 600


def verdict(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """In how many verdicts on five equal methods one is called worse than the best."""
    return float(np.mean([_worse([_verdict(rng, seeds, tasks, kind)]) for _ in range(300)]))


def report(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """In how many reports on five equal methods at three budgets any sentence calls one worse.

    The averages over tasks after Holm, the tasks one by one after Benjamini and Hochberg.
    """
    alarms = 0
    for _ in range(100):
        averages, single = [], []
        for _budget in range(3):
            frames = _frames(rng, seeds, tasks, kind)
            single += [judge({name: frame}) for name, frame in frames.items()]
            averages += [judge(frames)] if tasks > 1 else []
        families = (
            [(averages, holm), (single, benjamini_hochberg)] if tasks > 1 else [(single, holm)]
        )
        alarms += any(
            _worse(corrected([each for each in some if each], how)) for some, how in families
        )
    return alarms / 100


def wilcoxon(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """In how many tables of pairs of five equal methods any differ, after Holm."""
    return _alarms(
        rng,
        seeds,
        tasks,
        kind,
        lambda some: bool((pairwise_wilcoxon(some)["p_holm"] < LEVEL).any()),
    )


def friedmans_test(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often five equal methods are said to differ."""
    return _alarms(rng, seeds, tasks, kind, lambda some: friedman(some).f_p_value < LEVEL)


def nemenyi(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often any two of five equal methods are not joined by a bar."""
    return _alarms(
        rng, seeds, tasks, kind, lambda some: max(map(len, friedman(some).cliques), default=0) < 5
    )


def _alarms(
    rng: np.random.Generator,
    seeds: int,
    tasks: int,
    kind: str,
    alarm: Callable[[dict[str, pd.DataFrame]], bool],
) -> float:
    return float(np.mean([alarm(_frames(rng, seeds, tasks, kind)) for _ in range(600)]))


def two_methods_interval(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often the interval of the difference of two equal methods holds 0."""
    made = [two_methods(_frames(rng, seeds, tasks, kind), "a", "b") for _ in range(300)]
    return float(np.mean([each.low <= 0 <= each.high for each in made]))


def mixed_effects(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often the intervals of the effects of equal methods hold 0; tasks differ by about 1."""
    held = []
    for _ in range(100):
        frames = _frames(rng, seeds, tasks, kind)
        made = mixed_model({task: each + rng.normal() for task, each in frames.items()}).effects
        held.append(((made["low"] <= 0) & (made["high"] >= 0)).mean())
    return float(np.mean(held))


def signed_rank(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often one of two equal methods is better with a probability above 95 %."""
    if (count := tasks if tasks >= TASKS_FOR_WILCOXON else tasks * seeds) < FEWEST:
        return np.nan
    alarms = 0
    for _ in range(600):
        one, two = KINDS[kind].draw(rng, (2, tasks, seeds))
        differences = (two - one).mean(axis=1) if count == tasks else (two - one).ravel()
        better, _, worse = posterior(differences, 0.01, rng, DRAWS)
        alarms += max(better, worse) > 0.95
    return alarms / 600


def race(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """In how many studies with seeds=auto one of five equal methods is called worse than the best.

    Looked at after each five of so many seeds; no comparison is given up.
    """
    return _decided(rng, seeds, tasks, kind, Rule(max=seeds, futile=0.0))


def pairs_decided(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """The same of all pairs of five equal methods: any better or worse."""
    return _decided(rng, seeds, tasks, kind, Rule(max=seeds, futile=0.0, compare="all"))


def _decided(rng: np.random.Generator, seeds: int, tasks: int, kind: str, rule: Rule) -> float:
    alarms = 0
    for _ in range(STUDIES):
        frames = {name: _capped(each) for name, each in _frames(rng, seeds, tasks, kind).items()}
        made = decide(frames, [list(frames)], rule, paths=False)
        alarms += any(path.verdict in (WORSE, BETTER) for path in made.paths)
    return alarms / STUDIES


def equal_decided(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often two methods are called equal that differ by just as much as equal ones may not.

    By half a standard deviation of their differences, so that 200 seeds can tell.
    """
    draw = KINDS[kind].draw
    within = 0.5 * float((draw(rng, (100_000,)) - draw(rng, (100_000,))).std()) / SCALE
    rule = Rule(max=seeds, futile=0.0, compare="all", equal_within=min(within, 0.9))
    alarms = 0
    for _ in range(STUDIES):
        values = draw(rng, (seeds, 2)) / SCALE + [0.0, rule.equal_within]
        frames = {"t": pd.DataFrame(values, columns=list("ab"))}
        made = decide(frames, [["t"]], rule, paths=False)
        alarms += made.paths[0].verdict == EQUAL
    return alarms / STUDIES


def _capped(frame: pd.DataFrame) -> pd.DataFrame:
    """As regrets are: those of log-normal kinds are a tenth of what they are above."""
    return (frame / SCALE).clip(upper=1.0)


def _frames(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> dict[str, pd.DataFrame]:
    """By task, the regrets of five equal methods."""
    values = KINDS[kind].draw(rng, (tasks, seeds, 5))
    names = _names(rng, tasks)
    return {
        name: pd.DataFrame(each, columns=list("abcde"))
        for name, each in zip(names, values, strict=True)
    }


def _names(rng: np.random.Generator, tasks: int) -> list[str]:
    """Names of tasks, by which their seeds are drawn: others in each experiment."""
    return list(map(str, rng.integers(2**62, size=tasks)))


def _verdict(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> Verdict | None:
    return judge(_frames(rng, seeds, tasks, kind))


def _worse(some: Sequence[Verdict | None]) -> bool:
    return any(not each.within_error for one in some if one for each in one.standings)


def speedup(rng: np.random.Generator, seeds: int, tasks: int, kind: str) -> float:
    """How often the interval of a speed-up of 2 holds it, where there is one.

    `kind`: which share of the slower method's runs is censored at the horizon.
    """
    censored = float(kind.rpartition(" ")[2]) / 100
    end = np.exp(0.8 * (ndtri(1 - censored) if censored else 5.0))
    held, known = 0, 0
    for _ in range(600):
        slow, quick = np.exp(0.8 * rng.normal(size=(2, tasks, seeds)))
        both = []
        weights = [
            run_weights(np.ones((seeds, 1), bool), name)[:401, :, 0] for name in _names(rng, tasks)
        ]
        for times in (quick / SPEED, slow):
            seen = [
                Observed(np.minimum(each, end), each <= end, some)
                for each, some in zip(times, weights, strict=True)
            ]
            both.append(pooled(seen, [end] * tasks))
        made = speed_up(*both)
        if np.isfinite(made.low):
            known += 1
            held += made.low <= SPEED <= made.high
    return held / known if known >= 30 else np.nan


def _held(band: tuple[FloatArray, FloatArray], truth: float) -> float:
    low, high = band
    return float(np.mean((low <= truth + 1e-12) & (truth - 1e-12 <= high)))


class Quantity(NamedTuple):
    """What is measured, of which kinds of data, with how many tasks; alarms, or coverage."""

    title: str
    measure: Measure
    kinds: tuple[str, ...]
    alarms: bool = False
    seeds: tuple[int, ...] = SEEDS
    tasks: tuple[int, ...] = TASKS
    note: str = ""
    judged: bool = True


ALL = tuple(KINDS)
SMOOTH = ALL[:3]
CENSORED = tuple(f"censored, % of runs: {share}" for share in (0, 30, 70))
QUANTITIES = (
    Quantity(
        "Mean: 95 % interval (the default band of curves and tables, intervals of verdicts)",
        mean_interval,
        ALL,
        note="Below the bar for single tasks with very skewed regrets, and wherever a disaster is "
        "rarer than one in the number of seeds: what no run met no interval of a mean knows of. "
        "Captions say so where the runs of a task, of all methods together, are seen to be skewed; "
        "the median and IQM are the statistics there.",
    ),
    Quantity(
        "Mean ± standard error (ranks over time, tables of scores)",
        standard_error,
        ALL[:3],
        note="No 95 % interval, and not called one: of normal values with many seeds 68 %.",
        judged=False,
    ),
    Quantity("Median: 95 % bootstrap interval", median_interval, SMOOTH, tasks=(1, 6)),
    Quantity("Interquartile mean: 95 % bootstrap interval", iqm_interval, SMOOTH, tasks=(1, 6)),
    Quantity("Two equal methods differ significantly, alone (claims)", difference, ALL, True),
    Quantity("Probability of improvement, equal methods: holds 1/2", improvement_equal, ALL),
    Quantity("Probability of improvement of 3/4", improvement, SMOOTH),
    Quantity("Average rank of one of five equal methods", rank_interval, ALL),
    Quantity("A verdict calls one of five equal methods worse", verdict, ALL, True, tasks=(1, 6)),
    Quantity(
        "A report on five equal methods at three budgets calls one worse anywhere",
        report,
        (ALL[1], ALL[3]),
        True,
        seeds=(5, 10),
        tasks=(1, 6),
        note="Two families, each at 5 %; budgets are independent here, which is the worst case.",
    ),
    Quantity(
        "A table of pairs (Wilcoxon, Holm) tells two of five equal methods apart",
        wilcoxon,
        ALL,
        True,
        tasks=(1, 6),
    ),
    Quantity(
        "Friedman's test (Iman, Davenport) tells five equal methods apart",
        friedmans_test,
        ALL,
        True,
    ),
    Quantity("The Nemenyi test tells two of five equal methods apart", nemenyi, ALL, True),
    Quantity(
        "Difference of two equal methods, 95 % interval (reports of two methods)",
        two_methods_interval,
        ALL,
    ),
    Quantity(
        "Effect of equal methods in the mixed-effects model: 95 % interval",
        mixed_effects,
        SMOOTH,
        tasks=(6, 15),
    ),
    Quantity(
        "Bayesian signed-rank test: one of two equal methods is better with more than 95 %",
        signed_rank,
        ALL,
        note="No test, and not corrected: a probability of 95 % or more for either of two that are "
        "equal is what one in ten such pairs has, if probabilities mean what they say. With fewer "
        "than 5 pairs none is given.",
        judged=False,
    ),
    Quantity(
        "seeds=auto calls one of five equal methods worse than the best",
        race,
        ALL,
        True,
        seeds=(200,),
        tasks=(1, 6),
        note="Looking after every five seeds up to 200, as docs/deciding.md says; the bar is 5 %.",
    ),
    Quantity(
        "seeds=auto calls any of five equal methods better or worse than another (all pairs)",
        pairs_decided,
        ALL,
        True,
        seeds=(200,),
        tasks=(1, 6),
    ),
    Quantity(
        "seeds=auto calls two methods equal that differ by all that equal ones may",
        equal_decided,
        ALL,
        True,
        seeds=(200,),
        tasks=(1,),
    ),
    Quantity("Share of targets reached: 95 % bootstrap band", ecdf_band, ALL),
    Quantity(
        "Speed-up of 2, log-normal runtimes",
        speedup,
        CENSORED,
        note="Where an interval is given at all (too few runs that got there: none). Of few such "
        "runs it is wider than need be.",
    ),
)


def cells() -> Iterator[tuple[Quantity, str, int, int]]:
    """All that is measured."""
    for quantity in QUANTITIES:
        for kind in quantity.kinds:
            for tasks in quantity.tasks:
                for seeds in quantity.seeds:
                    yield quantity, kind, tasks, seeds


def measured(path: Path) -> dict[str, float]:
    """The cells that are there, by their keys."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {row["cell"]: float("nan") if row["share"] is None else row["share"] for row in rows}


def key(quantity: Quantity, kind: str, tasks: int, seeds: int) -> str:
    """The name of a cell."""
    return f"{quantity.measure.__name__}|{kind}|{tasks}|{seeds}"


def main() -> None:
    """Measure what is missing, then write the page; with `page` that alone."""
    path = FOLDER / "calibration.jsonl"
    done = measured(path)
    for quantity, kind, tasks, seeds in cells():
        name = key(quantity, kind, tasks, seeds)
        if name not in done and "page" not in sys.argv:
            rng = np.random.default_rng([len(name), tasks, seeds])
            share = quantity.measure(rng, seeds, tasks, kind)
            done[name] = share
            with path.open("a", encoding="utf-8") as file:
                kept = None if np.isnan(share) else round(share, 4)
                file.write(json.dumps({"cell": name, "share": kept}) + "\n")
    (FOLDER / "calibration.md").write_text(page(done), encoding="utf-8")


def page(done: dict[str, float]) -> str:
    """The page, in Markdown."""
    parts = [
        "# Calibration: how often intervals hold, and how often equal methods are told apart",
        "Measured by `make calibrate` (`tests/bench/calibrate.py`) on data with a known truth, in "
        "%. Bars: an interval of 95 % holds the truth in 92 to 98 %, a false alarm is raised in 6 "
        "% or less. In bold what misses its bar by being too narrow, or by too many alarms; "
        "intervals that hold in more than 98 % are wider than they need be. With 2,000, 600, 500, "
        "400, 300 or 100 experiments a cell, a share of 95 % has a standard error of 0.5, 0.9, "
        "1.0, 1.1, 1.3 or 2.2. -: hardly ever an interval.",
    ]
    for quantity in QUANTITIES:
        parts += [f"## {quantity.title}", *([quantity.note] if quantity.note else [])]
        parts.append(_table(quantity, done))
    return "\n\n".join(parts) + "\n"


def _table(quantity: Quantity, done: dict[str, float]) -> str:
    columns = [(tasks, seeds) for tasks in quantity.tasks for seeds in quantity.seeds]
    heads = [f"{tasks} × {seeds}" for tasks, seeds in columns]
    lines = [f"| tasks × seeds | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for kind in quantity.kinds:
        shares = [done.get(key(quantity, kind, *column)) for column in columns]
        lines.append(f"| {kind} | {' | '.join(_cell(quantity, x) for x in shares)} |")
    return "\n".join(lines)


def _cell(quantity: Quantity, share: float | None) -> str:
    if share is None:
        return "not yet"
    if np.isnan(share):
        return "-"
    misses = share > 0.06 if quantity.alarms else share < 0.92
    return f"**{100 * share:.1f}**" if misses and quantity.judged else f"{100 * share:.1f}"


if __name__ == "__main__":
    main()
