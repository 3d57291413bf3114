"""README.md and docs/ as pages: both languages alike, and every link leads somewhere.

tests/docs/test_commands.py runs their commands.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "README.ja.md", *DOCS]
TRANSLATED = sorted(page.name for page in (ROOT / "docs" / "ja").glob("*.md"))


@pytest.mark.parametrize(
    ("first", "second"),
    [("README.md", "README.ja.md")]
    + [(f"docs/{name}", f"docs/ja/{name}") for name in TRANSLATED],
)
def test_both_languages_have_the_same_parts(first, second):
    """Headings, points, rows of tables, blocks and pictures, in the same order."""
    marks = re.compile(r"^(#+ |\| |- |```\w*|!\[)", re.MULTILINE)
    english, japanese = (
        marks.findall((ROOT / name).read_text()) for name in (first, second)
    )
    assert english == japanese


def anchors(page):
    """Names of the places of a page: its headings, as sites write them, and own ids."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = set(re.findall(r"\{ #([\w-]+) \}", text))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"[^\w\s-]", "", heading.lower())
        found.add(re.sub(r"\s", "-", words.strip()))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^):#]*)(?:#([^)]+))?\)", page.read_text())
    for target, anchor in links:
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name} links to {target}#{anchor}"
