"""The report as a file: what is in it, for whole studies and for those that hardly exist."""

import base64
import gzip
import hashlib
import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from hpobench.cli import main
from hpobench.plots.report import page, watching
from hpobench.plots.report.blocks import Column, number, table
from hpobench.plots.report.chart import chart_data
from hpobench.plots.report.context import Context
from hpobench.plots.report.context import read as read_context
from hpobench.plots.report.packing import Pool, pack, plotly_js
from hpobench.plots.report.parts import record
from hpobench.plots.report.parts.speed import speed
from hpobench.plots.report.sections import Part, sections
from hpobench.results.anytime.comparison import anytime, average_regret
from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.summaries import average_summaries, task_summaries
from hpobench.results.conduct.under_way import best_so_far
from hpobench.results.study.load import load
from hpobench.storage.schema import MethodFacts, TaskFacts
from tests.studies import execute, plan

EVIL = "<script>alert(\"x\")</script> & 'co'"


class Reader(HTMLParser):
    """Collects what the tests ask for; `unclosed` are elements whose end is missing."""

    EMPTY = frozenset({"meta", "img", "br", "hr", "input", "link"})

    def __init__(self):
        super().__init__()
        self.elements, self.open, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> without a beginning"
        assert self.open.pop() == tag, f"</{tag}> ends something else"

    def handle_data(self, data):
        if "script" not in self.open and "style" not in self.open:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def read(html):
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def context(study, planned=None, **options):
    return Context(study, planned or len(study.runs), **options)


def unpacked(html, name):
    packed = re.search(rf'id="{name}">([^<]*)<', html).group(1)
    return gzip.decompress(base64.b64decode(packed))


@pytest.fixture(scope="module")
def study(synthetic):
    return synthetic.random_study(tasks=2, methods=3, seeds=4, test=True)


@pytest.fixture(scope="module")
def html(study):
    return page.render(context(study, manifest={"command": ["hpobench", "run"], "git": "abc+"}))


def test_it_says_what_to_use_and_why(html):
    words = read(html).words
    assert re.search(r"For all of each task's horizon \([^)]+\): ", words)
    assert "mean normalised regret" in words
    assert re.search(r"For [\d.]+ \w+ \(10 % of the horizon\)", words)


def test_meanings_of_columns_can_be_read_without_a_mouse(html):
    """Every title of a heading stands in the list below its table as well."""
    reader = read(html)
    titles = [heading["title"] for heading in reader.all("th") if "title" in heading]
    assert len(titles) == len(reader.all("dd")) > 20
    assert all(" ".join(title.split()) in reader.words for title in titles)


def test_it_is_self_contained(html):
    """Nothing is loaded, and the page forbids it."""
    reader = read(html)
    links = [attrs.get("src", attrs.get("href", "")) for _, attrs in reader.elements]
    assert {link.split(":")[0].split("#")[0] for link in links if link} <= {"data", ""}
    policy = next(a["content"] for a in reader.all("meta") if "http-equiv" in a)
    assert "default-src 'none'" in policy


def test_headings_have_an_order_and_names_are_unique(html):
    reader = read(html)
    levels = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    names = [attrs["id"] for _, attrs in reader.elements if "id" in attrs]
    assert len(names) == len(set(names))
    anchors = {attrs["href"][1:] for attrs in reader.all("a")}
    assert anchors <= set(names)


def test_pictures_have_words_and_tables_have_headings(html):
    reader = read(html)
    assert all(len(attrs["alt"]) > 20 for attrs in reader.all("img"))
    assert len(reader.all("table")) == len(reader.all("caption"))
    assert len(reader.all("figure")) == len(reader.all("figcaption"))
    assert all(attrs["scope"] == "col" for attrs in reader.all("th"))


def test_the_command_and_the_commit_are_there(html):
    words = read(html).words
    assert "hpobench run" in words
    assert "commit abc with changes that were not committed" in words


def test_the_curves_are_those_of_the_static_figures(html, study):
    """Unpacked again, and compared with `anytime` on a grid of its own: both are step functions."""
    document = json.loads(unpacked(html, "chart-data"))
    planes = np.frombuffer(unpacked(html, "chart-numbers"), dtype=np.uint8)
    numbers = planes.reshape(4, -1).T.copy().view("<f4").ravel()
    view = document["views"]["task-task_1|wall_clock"]
    found = incumbents(study)
    times = numbers[view["time"] :][: view["points"]]
    for method, (centre, low, high) in view["series"]["mean/interval"]["lines"].items():
        line = anytime(found, "task_1", points=500).lines[method]
        last = [numbers[begin + view["points"] - 1] for begin in (centre, low, high)]
        expected = [line.centre[-1], line.low[-1], line.high[-1]]
        assert last == pytest.approx(expected, rel=1e-6)
    assert (np.diff(times) > 0).all()
    assert {axis["name"] for axis in document["axes"]} >= {"wall_clock"}
    assert set(view["series"]) >= {"mean/sem", "mean/bootstrap", "median/quartiles"}


def test_all_statistics_at_once_are_those_one_by_one(study):
    """At the points of the log grid, `task_summaries` and `anytime` are the same function."""
    found = incumbents(study)
    made = task_summaries(found, "task_0", {"log": 200, "linear": 7})
    alone = anytime(found, "task_0", statistic="median")
    at = np.searchsorted(made["median", "quartiles"].time, alone.time)
    for method, line in alone.lines.items():
        both = made["median", "quartiles"].lines[method]
        np.testing.assert_array_equal(both.centre[at], line.centre)
        np.testing.assert_array_equal(both.high[at], line.high)


def test_averages_at_once_are_those_one_by_one(study):
    known = context(study).references
    found = incumbents(study)
    made = average_summaries(found, known, {"log": 30, "linear": 200})["mean", "interval"]
    alone = average_regret(found, known, time="linear")
    for method, line in alone.lines.items():
        assert made.lines[method].centre[-1] == pytest.approx(line.centre[-1])
        assert made.lines[method].low[-1] == pytest.approx(line.low[-1])
    # It begins where the first curve does.
    assert any(np.isfinite(line.centre[0]) for line in made.lines.values())


def test_many_tasks_are_on_the_first_axis_only(synthetic, monkeypatch):
    study = synthetic.random_study(tasks=2, methods=2, seeds=2)
    monkeypatch.setattr("hpobench.plots.report.chart.MOST_CURVES", 3)
    monkeypatch.setattr("hpobench.plots.report.chart.on_axis", lambda study, _axis: study)
    document = chart_data(context(study)).document
    views = document["views"]
    assert "single tasks are shown over wall-clock time only" in document["note"]
    assert "average-1|evaluations" in views
    assert [view for view in views if view.startswith("task-")] == [
        "task-task_0|wall_clock",
        "task-task_1|wall_clock",
    ]


def test_equal_arrays_are_kept_once():
    pool = Pool()
    places = [pool.add(np.array(values)) for values in ([1.0, 2.0], [3.0], [1.0, 2.0], [np.nan])]
    assert places == [0, 2, 0, 3]
    planes = np.frombuffer(pool.content(), dtype=np.uint8).reshape(4, -1)
    np.testing.assert_array_equal(
        planes.T.copy().view("<f4").ravel(), np.array([1, 2, 3, np.nan], dtype="<f4")
    )


def test_the_library_is_the_one_that_its_note_names():
    """Version and hash as in the note; its licence lies beside it."""
    here = Path(page.__file__).parent / "page"
    note = (here / "plotly-basic.md").read_text()
    assert hashlib.sha256(plotly_js()).hexdigest() in note
    (version,) = re.findall(rb"minified\) v([\d.]+)", plotly_js()[:200])
    assert f"plotly.js {version.decode()}," in note
    assert "MIT License" in (here / "plotly-basic.LICENSE.txt").read_text()


def test_packing_is_reproducible():
    assert pack(b"the same") == pack(b"the same")
    assert gzip.decompress(base64.b64decode(pack(b"the same"))) == b"the same"


def test_the_same_study_gives_the_same_page(synthetic):
    study = synthetic.random_study(tasks=1, methods=2, seeds=3)
    assert page.render(context(study)) == page.render(context(study))


def test_what_comes_from_outside_is_escaped(synthetic):
    """Labels, names and errors may hold anything: in the page they are text."""
    study = synthetic.hand_made(
        [{"time_s": t, "value": 1 / t, "seed": s} for s in (0, 1) for t in (1, 2)],
        runs=[{"seed": s} for s in (0, 1)] + [{"seed": 2, "status": "failed", "error": EVIL}],
        tasks={"t": TaskFacts("t", EVIL, EVIL, unit=EVIL)},
        methods={"a": MethodFacts("a", EVIL)},
        settings={"name": EVIL},
    )
    html = page.render(context(study, config=EVIL, manifest={"command": [EVIL], "git": EVIL}))
    assert "alert(" not in re.sub(r'<script type="text/plain"[^<]*', "", html).replace(
        "&lt;script&gt;alert(", ""
    )
    assert read(html).words.count(EVIL) > 5


@pytest.mark.parametrize(
    ("rows", "runs", "words"),
    [
        ([], [], "No run is stored yet"),
        ([], [{"status": "failed", "error": "out of luck"}], "All stored runs failed"),
        ([{"time_s": 1, "value": 1.0}], None, "No task can be normalised"),
        ([{"time_s": 1, "value": 1.0}, {"time_s": 2, "value": 0.5}], None, "single seed|only"),
    ],
)
def test_studies_that_hardly_exist(synthetic, rows, runs, words):
    base = synthetic.hand_made([{"time_s": 1, "value": 1.0}], runs=[{}])
    study = synthetic.hand_made(rows, runs=runs) if rows else type(base)(
        base.observations.iloc[:0],
        base.trials,
        base.decisions,
        base.runs.iloc[:0] if not runs else base.runs.assign(**runs[0]),
        base.tasks,
        base.methods,
    )  # fmt: skip
    text = read(page.render(context(study, planned=9))).words
    assert re.search(words, text)
    assert "of 9 planned runs are stored" in text
    if runs:
        assert "out of luck" in text


def test_two_methods_have_a_path_of_their_own(synthetic):
    text = read(page.render(context(synthetic.random_study(tasks=1, methods=2, seeds=6)))).words
    assert "Bayesian signed-rank test" in text
    # 6 seeds of one task; the sentences use labels, as all others do.
    assert "6 task-seed pairs" in text
    assert re.search("method [01] has a lower mean normalised regret than method [01]", text)


def test_two_methods_with_few_seeds_have_no_bayesian_test(synthetic):
    text = read(page.render(context(synthetic.random_study(tasks=1, methods=2, seeds=2)))).words
    assert "needs 5 pairs or more" in text
    assert "mean normalised regret than" in text
    assert "it needs 2 tasks or more" in text
    for internal in ("two_methods", "pairwise_wilcoxon", "found.only"):
        assert internal not in text


def test_speed_ups_of_each_pair_are_a_table(html):
    """Three methods: six ordered pairs."""
    assert len(re.search(r'id="table-speed-pairs-1".*?</table>', html, re.S)[0].split("<tr>")) == 8
    assert "hpobench plot study --reference METHOD --level 0.1 0.01" in read(html).words


def test_speed_ups_of_too_many_pairs_say_how_to_get_the_rest(synthetic):
    study = synthetic.random_study(tasks=1, methods=14, seeds=2, observations=5)
    words = " ".join(str(block) for block in speed(context(study)))
    assert "The 12 best of 14 methods are shown." in words


def test_many_methods_have_the_bayesian_test_pair_by_pair(html):
    """Two tasks of 4 seeds: 8 pairs of each two of the three methods."""
    words = read(html).words
    assert "practically equal" in words
    assert "posterior probabilities by the Bayesian signed-rank test" in words
    assert "p values are not corrected for the number of methods" in words


def test_a_section_that_cannot_be_computed_says_why(study):
    def refuse(_context):
        raise ValueError("there are no ranks")

    made = sections(context(study), [Part("x", "X", refuse), Part("y", "Y", lambda _context: [])])
    assert [(section.title, section.blocks[0].text) for section in made] == [
        ("X", "Not computed: there are no ranks.")
    ]


def test_without_any_curve_there_is_no_chart(synthetic):
    study = synthetic.hand_made([{"time_s": 1, "value": 1}], runs=[{"status": "failed"}])
    assert chart_data(context(study)) is None


def test_cells_sort_by_number_and_read_as_text():
    import pandas as pd

    frame = pd.DataFrame({"x": [0.12345, np.nan], "name": ["b", None], "n": [1, 2]})
    made = table(frame, "t", "T", {"n": Column("n"), "x": Column("x", number(2)), "z": Column("z")})
    assert [column.label for column in made.columns] == ["n", "x"]
    assert [[(cell.text, cell.key) for cell in row] for row in made.rows] == [
        [("1", 1.0), ("0.12", 0.12345)],
        [("2", 2.0), ("–", None)],
    ]


def test_best_so_far(synthetic):
    """By hand: the incumbents at the end are 3 and 1; a failed run's may be the best of all."""
    rows = [
        {"method": "a", "time_s": 1, "value": 3.0},
        {"method": "b", "time_s": 1, "value": 2.0},
        {"method": "b", "time_s": 2, "value": 1.0},
        {"method": "b", "time_s": 3, "value": 4.0},
    ]
    found = incumbents(synthetic.hand_made(rows))
    assert best_so_far(found) == [("t", "b", 1.0)]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    repeats = "methods.evolution.searcher.repeat=true"
    planned = plan(folder, "task=bowl", "method=[random,evolution,broken]", "seeds=2", repeats)
    execute(planned)
    return planned.folder


def test_the_command_writes_one_file(stored, capsys):
    assert main(["report", str(stored)]) == 0
    path = stored / "report.html"
    assert capsys.readouterr().out.strip() == str(path)
    html = path.read_text()
    assert "third time unlucky" in html
    assert "replace_replaced" not in html
    # No draft is left; what the page was made of is noted beside it.
    assert [p.name for p in stored.iterdir() if p.name.startswith(".")] == [".report.json"]


@pytest.mark.parametrize("command", ["report", "watch", "export"])
def test_an_output_replaces_nothing_but_its_like_and_makes_no_folders(
    stored, tmp_path, command, capsys
):
    def told(path):
        status = main([command, str(stored), "--output", str(path)])
        return status, capsys.readouterr().err

    others = tmp_path / "thesis"
    assert [told(tmp_path / "mine")[0] for _ in range(2)] == [0, 0]
    others.write_text("years of work")
    status, said = told(others)
    assert (status, others.read_text()) == (2, "years of work")
    assert "not written by this command" in said
    assert "make it first" in told(tmp_path / "new" / "mine")[1]
    assert "that is a folder" in told(tmp_path)[1]
    assert not (tmp_path / "new").exists()


def test_an_unknown_study_is_named(tmp_path, capsys):
    assert main(["report", "yours", "--runs-dir", str(tmp_path)]) == 2
    assert "no study 'yours'" in capsys.readouterr().err


def test_watching_a_whole_study_ends_at_once(stored, tmp_path, capsys):
    assert main(["watch", str(stored), "--output", str(tmp_path / "w.html")]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert "study: 6 of 6 runs stored, 2 failed; best so far: bowl" in line
    assert "data-refresh" not in (tmp_path / "w.html").read_text()


def test_watching_a_running_study(tmp_path):
    """Looked at after 1 run of 4; while the watch sleeps the others are run, and then it ends."""
    whole = plan(tmp_path, "task=bowl", "method=random", "seeds=4", "part_runs=1")
    running = whole.run()
    next(running)
    output = tmp_path / "w.html"
    pages, pauses = [], []

    def sleep(seconds):
        pauses.append(seconds)
        pages.append(output.read_text())
        assert len(list(running)) == 3

    lines = list(watching.follow(whole.folder, output, 0.5, sleep=sleep))
    assert ["1 of 4 runs stored" in lines[0], "4 of 4 runs stored" in lines[1]] == [True, True]
    assert len(lines) == 2
    assert pauses[0] >= 0.5
    assert 'data-refresh="0.5"' in pages[0]
    assert "1 of 4 planned runs are stored" in read(pages[0]).words
    assert "data-refresh" not in output.read_text()


@pytest.mark.parametrize("every", ["0", "-3", "often", "inf"])
def test_watching_needs_a_time(every, capsys):
    with pytest.raises(SystemExit):
        main(["watch", "x", "--every", every])
    assert "use a number of seconds above 0" in capsys.readouterr().err


def test_export_prints_or_writes(stored, tmp_path, capsys):
    assert main(["export", str(stored)]) == 0
    assert "| method" in capsys.readouterr().out
    path = tmp_path / "t.tex"
    assert main(["export", str(stored), "--format", "latex", "--output", str(path)]) == 0
    assert r"\begin{tabular}" in path.read_text()


def test_import_from_optuna(tmp_path, monkeypatch, capsys):
    optuna = pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    theirs = optuna.create_study(storage="sqlite:///o.db", study_name="s")
    theirs.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=5)
    names = ["--task", "square", "--method", "tpe", "--seed", "3", "--name", "theirs"]
    assert main(["import", "optuna", "o.db", *names]) == 0
    assert "1 run stored in runs/theirs" in capsys.readouterr().out
    assert main(["report", "theirs"]) == 0
    assert main(["import", "optuna", "nowhere.db", *names]) == 2
    assert "nowhere.db" in capsys.readouterr().err
    more = [*names[:-1], "again", "--metric", "loss", "--step-times", "even", "--no-comparable"]
    assert main(["import", "optuna", "o.db", *more]) == 0
    facts = load("runs/again").tasks["square"]
    assert (facts.value_label, facts.comparable) == ("loss", False)
    assert main(["import", "optuna", "o.db", *names, "--resource", "epoch"]) == 2
    said = capsys.readouterr().err
    assert "--resource: logs of optuna are read with --task, --method, --seed, --runs" in said


def test_what_is_normalised_by_the_study_itself_is_said(synthetic):
    study = synthetic.random_study(tasks=1, methods=2, seeds=3, known=False)
    study.settings["notes"] = ["The log held no seeds."]
    text = read(page.render(context(study))).words
    assert "Optimum and median are not known of task 0: the best and the median value" in text
    assert "The log held no seeds." in text


def test_how_to_run_it_again(synthetic):
    """All calls, in order, and what is known of whether they would give the same."""
    first = {"command": ["hpobench", "run", "name=a b"], "written": "T1", "git": "abc"}
    second = {"command": ["hpobench", "run", "--extend"], "written": "T2", "times": 3, "last": "T9"}
    study = synthetic.random_study(tasks=2, methods=1, seeds=2)
    names = list(study.tasks)
    for known, words in [
        ([True, True], "The same settings give the same results to the bit."),
        ([True, False], "same results to the bit is not known of task 1."),
        # As it was stored by earlier versions.
        ([None, True], "same results to the bit is not known of task 0."),
    ]:
        for name, reproducible in zip(names, known, strict=True):
            study.tasks[name] = replace(study.tasks[name], reproducible=reproducible)
        manifest = {**second, "git": "abc", "calls": [first, second]}
        blocks = record.rerun(context(study, manifest=manifest))
        assert blocks[2].text.endswith(words)
    assert blocks[1].text.splitlines() == [
        "hpobench run 'name=a b'  # T1, commit abc",
        "hpobench run --extend  # T2, 3 times until T9",
    ]
    # Earlier versions kept the last call alone.
    earlier = record.rerun(context(study, manifest=first))
    assert [block.text for block in earlier[:2]] == [
        *["The call of this study:", "hpobench run 'name=a b'  # T1, commit abc"]
    ]


def test_what_a_stored_study_adds(stored):
    """Views of the incumbents, repeated suggestions, configurations, and whether it repeats."""
    reader = read(page.render(read_context(stored)))
    tables = {attrs.get("id") for attrs in reader.all("table")}
    assert {"table-views-1", "table-repeats"} <= tables  # as in the paper, evolution repeats
    assert any("parallel coordinates" in attrs["aria-label"] for attrs in reader.all("svg"))
    assert "would never have done so" in reader.words  # its budget is a time alone
    assert "The same settings give the same results to the bit." in reader.words


def test_no_control_character_of_a_label_or_a_name_is_in_the_page(stored):
    odd = "Mine\n| 0.0 |\x1b[31m\u202e"
    assert MethodFacts("mine", odd).label == "Mine | 0.0 |[31m"
    context = read_context(stored)
    methods = context.study.methods
    context.study.methods = {name: replace(facts, label=odd) for name, facts in methods.items()}
    context.study.settings["name"] = odd
    html = page.render(context)
    assert "Mine | 0.0 |[31m" in html
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", html)
