"""A stored study as tables, and what its runs, jobs and times are."""
