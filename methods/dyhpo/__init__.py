"""DyHPO: one epoch at a time, for the trial that promises most."""

from hpobench.methods.dyhpo.dyhpo import DyHPO

__all__ = ["DyHPO"]
