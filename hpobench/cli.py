"""The command line: the one file that may import everything, each when it is needed."""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpobench import catalogue

if TYPE_CHECKING:
    from typing import NoReturn

    from tqdm import tqdm

    from hpobench.live import Status
    from hpobench.study import Study

EPILOG = """examples:
  hpobench run                       run the default study
  hpobench run method=[random,asha] task=[curves_stable,phoneme] seeds=30 workers=4 name=mine
  hpobench run task=phoneme budget.trials=100 tasks.phoneme.repetition=mean --dry-run
  hpobench plot mine                 draw the figures of a study
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 if runs failed, 2 if it was asked wrongly."""
    options = _parse(arguments)
    try:
        status: int = options.command(options)
    except (ValueError, LookupError, OSError) as error:
        if os.environ.get("HPOBENCH_TRACEBACK"):
            raise
        # str() of a KeyError would put its message in quotes.
        words = error.args[0] if isinstance(error, LookupError) and error.args else error
        print(f"hpobench: error: {words}", file=sys.stderr)
        return 2
    return status


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse; settings may stand before and after options."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if any(word.startswith("-") for word in rest) or (rest and "overrides" not in options):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.overrides = [*options.overrides, *rest]
    # Tasks and methods of one's own may be modules beside their YAML; workers inherit the path.
    sys.path += [str(folder.resolve()) for folder in getattr(options, "conf", [])]
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "hpobench",
        description="Compare hyperparameter-optimisation methods, honestly and fast.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run a study, or what is missing of it")
    run.add_argument("overrides", nargs="*", metavar="key=value", help="see conf/config.yaml")
    run.add_argument("--dry-run", action="store_true", help="print the plan and run nothing")
    run.set_defaults(command=_run)
    listing = commands.add_parser("list", help="list the methods, tasks and studies there are")
    listing.add_argument("group", nargs="?", choices=["method", "task", "study"])
    listing.set_defaults(command=_list)
    recording = commands.add_parser("record", help="train a design once, into a table to replay")
    recording.add_argument(
        "overrides", nargs="*", metavar="key=value", help="task= configs= seeds="
    )
    recording.set_defaults(command=_record)
    for command in (run, listing, recording):
        command.add_argument(
            "--conf",
            action="append",
            default=[],
            type=Path,
            metavar="DIR",
            help="a folder with method/, task/ or study/ YAML files of your own",
        )
    claims = commands.add_parser("claims", help="what papers say of methods, run and judged")
    claims.add_argument("overrides", nargs="*", metavar="key=value", help="claim=NAME, seeds=, ...")
    claims.set_defaults(command=_claims)
    plot = commands.add_parser("plot", help="draw the figures of a study")
    plot.add_argument("study", help="name of the study, or its folder")
    plot.add_argument("--time", choices=["log", "linear"], default="log", help="time axis")
    plot.add_argument("--statistic", choices=["mean", "median"], default="mean")
    plot.add_argument("--band", choices=["sem", "sd", "bootstrap", "quartiles"])
    plot.add_argument("--view", choices=["observed", "true", "test"], help="value that is drawn")
    plot.add_argument(
        "--run", metavar="TASK,METHOD,SEED", help="one run: its learning curves, rungs, workers"
    )
    plot.add_argument("--runs-dir", default="runs")
    plot.set_defaults(command=_plot)
    return parser


def _list(options: argparse.Namespace) -> int:
    for group in [options.group] if options.group else ["method", "task", "study"]:
        names = catalogue.names(group, options.conf)
        width = max(map(len, names), default=0)
        print(f"{group}:")
        for name in names:
            about = catalogue.read(group, name, options.conf).get("about") or {}
            print(f"  {name:<{width}}  {about.get('summary', '')}".rstrip())
    return 0


def _cap_threads() -> None:
    """One thread a process, before NumPy is imported: parallelism is over runs."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def _run(options: argparse.Namespace) -> int:
    _cap_threads()
    from hpobench import config
    from hpobench.study import Study

    study = Study.make(config.load(options.overrides, options.conf))
    if options.dry_run:
        print(_describe(study))
        return 0
    _execute(study)
    _print_scores(study)
    return _report_failures(study)


def _describe(study: "Study") -> str:
    """The plan as text: what would be run, and what is stored already."""
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
    tasks = {pair.task: pair for pair in study.pairs}
    for task, first in tasks.items():
        methods = [pair.method for pair in study.pairs if pair.task == task]
        limits = ", ".join(
            f"{name} {limit:g}" for name, limit in first.budget.limits().items() if limit < math.inf
        )
        lines.append(f"  {task} (budget: {limits}) x {len(first.seeds)} seeds")
        lines.append(f"      {', '.join(methods)}")
    return "\n".join(lines)


def _execute(study: "Study") -> None:
    from tqdm import tqdm

    pending = study.pending()
    total = sum(len(chunk.seeds) for chunk in pending)
    stored = len(study.keys()) - total
    if stored:
        print(f"{stored} runs are stored already, {total} to run", file=sys.stderr)
    failed = 0
    quiet = not study.settings["progress"]
    with tqdm(total=total, unit="run", desc=str(study.settings["name"]), disable=quiet) as bar:
        for report in study.run(None if quiet else lambda status: _show(bar, status)):
            failed += len(report.errors)
            bar.set_postfix(failed=failed, refresh=False)
            bar.update(len(report.chunk.seeds))


def _show(bar: "tqdm[NoReturn]", status: "Status") -> None:
    """A run that really takes its time: what it does, and for how long it will."""
    best = "-" if math.isinf(status.best) else f"{status.best:.4g}"
    left = "" if math.isinf(status.left_s) else f", {status.left_s:.0f} s left"
    bar.set_postfix_str(
        f"{status.time_s:.0f} s, {len(status.running)} jobs running, {status.trials} trials, "
        f"best {best}{left}"
    )


def _print_scores(study: "Study") -> None:
    from hpobench.results import load, scores

    stored = load(study.folder)
    if len(stored.observations):
        print(scores.as_text(scores.scores(stored)))
    name = study.folder.name if study.folder.parent == Path("runs") else study.folder
    print(f"\nStored in {study.folder}. Figures: hpobench plot {name}")


def _report_failures(study: "Study") -> int:
    failed = [key for key, status in study.status().items() if status == "failed"]
    if not failed:
        return 0
    from hpobench.results import load

    runs = load(study.folder).runs
    mine = {(key.task, key.method, key.seed) for key in failed}
    errors = runs[
        [key in mine for key in zip(runs["task"], runs["method"], runs["seed"], strict=True)]
    ]
    print(f"\n{len(failed)} runs failed (retry with retry_failed=true):", file=sys.stderr)
    for row in errors.itertuples():
        print(f"  {row.task} {row.method} seed {row.seed}: {row.error}", file=sys.stderr)
    return 1


def _record(options: argparse.Namespace) -> int:
    """`configs=` says how many configurations, `seeds=` how many repetitions of each."""
    _cap_threads()
    from tqdm import tqdm

    from hpobench import config, recording, resolve

    counts = [text for text in options.overrides if text.startswith("configs=")]
    number = counts[-1].partition("=")[2] if counts else "2000"
    if not number.isdecimal() or int(number) < 1:
        raise ValueError(f"configs={number}: use a number of configurations of at least 1")
    others = [text for text in options.overrides if text not in counts]
    composed = config.load([*others, "method=random"], options.conf)
    for name in dict.fromkeys(task for task, _ in composed.pairs):
        settings = composed.settings
        job = recording.plan(
            name, settings["tasks"][name], int(number), len(resolve.seeds(settings["seeds"]))
        )
        folder = Path(settings["runs_dir"]) / "recordings" / name
        missing = job.missing(folder)
        with tqdm(total=len(missing), unit="piece", desc=name) as bar:
            for _ in recording.record(job, folder, settings["n_jobs"]):
                bar.update()
        print(recording.write_table(job, folder))
    return 0


def _claims(options: argparse.Namespace) -> int:
    """Run the studies `claims/NAME` and print a Markdown table of what was found."""
    _cap_threads()
    from hpobench import config
    from hpobench.results import claims, load
    from hpobench.study import Study

    chosen = [text.partition("=")[2] for text in options.overrides if text.startswith("claim=")]
    others = [text for text in options.overrides if not text.startswith("claim=")]
    known = [name for name in catalogue.names("study") if name.startswith("claims/")]
    studies = [f"claims/{name}" for name in chosen] or known
    if strange := [name for name in studies if name not in known]:
        raise LookupError(catalogue.unknown("claim", strange[0], known))
    print(claims.HEADER)
    failed = 0
    for name in studies:
        about = catalogue.read("study", name)["about"]
        study = Study.make(config.load([f"study={name}", *others]))
        _execute(study)
        print(claims.as_markdown(about, claims.judge(load(study.folder), about["expects"])))
        failed |= _report_failures(study)
    return failed


def _plot(options: argparse.Namespace) -> int:
    _cap_threads()
    from hpobench.plots import figures
    from hpobench.resolve import study_folder
    from hpobench.results import load

    folder = study_folder(options.study, options.runs_dir)
    if options.run:
        task, method, seed = _one_run(options.run)
        paths = figures.draw_run(load(folder), folder / "figures", task, method, seed)
        print("\n".join(map(str, paths)))
        return 0
    band = options.band or ("sem" if options.statistic == "mean" else "quartiles")
    paths = figures.draw(
        load(folder),
        folder / "figures",
        time=options.time,
        statistic=options.statistic,
        band=band,
        view=options.view,
    )
    print("\n".join(str(path) for path in paths))
    return 0


def _one_run(text: str) -> tuple[str, str, int]:
    parts = text.split(",")
    if len(parts) != 3 or not parts[2].strip().isdecimal():
        raise ValueError(f"--run {text}: give a task, a method and a seed, as in phoneme,random,0")
    return parts[0].strip(), parts[1].strip(), int(parts[2])


if __name__ == "__main__":
    sys.exit(main())
