"""DEHB: the brackets of Hyperband, filled by differential evolution.

Awad, Mallik and Hutter (2021), DEHB: Evolutionary Hyperband for Scalable, Robust and Efficient
Hyperparameter Optimization, IJCAI, Section 4, in its asynchronous immediate form; what the paper
leaves open is as in the authors' code.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.dehb.subpopulation import Subpopulation
from hpobench.methods.first_points import first_points
from hpobench.methods.schedulers.rungs import exact_eta, rung_levels
from hpobench.methods.search.differential import PARENTS, crossed, mutant, repaired
from hpobench.methods.search.draws import Draws
from hpobench.records import Evaluation, Fidelity, Job
from hpobench.space.space import Configuration, Space

_SINGLE_LEVEL = 20  # with one level of resource: plain differential evolution of so many
# So many offspring in a row that repeat configurations: draw a random one instead.
_PATIENCE = 32


class DEHB:
    """One subpopulation a rung level, each as large as its largest rung.

    The first Hyperband iteration promotes, like successive halving; what is promoted goes on with
    its trial. Every later rung evolves the subpopulation of its level: targets in turn, mutants of
    the best of the level below (as many as the rung is large), and whoever of target and offspring
    is better takes the slot at once. Rungs of a bracket wait for each other; while all brackets
    wait, another one begins, so that no worker is idle.

    A slot's first individual is random. A finite space is not searched twice at the same point
    until none is left; then offspring may repeat, as in the paper.
    """

    multi_fidelity = True

    def __init__(
        self,
        space: Space,
        fidelity: Fidelity,
        rng: np.random.Generator,
        workers: int,  # noqa: ARG002  (part of the contract of methods)
        eta: float = 3,
        mutation_factor: float = 0.5,
        crossover: float = 0.5,
        points_to_evaluate: Sequence[Mapping[str, Any] | str] = (),
    ) -> None:
        if not 0 < mutation_factor <= 2:
            raise ValueError(f"mutation_factor={mutation_factor}: in (0, 2]; 0.5 in the paper")
        if not 0 <= crossover <= 1:
            raise ValueError(f"crossover={crossover}: a probability; 0.5 in the paper")
        self._space, self._rng = space, rng
        self._factor, self._crossover = mutation_factor, crossover
        self._untried = Draws(space, rng)
        self._levels = rung_levels(fidelity, eta)
        self._sizes = bracket_rungs(len(self._levels), exact_eta(eta))
        self._first = first_points(space, points_to_evaluate, self._untried.exclude)
        self._populations = [
            Subpopulation(rng.random((max(self._rung_sizes(level)), len(space.names))))
            for level in range(len(self._levels))
        ]
        self._brackets: list[Bracket] = []
        self._begun = 0
        self._trials: list[_Trial] = []
        self._running: dict[int, _Place] = {}
        self._open = True

    def _rung_sizes(self, level: int) -> list[int]:
        """How large the rungs at a level are, over the brackets that have one there."""
        return [sizes[level - low] for low, sizes in enumerate(self._sizes) if low <= level]

    def ask(self) -> Job | None:
        while True:
            bracket = next((one for one in self._brackets if one.ready), None)
            if bracket is None:
                if not self._open:
                    return None
                bracket = self._begin()
            rung = bracket.take()
            level = bracket.lowest + rung
            trial = None
            if rung and bracket.promotes:
                trial = self._promoted(level)
            if trial is None and self._open:
                trial = self._offspring(bracket, rung, level)
            if trial is not None:
                return self._job(bracket, level, trial)
            bracket.done()

    def _begin(self) -> "Bracket":
        """The next bracket of Hyperband."""
        number = self._begun % len(self._sizes)
        promotes = self._begun < len(self._sizes)
        self._begun += 1
        self._brackets = [one for one in self._brackets if not one.finished]
        self._brackets.append(Bracket(number, self._sizes[number], promotes))
        return self._brackets[-1]

    def _job(self, bracket: "Bracket", level: int, trial: int) -> Job:
        known = self._trials[trial]
        slot = self._populations[level].turn()
        self._running[trial] = _Place(bracket, level, slot)
        reached, known.level = known.reached, level
        return Job(trial, known.config, reached, self._levels[level])

    def _promoted(self, level: int) -> int | None:
        """The best trial of the level below that has gone no further, if there is one."""
        below = self._populations[level - 1]
        for slot in below.ranked():
            trial = below.trials[slot]
            if trial is not None and self._trials[trial].level < level:
                return trial
        return None

    def _offspring(self, bracket: "Bracket", rung: int, level: int) -> int:
        """A new trial for the slot whose turn it is, if possible of an untried configuration."""
        population, pool = self._populations[level], self._parents(bracket, rung, level)
        target = offspring = population.individuals[population.next_slot]
        if self._first:
            offspring, config = self._encoded(self._first[0]), self._first.popleft()
        else:
            if population.started[population.next_slot]:
                offspring = self._evolved(target, pool)
            for _ in range(_PATIENCE):
                config = self._decoded(offspring)
                if self._untried.exclude(config):
                    break
                offspring = self._evolved(target, pool)
            else:
                drawn = self._untried.draw()
                if drawn is None:
                    config = self._decoded(offspring)
                else:
                    offspring, config = self._encoded(drawn), drawn
        self._trials.append(_Trial(config, offspring.copy()))
        return len(self._trials) - 1

    def _encoded(self, config: Configuration) -> FloatArray:
        individual: FloatArray = np.nan_to_num(self._space.to_unit([config])[0], nan=0.5)
        return individual

    def _decoded(self, individual: FloatArray) -> Configuration:
        return self._space.from_unit(individual[None])[0]

    def _parents(self, bracket: "Bracket", rung: int, level: int) -> FloatArray:
        """The parent pool (n, d): the best of the level below; of its own on the first rung."""
        source = self._populations[level - 1 if rung else level]
        pool = source.individuals[source.ranked(everyone=True)[: bracket.sizes[rung]]]
        if len(pool) >= PARENTS:
            return pool
        everyone = np.concatenate([one.individuals for one in self._populations])
        missing = range(PARENTS - len(pool) + 1)
        return np.concatenate([pool, [mutant(everyone, self._rng, self._factor) for _ in missing]])

    def _evolved(self, target: FloatArray, pool: FloatArray) -> FloatArray:
        """Mutated, crossed with the target, repaired."""
        others = pool[(pool != target).any(axis=1)]
        if len(others) < PARENTS:
            filler = self._rng.random((PARENTS - len(others), len(target)))
            others = np.concatenate([others, filler])
        donor = mutant(others, self._rng, self._factor)
        return repaired(crossed(target, donor, self._rng, self._crossover), self._rng)

    def tell(self, job: Job, evaluation: Evaluation) -> None:
        bracket, level, slot = self._running.pop(job.trial)
        known = self._trials[job.trial]
        known.reached = job.to_resource
        bracket.done()
        self._populations[level].compete(slot, known.individual, evaluation.value, job.trial)

    def refuse(self, job: Job) -> None:
        """No trial can be started any more; what was promoted may go on."""
        self._open = False
        self._running.pop(job.trial).bracket.done()
        self._trials.pop()


def bracket_rungs(levels: int, eta: Fraction) -> list[list[int]]:
    """Rung sizes of the brackets s = s_max, ..., 0: floor((s_max + 1) / (s + 1)) eta^s at first.

    As in the authors' code (and HpBandSter), a little less than Hyperband's. With one level: one
    rung, as large as the population.
    """
    if levels == 1:
        return [[_SINGLE_LEVEL]]
    sizes = []
    for s in reversed(range(levels)):
        first = math.floor(levels // (s + 1) * eta**s)
        sizes.append([max(1, math.floor(first / eta**rung)) for rung in range(s + 1)])
    return sizes


@dataclass(eq=False, slots=True)
class Bracket:
    """Rungs of `sizes` from level `lowest` upwards; each begins when the one before is complete."""

    lowest: int
    sizes: list[int]
    promotes: bool
    _rung: int = 0
    _taken: int = 0
    _done: int = 0

    @property
    def finished(self) -> bool:
        """Whether all its jobs are done."""
        return self._rung == len(self.sizes)

    @property
    def ready(self) -> bool:
        """Whether there is a job to give out."""
        return not self.finished and self._taken < self.sizes[self._rung]

    def take(self) -> int:
        """Give out a job; its rung."""
        self._taken += 1
        return self._rung

    def done(self) -> None:
        """A job ended, or will not be run."""
        self._done += 1
        if self._done == self.sizes[self._rung]:
            self._rung += 1
            self._taken = self._done = 0


@dataclass(slots=True)
class _Trial:
    config: Configuration
    individual: FloatArray
    level: int = -1
    reached: float = 0


class _Place(NamedTuple):
    """Where the outcome of a job belongs."""

    bracket: Bracket
    level: int
    slot: int
