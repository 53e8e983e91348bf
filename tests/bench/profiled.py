"""Where a study spends its time, by function: cumulative seconds, greatest first.

    python -m tests.bench.profiled [SETTINGS of hpobench run]      # or make profile S='...'

One process runs it in a folder of its own; what was measured is kept for other programs.
"""

import cProfile
import os
import pstats
import sys
import tempfile

from hpobench.cli import parser
from tests.rooms import ROOT

KEPT = ROOT / "build" / "profile.out"
SMALL = ("method=[random,asha,tpe]", "task=[branin,curves_stable]", "seeds=5")


def main() -> int:
    settings = [*(sys.argv[1:] or SMALL), "name=profiled", "n_jobs=1", "progress=false"]
    with tempfile.TemporaryDirectory() as folder, cProfile.Profile() as profile:
        os.chdir(folder)
        status = parser.main(["run", *settings])
        os.chdir(ROOT)
    KEPT.parent.mkdir(exist_ok=True)
    profile.dump_stats(KEPT)
    pstats.Stats(profile).sort_stats("cumulative").print_stats("hpobench", 40)
    print(f"kept in {KEPT.relative_to(ROOT)}")
    return status


if __name__ == "__main__":
    sys.exit(main())
