"""Imports: odd and damaged logs, taken names, bombs, secrets, sources that must not change.

- Names and values: a log whose hyperparameters are called like our columns and hold values of every
  kind. All trials and all values come back from the stored study.
- Damage: bytes of a good log are changed, cut off, repeated or replaced. It is imported, or refused
  with a ValueError that names it.
- Sources: databases of others, of Optuna, and journals are as they were, to the byte and second.
- Bombs: small files that unpack or expand to what no memory holds, and a pipe that nobody feeds.
- Secrets: interpolations and passwords; neither the study nor the error has them.
- Study names: nothing is made outside the folder of runs.
"""

import contextlib
import gzip
import io
import json
import math
import os
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.cli import parser
from hpobench.results import load
from hpobench.results.foreign import from_carps, from_optuna, from_syne_tune, store

SECRET = "s3cret-of-the-environment"
NAMES = [
    *("task", "method", "seed", "trial", "config", "value", "run", "status", "error", "time_s"),
    *(
        "param.seed",
        "param.param.x",
        "",
        " ",
        "a.b",
        "lr",
        "slack.x",
        "größe",
        "x\ny",
        "None",
        "index",
    ),
]
VALUES: list[Any] = [
    0.5,
    1,
    "a",
    "True",
    True,
    None,
    math.nan,
    math.inf,
    2**53 + 1,
    "",
    "ü\n",
    -1e308,
]
CSV = (
    "trial_id,acc,epoch,st_tuner_time,st_worker_time,config_lr\n0,0.5,1,3,2,0.1\n0,0.6,2,5,4,0.1\n"
)
METADATA = {"metric_names": ["acc"], "metric_mode": "max", "scheduler_name": "ASHA"}
HYDRA = "optimizer_id: SMAC\ntask_id: t\nseed: 3\n"
CARPS = {
    "trial_info": {"config": [0.1], "seed": 3, "budget": None},
    "trial_value": {"cost": 0.5, "time": 1, "starttime": 5, "endtime": 6, "status": 1},
}
Reader = Callable[[Path], Any]


def attack(folder: Path, scale: float) -> Counter[str]:
    """All kinds; random ones more often by `scale`."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rng = np.random.default_rng(0)
    os.environ["HPOBENCH_TORTURE_SECRET"] = SECRET
    counts: Counter[str] = Counter()
    times = max(1, round(40 * scale))
    trials: list[Callable[[Path], str]] = [
        *([lambda path: _names(path, rng)] * times),
        *([lambda path: _damaged(path, rng)] * (5 * times)),
        *(
            _of_others,
            _of_optuna,
            _zip_bomb,
            _gzip_bomb,
            _aliases,
            _nested,
            _pipe,
            _secret,
            _password,
        ),
        *((lambda path, name=name: _study_name(path, name)) for name in ODD_STUDIES),
    ]
    for number, trial in enumerate(trials):
        place = folder / str(number)
        place.mkdir()
        try:
            counts[trial(place) or "held"] += 1
        except Exception as error:
            counts[f"{type(error).__name__}: {str(error)[:80]}"] += 1
    return counts


def _names(folder: Path, rng: np.random.Generator) -> str:
    """What is imported from Optuna is what the stored study has."""
    import optuna
    from optuna.distributions import CategoricalDistribution
    from optuna.trial import create_trial

    study = optuna.create_study(study_name="s")
    configs = []
    for _ in range(int(rng.integers(1, 9))):
        names = rng.choice(NAMES, int(rng.integers(0, 6)), replace=False).tolist()
        config = {name: VALUES[rng.integers(len(VALUES))] for name in names}
        one_of = {name: CategoricalDistribution([config[name]]) for name in names}
        study.add_trial(
            create_trial(value=float(rng.random()), params=config, distributions=one_of)
        )
        configs.append(config)
    made = load(store(from_optuna(study, seed=4), folder / "study"))
    found = [json.loads(config) for config in made.trials.sort_values("trial")["config"]]
    if not any(configs):  # nothing is known: numbers stand for the configurations
        configs = [{"number": number} for number in range(len(configs))]
    if set(made.runs["seed"]) != {4} or len(made.observations) != len(configs):
        return "names: keys or trials were lost"
    same = [_texts(config) for config in found] == [_texts(config) for config in configs]
    return "" if same else "names: a configuration has changed"


def _texts(config: dict[str, Any]) -> dict[str, str]:
    """Texts that tell all values apart but for 1 and 1.0: one column holds both as floats."""
    return {
        name: repr(float(value) if type(value) is int and value < 2**53 else value)
        for name, value in config.items()
    }


def _damaged(folder: Path, rng: np.random.Generator) -> str:
    """A log of one of the three libraries, one of its files damaged."""
    make, read = _LOGS[rng.integers(len(_LOGS))]
    source = folder / "source"
    source.mkdir()
    make(source)
    files = sorted(path for path in source.rglob("*") if path.is_file())
    path = files[rng.integers(len(files))]
    path.write_bytes(_changed(path.read_bytes(), rng))
    before = _state(source)
    try:
        made = read(source)
        load(store(made, folder / "study"))
    except ValueError as error:
        if str(source) not in str(error) and not _about_the_content(str(error)):
            return f"damage: refused without a place: {str(error)[:60]}"
    return "" if _state(source) == before else "damage: the source was written to"


def _about_the_content(words: str) -> bool:
    return any(
        known in words for known in ("Optuna study", "Optuna trial", "differ in what", "names")
    )


def _changed(data: bytes, rng: np.random.Generator) -> bytes:
    kind, at = int(rng.integers(6)), int(rng.integers(max(len(data), 1)))
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + rng.bytes(int(rng.integers(1, 9))) + data[at + 1 :]
    if kind == 2:
        return data + data
    if kind == 3:
        return rng.bytes(200)
    if kind == 4:
        odd = [b"null", b"[]", b"1e999", b"{}", b"-1", b'"x"', b"\xff\xfe"]
        return data[:at] + odd[rng.integers(len(odd))] + data[at:]
    return data.replace(b"0", [b"nan", b"", b"1e400", b"true"][rng.integers(4)])


def _syne_tune(folder: Path) -> None:
    (folder / "metadata.json").write_text(json.dumps(METADATA))
    with zipfile.ZipFile(folder / "results.csv.zip", "w") as archive:
        archive.writestr("results.csv", CSV)


def _carps(folder: Path, hydra: str = HYDRA) -> None:
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "config.yaml").write_text(hydra)
    (folder / "trial_logs.jsonl").write_text(json.dumps(CARPS) + "\n")


def _optuna_file(path: Path, url: str = "") -> None:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    storage: Any = url or optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(storage=storage, study_name="s")
    study.optimize(lambda trial: trial.suggest_float("seed", 0, 1), n_trials=3)
    if url:
        study._storage._backend.engine.dispose()  # type: ignore[attr-defined]


_LOGS: list[tuple[Callable[[Path], None], Reader]] = [
    (_syne_tune, from_syne_tune),
    (_carps, from_carps),
    (lambda folder: _optuna_file(folder / "a.log"), lambda folder: from_optuna(folder / "a.log")),
]


def _state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def _of_others(folder: Path) -> str:
    with contextlib.closing(sqlite3.connect(folder / "a.db")) as connection, connection:
        connection.execute("create table studies (name text)")
    return _unchanged(folder, lambda: from_optuna(folder / "a.db"), refused=True)


def _of_optuna(folder: Path) -> str:
    _optuna_file(folder, f"sqlite:///{folder / 'a.db'}")
    return _unchanged(folder, lambda: from_optuna(f"sqlite:///{folder / 'a.db'}"), refused=False)


def _unchanged(folder: Path, read: Callable[[], object], *, refused: bool) -> str:
    before = _state(folder)
    if _refusal(read) == (not refused):
        return "sources: imported or refused wrongly"
    return "" if _state(folder) == before else "sources: written to"


def _refusal(read: Callable[[], object]) -> bool:
    try:
        read()
    except ValueError:
        return True
    return False


def _zip_bomb(folder: Path) -> str:
    _syne_tune(folder)
    with (
        zipfile.ZipFile(folder / "results.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("results.csv", "w", force_zip64=True) as file,
    ):
        _fill(file)
    return "" if _refusal(lambda: from_syne_tune(folder)) else "bombs: a zip file was unpacked"


def _gzip_bomb(folder: Path) -> str:
    _carps(folder)
    with gzip.open(folder / "trial_logs.jsonl", "wb") as file:
        _fill(file)  # type: ignore[arg-type]
    return "" if _refusal(lambda: from_carps(folder)) else "bombs: a gzip file was unpacked"


def _fill(file: Any) -> None:
    """Of three GiB."""
    for _ in range(3 * 2**10):
        file.write(bytes(2**20))


def _aliases(folder: Path) -> str:
    """Nine to the ninth, if they are copied."""
    rows = ['a0: &a0 ["x"]']
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    _carps(folder, "\n".join([*rows, "task_id: *a9", HYDRA.replace("task_id", "problem_id")]))
    return "" if list(from_carps(folder).tasks) == ["t"] else "bombs: a list is a task"


def _nested(folder: Path) -> str:
    _carps(folder)
    (folder / "trial_logs.jsonl").write_text("[" * 10**6)
    return "" if _refusal(lambda: from_carps(folder)) else "bombs: nested lists were read"


def _pipe(folder: Path) -> str:
    _carps(folder)
    (folder / "trial_logs.jsonl").unlink()
    os.mkfifo(folder / "trial_logs.jsonl")
    return "" if _refusal(lambda: from_carps(folder)) else "bombs: a pipe was read"


def _secret(folder: Path) -> str:
    asked = "${oc.env:HPOBENCH_TORTURE_SECRET}"
    source = folder / "source"
    source.mkdir()
    _carps(source, HYDRA.replace("SMAC", asked).replace("t\n", f"x${asked}\n"))
    try:
        store(from_carps(source, method=asked, task="t"), folder / "study")
        from_carps(source)
    except ValueError as error:
        if SECRET in str(error):
            return "secrets: in the error"
    found = any(SECRET.encode() in data for data, _ in _state(folder).values())
    return "secrets: in the study" if found else ""


def _password(folder: Path) -> str:
    for url in (f"mysql://me:{SECRET}@127.0.0.1:1/x", f"no://me:{SECRET}@h/x?password={SECRET}"):
        words, status = _call(folder, "import", "optuna", url, "--name", "x")
        if status != 2 or SECRET in words:
            return "secrets: a password is shown, or no error is"
    return ""


ODD_STUDIES = ["../x", "a/b", "/x", "..", ".", "", "x\ny", "-x", "~", "con", "a" * 300, "x\0y"]


def _study_name(folder: Path, name: str) -> str:
    source = folder / "source"
    source.mkdir()
    _carps(source)
    before = _state(folder)
    _, status = _call(folder, "import", "carps", str(source), f"--name={name}")
    return (
        "" if status == 2 and _state(folder) == before else f"study names: {name[:20]!r} was taken"
    )


def _call(folder: Path, *words: str) -> tuple[str, int]:
    """What a command says, and its exit status."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = parser.main([*words, "--runs-dir", str(folder / "runs")])
        except SystemExit as error:
            status = int(error.code or 0)
    return said.getvalue(), status
