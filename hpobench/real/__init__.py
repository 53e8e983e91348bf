"""Runs on the wall's clock: workers, engines, the journal."""
