"""Fashion-MNIST: 70,000 images of 28x28 pixels, ten classes (Xiao, Rasul and Vollgraf 2017)."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpobench.tasks.data.idx import read_idx
from hpobench.tasks.data.split import DataSet, Images, Labels, Part, scaled, stratified

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of its package dataset-fashion-mnist
COUNTS = (60_000, 10_000)
MEAN, DEVIATION = 0.28604, 0.35302  # of the training images, scaled to [0, 1]
SIZES = {"full": (50_000, 10_000), "reduced": (10_000, 5_000)}  # training, validation
_SPLIT_SEED = 20240229

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class FashionMnist:
    """The data set of a folder: `FashionMnist(data_dir)()` is a DataSet.

    `size`: full, 50,000 training and 10,000 validation images of 28x28; reduced, 10,000 and
    5,000 images of 14x14, means of 2x2 pixels, which a CPU can carry. Both parts are taken from
    the 60,000 by a fixed stratified split; the test images are the 10,000.

    `standardise`: to mean 0 and deviation 1 of the training pixels; else they lie in [0, 1].

    `data_dir`: None for the usual places, see `folders`. Raises FileNotFoundError at once if the
    files are in none of them, and ValueError when called if they are not what they should be.
    """

    data_dir: str | None = None
    size: str = "full"
    standardise: bool = True

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"size={self.size!r}: use {' or '.join(SIZES)}")
        find(self.data_dir)

    def __call__(self) -> DataSet:
        """Read, verify, split and scale."""
        images, labels, test_images, test_labels = read(find(self.data_dir))
        chosen = stratified(labels, SIZES[self.size], _SPLIT_SEED)
        train, validation = (Part(self._inputs(images[i]), labels[i]) for i in chosen)
        test = Part(self._inputs(test_images), test_labels)
        data = DataSet(f"fashion {self.size}", train, validation, test, classes=10)
        return scaled(data) if self.standardise else data

    def __repr__(self) -> str:
        # Where the files lie changes nothing: a checkpoint may go to another machine.
        return f"FashionMnist({self.size}, standardise={self.standardise})"

    def _inputs(self, images: Bytes) -> Images:
        """Pixels in [0, 1], (n, 1, height, width)."""
        pixels: Images = images[:, None].astype(np.float32) / np.float32(255)
        if self.size == "full":
            return pixels
        pooled: Images = pixels.reshape(len(pixels), 1, 14, 2, 14, 2).mean((3, 5)).astype("f4")
        return pooled


def folders(data_dir: str | None = None) -> list[Path]:
    """Where the files are looked for: the folder given, else torch's usual ones, then Debian's."""
    if data_dir is not None:
        given = Path(data_dir).expanduser()
        return [given, given / "FashionMNIST" / "raw"]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    roots = [Path("data"), Path("~/data").expanduser(), cache / "torch" / "data", cache / "torch"]
    if "TORCH_HOME" in os.environ:
        roots.insert(0, Path(os.environ["TORCH_HOME"]).expanduser())
    return [root / "FashionMNIST" / "raw" for root in roots] + [DEBIAN]


def find(data_dir: str | None = None) -> list[Path]:
    """The four files, each gzipped or not; raises FileNotFoundError saying how to get them."""
    best: tuple[list[Path], list[str]] = ([], list(FILES))
    for folder in folders(data_dir):
        paths = [folder / (name + end) for name in FILES for end in ("", ".gz")]
        found = {path.name.removesuffix(".gz"): path for path in reversed(paths) if path.is_file()}
        if len(found) == len(FILES):
            return [found[name] for name in FILES]
        if len(found) > len(best[0]):
            best = (list(found.values()), [name for name in FILES if name not in found])
    places = ", ".join(map(str, folders(data_dir)))
    partly = f" ({best[0][0].parent} lacks {', '.join(best[1])})" if best[0] else ""
    raise FileNotFoundError(f"Fashion-MNIST is in none of {places}{partly}. {_HELP}")


_HELP = (
    "Get it in one of two ways: `apt install dataset-fashion-mnist` (Debian, Ubuntu), or "
    '`python -c "from torchvision.datasets import FashionMNIST; '
    "FashionMNIST('data', download=True)\"`; files elsewhere: data.data_dir=FOLDER"
)


def read(paths: list[Path]) -> tuple[Bytes, Labels, Bytes, Labels]:
    """Training images (60000, 28, 28) and labels, test images (10000, 28, 28) and labels.

    Raises ValueError unless the content is that of Fashion-MNIST.
    """
    try:
        images, labels, test_images, test_labels = map(read_idx, paths)
        _check_part("training", images, labels, COUNTS[0])
        _check_part("test", test_images, test_labels, COUNTS[1])
        _check_pixels(images)
    except ValueError as error:
        raise ValueError(f"{error}. The files in {paths[0].parent} are damaged. {_HELP}") from error
    return images, labels.astype(np.int64), test_images, test_labels.astype(np.int64)


def _check_part(part: str, images: Bytes, labels: Bytes, count: int) -> None:
    if images.shape != (count, 28, 28) or labels.shape != (count,):
        raise ValueError(
            f"the {part} images are {images.shape} and labels {labels.shape}, not "
            f"({count}, 28, 28) and ({count},)"
        )
    found = np.bincount(labels).tolist()
    if found != [count // 10] * 10:
        raise ValueError(f"the {part} labels have {found} a class, not {count // 10} of each of 10")


def _check_pixels(images: Bytes) -> None:
    """Against the published mean and deviation; those of (MNIST's) digits are 0.1307, 0.3081."""
    frequencies = np.bincount(images.reshape(-1), minlength=256) / images.size
    levels = np.arange(256) / 255
    mean = float(frequencies @ levels)
    deviation = math.sqrt(float(frequencies @ (levels - mean) ** 2))
    if round(mean, 5) != MEAN or round(deviation, 5) != DEVIATION:
        raise ValueError(
            f"the training images have mean {mean:.5f} and deviation {deviation:.5f}, not "
            f"{MEAN} and {DEVIATION}"
        )
