"""Results: stored rows in, tables out. No figures.

>>> from hpobench.results import compare, incumbents, load, scores, verdict
>>> study = load("runs/default")
>>> study.observations, study.trials, study.decisions, study.runs  # tidy pandas frames
>>> scores(study)
>>> found = incumbents(study)
>>> compare(found, "phoneme")  # the curves of all methods on a task

Names are imported when they are first asked for. `compare` and `verdict` are the functions
`comparison.anytime` and `verdicts.verdict.verdicts`, whose names are those of folders here.
"""

from typing import TYPE_CHECKING

from hpobench.system.exports import lazily

if TYPE_CHECKING:
    from hpobench.results.anytime.comparison import Comparison, average_regret
    from hpobench.results.anytime.comparison import anytime as compare
    from hpobench.results.anytime.curves import Curves, curves
    from hpobench.results.anytime.ecdf import time_ecdf
    from hpobench.results.anytime.incumbents import Incumbents, in_view, incumbents
    from hpobench.results.anytime.ranks import average_ranks
    from hpobench.results.anytime.regret import Reference, normalised_regret, references
    from hpobench.results.anytime.views import available_views
    from hpobench.results.conduct.configurations import importance, incumbent_configs
    from hpobench.results.conduct.feasibility import feasibility, feasibility_curves
    from hpobench.results.conduct.one_run import one_run
    from hpobench.results.conduct.overhead import overhead, overhead_growth
    from hpobench.results.conduct.overtuning import gaps, overtuning_curves
    from hpobench.results.conduct.repeats import repeated_suggestions
    from hpobench.results.statistics.rank_tests import (
        friedman,
        mixed_model,
        pairwise_tests,
        signed_rank,
        two_methods,
    )
    from hpobench.results.study.failed_runs import counting_failed
    from hpobench.results.study.jobs import occupancy
    from hpobench.results.study.load import load
    from hpobench.results.study.selection import of_task
    from hpobench.results.study.study import Study
    from hpobench.results.study.time_axis import on_axis
    from hpobench.results.text.tables import tables
    from hpobench.results.verdicts.final import (
        aggregate_scores,
        final_regrets,
        probability_of_improvement,
        rank_intervals,
    )
    from hpobench.results.verdicts.scaling import scaling
    from hpobench.results.verdicts.scores import as_text, scores
    from hpobench.results.verdicts.time_to_target import pair_speedups, time_to_target
    from hpobench.results.verdicts.verdict import Verdict
    from hpobench.results.verdicts.verdict import verdicts as verdict

__all__ = [
    "Comparison",
    "Curves",
    "Incumbents",
    "Reference",
    "Study",
    "Verdict",
    "aggregate_scores",
    "as_text",
    "available_views",
    "average_ranks",
    "average_regret",
    "compare",
    "counting_failed",
    "curves",
    "feasibility",
    "feasibility_curves",
    "final_regrets",
    "friedman",
    "gaps",
    "importance",
    "in_view",
    "incumbent_configs",
    "incumbents",
    "load",
    "mixed_model",
    "normalised_regret",
    "occupancy",
    "of_task",
    "on_axis",
    "one_run",
    "overhead",
    "overhead_growth",
    "overtuning_curves",
    "pair_speedups",
    "pairwise_tests",
    "probability_of_improvement",
    "rank_intervals",
    "references",
    "repeated_suggestions",
    "scaling",
    "scores",
    "signed_rank",
    "tables",
    "time_ecdf",
    "time_to_target",
    "two_methods",
    "verdict",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "study.load": "load",
        "study.study": "Study",
        "study.selection": "of_task",
        "study.time_axis": "on_axis",
        "study.failed_runs": "counting_failed",
        "study.jobs": "occupancy",
        "anytime.incumbents": "Incumbents incumbents in_view",
        "anytime.curves": "Curves curves",
        "anytime.regret": "Reference references normalised_regret",
        "anytime.views": "available_views",
        "anytime.comparison": "Comparison compare=anytime average_regret",
        "anytime.ranks": "average_ranks",
        "anytime.ecdf": "time_ecdf",
        "verdicts.scores": "scores as_text",
        "verdicts.final": "aggregate_scores final_regrets probability_of_improvement "
        "rank_intervals",
        "verdicts.time_to_target": "time_to_target pair_speedups",
        "verdicts.verdict": "Verdict verdict=verdicts",
        "verdicts.scaling": "scaling",
        "statistics.rank_tests": "friedman mixed_model pairwise_tests signed_rank two_methods",
        "conduct.overhead": "overhead overhead_growth",
        "conduct.overtuning": "gaps overtuning_curves",
        "conduct.feasibility": "feasibility feasibility_curves",
        "conduct.repeats": "repeated_suggestions",
        "conduct.configurations": "importance incumbent_configs",
        "conduct.one_run": "one_run",
        "text.tables": "tables",
    },
)
