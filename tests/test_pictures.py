"""The pictures of README and docs were drawn of their studies as they are stated now."""

import json
import re

import pytest

from tests.draw_pictures import DOCS, DRAWN, PICTURES
from tests.rooms import ROOT

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


def test_every_picture_that_a_page_shows_is_stated_and_no_other():
    shown = {
        name
        for page in PAGES
        for name in re.findall(r"!\[[^\]]*\]\((?:docs/)?([\w-]+)\.png\)", page.read_text("utf-8"))
    }
    assert shown == set(PICTURES) == {path.stem for path in DOCS.glob("*.png")}


@pytest.mark.parametrize("name", json.loads(DRAWN.read_text("utf-8")))
def test_a_picture_is_not_older_than_its_study(name):
    """`make figures P=NAME` draws it anew."""
    assert json.loads(DRAWN.read_text("utf-8"))[name] == PICTURES[name].made_of
