"""Fixtures that several folders of tests share."""

import os
import signal
import threading

import pytest
from hypothesis import settings

from tests.results import synthetic as made_up

# The same few examples in every run; how long one takes says more of the machine.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=30, database=None)
settings.load_profile("suite")


def pytest_collection_modifyitems(items):
    """Those marked as slow are skipped, unless they are asked for."""
    if not os.environ.get("HPOBENCH_SLOW_TESTS"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: make test-slow"))


@pytest.fixture(scope="session")
def synthetic():
    """The module tests/results/synthetic.py: studies made up for tests."""
    return made_up


@pytest.fixture(scope="session", autouse=True)
def _signals_as_in_a_terminal():
    """What runs in the background or under nohup ignores some, and so would all that it starts."""
    if threading.current_thread() is not threading.main_thread():
        return
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    for number, handler in usual.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
