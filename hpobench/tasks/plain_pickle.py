"""Reading pickles that hold plain data only, from files whose SHA-256 is pinned."""

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any, NoReturn


class PlainUnpickler(pickle.Unpickler):
    """Knows dicts, lists, strings and numbers; refuses everything that could run code."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        raise pickle.UnpicklingError(f"refused to load {module_name}.{global_name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError(f"refused to load the persistent object {pid!r}")


def read(path: Path, sha256: str) -> Any:
    """The content of the pickle; the bytes that were hashed are those that are read."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} has the SHA-256 {found}, not {sha256}: the file was changed")
    return PlainUnpickler(io.BytesIO(content)).load()
