"""Population-based training."""

from hpobench.methods.pbt.pbt import PBT

__all__ = ["PBT"]
