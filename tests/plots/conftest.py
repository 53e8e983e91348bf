import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "results" / "synthetic.py"


@pytest.fixture(scope="session")
def synthetic():
    """The module tests/results/synthetic.py: with pytest's importlib mode, by path."""
    spec = importlib.util.spec_from_file_location("synthetic_studies", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
