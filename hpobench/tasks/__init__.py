"""Tasks: search space, fidelity, metric, and the means to evaluate a job; one kind a file."""
