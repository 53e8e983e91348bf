"""Fixtures that several folders of tests share."""

import pytest

from tests.results import synthetic as made_up


@pytest.fixture(scope="session")
def synthetic():
    """The module tests/results/synthetic.py: studies made up for tests."""
    return made_up
