"""Figures of one run show its jobs and values, and nothing overlaps."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PolyCollection

from hpobench.plots.draw import draw_run, draw_workers
from hpobench.plots.figures.run import curves_figure, gap_figure, rungs_figure
from hpobench.plots.figures.workers import readable_s, workers_comparison_figure, workers_figure
from hpobench.results.conduct.one_run import learning_curves, one_run, rung_ends
from hpobench.results.study.study import Study
from hpobench.storage.schema import MethodFacts, TaskFacts

FIGURES = [curves_figure, rungs_figure, workers_figure]
LONG = "a rather long descriptive name of something with hyperband and a Gaussian process"


def made_up(*, workers=3, rounds=12, rungs=(1, 3, 9), long=False, methods=("sync", "async")):
    """In every round each worker trains a trial; every third goes on, after a barrier if sync."""
    rng = np.random.default_rng(0)
    jobs, seen, runs = [], [], []
    for method in methods:
        free = np.zeros(workers)
        for trial in range(workers * rounds):
            worker = trial % workers
            last = 0
            for number, rung in enumerate(rungs):
                if number and trial % 3**number:
                    break
                if number and method == "sync":
                    free[:] = free.max()
                start = free[worker]
                free[worker] += rng.exponential(rung - last) + 0.1
                key = {"task": "t", "method": method, "seed": 0, "trial": trial, "worker": worker}
                times = np.linspace(start, free[worker], rung - last + 1)[1:]
                for resource, time_s in zip(range(last + 1, rung + 1), times, strict=True):
                    value = 0.1 + rng.random() / resource
                    seen.append(key | {"resource": resource, "time_s": time_s, "value": value})
                span = {"start_s": start, "end_s": free[worker], "status": "ok"}
                jobs.append(key | span | {"from_resource": last, "to_resource": rung})
                last = rung
        run = {"task": "t", "method": method, "seed": 0, "status": "ok", "error": ""}
        runs.append(run | {"trials": workers * rounds, "end_time_s": free.max(), "cpu_s": 0.1})
    observations = pd.DataFrame(seen).sort_values(["method", "time_s"], ignore_index=True)
    observations = observations.assign(true_value=np.nan, test_value=np.nan, status="ok")
    fidelity = "epochs" if len(rungs) > 1 else "none"
    name = LONG if long else "task"
    task = TaskFacts("t", name, "error", fidelity=fidelity, r_min=rungs[0], r_max=rungs[-1])
    return Study(
        observations,
        pd.DataFrame(),
        pd.DataFrame(),
        pd.DataFrame(runs),
        {"t": task},
        {name: MethodFacts(name, LONG if long else name) for name in methods},
        {"workers": workers, "overhead": "none"},
        pd.DataFrame(jobs),
    )


def run_of(study, method="async"):
    return one_run(study, "t", method, 0)


def bars_of(axes):
    (bars,) = [each for each in axes.collections if isinstance(each, PolyCollection)]
    return np.array([path.vertices[:4] for path in bars.get_paths()])


def dots_of(axes):
    """Dots drawn by `scatter`."""
    kinds = (PolyCollection, LineCollection)
    dots = [each for each in axes.collections if not isinstance(each, kinds)]
    return np.concatenate([each.get_offsets() for each in dots])


def test_a_line_a_stretch_with_the_values_of_the_run():
    run = run_of(made_up(), "sync")
    axes = curves_figure(run).figure.axes[0]
    (lines,) = [each for each in axes.collections if isinstance(each, LineCollection)]
    curves = learning_curves(run)
    assert curves["stretch"].max() == 1
    drawn = np.concatenate([path.vertices for path in lines.get_paths()])
    assert len(lines.get_paths()) == len(curves.groupby(["trial", "stretch"]))
    assert sorted(drawn[:, 1]) == sorted(curves["value"])
    steps = axes.lines[0]
    assert steps.get_drawstyle() == "steps-post"
    assert steps.get_ydata()[-1] == run.incumbent.value[-1] == curves["value"].min()


def test_a_dot_a_rung_end_near_its_resource():
    run = run_of(made_up())
    drawn = rungs_figure(run)
    places = dots_of(drawn.figure.axes[0])
    ends = rung_ends(run)
    assert sorted(places[:, 1]) == sorted(ends["value"])
    rungs = np.array([1, 3, 9])
    nearest = rungs[np.abs(np.log(places[:, :1] / rungs)).argmin(axis=1)]
    assert sorted(nearest) == sorted(ends["resource"])
    labels = [text.get_text().split(" (")[0] for text in drawn.figure.legends[0].get_texts()]
    assert labels[:3] == ["stopped", "promoted", "highest resource"]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_bar_a_job_and_the_idle_share_in_the_title(workers):
    run = run_of(made_up(workers=workers), "sync")
    axes = workers_figure(run).figure.axes[0]
    bars = bars_of(axes)
    np.testing.assert_allclose(bars[:, 0, 0], run.jobs["start_s"])
    np.testing.assert_allclose(bars[:, 1, 0], run.jobs["end_s"])
    np.testing.assert_allclose(bars[:, :, 1].mean(axis=1), run.jobs["worker"])
    assert axes.get_title().endswith(f"\n{100 * run.idle():.1f} % idle")
    assert (run.idle() > 0.01) == (workers > 1)


def test_the_axis_of_time_is_that_of_the_clock():
    study = made_up()
    assert curves_figure(run_of(study)).figure.axes[0].get_xlabel().startswith("wall-clock time (")
    study.tasks = {"t": replace(study.tasks["t"], clock="evaluations")}
    for figure_of in (curves_figure, workers_figure):
        drawn = figure_of(run_of(study))
        axes = drawn.figure.axes[0]
        # In the units of the tables, not in minutes.
        assert axes.get_xlabel() == "time in evaluations"
        assert axes.get_xlim()[1] == run_of(study).end_time_s
    assert "Time axis: time in evaluations" in curves_figure(run_of(study)).caption


def test_a_comparison_shows_the_same_readable_span():
    study = made_up(rounds=60)
    runs = [run_of(study, "sync"), run_of(study, "async")]
    end_s = readable_s(runs)
    # Neither has begun more than 40 jobs a worker by then, and one has begun as many.
    assert max((run.jobs["start_s"] < end_s).sum() for run in runs) == 40 * 3
    figure = workers_comparison_figure(runs).figure
    assert [axes.get_xlim() for axes in figure.axes[:2]] == [(0, end_s)] * 2
    for axes, run in zip(figure.axes, runs, strict=False):
        assert bars_of(axes)[:, :, 0].max() == pytest.approx(end_s)
        assert f"{100 * abs(run.idle(end_s)):.1f} % idle" in axes.get_title()
    assert workers_comparison_figure(runs, 5.0).figure.axes[0].get_xlim() == (0, 5)


def test_a_comparison_needs_runs_of_one_task():
    run = run_of(made_up())
    for runs in ([], [run, replace(run, task=replace(run.task, name="u"))]):
        with pytest.raises(ValueError, match="runs of one task"):
            workers_comparison_figure(runs)


@pytest.mark.parametrize("figure_of", [*FIGURES, lambda run: workers_comparison_figure([run] * 2)])
@pytest.mark.parametrize(
    "options",
    [
        {"workers": 1, "rounds": 15, "long": True},
        {"workers": 32, "rounds": 2, "rungs": (1,)},
        {"rungs": range(1, 30), "rounds": 3},
    ],
)
def test_nothing_overlaps_nor_leaves_the_figure(figure_of, options):
    figure = figure_of(run_of(made_up(**options), "sync")).figure
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    boxes += [each.get_window_extent(renderer) for each in (*figure.legends, figure._supxlabel)]
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other.padded(-1)) for other in boxes[number + 1 :])
        assert min(box.x0, box.y0) >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y1 <= figure.bbox.y1 + 1


@pytest.mark.parametrize("figure_of", FIGURES)
def test_a_run_without_anything_says_so(figure_of):
    study = made_up()
    study.observations = study.observations[study.observations["method"] == "sync"]
    study.jobs = study.jobs[study.jobs["method"] == "sync"]
    study.runs.loc[1, ["status", "end_time_s"]] = ["failed", 0.0]
    figure = figure_of(run_of(study)).figure
    assert [text.get_text() for text in figure.axes[0].texts] == ["no data"]
    figure.canvas.draw()


def test_captions_count_what_is_shown_and_what_is_not():
    study = made_up(rounds=4)
    study.observations.loc[3, ["value", "status"]] = [np.nan, "failed"]
    study.jobs.loc[study.jobs["method"] == "async", "status"] = "failed"
    text = curves_figure(run_of(study)).caption
    assert "async on task, seed 0; 12 trials in" in text
    assert "1 failed value not drawn." in text
    assert "Incumbent: best observed validation value" in text
    text = workers_figure(run_of(study)).caption
    assert f"Crosses: {len(run_of(study).jobs)} failed jobs." in text


def test_files_are_named_after_the_run(tmp_path):
    study = made_up(rounds=3)
    paths = draw_run(study, tmp_path, "t", "sync", 0)
    paths += draw_workers(study, tmp_path, "t", ["sync", "async"], 0)
    stems = [f"run-t-sync-0-{name}" for name in ("curves", "rungs", "workers")]
    stems.append("workers-t-0")
    assert [path.name for path in paths] == [
        f"{stem}.{kind}" for stem in stems for kind in ("png", "pdf")
    ]
    assert all(path.stat().st_size for path in paths)
    assert all((tmp_path / f"{stem}.txt").read_text().endswith(".\n") for stem in stems)
    with pytest.raises(ValueError, match="choose from sync, async"):
        draw_run(study, tmp_path, "t", "asha", 0)


def test_training_values_are_drawn_and_their_gap_is_a_figure():
    study = made_up()
    run = run_of(study)
    with pytest.raises(ValueError, match="no training values"):
        gap_figure(run)
    assert "Dotted" not in curves_figure(run).caption
    study.observations["train_value"] = study.observations["value"] - 0.25
    run = run_of(study)
    drawn = gap_figure(run)
    axes = drawn.figure.axes[0]
    gaps = np.concatenate([line.get_ydata() for line in axes.lines if len(line.get_ydata()) > 2])
    assert gaps == pytest.approx(0.25)
    assert axes.get_ylabel() == "validation - training value"
    assert "Dotted: the training value" in curves_figure(run).caption
