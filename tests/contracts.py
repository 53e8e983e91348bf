"""`make check-contracts`: `hpobench check` of all shipped tasks and methods that are installed.

    python -m tests.contracts            # or only those whose names are given

The exit status is 0 if all of them keep their contract. Each line says what the check took.
"""

import json
import resource
import subprocess
import sys
import time

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


def check(group: str, name: str) -> bool:
    """Check one of them and print what was found; whether it keeps its contract.

    A task whose data are not on this machine is left out.
    """
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "hpobench.cli", "check", f"{group}={name}", "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if not done.stdout:
        print(f"{group} {name}: {done.stderr}", flush=True)
        return False
    ((found,), after) = json.loads(done.stdout), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    took = f"{time.perf_counter() - began:.1f} s, {cpu_s:.1f} s of CPU time"
    faults = found["faults"]
    if faults and faults[0].startswith("it cannot be made: FileNotFoundError"):
        print(f"{group} {name}: left out: {faults[0]}", flush=True)
        return True
    print(f"{group} {name}: {'; '.join(faults) or 'keeps its contract'} ({took})", flush=True)
    return not faults


def main(only: list[str]) -> int:
    """Check them one after the other."""
    chosen = [(group, name) for group, names in installed().items() for name in names]
    kept = [check(group, name) for group, name in chosen if not only or name in only]
    return int(not all(kept))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
