"""From the end of a real job to its outcome on the clock of the run."""

import numpy as np

from hpobench.real.dispatcher import Ended
from hpobench.records import Evaluation, Job
from hpobench.run.evaluating import failed
from hpobench.run.events import Outcome


def outcome(
    job: Job, start_s: float, ended: Ended, known: Evaluation, end_of_time: float, whole: bool
) -> Outcome:
    """What counts of a job: all of it if it ended in time, else what was known by then.

    `known` is what the job returned or, if it did not, what it had reported. Its seconds count from
    when it was last begun in the worker; they are moved to the clock of the job.
    """
    end_s = min(ended.end_s, end_of_time)
    duration = end_s - start_s
    returned = ended.reply.evaluation
    begun = ended.begun_s if returned is None else ended.end_s - returned.duration_s
    known = known._replace(seconds=known.seconds + (begun - start_s))
    given_up = returned is None and not ended.reply.error
    if given_up or ended.end_s > end_of_time:
        known = known.first(int(known.seconds.searchsorted(duration, "right")))
        return Outcome(job, ended.worker, start_s, end_s, known, True)
    evaluation = known._replace(seconds=np.minimum(known.seconds, duration), duration_s=duration)
    if ended.reply.error:
        evaluation = failed(job, evaluation, ended.reply.error, ended.reply.trace)
    return Outcome(job, ended.worker, start_s, end_s, evaluation, not whole)
