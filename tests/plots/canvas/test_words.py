from hpobench.plots.canvas.words import in_lines, sentences


def test_lines_are_few_and_of_about_the_same_length():
    assert in_lines("tree-structured Parzen estimator", 40) == "tree-structured Parzen estimator"
    assert in_lines("one two three four", 17) == "one two\nthree four"
    assert in_lines("slice_localization", 14) == "slice_\nlocalization"


def test_only_what_is_longer_than_a_line_is_cut():
    assert in_lines("normalised regret", 12) == "normalised\nregret"
    assert in_lines("x" * 25, 10) == "\n".join(["x" * 10, "x" * 10, "x" * 5])
    assert in_lines("", 10) == ""


def test_sentences():
    assert sentences("One.", "", "Two.") == "One. Two."
