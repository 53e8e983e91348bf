"""CPU of Syne Tune's simulator back end on a table, 0.16 or 0.13, each inside its environment.

In: `table` (a npz file of the columns of configurations, and `values` and `seconds`, both
(configurations, epochs)), `method`, `trials`, `workers`, `repeats`. Out: `cpu_s`, `trials` and
`epochs` of the fastest run, after a short one to warm up. The clock is around `Tuner.run`: imports,
the table, back end and scheduler come before; nothing is saved, and what is printed goes nowhere.
"""

import contextlib
import json
import logging
import os
import sys
import time
import warnings

import numpy as np

with contextlib.redirect_stdout(sys.stderr):  # 0.13 says what it could not import
    import pandas as pd
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
    from syne_tune.blackbox_repository import UserBlackboxBackend
    from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
    from syne_tune.config_space import choice, randint
    from syne_tune.optimizer.baselines import ASHA, RandomSearch

ALL_DAY_S = 1e5
LIMIT = "epochs"


class Unsaved(SimulatorCallback):
    """Keeps results in memory."""

    def store_results(self):
        """Write no file."""


def blackbox(table):
    columns = {name: table[name] for name in table.files if name not in ("values", "seconds")}
    objectives = np.stack([table["values"], table["seconds"]], axis=-1)[:, None]
    return BlackboxTabular(
        hyperparameters=pd.DataFrame(columns),
        configuration_space={
            name: choice(np.unique(column).tolist()) for name, column in columns.items()
        },
        fidelity_space={"epoch": randint(1, objectives.shape[2])},
        objectives_evaluations=objectives,
        objectives_names=["error", "elapsed"],
    )


def scheduler(name, box):
    space, epochs = box.configuration_space, int(max(box.fidelity_values))
    if name == "random":
        return RandomSearch(space, metrics=["error"], random_seed=0)
    if name == "asha_stopping":
        return ASHA(space, metric="error", time_attr="epoch", max_t=epochs, random_seed=0)
    return ASHA(  # 0.13
        space | {LIMIT: epochs},
        metric="error",
        mode="min",
        type="promotion",
        resource_attr="epoch",
        max_resource_attr=LIMIT,
        grace_period=1,
        reduction_factor=3,
        random_seed=0,
    )


def cpu_s():
    return time.process_time() + sum(os.times()[2:4])  # of this process and of its children


def run(box, question, trials):
    tuner = Tuner(
        trial_backend=UserBlackboxBackend(
            blackbox=box, elapsed_time_attr="elapsed", max_resource_attr=LIMIT, seed=0
        ),
        scheduler=scheduler(question["method"], box),
        stop_criterion=StoppingCriterion(max_num_trials_started=trials - 1),
        n_workers=question["workers"],
        sleep_time=0,
        callbacks=[Unsaved()],
        save_tuner=False,
        wait_trial_completion_when_stopping=True,
        print_update_interval=ALL_DAY_S,
        results_update_interval=ALL_DAY_S,
    )
    begin = cpu_s()
    tuner.run()
    spent = cpu_s() - begin
    return spent, tuner.tuning_status.num_trials_started, len(tuner.callbacks[0].results)


def main():
    question = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")  # of the libraries about one another
    box = blackbox(np.load(question["table"]))
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        run(box, question, trials=20)
        fastest = min(run(box, question, question["trials"]) for _ in range(question["repeats"]))
    print(json.dumps(dict(zip(("cpu_s", "trials", "epochs"), fastest, strict=True))))


main()
