"""How methods behaved: workers, decisions, repeats, overtuning."""
