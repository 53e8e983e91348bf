"""A cluster of Dask: one that runs, or one that is started and ends with its context.

Whatever is known of schedulers (SLURM, Kubernetes, ssh, ...) the class of the cluster knows.
"""

import inspect
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from hpobench.cluster.settings import Settings, arguments
from hpobench.system.dotted import locate
from hpobench.system.terminal import Notice

CONNECT_S = 20.0
_LOOK_S = 0.2


class ClusterError(ValueError):
    """What is wrong with a cluster, and what would do."""


@dataclass(frozen=True)
class Cluster:
    """A client of a cluster, what the settings say of it, and where it is, in words."""

    client: Any
    settings: Settings
    place: str

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
        patience = float(self.settings.get("patience_s", 60.0))
        until = time.monotonic() + patience
        while sum((found := self.threads()).values()) < count:
            if time.monotonic() > until:
                raise ClusterError(
                    f"{self.place}: {sum(found.values())} threads of workers came within "
                    f"engine.patience_s={patience:g} seconds, and {count} are needed: look at its "
                    "queue and at what its workers print, take fewer workers, or be more patient"
                )
            time.sleep(_LOOK_S)
        return found

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
    # A task that was under way on two workers that died is suspect; Dask would say so after four.
    # Workers start processes, which Python allows to those only that are no daemons.
    ours = {
        "distributed.scheduler.allowed-failures": 1,
        "distributed.worker.daemon": False,
        "distributed.admin.system-monitor.gil.enabled": False,
    }
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(ours))
        stack.enter_context(_quiet())
        place, words = _place(name, settings, stack)
        try:
            client = distributed.Client(timeout=CONNECT_S, set_as_default=False, **place)
        except (OSError, ValueError) as error:
            raise ClusterError(f"no Dask scheduler answers at {words} ({error})") from error
        stack.callback(_closed, client)
        yield Cluster(client, settings, words)


def _closed(client: Any) -> None:
    with suppress(Exception):  # of a scheduler that is gone
        client.close(timeout=5)


@contextmanager
def _quiet() -> Iterator[None]:
    """What Dask logs on losing workers is told otherwise, and its workers' warnings are theirs."""
    logging = import_module("logging")
    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(distributed|dask|tornado|asyncio)\b.*")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


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
    try:
        _scale(cluster, settings)
        yield cluster
    finally:
        try:
            cluster.close(timeout=20)
        except Exception as error:
            words = f"engine={name} did not end as it should: {type(error).__name__}: {error}"
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
