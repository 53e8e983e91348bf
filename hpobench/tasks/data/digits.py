"""Handwritten digits of 8x8 pixels: 1,797 images that come with scikit-learn.

Source: Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits (UCI), its test part.
"""

import numpy as np

from hpobench.tasks.data.split import DataSet, three_parts

SIZES = (600, 700, 497)  # training, validation, test


def digits() -> DataSet:
    """The digits, inputs (n, 1, 8, 8), split 600 / 700 / 497.

    Few training examples leave something to tune; many validation examples tell good from better.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    images = found.images[:, None].astype(np.float32)
    return three_parts("digits", images, found.target.astype(np.int64), SIZES)
