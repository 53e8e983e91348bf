"""The clients that come along, and the page that describes the protocol."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpobench.methods.peers.process import messages
from hpobench.methods.peers.process.command import CLIENTS
from hpobench.methods.peers.process.process import PeerError, Process
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.results import load
from hpobench.space.space import Space
from hpobench.study import catalogue, compose
from hpobench.study.study import Study

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
PRINTING = ["{python}", str(Path(__file__).parent / "fakes" / "printing.py"), "{clients}"]
RATE = Space({"rate": {"type": "float", "low": 0, "high": 1}})


def transcript():
    """The example of the page: lines to the peer and from it."""
    lines = re.findall(r"^(->|<-) (.*)$", PAGE, re.MULTILINE)
    return [[json.loads(line) for way, line in lines if way == arrow] for arrow in ("->", "<-")]


def test_the_example_of_the_page_is_what_happens():
    questions, answers = transcript()
    done = subprocess.run(
        [sys.executable, CLIENTS / "reference.py"],
        input="".join(json.dumps(question) + "\n" for question in questions),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == answers
    assert len(answers) == len(questions) - 1


def test_the_example_of_the_page_is_what_we_send():
    hello, *_, good, _, bad, bye = transcript()[0]
    space, fidelity = Space(hello["space"]), Fidelity("epochs", 1, 9)
    assert json.loads(messages.hello(space, fidelity, 5, 2, {})) == hello
    curve = np.array([3.0, 9.0]), np.array([1.5, 4.5]), np.array([0.5, 0.25])
    job = Job(0, {}, 0, 9)
    assert json.loads(messages.tell(0, job, Evaluation(*curve, 4.5), False)) == good
    nothing = Evaluation(*(np.empty(0),) * 3, 0.5, error=bad["error"])
    assert json.loads(messages.tell(1, job, nothing, False)) == bad
    assert json.loads(messages.BYE) == bye


def test_the_page_names_each_field():
    hello = json.loads(messages.hello(RATE, Fidelity(), 0, 1, {}))
    tell = json.loads(messages.tell(None, Job(0, {}, 0, 1), Evaluation(*[np.ones(1)] * 3, 1), True))
    fields = {*hello, *tell, *messages.Wish._fields, "cpu_s"} - {"message"}
    assert {field for field in fields if f"\n| `{field}` |" not in PAGE} == set()


def test_the_reference_client_is_short_and_needs_nothing():
    text = (CLIENTS / "reference.py").read_text()
    assert len(text.splitlines()) <= 40
    assert imports(text) <= set(sys.stdlib_module_names)


def imports(text):
    tree = ast.walk(ast.parse(text))
    return {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}


@pytest.mark.parametrize("name", ["reference.py", "serving.py"])
def test_older_interpreters_can_read_what_clients_share(name):
    newer = "match 1:\n    case 1: pass"
    with pytest.raises(SyntaxError):
        ast.parse(newer, feature_version=(3, 9))
    assert ast.parse((CLIENTS / name).read_text(), feature_version=(3, 9)).body


def printing(**settings):
    peer = {"command": PRINTING, "settings": settings}
    return Process(RATE, Fidelity("epochs", 1, 9), np.random.default_rng(0), 1, peer)


def test_serving_keeps_prints_apart_and_measures_decisions():
    peer = printing(most=1)
    try:
        job = peer.ask()
        assert job == Job(0, {"rate": 0.5}, 0, 1)
        assert peer.name == "printing 1"
        assert 0.001 < peer.elsewhere_cpu_s < 5
        peer.tell(job, Evaluation(np.ones(1), np.ones(1), np.ones(1), 1.0))
        assert peer.ask() is None
    finally:
        peer.close()
    said = peer._pipes.last_words()
    assert "a banner from C" in said
    assert "told {'message': 'tell'" in said


def test_serving_turns_exceptions_into_errors():
    peer = printing(most=1)
    nothing = Evaluation(np.empty(0), np.empty(0), np.empty(0), 1.0, error="broke")
    words = r"it says: LookupError: no value to learn from \(exit status 1\)(.|\n)*, in _tell"
    with pytest.raises(PeerError, match=words):
        peer.tell(peer.ask(), nothing)
    with pytest.raises(PeerError, match="it says: KeyError: 'most'"):
        printing().ask()


def test_the_example_client_is_a_method_like_any_other(tmp_path):
    assert "protocol.md" in catalogue.read("method", "example_client")["about"]["source"]
    task = "branin" if "branin" in catalogue.names("task") else catalogue.names("task")[0]
    settings = ["method=[example_client,dying]", f"task={task}", "seeds=1", "workers=2", "n_jobs=1"]
    settings += ["budget.trials=5", "name=peers", f"runs_dir={tmp_path / 'runs'}", "progress=false"]
    folder = tmp_path / "conf" / "method"
    folder.mkdir(parents=True)
    (folder / "dying.yaml").write_text(
        "_target_: hpobench.methods.peers.process.Process\n"
        "peer: {command: ['{python}', -c, 'input(); raise SystemExit(\"my last words\")']}\n"
    )
    study = Study.make(compose.load(settings, [tmp_path / "conf"]))
    reports = list(study.run(None))
    assert len(reports) == 2
    runs = load(study.folder).runs.set_index("method")
    assert runs.loc["example_client", "error"] == ""
    assert "my last words" in runs.loc["dying", "error"]
    assert len(load(study.folder).observations) >= 5
