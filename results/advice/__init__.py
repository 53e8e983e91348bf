"""Which method to use on a task that nobody has run yet: evidence of tasks that are like it."""
