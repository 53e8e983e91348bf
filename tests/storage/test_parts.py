"""Parts on disk: what is not as it was written is named, left out, and run again."""

import json
import os
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from hpobench.results import load
from hpobench.storage import parts as store
from hpobench.storage import seal
from hpobench.system.atomic import StorageError
from tests.studies import execute, plan

SETTINGS = ("task=bowl", "method=[random,sobol]", "seeds=2", "budget.trials=5")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study of two parts; tests work on copies."""
    folder = tmp_path_factory.mktemp("whole")
    execute(plan(folder, *SETTINGS))
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return tmp_path


def parts(folder):
    """The parts of the study by method."""
    found = sorted((folder / "runs" / "study" / "parts").glob("bowl.*"))
    return {path.name.split(".")[1]: path for path in found}


def flip(path):
    """One bit in the middle of a file, size and time as they were."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("name", [f"{table}.parquet" for table in seal.TABLES])
def test_one_bit_costs_its_part_and_the_next_run_makes_it_again(folder, name):
    before = load(folder / "runs" / "study").observations
    seal._examined.cache_clear()  # as in another process
    damaged = parts(folder)["random"]
    flip(damaged / name)
    with pytest.warns(UserWarning, match=rf"{damaged}: {name} is not as it was written"):
        stored = load(folder / "runs" / "study")
    assert set(stored.runs["method"]) == set(stored.observations["method"]) == {"sobol"}
    with pytest.warns(UserWarning, match=rf"{damaged}: {name} .* kept in .*damaged, and run again"):
        assert execute(plan(folder, *SETTINGS)) == 2
    again = load(folder / "runs" / "study")
    assert again.observations.equals(before)
    assert (damaged.parent / ".damaged" / damaged.name / name).exists()


def spoil_missing(part, other):
    (part / "trials.parquet").unlink()


def spoil_empty(part, other):
    (part / "jobs.parquet").write_bytes(b"")


def spoil_foreign(part, other):
    shutil.copy(other / "observations.parquet", part / "observations.parquet")


def spoil_seal(part, other):
    shutil.copy(other / "seal.json", part / "seal.json")


def spoil_seal_text(part, other):
    (part / "seal.json").write_bytes(b"\xff\x00")


def spoil_half(part, other):
    """Rows of one seed, sealed anew by hand: the seal says of which runs they should be."""
    path = part / "runs.parquet"
    pq.write_table(pq.ParquetFile(path).read().slice(0, 1), path)
    stated = json.loads((part / "seal.json").read_text())
    stated["tables"]["runs.parquet"] = seal.atomic.digest(path)
    (part / "seal.json").write_text(json.dumps(stated))


SPOILT = {
    spoil_missing: "it lacks trials.parquet",
    spoil_empty: "jobs.parquet is not as it was written",
    spoil_foreign: "observations.parquet is not as it was written",
    spoil_seal: "is not as it was written",
    spoil_seal_text: "seal.json is damaged",
    spoil_half: "seal.json is of other runs",
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_what_does_not_fit_is_left_out_and_named(folder, spoil):
    found = parts(folder)
    spoil(found["random"], found["sobol"])
    (fault,) = store.faults(folder / "runs" / "study").values()
    assert SPOILT[spoil] in fault.reason
    with pytest.warns(UserWarning, match="left out: .*random.*makes its runs again"):
        assert len(load(folder / "runs" / "study").runs) == 2


def test_a_command_that_shows_less_than_is_stored_says_so_by_its_status(folder):
    """In a process of its own: pytest hears warnings before the command does."""
    spoil_missing(parts(folder)["random"], None)
    study = str(folder / "runs" / "study")
    command = [sys.executable, "-m", "hpobench.cli", "export", study, "--format", "csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("hpobench: left out: ")
    assert "bowl,sobol," in done.stdout


@pytest.mark.parametrize(("key", "words"), [("seal", "seal 2"), ("schema", "row schema 2")])
def test_a_part_of_a_newer_version_is_left_where_it_is_and_refused(folder, key, words):
    part = parts(folder)["random"]
    stated = json.loads((part / "seal.json").read_text())
    assert stated[key] == 1
    del stated["tables"]  # whatever else a newer one may say
    (part / "seal.json").write_text(json.dumps(stated | {key: 2}))
    for refused in (
        lambda: load(folder / "runs" / "study"),
        lambda: execute(plan(folder, *SETTINGS)),
    ):
        with pytest.raises(
            (ValueError, StorageError), match=rf"{part}: .* newer .*{words}.* update"
        ):
            refused()
    assert part.exists()


def test_parts_of_older_versions_have_no_seal_and_open(folder):
    found = parts(folder)
    for part in found.values():
        (part / "seal.json").unlink()
    assert len(load(folder / "runs" / "study").runs) == 4
    shutil.copy(found["sobol"] / "trials.parquet", found["random"] / "trials.parquet")
    (found["sobol"] / "jobs.parquet").write_bytes(b"PAR1 and no more")
    reasons = [fault.reason for fault in store.faults(folder / "runs" / "study").values()]
    assert reasons[0] == "trials.parquet is of other runs than runs.parquet"
    assert reasons[1].startswith("jobs.parquet is damaged")


def test_a_foreign_folder_stays_and_ends_nothing(folder):
    place = folder / "runs" / "study" / "parts"
    (place / "notes").mkdir()
    (place / "notes" / "read.me").touch()
    (place / "list.txt").touch()
    (place / ".draft 7").touch()
    with pytest.warns(UserWarning, match=r"notes: it is no part of a study \(move it elsewhere\)"):
        assert len(load(folder / "runs" / "study").runs) == 4
    assert execute(plan(folder, *SETTINGS)) == 0
    assert (place / "notes" / "read.me").exists()


def test_a_link_that_leads_nowhere_stops_a_run_that_would_begin_anew(folder):
    part = parts(folder)["random"]
    part.rename(folder / "elsewhere")
    part.symlink_to(folder / "elsewhere")
    assert len(load(folder / "runs" / "study").runs) == 4
    (folder / "elsewhere").rename(folder / "unplugged")
    with pytest.warns(UserWarning, match="random.*cannot be read"):
        assert len(load(folder / "runs" / "study").runs) == 2
    with pytest.raises(StorageError, match=r"random.*cannot be read"):
        execute(plan(folder, *SETTINGS))
