"""Calls of one study side by side: who holds a chunk runs it, and nobody else does."""

import json
import socket
import threading
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from hpobench.loop.overhead import free_of_charge
from hpobench.results import load
from hpobench.storage import parts
from hpobench.study import turns
from hpobench.study.simulated import run_one
from hpobench.system import locks
from hpobench.system.atomic import StorageError
from tests.studies import execute, plan

SETTINGS = ["task=bowl", "method=random", "seeds=4", "part_runs=2", "budget.trials=3"]


def test_what_another_call_runs_is_left_to_it_and_waited_for(tmp_path, monkeypatch, capsys):
    first, second = plan(tmp_path, *SETTINGS), plan(tmp_path, *SETTINGS)
    first.folder.mkdir(parents=True)
    (first.folder / "parts").mkdir()
    chunk = first.pending()[0]
    begun, waits = threading.Event(), threading.Event()

    def hold():
        with turns.turn(first.folder, chunk) as mine:
            assert mine
            begun.set()
            waits.wait()

    other = threading.Thread(target=hold)
    other.start()
    begun.wait()
    # The other call gives its chunk up without having stored it: it is run here.
    pause = SimpleNamespace(sleep=lambda _: waits.set())
    monkeypatch.setattr(turns, "time", pause)
    assert execute(second) == 4
    other.join()
    error = capsys.readouterr().err
    assert "waiting for 2 runs that another call has begun: process " in error
    assert len(load(first.folder).runs) == 4
    names = [path.name for path in (first.folder / "parts").iterdir()]
    assert [name.split(".")[2] for name in sorted(names)] == ["0-1", "2-3"]


def test_runs_that_another_call_has_stored_meanwhile_are_not_run_again(tmp_path):
    first, second = plan(tmp_path, *SETTINGS), plan(tmp_path, *SETTINGS)
    late = second.run()
    next(late)
    assert execute(first) == 2
    assert [report.chunk.seeds for report in late] == [(2, 3)]
    assert len(list((first.folder / "parts").iterdir())) == 2


def test_locks_that_killed_processes_left_are_removed(tmp_path):
    study = plan(tmp_path, *SETTINGS)
    left = study.folder / "parts" / ".turn bowl.random.0.elsewhere"
    left.parent.mkdir(parents=True)
    left.write_text("{}")
    execute(study)
    assert not left.exists()


@pytest.mark.parametrize("signs", [True, False])
def test_who_takes_the_lock_of_a_dead_process_has_it_before_it_signs(tmp_path, monkeypatch, signs):
    study = plan(tmp_path, *SETTINGS)
    chunk = study.pending()[0]
    path = turns._path(study.folder, chunk)
    path.parent.mkdir(parents=True)
    lock = locks.acquire(path)
    mine = path.read_text()
    dead = locks.Holder(2**30, socket.gethostname())  # beyond the numbers of processes
    path.write_text(json.dumps(asdict(dead)))
    sign = SimpleNamespace(sleep=lambda _: path.write_text(mine) if signs else None)
    monkeypatch.setattr(turns, "time", sign)
    with lock, turns.turn(study.folder, chunk) as ours:
        # What never signs is something that the dead process has started.
        assert ours is not signs


def test_of_two_parts_of_the_same_runs_the_first_stays(tmp_path, monkeypatch):
    study = plan(tmp_path, *SETTINGS)
    execute(study)
    part = parts.place(study.folder, study.pairs[0].key(0), 1)
    before = (part / "runs.parquet").stat().st_mtime_ns
    records = [run_one(study.pairs[0], seed, free_of_charge) for seed in (0, 1)]
    # As if the other part had come between the choice of the name and the renaming.
    monkeypatch.setattr(parts, "_free", lambda path: path)
    with pytest.warns(UserWarning, match="written by another process meanwhile: kept"):
        assert parts.write_part(study.folder, records) == part
    assert (part / "runs.parquet").stat().st_mtime_ns == before
    assert len(list((study.folder / "parts").iterdir())) == 2


def test_no_room_is_no_other_part(tmp_path, monkeypatch):
    study = plan(tmp_path, *SETTINGS)

    def refuse(target, keys, made, merged=None):
        raise StorageError("no room")

    monkeypatch.setattr(parts, "_write_tables", refuse)
    with pytest.raises(StorageError, match="no room"):
        execute(study)
