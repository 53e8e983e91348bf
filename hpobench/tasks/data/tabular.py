"""Examples for estimators: inputs (n, d) and a target (n,), from wherever they are."""

import difflib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.system.dotted import locate, own_folders

SHIPPED = ("breast_cancer", "diabetes", "digits", "iris", "wine")
"""Data sets that are installed with scikit-learn."""
Examples = tuple[Any, Any]


def read(data: Any) -> Examples:
    """Inputs and target, arrays of NumPy.

    `data` is the name of one that scikit-learn ships; the dotted path of a function that returns
    both; `{csv: FILE, target: COLUMN}`, with `ignore: [COLUMN]` if some are no inputs; or
    `{openml: NUMBER}`, if `sklearn.datasets.fetch_openml` has stored it before: nothing is
    downloaded. Columns of texts are made one column a value. Raises ValueError or LookupError.
    """
    if isinstance(data, Mapping) and "csv" in data:
        return _csv(**data)
    if isinstance(data, Mapping) and "openml" in data:
        return _openml(**data)
    if data in SHIPPED:
        import sklearn.datasets

        inputs, target = getattr(sklearn.datasets, f"load_{data}")(return_X_y=True)
        return inputs, target
    if isinstance(data, str) and "." in data:
        data = locate(data)
    if not callable(data):
        raise ValueError(
            f"data={data!r}: use one of {', '.join(SHIPPED)}, the dotted path of a function that "
            "returns inputs and target, {csv: FILE, target: COLUMN} or {openml: NUMBER}"
        )
    return _checked(*data())


def digest(data: Any) -> str:
    """A hash of the file that the data are in; empty where they are in none."""
    if isinstance(data, Mapping) and "csv" in data:
        return hashlib.sha256(find(data["csv"]).read_bytes()).hexdigest()
    return ""


def find(csv: str | Path) -> Path:
    """A file as it is given, or beside the user's YAML; raises LookupError if there is none."""
    path = Path(csv).expanduser()
    places = [path, *(folder / path for folder in own_folders())]
    for place in places:
        if place.is_file():
            return place
    raise LookupError(f"there is no file {', nor '.join(map(str, places))}")


def _csv(csv: str, target: str, ignore: tuple[str, ...] = (), **others: Any) -> Examples:
    import pandas as pd

    if others:
        raise ValueError(f"data has {', '.join(others)}: a CSV takes csv, target and ignore")
    path = find(csv)
    table = pd.read_csv(path)
    for name in (target, *ignore):
        if name not in table:
            near = difflib.get_close_matches(name, list(map(str, table)), n=1)
            hint = (
                f": did you mean {near[0]!r}?" if near else f": it has {', '.join(map(str, table))}"
            )
            raise ValueError(f"{path} has no column {name!r}{hint}")
    return _from_frame(table.drop(columns=[target, *ignore]), table[target])


def _from_frame(inputs: Any, target: Any) -> Examples:
    import pandas as pd

    encoded = pd.get_dummies(inputs, dtype=float)
    values = target.to_numpy()
    if pd.isna(values).any():
        raise ValueError(f"the target {target.name!r} is missing in {pd.isna(values).sum()} rows")
    return _checked(encoded.to_numpy(float), np.asarray(values))


def _checked(inputs: Any, target: Any) -> Examples:
    if len(inputs) != len(target) or not len(target):
        raise ValueError(f"{len(inputs)} inputs and {len(target)} targets: one each")
    return np.asarray(inputs), np.asarray(target)


def _openml(openml: int, target: str | None = None, data_home: str | None = None) -> Examples:
    """What is stored of a data set of OpenML."""
    from sklearn.datasets import fetch_openml, get_data_home

    home = get_data_home(data_home)
    about = Path(home) / "openml" / "openml.org" / f"api/v1/json/data/{openml}.gz"
    if not about.exists():
        raise LookupError(
            f"data set {openml} of OpenML is not in {home}, and nothing is downloaded in a study: "
            f"get it once with sklearn.datasets.fetch_openml(data_id={openml}, as_frame=True)"
        )
    asked = {"target_column": target} if target else {}
    table = fetch_openml(data_id=openml, as_frame=True, data_home=data_home, **asked)
    return _from_frame(table.data, table.target)


def german_credit() -> Examples:
    """German credit: 1,000 applicants for a loan, 26 inputs; see `german_credit.md`."""
    from hpobench.tasks.data.german_credit import TABLE

    return _csv(str(TABLE), "risk")
