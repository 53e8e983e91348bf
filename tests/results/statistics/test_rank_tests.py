"""Expected values: Demsar 2006 (JMLR 7), Table 6 and Section 3.2.2; closed forms; scikit-posthocs.

The closed forms of the Bayesian test: with all n differences far above the rope, "better" loses
only the share w_0^2 of the pseudo-observation, w_0 ~ Beta(1/2, n), so that
P(better) = P(w_0^2 < 1/2). Of the mixed model: two-way analysis of variance.
"""

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy.stats import beta, wilcoxon

from hpobench.results.statistics.rank_tests import (
    critical_difference,
    friedman,
    holm,
    iman_davenport,
    in_words,
    mixed_model,
    pairwise_tests,
    pairwise_wilcoxon,
    signed_rank,
    two_methods,
)
from hpobench.results.statistics.signed_rank import DRAWS, posterior
from hpobench.results.statistics.two_methods import wilcoxon_test

# Demsar 2006, Table 6: AUC of C4.5 with and without tuning of m and of cf, on 14 data sets.
AUC = """
0.763 0.768 0.771 0.798
0.599 0.591 0.590 0.569
0.954 0.971 0.968 0.967
0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898
0.936 0.931 0.916 0.931
0.661 0.668 0.609 0.685
0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875
1.000 1.000 1.000 1.000
0.940 0.962 0.965 0.962
0.619 0.666 0.614 0.669
0.972 0.981 0.9751 0.975
0.957 0.978 0.946 0.970
"""
C45 = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]


def regrets(values, methods=None):
    """One table a task; `values` (tasks, seeds, methods) or, with one seed, (tasks, methods)."""
    values = np.asarray(values, dtype=float)
    if values.ndim == 2:
        values = values[:, None]
    methods = methods or [f"m{number}" for number in range(values.shape[2])]
    return {f"t{number}": pd.DataFrame(each, columns=methods) for number, each in enumerate(values)}


def demsar():
    auc = np.array([line.split() for line in AUC.strip().splitlines()], dtype=float)
    return regrets(1 - auc, C45)


def random_regrets(*shape, seed=0):
    return regrets(np.random.default_rng(seed).random(shape))


def test_friedman_on_the_worked_example_of_demsar():
    found = friedman(demsar())
    expected = {"C4.5+m+cf": 1.964, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5": 3.143}
    assert list(found.ranks.index) == list(expected)
    np.testing.assert_allclose(found.ranks, list(expected.values()), atol=5e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)
    assert (found.blocks, found.unit) == (14, "tasks")
    # C4.5 is worse than C4.5+m by 1.143 < 1.25 and than C4.5+m+cf by 1.179 < 1.25.
    assert found.cliques == (tuple(expected),)
    # Demsar's chi-square, 9.28, ignores ties. Three blocks have a tie of two (2^3 - 2 = 6 each),
    # one a tie of four (60): corrected, it is divided by 1 - 78 / (N k (k^2 - 1)).
    assert found.statistic == pytest.approx(9.28 / (1 - 78 / (14 * 60)), abs=0.01)


def test_statistics_without_ties_as_demsar_prints_them():
    ranks = np.array([3.143, 2.000, 2.893, 1.964])
    chi_square = 12 * 14 / (4 * 5) * ((ranks**2).sum() - 4 * 25 / 4)
    assert chi_square == pytest.approx(9.28, abs=0.01)
    value, p_value = iman_davenport(chi_square, 14, 4)
    assert value == pytest.approx(3.69, abs=0.01)
    # The critical value of F(3, 39) at 0.05 is 2.85 there.
    assert p_value < 0.05


@pytest.mark.parametrize(
    ("methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (7, 2.949), (10, 3.164)]
)
def test_critical_values_of_demsars_table_5(methods, q):
    blocks = methods * (methods + 1) // 6 + 1
    expected = q * np.sqrt(methods * (methods + 1) / (6 * blocks))
    assert critical_difference(methods, blocks) == pytest.approx(expected, abs=1e-3)


def test_cliques_agree_with_the_nemenyi_p_values_of_scikit_posthocs():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(12, 6)) + 0.7 * np.arange(6)
    found = friedman(regrets(values))
    p_values = scikit_posthocs.posthoc_nemenyi_friedman(values).to_numpy()
    alike = {(i, j) for i in range(6) for j in range(i) if p_values[i, j] > 0.05}
    number = {f"m{i}": i for i in range(6)}
    joined = {
        (max(number[a], number[b]), min(number[a], number[b]))
        for clique in found.cliques
        for a in clique
        for b in clique
        if a != b
    }
    assert joined == alike
    assert len(found.cliques) > 1
    assert not any(set(a) < set(b) for a in found.cliques for b in found.cliques)


def test_blocks_are_tasks_from_five_on_else_pairs():
    assert friedman(random_regrets(5, 3, 3)).unit == "tasks"
    few = friedman(random_regrets(4, 3, 3))
    assert (few.unit, few.blocks) == ("task-seed pairs", 12)
    assert "of these tasks alone" in few.note
    assert "task-seed pairs" in in_words(few)


def test_missing_runs_and_methods_without_any():
    tables = random_regrets(6, 4, 3)
    tables["t0"].loc[0, "m1"] = np.nan
    tables["t1"] = tables["t1"].drop(columns="m2")
    tables = {task: table.assign(none=np.nan) for task, table in tables.items()}
    found = friedman(tables)
    assert found.blocks == 5
    assert "none" not in found.ranks.index
    assert "5 (task, seed) pairs" in found.note


def test_all_tied_and_all_agreed():
    tied = friedman(regrets(np.ones((6, 3))))
    assert (tied.statistic, tied.p_value, tied.f_p_value) == (0, 1, 1)
    assert tied.cliques == (("m0", "m1", "m2"),)
    agreed = friedman(regrets(np.tile([1.0, 2, 3], (6, 1))))
    # Chi-square is at its largest, N (k - 1).
    assert agreed.statistic == pytest.approx(12)
    assert (agreed.f_statistic, agreed.f_p_value) == (np.inf, 0)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({}, "no regrets"),
        (regrets(np.full((3, 2), np.nan)), "no regrets"),
        (regrets([[1.0]]), "there is only one"),
        (regrets([[1.0, 2]]), "Wilcoxon's test compares two"),
        (regrets([[1.0, 2, 3]]), "2 complete blocks, there are 1"),
        (regrets([[1.0, np.nan, 3], [1, 2, np.nan]]), "there are 0"),
    ],
)
def test_friedman_refuses_with_words(tables, words):
    with pytest.raises(ValueError, match=words):
        friedman(tables)


def test_wilcoxon_over_tasks_with_the_smallest_p_there_is():
    table = pairwise_wilcoxon(regrets(np.tile([1.0, 2, 3], (6, 1)) + np.arange(6)[:, None] / 9))
    # One method always better: 2 of the 2^6 sign patterns are as extreme.
    np.testing.assert_allclose(table["p_value"], 2 / 2**6)
    np.testing.assert_allclose(table["p_holm"], 3 * 2 / 2**6)
    assert list(table["median_difference"]) == pytest.approx([-1, -2, -1])
    assert set(table["unit"]) == {"tasks"}


def test_holm_as_worked_out_by_hand():
    np.testing.assert_allclose(
        holm(np.array([0.01, 0.04, np.nan, 0.03])), [0.03, 0.06, np.nan, 0.06]
    )


def test_pairs_take_the_unit_of_what_they_share():
    values = np.random.default_rng(0).random((7, 3, 3))
    tables = regrets(values)
    for task in ("t0", "t1"):
        tables[task] = tables[task].drop(columns="m2")
    tables["t6"]["alone"] = np.nan
    tables["t7"] = pd.DataFrame({"alone": [0.5]}, index=[7])
    table = pairwise_wilcoxon(tables).set_index(["method", "other"])
    assert tuple(table.loc[("m0", "m1"), ["unit", "pairs"]]) == ("tasks", 7)
    assert tuple(table.loc[("m0", "m2"), ["unit", "pairs"]]) == ("task-seed pairs", 15)
    assert table.loc[("m0", "alone"), "pairs"] == 0
    assert np.isnan(table.loc[("m0", "alone"), ["p_value", "p_holm"]].astype(float)).all()
    with pytest.raises(ValueError, match="only one method"):
        pairwise_wilcoxon(regrets(np.ones((3, 1))))


def test_zero_differences():
    assert wilcoxon_test(np.zeros(5)) == (0, 1)
    assert wilcoxon_test(np.full(5, 1e-15)) == (0, 1)
    # Pratt: the zero takes rank 1, so that R+ = 2 + 3 + 4 and R- = 0; 2 of 2^3 patterns.
    assert wilcoxon_test(np.array([0, 1.0, 2, 3])) == (0, pytest.approx(2 / 8))
    assert all(np.isnan(wilcoxon_test(np.array([]))))


def test_two_methods_by_hand():
    found = two_methods(regrets([[[0.1, 0.3], [0.2, 0.2]], [[0.4, 0.3], [0.1, 0.2]]]), "m0", "m1")
    # differences: -0.2, 0 and 0.1, -0.1; superiority: (1.5 / 2 + 1 / 2) / 2
    assert found.difference == pytest.approx((-0.1 + 0) / 2)
    assert found.superiority == pytest.approx(0.625)
    assert (found.pairs, found.tasks, found.tested) == (4, 2, 4)
    assert found.low <= found.difference <= found.high
    assert "m0 has a lower mean normalised regret than m1 by 0.05" in found.sentence
    back = two_methods(regrets([[[0.3, 0.1], [0.2, 0.2]], [[0.3, 0.4], [0.2, 0.1]]]), "m0", "m1")
    assert back.difference == pytest.approx(-found.difference)
    assert (back.superiority, back.p_value) == pytest.approx((0.375, found.p_value))


def test_the_interval_of_two_methods_is_the_normal_one_for_many_seeds():
    rng = np.random.default_rng(3)
    values = rng.normal(0.5, 0.1, (4, 400, 2))
    found = two_methods(regrets(values), "m0", "m1")
    difference = values[..., 0] - values[..., 1]
    error = np.sqrt((difference.var(axis=1, ddof=1) / 400).sum()) / 4
    expected = difference.mean() + error * 1.96 * np.array([-1, 1])
    np.testing.assert_allclose([found.low, found.high], expected, atol=0.15 * error)


def test_two_methods_with_a_single_seed_and_with_nothing_in_common():
    found = two_methods(regrets([[0.1, 0.2]]), "m0", "m1")
    assert np.isnan(found.low)
    assert found.p_value == 1
    assert "nan" not in found.sentence
    apart = {"t": pd.DataFrame({"a": [0.1, np.nan], "b": [np.nan, 0.2]})}
    with pytest.raises(ValueError, match="share no"):
        two_methods(apart, "a", "b")
    with pytest.raises(ValueError, match="'c' has no run: choose from a, b"):
        two_methods(apart, "a", "c")
    with pytest.raises(ValueError, match="itself"):
        two_methods(apart, "a", "a")


TOLERANCE = 4 * 0.5 / np.sqrt(DRAWS)
"""Four standard errors of a probability that is estimated by this many draws."""


@pytest.mark.parametrize("count", [1, 2, 5])
def test_bayesian_test_far_outside_the_rope(count):
    better, equivalent, worse = posterior(np.full(count, 9.0), 0.01, np.random.default_rng(0))
    expected = beta(0.5, count).cdf(np.sqrt(0.5))
    assert better == pytest.approx(expected, abs=TOLERANCE)
    assert equivalent == pytest.approx(1 - expected, abs=TOLERANCE)
    assert worse == 0


def test_bayesian_test_of_symmetric_data_and_of_ties():
    values = np.array([-0.4, -0.2, -0.1, 0.1, 0.2, 0.4])
    better, equivalent, worse = posterior(values, 0.0, np.random.default_rng(0))
    assert better == pytest.approx(worse, abs=2 * TOLERANCE)
    assert better + equivalent + worse == pytest.approx(1)
    assert posterior(np.zeros(4), 0.01, np.random.default_rng(0)) == (0, 1, 0)


def test_bayesian_test_agrees_with_the_sums_over_all_pairs():
    z = np.append(0, np.random.default_rng(5).normal(0.02, 0.05, 12))
    sums = z[:, None] + z
    rng = np.random.default_rng(1)
    strengths = np.append(0.5, np.ones(12))
    wins = np.zeros(3)
    for weights in rng.dirichlet(strengths, 4000):
        products = np.outer(weights, weights)
        right, left = products[sums > 0.04].sum(), products[sums < -0.04].sum()
        wins[np.argmax([right, 1 - right - left, left])] += 1
    found = posterior(z[1:], 0.02, np.random.default_rng(0))
    np.testing.assert_allclose(found, wins / 4000, atol=0.04)


def test_bayesian_test_of_regrets():
    tables = regrets(np.tile([0.1, 0.5], (8, 3, 1)))
    found = signed_rank(tables, "m0", "m1")
    assert found.better > 0.99
    assert (found.pairs, found.unit) == (8, "tasks")
    with pytest.raises(ValueError, match="rope=-1"):
        signed_rank(tables, "m0", "m1", -1)


def test_bayesian_test_needs_five_pairs():
    few = regrets(np.tile([0.1, 0.5], (1, 4, 1)))
    with pytest.raises(ValueError, match="needs 5 pairs or more, 'm0' and 'm1' share 4 task-seed"):
        signed_rank(few, "m0", "m1")
    assert pairwise_tests(few)[["better", "equivalent", "worse"]].isna().all(axis=None)
    enough = signed_rank(regrets(np.tile([0.1, 0.5], (1, 5, 1))), "m0", "m1")
    assert enough.pairs == 5


def test_bayesian_test_of_each_pair_is_that_of_the_pair_whichever_comes_first():
    tables = random_regrets(7, 2, 3)
    found = pairwise_tests(tables)
    assert found[["method", "other"]].to_numpy().tolist() == [
        ["m0", "m1"], ["m0", "m2"], ["m1", "m2"],
    ]  # fmt: skip
    for _, row in found.iterrows():
        alone = signed_rank(tables, row["method"], row["other"])
        back = signed_rank(tables, row["other"], row["method"])
        assert row["better"] == alone.better == back.worse
        assert row["better"] + row["equivalent"] + row["worse"] == pytest.approx(1)


def test_the_sentence_calls_methods_by_their_labels():
    tables = random_regrets(2, 6, 2)
    found = two_methods(tables, "m0", "m1", labels={"m0": "Random search"})
    assert found.sentence.startswith("Random search has a ")
    assert " than m1 by " in found.sentence


def test_ranks_that_all_agree_are_put_in_words():
    words = in_words(friedman(regrets(np.tile([0.1, 0.2, 0.3], (6, 1)))))
    assert "Iman-Davenport F without bound, since all rank the methods alike, p < 0.001" in words
    assert "inf" not in words


def test_mixed_model_in_a_balanced_design():
    rng = np.random.default_rng(0)
    tasks, seeds, methods = 9, 5, 4
    values = rng.normal(0, 0.1, (tasks, seeds, methods)) + rng.normal(0, 0.4, (tasks, 1, 1))
    found = mixed_model(regrets(values + 0.1 * np.arange(methods)))
    cells = (values + 0.1 * np.arange(methods)).mean(axis=1)
    means = cells.mean(axis=0)
    rest = cells - cells.mean(axis=1, keepdims=True) - means + cells.mean()
    residual = (rest**2).sum() / ((tasks - 1) * (methods - 1))
    between = methods * cells.mean(axis=1).var(ddof=1)
    assert found.converged
    np.testing.assert_allclose(found.effects["effect"], means[1:] - means[0], atol=1e-10)
    assert found.residual_sd == pytest.approx(np.sqrt(residual), rel=1e-7)
    assert found.task_sd == pytest.approx(np.sqrt((between - residual) / methods), rel=1e-7)
    # Student's t with 24 degrees of freedom: 2.064.
    reach = 2.0639 * np.sqrt(2 * residual / tasks)
    np.testing.assert_allclose(found.effects["high"] - found.effects["effect"], reach, rtol=1e-3)
    assert (found.baseline, found.groups) == ("m0", tasks)


def test_mixed_model_with_missing_cells_is_that_of_statsmodels():
    from statsmodels.regression.mixed_linear_model import MixedLM

    rng = np.random.default_rng(4)
    values = rng.normal(0, 1.0, (9, 4)) + rng.normal(0, 3.0, (9, 1))
    values[rng.random((9, 4)) < 0.2] = np.nan
    found = mixed_model(regrets(values))
    task, method = np.nonzero(np.isfinite(values))
    design = np.column_stack([np.ones(len(task)), *(method == m for m in range(1, 4))])
    there = MixedLM(values[task, method], design.astype(float), groups=task).fit(reml=True)
    assert found.converged
    # As exactly as its optimizer stops.
    np.testing.assert_allclose(found.effects["effect"], there.fe_params[1:], rtol=1e-4)
    assert found.task_sd == pytest.approx(np.sqrt(there.cov_re[0, 0]), rel=1e-3)
    assert found.residual_sd == pytest.approx(np.sqrt(there.scale), rel=1e-3)


def test_mixed_model_of_two_methods_is_the_paired_t_test():
    from scipy.stats import ttest_rel

    values = np.random.default_rng(2).random((7, 2)) + np.arange(7)[:, None]
    found = mixed_model(regrets(values), "m1")
    expected = ttest_rel(values[:, 0], values[:, 1])
    assert found.effects["p_value"].item() == pytest.approx(expected.pvalue, rel=1e-3)


def test_mixed_model_without_variance_between_tasks_says_so():
    values = np.random.default_rng(0).normal(size=(6, 4))
    values -= values.mean(axis=1, keepdims=True)
    found = mixed_model(regrets(values))
    assert not found.converged
    assert "fixed effect" in found.note
    np.testing.assert_allclose(found.effects["effect"], (values - values[:, :1]).mean(axis=0)[1:])
    residual = ((values - values.mean(axis=0)) ** 2).sum() / 15
    assert found.residual_sd == pytest.approx(np.sqrt(residual))


def test_mixed_model_with_missing_cells_and_without_residual():
    tables = random_regrets(6, 3, 3)
    tables["t0"] = tables["t0"].drop(columns="m2")
    found = mixed_model(tables)
    assert "1 of 18 cells" in found.note
    assert np.isfinite(found.effects[["low", "high", "p_value"]]).all(axis=None)


@pytest.mark.parametrize("differences", [[0.1, 0.1], [0.1, 0.3]])
def test_mixed_model_of_constant_differences_shows_no_rounding_noise(differences):
    """Tasks differ by 0.7 each: means over seeds differ in the last digits, effects do not."""
    values = np.array(differences) + 0.7 * np.arange(4)[:, None]
    same = mixed_model(regrets(values))
    assert same.effects["effect"].item() == np.round(differences[1] - differences[0], 12)
    assert same.effects[["low", "high", "p_value"]].isna().all(axis=None)
    assert same.residual_sd == 0
    assert "no error is left" in same.note


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (regrets([[[1.0, 2], [3, 4]]]), "2 tasks or more"),
        (regrets(np.ones((3, 1))), "only one method"),
        (regrets([[1.0, np.nan], [1, 2]]), "too few cells"),
    ],
)
def test_mixed_model_refuses_with_words(tables, words):
    with pytest.raises(ValueError, match=words):
        mixed_model(tables)
    with pytest.raises(ValueError, match="baseline='x'"):
        mixed_model(tables, "x")


@pytest.mark.parametrize("seed", range(6))
def test_ties_among_few_are_tested_as_scipy_enumerates_them(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(-3, 5, 4 + seed).astype(float)
    there = wilcoxon(values, zero_method="pratt")
    assert wilcoxon_test(values) == pytest.approx((there.statistic, there.pvalue))
