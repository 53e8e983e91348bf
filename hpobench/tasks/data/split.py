"""What a data set is to a training task, and how one is split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Part:
    """Examples: `inputs` (n, channels, height, width) or (n, features), `labels` (n,) from 0."""

    inputs: Images
    labels: Labels

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.labels) or not len(self.labels):
            raise ValueError(f"{len(self.inputs)} inputs and {len(self.labels)} labels: one each")


@dataclass(frozen=True, eq=False)
class DataSet:
    """A three-way split. Methods see the validation error; the test error is stored beside it."""

    name: str
    train: Part
    validation: Part
    test: Part
    classes: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.train.inputs.shape[1:]


def stratified(labels: Labels, sizes: Sequence[int], seed: int) -> list[NDArray[np.int64]]:
    """Rising indices of disjoint parts of the given sizes, each with the classes in proportion.

    Every class is shuffled and its examples spread evenly over [0, 1); all are ordered by that
    position and cut at the sizes. So any stretch holds each class in proportion, to within one.
    The order is a fixed function of (labels, seed).
    """
    if sum(sizes) > len(labels) or min(sizes) < 1:
        raise ValueError(f"cannot split {len(labels)} examples into parts of {list(sizes)}")
    rng = np.random.Generator(np.random.PCG64(seed))
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        position[rng.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.argsort(position, kind="stable")
    ends = np.cumsum(sizes)
    return [np.sort(order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def three_parts(name: str, inputs: Images, labels: Labels, sizes: Sequence[int]) -> DataSet:
    """Split one pool of examples into training, validation and test, of the given sizes."""
    train, validation, test = (
        Part(inputs[index], labels[index]) for index in stratified(labels, sizes, seed=20240229)
    )
    return scaled(DataSet(name, train, validation, test, classes=int(labels.max()) + 1))


def scaled(data: DataSet) -> DataSet:
    """All parts moved and scaled so that the training inputs have mean 0 and deviation 1."""
    mean = data.train.inputs.mean(dtype=np.float64)
    deviation = data.train.inputs.std(dtype=np.float64)
    if not deviation > 0:
        raise ValueError(f"{data.name}: all training inputs are equal")
    train, validation, test = (
        Part(((part.inputs - mean) / deviation).astype(np.float32), part.labels)
        for part in (data.train, data.validation, data.test)
    )
    return DataSet(data.name, train, validation, test, data.classes)
