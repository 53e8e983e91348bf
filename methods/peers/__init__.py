"""Optimizers of other libraries, as they are, under the same rules as the methods here.

In process: an *optimizer* (`black_box.Optimizer`) for each library, one file each, run by
`black_box.BlackBox`; or a method of its own where the library also decides about resources.
In an environment of its own: `process.Process`, which speaks one JSON message a line.
"""
