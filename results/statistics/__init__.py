"""Statistics of arrays; they know of no study."""
