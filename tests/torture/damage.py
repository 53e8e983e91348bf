"""What is stored, damaged: bits, blocks and ends of tables, tables from elsewhere, edited journals.

Each trial spoils a copy of a small study. It holds if loading either names what is damaged and
gives all else as it was, or gives everything as it was; and if a study run anew is whole again.
"""

import random
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from hpobench.loop.events import Decision
from hpobench.real.events import Asked, Event, Started
from hpobench.real.journal import Journal, JournalError
from hpobench.records import Job
from hpobench.results import Study, load
from hpobench.storage import parts, seal
from tests.studies import execute, plan

SETTINGS = ("task=bowl", "method=[random,sobol]", "budget.trials=8")
TABLES = ("observations", "trials", "jobs", "decisions", "runs")
FLIPS, REPAIRS, BLOCK = 400, 20, 512


def attack(folder: Path, scale: float) -> Counter[str]:
    """Damage to tables, tables of elsewhere, and edits of a journal."""
    counts: Counter[str] = Counter()
    whole = _study(folder, "whole", "seeds=2")
    before = load(whole)
    rng = random.Random(0)
    for number in range(round(FLIPS * scale)):
        copy = _copy(whole, folder / "copy")
        file = rng.choice(sorted(copy.glob("parts/*/*")))
        _damage(file, rng)
        counts[_outcome(copy, before, repair=number < REPAIRS * scale, folder=folder)] += 1
    for move in _moves(folder, whole):
        copy = _copy(whole, folder / "copy")
        move(copy)
        counts[_outcome(copy, before, repair=False, folder=folder)] += 1
    counts += _journal(folder, rng, round(100 * scale))
    return counts


def _study(folder: Path, name: str, *overrides: str) -> Path:
    planned = plan(folder, *SETTINGS, *overrides, f"name={name}")
    execute(planned)
    return planned.folder


def _copy(whole: Path, copy: Path) -> Path:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(whole, copy)
    seal._examined.cache_clear()  # as in another process
    return copy


def _damage(file: Path, rng: random.Random) -> None:
    """A bit, a block of zeros, an end that is missing, or a file that is empty."""
    content = bytearray(file.read_bytes())
    place = rng.randrange(len(content))
    kind = rng.random()
    if kind < 0.6:
        content[place] ^= 1 << rng.randrange(8)
    elif kind < 0.85:
        content[place : place + BLOCK] = bytes(len(content[place : place + BLOCK]))
    elif kind < 0.97:
        del content[place:]
    else:
        content.clear()
    file.write_bytes(content)


def _outcome(copy: Path, before: Study, *, repair: bool, folder: Path) -> str:
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            stored = load(copy)
            tables = {name: getattr(stored, name) for name in TABLES}
    except Exception as error:
        return f"loading ended with {type(error).__name__}"
    missing = _keys(before.runs) - _keys(tables["runs"])
    for name, table in tables.items():
        rest = getattr(before, name)
        kept = rest[[key not in missing for key in _rows(rest)]].reset_index(drop=True)
        if not _equal(table, kept):
            return f"other {name} without a word"
    if missing and not warned:
        return "runs missing without a word"
    return _repaired(copy, before, folder) if repair else "held"


def _repaired(copy: Path, before: Study, folder: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        execute(plan(folder, *SETTINGS, "seeds=2", f"runs_dir={copy.parent}", f"name={copy.name}"))
    again = load(copy)
    same = _equal(again.observations, before.observations) and not parts.faults(copy)
    return "held" if same else "run anew and not as before"


def _equal(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Cells and names; categories may be fewer where runs are missing."""
    if list(one.columns) != list(other.columns) or len(one) != len(other):
        return False
    plain = [
        table.astype(dict.fromkeys(table.select_dtypes("category"), object))
        for table in (one, other)
    ]
    return plain[0].equals(plain[1])


def _rows(table: pd.DataFrame) -> list[tuple[str, str, int]]:
    return list(zip(table["task"], table["method"], table["seed"], strict=True))


def _keys(table: pd.DataFrame) -> set[tuple[str, str, int]]:
    return set(_rows(table))


def _moves(folder: Path, whole: Path) -> Iterator[Callable[[Path], object]]:
    """Tables of other methods, seeds and settings copied into a part, with and without seals."""
    seeds = _study(folder, "seeds", "seeds=[5,6]")
    other = _study(folder, "other", "seeds=2", "budget.trials=6")

    def mine(copy: Path) -> Path:
        return next(copy.glob("parts/bowl.random.*"))

    sources = [next(whole.glob("parts/bowl.sobol.*"))]
    sources += [next(study.glob("parts/bowl.random.*")) for study in (seeds, other)]
    for source in sources:
        for name in (*(f"{table}.parquet" for table in TABLES), seal.FILE):
            yield lambda copy, file=source / name: shutil.copy(file, mine(copy))
    for table in TABLES:
        yield lambda copy, name=table: (mine(copy) / f"{name}.parquet").unlink()
        yield lambda copy, name=table: (mine(copy) / f"{name}.parquet").write_bytes(b"")


HEADER = {"seed": 1, "workers": 2}


def _journal(folder: Path, rng: random.Random, trials: int) -> Counter[str]:
    """Bits, and whole lines that are edited, swapped, doubled or removed (but for the last)."""
    path, counts = folder / "journal.jsonl", Counter[str]()
    written: list[Event] = []
    with Journal(path, HEADER) as journal:
        for trial in range(20):
            job = Job(trial, {"x": trial / 7}, 0, 1)
            written.append(Asked(Decision("ask", trial, 0.1, 0.1), job))
            written.append(Started(trial, job, 0, 1))
            for event in written[-2:]:
                journal.record(event)
    content = path.read_bytes()
    for number in range(trials):
        path.write_bytes(_edited(content, rng, number))
        try:
            with Journal(path, HEADER) as journal:
                read = []
                while journal.peek() is not None:
                    read.append(journal.take())
        except JournalError as error:
            named = str(path) in str(error)
            counts["held" if named else "an error that does not name the journal"] += 1
        except Exception as error:
            counts[f"a journal ended with {type(error).__name__}"] += 1
        else:
            # Lines cut off at the end are as if they had not been written yet.
            is_start = written[: len(read)] == read
            counts["held" if is_start else "an edited journal was replayed"] += 1
    return counts


def _edited(content: bytes, rng: random.Random, number: int) -> bytes:
    lines = content.splitlines(keepends=True)
    place = rng.randrange(1, len(lines) - 1)
    if number % 5 == 0:
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if number % 5 == 1:
        lines[place] = re.sub(rb'"time_s": \d+', b'"time_s": 99', lines[place])
    elif number % 5 == 2:
        lines[place], lines[place + 1] = lines[place + 1], lines[place]
    elif number % 5 == 3:
        lines.insert(place, lines[place])
    else:
        del lines[place]
    return b"".join(lines)
