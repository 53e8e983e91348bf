"""Words in figures: lines that fit, counts, sentences of captions."""

import math
import re
from collections.abc import Sequence

from hpobench.words import counted as counted

NAME_POINTS = 8.0
CHARACTER_EM = 0.54


def characters(width_in: float, points: float = NAME_POINTS) -> int:
    """About how many characters of a line fit a width."""
    return max(int(width_in * 72 / (points * CHARACTER_EM)), 6)


def in_lines(text: str, most: int) -> str:
    """In as few lines of at most so many characters as can be, of about the same length.

    Lines end at spaces and after underscores; only what is longer than a line is cut.
    """
    pieces = re.split(r"(?<=[\s_])", text)
    count = len(_filled(pieces, most))
    longest = max(len(piece.rstrip()) for piece in pieces)
    widths = range(max(math.ceil(len(text) / count), min(longest, most)), most)
    width = next((width for width in widths if len(_filled(pieces, width)) == count), most)
    return "\n".join(_filled(pieces, width))


def _filled(pieces: Sequence[str], most: int) -> list[str]:
    lines = [""]
    for piece in pieces:
        if lines[-1] and len((lines[-1] + piece).rstrip()) > most:
            lines.append("")
        lines[-1] += piece
        while len(lines[-1].rstrip()) > most:
            lines[-1:] = [lines[-1][:most], lines[-1][most:]]
    return [line.rstrip() for line in lines if line.strip()] or [""]


def sentences(*parts: str) -> str:
    """Those that are not empty."""
    return " ".join(part for part in parts if part)
