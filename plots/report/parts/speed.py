"""Speed: how many times as fast as another method, and which share of targets by when."""

from hpobench.plots.canvas.times import duration
from hpobench.plots.recipes import ECDF, TIME_TO_TARGET
from hpobench.plots.report.blocks import Block, Column, Section, number, share, table
from hpobench.plots.report.context import Context, Group
from hpobench.plots.report.images import image
from hpobench.plots.report.parts.groups import attempt, by_group
from hpobench.plots.report.parts.scores import named
from hpobench.results.statistics.survival import SPEEDUP_SENTENCE
from hpobench.results.verdicts.time_to_target import MOST_METHODS, pair_speedups

BOUND = (
    "≤: no run of the method reached the target, so that the speed-up is at most that; ≥: no run "
    "of the other did, so that it is at least that"
)
SHARE = "the share of the runs of either method that is compared: the fastest, as far as both have"
INTERVAL = "95 % bootstrap interval; none where too few runs are compared"


def bound(sign: str) -> str:
    """As it is read."""
    return {"<=": "≤", ">=": "≥"}.get(sign, sign)


SPEEDUPS = {
    "task": Column("task"),
    "method": Column("method"),
    "target": Column("target", number(3), "normalised regret to reach"),
    "reached": Column("reached", share, "share of runs that reached the target"),
    "share": Column("compared", share, SHARE),
    "time_s": Column(
        "mean time", duration, "geometric mean over the runs that are compared", beside="clock"
    ),
    "median_time_s": Column("median time", duration, beside="clock"),
    "speedup": Column("speed-up", number(3)),
    "low": Column("low", number(3), INTERVAL),
    "high": Column("high", number(3), INTERVAL),
    "bound": Column("bound", bound, BOUND),
}
PAIRS = {
    "method": Column("method"),
    "other": Column("over"),
    "reached": Column("reached", share, "share of the method's runs that reached the target"),
    "share": Column("compared", share, SHARE),
    "speedup": Column("speed-up", number(3), "above 1: the method is faster"),
    "low": Column("low", number(3), INTERVAL),
    "high": Column("high", number(3), INTERVAL),
    "bound": Column("bound", bound, BOUND),
}
PAIRS_CAPTION = (
    "How many times as fast as the other method to what that one reaches in the end, runs of all "
    f"tasks pooled; not corrected for the number of pairs. {SPEEDUP_SENTENCE}"
)


def speed(context: Context) -> list[Block]:
    """Group by group: time to a target, and the ECDF over many."""
    return by_group(context, "speed", _of_group)


def _of_group(context: Context, group: Group) -> list[Block]:
    if not group.references:
        return []
    several = len(group.found.methods) > 1
    return [
        *(attempt(lambda: _targets(context, group)) if several else []),
        *(attempt(lambda: _pairs(context, group)) if several else []),
        *attempt(lambda: _ecdf(context, group)),
    ]


def _targets(context: Context, group: Group) -> list[Block]:
    reference = group.compared.reference
    label = context.method_label(reference)
    made = TIME_TO_TARGET.table(group.compared)
    drawn = TIME_TO_TARGET.figure(group.compared, made)
    alt = f"Speed-up of every method over {label} to reach its final value"
    name, title = f"table-speed-{group.number}", f"Time to what {label} reaches in the end"
    shown = table(named(context, made), name, title, SPEEDUPS)
    return [image(drawn, alt), Section(f"{name}-fold", "Task by task", [shown], folded=True)]


def _pairs(context: Context, group: Group) -> list[Block]:
    made = pair_speedups(group.found, group.references)
    name, title = f"table-speed-pairs-{group.number}", "Speed-ups, pair by pair"
    caption = f"{PAIRS_CAPTION} {_how_to_get_more(context, group)}"
    shown = table(named(context, made), name, title, PAIRS, caption)
    return [Section(f"{name}-fold", title, [shown], folded=True)]


def _how_to_get_more(context: Context, group: Group) -> str:
    count = len(group.found.methods)
    few = f"The {MOST_METHODS} best of {count} methods are shown. " if count > MOST_METHODS else ""
    return (
        f"{few}`hpobench plot {context.name} --reference METHOD --level 0.1 0.01` draws those over "
        "any method, to regrets of your choice."
    )


def _ecdf(context: Context, group: Group) -> list[Block]:
    return [
        image(
            ECDF(group.compared),
            f"Share of targets reached over time, {context.group_label(group.tasks)}",
        )
    ]
