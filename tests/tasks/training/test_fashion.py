"""Fashion-MNIST from fake files: a few hand-made bytes, or counts and moments bent to fit."""

import gzip
import struct

import numpy as np
import pytest

from hpobench.tasks.data import fashion
from hpobench.tasks.data.idx import read_idx

LABELS = [np.arange(count) % 10 for count in (200, 100)]


def idx(array):
    shape = np.shape(array)
    header = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return header + np.asarray(array, np.uint8).tobytes()


def write(folder, pack=lambda content: content, end=""):
    """Four files with 200 and 100 images; the image number k is grey of level k."""
    folder.mkdir(parents=True, exist_ok=True)
    images = [np.broadcast_to(np.arange(n)[:, None, None], (n, 28, 28)) for n in (200, 100)]
    arrays = (images[0], LABELS[0], images[1], LABELS[1])
    for name, array in zip(fashion.FILES, arrays, strict=True):
        (folder / (name + end)).write_bytes(pack(idx(array)))


@pytest.fixture
def fake(monkeypatch):
    """Let the constants say what the fake files hold."""
    levels = np.arange(200) / 255
    monkeypatch.setattr(fashion, "COUNTS", (200, 100))
    monkeypatch.setattr(fashion, "MEAN", round(levels.mean(), 5))
    monkeypatch.setattr(fashion, "DEVIATION", round(levels.std(), 5))
    monkeypatch.setattr(fashion, "SIZES", {"full": (150, 50), "reduced": (60, 50)})


@pytest.mark.parametrize("pack", [gzip.compress, lambda content: content], ids=["gz", "plain"])
def test_idx(tmp_path, pack):
    path = tmp_path / "some"
    path.write_bytes(pack(idx([[1, 2, 3], [250, 5, 6]])))
    np.testing.assert_array_equal(read_idx(path), [[1, 2, 3], [250, 5, 6]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx([1, 2, 3])[:-1], "truncated: 10 bytes, 11 expected"),
        (idx([1, 2, 3]) + b"x", "too long"),
        (idx([1, 2, 3])[:6], "ends within its header"),
        (gzip.compress(idx([1, 2, 3]))[:-9], "truncated or damaged"),
        (b"<html>", "no IDX file"),
        (b"", "no IDX file"),
    ],
    ids=["short", "long", "header", "gz", "html", "empty"],
)
def test_damaged_idx(tmp_path, content, message):
    path = tmp_path / "some"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(path)


@pytest.mark.parametrize(("pack", "end"), [(gzip.compress, ".gz"), (bytes, "")], ids=["gz", "raw"])
def test_a_folder(tmp_path, fake, pack, end):
    write(tmp_path / "FashionMNIST" / "raw", pack, end)
    data = fashion.FashionMnist(str(tmp_path))()
    assert [len(part.labels) for part in (data.train, data.validation, data.test)] == [150, 50, 100]
    assert data.shape == (1, 28, 28)
    np.testing.assert_array_equal(np.bincount(data.train.labels), [15] * 10)
    assert data.train.inputs.mean(dtype=float) == pytest.approx(0, abs=1e-6)
    assert data.train.inputs.std(dtype=float) == pytest.approx(1, abs=1e-6)


def test_reduced(tmp_path, fake):
    write(tmp_path)
    source = fashion.FashionMnist(str(tmp_path), size="reduced")
    data = source()
    assert data.shape == (1, 14, 14)
    assert len(data.train.labels) == 60
    pixels = np.arange(28.0 * 28).reshape(1, 28, 28).astype(np.uint8)
    first = pixels[0, :2, :2].mean() / 255
    assert source._inputs(pixels)[0, 0, 0, 0] == pytest.approx(first)


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"apt install dataset-fashion-mnist.*torchvision"):
        fashion.FashionMnist(str(tmp_path / "nowhere"))
    write(tmp_path)
    (tmp_path / fashion.FILES[3]).unlink()
    with pytest.raises(FileNotFoundError, match="lacks t10k-labels-idx1-ubyte"):
        fashion.FashionMnist(str(tmp_path))


def test_truncated(tmp_path, fake):
    write(tmp_path)
    path = tmp_path / fashion.FILES[0]
    path.write_bytes(path.read_bytes()[:1000])
    source = fashion.FashionMnist(str(tmp_path))
    with pytest.raises(ValueError, match=r"truncated.*apt install"):
        source()


@pytest.mark.parametrize(
    ("which", "array", "message"),
    [
        (0, np.zeros((200, 28, 28)), "mean 0.00000"),
        (0, np.zeros((199, 28, 28)), r"\(199, 28, 28\)"),
        (1, np.zeros(200), "a class, not 20"),
    ],
)
def test_other_content(tmp_path, fake, which, array, message):
    write(tmp_path)
    (tmp_path / fashion.FILES[which]).write_bytes(idx(array))
    with pytest.raises(ValueError, match=message):
        fashion.FashionMnist(str(tmp_path))()


def test_usual_folders(monkeypatch, tmp_path, fake):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "debian")
    for folder in ("debian", "cache/torch/FashionMNIST/raw", "data/FashionMNIST/raw"):
        write(tmp_path / folder)
        assert fashion.find()[0].resolve().parent == (tmp_path / folder).resolve()


def test_size():
    with pytest.raises(ValueError, match="size='tiny': use full or reduced"):
        fashion.FashionMnist(size="tiny")
