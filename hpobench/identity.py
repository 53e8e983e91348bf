"""What runs and settings are known by."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RunKey:
    """One run under certain settings: `fingerprint` is that of its pair (task, method)."""

    task: str
    method: str
    seed: int
    fingerprint: str


def digest(content: Any) -> str:
    """A short hash of plain content, the same in every process."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
