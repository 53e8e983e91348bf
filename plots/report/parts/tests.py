"""Tests: do the methods differ at the end, which pairs do, and by how much."""

from hpobench.plots.critical_difference import critical_difference_figure
from hpobench.plots.report.blocks import (
    Block,
    Column,
    Paragraph,
    Section,
    count,
    number,
    p_value,
    table,
)
from hpobench.plots.report.context import Context, Group
from hpobench.plots.report.images import image
from hpobench.plots.report.parts.groups import attempt, by_group
from hpobench.plots.report.parts.scores import named
from hpobench.results.across import final_regrets
from hpobench.results.pairing import Regrets
from hpobench.results.significance import (
    friedman,
    mixed_model,
    pairwise_wilcoxon,
    signed_rank,
    two_methods,
)

WILCOXON = {
    "method": Column("method"),
    "other": Column("against"),
    "median_difference": Column("median difference", number(3), "below 0: the method is better"),
    "p_value": Column("p", p_value),
    "p_holm": Column("p (Holm)", p_value, "corrected for the number of pairs"),
    "pairs": Column("pairs", count),
    "unit": Column("pairs of"),
}
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
        *(attempt(lambda: _pair(context, regrets, *pair)) if pair else []),
        *([] if pair else attempt(lambda: _friedman(context, group, regrets))),
        *attempt(lambda: _wilcoxon(context, group, regrets)),
        *attempt(lambda: _mixed_model(context, group, regrets)),
    ]


def _pair(context: Context, regrets: Regrets, one: str, other: str) -> list[Block]:
    """The path for two methods: all there is to say of a pair."""
    found = two_methods(regrets, one, other, context.rng("two methods"))
    odds = signed_rank(regrets, one, other, rng=context.rng("signed rank"))
    words = (
        f"Bayesian signed-rank test: {context.method_label(one)} is better with probability "
        f"{odds.better:.3f}, practically equivalent (within {odds.rope:g}) with "
        f"{odds.equivalent:.3f}, worse with {odds.worse:.3f}; {odds.pairs} {odds.unit}."
    )
    return [Paragraph(found.sentence), Paragraph(words)]


def _friedman(context: Context, group: Group, regrets: Regrets) -> list[Block]:
    alt = f"Critical-difference diagram over {context.group_label(group.tasks)}"
    drawn = critical_difference_figure(
        friedman(regrets), context.study.methods, notes=context.notes(group)
    )
    return [image(drawn, alt)]


def _wilcoxon(context: Context, group: Group, regrets: Regrets) -> list[Block]:
    made = pairwise_wilcoxon(regrets)
    name, title = f"table-wilcoxon-{group.number}", "Wilcoxon's signed-rank test, pair by pair"
    caption = "Differences of normalised regret; p corrected after Holm for the number of pairs."
    shown = table(named(context, made), name, title, WILCOXON, caption)
    return [Section(f"{name}-fold", title, [shown], folded=True)]


def _mixed_model(context: Context, group: Group, regrets: Regrets) -> list[Block]:
    made = mixed_model(regrets)
    name = f"table-mixed-{group.number}"
    title = f"Linear mixed-effects model against {context.method_label(made.baseline)}"
    caption = (
        f"Normalised regret by method, with the task as a random effect ({made.groups} tasks). "
        f"{made.note}"
    )
    shown = table(named(context, made.effects), name, title, EFFECTS, caption.strip())
    return [Section(f"{name}-fold", title, [shown], folded=True)]
