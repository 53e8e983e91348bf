"""The pictures of README and docs, each from a study that is stated here, by its command.

    python -m tests.draw_pictures                   # or make figures: all but those of peers
    python -m tests.draw_pictures anytime report    # or make figures P='anytime report'

Studies are run as far as they are not stored in runs/. `docs/pictures.json` keeps of what study
each picture was drawn; `tests/test_pictures.py` says which of them have become older than that.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpobench.identity import digest
from hpobench.study import compose
from tests.rooms import ROOT
from tests.test_fingerprints import of_study

DOCS = ROOT / "docs"
DRAWN = DOCS / "pictures.json"
SIX = "credit_g,phoneme,vehicle,slice_localization,protein_structure,cifar100"


@dataclass(frozen=True)
class Picture:
    """`file` in the figures of a study, once `hpobench plot NAME` was called with `options`.

    `peers`: of a study that takes other libraries, and hours: drawn where it is stored already.
    """

    study: str
    file: str
    options: tuple[str, ...] = ()
    peers: bool = False

    @property
    def name(self) -> str:
        """The study's folder in runs/."""
        return str(compose.load([f"study={self.study}"]).settings["name"])

    @property
    def made_of(self) -> str:
        """A digest of what the study states: its pairs, with all their settings, and its seeds."""
        seeds = compose.load([f"study={self.study}"]).settings["seeds"]
        return digest([of_study(self.study), seeds])


PICTURES = {
    "anytime": Picture("default", "anytime.png"),
    "report": Picture("default", "report.png"),
    "axes": Picture(
        "axes", "axes-phoneme.png", ("--task", "phoneme", "--axis", "evaluations,wall_clock")
    ),
    "recorded": Picture("recorded", "anytime.png"),
    "workers": Picture("recorded", "workers-cnn_digits_table-0.png"),
    "cnn": Picture("cnn", "anytime.png"),
    "run-curves": Picture(
        "cnn", "run-cnn_digits-asha-0-curves.png", ("--run", "cnn_digits,asha,0")
    ),
    "run-rungs": Picture("cnn", "run-cnn_digits-asha-0-rungs.png", ("--run", "cnn_digits,asha,0")),
    "chapter-random_search": Picture("chapter/random_search", "anytime.png"),
    "chapter-asynchronous": Picture("chapter/asynchronous", "anytime.png"),
    "chapter-evaluation": Picture(
        "chapter/evaluation",
        "axes-cnn_digits_table.png",
        ("--task", "cnn_digits_table", "--axis", "wall_clock,evaluations"),
    ),
    "chapter-multi_fidelity": Picture("chapter/multi_fidelity", "anytime.png"),
    "chapter-model_based": Picture("chapter/model_based", "anytime.png"),
    "peers-cost": Picture("peers", "overhead-growth.png", ("--costs", "--tasks", SIX), peers=True),
    "peers-time": Picture("peers", "average-regret.png", peers=True),
    "peers-evaluations": Picture(
        "peers", "average-regret.png", ("--axis", "evaluations"), peers=True
    ),
    "peers-ranks": Picture("peers", "critical-difference.png", peers=True),
    "peers-multi-fidelity": Picture("peers_multi_fidelity", "average-regret.png", peers=True),
}


def main(names: Sequence[str]) -> int:
    """Draw the pictures of these names, without any all that take no peers; the exit status."""
    if wrong := set(names) - set(PICTURES):
        print(f"no picture {', '.join(sorted(wrong))}: there are {', '.join(PICTURES)}")
        return 2
    for name in names or PICTURES:
        picture = PICTURES[name]
        if picture.peers and not (ROOT / "runs" / picture.name).exists():
            print(f"{name}: left out; it takes `hpobench run study={picture.study}`, of hours")
            continue
        command("run", f"study={picture.study}", "progress=false")
        shutil.copy(drawn(name, picture), DOCS / f"{name}.png")
        note(name, picture.made_of)
        print(f"{name}: docs/{name}.png", flush=True)
    return 0


def command(*words: str) -> str:
    """What `hpobench WORDS` prints."""
    called = [sys.executable, "-m", "hpobench.cli", *words]
    return subprocess.run(called, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def drawn(name: str, picture: Picture) -> Path:
    """The picture, where the command has put it."""
    if name == "report":
        return of_report(ROOT / command("report", picture.name).strip())
    if name == "workers":
        return of_workers(picture)
    printed = command("plot", picture.name, *picture.options).split()
    return next(ROOT / path for path in printed if Path(path).name == picture.file)


def of_workers(picture: Picture) -> Path:
    """What workers did under two methods, which no command draws one above the other."""
    from hpobench.plots.draw import draw_workers
    from hpobench.results import load

    methods, folder = ["successive_halving", "asha"], ROOT / "runs" / picture.name
    return draw_workers(load(folder), folder / "figures", "cnn_digits_table", methods, 0)[0]


def of_report(page: Path) -> Path:
    """The top of a report in a browser, which `make test-browser` installs."""
    from tests.browser.test_report_page import WIDE, Page, start

    driver = start()
    try:
        size = {"width": WIDE[0], "height": WIDE[1], "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        Page(driver).open(page)
        time.sleep(1.0)  # until what moves has come to rest
        driver.save_screenshot(str(page.with_name("report.png")))
    finally:
        driver.quit()
    return page.with_name("report.png")


def note(name: str, made_of: str) -> None:
    """Keep of what study a picture was drawn."""
    known = json.loads(DRAWN.read_text(encoding="utf-8")) if DRAWN.exists() else {}
    text = json.dumps(dict(sorted({**known, name: made_of}.items())), indent=1)
    DRAWN.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
