"""The best configuration of a stored study in words, and evaluated anew."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpobench.results.study.study import Study
    from hpobench.results.verdicts.winner import Winner

FORMATS = ("yaml", "json")


def in_words(winner: "Winner", study: "Study") -> str:
    """What it is worth, when it was found, and how sure that is, in a line."""
    facts, method = study.tasks[winner.task], study.methods[winner.method].label
    clock = "s" if facts.clock == "seconds" else "evaluations"
    unit = f" {facts.unit}" if facts.unit else ""
    words = [f"{facts.label}: {facts.value_label} {winner.value:.6g}{unit}"]
    for name, value in (("true", winner.true_value), ("on test data", winner.test_value)):
        if not math.isnan(value) and value != winner.value:
            words.append(f"{name} {value:.6g}")
    found = f"found by {method} (seed {winner.seed}) after {winner.time_s:.6g} {clock}"
    words.append(f"{found} of {winner.end_s:.6g}")
    if winner.again_count:
        error = "" if math.isnan(winner.again_sem) else f" ± {winner.again_sem:.2g}"
        words.append(f"{winner.again_count} other evaluations of it: {winner.again:.6g}{error}")
    elif winner.value != winner.true_value and facts.reproducible is not True:
        words.append("evaluated once: the best of noisy values flatters (--reevaluate N)")
    return ", ".join(words)


def as_text(winners: "Sequence[Winner]", study: "Study", how: str, again: Sequence[Any]) -> str:
    """The configurations in a format: alone if of one task, else by task.

    YAML says what `in_words` does in comments, JSON all that is known of them in fields.
    `again`: their values when they were evaluated anew, if they were.
    """
    if how == "json":
        plain = [winner.plain() for winner in winners]
        for each, values in zip(plain, again or [None] * len(plain), strict=True):
            each |= {"reevaluated": values} if values else {}
        return json.dumps(plain[0] if len(plain) == 1 else plain, indent=1)
    import yaml

    lines = []
    for winner, values in zip(winners, again or [None] * len(winners), strict=True):
        lines.append(f"# {in_words(winner, study)}")
        if values:
            lines.append(f"# {_of_values(values)}")
        node = dict(winner.config)
        body = node if len(winners) == 1 else {winner.task: node}
        lines.append(yaml.safe_dump(body, sort_keys=False, allow_unicode=True).rstrip())
    return "\n".join(lines)


def _of_values(values: Sequence[float]) -> str:
    from statistics import fmean, stdev

    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return f"evaluated {len(values)} times anew: all failed"
    words = f"evaluated {len(values)} times anew: {fmean(finite):.6g}"
    if len(finite) > 1:
        words += f" ± {stdev(finite) / math.sqrt(len(finite)):.2g}"
    return words + (f", {len(values) - len(finite)} failed" if len(finite) < len(values) else "")


def reevaluated(winner: "Winner", folder: Path, times: int) -> list[float]:
    """Values of `times` further evaluations of a configuration, under seeds that no run had.

    The task is that of the settings stored in `folder`; NaN: it failed. Raises ValueError if the
    settings are lost.
    """
    from hpobench.loop.evaluating import evaluate
    from hpobench.loop.randomness import derive_seed
    from hpobench.real.worker import prepare
    from hpobench.records import Job
    from hpobench.storage.layout import read_config
    from hpobench.study.planned import built

    settings = read_config(folder)
    node = (settings.get("tasks") or {}).get(winner.task)
    if node is None:
        raise ValueError(
            f"{folder} has no settings of task {winner.task!r}: it cannot be evaluated"
        )
    config = {key: value for key, value in node.items() if key not in ("about", "budget")}
    try:
        task = built(winner.task, config)
    except ValueError as error:
        raise ValueError(f"{error} (is its folder given with --conf DIR?)") from error
    prepare(task)
    root, job = settings.get("study_seed", 0), Job(0, dict(winner.config), 0, winner.resource)
    values = []
    for number in range(times):
        seed = derive_seed(root, "reevaluation", winner.task, number)
        value = evaluate(task, job, seed, None).value
        values.append(value if math.isfinite(value) else math.nan)
    return values
