"""What searchers search with: candidates, data, acquisition functions."""
