"""IDX files (LeCun et al. 1998, the MNIST database): arrays of bytes, gzipped or not.

Two zero bytes, the type (8: unsigned byte), the number of dimensions, each dimension as a
big-endian 32-bit integer, then the data.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_UNSIGNED_BYTE = 8


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of bytes; raises ValueError if the file is damaged."""
    content = _content(path)
    if len(content) < 4 or content[:3] != bytes([0, 0, _UNSIGNED_BYTE]):
        raise ValueError(f"{path} is no IDX file of bytes: it begins with {content[:4].hex()}")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{path} is truncated: it ends within its header")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    expected = start + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        what = "truncated" if len(content) < expected else "too long"
        raise ValueError(f"{path} is {what}: {len(content)} bytes, {expected} expected")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    """The bytes, decompressed if they are gzipped, whatever the file is called."""
    raw = path.read_bytes()
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is truncated or damaged: {error}") from error
