"""The folders at the top are parts of the package: `methods/` is `hpobench.methods`.

Links in `hpobench/` say the same, but are lost in zip files and on Windows: no build needs them.
The README that an index shows has no relative links: they would lead nowhere from there.
"""

import re
import tomllib
from pathlib import Path

from setuptools import find_packages, setup

FLOORS = ("conf", "methods", "plots", "results")

HERE = Path(__file__).parent


def readme() -> str:
    """The README with links below the address of the sources, where pyproject.toml states one.

    Without one, links are their words, and pictures are left out.
    """
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    source = project.get("urls", {}).get("Source", "").rstrip("/")
    text = (HERE / "README.md").read_text(encoding="utf-8")
    picture, link = (
        r"!\[([^\]]*)\]\((?!\w+:|#)([^)]+)\)",
        r"(?<!!)\[([^\]]*)\]\((?!\w+:|#)([^)]+)\)",
    )
    if not source:
        return re.sub(link, r"\1", re.sub(picture, "", text))
    text = re.sub(picture, rf"![\1]({source}/raw/main/\2)", text)
    return re.sub(link, rf"[\1]({source}/blob/main/\2)", text)


setup(
    long_description=readme(),
    long_description_content_type="text/markdown",
    package_dir={"hpobench": "hpobench"} | {f"hpobench.{floor}": floor for floor in FLOORS},
    packages=[
        *find_packages(
            include=["hpobench", "hpobench.*"], exclude=[f"hpobench.{name}*" for name in FLOORS]
        ),
        *(
            f"hpobench.{name}"
            for floor in FLOORS
            for name in find_packages(include=[floor, f"{floor}.*"])
        ),
    ],
)
