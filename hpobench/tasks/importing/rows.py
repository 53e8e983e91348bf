"""Rows of a user's table as rows of a recorded table, by stated policies; what was done is counted.

- Rows of equal hyperparameters are repetitions; of curves, those alike in every column are one.
- What is not finite has failed.
- An unknown cost is refused, or imputed if that was asked for.
- Of iterative resources a missing level is what was known before it; curves that end early are
  short, and the task's `short_curves` says what that means. What levels cost counts, although they
  are left out. Of other resources a curve without a value at every level is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hpobench.records import Metric
from hpobench.tables import reading
from hpobench.tasks.importing import curves, guessing
from hpobench.tasks.importing.asked import (
    Asked,
    check_scales,
    goal_of,
    is_iterative,
    metric_of,
)
from hpobench.words import counted


@dataclass(frozen=True)
class Rows:
    """One row a configuration, repetition and level: what a recorded table has as columns.

    `series`: config, repetition, resource, value, and seconds, test, train and metrics if there are
    any. `configs`: the hyperparameters of configuration i in row i. `space`: as it was guessed;
    `words`: a line on each hyperparameter; `notes`: what was counted.
    """

    series: pd.DataFrame
    configs: pd.DataFrame
    space: dict[str, dict[str, Any]]
    metric: Metric
    fidelity: str
    comparable: bool
    metrics: tuple[str, ...]
    words: list[str]
    notes: list[str]


def rows_of(frame: pd.DataFrame, asked: Asked, notes: list[str]) -> Rows:
    """The rows of a table; raises ValueError that names column, value and remedy."""
    notes = list(notes)
    names = _hyperparameters(frame, asked)
    metrics = tuple(_metric(text) for text in asked.constraints)
    series = _without_copies(_series(frame, asked, metrics, notes), frame, asked, notes)
    configs = frame[[*names.values()]].set_axis(list(names), axis=1)
    space, stored, words = guessing.space_of(configs.loc[series.pop("row")].reset_index(drop=True))
    name = _value_name(asked)
    goal = goal_of(name, asked.goal)
    metric = metric_of(name, goal, series["value"])
    check_scales(series, asked, metric, notes)
    for column in ("value", "test", "train"):
        if column in series:
            series[column] = metric.to_minimised(series[column].to_numpy())
    series.insert(0, "config", _numbered(stored))
    configs = stored.loc[series["config"].drop_duplicates().index].reset_index(drop=True)
    resource = asked.resource or "epochs"
    comparable = is_iterative(resource) if asked.comparable is None else asked.comparable
    if series["resource"].nunique() == 1:
        resource, comparable = "none", True
        series = series.assign(resource=1.0)
    elif comparable:
        curves.check_trainings(series, resource, configs)
    series = _repetitions(series, asked, notes)
    series = curves.comparing(series, comparable, notes)
    series = _costs(series, asked, configs, notes)
    if comparable and resource != "none":
        series = curves.at_common_levels(series, notes)
    _count_failed(series, notes)
    kept = series["config"].drop_duplicates()
    configs = configs.loc[kept].reset_index(drop=True)
    series["config"] = series["config"].map(dict(zip(kept, range(len(kept)), strict=True)))
    return Rows(series, configs, space, metric, resource, comparable, metrics, words, notes)


def _hyperparameters(frame: pd.DataFrame, asked: Asked) -> dict[str, str]:
    """The columns of hyperparameters by name."""
    if not asked.config:
        raise ValueError(
            f"--config: say which columns are hyperparameters; there are {', '.join(frame.columns)}"
        )
    names: dict[str, str] = {}
    for text in asked.config:
        for star, column in reading.matching(frame, text, "--config").items():
            if star and frame[column].isna().all():
                continue
            if names.setdefault(star or column, column) != column:
                raise ValueError(f"--config: two hyperparameters are called {star or column!r}")
    others = [asked.value, asked.seconds, asked.resource, asked.repetition]
    others += [asked.test, asked.train, asked.by]
    if both := [column for column in names.values() if column in filter(None, others)]:
        raise ValueError(f"--config {both[0]}: that column is said to be something else as well")
    return names


def _metric(text: str) -> str:
    return text.partition("<=")[0].partition(">=")[0].strip()


def _value_name(asked: Asked) -> str:
    """What the value is called: the column's name, without the part that tells columns apart."""
    name = asked.value
    if "*" in name:
        name = name.replace("split*_test_", "").replace("*", "").strip("_-. ")
    name = name.removeprefix("mean_test_")
    return name.removeprefix("neg_") if asked.negated else name


def _series(
    frame: pd.DataFrame, asked: Asked, metrics: tuple[str, ...], notes: list[str]
) -> pd.DataFrame:
    """Row numbers of the table, resource, repetition, value, seconds, test, train and metrics."""
    if not asked.value:
        raise ValueError(
            f"--value: say which column is the value; there are {', '.join(frame.columns)}"
        )
    values = reading.matching(frame, asked.value, "--value")
    seconds = _aligned(frame, asked.seconds, "--seconds", values)
    tests = _aligned(frame, asked.test, "--test", values)
    trains = _aligned(frame, asked.train, "--train", values)
    words: dict[str, int] = {}
    parts = []
    for star, column in values.items():
        value, strange = reading.numbers(frame[column])
        words |= {word: words.get(word, 0) + n for word, n in strange.items()}
        part = pd.DataFrame({"row": frame.index, "value": -value if asked.negated else value})
        part["resource"] = _resource(frame, asked, star)
        part["repetition"] = _labels(frame, asked, star)
        for name, known in (("seconds", seconds), ("test", tests), ("train", trains)):
            if known:
                part[name] = _column(frame, known[star])
        for name in metrics:
            part[name] = _column(frame, reading.one_of(frame, name, "--constraint"))
        parts.append(part)
    for word, count in words.items():
        notes.append(f"{counted(count, 'values')} {word!r}: no number, and so failed")
    levels = len(values) > 1 and asked.repetition != "*"
    if levels and len(set(seconds.values())) == 1:
        most = max(float(part["resource"].max()) for part in parts)
        for part in parts:
            part["seconds"] *= part["resource"] / most
        notes.append("the seconds are of the whole training: levels have their share of them")
    long = pd.concat(parts).sort_values("row", kind="stable", ignore_index=True)
    return _from_zero(long, notes)


def _without_copies(
    series: pd.DataFrame, frame: pd.DataFrame, asked: Asked, notes: list[str]
) -> pd.DataFrame:
    """The rows that are not there twice: of one level and no repetition stated, they may be two."""
    copies = frame.index[frame.duplicated()]
    if not len(copies) or (series["resource"].nunique() == 1 and not asked.repetition):
        return series
    notes.append(
        f"{counted(len(copies), 'rows')} left out, since another has the same in every column"
    )
    return series[~series["row"].isin(copies)].reset_index(drop=True)


def _from_zero(long: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    least = long["resource"].min()
    if least == 0:
        notes.append("the resource begins at 0: it is counted from 1")
        long["resource"] += 1
    elif not least > 0:
        raise ValueError(f"--resource: {least:g} is not above 0")
    return long


def _aligned(
    frame: pd.DataFrame, name: str, option: str, values: Mapping[str, str]
) -> dict[str, str]:
    """Columns that go with those of the value; of one there is the same for all."""
    if not name:
        return {}
    found = reading.matching(frame, name, option)
    if list(found) == [""]:
        return dict.fromkeys(values, found[""])
    if lacking := [star for star in values if star not in found]:
        raise ValueError(f"{option} {name}: there is no column for {lacking[0]}")
    return {star: found[star] for star in values}


def _column(frame: pd.DataFrame, name: str) -> "pd.Series[float]":
    found, words = reading.numbers(frame[name])
    if words:
        raise ValueError(f"the column {name} holds {next(iter(words))!r}, no number: correct it")
    return found


def _resource(frame: pd.DataFrame, asked: Asked, star: str) -> Any:
    if star and asked.repetition != "*":
        try:
            return float(star)
        except ValueError:
            raise ValueError(
                f"--value {asked.value}: the * stands for {star!r}, no number of a resource; if "
                "the columns are repetitions, add --repetition '*'"
            ) from None
    if not asked.resource or asked.resource not in frame:
        if asked.resource:
            reading.one_of(frame, asked.resource, "--resource")
        return 1.0
    levels = _column(frame, asked.resource)
    if levels.isna().any() or np.isinf(levels).any():
        row = int(np.argmax(~np.isfinite(levels.to_numpy())))
        raise ValueError(f"the column {asked.resource} has no number in row {row + 1}: correct it")
    return levels


def _labels(frame: pd.DataFrame, asked: Asked, star: str) -> Any:
    """What repetitions are called; one name for all if nothing is said of them."""
    if asked.repetition == "*":
        return star
    if asked.repetition:
        return frame[reading.one_of(frame, asked.repetition, "--repetition")].astype(str)
    return ""


def _numbered(configs: pd.DataFrame) -> "pd.Series[int]":
    """The number of each row's configuration, in order of appearance."""
    keys = [tuple(row) for row in configs.itertuples(index=False, name=None)]
    numbers: dict[Any, int] = {}
    return pd.Series([numbers.setdefault(key, len(numbers)) for key in keys])


def _repetitions(series: pd.DataFrame, asked: Asked, notes: list[str]) -> pd.DataFrame:
    """Repetitions by number: the same label the same one; rows alike are further ones."""
    labels = series["repetition"]
    codes = dict(zip(labels.unique(), range(labels.nunique()), strict=True))
    turn = series.groupby(["config", "repetition", "resource"], sort=False).cumcount()
    doubled = int((turn > 0).sum())
    if doubled:
        which = "a repetition" if asked.repetition else "a configuration"
        notes.append(
            f"{counted(doubled, 'rows')} of {which} that was there already: repetitions of it"
        )
    return series.assign(repetition=labels.map(codes) + len(codes) * turn)


def _costs(
    series: pd.DataFrame, asked: Asked, configs: pd.DataFrame, notes: list[str]
) -> pd.DataFrame:
    """The rows with their seconds; unknown ones refused or imputed."""
    if "seconds" not in series:
        notes.append("no seconds: the clock counts evaluations, and no time is made up")
        return series
    seconds = series["seconds"].to_numpy(float, copy=True)
    if (seconds < 0).any():
        raise ValueError(f"--seconds {asked.seconds}: {seconds.min():g} is below 0: correct it")
    seconds[np.isinf(seconds)] = np.nan
    series = series.assign(seconds=seconds)
    unknown = series["seconds"].isna() & np.isfinite(series["value"])
    if unknown.any() and not asked.impute_seconds:
        config = configs.loc[series.loc[unknown, "config"].iloc[0]].dropna().to_dict()
        others = int(unknown.sum()) - 1
        more = f", nor that of {counted(others, 'other rows')}" if others else ""
        raise ValueError(
            f"the cost of {config} is not known{more}: state it, add --impute-seconds (the median "
            "of the others), or leave --seconds out: then the clock counts evaluations"
        )
    if unknown.any():
        median = series.groupby("resource")["seconds"].transform("median")
        series["seconds"] = series["seconds"].fillna(median.fillna(series["seconds"].median()))
        notes.append(f"{counted(int(unknown.sum()), 'unknown costs')} imputed: the median is taken")
    return series


def _count_failed(series: pd.DataFrame, notes: list[str]) -> None:
    infinite = int(np.isinf(series["value"]).sum())
    failed = int(series["value"].isna().sum()) + infinite
    if failed:
        words = f", {infinite} of them infinite" if infinite else ""
        notes.append(f"{counted(failed, 'evaluations')} without a finite value{words}: failed")
    for name, words in (("test", "test"), ("train", "training")):
        if name in series and (lacking := int(series[name].isna().sum())):
            notes.append(f"{counted(lacking, 'rows')} without a {words} value")
