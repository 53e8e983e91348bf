"""What the sections of a report are made from; what several of them need is computed once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from hpobench.plots.recipes import Compared, in_this_order
from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.anytime.regret import Reference, references
from hpobench.results.anytime.views import available_views
from hpobench.results.conduct.progress import shares
from hpobench.results.conduct.under_way import UnderWay, under_way
from hpobench.results.study.failed_runs import counting_failed, fine, has_failed
from hpobench.results.study.load import Kept, load
from hpobench.results.study.study import Study
from hpobench.results.verdicts.decisions import Decisions, of_study
from hpobench.results.verdicts.scores import scores_of
from hpobench.results.verdicts.strips import Strip, final_order, strips
from hpobench.results.verdicts.verdict import Verdict, verdicts
from hpobench.storage import layout
from hpobench.storage.schema import MethodFacts


@dataclass(frozen=True)
class Group:
    """Tasks with a run that did not fail on which the same methods were run."""

    number: int
    tasks: list[str]
    compared: Compared

    @property
    def found(self) -> Incumbents:
        """The incumbents of their runs."""
        return self.compared.found

    @property
    def references(self) -> Mapping[str, Reference]:
        """By task that can be normalised, what by."""
        return self.compared.references


@dataclass(frozen=True)
class Context:
    """A study, what its folder says of it, and what follows from it."""

    study: Study
    planned: int
    """How many runs the plan has."""
    config: str = ""
    """Its config.yaml."""
    manifest: dict[str, Any] | None = None
    under_way: Sequence[UnderWay] = ()
    """Real runs that had begun and were not stored."""
    progress: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """By task and method of the plan, the share of the runs that is stored."""

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.study.settings.get("name", "study"))

    @cached_property
    def found(self) -> Incumbents:
        """The incumbents of all runs, in each task's own view; methods best first."""
        return self._found.ordered(final_order(self.study.methods, self.verdicts))

    @cached_property
    def _found(self) -> Incumbents:
        return incumbents(self.study)

    @property
    def methods(self) -> dict[str, MethodFacts]:
        """The methods in the order in which the page shows them: best first."""
        return in_this_order(self.study.methods, self.found.methods)

    @cached_property
    def strips(self) -> list[Strip]:
        """Methods x budgets, of each set of tasks that is judged."""
        return strips(self.verdicts, {name: t.clock for name, t in self.study.tasks.items()})

    @cached_property
    def tested(self) -> list[str]:
        """The tasks among them that have values on test data beside those shown of them."""
        views = available_views(self.study)
        shown = self.found.views
        return [task for task in self.tasks if "test" in views[task] and shown[task] != "test"]

    @cached_property
    def references(self) -> dict[str, Reference]:
        """By task with runs, what its values are normalised by."""
        known = references(self.study, self._found.views)
        return {task: known[task] for task in self.tasks if task in known}

    @cached_property
    def tasks(self) -> list[str]:
        """The tasks that have a run that did not fail."""
        runs = self.study.runs
        present = set(fine(runs)["task"].astype(str))
        return [task for task in self.study.tasks if task in present]

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Which method for which budget."""
        return verdicts(self._found, self.references)

    @cached_property
    def decisions(self) -> Decisions | None:
        """Of a study that found its number of seeds itself, what was decided; None: of another.

        Raises ValueError if there is nothing to compare.
        """
        return of_study(self.study, self.found, self.references)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The table of scores."""
        known = references(self.study, self.found.views)
        return scores_of(self.found, known, self.verdicts if known == self.references else None)

    @property
    def failed(self) -> int:
        """How many runs failed."""
        return int(has_failed(self.study.runs).sum())

    @cached_property
    def groups(self) -> list["Group"]:
        """The tasks on which the same methods were run, group by group."""
        made: list[Group] = []
        for tasks in self.found.groups():
            kept = [task for task in tasks if task in self.tasks]
            known = {task: self.references[task] for task in kept if task in self.references}
            if kept:
                compared = Compared(self.study, self.found.only(kept), known, judged=self.verdicts)
                made.append(Group(len(made) + 1, kept, compared))
        return made

    def group_label(self, tasks: Sequence[str]) -> str:
        """The one task, or how many there are and which."""
        if len(tasks) == 1:
            return self.task_label(tasks[0])
        return f"{len(tasks)} tasks ({listed(map(self.task_label, tasks))})"

    def number(self, task: str) -> int:
        """Its place among the tasks: an anchor that needs no escaping."""
        return list(self.study.tasks).index(task) + 1

    def task_label(self, task: str) -> str:
        """How a task is called; other names, as of averages, are as they are."""
        return self.study.tasks[task].label if task in self.study.tasks else task

    @property
    def task_labels(self) -> dict[str, str]:
        """How tasks are called, by name."""
        return {name: facts.label for name, facts in self.study.tasks.items()}

    def method_label(self, method: str) -> str:
        """How a method is called."""
        return self.study.methods[method].label if method in self.study.methods else method


def read(folder: Path, failed: str | None = None, kept: Kept | None = None) -> Context:
    """The context of a stored study. Raises FileNotFoundError if there is none.

    `kept`: what was read of it before, where it is read time and again (see `load`).
    """
    study = counting_failed(load(folder, kept), failed)
    pairs = layout.read_plan(folder)["pairs"]
    planned = sum(len(pair["seeds"]) for pair in pairs)
    return Context(
        study,
        planned,
        _text(folder / "config.yaml"),
        layout.read_manifest(folder),
        under_way(folder, study),
        shares(pairs, study.runs),
    )


def listed(words: Iterable[str]) -> str:
    """With commas between them; with semicolons if they hold commas."""
    known = list(words)
    return ("; " if any("," in word for word in known) else ", ").join(known)


def _text(path: Path) -> str:
    """To be looked at, whatever it holds."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
