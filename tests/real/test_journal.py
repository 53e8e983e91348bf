"""The journal, checkpoints as files, and reports of jobs under way."""

import errno
import json
import os
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpobench import progress
from hpobench.loop.events import Decision, Outcome
from hpobench.real import checkpoints
from hpobench.real.checkpoints import File, Shelf
from hpobench.real.events import Asked, Finished, Started, Told
from hpobench.real.journal import Journal, JournalError, decode, encode, read
from hpobench.records import Evaluation, Job
from hpobench.system.atomic import StorageError
from tests.tiny import ScriptedTask

HEADER = {"seed": 1, "workers": 2, "budget": {"time_s": float("inf")}}


def asked(time_s, x=3):
    return Asked(Decision("ask", time_s, 0.1, 0.1), Job(0, {"x": np.int64(x)}, 0, 1))


ASK = asked(1.5)
TELL = Told(Decision("tell", 0.25, 0.1, 0.1), 0)
START = Started(0.5, ASK.job, 1, 1)


def written(path):
    with Journal(path, HEADER) as journal:
        assert journal.record(ASK) is ASK
    return path


def test_a_journal_replays_what_it_holds_and_goes_on(tmp_path):
    path = written(tmp_path / "deeper" / "j")
    with Journal(path, HEADER) as journal:
        assert journal.peek() == ASK
        # The times are those of the record.
        assert journal.record(asked(9.0)).time_s == 1.5
        assert journal.last_s == 1.5
        assert journal.peek() is None
        journal.record(asked(2.0))
    assert len(path.read_text().splitlines()) == 3


def test_a_run_that_does_not_repeat_itself_is_an_error(tmp_path):
    path = written(tmp_path / "j")
    other = asked(1.5, x=4)
    with (
        Journal(path, HEADER) as journal,
        pytest.raises(JournalError, match=r"at 1.5 s.*'x': 3.*'x': 4.*have changed"),
    ):
        journal.record(other)


def test_a_line_that_was_cut_short_is_dropped(tmp_path):
    path = written(tmp_path / "j")
    whole = path.read_text()
    path.write_text(whole + '{"event": "ask", "tim')
    with Journal(path, HEADER):
        pass
    assert path.read_text() == whole


def test_a_damaged_line_is_an_error(tmp_path):
    path = written(tmp_path / "j")
    path.write_text(path.read_text() + "nonsense\n")
    with pytest.raises(JournalError, match="line 3, is damaged"):
        Journal(path, HEADER)


def edits(lines):
    """A journal as somebody may have changed it: every line is valid JSON, and of a known kind."""
    header, ask, tell, start = lines
    yield 3, [header, ask, tell.replace("0.25", "0.35"), start]
    yield 2, [header, ask.replace('"x": 3', '"x": 4'), tell, start]
    yield 2, [header, tell, ask, start]
    yield 3, [header, ask, ask, tell, start]
    yield 2, [header, tell, start]
    yield 1, [header.replace('"seed": 1', '"seed": 2'), ask, tell, start]
    yield 3, [header, ask, re.sub(', "chain.*"}', "}", tell), start]
    yield 1, [re.sub(', "chain.*"}', "}", header), ask, tell, start]


def test_a_line_that_was_edited_moved_copied_or_removed_is_an_error(tmp_path):
    path = tmp_path / "j"
    with Journal(path, HEADER) as journal:
        for event in (ASK, TELL, START):
            journal.record(event)
    for number, lines in list(edits(path.read_text().splitlines())):
        path.write_text("\n".join(lines) + "\n")
        with pytest.raises(JournalError, match=f"line {number}, is damaged.*first {number - 1} "):
            Journal(path, HEADER)


def test_a_journal_of_an_older_version_goes_on_without_a_chain(tmp_path):
    path = written(tmp_path / "j")
    path.write_text(re.sub(', "chain.*"}', "}", path.read_text()))
    with Journal(path, HEADER) as journal:
        assert journal.record(ASK).time_s == 1.5
        journal.record(asked(2.0))
    assert "chain" not in path.read_text()
    path.write_text(path.read_text().replace('"seconds": 0.1, ', ""))
    with pytest.raises(JournalError, match=r"line 2, is damaged.*lacks seconds"):
        Journal(path, HEADER)


def test_without_room_the_journal_keeps_whole_lines(tmp_path, monkeypatch):
    """The disk takes 30 bytes more, then none: as on a file system that fills up."""
    path = written(tmp_path / "j")
    whole, room, real = path.read_text(), [30], os.write

    def write(where, content):
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        size = real(where, content[: room[0]])
        room[0] -= size
        return size

    with Journal(path, HEADER) as journal:
        journal.record(ASK)
        monkeypatch.setattr("hpobench.system.atomic.os.write", write)
        with pytest.raises(StorageError, match=r"j cannot be .*No space left.*same command again"):
            journal.record(asked(2.0))
        assert path.read_text() == whole
        monkeypatch.undo()
        journal.record(asked(3.0))
    with Journal(path, HEADER) as journal:
        assert [journal.take().time_s for _ in range(2)] == [1.5, 3.0]


def test_a_journal_of_another_version_or_run_is_left_alone(tmp_path):
    path = written(tmp_path / "j")
    with pytest.raises(JournalError, match=r"of another run: it has seed=1, not 2"):
        Journal(path, HEADER | {"seed": 2})
    header, *rest = path.read_text().splitlines(keepends=True)
    text = json.dumps(json.loads(header) | {"journal": 99}) + "\n" + "".join(rest)
    path.write_text(text)
    with pytest.raises(JournalError, match="version 99, and this program writes version 2"):
        Journal(path, HEADER)
    assert path.read_text() == text


def test_a_journal_serves_one_process_at_a_time(tmp_path):
    with (
        Journal(tmp_path / "j", HEADER),
        pytest.raises(JournalError, match="in use: another process"),
    ):
        Journal(tmp_path / "j", HEADER)


def test_evaluations_survive_to_the_bit():
    third = np.array([1 / 3, np.nan, -np.inf])
    evaluation = Evaluation(
        np.arange(3.0), third, third, 1 / 7, test_values=third, constraints={"size": third}
    )
    again = decode(json.loads(json.dumps(encode(evaluation))))
    assert again.true_values is None
    assert again.duration_s == 1 / 7
    for one, other in [
        (again.values, third),
        (again.test_values, third),
        (again.constraints["size"], third),
    ]:
        assert one.tobytes() == other.tobytes()


def test_events_are_read_as_they_were_recorded(tmp_path):
    """A job is in the file once, where it was asked for; what began and ended has it again."""
    job = Job(4, {"x": 3, "name": "é\n"}, 1, 3, 2)
    seconds = np.array([0.1, 0.2])
    evaluation = Evaluation(np.array([2.0, 3.0]), seconds, seconds, 1 / 3, error="no", trace="at")
    outcome = Outcome(job, 1, 0.5, 2.5, evaluation, cut=True)
    recorded = [
        Asked(Decision("ask", 0.25, 0.1, 0.2), job),
        Started(0.5, job, 1, 2.5),
        Asked(Decision("ask", 0.5, 0.1, 0.2, none=True), None),
        Finished(outcome, True, False, File(12, "ab")),
        Told(Decision("tell", 2.5, 0.1, 0.2), 4),
    ]
    with Journal(tmp_path / "j", HEADER) as journal:
        for event in recorded:
            journal.record(event)
    again = read(tmp_path / "j")
    assert list(map(repr, again)) == list(map(repr, recorded))  # arrays have no ==
    (tmp_path / "j").write_bytes(b"")
    with pytest.raises(JournalError, match="j is empty"):
        read(tmp_path / "j")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"event": "nap"}', "unknown kind, 'nap'"),
        ('{"event": "start", "trial": 7}', "starts trial 7, for which nobody asked"),
        ('{"event": "outcome", "trial": 0, "worker": 0}', "of trial 0, which no worker has"),
        ('{"event": "tell"}', "lacks time_s"),
    ],
)
def test_what_cannot_have_happened_is_damage(tmp_path, line, words):
    """In a journal of an older version, whose lines have no chain."""
    path = written(tmp_path / "j")
    path.write_text(re.sub(', "chain.*"}', "}", path.read_text()) + line + "\n")
    with pytest.raises(JournalError, match=f"line 3, is damaged.*{words}"):
        Journal(path, HEADER)


def test_plain_states_are_stored_without_pickle(tmp_path):
    state = {"epoch": 3, "w": np.arange(4, dtype=np.float32), "deep": [{"b": np.eye(2)}, None, "x"]}
    task = ScriptedTask([1])
    file = checkpoints.save(task, tmp_path / "c", state)
    assert file.size == (tmp_path / "c").stat().st_size
    assert file.is_at(tmp_path / "c")
    again = checkpoints.load(task, tmp_path / "c")
    np.testing.assert_array_equal(again["w"], state["w"])
    assert again["w"].dtype == np.float32
    np.testing.assert_array_equal(again["deep"][0]["b"], np.eye(2))
    assert again["deep"][1:] == [None, "x"]
    assert list(tmp_path.iterdir()) == [tmp_path / "c"]


def test_other_states_are_stored_by_the_task(tmp_path):
    task = ScriptedTask([1])
    with pytest.raises(TypeError, match="holds a set, which is not plain"):
        checkpoints.save(task, tmp_path / "c", {1, 2})
    task.save_checkpoint = lambda path, state: path.write_text(json.dumps(sorted(state)))
    task.load_checkpoint = lambda path: set(json.loads(path.read_text()))
    checkpoints.save(task, tmp_path / "c", {1, 2})
    assert checkpoints.load(task, tmp_path / "c") == {1, 2}


def test_the_shelf_keeps_the_last_checkpoint_of_each_trial_within_its_limit(tmp_path):
    shelf = Shelf(tmp_path, limit_bytes=25)

    def put(trial, resource, value, busy=()):
        shelf.path(trial, resource).write_bytes(bytes(10))
        shelf.put(trial, resource, File(10), value, busy)

    put(0, 1, 0.5)
    put(0, 3, 0.4)
    assert [path.name for path in tmp_path.iterdir()] == ["0@3"]
    put(1, 1, 0.9)
    put(2, 1, 0.2)  # one too many: the worst goes
    assert shelf.find(1, 1) is None
    assert shelf.find(0, 3) == tmp_path / "0@3"
    assert shelf.find(0, 1) is None
    put(3, 1, 0.1, busy=[0])  # 0 is worse, but under way
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0@3", "3@1"]
    (tmp_path / "0@3").unlink()
    (tmp_path / "stray").touch()
    assert shelf.check() == [0]
    assert [path.name for path in tmp_path.iterdir()] == ["3@1"]


def test_a_checkpoint_that_is_not_as_it_was_written_is_not_used(tmp_path):
    shelf = Shelf(tmp_path)
    file = checkpoints.save(ScriptedTask([1]), shelf.path(5, 2), [1, 2])
    shelf.put(5, 2, file, 0.3, ())
    assert shelf.check() == []
    shelf.path(5, 2).write_bytes(b"1" + shelf.path(5, 2).read_bytes()[1:])
    assert shelf.check() == [5]
    assert shelf.find(5, 2) is None


def test_a_stray_that_vanishes_while_it_is_removed_is_no_error(tmp_path, monkeypatch):
    """The worker of a killed run lives a moment longer, and renames what it was writing."""
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter([folder / ".0@2.17"]))
    assert Shelf(tmp_path).check() == []


def test_reports_are_kept_line_by_line(tmp_path):
    path = tmp_path / "p"
    progress.report(1, 0.5)  # nobody listens
    with progress.reporting_to(path, time.perf_counter()):
        progress.report(1, 0.5, test_value=0.6, constraints={"size": 3})
        progress.report(2, 0.4, test_value=0.7, constraints={"size": 2})
        text = path.read_text()
        known = progress.read(path)
    assert not path.exists()
    assert known.values.tolist() == [0.5, 0.4]
    assert known.test_values.tolist() == [0.6, 0.7]
    assert known.true_values is None
    assert known.constraints["size"].tolist() == [3, 2]
    path.write_text(text[:-3])
    assert progress.read(path).resources.tolist() == [1]
    assert len(progress.read(tmp_path / "none").values) == 0


def test_a_job_beyond_its_limit_stops_at_its_next_report(tmp_path):
    with (
        pytest.raises(progress.JobStoppedError),
        progress.reporting_to(tmp_path / "p", time.perf_counter() - 5, limit_s=1),
    ):
        progress.report(1, 0.5)


NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**63), 2**63)
CONFIGS = st.dictionaries(st.text(), NUMBERS | st.text() | st.booleans(), max_size=3)


@given(st.lists(st.tuples(st.floats(0, 1e9), CONFIGS), max_size=4), st.data())
def test_a_journal_cut_at_any_byte_replays_what_was_whole(written_down, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        events = [
            asked(time_s)._replace(job=Job(trial, config, 0, 1))
            for trial, (time_s, config) in enumerate(written_down)
        ]
        with Journal(path, HEADER) as journal:
            for event in events:
                journal.record(event)
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        ends = [number for number, byte in enumerate(whole) if byte == ord("\n")]
        left = max(sum(end < cut for end in ends) - 1, 0)  # less the header
        with Journal(path, HEADER) as journal:
            for event in events:
                # Those that were whole are replayed and compared, the others written anew.
                assert (journal.peek() is None) == (event.job.trial >= left)
                journal.record(event)
        assert path.read_bytes() == whole
