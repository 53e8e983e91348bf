"""Studies: what settings say, what is planned, how it is run."""
