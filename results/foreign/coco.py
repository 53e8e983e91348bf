"""Data of COCO and of IOHprofiler as runs: one of each (function, dimension, run) of an algorithm.

COCO: `*.info` with the `.dat` files that it names, whose third column is the best value so far less
the optimum. IOHprofiler: `IOHprofiler_*.json` with its `.dat` files. Times are evaluations; what
was evaluated is not kept. Instances of a function count as its seeds.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np

from hpobench.results.foreign.files import parsed, text_of
from hpobench.results.foreign.model import Piece, Run
from hpobench.results.foreign.naming import Naming, files_of
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study

NOTE = (
    "Only improvements were logged, and no configurations; instances of a function count as seeds."
)


class _Data(NamedTuple):
    """One data file: what it is of, and whether its values are differences from the optimum."""

    file: Path
    task: str
    algorithm: str
    maximise: bool
    from_optimum: bool
    column: str


def from_coco(
    paths: str | Path | Sequence[str | Path],
    *,
    task: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    runs: str = "",
) -> Study:
    """Import folders of COCO or IOHprofiler, or their `.info` and `.json` files.

    Names: those given; what `runs`, a pattern, finds in the name of the algorithm; else suite,
    function and dimension, the algorithm, and numbers. Raises ValueError, naming the file, for what
    cannot be read.
    """
    naming = Naming(task, method, seed, runs)
    made = []
    for file in files_of(paths, "*.info", "IOHprofiler_*.json"):
        if file.suffix not in (".info", ".json"):
            raise ValueError(
                f"{file} is neither an .info file of COCO nor an IOHprofiler_*.json: give one, or "
                "their folder"
            )
        for data in _of_json(file) if file.suffix == ".json" else _of_info(file):
            for values in _runs(data):
                names = naming.of(data.algorithm, task=data.task, method=data.algorithm)
                made.append(_run(names, data, values))
    return study_of(made, "COCO, IOHprofiler", [NOTE])


def _of_json(file: Path) -> Iterator[_Data]:
    try:
        about = parsed(text_of(file))
        algorithm, suite = str(about["algorithm"]["name"]), str(about.get("suite", ""))
        for scenario in about["scenarios"]:
            yield _Data(
                _beside(file, scenario["path"]),
                f"{_titled(suite, about)} {scenario['dimension']}d",
                algorithm,
                bool(about.get("maximization", False)),
                suite.upper().startswith("BBOB"),
                "raw_y",
            )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} is no file of IOHprofiler: it has no {error}") from None


def _titled(suite: str, about: Mapping[str, Any]) -> str:
    words = (
        "" if suite == "unknown_suite" else suite,
        f"f{about['function_id']}",
        str(about.get("function_name", "")),
    )
    return " ".join(filter(None, words))


def _beside(file: Path, path: object) -> Path:
    """A data file that another file names, in its folder or below it only."""
    found = file.parent / PureWindowsPath(str(path)).as_posix()
    if not found.resolve().is_relative_to(file.parent.resolve()):
        raise ValueError(f"{file} names {path}, which is not below its folder: it is not read")
    return found


def _of_info(file: Path) -> Iterator[_Data]:
    """Blocks of three lines: settings, a comment, and a data file with what was reached in it."""
    about: dict[str, str] = {}
    for line in text_of(file).splitlines():
        if "=" in line and not line.startswith("%"):
            found = re.findall(r"(\w+)\s*=\s*('[^']*'|[^,]+)", line)
            about = {key: value.strip(" '") for key, value in found}
        elif ".dat" in line and not line.startswith("%"):
            path = re.split(r"\.t?dat", line)[0].strip() + ".dat"
            function, dimension = about.get("funcId"), about.get("DIM")
            if function is None or dimension is None:
                raise ValueError(f"{file} names {path} before it says of what function it is")
            suite = about.get("suite", "bbob" if "Precision" in about else "")
            iohprofiler = "IOHprofiler" in file.name
            yield _Data(
                _beside(file, path),
                f"{suite} f{function} {dimension}d".strip(),
                about.get("algId", about.get("algorithm", "algorithm")),
                about.get("maximization", "F") in ("T", "1", "True"),
                not iohprofiler,
                "best-so-far f(x)" if iohprofiler else "best noise-free fitness - Fopt",
            )


def _runs(data: _Data) -> Iterator[list[tuple[float, float]]]:
    """(evaluations, value) of each run in a file; a line of headings begins one."""
    column, started = 0, False
    rows: list[tuple[float, float]] = []
    for number, line in enumerate(text_of(data.file).splitlines(), start=1):
        if not line.strip():
            continue
        if re.match(r"""[%"']|evaluations""", line.strip()):
            if started:
                yield rows
            column, rows, started = _column(line, data), [], True
            continue
        words = line.split()
        try:
            rows.append((float(words[0]), float(words[column])))
        except (ValueError, IndexError):
            raise ValueError(f"{data.file}, line {number} is no evaluation: {line!r}") from None
    if started:
        yield rows


def _column(line: str, data: _Data) -> int:
    """The number of the column of values."""
    text = line.strip().lstrip("%").strip()
    quoted = re.findall(r'"([^"]*)"', text)
    names = quoted or ([each.strip() for each in text.split("|")] if "|" in text else text.split())
    for number, name in enumerate(names):
        if name.startswith(data.column):
            return number
    raise ValueError(f"{data.file} has no column {data.column!r}: it has {', '.join(names)}")


def _run(names: tuple[str, str, int], data: _Data, values: Sequence[tuple[float, float]]) -> Run:
    sign = -1.0 if data.maximise else 1.0
    begun = [0.0, *(time for time, _ in values)]
    config: dict[str, Any] = {}
    pieces = [
        Piece(
            number, config, before, max(time, before), [1.0], [time], [sign * value],
            "" if np.isfinite(value) else "no finite value",
        )
        for number, ((time, value), before) in enumerate(zip(values, begun, strict=False))
    ]  # fmt: skip
    label = "f(x) - f(optimum)" if data.from_optimum else "f(x)"
    return Run(
        *names,
        pieces=pieces,
        value_label=f"{label}, negated (it is maximised)" if data.maximise else label,
        clock="evaluations",
        sign=sign,
        states={"improvements": len(pieces)},
        optimum=0.0 if data.from_optimum and not data.maximise else None,
    )
