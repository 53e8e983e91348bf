"""Fits of scikit-learn, and pipelines for it."""
