"""Two doors, one house: every action of a page has its operation in the API, or a reason why not.

The table is that of docs/api.md, which people read; the addresses are the studio's own.
"""

import re
from pathlib import Path

import pytest

from small_api import operations
from small_studio import visitor

pytestmark = pytest.mark.usefixtures("studio")
DOC = Path(__file__).parent.parent / "docs" / "api.md"


def rows(title: str) -> list[tuple[list[str], str]]:
    """Addresses and last column of the table below these words."""
    below = DOC.read_text("utf-8").partition(title)[2]
    table = below[below.index("| on a page") :].partition("\n\n")[0]
    cells = [line.strip("|").split(" | ") for line in table.splitlines()[2:]]
    return [(re.findall(r"`([^`]+)`", its), last) for _, its, last in cells]


def doors() -> dict[str, list[tuple[str, str]]]:
    """Address of a page's action -> method and path of each operation that does the same."""
    found = {}
    for (address,), last in rows("## What the pages do"):
        named = [words.split(" ") for words in re.findall(r"`([^`]+)`", last)]
        found[address] = [
            (method, path if path.startswith("/") else f"/brands/{{brand}}/{path}")
            for method, path in named
        ]
    return found


def left_out() -> set[str]:
    return {address for its, _ in rows("Without an operation, and why:") for address in its}


def pages() -> dict[str, str]:
    """Address as the table writes it -> role, of every page that takes a POST."""
    from feedsmith.studio.urls import urlpatterns

    found = {}
    for route in urlpatterns:
        needs = getattr(route.callback, "needs", "")
        written = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", str(route.pattern))
        written = re.sub(r"<\w+:(\w+)>", r"<\1>", written).strip("^$")
        if needs == "token" or not takes_a_post(written):
            continue
        brands = written.removeprefix("b/<slug>/")
        found[brands if brands != written else f"/{written}"] = needs
    return found


def takes_a_post(written: str) -> bool:
    """What a POST to such an address is answered: 405 where the page only shows."""
    values = {
        "slug": "oak-co", "photo_id": "a" * 16, "key": "post-1" if "calendar" in written else "k" * 16,
        "token": "x", "width": "240", "folder": "f", "file": "f.jpg", "digest": "d", "name": "n.css",
        "comment": "1", "number": "999", "shot": "1", "layout": "plain.paper", "ends": "1", "mac": "x",
    }  # fmt: skip
    place = re.sub(r"<(\w+)>", lambda found: values[found[1]], written)
    if place.startswith("r/"):
        place = place.replace("r/x", f"r/{review_token()}").replace("/999", "/1")
    answer = visitor("olga").post(f"/{place}")
    answer.close()
    return answer.status_code != 405


def review_token() -> str:
    from feedsmith.studio.models import Brand, ReviewLink

    return ReviewLink.make(Brand.objects.get(slug="oak-co"), None, show="all").token


def test_every_page_that_changes_something_has_its_operation_or_a_reason_why_not() -> None:
    acting = set(pages())
    assert acting - set(doors()) - left_out() == set(), "add a row to the table of docs/api.md"
    assert set(doors()) | left_out() == acting, "docs/api.md names a page that is not there"
    assert not set(doors()) & left_out()


def test_the_operations_that_are_named_are_there_and_let_in_the_same_people() -> None:
    roles = {(method, path): role for method, path, _, role in operations()}
    needs = pages()
    for address, named in doors().items():
        for operation in named:
            assert operation in roles, (address, operation)
            if operation[1].endswith("/state"):
                continue  # by step: who may take which is in states
            wanted = needs[address] if needs[address] != "person" else None
            if address == "/share":
                wanted = "editor"  # its page offers those brands only
            assert roles[operation] == wanted, (address, operation)


def test_every_operation_that_changes_something_is_that_of_a_page() -> None:
    known = {operation for named in doors().values() for operation in named}
    changing = {(method, path) for method, path, _, _ in operations() if method != "GET"}
    assert changing == known


def test_what_pages_only_show_is_in_the_api_too() -> None:
    shown = DOC.read_text("utf-8").partition("What pages only show:")[2].partition("\n\n")[0]
    there = {(method, path) for method, path, _, _ in operations()}
    for words in re.findall(r"`GET ([^`]+)`", shown):
        path = words if words.startswith("/") else f"/brands/{{brand}}/{words}"
        assert ("GET", path) in there, words


def test_scopes_are_told_as_they_are() -> None:
    from feedsmith.studio.models.tokens import SCOPES

    table = DOC.read_text("utf-8").partition("| scope |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| (\w+) \|", table, re.M)) == SCOPES
