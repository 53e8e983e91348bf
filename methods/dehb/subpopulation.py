"""A subpopulation of DEHB: the individuals of one rung level, a slot each.

Notation: an individual is a point (d,) of the unit cube; a slot is its place in a population of n.
"""

import math

import numpy as np

from hpobench.arrays import FloatArray


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
