"""Run attacks and print the counts; the exit status is 1 if anything did not hold.

`python -m tests.torture [NAME...] [--scale X] [--markdown]`, from the root of the checkout.
"""

import argparse
import importlib
import pkgutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests import torture

HELD = "held"


def names() -> list[str]:
    """The attacks there are."""
    found = (module.name for module in pkgutil.iter_modules(torture.__path__))
    return sorted(name for name in found if not name.startswith("_"))


def trials(counts: Counter[str]) -> int:
    """How many trials were made."""
    return sum(count for key, count in counts.items() if not key.startswith("skipped"))


def others(counts: Counter[str]) -> str:
    """Everything but what held, in words."""
    return "; ".join(f"{count} {key}" for key, count in sorted(counts.items()) if key != HELD)


def row(name: str, about: str, counts: Counter[str], seconds: float, markdown: bool) -> str:
    """One line: the attack, and what came of it."""
    if markdown:
        words = others(counts) or "-"
        return f"| `{name}` | {about} | {trials(counts)} | {counts[HELD]} | {words} |"
    words = f": {others(counts)}" if others(counts) else ""
    return f"{name:<12} {counts[HELD]:>5} of {trials(counts):<5} held in {seconds:.0f} s{words}"


def main() -> int:
    """Run the chosen attacks, or all."""
    parser = argparse.ArgumentParser("python -m tests.torture", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*names(), []], metavar="NAME")
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer trials")
    parser.add_argument("--markdown", action="store_true", help="a table for docs/reliability.md")
    options = parser.parse_args()
    if options.markdown:
        print("| attack | on what | trials | held | else |\n|---|---|---|---|---|", flush=True)
    failed = False
    for name in options.names or names():
        module = importlib.import_module(f"tests.torture.{name}")
        about = (module.__doc__ or "").splitlines()[0].rstrip(".")
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"hpobench-{name}-") as folder:
            counts: Counter[str] = module.attack(Path(folder), options.scale)
        print(row(name, about, counts, time.monotonic() - begin, options.markdown), flush=True)
        failed |= counts[HELD] < trials(counts)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
