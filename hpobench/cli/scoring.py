"""The scores of a study, printed: as a table of rich in a terminal, in plain lines elsewhere."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpobench.system import terminal

if TYPE_CHECKING:
    import pandas as pd

    from hpobench.results.verdicts.scores import Listing


def print_table(table: "pd.DataFrame", notes: Sequence[str]) -> None:
    """Print the scores and what is to be said of them."""
    from hpobench.results.verdicts import scores

    console = terminal.console()
    if console is None:
        print(scores.as_text(table, notes))
    else:
        _print_rich(console, scores.listing(table, notes))


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
