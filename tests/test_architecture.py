"""The arrows between the rooms. One that is new is allowed here first, by somebody who thought."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from tests import draw_rooms
from tests.rooms import FLOORS, ROOF, ROOT, arrows, imported, modules

LARGEST = 18
"""Modules in one folder, at most."""

STATISTICS = (
    "average corr corrcoef cov histogram kurt mean median nanmean nanmedian nanpercentile "
    "nanquantile nanstd nanvar percentile quantile rank sem skew std summarise var"
)
"""What NumPy, its arrays and pandas call them. Figures are given what these compute."""
ARROWS = {
    "": "system",
    "arrays": "",
    "forest": "arrays",
    "space": "arrays",
    "records": "arrays space",
    "identity": "",
    "contracts": "records space",
    "words": "",
    "shown": "",
    "system": "identity shown",
    "progress": "records system",
    "callbacks": "progress",
    "checking": "contracts loop real records space",
    "storage": "arrays identity shown space system",
    "loop": "arrays contracts records space storage system",
    "cluster": "system",
    "real": "arrays cluster contracts identity progress records loop system",
    "tables": "words",
    "tasks": "arrays progress records loop space storage system tables words",
    "study": (
        "arrays checking cluster contracts identity real records loop space storage system tasks "
        "words"
    ),
    "methods.batches": "records",
    "methods.composite": "contracts methods.batches methods.first_points records space",
    "methods.dehb": "arrays methods.first_points methods.schedulers methods.search records space",
    "methods.dyhpo": (
        "arrays methods.first_points methods.models methods.schedulers methods.search records space"
    ),
    "methods.first_points": "space",
    "methods.mf_kg": (
        "arrays methods.first_points methods.models methods.schedulers methods.search records space"
    ),
    "methods.models": "arrays",
    "methods.parzen": "arrays methods.models methods.search",
    "methods.pbt": "methods.first_points methods.schedulers methods.search records space",
    "methods.peers": (
        "arrays methods.batches methods.first_points methods.schedulers records space words"
    ),
    "methods.schedulers": "arrays contracts methods.models methods.search records space",
    "methods.search": "arrays methods.models records space",
    "methods.searchers": "arrays forest methods.models methods.parzen methods.search records space",
    "results": (
        "results.anytime results.conduct results.statistics results.study results.text "
        "results.verdicts system"
    ),
    "plots": "plots.canvas plots.draw plots.figures plots.report system",
    "results.advice": (
        "arrays results.anytime results.statistics results.study storage system words"
    ),
    "results.anytime": "arrays results.statistics results.study storage words",
    "results.conduct": (
        "arrays forest identity real results.anytime results.statistics results.study loop storage"
    ),
    "results.foreign": (
        "arrays identity records results.anytime results.study space storage system tables words"
    ),
    "results.exports": "results.study storage system",
    "results.statistics": "arrays words",
    "results.study": "arrays identity storage system words",
    "results.text": (
        "results.anytime results.statistics results.study results.verdicts shown storage words"
    ),
    "results.verdicts": (
        "arrays results.anytime results.statistics results.study shown storage system words"
    ),
    "plots.canvas": "arrays results.anytime results.statistics results.study storage system words",
    "plots.draw": (
        "plots.canvas plots.deciding plots.figures plots.recipes results.anytime "
        "results.conduct results.study results.verdicts shown system words"
    ),
    "plots.deciding": "plots.canvas results.verdicts storage",
    "plots.figures": (
        "arrays plots.canvas results.anytime results.conduct results.statistics "
        "results.study results.verdicts storage"
    ),
    "plots.recipes": (
        "plots.canvas plots.figures results.anytime results.conduct results.statistics "
        "results.study results.verdicts storage"
    ),
    "plots.report": (
        "arrays plots.canvas plots.deciding plots.figures plots.recipes results.anytime "
        "results.conduct "
        "results.statistics results.study results.text results.verdicts shown storage "
        "study system words"
    ),
}


def test_every_arrow_is_allowed():
    new = [
        f"{start} -> {end} ({path.relative_to(ROOT)})"
        for start, ends in arrows().items()
        for end, path in ends.items()
        if start not in ROOF and end not in ARROWS.get(start, "").split()
    ]
    assert not new


def test_no_allowed_arrow_is_left_without_an_import():
    unused = [
        f"{start} -> {end}"
        for start, ends in ARROWS.items()
        for end in ends.split()
        if end not in arrows()[start]
    ]
    assert not unused


def test_rooms_have_no_circle():
    rooms = TopologicalSorter({start: ends.split() for start, ends in ARROWS.items()})
    order = list(rooms.static_order())  # raises CycleError
    assert all(order.index(e) < order.index(s) for s in ARROWS for e in ARROWS[s].split())


def test_floors_point_down():
    above = {"hpobench": set(), "methods": set(), "results": set(), "plots": {"results"}}
    for start, ends in ARROWS.items():
        floor = start.split(".")[0] if start.split(".")[0] in FLOORS else "hpobench"
        reached = {end.split(".")[0] for end in ends.split()} & {*FLOORS}
        assert reached <= above[floor] | {floor}, start


def test_no_folder_is_crowded():
    folders: dict[Path, int] = {}
    for path in modules().values():
        folders[path.parent] = folders.get(path.parent, 0) + (path.name != "__init__.py")
    assert {folder: n for folder, n in folders.items() if n > LARGEST} == {}


def test_no_bare_imports_of_floors():
    for path in modules().values():
        assert not {other.split(".")[0] for other in imported(path)} & set(FLOORS), path


def test_only_plots_know_matplotlib_and_only_tasks_torch():
    for name, path in modules().items():
        libraries = {other.split(".")[0] for other in imported(path)}
        assert "plots" in name or not libraries & {"matplotlib", "seaborn"}, path
        assert "torch" not in libraries or {"tasks", "peers"} & set(path.parts), path


def test_plots_compute_no_statistics():
    for name, path in modules().items():
        if name.startswith("hpobench.plots"):
            libraries = {other.split(".")[0] for other in imported(path)}
            assert not libraries & {"scipy", "statsmodels", "sklearn"}, path
            assert not called(path) & set(STATISTICS.split()), path


def called(path: Path) -> set[str]:
    """The names of the functions and methods that a module calls."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {getattr(call.func, "attr", getattr(call.func, "id", "")) for call in calls}


def test_the_picture_is_of_these_rooms():
    assert draw_rooms.FILE.read_text(encoding="utf-8") == draw_rooms.picture()


def test_conf_holds_no_code():
    assert [path.name for path in (ROOT / "conf").rglob("*.py")] == ["__init__.py"]
    assert len(ast.parse((ROOT / "conf" / "__init__.py").read_text()).body) == 1


def test_neither_machinery_nor_results_nor_plots_name_a_method():
    methods = {path.stem for path in (ROOT / "conf" / "method").glob("*.yaml")}
    for name, path in modules().items():
        if name.split(".")[1:2] in ([], ["methods"], ["conf"]):
            continue
        words = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not words & methods, path
