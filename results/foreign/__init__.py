"""Logs of other libraries, read into the same tables as our own studies.

>>> from hpobench.results.foreign import from_optuna, store
>>> study = from_optuna("sqlite:///tuning.db", task="cnn")
>>> store(study, "runs/tuning")  # from here on: hpobench plot tuning

What a log does not hold is stated in `study.settings["notes"]`.
"""

from hpobench.results.foreign.carps import from_carps
from hpobench.results.foreign.coco import from_coco
from hpobench.results.foreign.hpbandster import from_hpbandster
from hpobench.results.foreign.keras_tuner import from_keras_tuner
from hpobench.results.foreign.mlflow import from_mlflow
from hpobench.results.foreign.optuna import from_optuna
from hpobench.results.foreign.ray_tune import from_ray_tune
from hpobench.results.foreign.smac import from_smac
from hpobench.results.foreign.storing import combine, store
from hpobench.results.foreign.summary import summary
from hpobench.results.foreign.syne_tune import from_syne_tune
from hpobench.results.foreign.tables import from_csv

__all__ = [
    "combine",
    "from_carps",
    "from_coco",
    "from_csv",
    "from_hpbandster",
    "from_keras_tuner",
    "from_mlflow",
    "from_optuna",
    "from_ray_tune",
    "from_smac",
    "from_syne_tune",
    "store",
    "summary",
]
