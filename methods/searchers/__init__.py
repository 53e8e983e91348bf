"""Searchers: which configuration next; one algorithm a file."""
