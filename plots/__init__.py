"""Figures: tables in, figures out; no statistics."""
