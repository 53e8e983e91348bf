"""Where Optuna keeps studies: objects, files and servers, of which none is written to.

A file is copied first: Optuna would write its tables into whatever database it opens, and upgrade
older ones.
"""

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpobench.results.foreign.naming import files_of
from hpobench.results.foreign.optuna_tables import is_trials, read
from hpobench.storage.layout import redacted

if TYPE_CHECKING:
    import optuna

    Source = (
        str
        | Path
        | optuna.Study
        | optuna.storages.BaseStorage
        | Iterable[str | Path]
        | Iterable[optuna.Study]
    )

PATTERNS = ("*.db", "*.sqlite", "*.sqlite3", "*.journal", "*.log", "*.jsonl", "*.csv")
"""Files of a folder that may hold studies."""
Named = tuple[str, Any]
"""A study by the name under which it is imported."""


@contextmanager
def opened(source: "Source", mode: str | None, notes: list[str]) -> Iterator[list[Named]]:
    """The studies by name, as long as the copies of their files are there.

    Of several files, studies of one name are called FILE/NAME. Raises ValueError for what cannot be
    read; of a folder, files that hold no studies are left out, and noted.
    """
    with ExitStack() as stack:
        found: list[tuple[str, Any]] = []
        for each, chosen in _sources(source):
            try:
                studies = _opened(stack, each, mode)
            except ValueError:
                if chosen:
                    raise
                notes.append(f"{each} holds no Optuna study, and is left out.")
                continue
            stem = Path(str(each)).stem if isinstance(each, str | Path) else ""
            found += [(stem, study) for study in studies]
        counts = Counter(study.study_name for _, study in found)
        yield [
            (f"{stem}/{name}" if counts[name] > 1 and stem else name, study)
            for stem, study in found
            for name in [study.study_name]
        ]


def _sources(source: Any) -> list[tuple[Any, bool]]:
    """Files, URLs and objects one by one, with whether they were named as such."""
    some = list(source) if isinstance(source, list | tuple) else [source]
    made: list[tuple[Any, bool]] = []
    for each in some:
        if isinstance(each, str | Path) and Path(str(each)).is_dir():
            made += [(path, False) for path in files_of(each, *PATTERNS)]
        else:
            made.append((each, True))
    return made


def _opened(stack: ExitStack, source: Any, mode: str | None) -> "Sequence[Any]":
    if isinstance(source, str | Path) and is_trials(Path(str(source))):
        return [read(Path(str(source)), mode)]
    return stack.enter_context(_copied_studies(source))


@contextmanager
def _copied_studies(source: "Source") -> "Iterator[Sequence[optuna.Study]]":
    """The studies, as long as the copy of their file is there."""
    if not isinstance(source, str | Path):
        yield _studies(source)
        return
    with tempfile.TemporaryDirectory(prefix="hpobench-") as folder:
        try:
            studies = _stored(source, Path(folder))
        except ModuleNotFoundError as error:
            if error.name in ("optuna", "sqlalchemy"):
                raise
            raise ValueError(f"{error.name} is not installed, which the storage needs") from None
        except Exception as error:  # whatever the storage's library makes of a strange file
            shown = redacted(str(source))
            words = redacted(str(error)).replace(str(source), shown)
            if not words.startswith(shown):
                words = f"{shown} cannot be read as an Optuna storage: {words}"
            raise ValueError(words) from None
        yield studies


def _studies(source: Any) -> "Sequence[optuna.Study]":
    import optuna

    if isinstance(source, optuna.Study):
        return [source]
    if isinstance(source, optuna.storages.BaseStorage):
        names = optuna.get_all_study_names(source)
        return [optuna.load_study(study_name=name, storage=source) for name in names]
    return list(source)


def _stored(source: str | Path, folder: Path) -> "Sequence[optuna.Study]":
    """The studies of a URL, or of an SQLite or journal file, of which a copy is read."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if "://" in str(source) and not str(source).startswith("sqlite:///"):
        return _served(str(source))
    path = Path(str(source).removeprefix("sqlite:///"))
    if not path.is_file():
        raise ValueError(f"there is no file {path} to import Optuna studies from")
    copy = _copied(path, folder)
    with copy.open("rb") as file:
        begins = file.read(15)
    if begins == b"SQLite format 3":
        return _of_sqlite(copy)
    if path.suffix in (".csv", ".tsv"):
        raise ValueError(
            "it is a table, but not of trials_dataframe, which has the columns number, state and "
            "value: hpobench import csv reads any"
        )
    if begins and not begins.startswith(b"{"):
        raise ValueError("it is neither an SQLite file nor a journal of Optuna")
    try:
        return _studies(JournalStorage(JournalFileBackend(str(copy))))
    except KeyError as error:
        raise ValueError(f"it is no journal of Optuna: a line lacks {error}") from None


def _copied(path: Path, folder: Path) -> Path:
    """A copy of a file with its journals; once more if it was written to meanwhile."""
    copy = folder / "copy"
    for _ in range(3):
        before = path.stat()
        for suffix in ("", "-wal", "-journal"):
            beside = path.with_name(path.name + suffix)
            if beside.is_file():
                shutil.copyfile(beside, f"{copy}{suffix}")
        if path.stat() == before:
            break
    return copy


def _of_sqlite(copy: Path) -> "Sequence[optuna.Study]":
    """The studies of a file that is ours to change: an older schema is upgraded."""
    from optuna.storages import RDBStorage

    with closing(sqlite3.connect(copy)) as connection:
        tables = {name for (name,) in connection.execute("select name from sqlite_master")}
    if not {"studies", "trials", "version_info"} <= tables:
        some = ", ".join(sorted(tables)[:5]) or "none"
        raise ValueError(f"it is a database, but not of Optuna: its tables are {some}")
    url = f"sqlite:///{copy}"
    made = RDBStorage(url, skip_compatibility_check=True, skip_table_creation=True)
    if made.get_current_version() != made.get_head_version():
        made.upgrade()
    return _studies(made)


def _served(url: str) -> "Sequence[optuna.Study]":
    """The studies of a server, where no table is made."""
    import optuna

    if url.startswith("redis"):
        return _studies(optuna.storages.get_storage(url))
    import sqlalchemy
    from optuna.storages._rdb.models import BaseModel

    engine = sqlalchemy.create_engine(url)
    lacking = set(BaseModel.metadata.tables) - set(sqlalchemy.inspect(engine).get_table_names())
    engine.dispose()
    if lacking:
        raise ValueError(
            f"it lacks tables of Optuna {optuna.__version__} ({', '.join(sorted(lacking)[:5])}), "
            "and an import makes none: upgrade it (optuna storage upgrade), if it is Optuna's"
        )
    return _studies(optuna.storages.RDBStorage(url, skip_table_creation=True))
