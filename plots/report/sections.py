"""The sections of a report, in order. What cannot be computed says why in its place."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from hpobench.plots.canvas.paper import current, drawn_for
from hpobench.plots.report.blocks import Block, Section
from hpobench.plots.report.context import Context
from hpobench.plots.report.parts.across import across
from hpobench.plots.report.parts.answer import answer
from hpobench.plots.report.parts.deciding import deciding
from hpobench.plots.report.parts.groups import attempt
from hpobench.plots.report.parts.record import environment, failures, lost, rerun
from hpobench.plots.report.parts.scores import scores
from hpobench.plots.report.parts.sources import sources
from hpobench.plots.report.parts.speed import speed
from hpobench.plots.report.parts.summary import summary
from hpobench.plots.report.parts.tasks import tasks
from hpobench.plots.report.parts.tests import tests
from hpobench.plots.report.parts.trust import constraints, overtuning
from hpobench.plots.report.parts.under_way import under_way
from hpobench.plots.report.parts.workers import decisions, workers
from hpobench.system.terminal import step


class Part(NamedTuple):
    """An anchor, a heading, and what makes the blocks below it: none, and it is left out."""

    name: str
    title: str
    make: Callable[[Context], Sequence[Block]]


UNDER_WAY = (Part("under-way", "Under way", under_way),)
"""Above all others, in both forms: it changes while they stay."""
PARTS = (
    Part("answer", "Which method to use", answer),
    Part("lost", "Tasks without any value", lost),
    Part("summary", "Budget by budget", summary),
    Part("deciding", "Decisions, and the seeds they took", deciding),
    Part("tasks", "Task by task", tasks),
    Part("scores", "Scores", scores),
    Part("across", "How the methods compare at the end", across),
    Part("speed", "Time to target", speed),
    Part("tests", "Tests", tests),
    Part("sources", "Where the spread comes from", sources),
    Part("overtuning", "Overtuning", overtuning),
    Part("constraints", "Constraints", constraints),
    Part("workers", "Workers", workers),
    Part("decisions", "Computing time of the methods", decisions),
    Part("failures", "Failures", failures),
    Part("environment", "Environment", environment),
    Part("rerun", "How to run it again", rerun),
)


WHILE_RUNNING = tuple(
    part
    for part in PARTS
    if part.name in ("answer", "lost", "summary", "tasks", "scores", "failures")
)


def sections(context: Context, parts: Sequence[Part] = PARTS) -> list[Section]:
    """Those that have something to say."""
    made = []
    with drawn_for(replace(current(), caption=False)):  # the page has them as text
        for part in parts:
            step(part.title)
            made.append(Section(part.name, part.title, attempt(partial(part.make, context))))
    return [section for section in made if section.blocks]
