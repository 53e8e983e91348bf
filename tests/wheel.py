"""`make wheel-test`: what a user installs, built and used in environments of its own.

Both distributions are built; the wheel is installed without extras, by the constraints of the
checkout; a study is run, drawn and reported with it from an empty folder; a task that trains names
the extra that it lacks; what is installed is to stay under 500 MB.
"""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.rooms import ROOT

LARGEST_MB = 500
BUILD = (
    "import sys; from setuptools import build_meta as build; to = sys.argv[1]\n"
    "build.build_sdist(to); build.build_wheel(to)"
)
RUN = "import hpobench; print(hpobench.run('seeds=2', tasks='branin', methods='sobol').best())"


def _run(*command: str | Path, cwd: Path, wanted: int = 0) -> str:
    """What a command says; raises SystemExit with it if its status is not the wanted one."""
    aside = ("PYTHONPATH", "VIRTUAL_ENV", "HPOBENCH_PEERS")
    env = {name: value for name, value in os.environ.items() if name not in aside}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, text=True, capture_output=True, check=False
    )
    if done.returncode != wanted:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout + done.stderr


def _megabytes(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*")) / 1e6


def main() -> None:
    """Build, install, use; prints what was measured."""
    with TemporaryDirectory() as place:
        here = Path(place)
        (here / "dist").mkdir()
        (here / "empty").mkdir()
        _run(sys.executable, "-c", BUILD, here / "dist", cwd=ROOT)
        (wheel,), (sdist,) = here.glob("dist/*.whl"), here.glob("dist/*.tar.gz")
        with tarfile.open(sdist) as archive, zipfile.ZipFile(wheel) as contents:
            in_wheel = {name for name in contents.namelist() if name.startswith("hpobench/")}
            assert len(archive.getnames()) > len(in_wheel) > 400
            assert not {name.split("/")[0] for name in contents.namelist()} & {"methods", "tests"}
        _run(sys.executable, "-m", "venv", here / "env", cwd=here)
        before, python = _megabytes(here / "env"), here / "env" / "bin" / "python"
        pip = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
        _run(*pip, "-c", ROOT / "constraints.txt", wheel, cwd=here)
        size = _megabytes(here / "env") - before
        print(f"wheel {wheel.stat().st_size / 1e6:.1f} MB; installed with libraries {size:.0f} MB")
        assert size < LARGEST_MB, "too large"
        program, empty = here / "env" / "bin" / "hpobench", here / "empty"
        assert "asha" in _run(program, "list", cwd=empty)
        settings = ["method=random,asha", "task=curves_stable,branin", "seeds=3", "name=mine"]
        said = _run(program, "run", *settings, "--plot", "--report", cwd=empty)
        assert "report.html" in said, said
        said = _run(program, "run", "task=cnn_digits", "method=random", cwd=empty, wanted=2)
        assert "pip install 'hpobench[train]'" in said, said
        assert "config=" in _run(python, "-c", RUN, cwd=empty)
        print("it lists, runs, draws, reports, and names the extra that it lacks")


if __name__ == "__main__":
    main()
