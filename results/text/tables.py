"""Tables for papers, in Markdown and LaTeX: scores of the methods on the tasks, and the tests.

`table`, `rank_table` and `pair_table` make a table whose cells may be marked; `markdown` and
`latex` write any table, so that both formats show the same. `tables` writes all of a study.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.anytime.regret import references
from hpobench.results.anytime.scales import scaled
from hpobench.results.statistics.blocks import Regrets
from hpobench.results.statistics.correction import LEVEL
from hpobench.results.statistics.rank_tests import Friedman, friedman, in_words, pairwise_tests
from hpobench.results.statistics.signed_rank import FEWEST, ROPE
from hpobench.results.study.study import Study
from hpobench.results.text.markup import Cell, latex, markdown, note
from hpobench.results.verdicts.final import final_regrets, final_values
from hpobench.results.verdicts.scores import MEAN, notes, scores_of, skewed_notes
from hpobench.results.verdicts.verdict import Verdict, verdicts
from hpobench.storage.schema import MethodFacts
from hpobench.words import counted, p_value

__all__ = ["Cell", "latex", "markdown", "pair_table", "rank_table", "table", "tables"]

FORMATS = {"markdown": markdown, "latex": latex}
REGRET = (
    "normalised regret (0: the best value, 1: the median configuration; what is worse counts as 1)"
)
SCORES_CAPTION = (
    "mean over seeds ± standard error. Bold: the best mean of a column. Underlined: within "
    "error of the best method by normalised regret, as the verdict of the report has it (Student's "
    f"t over seeds, level {LEVEL:g}, corrected for all pairs of methods"
)
CORRECTED = {
    True: "means over tasks and budgets after Holm, single tasks and budgets after Benjamini and "
    "Hochberg).",
    False: "all tasks and budgets together after Holm).",
}
"""How, in a study with means over tasks and in one without."""
PAIRS_CAPTION = (
    "Pairs of methods by final normalised regret: median difference (below 0: the first is "
    "better), Wilcoxon's signed-rank test with Holm's correction; bold: significant at "
    f"{LEVEL:g}. The last three: probabilities by the Bayesian signed-rank test that the first is "
    f"better, practically equal (within {ROPE:g}) or worse; none with fewer than {FEWEST} pairs."
)
ODDS = {"better": "better", "equivalent": "practically equal", "worse": "worse"}


@dataclass(frozen=True)
class _Evidence:
    """What all tables of a study are made from: scores, and regrets and values of each run."""

    study: Study
    found: Incumbents
    scores: pd.DataFrame
    regrets: Regrets
    values: Regrets
    groups: list[list[str]]
    verdicts: Mapping[tuple[str, ...], Verdict]
    """In the end, by the tasks they are about."""
    quantity: str = REGRET
    """What the scores are: in words, with what 0 and 1 are."""
    scaled: bool = False
    """Whether that is another scale than normalised regret, on which nothing is tested."""


def _evidence(
    study: Study, view: str | None, rule: str | None, scale: str | None = None
) -> _Evidence:
    found = incumbents(study, view=view, rule=rule)
    known = references(study, found.views)
    regrets = final_regrets(found, known) if known else {}
    values = final_values(found, known) if known else {}
    made = verdicts(found, known)
    finals = {verdict.tasks: verdict for verdict in made if verdict.fraction == 1.0}
    shown = known if scale is None else scaled(study, found, known, scale)
    groups = [[task for task in group if task in shown] for group in found.groups()]
    words = next((f"{e.quantity} ({e.ends})" for e in shown.values() if e.ends), REGRET)
    rows = scores_of(found, shown, made)
    given = (study, found, rows, regrets, values, groups, finals, words, scale is not None)
    return _Evidence(*given)


def table(study: Study, *, view: str | None = None, rule: str | None = None) -> pd.DataFrame:
    """Methods (rows) by tasks (columns), and their means: cells of `scores.scores`' final regret.

    The best mean of each column is marked `best`; `tied` are the methods that the verdict at the
    end calls within error of its best one. A method
    without a run is an empty cell. Rows and columns are named by labels. Raises ValueError if no
    task can be normalised.
    """
    evidence = _evidence(study, view, rule)
    return _scores_table(evidence, [*dict.fromkeys(evidence.scores["task"])])


def _scores_table(evidence: _Evidence, names: list[str]) -> pd.DataFrame:
    """The columns of these rows of the scores: tasks, or means over tasks."""
    rows, methods = evidence.scores, evidence.study.methods
    if not names:
        raise ValueError("no task of the study can be normalised: there are no scores to show")
    columns = [_column(rows[rows["task"] == name], _tied(evidence, name)) for name in names]
    shown = [name for name in methods if any(name in column for column in columns)]
    cells = [[column.get(name, Cell()) for column in columns] for name in shown]
    headings = [_heading(evidence, name) for name in names]
    made = pd.DataFrame(cells, columns=headings, dtype=object)
    made.index = pd.Index([methods[name].label for name in shown], name="method")
    return made


def _heading(evidence: _Evidence, name: str) -> str:
    tasks = evidence.study.tasks
    if name in tasks or name == MEAN:
        return tasks[name].label if name in tasks else MEAN
    group = next(group for group in evidence.groups if name == _mean_name(group))
    return f"mean over {tasks[group[0]].label} and {counted(len(group) - 1, 'others')}"


def _mean_name(group: list[str]) -> str:
    """The name that `scores` gives to the mean of one of several groups."""
    return f"mean over {', '.join(group)}"


def _column(part: pd.DataFrame, tied: set[str]) -> dict[str, Cell]:
    """The cells of one task, or of one mean."""
    names = part["method"].astype(str).to_list()
    values = part["final"].to_numpy(dtype=float)
    errors = part["final_sem"].to_numpy(dtype=float)
    best = (part["comparable"] == part["comparable"].min()).to_numpy()
    return {
        name: Cell(value, error, best=bool(mark), tied=bool(best.any()) and name in tied)
        for name, value, error, mark in zip(names, values, errors, best, strict=True)
    }


def _tied(evidence: _Evidence, name: str) -> set[str]:
    """The methods within error of the best one, in a column."""
    if name in evidence.study.tasks:
        tasks: tuple[str, ...] = (name,)
    else:
        several = [group for group in evidence.groups if len(group) > 1]
        tasks = tuple(next(group for group in several if name in (MEAN, _mean_name(group))))
    verdict = evidence.verdicts.get(tasks)
    return set() if verdict is None else {each.method for each in verdict.rivals}


def rank_table(result: Friedman, methods: Mapping[str, MethodFacts]) -> pd.DataFrame:
    """Average ranks, best first; methods that share a letter are not told apart (Nemenyi)."""
    letters = {
        method: "".join(
            chr(ord("a") + number)
            for number, clique in enumerate(result.cliques)
            if method in clique
        )
        for method in result.ranks.index
    }
    made = pd.DataFrame(
        {
            "average rank": [f"{rank:.2f}" for rank in result.ranks],
            "group": [letters[method] for method in result.ranks.index],
        }
    )
    labels = [methods[method].label for method in result.ranks.index]
    made.index = pd.Index(labels, name="method")
    return made


def pair_table(pairs: pd.DataFrame, methods: Mapping[str, MethodFacts]) -> pd.DataFrame:
    """The table of `pairwise_tests` as it is shown; significant pairs are marked `best`."""
    significant = pairs["p_holm"] < LEVEL
    made = pd.DataFrame(
        {
            "against": [methods[name].label for name in pairs["other"]],
            "median difference": [f"{value:.4f}" for value in pairs["median_difference"]],
            "p": [p_value(value) for value in pairs["p_value"]],
            "p (Holm)": [
                Cell(text=p_value(value), best=bool(mark))
                for value, mark in zip(pairs["p_holm"], significant, strict=True)
            ],
            "pairs": pairs["pairs"].to_numpy(),
            "unit": pairs["unit"].to_numpy(),
            **{label: [_share(value) for value in pairs[name]] for name, label in ODDS.items()},
        }
    )
    made.index = pd.Index([methods[name].label for name in pairs["method"]], name="method")
    return made


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"


@dataclass(frozen=True)
class _Section:
    table: pd.DataFrame
    caption: str
    label: str


def tables(
    study: Study,
    style: str = "markdown",
    *,
    view: str | None = None,
    rule: str | None = None,
    scale: str | None = None,
) -> str:
    """All tables of a study, one below the other, in `style` markdown or latex.

    For each group of tasks on which the same methods were run: scores, average ranks and pairs. A
    test that the study is too small for is left out, and the reason given instead. `scale`: adtm or
    minmax (see `scales`): the scores on that scale, and nothing else. Raises ValueError for an
    unknown style or scale, or if no task can be normalised.
    """
    if style not in FORMATS:
        raise ValueError(f"style={style!r}: use one of {', '.join(FORMATS)}")
    evidence = _evidence(study, view, rule, scale)
    sections, refused = [], []
    for number, group in enumerate(filter(None, evidence.groups), start=1):
        suffix = "" if len(evidence.groups) == 1 else f"-{number}"
        made, reasons = _sections(evidence, group, suffix)
        sections += made
        refused += reasons
    if not sections:
        raise ValueError(
            "no task can be normalised (its best and its median value coincide, or there are "
            "none): there is nothing to export; --format csv holds all values"
        )
    written = [FORMATS[style](each.table, each.caption, each.label) for each in sections]
    return "\n".join([*written, *(note(reason, style) for reason in refused)])


def _sections(
    evidence: _Evidence, group: list[str], suffix: str
) -> tuple[list[_Section], list[str]]:
    """The tables of a group of tasks, and why those that are missing are."""
    names = [
        name for name in (*group, MEAN, _mean_name(group)) if name in set(evidence.scores["task"])
    ]
    means = {_heading(evidence, name): MEAN for name in names if name not in group}
    shown = _scores_table(evidence, names).rename(columns=means)
    means_too = any(len(tasks) > 1 for tasks in evidence.verdicts)
    words = f"Final {evidence.quantity}, {SCORES_CAPTION}: {CORRECTED[means_too]}"
    of_group = evidence.scores[evidence.scores["task"].isin(group)]
    called = {name: facts.label for name, facts in evidence.study.tasks.items()}
    flags = skewed_notes(of_group, called)
    caption = " ".join([words, *flags, *notes(evidence.found, group)])
    sections = [_Section(shown, caption, f"scores{suffix}")]
    if evidence.scaled:
        return sections, []
    regrets = {task: evidence.regrets[task] for task in group}
    methods = evidence.study.methods
    labels = "; ".join(evidence.study.tasks[task].label for task in group)
    reasons = []
    try:
        result = friedman(regrets, {task: evidence.values[task] for task in group})
        caption = f"Average ranks on {labels}. {in_words(result)}"
        sections.append(_Section(rank_table(result, methods), caption, f"ranks{suffix}"))
    except ValueError as error:
        reasons.append(f"No average ranks on {labels}: {error}.")
    try:
        pairs = pair_table(pairwise_tests(regrets), methods)
        sections.append(_Section(pairs, f"On {labels}. {PAIRS_CAPTION}", f"pairs{suffix}"))
    except ValueError as error:
        reasons.append(f"No pairs on {labels}: {error}.")
    return sections, reasons
