"""Arrays and text within a page: gzip in base64, which a browser unpacks without help.

Arrays are kept as single floats, their bytes sorted by place: first the first byte of every number,
and so on. Steps repeat their values, and so packed they take a third.
"""

import base64
import gzip
from collections.abc import Sequence
from importlib import resources

import numpy as np

from hpobench.arrays import FloatArray


def pack(content: bytes) -> str:
    """Content as text; the same content gives the same text, whenever that is.

    To pack it as far as can be takes twice as long, for a hundredth.
    """
    return base64.b64encode(gzip.compress(content, compresslevel=6, mtime=0)).decode()


def plotly_js() -> bytes:
    """The library that draws the interactive figure: plotly.js, see page/plotly-basic.md."""
    here = resources.files("hpobench.plots.report")
    return here.joinpath("page", "plotly-basic.min.js").read_bytes()


class Pool:
    """Arrays one after the other; equal ones are kept once."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._length = 0

    def add(self, values: FloatArray) -> int:
        """Where the array begins."""
        content = np.asarray(values, dtype="<f4").tobytes()
        if content not in self._places:
            self._places[content] = self._length
            self._length += len(values)
        return self._places[content]

    def content(self) -> bytes:
        """All arrays, their bytes sorted by place."""
        return planes([*self._places])


def planes(arrays: Sequence[bytes]) -> bytes:
    """The bytes of 4-byte numbers: all first ones, then all second ones, ..."""
    whole = np.frombuffer(b"".join(arrays), dtype=np.uint8)
    return whole.reshape(-1, 4).T.tobytes()
