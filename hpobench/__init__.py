"""`hpobench`: an honest and fast comparison of hyperparameter-optimisation methods."""
