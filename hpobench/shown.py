"""Text that comes from others (labels, names, errors) made fit to be shown, by medium.

Whatever stands in it, it stays text: no line break begins a row or a command, nothing steers a
terminal or turns the direction of writing, nothing becomes markup.
"""

import re

# All control characters but tab and line feed, and what turns the direction of writing.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    # After the end of a row these two would be its arguments.
    "[": "{[}",
    "*": "{*}",
    "±": r"$\pm$",
}


def one_line(text: str) -> str:
    """Without line breaks and what steers or turns: for labels, in any medium."""
    return _STEERING.sub("", " ".join(text.split()))


def harmless(text: str) -> str:
    """With what would steer a terminal or a page written out, as in a Python literal."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def in_markdown(text: str) -> str:
    """One line, no character of which means anything to Markdown or to the HTML in it."""
    return re.sub(r"([\\`*_{}\[\]<>|#~$&^])", r"\\\1", one_line(text))


def in_latex(text: str) -> str:
    """One line, no character of which means anything to LaTeX."""
    return "".join(_LATEX.get(character, character) for character in one_line(text))
