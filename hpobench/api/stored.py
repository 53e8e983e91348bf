"""A stored study as a program has it: its tables, and what is asked of it most."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hpobench.results.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from hpobench.results.verdicts.winner import Winner


class StoredStudy(Study):
    """A study with its folder. In a notebook it shows its scores."""

    folder: Path

    @classmethod
    def of(cls, study: Study, folder: Path) -> Self:
        """The same study; tables are still read when they are first looked at."""
        made = cls.__new__(cls)
        made.__dict__.update(study.__dict__)
        made.folder = folder
        return made

    @property
    def name(self) -> str:
        """The name under which it is stored."""
        return str(self.settings.get("name", self.folder.name))

    def scores(self, *, view: str | None = None) -> "pd.DataFrame":
        """The table of scores, a row each for task and method: see `hpobench.results.scores`."""
        from hpobench.results.verdicts.scores import scores

        return scores(self, view=view)

    def verdict(self) -> str:
        """Which method to use for which tasks and part of their horizon, in words, a line each."""
        from hpobench.results.anytime.incumbents import incumbents
        from hpobench.results.anytime.regret import references
        from hpobench.results.text.verdict_words import in_words
        from hpobench.results.verdicts.verdict import verdicts

        found = incumbents(self)
        lines = []
        for each in verdicts(found, references(self, found.views)):
            of = ", ".join(self.tasks[task].label for task in each.tasks)
            lines.append(f"{of}, {each.fraction:.0%} of time: {in_words(each, self.methods)}")
        return "\n".join(lines)

    def best(self, task: str | None = None, method: str | None = None) -> "Winner":
        """The best configuration of a task, by default of the only one.

        Raises ValueError if there are several tasks and none is named; `bests` has those of all.
        """
        if task is None and len(self.tasks) > 1:
            raise ValueError(
                f"the study has {len(self.tasks)} tasks: name one, best({next(iter(self.tasks))!r})"
            )
        return self.bests(task, method)[0]

    def bests(self, task: str | None = None, method: str | None = None) -> "list[Winner]":
        """The best configuration of each task, or of one; `method`: of its runs alone."""
        from hpobench.results.verdicts.winner import winners

        return winners(self, task, method)

    def plot(
        self,
        *,
        time: str = "log",
        statistic: str = "mean",
        band: str | None = None,
        view: str | None = None,
        axis: str = "wall_clock",
        folder: str | Path | None = None,
    ) -> "Figures":
        """The standard figures, drawn into the study's folder; a notebook shows them.

        Options are those of `hpobench plot`. Drawn otherwise than usual, they are in a folder of
        their own.
        """
        from hpobench.plots import draw
        from hpobench.system.names import as_file_name

        usual = {"time": "log", "statistic": "mean", "axis": "wall_clock", "band": None}
        given = {"time": time, "statistic": statistic, "band": band, "view": view, "axis": axis}
        words = [f"{key}-{word}" for key, word in given.items() if word != usual.get(key)]
        place = self.folder / "figures" / as_file_name("+".join(words)) if words else None
        target = Path(folder or place or self.folder / "figures")
        if target.exists() and not target.is_dir():
            raise ValueError(f"folder={str(target)!r} is a file: name a folder for the figures")
        left: dict[str, str] = {}
        paths = draw.draw(
            self,
            target,
            time=time,
            statistic=statistic,
            band=band,
            view=view,
            axis=axis,
            left_out=left.__setitem__,
        )
        return Figures(paths, left)

    def report(self, output: str | Path | None = None) -> "Page":
        """The page with everything, written to `output`, by default into the study's folder."""
        from hpobench.plots.report import page, reuse
        from hpobench.system import atomic

        place = None if output is None else Path(output)
        if place is not None:
            atomic.check_output(place, reuse.MARK)
        return Page(page.write(self.folder, place))

    def _repr_html_(self) -> str:
        runs = self.runs
        failed = int((runs["status"].astype(str) == "failed").sum())
        head = f"<b>{escape(self.name)}</b>: {len(runs)} runs, {len(self.tasks)} tasks, "
        head += f"{len(self.methods)} methods" + (f", <b>{failed} failed</b>" if failed else "")
        if not len(self.observations):
            return f"<div>{head}</div>"
        table = self.scores()
        rows = table.pivot(index="task", columns="method", values="final")
        order = list(dict.fromkeys(table["task"]))
        methods = [method for method in self.methods if method in rows]
        labels = [self.methods[method].label for method in methods]
        cells = "".join(f"<th>{escape(label)}</th>" for label in labels)
        body = "".join(_html_row(task, rows.loc[task, methods]) for task in order)
        return (
            f"<div>{head}<br>normalised regret at the horizon, mean over seeds "
            f"(0: the best value, 1: the median configuration)<table><thead><tr><th></th>{cells}"
            f"</tr></thead><tbody>{body}</tbody></table></div>"
        )


def _html_row(task: str, values: "pd.Series[float]") -> str:
    least = values.min()
    cells = []
    for value in values:
        text = "-" if value != value else f"{value:.3f}"
        cells.append(f"<td>{f'<b>{text}</b>' if value == least else text}</td>")
    return f"<tr><th>{escape(task)}</th>{''.join(cells)}</tr>"


class Figures(Sequence[Path]):
    """The files of figures that were drawn; a notebook shows them.

    `left_out`: by name of a figure, why it could not be made.
    """

    def __init__(self, paths: Sequence[Path], left_out: Mapping[str, str]) -> None:
        self._paths = list(paths)
        self.left_out = dict(left_out)

    def __getitem__(self, index: Any) -> Any:
        return self._paths[index]

    def __len__(self) -> int:
        return len(self._paths)

    def __repr__(self) -> str:
        return "\n".join(map(str, self._paths))

    def _repr_html_(self) -> str:
        from base64 import b64encode

        pictures = [path for path in self._paths if path.suffix == ".png"]
        return "".join(
            f'<figure><img style="max-width: 100%" alt="{escape(path.stem)}" '
            f'src="data:image/png;base64,{b64encode(path.read_bytes()).decode()}"></figure>'
            for path in pictures
        )


class Page:
    """A report that was written: `path` is its file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Page({str(self.path)!r})"

    def _repr_html_(self) -> str:
        text = escape(self.path.read_text(encoding="utf-8"), quote=True)
        return f'<iframe srcdoc="{text}" style="width: 100%; height: 40em; border: 0"></iframe>'
