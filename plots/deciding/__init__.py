"""Figures of how comparisons were decided."""
