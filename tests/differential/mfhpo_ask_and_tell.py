"""mfhpo-simulator: one simulation in its ask-and-tell mode, of given durations.

Runs inside the environment mfhpo_simulator. In: `jobs`, a list of `[trial, epochs, seconds]` in the
order in which they are asked for, `seconds` being those of the whole trial up to these epochs;
`workers`; `resume` (the largest number of epochs, or null: every job starts at zero); `sleep_s`,
how long each ask takes. Out: `trial`, `worker` and `time_s` of each observation in order, and
`asks`, the seconds that it measured for each ask.
"""

import json
import sys
import time
import warnings

from benchmark_simulator import AbstractAskTellOptimizer, ObjectiveFuncWrapper

# How long a trial takes is known to the objective alone, by trial and epochs.
SECONDS = {}


class Scripted(AbstractAskTellOptimizer):
    """Asks for the jobs of a list, whatever it is told."""

    def __init__(self, jobs, sleep_s, resume):
        self.jobs, self.sleep_s, self.resume = iter(jobs), iter(sleep_s), resume

    def ask(self):
        time.sleep(next(self.sleep_s))
        trial, epochs, _ = next(self.jobs)
        fidels = {"epochs": epochs} if self.resume else None
        return {"trial": trial, "epochs": epochs}, fidels, trial if self.resume else None

    def tell(self, eval_config, results, *, fidels=None, config_id=None):
        """Nothing is learned."""


def objective(eval_config, *, fidels=None, seed=None, **_):
    trial, epochs = eval_config["trial"], (fidels or eval_config)["epochs"]
    return {"loss": float(trial), "runtime": SECONDS[trial, epochs]}


def main():
    question = json.load(sys.stdin)
    jobs, workers, resume = question["jobs"], question["workers"], question["resume"]
    SECONDS.update({(trial, epochs): seconds for trial, epochs, seconds in jobs})
    evaluations = len(jobs) - workers + 1
    # More workers than cores is no matter here, for they are simulated.
    warnings.filterwarnings("ignore", message="n_workers larger than")
    simulator = ObjectiveFuncWrapper(
        obj_func=objective,
        ask_and_tell=True,
        launch_multiple_wrappers_from_user_side=False,
        n_workers=workers,
        n_evals=evaluations,
        n_actual_evals_in_opt=evaluations + workers,
        fidel_keys=["epochs"] if resume else None,
        continual_max_fidel=resume,
        obj_keys=["loss"],
        expensive_sampler=True,
        config_tracking=False,
    )
    simulator.simulate(Scripted(jobs, question["sleep_s"], resume))
    with open(simulator.result_file_path) as file:
        results = json.load(file)
    with open(simulator.result_file_path.replace("results.json", "sampled_time.json")) as file:
        asks = json.load(file)
    answer = {
        "trial": [int(value) for value in results["loss"]],
        "worker": results["worker_index"],
        "time_s": results["cumtime"],
        "asks": [
            after - before
            for before, after in zip(asks["before_sample"], asks["after_sample"], strict=True)
        ],
    }
    print(json.dumps(answer))


main()
