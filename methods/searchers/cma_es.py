"""CMA-ES through the library `cmaes`, for any space and any number of workers.

Hansen (2016), The CMA Evolution Strategy: A Tutorial, for spaces of real numbers; where values are
discrete, CatCMA with margin: Hamano et al. (2025), arXiv 2504.07884, which joins CMA-ES with margin
(Hamano et al. 2022, GECCO) to a distribution over categories. Nomura and Shibata (2024), cmaes: A
Simple yet Practical Python Library for CMA-ES. Restarts: Auger and Hansen (2005), CEC.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from hpobench.arrays import FloatArray
from hpobench.methods.search.candidates import Candidates
from hpobench.methods.search.constraints import Merit, merit
from hpobench.methods.search.unit_space import UnitSpace
from hpobench.records import Evaluation, Job
from hpobench.space.hyperparameters import Hyperparameter
from hpobench.space.space import Configuration, Space

# With more values than this a discrete hyperparameter is sampled as a real number, then rounded.
_MOST_LEVELS = 256


class CMAES:
    """A generation is told as soon as enough of its suggestions, or of earlier ones, have returned.

    More suggestions than a generation has (many workers) come from the same distribution, and join
    the next. A trial counts once, at its first observation, by its rank among all first
    observations at that resource; a failure counts as the worst. A configuration of a finite space
    that was tried before gives way to the nearest that was not, whose value it takes.

    `population`: of a generation; None: 4 + floor(3 log d). `sigma`: the initial standard deviation
    of a number, in units of its range. `growth`: of the population at a restart, when the
    distribution has converged.
    """

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        population: int | None = None,
        sigma: float = 0.25,
        growth: float = 2.0,
        repeat: bool = False,
    ) -> None:
        if population is not None and (not population >= 4 or population % 1):
            raise ValueError(f"population={population}: a whole number, at least 4, or null")
        if not 0 < sigma <= 1:
            raise ValueError(f"sigma={sigma} must be in (0, 1]: a part of a number's range")
        if not growth >= 1:
            raise ValueError(f"growth={growth}: a restart needs a population at least as large")
        self._candidates = Candidates(space, rng, repeat)
        self._space, self._rng = space, rng
        self._population, self._sigma, self._growth = population, sigma, growth
        unit = self._candidates.unit
        free = bool((unit.levels != 1).any())
        self._sampler: _Sampler | None = self._started(None) if free else None
        self._asked: defaultdict[tuple[Any, ...], deque[Any]] = defaultdict(deque)
        self._told: list[tuple[Any, float, Merit]] = []
        self._seen: defaultdict[float, list[Merit]] = defaultdict(list)

    def _started(self, mean: FloatArray | None) -> "_Sampler":
        unit, seed = self._candidates.unit, int(self._rng.integers(2**31))
        sampler = _Gaussian if not unit.levels.any() and len(unit) > 1 else _Mixed
        return sampler(unit, mean, self._sigma, self._population, seed)

    def suggest(self, pending: Mapping[int, Job]) -> Configuration | None:  # noqa: ARG002
        if self._sampler is None:
            return self._candidates.draw()
        solution, point = self._sampler.ask()
        row = self._candidates.nearest(point)
        config = self._candidates.draw() if row is None else self._candidates.choose(row)
        if config is not None:
            self._asked[self._space.key(config)].append(solution)
        return config

    def observe(self, job: Job, evaluation: Evaluation) -> None:
        if job.from_resource > 0:
            return
        found = merit(evaluation)
        insort(self._seen[job.to_resource], found)
        solutions = self._asked.get(self._space.key(job.config))
        if self._sampler is None or not solutions:
            return
        self._told.append((solutions.popleft(), job.to_resource, found))
        if len(self._told) == self._sampler.population:
            ordered = sorted(self._told, key=lambda told: self._share(told[1], told[2]))
            self._told = []
            # Ranks, since the library takes the spread of the values for the size of penalties.
            if self._sampler.tell([(told[0], float(rank)) for rank, told in enumerate(ordered)]):
                self._restart(self._sampler.population)

    def _share(self, resource: float, found: Merit) -> float:
        """The part of the first observations at this resource that are better, ties halved."""
        seen = self._seen[resource]
        return (bisect_left(seen, found) + bisect_right(seen, found)) / (2 * len(seen))

    def _restart(self, population: int) -> None:
        """Start anew from a random mean, with a larger population; what is pending is forgotten."""
        self._population = math.ceil(population * self._growth)
        self._asked.clear()
        self._sampler = self._started(self._rng.random(len(self._candidates.unit)))

    def exclude(self, config: Configuration) -> None:
        """Never suggest `config`."""
        self._candidates.exclude(config)


class _Sampler(Protocol):
    """A distribution over the unit cube (d,)."""

    population: int

    def ask(self) -> tuple[Any, FloatArray]:
        """A solution, as `tell` wants it, and its point (d,) of the unit cube."""

    def tell(self, solutions: list[tuple[Any, float]]) -> bool:
        """Learn from a generation; whether the distribution has converged."""


class _Gaussian:
    """CMA-ES over real numbers, sampled again where it leaves the unit cube."""

    def __init__(
        self,
        unit: UnitSpace,
        mean: FloatArray | None,
        sigma: float,
        population: int | None,
        seed: int,
    ) -> None:
        from cmaes import CMA

        centre = np.full(len(unit), 0.5) if mean is None else mean
        bounds = np.tile([0.0, 1.0], (len(unit), 1))
        self._cma = CMA(centre, sigma, bounds, seed=seed, population_size=population)
        self.population: int = self._cma.population_size

    def ask(self) -> tuple[Any, FloatArray]:
        solution = self._cma.ask()
        return solution, solution

    def tell(self, solutions: list[tuple[Any, float]]) -> bool:
        self._cma.tell(solutions)
        return bool(self._cma.should_stop())


class _Mixed:
    """CatCMA with margin: numbers, numbers with few values, and categories.

    A hyperparameter of one value is left out.
    """

    def __init__(
        self,
        unit: UnitSpace,
        mean: FloatArray | None,
        sigma: float,
        population: int | None,
        seed: int,
    ) -> None:
        from cmaes import CatCMAwM

        categorical = unit.categories > 0
        few = (unit.levels > 0) & (unit.levels <= _MOST_LEVELS)
        free = unit.levels != 1
        self._numbers = np.flatnonzero(free & ~categorical & ~few)
        self._discrete = np.flatnonzero(free & ~categorical & few)
        self._categories = np.flatnonzero(free & categorical)
        self._counts = unit.categories[self._categories]
        self._width = len(unit)
        gaussian = np.concatenate([self._numbers, self._discrete])
        centre = np.full(len(gaussian), 0.5) if mean is None else mean[gaussian]
        items = list(unit.space.values())
        self._cma = CatCMAwM(
            x_space=[[0.0, 1.0]] * len(self._numbers) or None,
            z_space=[_positions(items[column]) for column in self._discrete.tolist()] or None,
            c_space=self._counts.tolist() or None,
            population_size=population,
            mean=centre if len(gaussian) else None,
            sigma=sigma if len(gaussian) else None,
            cov=np.eye(len(gaussian)) if len(gaussian) else None,
            seed=seed,
        )
        self._stops = len(gaussian) > 0
        self.population: int = self._cma.population_size

    def ask(self) -> tuple[Any, FloatArray]:
        solution = self._cma.ask()
        point = np.full(self._width, 0.5)
        if solution.x is not None:
            point[self._numbers] = solution.x
        if solution.z is not None:
            point[self._discrete] = solution.z
        if solution.c is not None:
            point[self._categories] = (solution.c.argmax(axis=1) + 0.5) / self._counts
        return solution, point

    def tell(self, solutions: list[tuple[Any, float]]) -> bool:
        self._cma.tell(solutions)
        return self._stops and bool(self._cma.should_stop())


def _positions(item: Hyperparameter) -> list[float]:
    """Where the values of a discrete hyperparameter lie in [0, 1]."""
    return [item.position(value) for value in item.levels or ()]
