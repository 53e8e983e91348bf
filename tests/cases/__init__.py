"""Small real inputs that users met; README.md beside this file has the right value of each."""

from pathlib import Path

CASES = Path(__file__).parent
