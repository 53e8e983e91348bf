"""The hashes of what two small studies give: whether a change of the house has changed nothing.

    python -m tests.golden FILE      # written there if it is missing, else compared with

Two studies, on the simulated clock and on that of the wall (whose measured times count as nothing),
are run, interrupted and continued; then come the tables, the scores, the exports, the figures of
every mode with their captions, and the report less what it says of when and how it was made. The
hashes hold for one machine and its libraries: they are for comparing two commits, not to be kept.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pyarrow.parquet as pq
from matplotlib.image import imread

from hpobench.cli import parser

SIMULATED = (
    "method=[random,asha,tpe,pbt,bohb,median_stopping]",
    *(
        "task=[branin,curves_stable,car]",
        "seeds=4",
        "workers=3",
        "budget.trials=30",
        "name=simulated",
    ),
)
REAL = (
    *("method=[random,asha]", "task=curves_stable", "seeds=1", "workers=1", "budget.trials=6"),
    *("clock=real", "oversubscribe=true", "name=real"),
)
# Measured seconds, and what follows from them.
MEASURED = ("seconds", "cpu_s", "setup_s", "end_time_s", "time_s", "start_s", "end_s", "worker")
PLOTS = (
    (),
    ("--time", "linear", "--statistic", "iqm", "--band", "bootstrap"),
    ("--statistic", "median", "--band", "quartiles"),
    ("--view", "observed"),
    ("--axis", "evaluations"),
    ("--reference", "random"),
    ("--reference", "random", "--level", "0.5", "0.2"),
    ("--costs",),
    ("--task", "curves_stable"),
    ("--task", "car", "--axis", "wall_clock,evaluations"),
    ("--run", "curves_stable,asha,0"),
    ("--scaling", "simulated", "narrow"),
    ("--failed", "last"),
)


def command(*arguments: str) -> str:
    """What a command of the program prints; raises SystemExit if it fails."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()) as err:
        status = parser.main(arguments)
    if status:
        raise SystemExit(f"hpobench {' '.join(arguments)}: {err.getvalue()}")
    return out.getvalue()


def digest(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def tables(name: str, without: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The columns of every table of a study."""
    for path in sorted(Path("runs", name, "parts").glob("*/*.parquet")):
        table = pq.read_table(path)
        kept = [column for column in table.column_names if column not in without]
        yield f"{name}/{path.parent.name}/{path.stem}", digest(repr(table.select(kept).to_pydict()))


def interrupted() -> None:
    """A real run that is ended in its midst, and goes on from its journal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hpobench.cli", "run", *REAL, "progress=false"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(timeout=4)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
    command("run", *REAL, "progress=false")


def figures(options: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The pixels of each figure of one mode, and its caption."""
    folder = Path("runs/simulated/figures")
    shutil.rmtree(folder, ignore_errors=True)
    target = options[1:] if options[:1] == ("--scaling",) else ("simulated",)
    asked = ("--scaling", *target[1:]) if options[:1] == ("--scaling",) else options
    command("plot", target[0], *asked)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix != ".pdf":
            content = imread(path).tobytes() if path.suffix == ".png" else path.read_bytes()
            yield f"plot {' '.join(options)}/{path.relative_to(folder)}", digest(content)


def page() -> str:
    """The report, less its manifest and the packed data."""
    command("report", "simulated", "--output", "page.html")
    text = Path("page.html").read_text(encoding="utf-8")
    text = text.replace(str(Path.cwd()), "")
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:+-]+|[0-9a-f]{7,40}\+?", "", text)


def golden() -> dict[str, str]:
    """The hash of everything, by its name."""
    command("run", *SIMULATED, "n_jobs=1", "progress=false")
    narrow = [s for s in SIMULATED if not s.startswith(("workers", "name"))]
    command("run", *narrow, "workers=1", "name=narrow", "n_jobs=1", "progress=false")
    interrupted()
    made = dict(tables("simulated", ("seconds", "cpu_s", "setup_s")))
    made |= dict(tables("real", MEASURED))
    again = command("run", *SIMULATED, "n_jobs=1", "progress=false")
    made["scores"] = digest(again)
    for form in ("markdown", "latex"):
        made[f"export {form}"] = digest(command("export", "simulated", "--format", form))
    for options in PLOTS:
        made |= dict(figures(options))
    text = page()
    Path("page.txt").write_text(text, encoding="utf-8")
    made["report"] = digest(text)
    return made


def main() -> int:
    """Write or compare; returns the exit status."""
    file = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        made = golden()
    if not file.exists():
        file.write_text(json.dumps(made, indent=1) + "\n")
        print(f"{len(made)} hashes in {file}")
        return 0
    before = json.loads(file.read_text())
    other = sorted(n for n in before.keys() | made.keys() if before.get(n) != made.get(n))
    print("\n".join(other) or f"all {len(made)} are the same")
    return int(bool(other))


if __name__ == "__main__":
    sys.exit(main())
