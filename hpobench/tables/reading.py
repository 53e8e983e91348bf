"""Files of results as one table of plain values: numbers, truth values, texts and None.

CSV (any usual separator, decimal commas), Parquet, JSON lines and JSON, packed or not. An empty
cell and `nan` are None; any other word, `None` too, stays what was written.
"""

import ast
import codecs
import csv
import gzip
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpobench.words import first_of, unknown

KINDS = (".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".json")
_SEPARATORS = ",;\t|"
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_INFINITE = {"inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "infinity": math.inf}
_EMPTY = ("", "nan")
_WITH_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
# `45%`, `$5`, `1,234.5`, `10 s`, `tensor(0.5)`; not `1.#INF`, as Windows writes what has failed.
_LIKE_NUMBER = re.compile(r"(?!\W*1\.#[A-Z])(?:[A-Za-z][\w.]*[(\[])?\W*\d")


def read(paths: Sequence[Path]) -> pd.DataFrame:
    """All rows of the files, columns of objects; a column that one of them lacks is None there.

    Raises ValueError, naming the file, for what cannot be read.
    """
    frames = [_read(path) for path in paths]
    whole = pd.concat(frames, ignore_index=True)
    whole = whole.astype(object).where(whole.notna(), None)
    whole.columns = pd.Index([str(name) for name in whole.columns])
    whole = whole[[name for name in map(str, whole) if not _is_index(name, whole[name])]]
    if not len(whole):
        raise ValueError(f"{paths[0]} holds no row")
    return whole


def _is_index(name: str, column: "pd.Series[Any]") -> bool:
    """Whether a column is what pandas writes before the others of a CSV."""
    return name in ("", "Unnamed: 0") and column.tolist() == list(range(len(column)))


def _read(path: Path) -> pd.DataFrame:
    kind = "".join(suffix for suffix in path.suffixes[-2:] if suffix != ".gz")
    kind = Path(f"x{kind}").suffix.lower()
    if not path.is_file():
        raise ValueError(f"there is no file {path} to import")
    if kind not in KINDS:
        raise ValueError(
            f"{path}: a table is read from {', '.join(KINDS)}, each also as .gz: save it as one"
        )
    try:
        if kind == ".parquet":
            # Whole numbers beside empty cells would be rounded to floats otherwise.
            return as_plain(_with_index(pd.read_parquet(path, dtype_backend="numpy_nullable")))
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            text = _decoded(file.read())
        if kind.startswith(".json") or kind == ".ndjson":
            return _of_json(text)
        return _of_csv(text)
    except (OSError, ValueError, KeyError, TypeError, csv.Error, RecursionError) as error:
        words = " ".join(str(error).split())
        raise ValueError(f"{path} cannot be read as a table: {words}") from error


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with the named levels of its index as columns, which is where people keep keys."""
    named = [name for name in frame.index.names if name is not None]
    if twice := [name for name in named if name in frame]:
        raise ValueError(f"its index and a column are called {twice[0]!r}: rename one")
    unnamed = [number for number, name in enumerate(frame.index.names) if name is None]
    if named and unnamed:
        frame = frame.reset_index(level=unnamed, drop=True)
    return frame.reset_index(drop=not named)


def _decoded(content: bytes) -> str:
    """The text of a file: in UTF-8, or in the UTF-16 that Excel writes, which marks itself."""
    is_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 ({error}): save it as UTF-8") from None


def as_plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with Python's own values."""
    return pd.DataFrame(
        {str(name): list(map(_value, frame[name].tolist())) for name in frame}, dtype=object
    )


def _value(given: Any) -> Any:
    if isinstance(given, np.generic):
        given = given.item()
    if given is None or given is pd.NA or given is pd.NaT:
        return None
    if isinstance(given, float) and math.isnan(given):
        return None
    if isinstance(given, bool | int | float | str):
        return given
    return json.dumps(given, default=str) if isinstance(given, list | dict) else str(given)


def _of_json(text: str) -> pd.DataFrame:
    """Rows of JSON lines, or of one JSON list; mappings within are taken apart: `config.lr`."""
    text = text.strip()
    rows = json.loads(text) if text.startswith("[") else list(map(json.loads, text.splitlines()))
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a row must be a mapping of column names to values")
    # Not json_normalize, which rounds whole numbers to floats where one row lacks the name.
    return as_plain(pd.DataFrame(list(map(_flat, rows)), dtype=object))


def _flat(row: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        inner = (
            _flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
        )
        flat |= inner
    return flat


def _of_csv(text: str) -> pd.DataFrame:
    head = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=head.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=separator) if row]
    if not rows:
        raise ValueError("it is empty")
    names, *rows = rows
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise ValueError(
                f"row {number} has {len(row)} cells, and the first row names {len(names)} columns"
            )
    names = [name.strip() for name in names]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two columns are called {twice[0]!r}: rename one")
    comma = separator != "," and _has_decimal_commas(names, rows, separator)
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pd.DataFrame(
        {name: _cells(column, comma) for name, column in zip(names, columns, strict=True)},
        dtype=object,
    )


def _has_decimal_commas(
    names: Sequence[str], rows: Sequence[Sequence[str]], separator: str
) -> bool:
    """Whether numbers have commas before their decimals, in a file that commas do not separate.

    Raises ValueError, naming cells, if it cannot be told.
    """
    comma, dot, certain = "", "", False
    for number, row in enumerate(rows, start=1):
        for name, text in zip(names, row, strict=True):
            cell = text.strip()
            if "," in cell and _WITH_COMMA.fullmatch(cell):
                comma = comma or f"{name} is {cell!r} in row {number} of the data"
                certain = certain or not _THOUSANDS.fullmatch(cell)
            elif not dot and "." in cell and _NUMBER.fullmatch(cell):
                dot = f"{name} is {cell!r} in row {number}"
    one_way = "write all numbers one way, and nothing between thousands"
    if comma and dot:
        raise ValueError(
            f"some numbers have commas, some have points: {comma}, {dot}: {one_way} (a list of "
            "numbers in brackets)"
        )
    # Semicolons separate where commas are decimal; other separators say nothing of commas.
    if comma and separator != ";" and not certain:
        raise ValueError(
            f"{comma}, which may be a decimal comma, or stand for thousands: {one_way}"
        )
    return bool(comma)


def _cells(cells: Iterable[str], comma: bool) -> list[Any]:
    """The values of a column: numbers where a cell is one, truth values where all cells are."""
    made = [_cell(cell.strip(), comma) for cell in cells]
    words = {value.lower() for value in made if isinstance(value, str)}
    if words and words <= {"true", "false"} and not any(_is_number(value) for value in made):
        return [None if value is None else value.lower() == "true" for value in made]
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _cell(cell: str, comma: bool) -> Any:
    if cell.lower() in _EMPTY:
        return None
    text = cell.replace(",", ".") if comma else cell
    if cell.lower() in _INFINITE:
        return _INFINITE[cell.lower()]
    # 007 is a name, not 7.
    if not _NUMBER.fullmatch(text) or re.match(r"[-+]?0\d", text):
        return cell
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)


def plain(text: str) -> Any:
    """A value that was written as text: a number, a truth value, None or the text."""
    return _cells([text], False)[0]


def chosen(frame: pd.DataFrame, where: Sequence[str]) -> pd.DataFrame:
    """The rows for which all of `COLUMN=VALUE` and `COLUMN!=VALUE` hold, no value being empty.

    They keep their numbers as index. Raises ValueError if none is left.
    """
    for condition in where:
        name, sign, value = condition.partition("=")
        if not sign:
            raise ValueError(f"--where {condition}: write COLUMN=VALUE or COLUMN!=VALUE")
        unlike = name.endswith("!") and name not in frame
        name = one_of(frame, name.removesuffix("!") if unlike else name, "--where")
        wanted = _cell(value.strip(), False)
        kept = frame[name].map(lambda cell, wanted=wanted: _same(cell, wanted)) != unlike
        if not kept.any():
            values = [str(each) for each in frame[name].dropna().unique()]
            raise ValueError(f"--where {condition}: no row has it; {name} is {first_of(values, 8)}")
        frame = frame[kept.to_numpy(bool)]
    return frame


def _same(cell: Any, wanted: Any) -> bool:
    return str(cell).lower() == str(wanted).lower() if isinstance(cell, bool) else cell == wanted


def one_of(frame: pd.DataFrame, name: str, option: str) -> str:
    """A column that is there; raises ValueError, naming the nearest, if it is not."""
    if name not in frame:
        raise ValueError(f"{option}: {unknown('column', name, map(str, frame.columns))}")
    return name


def matching(frame: pd.DataFrame, name: str, option: str) -> dict[str, str]:
    """Columns of a name, or of a pattern with one `*`, by what the `*` stands for ("" of a name).

    Raises ValueError if there is none.
    """
    if name in frame or name.count("*") != 1:
        return {"": one_of(frame, name, option)}
    before, after = map(re.escape, name.split("*"))
    pattern = re.compile(f"{before}(.+?){after}")
    columns = map(str, frame)
    found = {match[1]: name for name in columns if (match := pattern.fullmatch(name))}
    if not found:
        raise ValueError(f"{option} {name}: no column is called so: {', '.join(frame.columns)}")
    return found


def numbers(column: "pd.Series[Any]") -> tuple["pd.Series[float]", Mapping[str, int]]:
    """A column as numbers, NaN where there is none, and how often each word stood there.

    Raises ValueError, naming column, row and cell, for a text that seems to be a number.
    """
    words: dict[str, int] = {}

    def number(row: Any, cell: Any) -> float:
        if not isinstance(cell, str):
            return math.nan if cell is None else float(cell)
        if _NUMBER.fullmatch(cell.strip()):
            return float(cell)
        if is_like_number(cell):
            raise ValueError(
                f"the column {column.name} holds {cell!r} in row {row + 1} of the data: "
                f"{_as_number(cell)}; if it has failed, leave the cell empty"
            )
        words[cell] = words.get(cell, 0) + 1
        return math.nan

    made = [number(row, cell) for row, cell in zip(column.index, column, strict=True)]
    return pd.Series(made, column.index, float, column.name), words


def is_like_number(cell: Any) -> bool:
    """Whether a cell is a text that somebody meant as a number: `45%`, `1,234.5`, `10 s`."""
    return isinstance(cell, str) and _LIKE_NUMBER.match(cell) is not None


def _as_number(cell: str) -> str:
    """What to write in place of a text that seems to be a number."""
    if "%" in cell:
        return "write all as shares or all as percentages, without the sign"
    if re.fullmatch(r"[-+]?[\d.,'_\s]+([eE][-+]?\d+)?", cell):
        return "write nothing between thousands, and decimals as in the other cells"
    return "write the number alone, in one unit in all rows"


def parsed_params(column: "pd.Series[Any]") -> pd.DataFrame:
    """The column `params` of scikit-learn's cv_results_, mappings as text, taken apart."""
    rows = []
    for cell in column:
        try:
            rows.append(ast.literal_eval(str(cell)))
        except (ValueError, SyntaxError):
            raise ValueError(f"params holds {cell!r}, no mapping of names to values") from None
    return as_plain(pd.DataFrame(rows, dtype=object)).add_prefix("param_")
