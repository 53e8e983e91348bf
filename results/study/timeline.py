"""The events of all runs of a study as arrays: which job a value came from, what went before it.

Notation: n observations in the order of their table; k jobs, by run and in order of ending within
it; m runs in the order of their table. `run` (n,), `job` (n,) index runs and jobs.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpobench.arrays import FloatArray, IntArray
from hpobench.results.study.index import run_numbers
from hpobench.results.study.jobs import jobs_of
from hpobench.results.study.study import Study


class Timeline:
    """The events of a study, built from its stored tables piece by piece when first used.

    Raises ValueError if the study lacks the jobs, or the decisions where they are needed.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        table = study.observations
        self.run = self.run_numbers(study, table)
        self.time_s: FloatArray = table["time_s"].to_numpy(float)
        self.resource: FloatArray = table["resource"].to_numpy(float)
        self.end_s: FloatArray = study.runs["end_time_s"].to_numpy(float)

    @staticmethod
    def run_numbers(study: Study, table: pd.DataFrame) -> IntArray:
        """For each row of a table with the key of a run, the number of its run."""
        return run_numbers(study, table)

    @cached_property
    def _jobs(self) -> pd.DataFrame:
        jobs = jobs_of(self._study)
        run = self.run_numbers(self._study, jobs)
        order = np.lexsort((jobs["end_s"].to_numpy(), run))  # ties keep their stored order
        return jobs.assign(run=run).iloc[order].reset_index(drop=True)

    @cached_property
    def job_bounds(self) -> IntArray:
        """The jobs of run i lie in `job_bounds[i]:job_bounds[i + 1]` (m + 1,)."""
        return self._bounds(self._jobs["run"].to_numpy())

    @cached_property
    def told(self) -> npt.NDArray[np.bool_]:
        """Flags of the jobs (k,) that the method was told of: those that were not cut."""
        return (self._jobs["status"] != "cut").to_numpy()

    @cached_property
    def from_resource(self) -> FloatArray:
        """The resource that the trial of each job (k,) had before it."""
        return self._jobs["from_resource"].to_numpy(float)

    @cached_property
    def job(self) -> IntArray:
        """The job of each observation (n,): its trial's first that goes as far or further.

        Jobs and observations are sorted by one number, made of the run, the trial and the rank of
        the resource among all levels.
        """
        jobs, table = self._jobs, self._study.observations
        levels = np.unique(np.concatenate([self.resource, jobs["to_resource"].to_numpy(float)]))
        trials = 1 + max(jobs["trial"].max() if len(jobs) else 0, 0)

        def key(run: IntArray, trial: "pd.Series[int]", resource: FloatArray) -> IntArray:
            whose = run * np.int64(trials) + trial.to_numpy(np.int64)
            return whose * len(levels) + np.searchsorted(levels, resource)

        keys = key(jobs["run"].to_numpy(), jobs["trial"], jobs["to_resource"].to_numpy(float))
        order = np.argsort(keys, kind="stable")
        wanted = key(self.run, table["trial"], self.resource)
        place = np.searchsorted(keys[order], wanted)
        found = place < len(order)
        found[found] = keys[order][place[found]] // len(levels) == wanted[found] // len(levels)
        if not found.all():
            raise ValueError("there are observations beyond what any job of their trial asked for")
        return order[place]

    def decided_at_observations_s(self) -> FloatArray:
        """Seconds of decisions (n,) that each run took before each value became known."""
        return self._decided_s(self.run, self._jobs_before(self.run, self.job, self.time_s))

    def decided_at_ends_s(self) -> FloatArray:
        """Seconds of decisions (m,) that each run took before the end of its last job."""
        decided_s = np.zeros(len(self.end_s))
        runs = np.flatnonzero(np.diff(self.job_bounds))
        last = self.job_bounds[runs + 1] - 1
        end_s = self._jobs["end_s"].to_numpy(float)[last]
        decided_s[runs] = self._decided_s(runs, self._jobs_before(runs, last, end_s))
        return decided_s

    def _jobs_before(self, run: IntArray, job: IntArray, time_s: FloatArray) -> IntArray:
        """Numbers (q,) of jobs of a run that ended before what a job gave at a time.

        All that ended at an earlier time, and the job that its worker had before; none that stands
        behind its own in the order of ending.
        """
        all_ends_s = self._jobs["end_s"].to_numpy(float)

        def ended(jobs: slice, until_s: FloatArray) -> FloatArray:
            return np.searchsorted(all_ends_s[jobs], until_s).astype(float)

        count = self._by_run(ended, run, time_s).astype(np.int64)
        return np.clip(count, self._freed_by[job], job - self.job_bounds[run])

    @cached_property
    def _freed_by(self) -> IntArray:
        """Numbers (k,) of jobs that had ended at least when each began, up to its worker's last."""
        run, worker = self._jobs["run"].to_numpy(), self._jobs["worker"].to_numpy()
        number = np.arange(len(run)) - self.job_bounds[run]
        order = np.lexsort((worker, run))
        same = (np.diff(run[order]) == 0) & (np.diff(worker[order]) == 0)
        freed = np.zeros(len(run), dtype=np.int64)
        freed[order[1:]] = np.where(same, number[order[:-1]] + 1, 0)
        return freed

    def _decided_s(self, run: IntArray, jobs_before: IntArray) -> FloatArray:
        """Seconds of decisions (q,) of a run before it was told of the job after so many."""
        decisions = self._study.decisions
        if "seconds" not in decisions.columns:
            raise ValueError("the study was stored without its decisions: their time is unknown")
        whose = self.run_numbers(self._study, decisions)
        order = np.argsort(whose, kind="stable")
        whose = whose[order]
        seconds = decisions["seconds"].to_numpy(float)[order]
        total = np.concatenate(([0.0], np.cumsum(seconds)))
        tells = np.flatnonzero((decisions["kind"] == "tell").to_numpy()[order])
        bounds, tell_bounds = self._bounds(whose), self._bounds(whose[tells])
        told = np.concatenate(([0], np.cumsum(self.told)))
        first = self.job_bounds[run]
        tell = tell_bounds[run] + told[first + jobs_before] - told[first]
        # After the last `tell` come no decisions but those that led to jobs still under way.
        until = bounds[run + 1]
        has = tell < tell_bounds[run + 1]
        until[has] = tells[tell[has]]
        return total[until] - total[bounds[run]]

    def busy_s(self, run: IntArray, time_s: FloatArray) -> FloatArray:
        """Worker-seconds (q,) spent on jobs in each run up to a time."""
        start_s, end_s = (self._jobs[name].to_numpy(float) for name in ("start_s", "end_s"))

        def busy(jobs: slice, until_s: FloatArray) -> FloatArray:
            return _elapsed(start_s[jobs], until_s) - _elapsed(end_s[jobs], until_s)

        return self._by_run(busy, run, time_s)

    def _bounds(self, run: IntArray) -> IntArray:
        return np.searchsorted(run, np.arange(len(self.end_s) + 1))

    def _by_run(
        self, of_run: Callable[[slice, FloatArray], FloatArray], run: IntArray, time_s: FloatArray
    ) -> FloatArray:
        """`of_run` of the jobs of a run and all times asked of it, for times (q,) in any order."""
        order = np.argsort(run, kind="stable")
        wanted, whose = time_s[order], self._bounds(run[order])
        answers = np.zeros(len(run))
        for number in np.flatnonzero(np.diff(whose)):
            part = slice(whose[number], whose[number + 1])
            jobs = slice(self.job_bounds[number], self.job_bounds[number + 1])
            answers[order[part]] = of_run(jobs, wanted[part])
        return answers


def _elapsed(moments: FloatArray, until_s: FloatArray) -> FloatArray:
    """Seconds (q,) since each of some moments that passed before a time, summed."""
    moments = np.sort(moments)
    count = np.searchsorted(moments, until_s)
    total = np.concatenate(([0.0], np.cumsum(moments)))
    elapsed: FloatArray = until_s * count - total[count]
    return elapsed
