"""Colours as they are seen: how far apart, by whom, and what they become on a dark page.

Distances are those of CIE L*a*b* (CIE 1976). Deuteranopia, the most common kind of colour
blindness, is simulated after Machado, Oliveira and Fernandes 2009 (A physiologically-based model
for simulation of color vision deficiency, IEEE TVCG 15, table 1, severity 1.0), in linear RGB.
"""

from functools import lru_cache

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from hpobench.arrays import FloatArray

DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _TO_XYZ.sum(axis=1)
_CUT = (6 / 29) ** 3
DARKEST_ON_BLACK = 62.0
"""Of L*, so that lines of a method stand out from a dark page."""
TURNED = 0.45
"""How much of what a colour lacks in L* it has above that on a dark page."""


def linear(color: str) -> FloatArray:
    """Linear RGB (3,), from 0 to 1."""
    encoded = np.array(to_rgb(color))
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def lab(rgb: FloatArray) -> FloatArray:
    """CIE L*a*b* (3,) of linear RGB (3,)."""
    relative = _TO_XYZ @ np.clip(rgb, 0, 1) / _WHITE
    x, y, z = np.where(relative > _CUT, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def lightness(color: str) -> float:
    """L*, from 0 (black) to 100 (white): what is left of a colour in grey."""
    return float(lab(linear(color))[0])


@lru_cache(maxsize=4096)
def distance(one: str, other: str) -> float:
    """The smaller of two distances: as most people see them, and as the colour-blind do."""
    colors = linear(one), linear(other)
    seen = np.linalg.norm(np.subtract(*map(lab, colors)))
    blind = np.linalg.norm(np.subtract(*(lab(DEUTERANOPIA @ color) for color in colors)))
    return float(min(seen, blind))


@lru_cache(maxsize=4096)
def on_dark(color: str) -> str:
    """The colour that stands for it on a dark page: light enough, and of the same hue.

    Colours that are light enough stay; of the others the darker become the lighter ones, as black
    on white becomes white on black, so that they differ as before. They keep as much of their
    chroma as a screen can show there: mixed with white, dark ones would all become grey.
    """
    light, *chroma = lab(linear(color))
    if light >= DARKEST_ON_BLACK:
        return str(to_hex(color))
    light = DARKEST_ON_BLACK + TURNED * (DARKEST_ON_BLACK - light)
    made = (_of_lab(light, *(s * np.array(chroma))) for s in np.linspace(1, 0, 41))
    shown = next(rgb for rgb in made if (rgb > -1e-6).all() and (rgb < 1 + 1e-6).all())
    return str(to_hex(tuple(_encoded(shown).tolist())))


def _of_lab(light: float, a: float, b: float) -> FloatArray:
    """Linear RGB (3,) of CIE L*a*b*; below 0 or above 1 where no screen shows it."""
    y = (light + 16) / 116
    roots = np.array([y + a / 500, y, y - b / 200])
    relative = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29))
    return np.asarray(np.linalg.solve(_TO_XYZ, relative * _WHITE))


def _encoded(rgb: FloatArray) -> FloatArray:
    """Of linear RGB (3,), what is written in a file."""
    rgb = np.clip(rgb, 0, 1)
    return np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
