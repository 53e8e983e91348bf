"""Tests: do the methods differ at the end, which pairs do, and by how much."""

from hpobench.plots.recipes import CRITICAL_DIFFERENCE
from hpobench.plots.report.blocks import (
    Block,
    Column,
    Paragraph,
    Section,
    count,
    number,
    share,
    table,
)
from hpobench.plots.report.context import Context, Group
from hpobench.plots.report.images import image
from hpobench.plots.report.parts.groups import attempt, by_group
from hpobench.plots.report.parts.scores import named
from hpobench.results.statistics.blocks import Regrets
from hpobench.results.statistics.rank_tests import (
    mixed_model,
    pairwise_tests,
    signed_rank,
    two_methods,
)
from hpobench.results.statistics.signed_rank import FEWEST, ROPE
from hpobench.results.verdicts.final import final_regrets
from hpobench.words import counted, p_value

PAIRS = {
    "method": Column("method"),
    "other": Column("against"),
    "median_difference": Column("median difference", number(3), "below 0: the method is better"),
    "p_value": Column("p", p_value),
    "p_holm": Column("p (Holm)", p_value, "corrected for the number of pairs"),
    "pairs": Column("pairs", count),
    "unit": Column("pairs of"),
    "better": Column("better", share, "Bayesian probability that the method is better"),
    "equivalent": Column(
        "practically equal", share, f"Bayesian probability of a difference within {ROPE:g}"
    ),
    "worse": Column("worse", share, "Bayesian probability that the method is worse"),
}
PAIRS_CAPTION = (
    "Differences of normalised regret; p by Wilcoxon's signed-rank test, corrected after Holm for "
    "the number of pairs. Better, practically equal, worse: posterior probabilities by the "
    "Bayesian signed-rank test, not corrected"
)
EFFECTS = {
    "method": Column("method"),
    "effect": Column("effect", number(3), "on the normalised regret: above 0 is worse"),
    "low": Column("low", number(3), "95 % interval"),
    "high": Column("high", number(3), "95 % interval"),
    "p_value": Column("p", p_value),
}


def tests(context: Context) -> list[Block]:
    """On the normalised regrets at the horizon, group by group."""
    return by_group(context, "tests", _of_group)


def _of_group(context: Context, group: Group) -> list[Block]:
    if len(group.found.methods) < 2 or not group.references:
        return []
    regrets = final_regrets(group.found, group.references)
    pair = [*group.found.methods] if len(group.found.methods) == 2 else None
    return [
        *(attempt(lambda: _difference(context, regrets, *pair)) if pair else []),
        *(attempt(lambda: _odds(context, regrets, *pair)) if pair else []),
        *([] if pair else attempt(lambda: _friedman(context, group))),
        *attempt(lambda: _pairs(context, group, regrets)),
        *attempt(lambda: _mixed_model(context, group, regrets)),
    ]


def _difference(context: Context, regrets: Regrets, one: str, other: str) -> list[Block]:
    """The path for two methods: by how much they differ."""
    labels = {name: context.method_label(name) for name in (one, other)}
    found = two_methods(regrets, one, other, labels)
    return [Paragraph(found.sentence)]


def _odds(context: Context, regrets: Regrets, one: str, other: str) -> list[Block]:
    """The path for two methods: how probable it is that one is better."""
    odds = signed_rank(regrets, one, other)
    words = (
        f"Bayesian signed-rank test: {context.method_label(one)} is better with probability "
        f"{odds.better:.2f}, practically equivalent (within {odds.rope:g}) with "
        f"{odds.equivalent:.2f}, worse with {odds.worse:.2f}; {counted([odds.pairs], odds.unit)}."
    )
    return [Paragraph(words)]


def _friedman(context: Context, group: Group) -> list[Block]:
    alt = f"Critical-difference diagram over {context.group_label(group.tasks)}"
    return [image(CRITICAL_DIFFERENCE(group.compared), alt)]


def _pairs(context: Context, group: Group, regrets: Regrets) -> list[Block]:
    made = pairwise_tests(regrets)
    name, title = f"table-wilcoxon-{group.number}", "Signed-rank tests, pair by pair"
    few = f" (none with fewer than {FEWEST} pairs)" if made["better"].isna().any() else ""
    shown = table(named(context, made), name, title, PAIRS, f"{PAIRS_CAPTION}{few}.")
    return [Section(f"{name}-fold", title, [shown], folded=True)]


def _mixed_model(context: Context, group: Group, regrets: Regrets) -> list[Block]:
    if len(group.references) < 2:
        return [Paragraph("No mixed-effects model over tasks: it needs 2 tasks or more.")]
    made = mixed_model(regrets)
    name = f"table-mixed-{group.number}"
    title = f"Linear mixed-effects model against {context.method_label(made.baseline)}"
    caption = (
        f"Normalised regret by method, with the task as a random effect "
        f"({counted([made.groups], 'tasks')}); p values are not corrected for the number of "
        f"methods. {made.note}"
    )
    shown = table(named(context, made.effects), name, title, EFFECTS, caption.strip())
    return [Section(f"{name}-fold", title, [shown], folded=True)]
