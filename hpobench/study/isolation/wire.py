"""What the two sides say to each other: states of training, how a fork has ended, sockets."""

import os
import socket
import struct
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple

STATUS = struct.Struct("i")
"""How a fork has ended: its exit status, or the negative of a signal's number."""


class Packed(NamedTuple):
    """A training state as bytes."""

    content: bytes


@dataclass(eq=False)
class Kept:
    """A training state that cannot leave its process, by that process and a number.

    It is kept there as long as there is such a token here.
    """

    process: int
    number: int


def channel_of(connection: Connection) -> socket.socket:
    """The socket of a connection, over which descriptors are sent; to be closed."""
    return socket.socket(fileno=os.dup(connection.fileno()))
