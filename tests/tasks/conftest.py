"""The converted tables are kept between test runs; their hashes are checked whenever opened."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def tables_folder(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    if "HPOBENCH_CACHE" in os.environ:
        yield
        return
    kept = getattr(pytestconfig, "cache", None)
    folder = kept.mkdir("tables") if kept else tmp_path_factory.mktemp("tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPOBENCH_CACHE", str(folder))
        yield
