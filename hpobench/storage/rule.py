"""The rule by which a study decides how many seeds it needs: what `decide:` states in settings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

AUTO = "auto"
"""Stated for `seeds`: as many as the question needs."""
CHOICES = {
    "compare": ("best", "reference", "all"),
    "tasks": ("average", "each"),
    "assume": ("symmetric", "bounded"),
}
_FEWEST = 5


@dataclass(frozen=True)
class Rule:
    """When comparisons of methods are decided, and how many seeds they may take until then.

    `level`: the probability of one false decision or more in the whole study. `equal_within`: of
    normalised regret; methods that differ by less are equal. `max`: seeds of a task and method.
    `compare`: each method with the best one, with a reference method (`reference`; None: that
    of the study), or all pairs. `tasks`: their average, where the same methods were
    run, or each on its own. `assume`: that differences of equal methods are as likely on either
    side, or only that they are bounded. `futile`: a comparison that all `max` seeds would decide
    with a lower probability is given up; 0: never. `first`, `round`: seeds before the first look,
    and between looks.
    """

    level: float = 0.05
    equal_within: float = 0.01
    max: int = 200
    compare: str = "best"
    reference: str | None = None
    tasks: str = "average"
    futile: float = 0.1
    assume: str = "symmetric"
    first: int = 10
    round: int = 5

    @classmethod
    def of(cls, stated: Any) -> "Rule":
        """The rule that settings state; raises ValueError, which names what is wrong."""
        if not isinstance(stated, Mapping):
            raise ValueError(f"decide={stated!r}: write decide.level=0.05 or another of its keys")
        known = [each.name for each in fields(cls)]
        for name in stated:
            if name not in known:
                raise ValueError(f"unknown key decide.{name}: use one of {', '.join(known)}")
        rule = cls(**{str(name): value for name, value in stated.items()})
        rule._check()
        return rule

    def _check(self) -> None:
        for name, high in {"level": 0.5, "equal_within": 1.0, "futile": 0.5}.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"decide.{name}={value!r}: use a number")
            if not 0 <= value < high or (value == 0 and name == "level"):
                above = "above 0" if name == "level" else "of at least 0"
                raise ValueError(f"decide.{name}={value!r}: use a number {above} and below {high}")
        for name, least in {"first": _FEWEST, "round": 1, "max": self.first}.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(
                    f"decide.{name}={value!r}: use a whole number of at least {least}"
                    + (" (decide.first)" if name == "max" else "")
                )
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                words = ", ".join(choices)
                raise ValueError(f"decide.{name}={getattr(self, name)!r}: use one of {words}")
        if self.reference is not None and not isinstance(self.reference, str):
            raise ValueError(f"decide.reference={self.reference!r}: name a method, or null")
        if self.reference is not None and self.compare != "reference":
            raise ValueError(
                f"decide.reference={self.reference}: only decide.compare=reference has one"
            )

    def looks(self) -> tuple[int, ...]:
        """How many seeds there are at each look."""
        return (*range(self.first, self.max, self.round), self.max)

    def as_settings(self) -> dict[str, Any]:
        """The rule as it is stated and stored."""
        return asdict(self)
