"""Claims: what papers say of their methods, judged on stored runs.

A study under `conf/study/claims/` says in `about.claim` what is claimed, in `about.contested`, if
that is so, who says otherwise, and in `about.expects` what should then be seen, as a list of

    {better: A, worse: B, at: 0.5, task: [...]}   A has the lower mean normalised regret when half
                                                  of the time is spent (`at`, by default 1)
    {faster: A, than: B, by: 3, task: [...]}      A is 3 times as fast to the mean value that B has
                                                  in the end; the speed-up is that of `survival`

`task` is one name or a list; without it, all tasks of the study. Each finding has a p-value: of no
difference (Student's t, see `contrasts`), or of a speed-up of just so much. Those of all findings
that are printed together are corrected after Benjamini and Hochberg, as there are many: where the
result is at most 0.05 a verdict is "holds" or "contrary", else "undecided". So of the claims that
are decided one in twenty is decided by chance, in the mean.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpobench.results.anytime.incumbents import Incumbents, incumbents
from hpobench.results.anytime.regret import Reference, references
from hpobench.results.statistics.contrasts import difference
from hpobench.results.statistics.correction import LEVEL, benjamini_hochberg
from hpobench.results.statistics.survival import SpeedUp
from hpobench.results.study.study import Study
from hpobench.results.verdicts.final import final_regrets
from hpobench.results.verdicts.time_to_target import over_tasks
from hpobench.system import atomic
from hpobench.words import p_value

HEADER = "| claim | source | expected | measured | p | verdict |\n|---|---|---|---|---|---|"
CORRECTED = (
    "Verdicts after the correction of Benjamini and Hochberg over all {count} expectations, at a "
    f"false-discovery rate of {LEVEL:.0%}; p-values and 95 % intervals are of each alone."
)


@dataclass(frozen=True)
class Finding:
    """One expectation: what was expected and measured, with an interval of its own.

    `p_value`: of neither it nor its contrary, alone; `agrees`: which of these was measured.
    """

    expected: str
    measured: str
    p_value: float
    agrees: bool


class Findings:
    """The findings of studies, kept in a file as soon as they are made: one line of JSON a study.

    Those of a study count as long as `digest`, of what it runs and expects, is the same. Raises
    ValueError if the file holds something else.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._kept: dict[str, dict[str, Any]] = {}
        if file is not None and file.exists():
            try:
                lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
                self._kept = {line["study"]: line for line in lines}
                for name, line in self._kept.items():
                    self.of(name, line["digest"])
            except (ValueError, LookupError, TypeError) as error:
                raise ValueError(f"{file} holds no findings of claims: {error}") from error

    def of(self, study: str, digest: str) -> list[Finding]:
        """Those of a study; none if it was not judged as it is now."""
        kept = self._kept.get(study, {})
        return [Finding(**one) for one in kept["findings"]] if kept.get("digest") == digest else []

    def keep(self, study: str, digest: str, findings: Sequence[Finding]) -> None:
        """Take the findings of a study in, and write the file anew."""
        content = {"digest": digest, "findings": list(map(asdict, findings))}
        self._kept[study] = {"study": study} | content
        if self._file is not None:
            lines = [json.dumps(self._kept[name]) for name in sorted(self._kept)]
            atomic.write_text(self._file, "\n".join(lines) + "\n")


def judge(study: Study, expects: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Judge every expectation; raises ValueError if the study cannot answer one."""
    found = incumbents(study)
    known = references(study, found.views)
    return [_judge(found, known, expectation) for expectation in expects]


def decided(findings: Sequence[Finding]) -> list[str]:
    """The verdict on each of all findings that are shown together."""
    corrected = benjamini_hochberg(np.array([one.p_value for one in findings]))
    words = ["holds" if one.agrees else "contrary" for one in findings]
    return [word if p <= LEVEL else "undecided" for word, p in zip(words, corrected, strict=True)]


def as_markdown(
    about: Mapping[str, Any], findings: Sequence[Finding], verdicts: Sequence[str]
) -> str:
    """One row of a table for each finding; the claim stands in the first."""
    claim = about["claim"]
    if "contested" in about:
        claim += f" (contested: {about['contested']})"
    heads = [f"| {claim} | {about['source']} |", *["| | |"] * (len(findings) - 1)]
    return "\n".join(
        f"{head} {one.expected} | {one.measured} | {p_value(one.p_value, 4)} | {verdict} |"
        for head, one, verdict in zip(heads, findings, verdicts, strict=True)
    )


def _judge(
    found: Incumbents, known: Mapping[str, Reference], expectation: Mapping[str, Any]
) -> Finding:
    wanted = expectation.get("task") or list(found.tasks)
    tasks = [wanted] if isinstance(wanted, str) else list(wanted)
    if missing := [task for task in tasks if task not in known]:
        raise ValueError(f"{expectation}: task {missing[0]!r} has no runs that can be normalised")
    some, mine = found.only(tasks), {task: known[task] for task in tasks}
    if "better" in expectation:
        return _better(some, mine, expectation)
    if "faster" in expectation:
        return _faster(some, mine, expectation)
    raise ValueError(f"{expectation}: state better and worse, or faster and than")


def _better(
    found: Incumbents, known: Mapping[str, Reference], expectation: Mapping[str, Any]
) -> Finding:
    at = float(expectation.get("at", 1.0))
    names = str(expectation["better"]), str(expectation["worse"])
    regrets = final_regrets(found, known, at=at)
    for name in names:
        _require(name, {task: list(map(str, frame.columns)) for task, frame in regrets.items()})
    first, second = (np.mean([frame[name].mean() for frame in regrets.values()]) for name in names)
    gain = difference(regrets, names[1], names[0])
    low, high = gain.interval()
    when = "in the end" if at == 1 else f"after {at:.0%} of the time"
    return Finding(
        f"{names[0]} better than {names[1]} {when}",
        f"{first:.4f} against {second:.4f}: gain {gain.value:.4f} [{low:.4f}, {high:.4f}]",
        gain.p_value(),
        agrees=bool(gain.value > 0),
    )


def _faster(
    found: Incumbents, known: Mapping[str, Reference], expectation: Mapping[str, Any]
) -> Finding:
    names, by = (str(expectation["faster"]), str(expectation["than"])), float(expectation["by"])
    having = {task: [m for m in found.methods if (task, m) in found.counted] for task in known}
    for name in names:
        _require(name, having)
    speed = over_tasks(found, known, names[1], names[:1])[names[0]]
    return Finding(
        f"{names[0]} reaches the final value of {names[1]} {by:g} times as fast",
        _speed_in_words(speed),
        speed.p_value(by),
        agrees=bool(speed.speed >= by),
    )


def _speed_in_words(made: SpeedUp) -> str:
    """Such as: 4.5 times as fast [4.2, 4.8]; at most 0.4 times as fast."""
    bound = {"<=": "at most ", ">=": "at least "}.get(made.bound, "")
    interval = "" if np.isnan(made.low) else f" [{made.low:.1f}, {made.high:.1f}]"
    return f"{bound}{made.speed:.1f} times as fast{interval}"


def _require(name: str, having: Mapping[str, Sequence[str]]) -> None:
    for task, names in having.items():
        if name not in names:
            raise ValueError(f"method {name!r} has no runs on task {task!r}")
