"""Schedulers: how much resource a trial gets, and when; one algorithm a file."""
