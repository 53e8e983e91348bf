"""The version of this package."""

from importlib import metadata

try:
    __version__ = metadata.version("hpobench")
except metadata.PackageNotFoundError:  # a checkout on the path, not installed
    __version__ = "unknown"
