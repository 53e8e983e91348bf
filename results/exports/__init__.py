"""A stored study in the formats of other tools: rows of evaluations, Optuna, IOHprofiler."""
