"""The documentation holds together: every page has its place, and every link leads somewhere."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

REPO = Path(__file__).parents[1]
DOCS = REPO / "docs"
PAGES = [REPO / "README.md", *sorted(DOCS.rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub and mkdocs both make them of plain words."""
    told = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in told}


def test_every_page_has_its_place_in_the_navigation() -> None:
    said = (REPO / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    listed = set(re.findall(r"[\w./-]+\.md$", said, re.M))
    pages = {str(page.relative_to(DOCS)) for page in PAGES[1:]}
    assert pages - listed == set(), "add them to nav of mkdocs.yml"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.S)
    nowhere = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target)
        ):
            nowhere.append(link)
    assert nowhere == []


def test_the_site_fetches_nothing_from_elsewhere() -> None:
    style = (DOCS / "assets" / "site.css").read_text("utf-8")
    assert re.findall(r"https?:|//", re.sub(r"/\*.*?\*/", "", style, flags=re.S)) == []
    assert "font: false" in (REPO / "mkdocs.yml").read_text("utf-8")
