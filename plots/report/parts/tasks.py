"""Task by task: what to use for how many minutes, the curves, the scores."""

from hpobench.plots.recipes import configurations_of
from hpobench.plots.report.blocks import Block, OnPaper, Paragraph, Section, Show
from hpobench.plots.report.context import Context
from hpobench.plots.report.parallel import parallel_drawing
from hpobench.plots.report.parts import scores
from hpobench.plots.report.parts.groups import attempt
from hpobench.plots.report.parts.summary import choices
from hpobench.results.anytime.notes import contradicted
from hpobench.study.pairs import one_level


def tasks(context: Context) -> list[Block]:
    """A folded section for each task with a run that did not fail."""
    runs = context.study.runs[["task", "method"]].drop_duplicates().astype(str)
    pairs = runs.itertuples(index=False, name=None)
    words = one_level(pairs, context.study.tasks, context.study.methods)
    blocks: list[Block] = [Paragraph(f"{words[0].upper()}{words[1:]}.")] if words else []
    return blocks + [
        Section(
            f"task-{context.number(task)}",
            context.task_label(task),
            _blocks(context, task),
            folded=True,
        )
        for task in context.tasks
    ]


def _blocks(context: Context, task: str) -> list[Block]:
    blocks: list[Block] = [Paragraph(_facts(context, task))]
    mine = [verdict for verdict in context.verdicts if verdict.tasks == (task,)]
    blocks += [choices(context, mine)] if mine else []
    blocks.append(Show(f"task-{task}", "show in the interactive figure"))
    blocks.append(OnPaper(f"task-{task}"))
    blocks += [OnPaper(f"test-{task}")] if task in context.tested else []
    blocks += scores.of_task(context, task)
    return [*blocks, *attempt(lambda: _configurations(context, task))]


def _configurations(context: Context, task: str) -> list[Block]:
    """The incumbents in parallel coordinates, if the study has their configurations."""
    if "config" not in context.study.trials:
        return []
    found, matters, options = configurations_of(context.study, task)
    alt = f"Configurations of the incumbents on {context.task_label(task)}: parallel coordinates"
    return [parallel_drawing(found, matters, alt, **options)]


def _facts(context: Context, task: str) -> str:
    facts = context.found.tasks[task]
    words = [f"Measured: {facts.value_label}" + (f" ({facts.unit})" if facts.unit else "")]
    if facts.fidelity != "none":
        words.append(f"resource: {facts.fidelity}, {facts.r_min:g} to {facts.r_max:g}")
    if facts.optimum is not None:
        words.append(f"known optimum {facts.optimum:.6g}")
    if facts.median is not None:
        words.append(f"median configuration {facts.median:.6g}")
    said = (*contradicted(context.found, [task]), *facts.remarks)
    return " ".join(["; ".join(words) + ".", *said])
