"""What a data set is to a training task, and how one is split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
Labels = NDArray[np.int64]
Indices = NDArray[np.int64]

_SPLIT_SEED = 20240229


@dataclass(frozen=True, eq=False)
class Part:
    """Examples: `inputs` (n, channels, height, width) or (n, features), `labels` (n,) from 0.

    `groups` (n,) from 0: the protected group of each, where there is one.
    """

    inputs: Images
    labels: Labels
    groups: Labels | None = None

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.labels) or not len(self.labels):
            raise ValueError(f"{len(self.inputs)} inputs and {len(self.labels)} labels: one each")
        if self.groups is not None and len(self.groups) != len(self.labels):
            raise ValueError(f"{len(self.groups)} groups and {len(self.labels)} labels: one each")

    def at(self, index: Indices) -> "Part":
        """The examples at these indices."""
        groups = None if self.groups is None else self.groups[index]
        return Part(self.inputs[index], self.labels[index], groups)

    @property
    def strata(self) -> Labels:
        """Class and group of each example, as one number (n,)."""
        if self.groups is None:
            return self.labels
        return self.labels * (int(self.groups.max()) + 1) + self.groups


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


def stratified(labels: Labels, sizes: Sequence[int], seed: int) -> list[Indices]:
    """Rising indices of disjoint parts of the given sizes, each with the classes in proportion.

    Every class is shuffled and its examples spread evenly over [0, 1); all are ordered by that
    position and cut at the sizes. So any stretch holds each class in proportion, to within one.
    The order is a fixed function of (labels, seed): the first part of a size holds that of any
    smaller one.
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
        Part(inputs[index], labels[index]) for index in stratified(labels, sizes, _SPLIT_SEED)
    )
    return scaled(DataSet(name, train, validation, test, classes=int(labels.max()) + 1))


def scaled(data: DataSet) -> DataSet:
    """All parts moved and scaled so that the training inputs have mean 0 and deviation 1."""
    mean = data.train.inputs.mean(dtype=np.float64)
    deviation = data.train.inputs.std(dtype=np.float64)
    if not deviation > 0:
        raise ValueError(f"{data.name}: all training inputs are equal")
    train, validation, test = (
        replace(part, inputs=((part.inputs - mean) / deviation).astype(np.float32))
        for part in (data.train, data.validation, data.test)
    )
    return DataSet(data.name, train, validation, test, data.classes)


def k_folds(data: DataSet, folds: int) -> list[DataSet]:
    """Fixed folds of the training and validation examples, stratified by class and group.

    Data set i validates on fold i and trains on the others; all test on what was for testing.
    Inputs stay as they are: scaled by the statistics of the original training part, if at all.
    """
    pool = _joined(data.train, data.validation)
    sizes = [len(some) for some in np.array_split(pool.labels, folds)]
    chosen = stratified(pool.strata, sizes, _SPLIT_SEED)
    everything = np.arange(len(pool.labels))
    return [
        DataSet(
            f"{data.name}, fold {number} of {folds}",
            pool.at(np.setdiff1d(everything, fold)),
            pool.at(fold),
            data.test,
            data.classes,
        )
        for number, fold in enumerate(chosen, start=1)
    ]


def _joined(first: Part, second: Part) -> Part:
    if (first.groups is None) != (second.groups is None):
        raise ValueError("only one of the training and validation parts has groups")
    groups = [part.groups for part in (first, second) if part.groups is not None]
    return Part(
        np.concatenate([first.inputs, second.inputs]),
        np.concatenate([first.labels, second.labels]),
        np.concatenate(groups) if groups else None,
    )


def training_subset(data: DataSet, fraction: float) -> DataSet:
    """The data set with a fraction of its training examples, at least one, stratified.

    The subset is fixed, and nested: that of a fraction holds those of all smaller ones.
    """
    count = max(1, round(fraction * len(data.train.labels)))
    (chosen,) = stratified(data.train.strata, [count], _SPLIT_SEED)
    return replace(data, train=data.train.at(chosen))
