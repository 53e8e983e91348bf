"""Closed-form test functions, to be minimised. Domains and minima stand with each.

Forms and constants as collected by Surjanovic and Bingham (2013), Virtual Library of Simulation
Experiments; first sources: Dixon and Szegö (1978) for Branin and Hartmann, Ackley (1987),
Rosenbrock (1960), Comput. J. 3(3).
"""

import math
from itertools import pairwise

BRANIN_OPTIMUM = 0.39788735772973816  # = 10 / (8 pi), where the square and cos x1 + 1 vanish
HARTMANN6_OPTIMUM = -3.322368011415515
HARTMANN6_MINIMISER = (0.20168951, 0.15001069, 0.47687397, 0.27533243, 0.31165161, 0.65730053)

_HARTMANN_WEIGHTS = (1.0, 1.2, 3.0, 3.2)
_HARTMANN_SCALES = (
    (10.0, 3.0, 17.0, 3.5, 1.7, 8.0),
    (0.05, 10.0, 17.0, 0.1, 8.0, 14.0),
    (3.0, 3.5, 1.7, 10.0, 17.0, 8.0),
    (17.0, 8.0, 0.05, 10.0, 0.1, 14.0),
)
_HARTMANN_CENTRES = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def branin(x1: float, x2: float) -> float:
    """Branin on [-5, 10] x [0, 15]; minimal at (-pi, 12.275), (pi, 2.275), (3 pi, 2.475)."""
    bend = x2 - 5.1 / (4 * math.pi**2) * x1**2 + 5 / math.pi * x1 - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x1) + 10


def hartmann6(x1: float, x2: float, x3: float, x4: float, x5: float, x6: float) -> float:
    """Hartmann's function of six variables in [0, 1]; one of its six local minima is global."""
    point = (x1, x2, x3, x4, x5, x6)
    total = 0.0
    for weight, scales, centres in zip(
        _HARTMANN_WEIGHTS, _HARTMANN_SCALES, _HARTMANN_CENTRES, strict=True
    ):
        terms = zip(scales, point, centres, strict=True)
        total += weight * math.exp(-sum(a * (xi - p) ** 2 for a, xi, p in terms))
    return -total


def ackley(**x: float) -> float:
    """Ackley's function in any dimension, usually on [-32.768, 32.768]; 0 at the origin."""
    mean_square = sum(xi * xi for xi in x.values()) / len(x)
    mean_cosine = sum(math.cos(2 * math.pi * xi) for xi in x.values()) / len(x)
    return math.e + 20 - 20 * math.exp(-0.2 * math.sqrt(mean_square)) - math.exp(mean_cosine)


def rosenbrock(**x: float) -> float:
    """Rosenbrock's valley in two or more dimensions, usually on [-5, 10]; 0 at (1, ..., 1)."""
    point = tuple(x.values())
    return sum(100 * (right - left**2) ** 2 + (left - 1) ** 2 for left, right in pairwise(point))
