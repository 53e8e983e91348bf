"""Methods in a process of their own, which speak the protocol of docs/protocol.md."""

from hpobench.methods.peers.process.process import Process

__all__ = ["Process"]
