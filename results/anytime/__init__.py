"""Performance over time: incumbents, regret, curves, ranks."""
