"""What is installed: the package and its YAML files, and no generic name."""

import subprocess
import sys
from importlib import resources

import pytest


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
