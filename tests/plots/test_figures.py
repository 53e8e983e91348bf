import subprocess
import sys

import pytest

from hpobench.plots.figures import draw, draw_costs, draw_scaling, draw_task


@pytest.fixture
def unsaved(monkeypatch):
    """Writing image files is the slow part: leave it out where only captions and names matter."""
    monkeypatch.setattr(
        "hpobench.plots.figures.save", lambda _figure, folder, stem: [folder / f"{stem}.png"]
    )


def test_the_standard_figures_are_written(synthetic, tmp_path):
    study = synthetic.random_study(tasks=2, methods=2, seeds=2, test=True)
    paths = draw(study, tmp_path / "figures")
    stems = [
        *("anytime", "anytime-test", "average-regret", "rank", "scores", "ranks"),
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
    assert [path.stem for path in draw_costs(study, tmp_path)] == ["overtuning"]


def test_a_task_that_is_not_there_is_refused(synthetic, tmp_path):
    with pytest.raises(ValueError, match="task 'nowhere' is not in the study"):
        draw_task(synthetic.random_study(tasks=1, methods=1), tmp_path, "nowhere")


def test_many_tasks_go_over_pages(synthetic, tmp_path, unsaved, monkeypatch):
    monkeypatch.setattr("hpobench.plots.figures.PANELS_PER_PAGE", 2)
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
        "import sys, hpobench.results.scores, hpobench.results.ranks\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import hpobench.plots.figures\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scaling_needs_other_numbers_of_workers(synthetic, tmp_path):
    study = synthetic.random_study(tasks=1, methods=1)
    with pytest.raises(ValueError, match="each with another number of workers"):
        draw_scaling([study, study], tmp_path)
