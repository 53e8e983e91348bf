"""Commands that run something: a study, a recording, the claims of papers."""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpobench.api import deciding, running
from hpobench.api.failing import failures, report_failures
from hpobench.cli import habits, scoring
from hpobench.cli.options import Commands
from hpobench.study import catalogue
from hpobench.system import atomic, terminal
from hpobench.system.threads import cap_threads
from hpobench.words import unknown

if TYPE_CHECKING:
    from hpobench.results import Study as Stored
    from hpobench.study.compose import Composed
    from hpobench.study.study import Study


def add(commands: Commands) -> None:
    """The command `run`, for the parser."""
    made = commands.add_parser("run", help="run a study, or what is missing of it")
    habits.add_settings(made)
    made.add_argument("--dry-run", action="store_true", help="print the plan and run nothing")
    made.add_argument(
        "--extend", action="store_true", help="add methods, tasks or seeds to a study that is there"
    )
    made.add_argument("--report", action="store_true", help="write the report in the end")
    made.add_argument("--plot", action="store_true", help="draw the figures in the end")
    made.add_argument("--quiet", "-q", action="store_true", help="no bar, notes or scores")
    made.add_argument("--json", action="store_true", help="print what became of it as JSON")
    habits.add_conf(made)
    _add_replace(made)
    _add_runs_dir(made)
    made.set_defaults(command=run)


def add_record(commands: Commands) -> None:
    """The command `record`, for the parser."""
    made = commands.add_parser("record", help="train a design once, into a table to replay")
    made.add_argument("overrides", nargs="*", metavar="key=value", help="task= configs= seeds=")
    made.add_argument(
        "--grouped",
        action="store_true",
        help="train the seeds of a configuration as one network: cheaper, and equal up to rounding",
    )
    habits.add_conf(made)
    _add_runs_dir(made)
    made.set_defaults(command=record)


def add_claims(commands: Commands) -> None:
    """The command `claims`, for the parser."""
    made = commands.add_parser("claims", help="what papers say of methods, run and judged")
    made.add_argument("overrides", nargs="*", metavar="key=value", help="claim=NAME, seeds=, ...")
    _add_replace(made)
    made.add_argument(
        "--findings",
        type=Path,
        metavar="FILE",
        help="keep there what was found of each study, and run none of which it is known already",
    )
    _add_runs_dir(made)
    made.set_defaults(command=claims)


def _add_replace(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--replace",
        action="store_true",
        help="hide what was run under other settings; it stays on disk",
    )


def _add_runs_dir(command: argparse.ArgumentParser) -> None:
    command.add_argument("--runs-dir", help="the same as runs_dir=, for studies to be written")


def run(options: argparse.Namespace) -> int:
    """Run what is missing of a study, then print its scores."""
    began = time.perf_counter()
    cap_threads()
    from hpobench.study.study import Study

    if options.quiet and options.json:
        raise ValueError("--quiet and --json are no use together: --json prints one object alone")
    asked = composed(habits.quieted(options, options.overrides), options)
    if habits.answered(options, asked):
        return 0
    study = Study.make(asked)
    if options.dry_run:
        from hpobench.api.estimate import estimate as estimated

        print(_describe(study, [f"--{name}" for name in _FLAGS if getattr(options, name)]))
        # Scores take about as long in the end as it takes to come here.
        if (expected := estimated(study, 2 * (time.perf_counter() - began))) is not None:
            print(expected.in_words())
        return 0
    study, left = running.execute(study, options.extend, options.replace)
    made_of = "" if left or not _only_scores(study, options) else scoring.made_from(study)
    if made_of:
        running.remark(study)
        if scoring.reprinted(study, made_of):
            _print_place(study)
            return 0
    from hpobench.results import load

    stored = load(study.folder)
    if options.json:
        status = report_failures(study, stored.runs, left)
        print(json.dumps(_outcome(study, stored, status), indent=1))
        return status
    text = ""
    if not options.quiet:
        if not made_of:
            running.remark(study)
        text = scoring.print_scores(stored)
        _print_place(study)
        if deciding.is_auto(study):
            deciding.print_decisions(study)
    for path in _drawn(study, stored, options):
        print(path)
    failed, status = failures(study, stored.runs, left)
    print(failed, end="", file=sys.stderr)
    if made_of and not failed:
        scoring.keep(study, made_of, text)
    return status


def _only_scores(study: "Study", options: argparse.Namespace) -> bool:
    """Whether scores are all that a call prints of its runs."""
    others = ("json", "quiet", "plot", "report")
    return not (deciding.is_auto(study) or any(getattr(options, name) for name in others))


def _drawn(study: "Study", stored: "Stored", options: argparse.Namespace) -> Iterator[Path]:
    """What --plot and --report make."""
    if options.plot:
        from hpobench.plots.draw import draw

        with terminal.working("figures"):
            paths = draw(stored, study.folder / "figures")
        yield from paths
    if options.report:
        from hpobench.plots.report import page

        with terminal.working("report"):
            path = page.write(study.folder)
        yield path


def _outcome(study: "Study", stored: "Stored", status: int) -> dict[str, Any]:
    """What became of a call, for programs: what is not known is null."""
    from hpobench.results.anytime.incumbents import incumbents
    from hpobench.results.anytime.regret import references
    from hpobench.results.verdicts.scores import scores_of

    failed = stored.runs["status"].astype(str) == "failed"
    outcome: dict[str, Any] = {
        "name": str(study.settings["name"]),
        "folder": str(study.folder),
        "exit_status": status,
        "runs": len(stored.runs),
        "failed": int(failed.sum()),
    }
    if len(stored.observations):
        found = incumbents(stored)
        table = scores_of(found, references(stored, found.views))
        outcome["scores"] = json.loads(table.to_json(orient="records"))
    return outcome


def composed(overrides: Sequence[str], options: argparse.Namespace) -> "Composed":
    """The settings of a call; what the user should know of them goes to standard error."""
    from hpobench.study import compose

    if options.runs_dir is not None:
        if any(text.startswith("runs_dir=") for text in overrides):
            raise ValueError("--runs-dir and runs_dir= say the same: give one of them")
        overrides = [*overrides, f"runs_dir={options.runs_dir}"]
    made = compose.load(overrides, getattr(options, "conf", ()))
    for note in made.notes:
        print(note, file=sys.stderr)
    return made


def _describe(study: "Study", flags: Sequence[str]) -> str:
    """The plan as text: what would be run, and what is stored already; `flags` were given."""
    status = study.status()
    lines = [
        f"study {study.settings['name']} in {study.folder}: {len(study.keys())} runs, "
        f"{len(status)} stored, {sum(len(c.seeds) for c in study.pending())} to run",
        f"workers {study.settings['workers']}, overhead {study.settings['overhead']}, "
        + (
            "clock real, one run at a time"
            if study.settings["clock"] == "real"
            else f"processes {study.settings['n_jobs']}"
        ),
    ]
    change = study.change()
    needed = _NEEDS.get(change.kind)
    needs = f": needs {needed}, or another name=" if needed and needed not in flags else ""
    lines.append(f"this call {change.in_words()}{needs}")
    lines += [*running.unplanned(study), *filter(None, [study.one_level()])]
    tasks = {pair.task: pair for pair in study.pairs}
    for task, first in tasks.items():
        methods = [pair.method for pair in study.pairs if pair.task == task]
        limits = ", ".join(
            f"{name} {limit:g}" for name, limit in first.budget.limits().items() if limit < math.inf
        )
        seeds = f"{len(first.seeds)} seeds"
        if deciding.is_auto(study):
            seeds += f" at first, {study.settings['decide']['max']} at most"
        lines.append(f"  {task} (budget: {limits}) x {seeds}")
        lines.append(f"      {', '.join(methods)}")
    return "\n".join(lines)


_FLAGS = ("extend", "replace")
_NEEDS = {"extends": "--extend", "replaces": "--replace"}


def _print_place(study: "Study") -> None:
    """Where the study is, and what shows it."""
    name = study.folder.name if study.folder.parent == Path("runs") else study.folder
    print(
        f"\nStored in {study.folder}. Report: hpobench report {name}; figures: hpobench plot {name}"
    )


_OF_RECORDINGS = ("task", "study", "configs", "seeds", "n_jobs", "runs_dir", "progress")
"""What `record` reads, beside the tasks' own settings."""
_NOT_RECORDED = ("about", "budget", "constraints")


def _check_recorded(overrides: Sequence[str]) -> None:
    """Raise ValueError for a setting that recording would not use."""
    for text in overrides:
        first, *rest = text.partition("=")[0].lstrip("+~").strip().split(".")
        if first == "tasks" and len(rest) > 1 and rest[1] in _NOT_RECORDED:
            raise ValueError(
                f"{text}: a recording holds what is trained and measured, whatever a task's "
                f"{rest[1]} says: leave it out here, and give it to the run that replays the table"
            )
        if first not in (*_OF_RECORDINGS, "tasks"):
            known = ", ".join(f"{name}=" for name in _OF_RECORDINGS)
            raise ValueError(
                f"{text} is no use with record, which takes {known} and tasks.NAME.key=: leave it "
                "out"
            )


def record(options: argparse.Namespace) -> int:
    """`configs=` says how many configurations, `seeds=` how many repetitions of each."""
    cap_threads()
    from hpobench.study import catalogue, checks, recording

    _check_recorded(options.overrides)
    if not any(text.startswith(("task=", "study=")) for text in options.overrides):
        raise ValueError("name the task to record: task=NAME (hpobench list task)")
    counts = [text for text in options.overrides if text.startswith("configs=")]
    if len(counts) > 1:
        raise ValueError(f"{' '.join(counts)}: give configs= once")
    number = counts[0].partition("=")[2] if counts else "2000"
    if not number.isdecimal() or int(number) < 1:
        raise ValueError(f"configs={number}: use a number of configurations of at least 1")
    others = [text for text in options.overrides if text not in counts]
    anyone = catalogue.names("method")[0]  # a recording has no method, but settings have one
    asked = composed([*others, f"method={anyone}"], options)
    settings = asked.settings
    if isinstance(settings["seeds"], list):
        raise ValueError(
            f"seeds={settings['seeds']}: repetitions of a recording are counted from 0: give their "
            f"number, such as seeds={len(settings['seeds'])}"
        )
    atomic.check_runs_dir(Path(settings["runs_dir"]))
    for name in dict.fromkeys(task for task, _ in asked.pairs):
        seeds = len(checks.seeds(settings["seeds"]))
        job = recording.plan(name, settings["tasks"][name], int(number), seeds, options.grouped)
        folder = Path(settings["runs_dir"]) / "recordings" / name
        missing = job.missing(folder)
        quiet = not settings["progress"]
        with running.progress_bar(len(missing), name, quiet, "piece") as bar:
            for _ in recording.record(job, folder, settings["n_jobs"]):
                bar.update()
        print(recording.write_table(job, folder))
    return 0


def claims(options: argparse.Namespace) -> int:
    """Run the studies `claims/NAME` and print a Markdown table of what was found."""
    cap_threads()
    from hpobench.identity import digest
    from hpobench.results import load
    from hpobench.results.verdicts import claims as judged
    from hpobench.study.study import Study

    chosen = [text.partition("=")[2] for text in options.overrides if text.startswith("claim=")]
    others = [text for text in options.overrides if not text.startswith("claim=")]
    known = [name for name in catalogue.names("study") if name.startswith("claims/")]
    if studied := [text for text in others if text.startswith("study=")]:
        raise ValueError(f"{studied[-1]}: each claim is its own study: choose by claim=NAME")
    studies = [f"claims/{name}" for name in dict.fromkeys(chosen)] or known
    if strange := [name for name in studies if name not in known]:
        raise LookupError(unknown("claim", strange[0], known))
    named = [text for text in others if text.startswith("name=")]
    if named and len(studies) > 1:
        raise ValueError(f"{named[-1]}: each claim has a study of its own: choose one by claim=")
    failed, found = 0, []
    kept = judged.Findings(options.findings)
    for name in studies:
        about = catalogue.read("study", name)["about"]
        study = Study.make(composed([f"study={name}", *others], options))
        runs = sorted((pair.fingerprint, list(pair.seeds)) for pair in study.pairs)
        asked = digest([runs, about["expects"]])
        findings = kept.of(name, asked)
        if not findings:
            if deciding.is_auto(study):
                raise ValueError("seeds=auto: claims are judged by a number of seeds: give seeds=N")
            study, left = running.execute(study, extend=True, replace=options.replace)
            stored = load(study.folder)
            findings = judged.judge(stored, about["expects"])
            failed |= report_failures(study, stored.runs, left)
            if set(study.keys()) <= study.status().keys():  # else a shard, or others are at it
                kept.keep(name, asked, findings)
        found.append((about, findings))
    verdicts = judged.decided([one for _, findings in found for one in findings])
    print(judged.HEADER)
    for about, findings in found:
        mine, verdicts = verdicts[: len(findings)], verdicts[len(findings) :]
        print(judged.as_markdown(about, findings, mine))
    print("\n" + judged.CORRECTED.format(count=sum(len(findings) for _, findings in found)))
    return failed
