"""DEHB: differential evolution under Hyperband."""

from hpobench.methods.dehb.dehb import DEHB

__all__ = ["DEHB"]
