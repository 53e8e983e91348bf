"""Logs of other libraries, read into the same tables as our own studies.

>>> from hpobench.results.foreign import from_optuna, store
>>> study = from_optuna("sqlite:///tuning.db", task="cnn")
>>> store(study, "runs/tuning")  # from here on: hpobench plot tuning

What a log does not hold is stated in `study.settings["notes"]`.
"""

from hpobench.results.foreign.carps import from_carps
from hpobench.results.foreign.optuna import from_optuna
from hpobench.results.foreign.storing import combine, store
from hpobench.results.foreign.syne_tune import from_syne_tune

__all__ = ["combine", "from_carps", "from_optuna", "from_syne_tune", "store"]
