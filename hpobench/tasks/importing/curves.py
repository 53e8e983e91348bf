"""Rows of learning curves at the levels that the curves have in common.

A series has a row a configuration, repetition and level (see `rows`); a curve is the rows of one
configuration and repetition.
"""

from typing import Any

import numpy as np
import pandas as pd

from hpobench.words import counted

_BEGUN = 0.95
"""A level counts from which on so many of the curves have begun."""
_CURVE = ["config", "repetition"]


def check_trainings(series: pd.DataFrame, resource: str, configs: pd.DataFrame) -> None:
    """Raise ValueError if several trainings have a level of which only some have another."""
    counts = series.groupby([*_CURVE, "resource"], sort=False, as_index=False).size()
    spread = counts.groupby(_CURVE, sort=False)["size"].agg(["min", "max"])
    unequal = spread.index[spread["min"] < spread["max"]]
    if not len(unequal):
        return
    config, repetition = unequal[0]
    mine = (counts["config"] == config) & (counts["repetition"] == repetition)
    ordered = counts[mine].sort_values("size", kind="stable")
    (first, fewest), *_, (level, most) = ordered[["resource", "size"]].to_numpy().tolist()
    raise ValueError(
        f"{configs.loc[config].dropna().to_dict()} has {most:g} rows at the {resource} {level:g}, "
        f"but {fewest:g} at {first:g}: which training is each of? Name the "
        "column that says it (--repetition), or delete the rows that are too many"
    )


def comparing(series: pd.DataFrame, comparable: bool, notes: list[str]) -> pd.DataFrame:
    """The rows of trainings that have levels in common, in the order of the levels.

    Of those that compare the rows below the first common level are kept, for what they cost.
    """
    series = series.sort_values([*_CURVE, "resource"], kind="stable", ignore_index=True)
    levels = np.sort(series["resource"].unique())
    if not comparable:
        full = series.groupby(_CURVE)["resource"].transform("nunique") == len(levels)
        return _without(series, ~full, f"lack some of the levels {_listed(levels)}", notes)
    first = series.groupby(_CURVE)["resource"].min()
    start = np.sort(first)[int(np.ceil(_BEGUN * len(first))) - 1]
    late = series.groupby(_CURVE)["resource"].transform("min") > start
    return _without(series, late, f"begin after the level {start:g}", notes)


def _listed(levels: Any) -> str:
    some = [f"{level:g}" for level in levels]
    return ", ".join(some if len(some) < 9 else [*some[:4], "...", *some[-2:]])


def _without(
    series: pd.DataFrame, gone: "pd.Series[bool]", why: str, notes: list[str]
) -> pd.DataFrame:
    curves = series.groupby(_CURVE).ngroups
    lost = series[gone].groupby(_CURVE).ngroups
    if 2 * lost > curves:
        raise ValueError(
            f"{lost} of {curves} trainings {why}: choose one level of the resource by --where, or "
            "the rows to be compared"
        )
    if lost:
        notes.append(f"{counted(lost, 'trainings')} left out, as they {why}")
    return series[~gone]


def at_common_levels(series: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Every level that all curves have begun by, to the last of each, with the seconds until then.

    What is missing is as the level before it, and what comes before a curve costs what its first
    level does.
    """
    start = series.groupby(_CURVE)["resource"].min().max()
    early = series["resource"] < start
    gone = series.loc[early, "resource"].nunique()
    added_up = "seconds" in series and _is_of_each_level(series, notes)
    series = _filled(series, start, added_up, notes)
    if added_up:
        series["seconds"] = series.groupby(_CURVE, sort=False)["seconds"].cumsum()
    if gone:
        cost = f"; what they cost counts at {start:g}" if "seconds" in series else ""
        notes.append(
            f"{counted(gone, 'levels')} below {start:g} left out: not all curves have one{cost}"
        )
    kept: pd.DataFrame = series[series["resource"] >= start].reset_index(drop=True)
    return kept


def _is_of_each_level(series: pd.DataFrame, notes: list[str]) -> bool:
    """Whether seconds are those of each level, and do not count from the beginning."""
    steps = series.groupby(_CURVE, sort=False)["seconds"].diff()
    added_up = bool((steps <= 0).any())
    if added_up:
        notes.append("seconds are those of each level, as they do not rise: they are added up")
    else:
        notes.append("seconds count from the beginning of a training, as they rise along it")
    return added_up


def _filled(series: pd.DataFrame, start: float, added_up: bool, notes: list[str]) -> pd.DataFrame:
    """All levels to the last of each curve, as the one before where it has none."""
    levels = np.sort(series["resource"].unique())
    parts, within, before, short = [], 0, 0, 0
    columns = [name for name in series if name not in (*_CURVE, "resource")]
    for _, rows in series.groupby(_CURVE, sort=False):
        config, repetition = rows[_CURVE].iloc[0]
        rows = rows.set_index("resource")[columns]
        mine = levels[levels <= rows.index.max()]
        missing = mine[~np.isin(mine, rows.index)]
        if len(missing):
            at = np.searchsorted(rows.index.to_numpy(), mine, side="right") - 1
            rows = rows.iloc[np.maximum(at, 0)].set_axis(mine, axis=0)
            within += int((missing >= start).sum())
            before += int((missing < start).sum())
        short += mine[-1] < levels[-1]
        rows = rows.rename_axis("resource").reset_index()
        parts.append(rows.assign(config=config, repetition=repetition))
    if within:
        notes.append(f"{counted(within, 'levels')} missing within curves: as the level before")
    if before and added_up:
        notes.append(
            f"{counted(before, 'levels')} missing before curves: their seconds are taken to be "
            "those of the first level there is"
        )
    if short:
        notes.append(f"{counted(short, 'curves')} end before the level {levels[-1]:g}")
    return pd.concat(parts, ignore_index=True)
