"""Jobs in batches: when a method that searches one job at a time is asked, and when it hears.

Sequential, synchronous batch and asynchronous search are one setting: `batch: 1, wait: true`,
`batch: 8, wait: true` and, by default, `batch: 1, wait: false`.
"""

from collections.abc import Callable

from hpobench.records import Evaluation, Job


class Batches:
    """Deals jobs in batches of `size`, all chosen from what was known when the batch began.

    What ends is held back until the batch is complete: a method knows it as pending until then.
    `wait`: no job of the next batch starts before the last of this one has ended; otherwise workers
    that are free begin the next one, with what has ended by then. A batch is complete as well when
    the method has nothing else to do, as at the barrier of a rung. `hear` is the method's own tell.
    """

    def __init__(self, size: int, wait: bool, hear: Callable[[Job, Evaluation], None]) -> None:
        if isinstance(size, bool) or not size >= 1 or size % 1:
            raise ValueError(f"batch={size}: a whole number of jobs, at least 1")
        if not isinstance(wait, bool):
            raise ValueError(f"wait={wait!r}: use true or false")
        self._size, self._wait, self._hear = size, wait, hear
        self._started = self._under_way = 0
        self._held: list[tuple[Job, Evaluation]] = []

    def ask(self, ask: Callable[[], Job | None]) -> Job | None:
        """The next job, by the method's own `ask`; None: nothing to do until something returns."""
        if self._started >= self._size:
            if self._blocked:
                return None
            self._begin()
        job = ask()
        if job is None and self._held and not self._blocked:
            self._begin()
            job = ask()
        if job is None:
            self._started = self._size
            return None
        self._started += 1
        self._under_way += 1
        return job

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        """A job ended."""
        self._under_way -= 1
        self._held.append((job, evaluation))
        alone = self._size == 1 and not self._wait
        if alone or (self._wait and self._started >= self._size and not self._under_way):
            self._begin()

    def refuse(self) -> None:
        """The job that was dealt last will not be run."""
        self._started -= 1
        self._under_way -= 1

    @property
    def _blocked(self) -> bool:
        return self._wait and self._under_way > 0

    def _begin(self) -> None:
        """Tell what was held back, and begin the next batch."""
        held, self._held, self._started = self._held, [], 0
        for job, evaluation in held:
            self._hear(job, evaluation)
