"""The command line: `parser` says what can be asked, the other modules do it, one function each.

They are the roof: they may import everything, each thing when it is needed.
"""

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; see `parser.main`."""
    from hpobench.cli import parser

    return parser.main(arguments)
