"""Tuning: one task, one method, one run, and the best configuration of it."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpobench.api import given
from hpobench.api.run import asked, composed, folders_of, load
from hpobench.api.stored import StoredStudy

if TYPE_CHECKING:
    from hpobench.results.verdicts.winner import Winner

AUTO = "auto"
_OF_FUNCTIONS = ("noise", "cost_s", "label", "goal", "ceiling", "unit", "optimum", "median")


class Tuned(StoredStudy):
    """What tuning gave: a study of one run, and the best configuration in it."""

    @property
    def winner(self) -> "Winner":
        """The best configuration with all that is known of it."""
        return self.best()

    @property
    def config(self) -> dict[str, Any]:
        """The best configuration."""
        return dict(self.winner.config)

    @property
    def value(self) -> float:
        """Its observed value, minimised."""
        return self.winner.value

    def _repr_html_(self) -> str:
        from html import escape

        from hpobench.api.best import in_words

        rows = "".join(
            f"<tr><th>{escape(str(name))}</th><td>{escape(str(value))}</td></tr>"
            for name, value in self.config.items()
        )
        return f"<div>{escape(in_words(self.winner, self))}<table>{rows}</table></div>"


def tune(
    function: Any,
    space: Mapping[str, Any] | None = None,
    budget: Mapping[str, float] | None = None,
    *settings: str,
    method: Any = AUTO,
    workers: int | None = None,
    name: str | None = None,
    conf: str | Path | Iterable[str | Path] = (),
    replace: bool = False,
    **others: Any,
) -> Tuned:
    """The best configuration of a function, or of any task, that is found within the budget.

    `function`: called with the hyperparameters by name; its value is minimised (goal="maximize":
    maximised). The name of a task, or an object that is one, will do as well, without a `space`.
    `budget`: {"time_s": 600} on the wall clock, trials, resource or cost. `method`: a name, a class
    of your own, or "auto": what did best on tasks like this. All else is as of `hpobench.run`. The
    same call goes on with a run that was interrupted.

    >>> hpobench.tune(error, {"x": {"type": "float", "low": 0, "high": 1}}, {"trials": 50}).config
    """
    own = {key: others.pop(key) for key in _OF_FUNCTIONS if key in others}
    if space is not None or own:
        if not isinstance(function, Callable):  # type: ignore[arg-type]
            raise ValueError(f"a space is for functions: {function!r} has one already")
        function = given.aside(function, space, own)
    texts = [*asked(None, None, workers, budget, others), *settings]
    texts += [f"name={name}"] if name else []
    return tuned(texts, {"task": function, "method": method}, conf, replace=replace)


def tuned(
    texts: Sequence[str],
    things: Mapping[str, Any],
    conf: str | Path | Iterable[str | Path] = (),
    *,
    replace: bool = False,
) -> Tuned:
    """The same of settings as on the command line; `things`: tasks and methods as objects."""
    from hpobench.api import running
    from hpobench.api.failing import report_failures
    from hpobench.study.study import Study

    settings, methods = _without_method(texts, things)
    folders = folders_of(conf)
    settings += _defaults(settings, things, folders)
    if methods == AUTO:
        methods = _advised(settings, things, folders)
    chosen = composed(settings, {**things, "method": methods}, folders)
    if len(chosen.pairs) > 1:
        pairs = ", ".join(f"{task} by {method}" for task, method in chosen.pairs)
        raise ValueError(f"one task is tuned by one method, not {pairs}: name one of each")
    study = Study.make(chosen)
    study, left = running.execute(study, False, replace)
    stored = Tuned.of(load(study.folder), study.folder)
    report_failures(study, stored.runs, left)
    return stored


def _without_method(texts: Sequence[str], things: Mapping[str, Any]) -> tuple[list[str], Any]:
    """The settings but method=, and the method that they, or the things, name."""
    named = [text.partition("=")[2] for text in texts if text.startswith("method=")]
    if len(named) > 1:
        raise ValueError(f"method={' method='.join(named)}: give method= once")
    others = [text for text in texts if not text.startswith("method=")]
    return others, named[0] if named else things.get("method", AUTO)


def _defaults(
    texts: Sequence[str], things: Mapping[str, Any], folders: Sequence[Path]
) -> list[str]:
    """What tuning sets where nothing else is said: one seed, and the wall clock for real work."""
    from hpobench.study.build import build_task
    from hpobench.study.sources import foreign

    said = {text.partition("=")[0] for text in texts}
    if "task" not in said and "task" not in things:
        raise ValueError("name the task to tune: task=NAME (hpobench list task)")
    first = _with_anyone(texts, things, folders)
    names = list(dict.fromkeys(task for task, _ in first.pairs))
    node = first.settings["tasks"][names[0]]
    config = {key: value for key, value in node.items() if key not in ("about", "budget")}
    real = foreign(config) or hasattr(build_task(config), "train")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    usual = {
        "clock": "real" if real else "simulated",
        "seeds": 1,
        "workers": min(4, cores or 1),
        "name": f"tune_{names[0]}",
        "failed": "last",
    }
    return [f"{key}={value}" for key, value in usual.items() if key not in said]


def _with_anyone(texts: Sequence[str], things: Mapping[str, Any], folders: Sequence[Path]) -> Any:
    """The settings with any method at all, to look at the rest."""
    from hpobench.study import catalogue

    anyone = catalogue.names("method")[0]
    return composed(list(texts), {**things, "method": anyone}, folders)


def _advised(texts: Sequence[str], things: Mapping[str, Any], folders: Sequence[Path]) -> str:
    """The method that the advisor names; its reason goes to standard error."""
    from hpobench.api import advice

    first = _with_anyone(texts, things, folders)
    found = advice.for_settings(first.settings, first.pairs[0][0])
    print(f"method=auto: {found.in_words()}", file=sys.stderr)
    return found.method
