"""Processes beside a worker."""

import multiprocessing

from hpobench.cluster import beside
from hpobench.cluster.greeting import packed


def work():
    """As a worker that ends while the slot of a run waits for its next job."""
    beside.of_slot("run", 0, packed([]), {}).do(abs, -1)


def test_a_worker_that_ends_does_not_wait_for_them():
    worker = multiprocessing.get_context("spawn").Process(target=work)
    worker.start()
    worker.join(60)
    ended = not worker.is_alive()
    worker.kill()
    worker.join()
    assert ended
    assert worker.exitcode == 0
