"""CPU of CARP-S's random search on a table. Runs inside the environment carps.

In: `table` (a npz file of the columns of configurations, and `values` and `seconds`, both
(configurations, epochs)), `trials`, `repeats`, `files` (whether it keeps its file log, one of its
two default loggers). Out: `cpu_s` of the fastest `Optimizer.run`, after one to warm up. Imports,
task and optimizer come before the clock starts; nothing is said on the console.
"""

import json
import logging
import os
import sys
import tempfile
import time

import numpy as np
from carps.loggers.file_logger import FileLogger
from carps.objective_functions.objective_function import ObjectiveFunction
from carps.optimizers.random_search import RandomSearchOptimizer
from carps.utils.task import InputSpace, OptimizationResources, OutputSpace, Task, TaskMetadata
from carps.utils.trials import TrialValue
from ConfigSpace import ConfigurationSpace


class Table(ObjectiveFunction):
    """The last epoch of a configuration, found by its values."""

    def __init__(self, table, loggers):
        super().__init__(loggers)
        names = [name for name in table.files if name not in ("values", "seconds")]
        columns = [table[name].tolist() for name in names]
        self._space = ConfigurationSpace(
            space={name: sorted(set(column)) for name, column in zip(names, columns, strict=True)},
            seed=0,
        )
        self._names = names
        self._rows = {key: row for row, key in enumerate(zip(*columns, strict=True))}
        self._values, self._seconds = table["values"][:, -1], table["seconds"][:, -1]

    @property
    def configspace(self):
        return self._space

    def _evaluate(self, trial_info):
        row = self._rows[tuple(trial_info.config[name] for name in self._names)]
        seconds = float(self._seconds[row])
        return TrialValue(cost=float(self._values[row]), time=seconds, virtual_time=seconds)


def cpu_s():
    return time.process_time() + sum(os.times()[2:4])  # of this process and of its children


def one_round(table, question):
    with tempfile.TemporaryDirectory(dir=".") as folder:
        loggers = [FileLogger(directory=folder)] if question["files"] else []
        function = Table(table, loggers)
        task = Task(
            name="table",
            objective_function=function,
            input_space=InputSpace(function.configspace),
            output_space=OutputSpace(),
            optimization_resources=OptimizationResources(n_trials=question["trials"]),
            metadata=TaskMetadata(),
        )
        optimizer = RandomSearchOptimizer(task, loggers)
        optimizer.setup_optimizer()
        begin = cpu_s()
        optimizer.run()
        spent = cpu_s() - begin
    assert len(optimizer.history) == question["trials"]
    return spent


def main():
    question = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)
    table = np.load(question["table"])
    spent = [one_round(table, question) for _ in range(1 + question["repeats"])]
    print(json.dumps({"cpu_s": min(spent[1:])}))


main()
