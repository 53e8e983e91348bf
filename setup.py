"""The folders at the top are parts of the package: `methods/` is `hpobench.methods`.

Links in `hpobench/` say the same, but are lost in zip files and on Windows: no build needs them.
"""

from setuptools import find_packages, setup

FLOORS = ("conf", "methods", "plots", "results")

setup(
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
