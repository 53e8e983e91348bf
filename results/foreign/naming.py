"""What runs of foreign logs are called: task, method and seed, from what a log calls them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpobench.results.foreign.model import whole_number

Names = tuple[str, str, int]
FIELDS = ("task", "method", "seed")


@dataclass
class Naming:
    """The names that were given, and a pattern such as `{task}-{method}-{seed}` for the others.

    In a pattern `{_}` stands for what is of no account. The first field takes as much as it can,
    the others as little: of `a-b-tpe-0` the task is a-b. Runs of a task and method whose seed
    nothing says are numbered in the order in which they are asked for.
    """

    task: str | None = None
    method: str | None = None
    seed: int | None = None
    pattern: str = ""
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(
        self, text: str, *, task: str, method: str, seed: object = None, where: str = ""
    ) -> Names:
        """The names of a run that its log calls `text`; `task`, `method`, `seed`: by default.

        Raises ValueError if `text` does not fit the pattern.
        """
        found = self._matched(text)
        mine = self.task or found.get("task") or task, self.method or found.get("method") or method
        number = self.seed if self.seed is not None else found.get("seed", seed)
        if number is None:
            number = self._counts.get(mine, 0)
            self._counts[mine] = number + 1
        return *mine, whole_number(number, where or f"run {text!r}")

    def _matched(self, text: str) -> dict[str, str]:
        if not self.pattern:
            return {}
        match = re.fullmatch(_regex(self.pattern), text)
        if match is None:
            raise ValueError(
                f"--runs {self.pattern}: {text!r} does not fit; correct the pattern, or choose "
                "those that do"
            )
        return match.groupdict()


def _regex(pattern: str) -> str:
    pieces = re.split(r"\{(\w+)\}", pattern)
    used = [name for name in pieces[1::2] if name != "_"]
    unknown = [name for name in used if name not in FIELDS]
    if unknown or not used or len(set(used)) < len(used):
        raise ValueError(
            f"--runs {pattern}: use {{task}}, {{method}} and {{seed}}, each once at most, and "
            "{_} for what is of no account"
        )
    made = re.escape(pieces[0])
    for number, (name, literal) in enumerate(zip(pieces[1::2], pieces[2::2], strict=True)):
        some = r"\d+" if name == "seed" else ".+" if number == 0 else ".+?"
        made += (f"(?:{some})" if name == "_" else f"(?P<{name}>{some})") + re.escape(literal)
    return made


def files_of(paths: str | Path | Sequence[str | Path], *patterns: str) -> Iterator[Path]:
    """The files themselves, and in folders those of a pattern, sorted; each once.

    Raises ValueError for what is not there, and for a folder without any.
    """
    seen: set[Path] = set()
    for path in [paths] if isinstance(paths, str | Path) else paths:
        path = Path(path)
        found = [path]
        if path.is_dir():
            found = sorted({each for some in patterns for each in path.rglob(some)})
            found = [each for each in found if each.is_file()]
            if not found:
                raise ValueError(f"{path} holds none of {', '.join(patterns)} to import")
        elif not path.exists():
            raise ValueError(f"there is no file or folder {path} to import")
        for each in found:
            if each not in seen:
                seen.add(each)
                yield each
