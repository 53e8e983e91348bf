"""Commands for large studies, and on many machines: fewer files, a script for SLURM."""

import argparse
import shlex
import sys
from pathlib import Path

from hpobench.cli import habits
from hpobench.cli.options import Commands, of_study
from hpobench.cli.run import composed
from hpobench.system import atomic
from hpobench.system.threads import cap_threads
from hpobench.words import counted

_MARK = "# A study of hpobench as an array of"


def add(commands: Commands) -> None:
    """Add these commands to those of the program."""
    script = commands.add_parser("sbatch", help="write a script for SLURM that runs a study")
    script.add_argument(
        "overrides",
        nargs="*",
        metavar="key=value",
        help="as of run; engine.jobs= in how many parts, engine.queue=, .cores=, .memory=, ...",
    )
    script.add_argument(
        "--output", type=Path, metavar="FILE", default=Path("hpobench.sbatch"), help="%(default)s"
    )
    script.add_argument("--extend", action="store_true", help="as of run")
    script.add_argument("--replace", action="store_true", help="as of run")
    script.add_argument("--runs-dir", help="the same as runs_dir=")
    habits.add_conf(script)
    script.set_defaults(command=sbatch)
    merge = of_study(commands, "compact", "merge the files of a large study")
    merge.set_defaults(command=compact)


def compact(options: argparse.Namespace) -> int:
    """Merge the parts of each pair of a study."""
    from hpobench.storage import merging, parts
    from hpobench.study.checks import study_folder
    from hpobench.system import locks

    folder = study_folder(options.study, options.runs_dir)
    with locks.locked(folder / ".lock"):
        parts.clear_up(folder)
        merged = merging.compact(folder)
        left = len(parts.faults(folder))
    print(f"{counted(merged, 'parts')} of {folder} merged{f', {left} left out' if left else ''}")
    return 0


def sbatch(options: argparse.Namespace) -> int:
    """Check the study, and write the script whose array runs it."""
    cap_threads()
    from hpobench.cluster import sbatch as slurm
    from hpobench.cluster import settings
    from hpobench.study.study import Study

    if options.runs_dir is not None:
        options.overrides.append(f"runs_dir={options.runs_dir}")
        options.runs_dir = None
    of_engine = [text for text in options.overrides if _is_of_engine(text)]
    others = [text for text in options.overrides if text not in of_engine]
    for text in others:
        key = text.partition("=")[0]
        if key in ("shard", "n_jobs", "backend", "engine"):
            raise ValueError(f"{text}: the script says so itself: leave it out")
    study = Study.make(composed([*others, "engine=local", "progress=false"], options))
    engine = composed([*others, "engine=slurm", *of_engine], options).settings["engine_settings"]
    settings.check_values(engine)
    conf = [word for folder in options.conf for word in ("--conf", str(folder))]
    words = [*others, *conf, *_flags(options)]
    text = slurm.script(
        engine,
        name=str(study.settings["name"]),
        folder=str(Path.cwd()),
        file=str(options.output),
        program=[
            *(sys.executable, "-m", "hpobench.cli", "run", *words),
            *("engine=local", "progress=false"),
        ],
        command=shlex.join(["hpobench", *sys.argv[1:]]).replace("\n", " "),
        simulated=study.settings["clock"] == "simulated",
    )
    atomic.check_output(options.output, _MARK)
    atomic.write_text(options.output, text)
    parts = engine.get("jobs") or 1
    chunks = len(study.pending())
    print(f"{options.output}: sbatch {options.output} runs {chunks} pieces in {parts} jobs")
    if chunks < parts:
        print(
            f"hpobench: {parts - chunks} of the {parts} jobs will have nothing to do: take fewer "
            f"(engine.jobs={max(chunks, 1)}), or smaller pieces (part_runs=)",
            file=sys.stderr,
        )
    return 0


def _flags(options: argparse.Namespace) -> list[str]:
    return [f"--{name}" for name in ("extend", "replace") if getattr(options, name)]


def _is_of_engine(text: str) -> bool:
    return text.lstrip("+~").startswith("engine.")
