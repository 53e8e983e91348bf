"""Suites of benchmarks that others keep, as tasks: read where the suite keeps its data."""
