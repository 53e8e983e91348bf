"""Parzen estimators, and the ratio of two of them."""
