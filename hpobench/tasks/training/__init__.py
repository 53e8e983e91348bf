"""Tasks that really train a network. Only what trains imports torch, and only when it trains."""
