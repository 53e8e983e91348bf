"""Which comparisons were decided, after how many seeds, and which runs that saved."""

from collections.abc import Sequence

import pandas as pd

from hpobench.plots.deciding.paths import decision_paths_figure, seeds_figure
from hpobench.plots.report.blocks import Block, Column, Paragraph, Section, count, number, table
from hpobench.plots.report.context import Context
from hpobench.plots.report.images import WIDE_IN, image
from hpobench.results.text import decision_words
from hpobench.results.verdicts.decisions import Decisions
from hpobench.results.verdicts.judging import Path

COLUMNS = {
    "method": Column("method"),
    "other": Column("against"),
    "verdict": Column("decision"),
    "decided": Column("after seeds", count, "the look at which it was decided or given up"),
    "seeds": Column("seeds", count, "runs of the same seed that both have"),
    "mean": Column("difference", number(3), "of normalised regret: above 0 the method is worse"),
    "low": Column("low", number(3), "confidence sequence, see below"),
    "high": Column("high", number(3), "confidence sequence, see below"),
}
CAUTION = (
    "Everything else on this page treats the number of seeds as if it had been given: its p-values "
    "and intervals do not know that the study ended when something was found. What counts of a "
    "study with seeds=auto are the decisions here."
)


def deciding(context: Context) -> list[Block]:
    """Of studies that found their number of seeds themselves."""
    made = context.decisions
    if made is None:
        return []
    lead = f"{decision_words.so_far(made).capitalize()}. {decision_words.saved(made)}"
    blocks: list[Block] = [
        Paragraph(lead, lead=True),
        Paragraph(decision_words.level(made)),
        Paragraph(CAUTION),
    ]
    units = list(dict.fromkeys(path.tasks for path in made.paths))
    for place, tasks in enumerate(units, start=1):
        mine = [path for path in made.paths if path.tasks == tasks]
        some = _of_tasks(context, made, mine, place)
        if len(units) == 1:
            blocks += some
        else:
            title = context.group_label(tasks)
            blocks.append(Section(f"deciding-{place}", title, some, folded=place > 3))
    return blocks


def _of_tasks(context: Context, made: Decisions, paths: Sequence[Path], place: int) -> list[Block]:
    methods, tasks, label = context.study.methods, paths[0].tasks, context.method_label
    rows = [
        {
            "method": label(path.method),
            "other": label(path.other),
            "verdict": path.verdict,
            "decided": path.decided or None,
            **{"seeds": path.seeds[-1], "mean": path.mean[-1]},
            **{"low": path.low[-1], "high": path.high[-1]},
        }
        for path in paths
        if len(path.seeds)
    ]
    name = f"table-decisions-{place}"
    shown = table(pd.DataFrame(rows), name, "Decisions", COLUMNS, _caption(made))
    drawn = decision_paths_figure(paths, methods, made.rule, made.statements, width_in=WIDE_IN)
    used = seeds_figure(
        *(made.wanted, tasks, methods, made.rule),
        labels=context.task_labels,
        width_in=WIDE_IN,
    )
    where = context.group_label(tasks)
    return [
        shown,
        image(drawn, f"How comparisons were decided, over {where}"),
        image(used, f"Seeds of each method, over {where}"),
    ]


def _caption(made: Decisions) -> str:
    rule = made.rule
    return (
        f"Each method against {_OTHER[rule.compare]}, at the end of the budget; equal: within "
        f"{rule.equal_within:g}. Given up: {rule.max} seeds would decide it with a probability "
        f"below {rule.futile:g}. Intervals: {100 * (1 - rule.level):g} % confidence sequences, "
        "valid at all looks and for all comparisons at once."
    )


_OTHER = {
    "best": "the best one, as it came out in the end",
    "reference": "one method",
    "all": "each other",
}
