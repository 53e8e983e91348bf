"""Verdicts on runs whose differences are known beforehand."""

import numpy as np
import pytest

from hpobench.results.anytime.incumbents import incumbents
from hpobench.results.anytime.regret import references
from hpobench.results.verdicts import claims
from hpobench.results.verdicts.time_to_target import ALL_TASKS, time_to_target
from hpobench.storage.schema import TaskFacts
from hpobench.study import catalogue

ROLES = ("better", "worse", "faster", "than")
CLAIMS = [name for name in catalogue.names("study") if name.startswith("claims/")]
TASKS = {"t": TaskFacts("t", "t", "error", optimum=0.0, median=10.0)}


@pytest.fixture
def study(synthetic):
    """`quick` reaches after 1 s what `slow` has after 10; `same` is `slow` with other noise."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in range(20):
        noise = rng.normal(0, 0.1, 4)
        at = {"slow": 10.0, "same": 10.0, "quick": 1.0}
        for number, (method, when) in enumerate(at.items()):
            one = {"method": method, "seed": seed}
            rows.append({**one, "time_s": 0.001, "value": 9 + noise[number]})
            rows.append({**one, "time_s": when, "value": 3 + noise[number]})
        rows.append({"method": "best", "seed": seed, "time_s": 10.0, "value": 1 + noise[3]})
    return synthetic.hand_made(rows, tasks=TASKS)


@pytest.mark.parametrize(
    ("expectation", "verdict"),
    [
        ({"better": "best", "worse": "slow"}, "holds"),
        ({"better": "slow", "worse": "best", "task": "t"}, "contrary"),
        ({"better": "same", "worse": "slow"}, "undecided"),
        ({"better": "quick", "worse": "slow", "at": 0.5, "task": ["t"]}, "holds"),
        ({"faster": "quick", "than": "slow", "by": 20}, "contrary"),
        ({"faster": "best", "than": "slow", "by": 2}, "contrary"),
    ],
)
def test_verdicts(study, expectation, verdict):
    assert claims.decided(claims.judge(study, [expectation])) == [verdict]


def test_figures(study):
    (finding,) = claims.judge(study, [{"better": "best", "worse": "slow"}])
    best, _, slow = finding.measured.partition(":")[0].split()
    # (1 - 0) / (10 - 0) and (3 - 0) / (10 - 0)
    assert (float(best), float(slow)) == pytest.approx((0.1, 0.3), abs=0.01)
    # After 1 s instead of 10.
    (finding,) = claims.judge(study, [{"faster": "quick", "than": "slow", "by": 5}])
    assert finding.measured.startswith("10.0 times")
    assert finding.expected == "quick reaches the final value of slow 5 times as fast"


def test_the_speed_up_is_that_of_the_report(study):
    found = incumbents(study)
    known = references(study, found.views)
    made = time_to_target(found, known, "slow").set_index(["task", "method"])
    for method in ("quick", "same", "best"):
        (finding,) = claims.judge(study, [{"faster": method, "than": "slow", "by": 1}])
        assert finding.measured.startswith(f"{made.loc[(ALL_TASKS, method), 'speedup']:.1f} times")


def exponential(synthetic, draw, seeds):
    """Two equal methods: runs get to a value of their own at a time of their own."""
    rows = [
        {"method": method, "seed": seed, "time_s": time, "value": value}
        for method in ("a", "b")
        for seed in range(seeds)
        for time, value in ((0.01, 9.0), (draw.uniform(1, 10), draw.uniform(1, 5)))
    ]
    return synthetic.hand_made(rows, tasks=TASKS)


@pytest.mark.parametrize("seeds", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_of_equal_methods_none_is_faster_or_slower(synthetic, seeds):
    """At most 5 of 100 are: of 150 studies a share of 0.05 has a standard error of 0.018."""
    draw, false = np.random.default_rng(seeds), 0
    for _ in range(150):
        study = exponential(synthetic, draw, seeds)
        findings = claims.judge(study, [{"faster": "a", "than": "b", "by": 1}])
        false += claims.decided(findings) != ["undecided"]
    assert false / 150 < 0.05 + 3 * 0.018


def test_many_findings_are_corrected_together():
    """Of 20 p-values 0.04 alone is no discovery: 20 x 0.04; twenty of them are."""
    chance = [claims.Finding("", "", p, True) for p in np.linspace(0.04, 1, 20)]
    assert claims.decided(chance) == ["undecided"] * 20
    assert claims.decided(chance[:1]) == ["holds"]
    all_of_them = [claims.Finding("", "", 0.04, False)] * 20
    assert claims.decided(all_of_them) == ["contrary"] * 20


def test_a_method_of_fewer_seeds_has_the_wider_interval_of_its_few(synthetic):
    rows = [{"method": "many", "seed": seed, "time_s": 1.0, "value": 5.0} for seed in range(30)]
    rows += [
        {"method": "few", "seed": 25 + number, "time_s": 1.0, "value": value}
        for number, value in enumerate([0.0, 1.0, 2.0, 3.0, 4.0])
    ]
    few = synthetic.hand_made(rows, tasks=TASKS)
    (finding,) = claims.judge(few, [{"better": "few", "worse": "many"}])
    assert finding.measured.startswith("0.2000 against 0.5000: gain 0.3000 [")
    low, high = (float(x) for x in finding.measured.partition("[")[2].rstrip("]").split(","))
    # Student's interval of five values on a scale of 10: +- 2.776 x 1.581 / sqrt(5) / 10.
    assert (high - low) / 2 == pytest.approx(0.196, rel=0.1)


def test_seeds_are_compared_with_themselves(synthetic):
    """`behind` is 0.1 behind `ahead` in each seed, of which the values differ by ten times that."""
    noise = np.random.default_rng(0).normal(0, 1, 20)
    rows = [
        {"method": method, "seed": seed, "time_s": 1.0, "value": 5 + noise[seed] + behind}
        for method, behind in (("ahead", 0.0), ("behind", 0.1))
        for seed in range(20)
    ]
    (finding,) = claims.judge(
        synthetic.hand_made(rows, tasks=TASKS), [{"better": "ahead", "worse": "behind"}]
    )
    assert finding.measured.endswith("gain 0.0100 [0.0100, 0.0100]")


def test_what_a_study_cannot_answer_is_refused(study):
    with pytest.raises(ValueError, match="state better and worse"):
        claims.judge(study, [{"best": "a"}])
    with pytest.raises(ValueError, match="'nobody' has no runs"):
        claims.judge(study, [{"better": "nobody", "worse": "slow"}])
    with pytest.raises(ValueError, match="task 'u' has no runs"):
        claims.judge(study, [{"better": "best", "worse": "slow", "task": "u"}])


def test_markdown(study):
    about = {"claim": "quick is quick", "source": "nobody 2020"}
    expects = [{"better": "best", "worse": "slow"}, {"better": "same", "worse": "slow"}]
    findings = claims.judge(study, expects)
    verdicts = claims.decided(findings)
    lines = claims.as_markdown(about, findings, verdicts).splitlines()
    assert lines[0].startswith("| quick is quick | nobody 2020 | best better than slow in the end")
    assert lines[1].startswith("| | | same better than slow")
    assert all(line.count("|") == 7 for line in lines)
    about["contested"] = "somebody"
    contested = claims.as_markdown(about, findings[:1], verdicts[:1])
    assert contested.startswith("| quick is quick (contested: somebody) | nobody 2020 |")


def test_each_method_of_ours_has_a_claim_and_some_are_contested():
    studies = [catalogue.read("study", name)["about"] for name in CLAIMS]
    expected = [one.get(key) for about in studies for one in about["expects"] for key in ROLES]
    methods = {
        name: catalogue.read("method", name)["_target_"] for name in catalogue.names("method")
    }
    ours = {name for name, target in methods.items() if ".peers." not in target}
    # Two kinds of random search are controls: with replacement its closed form is a test of the
    # tasks, and in batches it shows what waiting costs.
    assert ours - set(expected) == {"random_replacement", "random_batch"}
    assert sum("contested" in about for about in studies) >= 2


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_compares_methods_that_it_runs(name):
    stated = catalogue.read("study", name)
    assert {"claim", "source", "expects"} <= set(stated["about"])
    assert stated["name"] == f"claim_{name.removeprefix('claims/')}"
    for expectation in stated["about"]["expects"]:
        names = {expectation.get(key) for key in ROLES} - {None}
        tasks = expectation.get("task") or [t for c in stated["comparisons"] for t in c["task"]]
        for task in [tasks] if isinstance(tasks, str) else tasks:
            blocks = [block for block in stated["comparisons"] if task in block["task"]]
            assert names <= {method for block in blocks for method in block["method"]}


def test_findings_are_kept_until_what_they_are_of_is_changed(tmp_path):
    file = tmp_path / "claims.jsonl"
    first, second = (claims.Finding(name, "0.1", 0.01, True) for name in "ab")
    claims.Findings(file).keep("claims/b", "as it was", [second])
    claims.Findings(file).keep("claims/a", "as it is", [first, second])
    kept = claims.Findings(file)
    assert kept.of("claims/a", "as it is") == [first, second]
    assert kept.of("claims/b", "as it is") == kept.of("claims/c", "as it is") == []
    file.write_text('{"study": "claims/a"}\n')
    with pytest.raises(ValueError, match=r"claims\.jsonl holds no findings of claims"):
        claims.Findings(file)
