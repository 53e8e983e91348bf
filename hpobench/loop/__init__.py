"""The rules of a run, on any clock."""
