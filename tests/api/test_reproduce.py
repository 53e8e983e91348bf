"""What an environment for reproducing a study is made of."""

import json
from importlib import metadata

import pytest

from hpobench.api import reproduce
from hpobench.system import package


@pytest.mark.parametrize(
    ("stated", "source"),
    [
        (
            {"url": "file:///d/hpobench-0.1.0.whl", "archive_info": {}},
            "file:///d/hpobench-0.1.0.whl",
        ),
        (
            {"url": "https://h.org/r", "vcs_info": {"vcs": "git", "commit_id": "1a2b"}},
            "git+https://h.org/r@1a2b",
        ),
        (None, ""),
    ],
)
def test_the_package_comes_from_where_this_one_came_from(tmp_path, monkeypatch, stated, source):
    class Installed:
        def read_text(self, name):
            return json.dumps(stated) if stated and name == "direct_url.json" else None

    monkeypatch.setattr(package, "HERE", tmp_path / "hpobench")
    monkeypatch.setattr(metadata, "distribution", lambda _: Installed())
    assert reproduce._own_source() == source
