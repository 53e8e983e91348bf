"""Methods in a process of their own, which speak the protocol of docs/protocol.md.

The command line lists environments without NumPy: `Process` is imported when it is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpobench.methods.peers.process.process import Process

__all__ = ["Process"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hpobench.methods.peers.process import process

    return process.Process
