"""`make check-contracts`: `hpobench check` of all shipped tasks and methods that are installed.

    python -m tests.contracts            # or only those whose names are given

The exit status is that of `hpobench check`: 0 if all of them keep their contract.
"""

import json
import subprocess
import sys

CHECKED = ("task", "method")


def installed() -> dict[str, list[str]]:
    """The names of what is shipped, by group, less what needs a library that is not there."""
    command = [sys.executable, "-m", "hpobench.cli", "list", "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = [row for row in json.loads(done.stdout) if row["group"] in CHECKED]
    for row in rows:
        if not row["installed"]:
            print(f"{row['group']} {row['name']}: left out, not installed ({row['install']})")
    return {
        group: [row["name"] for row in rows if row["group"] == group and row["installed"]]
        for group in CHECKED
    }


def main(only: list[str]) -> int:
    """Check them one command a group."""
    status = 0
    for group, names in installed().items():
        chosen = [name for name in names if not only or name in only]
        if chosen:
            command = [sys.executable, "-m", "hpobench.cli", "check", f"{group}={','.join(chosen)}"]
            status |= subprocess.run(command, check=False).returncode
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
