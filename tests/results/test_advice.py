"""The advisor, on evidence made by hand."""

import pytest

from hpobench.results.advice.advisor import Question, advise
from hpobench.results.advice.evidence import Kind, Row, read, write

PLAIN = Kind(dimensions=4, choices=0.0, conditional=False, partial=False, comparable=True)
CURVES = Kind(dimensions=4, choices=0.0, conditional=False, partial=True, comparable=True)


def rows(tasks, methods, kind=PLAIN, workers=1):
    """`methods`: by name the regret after 1 and after 100 trainings."""
    return [
        Row(f"{task}", method, workers, kind, trainings, regret, 10)
        for task in tasks
        for method, regrets in methods.items()
        for trainings, regret in zip((1.0, 100.0), regrets, strict=True)
    ]


SIX = [f"t{number}" for number in range(6)]
METHODS = {"random": (0.8, 0.4), "quick": (0.2, 0.2), "slow": (0.9, 0.0)}


@pytest.mark.parametrize(("trainings", "method"), [(1.0, "quick"), (100.0, "slow"), (9.0, "quick")])
def test_the_method_is_that_of_the_budget(trainings, method):
    """Regrets after 9 trainings, half way on the log scale: .6, .2, .45."""
    found = advise(rows(SIX, METHODS), Question(PLAIN, 1, trainings))
    assert found.method == method
    assert found.sure
    assert found.rivals == ()
    assert found.alike == tuple(SIX)
    assert method in found.in_words()


def test_few_tasks_of_the_kind_and_a_tie_with_random_search_cannot_tell():
    few = advise(rows(SIX[:3], METHODS), Question(PLAIN, 1, 100))
    assert not few.sure
    assert few.in_words().startswith(
        "cannot tell: there is evidence of 3 tasks of this kind only; slow"
    )
    ties = {"random": (0.5, 0.5), "same": (0.5, 0.5)}
    tie = advise(rows(SIX, ties), Question(PLAIN, 1, 100))
    assert "random search is within error of the best" in tie.in_words()


def test_tasks_of_the_same_kind_count_most():
    """On curves ASHA is ahead, on six other tasks random search: their weight is 1/8 at most."""
    evidence = rows(SIX, {"random": (0.5, 0.1), "asha": (0.5, 0.5)})
    evidence += rows([f"c{n}" for n in range(6)], {"random": (1, 0.5), "asha": (1, 0.1)}, CURVES)
    assert advise(evidence, Question(CURVES, 1, 100)).method == "asha"
    assert advise(evidence, Question(PLAIN, 1, 100)).method == "random"


def test_runs_with_workers_that_are_nearer_count():
    evidence = rows(SIX, {"a": (1, 0.1), "b": (1, 0.5)}, workers=1)
    evidence += rows(SIX, {"a": (1, 0.5), "b": (1, 0.1)}, workers=8)
    assert advise(evidence, Question(PLAIN, 2, 100)).method == "a"
    assert advise(evidence, Question(PLAIN, 4, 100)).method == "b"


def test_evidence_is_kept_as_it_was(tmp_path):
    some = rows(SIX[:1], METHODS)
    write(tmp_path / "e.jsonl", some)
    assert read(tmp_path / "e.jsonl") == some
    with pytest.raises(ValueError, match="no evidence"):
        advise([], Question(PLAIN, 1, 1))


def test_on_tasks_that_it_has_not_seen_it_is_not_worse_than_the_best_single_method():
    """Each shipped task left out once: the interval of the difference in regret reaches below 0."""
    from tests.bench.advice import cases, difference

    found = cases(read())
    assert len({case.task for case in found}) >= 20
    _, low, high = difference(found)
    assert low <= 0
    assert high < 0.02
