"""CPU of mfhpo-simulator's ask-and-tell loop. Runs inside the environment mfhpo_simulator.

In: `values` and `seconds` of each evaluation, `workers`, `repeats`. Out: `cpu_s` of the fastest
`simulate`, after one to warm up. Configurations are listed and the wrapper is made before the clock
starts; its files, which it always writes at the end, are part of it.
"""

import json
import os
import sys
import time
import warnings

from benchmark_simulator import AbstractAskTellOptimizer, ObjectiveFuncWrapper


class Listed(AbstractAskTellOptimizer):
    """Asks for what is listed; remembers what it is told."""

    def __init__(self, configs):
        self.configs, self.told = iter(configs), []

    def ask(self):
        return next(self.configs), None, None

    def tell(self, eval_config, results, *, fidels=None, config_id=None):
        self.told.append(results["loss"])


def cpu_s():
    return time.process_time() + sum(os.times()[2:4])  # of this process and of its children


def one_round(question, number):
    values, seconds, workers = question["values"], question["seconds"], question["workers"]
    evaluations = len(values) - workers + 1

    def objective(eval_config, *, fidels=None, seed=None, **_):
        row = eval_config["x"]
        return {"loss": values[row], "runtime": seconds[row]}

    simulator = ObjectiveFuncWrapper(
        obj_func=objective,
        ask_and_tell=True,
        save_dir_name=f"round-{number}",
        launch_multiple_wrappers_from_user_side=False,
        n_workers=workers,
        n_evals=evaluations,
        n_actual_evals_in_opt=evaluations + workers,
        obj_keys=["loss"],
        expensive_sampler=True,  # without it the library warns at every evaluation
        config_tracking=False,
    )
    optimizer = Listed([{"x": row} for row in range(len(values))])
    begin = cpu_s()
    simulator.simulate(optimizer)
    spent = cpu_s() - begin
    assert len(optimizer.told) >= evaluations
    return spent


def main():
    question = json.load(sys.stdin)
    warnings.filterwarnings("ignore", message="n_workers larger than")
    spent = [one_round(question, number) for number in range(1 + question["repeats"])]
    print(json.dumps({"cpu_s": min(spent[1:])}))


main()
