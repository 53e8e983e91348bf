"""Settings made into more settings, before a plan is made of them."""
