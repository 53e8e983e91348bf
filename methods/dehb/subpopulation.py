"""A subpopulation of DEHB, and the operators of differential evolution.

Storn and Price (1997), Differential Evolution: A Simple and Efficient Heuristic for Global
Optimization over Continuous Spaces, Journal of Global Optimization 11, variant rand/1/bin.

Notation: an individual is a point (d,) of the unit cube; a slot is its place in a population of n.
"""

import math

import numpy as np

from hpobench.arrays import FloatArray

PARENTS = 3  # rand/1 mutates with three different individuals


def mutant(pool: FloatArray, rng: np.random.Generator, factor: float) -> FloatArray:
    """rand/1: r1 + F (r2 - r3) of three different individuals of the pool (n, d)."""
    r1, r2, r3 = pool[rng.choice(len(pool), PARENTS, replace=False)]
    donor: FloatArray = r1 + factor * (r2 - r3)
    return donor


def crossed(
    target: FloatArray, donor: FloatArray, rng: np.random.Generator, probability: float
) -> FloatArray:
    """Binomial crossover: each entry from the donor with `probability`, and one at least."""
    taken = rng.random(len(target)) < probability
    if not taken.any():
        taken[rng.integers(len(target))] = True
    return np.where(taken, donor, target)


def repaired(individual: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Entries outside [0, 1] are drawn anew."""
    outside = (individual < 0) | (individual > 1)
    individual[outside] = rng.random(int(outside.sum()))
    return individual


class Subpopulation:
    """Individuals (n, d), their fitness (n,), infinite before the first, and their trials.

    `started` (n,): whether anything was ever evaluated for the slot.
    """

    def __init__(self, individuals: FloatArray) -> None:
        self.individuals = individuals
        self.fitness = np.full(len(individuals), math.inf)
        self.trials: list[int | None] = [None] * len(individuals)
        self.started = np.zeros(len(individuals), dtype=bool)
        self.next_slot = 0

    def turn(self) -> int:
        """The slot whose turn it is."""
        slot = self.next_slot
        self.started[slot] = True
        self.next_slot = (slot + 1) % len(self.individuals)
        return slot

    def ranked(self, everyone: bool = False) -> list[int]:
        """Slots from the best to the worst; without `everyone` those with a finite fitness."""
        slots = np.argsort(self.fitness, kind="stable")
        finite = int(np.isfinite(self.fitness).sum())
        ranked: list[int] = slots[: None if everyone else finite].tolist()
        return ranked

    def compete(self, slot: int, individual: FloatArray, fitness: float, trial: int) -> None:
        """Selection: the slot is taken by whoever is not worse than its holder."""
        if fitness <= self.fitness[slot]:
            self.individuals[slot], self.fitness[slot] = individual, fitness
            self.trials[slot] = trial
