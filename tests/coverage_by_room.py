"""A table of what share of each room the tests reach, from the JSON report of coverage.

python -m tests.coverage_by_room FILE      # or make cover
"""

import json
import sys
from collections import Counter
from pathlib import Path

from tests.rooms import ROOT, modules, room


def table(report: dict[str, dict[str, dict[str, dict[str, int]]]]) -> list[str]:
    """One line a room, those with most statements out of reach first, and one for all."""
    files = {path.relative_to(ROOT).as_posix(): room(name) for name, path in modules().items()}
    statements, missing = Counter[str](), Counter[str]()
    for file, facts in report["files"].items():
        where = files.get(Path(file).as_posix(), "(elsewhere)")
        statements[where] += facts["summary"]["num_statements"]
        missing[where] += facts["summary"]["missing_lines"]
    rows = [(name, statements[name], missing[name]) for name in statements if statements[name]]
    rows.sort(key=lambda row: (-row[2], row[0]))
    rows.append(("all", statements.total(), missing.total()))
    return [
        f"{'room':<24}{'statements':>12}{'missed':>8}{'reached':>9}",
        *(f"{name or 'hpobench':<24}{n:>12}{out:>8}{1 - out / n:>9.1%}" for name, n, out in rows),
    ]


if __name__ == "__main__":
    print("\n".join(table(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
