"""What else is known of the best configuration."""

import pytest

from hpobench.cli import main
from hpobench.results import load
from hpobench.results.verdicts.winner import winners

LOG = """method,seed,time,value,lr
a,0,1,0.5,0.1
a,1,1,0.6,0.1
a,2,1,0.3,0.1
b,0,1,0.9,0.1
b,1,1,0.6,0.1
"""


def test_other_evaluations_count_each_draw_of_the_noise_once(tmp_path, monkeypatch):
    """0.5 and 0.9 of one seed are two draws, 0.6 twice of one seed is one: 2/3 on average."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(LOG)
    assert main(["import", "csv", "log.csv", "--mode", "min", "--name", "log"]) == 0
    (found,) = winners(load("runs/log"))
    assert (found.value, found.again_count) == (0.3, 3)
    assert found.again == pytest.approx((0.5 + 0.6 + 0.9) / 3)
