"""The arrows between the floors, read from the imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("conf", "methods", "plots", "results")
# Who may import from which floors above the machinery.
ALLOWED = {"methods": set(), "results": set(), "plots": {"results"}, "hpobench": set()}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files(floor: str) -> list[Path]:
    found = sorted((ROOT / floor).rglob("*.py"))
    if floor == "hpobench":
        found = [p for p in found if p.relative_to(ROOT / floor).parts[0] not in FLOORS]
    return found


@pytest.mark.parametrize("floor", ALLOWED)
def test_arrows_point_down(floor):
    for path in files(floor):
        if path == ROOT / "hpobench" / "cli.py" or path.parent == ROOT / "hpobench" / "commands":
            continue  # the roof
        for name in imported(path):
            above = name.split(".")[1] if name.startswith("hpobench.") else ""
            legal = above not in FLOORS or above == floor or above in ALLOWED[floor]
            assert legal, f"{path} imports {name}"


@pytest.mark.parametrize("floor", ALLOWED)
def test_no_bare_imports_of_floors(floor):
    for path in files(floor):
        assert not {name.split(".")[0] for name in imported(path)} & set(FLOORS), path


def test_only_plots_know_matplotlib_and_only_tasks_torch():
    for floor in ("methods", "results", "hpobench"):
        for path in files(floor):
            libraries = {name.split(".")[0] for name in imported(path)}
            assert not libraries & {"matplotlib", "seaborn"}, path
            allowed = {"tasks", "peers"} & set(path.parts)
            assert "torch" not in libraries or allowed, path


def test_conf_holds_no_code():
    assert [path.name for path in (ROOT / "conf").rglob("*.py")] == ["__init__.py"]
    assert len(ast.parse((ROOT / "conf" / "__init__.py").read_text()).body) == 1


def test_the_machinery_names_no_method():
    methods = {path.stem for path in (ROOT / "conf" / "method").glob("*.yaml")} - {"random", "grid"}
    for path in files("hpobench"):
        words = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not words & methods, path
