"""What tests with clusters share."""

import pytest

from tests.cluster import machines


@pytest.fixture
def made():
    """Processes of one test; none is left when it has ended."""
    with machines.processes() as found:
        yield found
        found.check_none_left()
