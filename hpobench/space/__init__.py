"""The search space: hyperparameters, what is stated of them, lists of configurations."""

from hpobench.space.space import Configuration, Space

__all__ = ["Configuration", "Space"]
