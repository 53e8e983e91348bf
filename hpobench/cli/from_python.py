"""What a command does, for those who call it from Python."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpobench.results import Study


def run_study(
    *settings: str,
    conf: Iterable[str | Path] = (),
    extend: bool = False,
    replace: bool = False,
) -> "Study":
    """Run what is missing of a study, as `hpobench run` does, and load it.

    `settings`: as there, such as "method=[random,asha]", "seeds=30" or "name=mine"; `conf`,
    `extend` and `replace` are the options of these names. Failed runs are in the study's table of
    runs, with their errors. Raises ValueError if it was asked wrongly.
    """
    from hpobench.results import load
    from hpobench.study import compose
    from hpobench.study.study import Study
    from hpobench.system import dotted

    folders = [Path(folder) for folder in conf]
    dotted.set_folders(folders)
    study = Study.make(compose.load(settings, folders))
    for _ in study.run(extend=extend, replace=replace):
        pass
    return load(study.folder)
