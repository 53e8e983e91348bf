"""The scores of a study, printed: as a table of rich in a terminal, in plain lines elsewhere.

What a call prints of a study in which nothing failed is kept in `.scores.json` beside it: a call
that finds the same runs, by the same code, prints it again and reads no table.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpobench.system import atomic, terminal

if TYPE_CHECKING:
    import pandas as pd

    from hpobench.results import Study as Stored
    from hpobench.results.verdicts.scores import Listing
    from hpobench.study.study import Study

FILE = ".scores.json"
LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "rich")


def made_from(study: "Study") -> str:
    """A hash of what is printed of the runs that are stored, and where."""
    from hpobench.results.study import stored

    console = terminal.console()
    shown = console and [console.width, console.color_system]
    runs = sorted([pair.fingerprint, *pair.seeds] for pair in study.pairs)
    return stored.made_from(study.folder, LIBRARIES, console=shown, runs=runs)


def reprinted(study: "Study", made_of: str) -> bool:
    """Whether what was printed last of the same is known, and printed again."""
    from hpobench.storage import parts

    try:
        kept = json.loads((study.folder / FILE).read_bytes())
        text = kept["text"] if kept["made_from"] == made_of else None
    except (OSError, ValueError, LookupError, TypeError):
        return False
    if not isinstance(text, str):
        return False
    parts.warn(study.folder)
    _write(text)
    return True


def keep(study: "Study", made_of: str, text: str) -> None:
    """Remember what was printed."""
    facts = {"made_from": made_of, "text": text}
    atomic.write_text(study.folder / FILE, json.dumps(facts))


def print_scores(stored: "Stored") -> str:
    """Print the scores, and what is to be said of them; returns what was printed."""
    from hpobench.results.anytime.incumbents import incumbents
    from hpobench.results.anytime.regret import references
    from hpobench.results.verdicts import scores

    if not len(stored.observations):
        return ""
    found = incumbents(stored)
    table = scores.scores_of(found, references(stored, found.views))
    text = as_text(table, scores.notes(found, stored.tasks))
    _write(text)
    return text


def print_table(table: "pd.DataFrame", notes: Sequence[str]) -> None:
    """Print a table of scores and what is to be said of them."""
    _write(as_text(table, notes))


def as_text(table: "pd.DataFrame", notes: Sequence[str]) -> str:
    """The scores as they are printed here."""
    from hpobench.results.verdicts import scores

    console = terminal.console()
    if console is None:
        return f"{scores.as_text(table, notes)}\n"
    with console.capture() as captured:
        _print_rich(console, scores.listing(table, notes))
    text: str = captured.get()
    return text


def _write(text: str) -> None:
    """Past what makes text harmless in a terminal, which rich's is."""
    console = terminal.console()
    if console is None:
        print(text, end="")
    else:
        console.file.write(text)
        console.file.flush()


def _print_rich(console: Any, listing: "Listing") -> None:
    from rich.table import Table
    from rich.text import Text

    from hpobench.results.verdicts.scores import HEADER

    console.print(Text(listing.title, style="italic"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, name in enumerate(HEADER):
        table.add_column(name, justify="left" if number < 2 else "right", overflow="fold")
    for heading, lines in listing.tasks:
        table.add_row()
        table.add_row("", Text(heading, style="bold"))
        for mark, *cells in lines:
            table.add_row(*map(Text, (mark, *cells)), style="green" if mark else None)
    if listing.tasks:
        console.print(table)
    for words in listing.remarks:
        console.print(Text(f"\n{words}"))
