"""Names become file names here, and nowhere else.

Names of tasks and methods come from logs and tables of others too, so that anything may stand in
them: `../x`, a line break, `CON`, three hundred letters. What is made of one is a single piece of
a path that every file system takes: it never leaves its folder. Plain names stay as they are.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

# Bytes. A part's folder holds two names beside its seeds and fingerprint; file systems take 255.
_LONGEST, _LONGEST_STUDY = 60, 100
_PLAIN = re.compile(r"[\w+][\w+.-]*")
# Windows takes them for devices, in any case and with any ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def as_file_name(name: str) -> str:
    """A piece of a path that stands for `name`: itself, or what is plain of it and a hash."""
    if _is_plain(name, _LONGEST):
        return name
    words = re.sub(r"[^\w+-]+", "_", unicodedata.normalize("NFC", name))
    start = words.encode()[: _LONGEST - 10].decode(errors="ignore")
    return f"_{start}-{_hash(name)}"


def as_file_names(names: Iterable[str]) -> dict[str, str]:
    """File names of several, all different, also where upper and lower case are the same."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        if name in made:
            continue
        piece = as_file_name(name)
        if piece.casefold() in taken:
            piece = f"{piece}-{_hash(name)}"
        taken.add(piece.casefold())
        made[name] = piece
    return made


def check_study(name: str) -> None:
    """Raise ValueError for a name that no study's folder can have."""
    if not _is_plain(name, _LONGEST_STUDY):
        raise ValueError(
            f"name={name!r}: use letters, digits, and any of . _ + -, at most {_LONGEST_STUDY} "
            "bytes; do not begin with . or -, end with a dot, or take a name of Windows, such as "
            "nul or con.1"
        )


def _is_plain(name: str, longest: int) -> bool:
    return (
        _PLAIN.fullmatch(name) is not None
        and not name.endswith(".")
        and _DEVICES.fullmatch(name) is None
        and len(name.encode()) <= longest
        and unicodedata.is_normalized("NFC", name)
    )


def _hash(name: str) -> str:
    data = name.encode(errors="surrogatepass")
    return hashlib.blake2b(data, digest_size=4).hexdigest()
