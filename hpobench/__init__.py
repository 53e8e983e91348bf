"""`hpobench`: an honest and fast comparison of hyperparameter-optimisation methods.

>>> import hpobench
>>> study = hpobench.run(methods=["random", "asha"], tasks=["curves_stable"], name="mine")
>>> study.scores(), study.best(), study.plot(), study.report()
>>> hpobench.load("mine").runs
"""

from typing import TYPE_CHECKING

from hpobench.system import package
from hpobench.system.exports import lazily

if TYPE_CHECKING:
    from hpobench.api.given import task
    from hpobench.api.run import load, run, run_study
    from hpobench.api.stored import StoredStudy
    from hpobench.api.tuning import tune
    from hpobench.contracts import Method, Scheduler, Searcher, Step, Task
    from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
    from hpobench.results.study.study import Study
    from hpobench.space.space import Space
    from hpobench.system.version import __version__

__all__ = [
    "Constraint",
    "Evaluation",
    "Fidelity",
    "Job",
    "Method",
    "Metric",
    "Scheduler",
    "Searcher",
    "Space",
    "Step",
    "StoredStudy",
    "Study",
    "Task",
    "__version__",
    "load",
    "run",
    "run_study",
    "task",
    "tune",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "contracts": "Method Scheduler Searcher Step Task",
        "records": "Constraint Evaluation Fidelity Job Metric",
        "space.space": "Space",
        "api.given": "task",
        "api.run": "load run run_study",
        "api.stored": "StoredStudy",
        "api.tuning": "tune",
        "results.study.study": "Study",
        "system.version": "__version__",
    },
)

package.check()
