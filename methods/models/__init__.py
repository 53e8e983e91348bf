"""Models that are nobody's own: searchers, schedulers and methods use them."""
