"""Global random state that is lent to a library, and taken back."""

import json
import os
import random
import subprocess
import sys

import numpy as np
import torch

from hpobench.methods.peers.library import GlobalRandomness


def drawn():
    return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002


def test_a_seed_has_its_own_numbers_and_those_outside_are_as_they_were():
    """The seeded generators of Python, NumPy and torch say what the numbers are."""
    outside = torch.get_rng_state()
    lent = GlobalRandomness(5)
    with lent.own():
        first = drawn()
    with GlobalRandomness(6).own():
        other = drawn()
    with lent.own():
        second = drawn()
    assert torch.equal(outside, torch.get_rng_state())
    python, numpy = random.Random(5), np.random.RandomState(5)
    generator = torch.Generator().manual_seed(5)
    for found in (first, second):
        expected = python.random(), numpy.random_sample(), torch.rand(1, generator=generator).item()
        assert found == expected
    assert other != first


SCRIPT = """
import json, sys
from hpobench.methods.peers.library import GlobalRandomness
assert "torch" not in sys.modules
first, later = GlobalRandomness(5), GlobalRandomness(5)
with first.own():
    import torch
    torch.rand(3)  # as if the library had no patience
outside = torch.rand(1).item()
drawn = []
for lent in (first, later):
    with lent.own():
        drawn.append(torch.rand(1).item())
print(json.dumps([outside, *drawn]))
"""


def test_torch_is_seeded_too_where_the_library_is_the_first_to_import_it():
    """Outside, torch draws what it draws in a process that has just imported it."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    seeded = torch.rand(1, generator=torch.Generator().manual_seed(5)).item()
    assert (
        json.loads(done.stdout)
        == [torch.rand(1, generator=torch.Generator()).item()] + [seeded] * 2
    )
