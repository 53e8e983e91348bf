"""A table as Markdown or LaTeX: names escaped, the best cell bold, what is tied with it marked."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hpobench.shown import in_latex, in_markdown, one_line


@dataclass(frozen=True)
class Cell:
    """A number with its standard error, or a text; `best` is shown bold, `tied` underlined."""

    value: float = np.nan
    error: float = np.nan
    text: str = ""
    best: bool = False
    tied: bool = False

    def __str__(self) -> str:
        """The cell as plain text, without marks."""
        if self.text or np.isnan(self.value):
            return self.text or "-"
        number = f"{self.value:.4f}"
        return number if np.isnan(self.error) else f"{number} ± {self.error:.4f}"


def markdown(table: pd.DataFrame, caption: str = "", label: str = "") -> str:
    """A table in GitHub's Markdown, the index as its first column; `label` is not used.

    Best cells are bold, tied ones underlined (HTML's `u`, which GitHub and pandoc understand).
    """
    del label
    lines = [[in_markdown(name) for name in _header(table)]]
    lines += [[in_markdown(name), *map(_markdown_cell, row)] for name, row in _rows(table)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.insert(1, rule)
    written = [
        "| "
        + " | ".join(word.ljust(width) for word, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    above = [in_markdown(caption), ""] if caption else []
    return "\n".join([*above, *written]) + "\n"


def latex(table: pd.DataFrame, caption: str = "", label: str = "") -> str:
    r"""A table environment with booktabs rules, shrunk if it is wider than the text.

    Best cells are set in \textbf, tied ones in \underline.
    """
    header = " & ".join(in_latex(name) for name in _header(table)) + r" \\"
    rows = [
        " & ".join([in_latex(name), *map(_latex_cell, row)]) + r" \\" for name, row in _rows(table)
    ]
    columns = "l" + "r" * table.shape[1]
    fit = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", header, r"\midrule", *rows]
    body = [fit, *body, r"\bottomrule", r"\end{tabular}%", "}"]
    above = [rf"\caption{{{in_latex(caption)}}}"] if caption else []
    above += [rf"\label{{tab:{label}}}"] if label else []
    needs = r"% needs \usepackage{booktabs,graphicx}"
    lines = [needs, r"\begin{table}", r"\centering", *above, *body, r"\end{table}"]
    return "\n".join(lines) + "\n"


def _header(table: pd.DataFrame) -> list[str]:
    return [str(table.index.name or ""), *map(str, table.columns)]


def _rows(table: pd.DataFrame) -> list[tuple[str, list[Cell]]]:
    names = [str(name) for name in table.index]
    values = table.astype(object).to_numpy()
    return [
        (name, [_cell(value) for value in row]) for name, row in zip(names, values, strict=True)
    ]


def _cell(value: object) -> Cell:
    if isinstance(value, Cell):
        return value
    if isinstance(value, float | np.floating):
        return Cell(text="-" if np.isnan(value) else f"{value:.4g}")
    return Cell(text="-" if value is None else str(value))


def _markdown_cell(cell: Cell) -> str:
    text = in_markdown(str(cell))
    if cell.best:
        return f"**{text}**"
    return f"<u>{text}</u>" if cell.tied else text


def _latex_cell(cell: Cell) -> str:
    text = in_latex(str(cell))
    if cell.best:
        return rf"\textbf{{{text}}}"
    return rf"\underline{{{text}}}" if cell.tied else text


def note(text: str, style: str) -> str:
    """A sentence beside the tables: a paragraph in Markdown, a comment in LaTeX."""
    return f"% {one_line(text)}\n" if style == "latex" else f"{in_markdown(text)}\n"
