"""Environments of their own: made from requirements, marked when complete, listed."""

import argparse
import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hpobench.cli import peers
from hpobench.methods.peers.process import environments
from hpobench.methods.peers.process.process import Process
from hpobench.records import Fidelity
from hpobench.space.space import Space

RATE = Space({"rate": {"type": "float", "low": 0, "high": 1}})


def wheel(folder, version):
    """A package `tiny` that knows its version, as pip takes it, without network."""
    info = f"tiny-{version}.dist-info"
    files = {
        "tiny.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        for name, text in files.items()
    }
    rows = [f"{name},sha256={digests[name]},{len(text)}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    path = folder / f"tiny-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def requirements(tmp_path, monkeypatch):
    """A folder of requirements in place of the real one, and one of environments."""
    folder = tmp_path / "requirements"
    folder.mkdir()
    monkeypatch.setattr(environments, "REQUIREMENTS", folder)
    monkeypatch.setenv("HPOBENCH_PEERS", str(tmp_path / "peers"))
    return folder


def options(*names, **others):
    return argparse.Namespace(names=list(names), **others)


def test_from_missing_to_installed_to_outdated(requirements, tmp_path, capsys, monkeypatch):
    """All in one test, for an environment takes seconds to make."""
    (requirements / "little.txt").write_text(f"{wheel(tmp_path, '1.5')}\n")
    peer = {"command": ["{python}", str(tmp_path / "client.py"), "{clients}"]}
    peer["environment"] = "little"
    build = lambda: Process(RATE, Fidelity(), np.random.default_rng(0), 1, peer)  # noqa: E731
    with pytest.raises(ValueError, match="'little' is not installed: hpobench peers install littl"):
        build()

    assert peers.install(options("little")) == 0
    little = environments.named("little")
    assert little.status == environments.INSTALLED
    assert str(little.folder) in capsys.readouterr().out

    # It runs in there, and sees nothing of what belongs to us.
    (tmp_path / "client.py").write_text(
        "import sys\nsys.path.insert(0, sys.argv[1])\nimport tiny\nfrom serving import serve\n"
        "class Optimizer:\n    name = f'tiny {tiny.version} {sys.prefix} ' + str(sys.path)\n"
        "serve(lambda hello: Optimizer())\n"
    )
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    method = build()
    method.set_up()
    method.close()
    assert method.name.startswith(f"tiny 1.5 {little.folder} ")
    assert "/elsewhere" not in method.name

    (requirements / "little.txt").write_text(f"{wheel(tmp_path, '1.6')}\n")
    assert little.status == environments.OUTDATED
    with pytest.raises(ValueError, match="'little' is outdated: hpobench peers install little"):
        build()
    assert peers.listing(options(conf=[])) == 0
    assert "outdated: hpobench peers install little" in capsys.readouterr().out


@pytest.mark.slow
def test_what_has_another_hash_is_not_installed(requirements, tmp_path, capsys):
    tiny = wheel(tmp_path, "1.7")
    (requirements / "little.txt").write_text("tiny==1.7\n")
    (requirements / "little.lock").write_text(f"tiny @ {tiny.as_uri()} --hash=sha256:{64 * '0'}\n")
    assert peers.install(options("little")) == 1
    assert "DO NOT MATCH THE HASHES" in capsys.readouterr().err
    assert environments.named("little").status == environments.MISSING


@pytest.mark.parametrize("name", environments.names())
def test_all_that_is_pinned_has_hashes_but_torch(name):
    file = environments.named(name).requirements
    pinned = re.findall(r"^([\w.-]+)==(\S+)$", file.read_text(), re.MULTILINE)
    wanted = {(re.sub(r"[._-]+", "-", one).lower(), version) for one, version in pinned}
    locked = re.split(r"\n(?=\S)", file.with_suffix(".lock").read_text())
    assert all("--hash=sha256:" in one for one in locked)
    found = {tuple(one.split(" ")[0].split("==")) for one in locked}
    assert {one for one, _ in wanted - found} <= {"torch", "torchvision"}
    assert found <= wanted


@pytest.mark.slow
def test_pip_says_why_it_fails_and_the_half_made_is_made_anew(requirements, tmp_path, capsys):
    absent = tmp_path / "absent-1.0-py3-none-any.whl"
    (requirements / "broken.txt").write_text(f"{absent}\n")
    (requirements / "empty.txt").write_text("\n")
    broken = environments.named("broken")
    broken.folder.mkdir(parents=True)
    (broken.folder / "rest").touch()
    assert peers.install(options("broken", python=None)) == 1
    assert "libraries of 'broken' cannot be installed" in (said := capsys.readouterr().err)
    assert "absent-1.0" in said
    assert not (broken.folder / "rest").exists()
    assert Path(broken.python).exists()
    assert broken.status == environments.MISSING


def test_a_python_that_is_not_there(requirements, capsys):
    (requirements / "empty.txt").write_text("\n")
    assert peers.install(options("empty", python="no-such-python")) == 1
    assert "no-such-python" in capsys.readouterr().err
    with pytest.raises(LookupError, match=r"unknown environment 'emty'. Did you mean empty\?"):
        peers.install(options("empty", "emty"))


def test_an_environment_whose_python_is_gone_is_missing(requirements):
    (requirements / "old.txt").write_text("\n")
    old = environments.named("old")
    (old.folder / "bin").mkdir(parents=True)
    digest = hashlib.sha256(b"\n").hexdigest()
    (old.folder / ".installed").write_text(digest)
    assert old.status == environments.MISSING
    Path(old.python).touch()
    assert old.status == environments.INSTALLED


def test_where_environments_live(monkeypatch, tmp_path):
    monkeypatch.setenv("HPOBENCH_PEERS", "~/mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert environments.root() == tmp_path / "mine"
    monkeypatch.delenv("HPOBENCH_PEERS")
    assert environments.root() == tmp_path / ".cache" / "hpobench" / "peers"


def test_the_list_says_what_is_there_and_who_needs_it(requirements, tmp_path, capsys):
    (requirements / "unused.txt").write_text("\n")
    methods = tmp_path / "conf" / "method"
    methods.mkdir(parents=True)
    for name, text in {
        "with_numpy": "about: {library: numpy}",
        "also_numpy": "library: numpy",
        "with_nothing": "about: {library: no-such-library}",
        "apart": "peer: {environment: little}",
    }.items():
        (methods / f"{name}.yaml").write_text(text + "\n")
    assert peers.listing(options(conf=[tmp_path / "conf"])) == 0
    said = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert f"numpy {np.__version__} also_numpy, with_numpy" in said
    missing = "no-such-library missing: pip install 'hpobench[no-such-library]' with_nothing"
    assert missing in said
    assert "unused missing: hpobench peers install unused no method: for tests and benches" in said
    assert "little unknown: there are no requirements of that name apart" in said


def test_the_module_imports_nothing_heavy():
    code = (
        "import sys, hpobench.methods.peers.process.environments, hpobench.cli.peers;"
        "print(sorted({'numpy', 'scipy', 'torch', 'hydra'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
