"""The operators of differential evolution, rand/1/bin, on the unit cube.

Storn and Price (1997), Differential Evolution: A Simple and Efficient Heuristic for Global
Optimization over Continuous Spaces, Journal of Global Optimization 11.

Notation: an individual is a point (d,) of the unit cube; a pool (n, d) has n of them.
"""

import numpy as np

from hpobench.arrays import FloatArray

PARENTS = 3  # rand/1 mutates with three different individuals


def mutant(pool: FloatArray, rng: np.random.Generator, factor: float) -> FloatArray:
    """A point (d,): r1 + F (r2 - r3) of three different individuals; equation 2."""
    r1, r2, r3 = pool[rng.choice(len(pool), PARENTS, replace=False)]
    donor: FloatArray = r1 + factor * (r2 - r3)
    return donor


def crossed(
    target: FloatArray,
    donor: FloatArray,
    rng: np.random.Generator,
    probability: float,
    *,
    always: bool = False,
) -> FloatArray:
    """A point (d,): each entry from the donor with `probability`, and one at least; equation 4.

    `always`: an entry of the donor's is drawn whatever was taken, as in the paper; otherwise only
    where none was, as in the code of DEHB's authors.
    """
    taken = rng.random(len(target)) < probability
    if always or not taken.any():
        taken[rng.integers(len(target))] = True
    return np.where(taken, donor, target)


def repaired(individual: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The point (d,), in place, with the entries that lie outside [0, 1] drawn anew."""
    outside = (individual < 0) | (individual > 1)
    individual[outside] = rng.random(int(outside.sum()))
    return individual
