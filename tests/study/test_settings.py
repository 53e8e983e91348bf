"""Properties of settings: any text arrives as it was written, wherever it is written.

Expected values are the ones that were written.
"""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hpobench.study import compose
from hpobench.study.overrides import quoted
from tests.study.test_compose import TASK, as_yaml, write

ODD = [
    'Café "x" a\\b',
    "one\ntwo\n",
    "C:\\new\\(copy)\\temp\\",
    "\\\\server\\share",
    "it's",
    "#",
    "",
    " ",
]
# No `$`, which begins an interpolation, and nothing that YAML cannot hold.
LETTERS = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="$\ufeff\ufffe\uffff"
) | st.sampled_from("\n\t\\'\"{}[],:=#&*!|>%@`")
TEXTS = st.text(LETTERS, max_size=20)


def examples(test):
    for text in ODD:
        test = example(text)(test)
    return test


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("conf")


@examples
@settings(max_examples=10)
@given(TEXTS)
def test_in_files(folder, text):
    about = {"label": text, "list": [text], "deep": {"er": text}}
    study = {
        "name": "x",
        "seeds": 1,
        "workers": 1,
        "about": about,
        "comparisons": [{"task": "own", "method": "mine"}],
        "tasks": {"own": {"said": about}},
    }
    for form in (json.dumps, as_yaml):
        write(folder, "study", "s", form(study))
        write(folder, "task", "own", form(TASK | {"about": about}))
        write(folder, "method", "mine", form({"_target_": "a.b", "about": about}))
        merged = compose.load(["study=s"], [folder]).settings
        nodes = [merged, merged["tasks"]["own"], merged["methods"]["mine"]]
        assert [node["about"] for node in nodes] == [about] * 3
        assert merged["tasks"]["own"]["said"] == about


@examples
@settings(max_examples=10)
@given(TEXTS)
def test_on_the_command_line(folder, text):
    """In quotes any text arrives; without them what does not look like anything else."""
    write(folder, "task", "own", TASK | {"label": "x"})

    def arrives(written):
        overrides = ["task=own", "method=random", f"tasks.own.label={written}"]
        return compose.load(overrides, [folder]).settings["tasks"]["own"]["label"]

    assert arrives(quoted(text)) == text
    if "," not in text:
        for plain in (f"Ä {text}", f" x{text}", f"x {text}x"):
            assert arrives(plain) == plain
