"""Peers in processes of their own: what they are told, what they may ask, how they fail."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from hpobench.methods.peers.process import pipes, process
from hpobench.methods.peers.process.process import PeerError, Process
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.listed import ListedSpace
from hpobench.space.space import Space

FAKES = Path(__file__).parents[1] / "fakes"
REFERENCE = ["{python}", "{clients}/reference.py"]
RATE = Space({"rate": {"type": "float", "low": 0, "high": 1}})
TREE = Space(
    {
        "kind": {"type": "categorical", "values": ["a", True, 3]},
        "depth": {"type": "integer", "low": 1, "high": 5, "when": {"kind": "a"}},
        "width": {"type": "ordinal", "values": [0.5, 2, 8], "scale": "log", "when": {"depth": 2}},
        "fixed": {"type": "float", "low": 2, "high": 2, "log": True},
    }
)
EPOCHS = Fidelity("epochs", 1, 9)
JOB = {"message": "job", "trial": 0, "config": {"rate": 0.5}, "resource": 3}


@pytest.fixture
def make():
    """A peer, ended after the test."""
    made = []

    def make(command=REFERENCE, space=RATE, fidelity=EPOCHS, seed=1, workers=1, points=(), **peer):
        rng = np.random.default_rng(seed)
        peer = {"command": command, **peer}
        made.append(Process(space, fidelity, rng, workers, peer, points_to_evaluate=points))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


@pytest.fixture
def scripted(make):
    """A peer that answers as it is told here, one list of answers for each kind of message."""

    def scripted(hello=None, timeout_s=20, space=RATE, fidelity=EPOCHS, points=(), **script):
        script |= {"hello": hello} if hello else {}
        command = ["{python}", str(FAKES / "scripted.py")]
        settings = {"settings": script, "timeout_s": timeout_s}
        return make(command, space, fidelity, points=points, **settings)

    return scripted


def evaluation(value=0.5, **fields):
    return Evaluation(np.array([3.0]), np.array([1.5]), np.array([value]), 2.0, **fields)


def jobs(outcomes):
    return [(o.start_s, o.end_s, o.worker, o.job) for o in outcomes]


def alive(pid):
    """Whether a process runs; one that was killed but not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def soon(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


# What a peer does when all is well.


def test_same_seed_same_jobs_another_seed_others(make, make_task, run):
    task = make_task(value_of=lambda config, _: config["rate"])
    first, again, other = (
        jobs(run(task, make(space=task.space, seed=seed, workers=3), workers=3, trials=30))
        for seed in (1, 1, 2)
    )
    assert len(first) == 30
    assert first == again
    assert first != other


@pytest.mark.parametrize("space", ["mixed", "finite", "point", "tree"])
def test_the_reference_client_draws_from_the_whole_space(space, spaces, make, make_task, run):
    task = make_task({**spaces, "tree": TREE}[space])
    outcomes = run(task, make(space=task.space), trials=100)
    for outcome in outcomes:
        task.space.validate(outcome.job.config)
    for name, item in task.space.items():
        drawn = {o.job.config[name] for o in outcomes if name in o.job.config}
        assert len(drawn) > 60 if item.levels is None else len(drawn) >= min(len(item.levels), 15)


def test_trials_go_on_from_where_they_were(make, make_task, run):
    task = make_task(RATE, value_of=lambda config, _: config["rate"])
    peer = make(["{python}", str(FAKES / "halving.py")], workers=2)
    outcomes = run(task, peer, workers=2)
    ranked = sorted(outcomes[:9], key=lambda outcome: outcome.job.config["rate"])
    three = [outcome.job.trial for outcome in ranked[:3]]
    steps = [(o.job.trial, o.job.from_resource, o.job.to_resource) for o in outcomes]
    assert steps[:9] == [(trial, 0, 1) for trial in range(9)]
    assert sorted(steps[9:12]) == sorted((trial, 1, 3) for trial in three)
    assert steps[12:] == [(three[0], 3, 9)]
    assert all(o.job.config == outcomes[o.job.trial].job.config for o in outcomes)
    # The two workers waited for the whole rung: 5 rounds of 1 epoch, 2 of 2 epochs, one of 6.
    assert outcomes[-1].end_s == 5 + 2 * 2 + 6
    assert peer.elsewhere_cpu_s == 0.5 * 13 + 0.25 * 13


def test_a_peer_that_only_waits_ends_the_run(scripted, make_task, run):
    assert run(make_task(RATE), scripted(), workers=2) == []


def test_no_resource_means_all_of_it(scripted):
    assert scripted(ask=[{**JOB, "resource": None}]).ask() == Job(0, {"rate": 0.5}, 0, 9)


def test_points_to_evaluate_come_first_and_are_told(scripted, tmp_path):
    log = tmp_path / "log"
    peer = scripted(log=str(log), ask=[JOB], points=[{"rate": 0.25}, "default"])
    first = [peer.ask(), peer.ask(), peer.ask()]
    assert [job.trial for job in first] == [0, 1, 2]
    assert [job.config["rate"] for job in first] == [0.25, 0.5, 0.5]
    assert [job.to_resource for job in first] == [9, 9, 3]
    for job in reversed(first):
        peer.tell(job, evaluation())
    told = [json.loads(line) for line in log.read_text().splitlines()][-3:]
    assert [message["trial"] for message in told] == [0, None, None]
    assert [message.get("config") for message in told] == [None, {"rate": 0.5}, {"rate": 0.25}]
    with pytest.raises(ValueError, match="rat"):
        scripted(points=[{"rat": 1}])


def test_what_is_told(scripted, tmp_path):
    log = tmp_path / "log"
    peer = scripted(log=str(log), ask=[JOB, {**JOB, "trial": 1}])
    columns = np.array([1.0, 3.0]), np.array([0.5, 1.5]), np.array([np.inf, 0.25])
    slack = {"memory": np.array([1.0, -2.0]), "time": np.array([0.0, np.nan])}
    peer.tell(peer.ask(), Evaluation(*columns, 2.0, constraints=slack))
    peer.tell(peer.ask(), Evaluation(*(np.empty(0),) * 3, 0.5, error="broke"))
    hello, _, good, _, bad = map(json.loads, log.read_text().splitlines())
    assert hello["space"] == RATE.specification()
    assert hello["fidelity"] == {"name": "epochs", "r_min": 1, "r_max": 9, "integer": True}
    assert (hello["protocol"], hello["workers"]) == (1, 1)
    assert 0 <= hello["seed"] < 2**31
    assert good == {
        "message": "tell",
        "trial": 0,
        "resource": 3,
        "value": 0.25,
        "seconds": 2.0,
        "curve": [[1.0, None, 0.5], [3.0, 0.25, 1.5]],
        "constraints": {"memory": -2.0, "time": None},
        "error": None,
    }
    empty = {"trial": 1, "value": None, "seconds": 0.5, "curve": [], "constraints": {}}
    assert bad == {**good, **empty, "error": "broke"}


def test_on_a_space_with_gaps_the_nearest_is_trained_and_told(scripted, tmp_path):
    log = tmp_path / "log"
    listed = ListedSpace(
        {"units": {"type": "integer", "low": 1, "high": 9}}, [{"units": 2}, {"units": 7}]
    )
    asked = [{**JOB, "trial": n, "config": {"units": u}} for n, u in enumerate([5.0, 2.0, 10])]
    peer = scripted(space=listed, log=str(log), ask=asked)
    for units in (7, 2):
        job = peer.ask()
        assert job.config == {"units": units}
        assert type(job.config["units"]) is int
        peer.tell(job, evaluation())
    told = [json.loads(line) for line in log.read_text().splitlines() if '"tell"' in line]
    assert [message.get("config") for message in told] == [{"units": 7}, None]
    with pytest.raises(PeerError, match="units=10 lies outside"):
        peer.ask()


def test_messages_larger_than_a_pipe_while_the_peer_talks(scripted):
    noise = ["babble", "noise\n", 100_000]
    peer = scripted(ask=[[noise, JOB]], tell=[[noise, {"message": "told", "more": "x" * 300_000}]])
    many = np.arange(1.0, 100_001.0)
    job = peer.ask()
    assert job.trial == JOB["trial"]
    assert job.config == JOB["config"]
    peer.tell(job, Evaluation(many, many, many, 2.0))


# What is wrong with a peer.

WRONG_ANSWERS = {
    "no JSON": ("{'message': 1}", "not JSON"),
    "an empty line": ("", "not JSON"),
    "NaN": ('{"message": "job", "trial": 0, "config": {"rate": NaN}}', "NaN is no number"),
    "not UTF-8": ([["write", [0xFF, 0x0A]]], "it is not JSON: .*utf-8"),
    "too deep": ("[" * 100_000, "too deep|not JSON"),
    "a list": ("[1]", "not an object"),
    "no message": ({"trial": 0}, 'no text "message"'),
    "a message unknown": ({"message": "jobs"}, "'jobs' is no answer to 'ask': job or wait is"),
    "another answer": ({"message": "told"}, "'told' is no answer"),
    "an error": ({"message": "error", "text": "out of ideas"}, "it says: out of ideas"),
    "half a character": ({"message": "error", "text": "\ud800"}, "it says: [?]"),
    "no trial": ({**JOB, "trial": None}, "trial=null"),
    "half a trial": ({**JOB, "trial": 0.5}, "trial=0.5"),
    "a true trial": ({**JOB, "trial": True}, "trial=true"),
    "a trial too far": ({**JOB, "trial": 1}, "trial=1 is not known.* number 0"),
    "a trial below": ({**JOB, "trial": -1}, "trial=-1"),
    "no config": ({**JOB, "config": None}, "trial=0 is new: it needs a config"),
    "a list of values": ({**JOB, "config": [0.5]}, "config=.0.5.: use an object"),
    "a name unknown": ({**JOB, "config": {"rat": 0.5}}, "unknown hyperparameter 'rat'"),
    "a name too few": ({**JOB, "config": {}}, "'rate' is missing"),
    "a value outside": ({**JOB, "config": {"rate": 1.5}}, "rate=1.5 lies outside"),
    "a value as text": ({**JOB, "config": {"rate": "0.5"}}, "rate='0.5' lies outside"),
    "a value as list": ({**JOB, "config": {"rate": [0.5]}}, "rate=.0.5. lies outside"),
    "a true value": ({**JOB, "config": {"rate": True}}, "rate=True lies outside"),
    "infinite": ('{"message":"job","trial":0,"config":{"rate":1e999}}', "rate=inf lies outside"),
    "resource as text": ({**JOB, "resource": "3"}, 'resource="3": use a number'),
    "resource too large": ({**JOB, "resource": 10}, r"resource=10 lies outside \[1, 9\]"),
    "no resource at all": ({**JOB, "resource": 0}, r"resource=0 lies outside \[1, 9\]"),
    "half an epoch": ({**JOB, "resource": 2.5}, "epochs are whole numbers"),
    "infinite resource": ('{"message":"job","trial":0,"resource":1e999}', "resource=Infinity"),
    "negative seconds": ({**JOB, "cpu_s": -1}, "cpu_s=-1"),
    "two answers at once": (
        [["write", list(2 * f"{json.dumps(JOB)}\n".encode())]],
        "nothing was asked, before 'ask'",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_ANSWERS)
def test_nonsense_is_refused_by_name(wrong, scripted):
    answer, words = WRONG_ANSWERS[wrong]
    peer = scripted(ask=[answer])
    with pytest.raises(PeerError, match=words) as caught:
        [peer.ask() for _ in range(2)]
    assert str(caught.value).startswith("peer scripted 1: ")
    assert len(str(caught.value).split("last words")[0]) < 600
    str(caught.value).encode()
    with pytest.raises(PeerError, match=re.escape(str(caught.value))):
        peer.ask()


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({**JOB, "resource": 3}, r"resource=3 lies outside \(3, 9\]"),
        ({**JOB, "resource": 9, "config": {"rate": 0.6}}, "trial=0 has another config"),
        ({**JOB, "trial": 2}, "trial=2 is not known, and a new one has the number 1"),
    ],
)
def test_a_trial_goes_on_only_further_and_as_it_was(second, words, scripted):
    peer = scripted(ask=[JOB, second])
    peer.tell(peer.ask(), evaluation())
    with pytest.raises(PeerError, match=words):
        peer.ask()


def test_a_trial_under_way_is_not_asked_for_again(scripted):
    peer = scripted(ask=[JOB, {**JOB, "resource": 9}])
    peer.ask()
    with pytest.raises(PeerError, match="trial=0 is under way"):
        peer.ask()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"hello": [{"message": "ready"}]}, "name=null: use a text"),
        ({"hello": [JOB]}, "'job' is no answer to 'hello': ready is"),
        ({"hello": [[["exit", 3]]]}, r"ended instead of answering 'hello' \(exit status 3\)"),
        ({"ask": [[["exit", 0]]]}, r"ended instead of answering 'ask' \(exit status 0\)"),
        ({"ask": [[["die", signal.SIGKILL]]]}, r"answering 'ask' \(ended by signal 9\)"),
        ({"ask": [[["close"]]]}, "ended instead of answering 'ask'"),
        ({"tell": [{"message": "wait"}]}, "'wait' is no answer to 'tell': told is"),
        ({"tell": [[["say", "one"], ["say", "two"], ["exit", 1]]]}, "last words:\none\ntwo$"),
    ],
)
def test_a_peer_that_fails_at_any_point(script, words, scripted):
    peer = scripted(**{"ask": [JOB], **script})
    with pytest.raises(PeerError, match=words):
        peer.tell(peer.ask(), evaluation())


def test_only_the_end_of_what_it_says_is_kept(scripted):
    peer = scripted(ask=[[["babble", "noise\n", 200_000], ["say", "the end"], ["exit", 1]]])
    with pytest.raises(PeerError) as caught:
        peer.ask()
    assert str(caught.value).endswith("noise\nthe end")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("when", ["hello", "ask", "tell"])
def test_a_peer_that_hangs_is_ended_in_time(when, scripted):
    script = {"ask": [JOB], when: [[["hang"]]]}
    peer = scripted(timeout_s=2, **script)
    began = time.monotonic()
    with pytest.raises(PeerError, match=f"no answer to '{when}' in 2 s"):
        peer.tell(peer.ask(), evaluation())
    assert 2 <= time.monotonic() - began < 500  # it hangs for an hour


def test_a_line_without_end_is_not_read_for_ever(scripted, monkeypatch):
    monkeypatch.setattr(pipes, "_LONGEST_LINE_BYTES", 1 << 18)
    with pytest.raises(PeerError, match="a line of more than 262144 bytes"):
        scripted(ask=["x" * (1 << 20)]).ask()


# What is left of a peer.


def open_files():
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left(fails, scripted, tmp_path):
    before = open_files(), threading.active_count()
    pids = tmp_path / "pids"
    bad = [["exit", 1]] if fails else JOB
    peer = scripted(ask=[[["child", str(pids)], JOB], bad])
    peer.ask()
    supervisor = peer._pipes._process
    program, child, folder = pids.read_text().split()
    assert alive(program)
    assert alive(child)
    assert Path(folder).is_dir()
    if fails:
        with pytest.raises(PeerError):
            peer.ask()
    peer.close()
    peer.close()
    assert (open_files(), threading.active_count()) == before
    assert not Path(folder).exists()
    assert not Path(f"/proc/{program}").exists()
    assert not Path(f"/proc/{supervisor.pid}").exists()  # waited for: no zombie
    assert soon(lambda: not alive(child))
    with pytest.raises(PeerError, match=r"was closed|ended"):
        peer.ask()


def test_a_peer_that_ignores_bye_is_ended(scripted, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "_GRACE_S", 0.3)
    pids = tmp_path / "pids"
    peer = scripted(ask=[[["child", str(pids)], JOB]], bye=[[["hang"]]])
    peer.ask()
    began = time.monotonic()
    peer.close()
    assert 0.3 <= time.monotonic() - began < 500  # it hangs for an hour
    assert not alive(pids.read_text().split()[0])


def test_a_peer_may_take_its_time_to_end(scripted, tmp_path):
    done = tmp_path / "done"
    peer = scripted(bye=[[["sleep", 0.3], ["child", str(done)], ["exit", 0]]])
    peer.set_up()
    peer.close()
    assert done.exists()


def test_a_peer_that_is_forgotten_is_ended():
    before = open_files()
    peer = Process(RATE, EPOCHS, np.random.default_rng(0), 1, {"command": REFERENCE})
    peer.set_up()
    supervisor = peer._pipes._process.pid
    assert open_files() > before
    del peer
    assert open_files() == before
    assert not Path(f"/proc/{supervisor}").exists()


@pytest.mark.parametrize("doing", ["waits", "hangs"])
def test_killing_us_ends_the_peer_and_its_children(doing, tmp_path):
    pids = tmp_path / "pids"
    deeds = [["child", str(pids)], *([["hang"]] if doing == "hangs" else []), JOB]
    script = f"""
import numpy as np, time
from hpobench.methods.peers.process import Process
from hpobench.records import Fidelity
from hpobench.space import Space
peer = {{"command": ["{{python}}", {str(FAKES / "scripted.py")!r}],
        "settings": {{"ask": [{deeds!r}]}}}}
space = Space({{"rate": {{"type": "float", "low": 0, "high": 1}}}})
method = Process(space, Fidelity("epochs", 1, 9), np.random.default_rng(0), 1, peer)
method.ask()
time.sleep(3600)
"""
    with subprocess.Popen([sys.executable, "-c", script]) as owner:
        try:
            assert soon(lambda: pids.exists() and pids.read_text().endswith("\n"), 30)
            program, child, folder = pids.read_text().split()
            assert alive(program)
        finally:
            owner.kill()
    assert soon(lambda: not alive(program) and not alive(child) and not Path(folder).exists())


def test_it_cannot_be_pickled(make):
    with pytest.raises(TypeError, match=r"cannot be pickled or copied.*build a new one"):
        pickle.dumps(make())


# What is said before anything is started.


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        ({}, "peer.command is missing"),
        ({"command": "python x.py"}, "use a list of words"),
        ({"command": []}, "use a list of words"),
        ({"command": ["python", 3]}, "use a list of words"),
        ({"command": ["no-such-program"]}, "there is no program 'no-such-program'"),
        ({"command": ["./no-such-program"]}, "there is no program"),
        ({"command": REFERENCE, "timeout": 3}, "peer.timeout: unknown; has command"),
        ({"command": REFERENCE, "timeout_s": 0}, "peer.timeout_s=0"),
        ({"command": REFERENCE, "timeout_s": "1"}, "peer.timeout_s='1'"),
        ({"command": REFERENCE, "settings": [1]}, "peer.settings"),
        ({"command": REFERENCE, "cwd": "/no/such/folder"}, "there is no such folder"),
        ({"command": REFERENCE, "environment": "no_such"}, "unknown environment 'no_such'"),
        ({"command": REFERENCE, "settings": {"x": float("nan")}}, "JSON"),
    ],
)
def test_what_cannot_be_started_is_refused_at_once(peer, words):
    with pytest.raises(ValueError, match=words):
        Process(RATE, EPOCHS, np.random.default_rng(0), 1, peer)


def test_the_constructor_starts_nothing(scripted, tmp_path):
    before = open_files()
    scripted(hello=[[["child", str(tmp_path / "pids")]]])
    time.sleep(0.2)
    assert not (tmp_path / "pids").exists()
    assert open_files() == before


def test_the_folder_in_which_a_peer_runs(make, tmp_path):
    (tmp_path / "own.py").write_text((FAKES / "scripted.py").read_text())
    assert make(["{python}", "own.py"], cwd=str(tmp_path)).ask() is None


def test_one_thread_and_sets_in_one_order(make):
    code = (
        "import json, os; input();"
        "print(json.dumps({'message': 'error', 'text': os.environ['OMP_NUM_THREADS'] + ' '"
        " + os.environ['PYTHONHASHSEED']}))"
    )
    with pytest.raises(PeerError, match="it says: 1 0"):
        make(["{python}", "-c", code]).ask()
