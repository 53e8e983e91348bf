"""The commands, one function each: options in, exit status out.

With `hpobench.cli` they are the roof: they may import everything, each thing when it is needed.
"""
