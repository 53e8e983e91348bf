"""`hpobench`: an honest and fast comparison of hyperparameter-optimisation methods.

>>> import hpobench
>>> study = hpobench.run_study("method=[random,asha]", "task=curves_stable", "name=mine")
>>> hpobench.load("runs/mine").runs
"""

from typing import TYPE_CHECKING

from hpobench.system import package
from hpobench.system.exports import lazily

if TYPE_CHECKING:
    from hpobench.cli.from_python import run_study
    from hpobench.contracts import Method, Scheduler, Searcher, Step, Task
    from hpobench.records import Constraint, Evaluation, Fidelity, Job, Metric
    from hpobench.results.study.load import load
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
    "Study",
    "Task",
    "__version__",
    "load",
    "run_study",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "contracts": "Method Scheduler Searcher Step Task",
        "records": "Constraint Evaluation Fidelity Job Metric",
        "space.space": "Space",
        "cli.from_python": "run_study",
        "results.study.load": "load",
        "results.study.study": "Study",
        "system.version": "__version__",
    },
)

package.check()
