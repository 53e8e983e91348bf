"""The sections of a report, each a function of the context: blocks, or none to be left out."""
