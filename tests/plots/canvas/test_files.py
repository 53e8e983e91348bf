"""Files of figures: the quick way gives what Matplotlib's own gives."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from hpobench.plots.canvas import files


def drawn(folder, picture):
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.add_subplot()
    if picture:
        axes.imshow(np.arange(16).reshape(4, 4))
    axes.plot([1, 2, 3], [1, 4, 2], "o-", label="Ünïcode ≤ $x$")
    axes.fill_between([1, 2, 3], [0.5, 3, 1], [2, 5, 3], alpha=0.3)
    axes.set_ylabel("turned")
    axes.legend()
    png, pdf = files.save(figure, folder, "figure")
    return np.asarray(Image.open(png).convert("RGB")).astype(int), pdf.read_bytes()


@pytest.mark.parametrize("picture", [False, True])
def test_a_version_that_was_not_tried_is_asked_for_what_it_promises(tmp_path, monkeypatch, picture):
    quick, pdf = drawn(tmp_path / "quick", picture)
    monkeypatch.setattr(files, "_TRIED", False)
    plain, other = drawn(tmp_path / "plain", picture)
    assert quick.shape == plain.shape
    assert (np.abs(quick - plain).max(axis=2) > 64).mean() < 0.01  # edges of letters
    assert pdf[:5] == other[:5] == b"%PDF-"
    assert drawn(tmp_path / "again", picture)[1] == other
