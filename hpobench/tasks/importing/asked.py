"""What is asked of an import: which columns are what; the rest is read off the table itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hpobench.records import Metric
from hpobench.tables import reading

_HIGHER = (
    "acc|accuracy|auc|auroc|auprc|f1|r2|score|precision|recall|iou|dice|bleu|rouge|map|ndcg|mrr|"
    "reward|return|kappa|mcc|psnr|ssim|sharpe|elo|likelihood|hypervolume"
)
_LOWER = (
    "loss|losses|err|error|errors|rmse|mse|mae|mape|regret|cost|perplexity|ppl|nll|logloss|risk"
)
_BOUNDED = "acc|accuracy|auc|auroc|auprc|f1|r2|precision|recall|iou|dice|map|ndcg|mrr|kappa|mcc"
_PERCENT = "acc|accuracy|percent|pct|bleu|rouge"
_APART = 30
"""Values and test values whose medians differ by such a factor are hardly on one scale."""


@dataclass(frozen=True)
class Asked:
    """Columns by what they hold; patterns with one `*` stand for several.

    `goal`: minimize or maximize; "" is what the column's name says. `repetition` "*": each column
    of `value` is a repetition, and not a level of resource. `constraints`: metrics, each as NAME,
    NAME<=BOUND or NAME>=BOUND. `test_where`: rows whose value is the test value of their
    configuration. `short_curves`: "carried" or "failed". `impute_seconds`: unknown costs count as
    the median of the others. `comparable`: values at different resources compare; None: as the
    name of the resource says.
    """

    config: tuple[str, ...] = ()
    value: str = ""
    goal: str = ""
    seconds: str = ""
    resource: str = ""
    repetition: str = ""
    test: str = ""
    train: str = ""
    constraints: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    test_where: tuple[str, ...] = ()
    by: str = ""
    short_curves: str = "carried"
    impute_seconds: bool = False
    comparable: bool | None = None
    negated: bool = False


def has(word: str, name: str) -> bool:
    """Whether one of the words, `a|b`, stands in a name, set off by signs, digits or capitals."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    return re.search(rf"(?<![a-z])({word})(?![a-z])", spaced) is not None


def goal_of(name: str, asked: str) -> str:
    """Whether the least or the greatest value is best; raises ValueError if a name leaves it open.

    A name of neither kind is minimised.
    """
    if asked or has(_LOWER, name):
        return asked or "minimize"
    if has(_HIGHER, name):
        raise ValueError(
            f"--value {name}: is the least or the greatest best? Give --goal minimize or "
            "--goal maximize"
        )
    return "minimize"


def metric_of(name: str, goal: str, values: "pd.Series[float]") -> Metric:
    """What is stored: the value, or 1 - score, 100 - score, or the score negated."""
    if goal == "minimize":
        return Metric(name, name)
    least, most = values.min(), values.max()
    if most <= 1 and (least >= 0 or has(_BOUNDED, name)):
        return Metric(name, f"1 - {name}", goal, 1.0)
    if least >= 0 and most <= 100 and has(_PERCENT, name):
        return Metric(name, f"100 - {name}", goal, 100.0)
    return Metric(name, f"{name}, negated (it is maximised)", goal, 0.0)


def check_scales(series: pd.DataFrame, asked: Asked, metric: Metric, notes: list[str]) -> None:
    """Raise ValueError if test or training values cannot be on the scale of the values.

    Where they only seem not to be, a note says so.
    """
    ceiling = metric.ceiling if metric.goal == "maximize" else 0.0
    value = series["value"][np.isfinite(series["value"])]
    for name in ("test", "train"):
        other = series[name][np.isfinite(series[name])] if name in series else value[:0]
        if not len(value) or not len(other):
            continue
        column = ", ".join(asked.test_where) if asked.test_where and name == "test" else ""
        option = f"--test-where {column}" if column else f"--{name} {getattr(asked, name)}"
        shares = ceiling == 100 and value.max() > 1 and other.max() <= 1
        if (ceiling and other.max() > ceiling) or shares:
            raise ValueError(
                f"{option}: it is from {other.min():g} to {other.max():g}, and {metric.name} from "
                f"{value.min():g} to {value.max():g}: write both as shares, or both as percentages"
            )
        here, there = value.abs().median(), other.abs().median()
        # Values on training data may well be next to nothing.
        if min(here, there) > 0 and max(there / here, name == "test" and here / there) > _APART:
            notes.append(
                f"{option} has the median {other.median():g}, and {metric.name} "
                f"{value.median():g}: are both on one scale?"
            )


def is_iterative(resource: str) -> bool:
    """Whether a resource is counted while one model trains, so that values at any of it compare."""
    words = "epochs?|iters?|iterations?|steps?|rounds?|trees?|estimators?|batch|batches|reports?"
    return has(words, resource)


def is_cv_results(frame: pd.DataFrame) -> bool:
    """Whether the table is the `cv_results_` of a search of scikit-learn."""
    tested = any(re.match(r"(mean|split\d+)_test_", name) for name in map(str, frame))
    settings = "params" in frame or any(name.startswith("param_") for name in map(str, frame))
    return "mean_fit_time" in frame and tested and settings


def of_cv_results(
    frame: pd.DataFrame, asked: Asked, notes: list[str]
) -> tuple[pd.DataFrame, Asked]:
    """The same table and question with what scikit-learn's columns are known to hold.

    Folds are repetitions, the seconds are those of one fold, the greatest score is best.
    """
    if not any(name.startswith("param_") for name in map(str, frame)):
        frame = pd.concat([frame, reading.parsed_params(frame["params"])], axis=1)
    scores = _scores(frame)
    name = re.sub(r"^(mean_test_|split\*_test_)", "", asked.value)
    if not name and len(scores) > 1:
        raise ValueError(f"--value: choose one of the scores {', '.join(scores)}")
    name = name or scores[0]
    if name not in scores:
        if asked.value in frame:
            return frame, asked
        raise ValueError(f"--value {asked.value}: cv_results_ has the scores {', '.join(scores)}")
    folds = any(column == f"split0_test_{name}" for column in frame)
    frame = frame.assign(_seconds=_summed(frame, "mean_fit_time", "mean_score_time"))
    halving = "n_resources" in frame and frame["n_resources"].nunique() > 1
    notes.append(
        f"cv_results_ of scikit-learn: score {name}, "
        + ("its folds are repetitions, " if folds else "")
        + "seconds are mean_fit_time + mean_score_time, those of one fold"
        + (", n_resources is the resource" if halving else "")
    )
    return frame, replace(
        asked,
        config=asked.config or ("param_*",),
        value=f"split*_test_{name}" if folds else f"mean_test_{name}",
        repetition="*" if folds else asked.repetition,
        seconds=asked.seconds or "_seconds",
        resource=asked.resource or ("n_resources" if halving else ""),
        goal=asked.goal or ("minimize" if name.startswith("neg_") else "maximize"),
        negated=name.startswith("neg_") and not asked.goal,
    )


def _scores(frame: pd.DataFrame) -> list[str]:
    found = [re.match(r"(?:mean|split\d+)_test_(.+)", name) for name in map(str, frame)]
    return list(dict.fromkeys(match[1] for match in found if match))


def _summed(frame: pd.DataFrame, *names: str) -> "pd.Series[float]":
    columns: Sequence[pd.Series[float]] = [
        reading.numbers(frame[name])[0] for name in names if name in frame
    ]
    return pd.concat(columns, axis=1).sum(axis=1, skipna=False)
