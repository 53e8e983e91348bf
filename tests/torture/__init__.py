"""Attacks on what is stored and on what runs, counted: `make torture`.

A module is an attack: the first line of its docstring says on what. Its function
`attack(folder: Path, scale: float) -> Counter[str]` has a folder of its own, which is removed
afterwards; `scale` multiplies the number of trials. It counts trials under `held`, under a key that
begins with `skipped` where something cannot be tried here, and under a failure in words.
Modules whose name begins with an underscore are helpers.
"""
