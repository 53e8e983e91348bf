"""Measures of how a classifier treats protected groups. They take predictions, no network."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Classes = NDArray[np.integer[Any]]

POSITIVE = 1  # the favourable class of two: good, granted, admitted


def tpr_difference(labels: Classes, predicted: Classes, groups: Classes) -> float:
    """Largest difference of true-positive rates between groups; arrays (n,).

    The true-positive rate of a group is the share of its positives that is predicted positive.
    Zero is equal opportunity (Hardt, Price and Srebro 2016, Equality of Opportunity in Supervised
    Learning, definition 2.2). NaN if a group has no positives.
    """
    positive = labels == POSITIVE
    rates = []
    for group in np.unique(groups):
        own = predicted[positive & (groups == group)]
        rates.append(np.mean(own == POSITIVE) if len(own) else np.nan)
    return float(np.max(rates) - np.min(rates))


MEASURES: Mapping[str, Callable[[Classes, Classes, Classes], float]] = {
    "tpr_difference": tpr_difference
}
