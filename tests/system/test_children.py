"""Processes of our own end with the one that has started them."""

import os

import pytest

from hpobench.system import children, processes


@pytest.mark.parametrize("fails", [False, True])
def test_a_process_whose_parent_is_gone_ends_whatever_it_leaves(monkeypatch, fails):
    """Also where what is below it cannot be ended."""
    done = []

    def end_all():
        done.append("all")
        if fails:
            raise OSError("no /proc")

    def leave(status):
        done.append(status)
        raise SystemExit

    monkeypatch.setattr(processes, "end_all", end_all)
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(SystemExit):
        children._follow(os.getppid() + 1)
    assert done == ["all", 1]
