"""`hpobench watch` on studies that really take their time: journals are read while they grow."""

import json
import re

import numpy as np
import pytest
import yaml

from hpobench.plots.figures.under_way import MOST, under_way_figure
from hpobench.plots.report import page, watching
from hpobench.plots.report.context import Context, read
from hpobench.real.journal import path_of
from hpobench.results.conduct.under_way import UnderWay, under_way
from hpobench.results.study.load import load
from tests.studies import plan, write_conf

REAL = ["task=sleeper", "method=random", "clock=real", "workers=2", "seeds=2", "oversubscribe=true"]


@pytest.fixture
def folder(tmp_path):
    write_conf(tmp_path / "conf")
    task = {
        "_target_": "tests.real_runs.Sleeper",
        "pace": [0.02, 0.03, 0.01, 0.04],
        "budget": {"time_s": 2.2},
    }
    (tmp_path / "conf" / "task" / "sleeper.yaml").write_text(yaml.safe_dump(task))
    return tmp_path


def test_a_real_run_is_seen_while_it_runs(folder):
    study, looks, pages, output = plan(folder, *REAL), [], [], folder / "w.html"

    def look(status):
        """Called by the run about once a second: what it knows is what the journal says."""
        (run,) = under_way(study.folder, load(study.folder))
        looks.append((status, run))
        if len(looks) == 2:
            pages.extend(watching.follow(study.folder, output, 5.0, once=True))
            pages.append(output.read_text())

    list(study.run(look))
    assert {run.seed for _, run in looks} == {0, 1}
    for status, run in looks:
        assert run.trials == status.trials
        assert run.running == tuple(sorted(status.running))
        assert run.elapsed_s == pytest.approx(status.time_s, abs=0.5)
        # The status forgets the values that a job passed on its way to its last.
        assert run.best <= status.best or (np.isnan(run.best) and np.isinf(status.best))
    assert any(np.isfinite(run.best) for _, run in looks)

    first, second, html = pages
    assert "0 of 2 runs stored" in first
    words = (
        r"  .*, .*, seed 0: \d+ s, \d+ trials?, [012] jobs? running, best .*; last event \d+ s ago"
    )
    assert re.fullmatch(words, second)
    assert 'id="under-way"' in html
    assert "The incumbent of each run that is under way" in html
    assert 'data-refresh="5.0"' in html

    assert under_way(study.folder, load(study.folder)) == []
    assert len(list(watching.follow(study.folder, output, 5.0))) == 1
    html = output.read_text()  # the whole report
    assert 'id="environment"' in html
    assert "data-refresh" not in html
    assert 'id="under-way"' not in html


def entry(**more):
    return json.dumps(more)


def evaluation(resources, values):
    seconds = [float(each) for each in resources]
    return {
        "resources": seconds, "seconds": seconds, "values": values,
        "duration_s": seconds[-1], "constraints": {},
    }  # fmt: skip


EVENTS = [
    entry(journal=2, seed=1, workers=2, budget={}),
    entry(event="ask", time_s=0.0, seconds=0.0, job=[0, {"x": 3}, 0, 2, None]),
    entry(event="start", time_s=0.5, trial=0, worker=0, to_resource=2),
    entry(event="ask", time_s=0.5, seconds=0.0, job=[1, {"x": 1}, 0, 2, None]),
    entry(event="start", time_s=0.5, trial=1, worker=1, to_resource=2),
    entry(event="ask", time_s=0.6, seconds=0.0, job=None),
    entry(
        event="outcome", time_s=2.5, trial=0, worker=0, cut=False, lost=False, holds=False,
        checkpoint_bytes=0, evaluation=evaluation([1, 2], [3.0, 4.0]),
    ),
    entry(event="tell", time_s=2.5, seconds=0.0, trial=0),
]  # fmt: skip


@pytest.fixture
def journal(folder):
    """A study that is planned and has stored nothing, and the journal of its first run."""
    study = plan(folder, *REAL)
    study.run()  # nothing is run before the first report is asked for
    path = path_of(study.folder, study.pairs[0].key(0))
    path.parent.mkdir()
    return study, path


def test_by_hand(journal):
    """Trial 0 has its values 1 and 2 s after it began at 0.5 s; trial 1 is still running."""
    study, path = journal
    path.write_text("\n".join(EVENTS) + "\n")
    (run,) = under_way(study.folder, load(study.folder))
    assert (run.task, run.method, run.seed) == ("sleeper", "random", 0)
    assert (run.last_s, run.trials, run.running) == (2.5, 2, (1,))
    assert (run.time_s.tolist(), run.value.tolist(), run.best) == ([1.5], [3.0], 3.0)
    assert 2.5 <= run.elapsed_s < 62.5


def test_names_that_are_no_names_of_files(folder):
    """The journal of a run is looked for where the run keeps it."""
    conf = folder / "conf" / "task"
    name = "sleeper" * 20
    (conf / f"{name}.yaml").write_text((conf / "sleeper.yaml").read_text())
    study = plan(folder, f"task={name}", *REAL[1:])
    study.run()
    path = path_of(study.folder, study.pairs[0].key(0))
    path.parent.mkdir()
    path.write_text("\n".join(EVENTS) + "\n")
    assert [run.task for run in under_way(study.folder, load(study.folder))] == [name]


@pytest.mark.parametrize("events", range(1, len(EVENTS) + 1))
def test_a_journal_may_end_anywhere_and_is_left_as_it_is(journal, events):
    study, path = journal
    text = "\n".join(EVENTS[:events]) + "\n" + EVENTS[-1][:20]
    path.write_text(text)
    before = path.stat().st_mtime_ns
    (run,) = under_way(study.folder, load(study.folder))
    assert run.trials == len({1: [], 2: [], 3: [0], 4: [0]}.get(events, [0, 1]))
    assert np.isnan(run.best) == (events < 7)
    assert (path.read_text(), path.stat().st_mtime_ns) == (text, before)
    assert 'id="table-under-way"' in page.render(read(study.folder), refresh_s=5)


@pytest.mark.parametrize("text", ["", "{", "not JSON\n", '{"journal": 99}\n'])
def test_what_cannot_be_read_is_passed_over(journal, text):
    study, path = journal
    path.write_text(text)
    assert under_way(study.folder, load(study.folder)) == []


def test_journals_of_other_settings_are_not_of_this_study(journal):
    study, path = journal
    path.with_name(path.name.replace(study.pairs[0].fingerprint, "abc")).write_text(EVENTS[0])
    assert under_way(study.folder, load(study.folder)) == []


def test_no_more_panels_than_fit(synthetic):
    study = synthetic.random_study(tasks=1, methods=1, seeds=2)
    steps = np.array([1.0, 2.0])
    runs = [
        UnderWay("task_0", "method_0", seed, 3.0, 0.0, 2, (1,), steps, steps[::-1])
        for seed in range(MOST + 2)
    ]
    drawn = under_way_figure(runs, study.tasks, study.methods)
    assert len(drawn.figure.axes) == MOST
    assert "Not shown: 2 more." in drawn.caption


def test_the_grid_shows_what_is_stored_of_each_pair(synthetic):
    study = synthetic.random_study(tasks=2, methods=3, seeds=2)
    progress = {
        ("task_0", "method_0"): 1.0,
        ("task_0", "method_1"): 0.55,
        ("task_0", "method_2"): 0.01,
        ("task_1", "method_0"): 0.0,
        ("task_1", "method_2"): 1.0,
    }
    made = Context(study, 99, progress=progress)
    first, second, key = watching.grid(made)
    assert first.endswith("  #51")
    assert second.endswith("  . #")
    assert key.endswith("methods: method 0, method 1, method 2")
    assert watching.grid(Context(study, 99, progress=dict.fromkeys(progress, 1.0))) == []
    looks = [(0.0, 0), (60.0, len(study.runs))]
    assert "12 of 24 runs stored, about 60 s left" in watching.status(Context(study, 24), looks, "")
