"""What is installed: the package and its YAML files, whatever became of the links, and no generic
name."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib import resources
from importlib.util import find_spec

import pytest

from hpobench.system.package import FLOORS
from tests.rooms import ROOT

INSTALL = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
INSTALL += ["--no-index", "--no-deps", "--no-build-isolation", "--no-compile"]
# Python without site-packages, so that no hpobench is found but that in the folder that is given;
# libraries are those of this environment.
LIBRARIES = sysconfig.get_path("purelib")
RUN = (
    f"import site, sys; site.addsitedir(sys.argv.pop(1)); sys.path.append({LIBRARIES!r})\n"
    "import hpobench.methods.composite, hpobench.plots.canvas, hpobench.results\n"
    "from hpobench.cli import main; main()"
)


@pytest.fixture(scope="module")
def files():
    """The files of this checkout that git knows or would add, but the links to floors."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs git and a clone, to know which files belong to it")
    if find_spec("setuptools") is None or find_spec("pip") is None:
        pytest.skip("needs pip and setuptools, to build without a network")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in names.splitlines() if (ROOT / name).is_file())


@pytest.fixture
def without_links(files, tmp_path):
    """A copy of the checkout in which a link is a text file that says where it led."""
    top = tmp_path / "checkout"
    for name in files:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, top / name)
    for floor in FLOORS:
        (top / "hpobench" / floor).write_text(f"../{floor}")
    return top


def in_package(files):
    """Where the files of the floors and of `hpobench/` lie once they are installed."""
    floors = {name for name in files if name.startswith(FLOORS) and "/" in name}
    return {f"hpobench/{name}" for name in floors} | {
        name for name in files if name.startswith("hpobench/")
    }


def in_folder(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in (folder / "hpobench").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def lists(folder, cwd):
    """The answer of `hpobench list` by what is installed in a folder."""
    command = [sys.executable, "-S", "-c", RUN, str(folder), "list"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_zip_of_the_sources_is_installed_whole(files, tmp_path):
    # What pip unpacks has text files for links. Git gives what is committed.
    archive, folder = tmp_path / "sources.zip", tmp_path / "installed"
    command = ["git", "archive", "--format=zip", "--prefix=hpobench-main/", "-o", archive, "HEAD"]
    subprocess.run(command, cwd=ROOT, check=True)
    subprocess.run([*INSTALL, "--target", folder, archive], cwd=tmp_path, check=True)
    prefix = "hpobench-main/"
    committed = {
        name.removeprefix(prefix)
        for name in zipfile.ZipFile(archive).namelist()
        if not name.endswith("/") and name.removeprefix(f"{prefix}hpobench/") not in FLOORS
    }
    assert in_folder(folder) == in_package(committed)
    assert "asha" in lists(folder, tmp_path)


def test_a_checkout_without_links_is_installed_whole(files, without_links, tmp_path):
    folder = tmp_path / "installed"
    subprocess.run([*INSTALL, "--target", folder, without_links], cwd=tmp_path, check=True)
    assert in_folder(folder) == in_package(files)
    assert "asha" in lists(folder, tmp_path)


def test_a_checkout_without_links_can_be_installed_editable(without_links, tmp_path):
    folder = tmp_path / "installed"
    subprocess.run([*INSTALL, "--target", folder, "-e", without_links], cwd=tmp_path, check=True)
    # What is added after the installation is there at once.
    (without_links / "conf" / "method" / "added.yaml").write_text("about: {summary: newly added}")
    (without_links / "plots" / "canvas" / "__init__.py").write_text("import hpobench.plots.added")
    (without_links / "plots" / "added.py").write_text("print('the added module')")
    answer = lists(folder, tmp_path)
    assert "newly added" in answer
    assert "the added module" in answer


def test_a_checkout_without_links_that_is_not_installed_says_what_to_do(without_links, tmp_path):
    command = [sys.executable, "-S", "-c", "import hpobench"]
    env = {**os.environ, "PYTHONPATH": str(without_links)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert "lost its symbolic links" in done.stderr
    assert f'python -m pip install -e "{without_links}"' in done.stderr


def test_the_source_distribution_has_what_tests_need(files, without_links, tmp_path):
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    command = [sys.executable, "-c", build, str(tmp_path)]
    subprocess.run(command, cwd=without_links, capture_output=True, check=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {name for name in files if not name.startswith((".ci/", ".gitignore"))} <= names


@pytest.mark.parametrize("name", ["methods", "results", "plots", "conf", "tests"])
def test_no_generic_name_is_importable_from_elsewhere(name, tmp_path):
    code = f"import hpobench, hpobench.{name if name != 'tests' else 'conf'}\nimport {name}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert f"No module named '{name}'" in done.stderr


def test_yaml_files_are_package_data():
    conf = resources.files("hpobench.conf")
    assert conf.joinpath("config.yaml").is_file()
    assert conf.joinpath("method", "random.yaml").is_file()


def test_the_command_runs_from_any_folder(tmp_path):
    command = [sys.executable, "-m", "hpobench.cli", "run", "task=branin", "method=random"]
    settings = ["seeds=2", "n_jobs=1", "progress=false", "name=here"]
    done = subprocess.run([*command, *settings], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
