"""MF-KG: configuration and resource chosen together, by what they are worth a second."""

from hpobench.methods.mf_kg.mf_kg import MFKG

__all__ = ["MFKG"]
