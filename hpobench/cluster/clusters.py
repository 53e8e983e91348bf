"""A cluster of Dask: one that runs, or one that is started and ends with its context.

Whatever is known of schedulers (SLURM, Kubernetes, ssh, ...) the class of the cluster knows.
"""

import inspect
import logging
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from hpobench.cluster.settings import Settings, arguments, patience_s
from hpobench.system.dotted import locate
from hpobench.system.terminal import Notice

CONNECT_S = 20.0
SAY_AFTER_S = 10.0
"""So long workers are waited for without a word."""
_LOOK_S = 0.2


class ClusterError(ValueError):
    """What is wrong with a cluster, and what would do."""


class _Heard(logging.Handler):
    """Keeps what went wrong last in the loop of a cluster, where nobody else is told of it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: deque[BaseException] = deque(maxlen=1)

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.errors.append(record.exc_info[1])


@dataclass(frozen=True)
class Cluster:
    """A client of a cluster, what the settings say of it, and where it is, in words.

    `started`: the cluster itself, if it is ours, and what `heard` of it.
    """

    client: Any
    settings: Settings
    place: str
    started: Any = None
    heard: _Heard = field(default_factory=_Heard)

    @property
    def patience_s(self) -> float:
        return patience_s(self.settings)

    def threads(self) -> dict[str, int]:
        """The workers that are there: the threads of each by its address."""
        try:
            return dict(self.client.nthreads())
        except Exception as error:  # whatever a client raises that has lost its scheduler
            raise self.gone() from error

    def is_there(self) -> bool:
        """Whether the scheduler answers."""
        return bool(self.client.status == "running")

    def gone(self) -> ClusterError:
        """What is to be said when the scheduler does not answer any more."""
        return ClusterError(
            f"the Dask scheduler of {self.place} is gone. What is stored is kept; the same command "
            "goes on from it"
        )

    def wait_for_workers(self, count: int = 1) -> dict[str, int]:
        """The workers, as soon as they have `count` threads; raises ClusterError if none come."""
        patience = self.patience_s
        begun, said = time.monotonic(), False
        while sum((found := self.threads()).values()) < count:
            waited, came = time.monotonic() - begun, sum(found.values())
            self._check_started(found, count)
            if waited > patience:
                raise ClusterError(
                    f"{self.place}: {came} threads of workers came within "
                    f"engine.patience_s={patience:g} seconds, and {count} are needed: look at its "
                    "queue and at what its workers print, take fewer workers, or be more patient"
                )
            if waited > SAY_AFTER_S and not said:
                said = True
                words = (
                    f"waiting for workers of {self.place}: {came} of {count} threads are there, "
                    f"for engine.patience_s={patience:g} at most. Its queue and what its workers "
                    "print (engine.log_directory=) say why"
                )
                warnings.warn(words, Notice, stacklevel=2)
            time.sleep(_LOOK_S)
        return found

    def _check_started(self, found: dict[str, int], count: int) -> None:
        """Raise ClusterError if no worker will come, or no further one."""
        asked = list(getattr(self.started, "workers", {}).values())
        if self.heard.errors and not any(worker.status.name == "running" for worker in asked):
            words = " ".join(str(self.heard.errors[-1]).split())
            raise ClusterError(f"{self.place} cannot start its workers: {words}")
        jobs, processes = self.settings.get("jobs"), self.settings.get("processes") or 1
        if self.started is not None and jobs and len(found) >= jobs * processes:
            raise ClusterError(
                f"{self.place}: {count} threads are needed, and its {len(found)} workers have "
                f"{sum(found.values())}: take fewer workers, or raise engine.jobs={jobs}"
            )

    def everywhere(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """The answers of all workers that are there, by address; one that is lost has none."""
        try:
            answers: dict[str, Any] = self.client.run(function, *arguments, on_error="return")
        except Exception as error:
            if not self.is_there():
                raise self.gone() from error
            raise ClusterError(f"{self.place}: its workers cannot run hpobench: {error}") from error
        for address, answer in answers.items():
            if isinstance(answer, ModuleNotFoundError):
                raise ClusterError(
                    f"the worker at {address} has no {answer.name}: install there what is "
                    "installed here"
                )
        return {
            address: answer
            for address, answer in answers.items()
            if not isinstance(answer, BaseException)
        }


@contextmanager
def opened(name: str, settings: Settings) -> Iterator[Cluster]:
    """The cluster of `engine=NAME`, started if it does not run; raises ClusterError."""
    distributed, dask = import_module("distributed"), import_module("dask")
    # A task that was under way on two workers that died is suspect; Dask would say so after four,
    # and mean those as well that waited there: none does.
    # Workers start processes, which Python allows to those only that are no daemons.
    # A worker that died is given up only when patience has ended: until then its nanny may start
    # it again, or its scheduler queue its job, and Dask would end both after 15 seconds.
    ours = {
        "distributed.scheduler.allowed-failures": 1,
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.worker.daemon": False,
        "distributed.deploy.lost-worker-timeout": patience_s(settings),
        "distributed.admin.system-monitor.gil.enabled": False,
    }
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(ours))
        heard = stack.enter_context(_quiet())
        place, words = _place(name, settings, stack)
        try:
            client = distributed.Client(timeout=CONNECT_S, set_as_default=False, **place)
        except (OSError, ValueError) as error:
            raise ClusterError(f"no Dask scheduler answers at {words} ({error})") from error
        stack.callback(_closed, client)
        started = place["address"] if words == f"engine={name}" else None
        yield Cluster(client, settings, words, started, heard)


def _closed(client: Any) -> None:
    with suppress(Exception):  # of a scheduler that is gone
        client.close(timeout=5)


@contextmanager
def _quiet() -> Iterator[_Heard]:
    """What Dask logs on losing workers is told otherwise, and its workers' warnings are theirs."""
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    before = [logger.level for logger in loggers]
    heard, loop = _Heard(), logging.getLogger("tornado.application")
    handlers, loop.handlers, level = loop.handlers, [heard], loop.level
    try:
        loop.setLevel(logging.ERROR)
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(distributed|dask|tornado|asyncio)\b.*")
            yield heard
    finally:
        loop.handlers = handlers
        for logger, own in zip([*loggers, loop], [*before, level], strict=True):
            logger.setLevel(own)


def _place(name: str, settings: Settings, stack: ExitStack) -> tuple[dict[str, Any], str]:
    """What a client is given to connect, and the place in words."""
    if (address := settings.get("address")) is not None:
        return {"address": address}, f"engine.address={address}"
    if (file := settings.get("scheduler_file")) is not None:
        return {"scheduler_file": file}, f"engine.scheduler_file={file}"
    return {"address": stack.enter_context(_started(name, settings))}, f"engine={name}"


@contextmanager
def _started(name: str, settings: Settings) -> Iterator[Any]:
    """A cluster of the class that the settings name."""
    given = arguments(settings)
    try:
        made = locate(settings["_target_"])
        jobs = settings.get("jobs")
        if jobs is not None and "n_workers" in inspect.signature(made).parameters:
            given.setdefault("n_workers", 0 if settings.get("minimum_jobs") is not None else jobs)
        cluster = made(**given)
    except Exception as error:
        raise ClusterError(
            f"engine={name}: {settings['_target_']} cannot be started: "
            f"{type(error).__name__}: {error}"
        ) from error
    said = False
    try:
        _scale(cluster, settings)
        yield cluster
    except BaseException:
        said = True
        raise
    finally:
        try:
            cluster.close(timeout=20)
        except Exception as error:
            words = f"engine={name} did not end as it should: {type(error).__name__}: {error}"
            if not said:  # else it is the least of what went wrong
                warnings.warn(words, Notice, stacklevel=2)


def _scale(cluster: Any, settings: Settings) -> None:
    """Ask for workers: `jobs` of them, or as many as there is work for."""
    jobs, fewest = settings.get("jobs"), settings.get("minimum_jobs")
    in_jobs = "jobs" in inspect.signature(cluster.scale).parameters  # dask-jobqueue
    if fewest is not None:
        bounds = ("minimum_jobs", "maximum_jobs") if in_jobs else ("minimum", "maximum")
        cluster.adapt(**dict(zip(bounds, (fewest, jobs), strict=True)))
    elif jobs is not None:
        cluster.scale(jobs=jobs) if in_jobs else cluster.scale(jobs)
