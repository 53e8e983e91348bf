"""`make bench`: speed and memory, printed as ratios to a bar and to a bare loop.

Every figure is CPU time of this process (or of a child of its own), the least of several rounds:
machines are shared. A bar that is missed is marked; nothing here fails a test. Names choose some:
`python -m tests.bench loop storage`; the last, `quality`, takes as long as all others together.
"""

import sys

from tests.bench import large, loop, quality, recorded, road, simulators, startup, storage, training

BENCHES = {
    "loop": loop.main,
    "startup": startup.main,
    "storage": storage.main,
    "large": large.main,
    "training": training.main,
    "recorded": recorded.main,
    "simulators": simulators.main,
    "road": road.main,
    "quality": quality.all_figures,
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or BENCHES:
        print(f"\n== {chosen}")
        BENCHES[chosen]()
