"""A checklist of good reporting of hyperparameter optimisation, from a study's facts.

Sources: Lindauer and Hutter 2020, Best Practices for Scientific Research on Neural Architecture
Search (JMLR 21); Bischl et al. 2023, Hyperparameter Optimization: Foundations, Algorithms, Best
Practices and Open Challenges; Agarwal et al. 2021 (rliable) on seeds and intervals.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hpobench.results.anytime.views import available_views
from hpobench.results.study.failed_runs import has_failed
from hpobench.results.study.horizon import usual_reference
from hpobench.results.study.study import Study
from hpobench.words import counted, first_of

ENOUGH_SEEDS = 10


@dataclass(frozen=True)
class Item:
    """A question, whether it is answered with yes (None: that is not known), and the fact."""

    question: str
    yes: bool | None
    fact: str

    def in_markdown(self) -> str:
        """A line of a list with a box."""
        box = {True: "[x]", False: "[ ]", None: "[?]"}[self.yes]
        return f"- {box} {self.question} {self.fact}."


def checklist(
    study: Study, settings: Mapping[str, Any], manifest: Mapping[str, Any], code: Mapping[str, str]
) -> list[Item]:
    """The items of a study; `code`: by name of a file of the user's its hash."""
    return [*_compared(study), *_measured(study, settings), *_repeatable(study, manifest, code)]


def _compared(study: Study) -> Iterator[Item]:
    names = list(study.methods)
    yield Item(
        "Is random search among the methods?",
        any(name.startswith(usual_reference()) for name in names),
        f"Methods: {', '.join(names)}",
    )
    yield Item(
        "Is there more than one task?",
        len(study.tasks) > 1,
        f"{counted(len(study.tasks), 'tasks')}: {first_of(list(study.tasks), 8)}",
    )
    counts = study.runs.groupby(["task", "method"], observed=True).size()
    yield Item(
        f"Are there at least {ENOUGH_SEEDS} seeds of each method on each task?",
        bool(counts.min() >= ENOUGH_SEEDS),
        f"{counted(counts, 'seeds')}",
    )
    yield Item(
        "Do all methods have the same seeds and budgets?",
        bool(counts.min() == counts.max()),
        "Budgets are of the task, noise is common to methods by seed",
    )


def _measured(study: Study, settings: Mapping[str, Any]) -> Iterator[Item]:
    views = available_views(study)
    other = [task for task, some in views.items() if len(some) > 1]
    yield Item(
        "Is the incumbent judged by other values than those that chose it?",
        len(other) == len(views),
        f"True or test values on {len(other)} of {counted(len(views), 'tasks')}",
    )
    real = settings.get("clock") == "real"
    yield Item(
        "Is the time that methods take to decide accounted for?",
        True,
        "It is part of the wall clock"
        if real
        else f"overhead: {settings.get('overhead')}; it is measured and stored in either case",
    )
    budgets = {task: study.limits(task) for task in study.tasks}
    yield Item(
        "Is the budget stated?",
        all(budgets.values()),
        "; ".join(
            f"{task} {', '.join(f'{name} {limit:g}' for name, limit in limits.items())}"
            for task, limits in budgets.items()
        ),
    )
    failed = int(has_failed(study.runs).sum())
    yield Item(
        "Are failures reported, and is it said what they count as?",
        True,
        f"{failed} of {counted(len(study.runs), 'runs')} failed, which count as "
        f"{settings.get('failed', 'median')}",
    )
    spaces = [bool(node.get("space") or node.get("_target_")) for node in _nodes(settings, "tasks")]
    yield Item("Are search spaces and all settings stated?", all(spaces), "study/config.yaml")


def _repeatable(
    study: Study, manifest: Mapping[str, Any], code: Mapping[str, str]
) -> Iterator[Item]:
    repeats = [task for task, facts in study.tasks.items() if facts.reproducible is not False]
    unknown = [task for task, facts in study.tasks.items() if facts.reproducible is None]
    yield Item(
        "Do all evaluations repeat to the bit?",
        None if unknown else len(repeats) == len(study.tasks),
        f"Not known of {first_of(unknown, 8)}" if unknown else f"{len(repeats)} tasks do",
    )
    yield Item(
        "Is the code of tasks and methods there?",
        True,
        f"{counted(len(code), 'files')} of the user's own, hashed; the rest is hpobench "
        f"{(manifest.get('packages') or {}).get('hpobench')}",
    )
    yield Item(
        "Are the versions of all libraries there?",
        bool(manifest.get("packages")),
        f"Python {manifest.get('python')}, requirements.lock",
    )
    yield Item(
        "Is the machine described?",
        bool(manifest.get("platform")),
        f"{manifest.get('platform')}, {manifest.get('cores')} cores",
    )
    git = manifest.get("git")
    yield Item(
        "Is the version of hpobench a commit without changes?",
        None if not git else not str(git).endswith("+"),
        f"{git}",
    )


def _nodes(settings: Mapping[str, Any], group: str) -> list[Mapping[str, Any]]:
    return list((settings.get(group) or {}).values())
