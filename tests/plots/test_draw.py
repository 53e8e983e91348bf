import subprocess
import sys

import pytest

from hpobench.plots.draw import draw, draw_costs, draw_scaling, draw_speedups, draw_task
from hpobench.results.study.study import Study


@pytest.fixture
def unsaved(monkeypatch):
    """Writing image files is the slow part: leave it out where only captions and names matter."""
    monkeypatch.setattr(
        "hpobench.plots.draw.save", lambda _figure, folder, stem: [folder / f"{stem}.png"]
    )


def test_the_standard_figures_are_written(synthetic, tmp_path):
    study = synthetic.random_study(tasks=2, methods=2, seeds=2, test=True)
    paths = draw(study, tmp_path / "figures")
    stems = [
        *("anytime", "anytime-test", "overview", "average-regret", "rank", "scores", "ranks"),
        *("improvement", "time-to-target", "ecdf"),  # two methods: no critical difference
    ]
    assert [path.name for path in paths] == [
        f"{s}.{kind}" for s in stems for kind in ("png", "pdf")
    ]
    assert all(path.stat().st_size > 5_000 for path in paths)
    caption = (tmp_path / "figures" / "anytime-test.txt").read_text()
    assert "value on test data" in caption


@pytest.mark.parametrize(
    "options", [{"statistic": "median"}, {"band": "bootstrap", "time": "linear"}]
)
def test_options_reach_the_figures(synthetic, tmp_path, unsaved, options):
    draw(synthetic.random_study(tasks=1, methods=1), tmp_path, **options)
    caption = (tmp_path / "anytime.txt").read_text()
    assert {"median": "Median", "bootstrap": "bootstrap"}[next(iter(options.values()))] in caption
    assert f"{options.get('time', 'log')} scale" in caption


def timed(study):
    """The same with a job for each observation, which other time axes need."""
    columns = ["task", "method", "seed", "trial", "worker", "time_s"]
    jobs = study.observations[columns].rename(columns={"time_s": "end_s"})
    jobs = jobs.assign(start_s=0.0, from_resource=0.0, to_resource=1.0, status="ok", error="")
    tables = (study.observations, study.trials, study.decisions, study.runs)
    return Study(*tables, study.tasks, study.methods, study.settings, jobs)


SUMMARIES = ("scores", "ranks", "improvement", "critical-difference", "time-to-target")


@pytest.mark.parametrize(
    ("axis", "view", "sentence", "shown"),
    [
        ("wall_clock", None, "Time axis: wall-clock time, to the horizon", "true (noise-free)"),
        ("evaluations", "observed", "Time axis: evaluations, to the horizon", "the method saw"),
        ("evaluations", "test", "At n the first n jobs to end are known", "value on test data"),
    ],
)
def test_captions_without_curves_name_seeds_axis_and_view(
    synthetic, tmp_path, unsaved, axis, view, sentence, shown
):
    """The seeds are those of the study: 3, the run that failed among them."""
    study = timed(synthetic.random_study(tasks=2, methods=3, seeds=3, test=True))
    study.runs.loc[0, "status"] = "failed"
    told = []
    draw(study, tmp_path, axis=axis, view=view, left_out=lambda *words: told.append(words))
    assert not told
    for name in SUMMARIES:
        caption = (tmp_path / f"{name}.txt").read_text()
        assert sentence in caption, name
        assert shown in caption, name
        assert "3 seeds a task and method." in caption, name
        assert "1 of 6 runs of method 0 failed: from then on they count as" in caption, name
    target = (tmp_path / "time-to-target.txt").read_text()
    assert f"in the {'wall-clock time' if view is None else 'evaluations'} to a target" in target


@pytest.mark.parametrize(
    ("axis", "words"), [("wall_clock", "would never have done so"), ("evaluations", "is censored")]
)
def test_runs_that_their_time_ended_might_have_gone_on_by_evaluations(
    synthetic, tmp_path, unsaved, axis, words
):
    study = timed(synthetic.random_study(tasks=2, methods=2, seeds=2))
    study.settings["budget"] = {"time_s": 100.0}
    draw_speedups(study, tmp_path, axis=axis)
    assert words in (tmp_path / "time-to-target-over-method_0.txt").read_text()


def test_what_is_left_out_is_told_with_the_reason(synthetic, tmp_path, unsaved):
    told = {}
    study = synthetic.random_study(tasks=1, methods=2, seeds=2)
    draw(study, tmp_path, left_out=told.__setitem__)
    assert list(told) == ["anytime-test", "average-regret", "critical-difference"]
    assert "compares 3 methods or more, there are 2" in told["critical-difference"]
    told.clear()
    draw(synthetic.random_study(tasks=1, methods=1), tmp_path, left_out=told.__setitem__)
    assert told[
        "overview, scores, ranks, improvement, critical-difference, time-to-target, ecdf"
    ] == ("there is one method only")
    told.clear()
    draw_costs(study, tmp_path, told.__setitem__)
    assert {"overhead", "feasibility"} <= set(told)


def test_speed_ups_over_any_method_to_given_levels(synthetic, tmp_path, unsaved):
    study = synthetic.random_study(tasks=2, methods=3, seeds=2)
    paths = draw_speedups(study, tmp_path, reference="method_2", levels=[0.5, 0.2])
    assert [path.stem for path in paths] == ["time-to-target-over-method_2"]
    caption = (tmp_path / "time-to-target-over-method_2.txt").read_text()
    assert f"Speed-up over {study.methods['method_2'].label}" in caption
    assert "Targets: normalised regrets, as given above the panels." in caption
    first = next(iter(study.methods))
    assert draw_speedups(study, tmp_path)[0].stem == f"time-to-target-over-{first}"
    with pytest.raises(ValueError, match="reference 'nobody' is not in the study: it has method_0"):
        draw_speedups(study, tmp_path, reference="nobody")


def test_one_task_one_method_one_seed(synthetic, tmp_path):
    paths = draw(synthetic.hand_made([{"time_s": 1, "value": 1}]), tmp_path)
    assert [path.name for path in paths] == ["anytime.png", "anytime.pdf"]
    assert "over 1 seed, no band" in (tmp_path / "anytime.txt").read_text()


def test_when_every_run_failed_the_figure_says_so(synthetic, tmp_path):
    study = synthetic.hand_made([{"time_s": 1, "value": 1}], runs=[{"status": "failed"}])
    draw(study, tmp_path)
    assert "No curve" in (tmp_path / "anytime.txt").read_text()


def test_costs_that_the_study_cannot_answer_are_left_out(synthetic, tmp_path, unsaved):
    study = synthetic.random_study(tasks=2, methods=2, seeds=2, test=True)
    assert [path.stem for path in draw_costs(study, tmp_path)] == [
        "overtuning",
        "overtuning-over-time",
    ]
    caption = (tmp_path / "overtuning-over-time.txt").read_text()
    assert "the lowest of all incumbents so far" in caption


def test_a_task_that_is_not_there_is_refused(synthetic, tmp_path):
    with pytest.raises(ValueError, match="task 'nowhere' is not in the study"):
        draw_task(synthetic.random_study(tasks=1, methods=1), tmp_path, "nowhere")


def test_many_tasks_go_over_pages(synthetic, tmp_path, unsaved, monkeypatch):
    monkeypatch.setattr("hpobench.plots.draw.PANELS_PER_PAGE", 2)
    paths = draw(synthetic.random_study(tasks=3, methods=1, seeds=2), tmp_path)
    assert {path.stem for path in paths} == {"anytime-1", "anytime-2", "average-regret"}


def test_drawing_twice_gives_the_same_bytes(synthetic, tmp_path):
    study = synthetic.random_study(tasks=1, methods=1)
    first, second = (
        [path.read_bytes() for path in draw(study, tmp_path / name, band="bootstrap")]
        for name in "ab"
    )
    assert first == second


def test_results_need_no_matplotlib_and_figures_no_pyplot():
    code = (
        "import sys, hpobench.results.verdicts.scores, hpobench.results.anytime.ranks\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import hpobench.plots.draw\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scaling_needs_other_numbers_of_workers(synthetic, tmp_path):
    study = synthetic.random_study(tasks=1, methods=1)
    with pytest.raises(ValueError, match="each with another number of workers"):
        draw_scaling([study, study], tmp_path)
