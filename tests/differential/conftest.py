"""Questions to other libraries; a test that needs one that is not installed is skipped."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.differential import elsewhere


@pytest.fixture
def asked(tmp_path) -> Callable[[str, str, Any], Any]:
    """`asked(environment, script, question)`: the answer of a script of this folder."""

    def asked(environment: str, script: str, question: Any) -> Any:
        if remedy := elsewhere.missing(environment):
            pytest.skip(remedy)
        return elsewhere.answer(environment, elsewhere.HERE / script, question, tmp_path)

    return asked
