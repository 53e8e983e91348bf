"""HpBandSter's `configs.json` and `results.json` (its `json_result_logger`) as a run.

A line of the one is [id, configuration, info], one of the other [id, budget, time stamps, result,
exception]; an id is [iteration, bracket, number]. Losses at different budgets do not compare.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.results.foreign.files import parsed, text_of
from hpobench.results.foreign.model import Piece, Run, finite
from hpobench.results.foreign.naming import Naming, files_of
from hpobench.results.foreign.rows import study_of
from hpobench.results.study.study import Study

RESULTS, CONFIGS = "results.json", "configs.json"
CORRECT = "correct it, or take the line out"


def from_hpbandster(
    paths: str | Path | Sequence[str | Path],
    *,
    task: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    runs: str = "",
    comparable: bool = False,
) -> Study:
    """Import the runs in folders, each with both files.

    Names of a run: those given; what `runs`, a pattern, finds in the name of its folder; else that
    name, "hpbandster", and numbers. Raises ValueError, naming the file, for what cannot be read.
    """
    naming = Naming(task, method, seed, runs)
    made = []
    for file in files_of(paths, RESULTS):
        pieces = _pieces(file)
        budgets = {piece.resources[0] for piece in pieces}
        failed = sum(bool(piece.error) for piece in pieces)
        states = {"evaluations": len(pieces) - failed, "failed": failed}
        name = file.absolute().parent.name
        made.append(
            Run(
                *naming.of(name, task=name, method="hpbandster"),
                pieces=pieces,
                value_label="loss",
                fidelity="budget" if len(budgets) > 1 else "none",
                comparable=comparable or len(budgets) == 1,
                states={key: count for key, count in states.items() if count},
            )
        )
    notes = [
        "Losses at different budgets do not compare: those at the highest that was reached do."
    ]
    return study_of(made, "HpBandSter", [] if comparable else notes)


def _lines(file: Path) -> list[tuple[str, list[Any]]]:
    """The lines of a file, each with where it stands."""
    made = []
    for number, text in enumerate(text_of(file).splitlines(), start=1):
        if text.strip():
            where = f"{file}, line {number}"
            try:
                line = parsed(text)
                if not isinstance(line, list) or len(line) < 3:
                    raise ValueError("it is no list of three or more")
            except ValueError as error:
                raise ValueError(f"{where} is none of HpBandSter: {error}") from None
            made.append((where, line))
    return made


def _pieces(file: Path) -> list[Piece]:
    beside = file.with_name(CONFIGS)
    if not beside.is_file():
        raise ValueError(f"there is no {CONFIGS} beside {file}")
    configs = {tuple(line[0]): line[1] for _, line in _lines(beside)}
    numbers = {key: number for number, key in enumerate(configs)}
    lines = _lines(file)
    begun = [_moment(line, where, "started") for where, line in lines]
    zero = min(begun, default=0.0)
    pieces = []
    for (where, line), start in zip(lines, begun, strict=True):
        key = tuple(line[0])
        if key not in configs:
            raise ValueError(f"{where}: there is no configuration {list(key)} in {beside}")
        end = _moment(line, where, "finished")
        result = line[3] if len(line) > 3 else None
        why = str(line[4]).strip().splitlines()[-1] if len(line) > 4 and line[4] else ""
        loss = None if not isinstance(result, dict) else result.get("loss")
        loss = np.nan if loss is None else float(loss)
        known = bool(np.isfinite(loss))
        pieces.append(
            Piece(
                trial=numbers[key],
                config={k: value for k, value in configs[key].items() if value is not None},
                start_s=start - zero,
                end_s=end - zero,
                resources=[finite(line[1], "budget", where, CORRECT)],
                times_s=[end - zero],
                values=[loss if known else np.nan],
                error="" if known else why or "no finite loss",
            )
        )
    return pieces


def _moment(line: list[Any], where: str, which: str) -> float:
    stamps = line[2] if isinstance(line[2], dict) else {}
    return finite(stamps.get(which), which, where, CORRECT)
