"""People of a brand on their page: let in, given another role, taken out; who may get whose link."""

import re

import pytest

from small_studio import text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")
HERE = "/b/oak-co/people"


def member(name: str, slug: str = "oak-co") -> int:
    from feedsmith.studio.models import Membership

    return int(Membership.objects.get(person__name=name, brand__slug=slug).pk)


def role(name: str, slug: str = "oak-co") -> str:
    from feedsmith.studio.models import Membership

    found = Membership.objects.filter(person__name=name, brand__slug=slug).first()
    return str(found.role) if found else ""


def own(name: str, slug: str, what: str = "owner") -> None:
    from feedsmith.studio.models import Brand
    from feedsmith.studio.models.people import add

    add(name, Brand.objects.get(slug=slug), what)


def link_in(answer) -> str:  # type: ignore[no-untyped-def]
    found = re.search(r'value="[^"]*(/sign-in/link/[\w-]+)"', answer.content.decode())
    return found[1] if found else ""


def test_an_owner_lets_somebody_in_and_their_link_is_shown_once() -> None:
    olga = visitor("olga")
    answer = olga.post(HERE, {"name": "ada", "role": "editor"})
    link = link_in(answer)
    assert link
    assert role("ada") == "editor"
    assert not link_in(olga.get(HERE))
    ada = visitor()
    assert ada.post(link).status_code == 302
    assert ada.get("/b/oak-co/create").status_code == 200
    assert ada.get("/b/elm-co/posts").status_code == 404
    assert visitor().post(link).status_code == 410
    assert "olga let in ada, editor" in text_of(olga.get("/b/oak-co/activity"))


def test_no_link_is_made_for_somebody_who_can_sign_in_already() -> None:
    """otto owns elm: a link of his in olga's hands would open elm to her."""
    olga = visitor("olga")
    own("otto", "oak-co", "reviewer")
    refused = olga.post(f"{HERE}/{member('otto')}", {"do": "link"})
    assert refused.status_code == 422
    assert not link_in(refused)
    assert visitor("otto").get("/b/oak-co/posts").status_code == 200


def test_a_member_of_ones_own_brands_only_gets_a_new_link() -> None:
    olga = visitor("olga")
    link = link_in(olga.post(f"{HERE}/{member('rita')}", {"do": "link"}))
    rita = visitor()
    assert rita.post(link).status_code == 302
    own("rita", "elm-co", "reviewer")
    assert olga.post(f"{HERE}/{member('rita')}", {"do": "link"}).status_code == 422
    own("olga", "elm-co", "editor")
    assert olga.post(f"{HERE}/{member('rita')}", {"do": "link"}).status_code == 422
    own("olga", "elm-co")
    assert link_in(olga.post(f"{HERE}/{member('rita')}", {"do": "link"}))


def test_a_role_is_changed_and_holds_at_once() -> None:
    olga, edgar = visitor("olga"), visitor("edgar")
    assert edgar.get("/b/oak-co/create").status_code == 200
    assert (
        olga.post(f"{HERE}/{member('edgar')}", {"do": "role", "role": "reviewer"}).status_code
        == 303
    )
    assert edgar.get("/b/oak-co/create").status_code == 403
    assert olga.post(f"{HERE}/{member('edgar')}", {"do": "role", "role": "king"}).status_code == 400


def test_somebody_is_taken_out_and_sees_the_brand_no_more() -> None:
    olga, edgar = visitor("olga"), visitor("edgar")
    assert olga.post(f"{HERE}/{member('edgar')}", {"do": "out"}).status_code == 303
    assert edgar.get("/b/oak-co/posts").status_code == 404
    assert "edgar" not in text_of(visitor("olga").get(HERE)).replace("edgar is out", "")


@pytest.mark.parametrize("form", [{"do": "out"}, {"do": "role", "role": "editor"}])
def test_the_last_owner_stays(form: dict[str, str]) -> None:
    olga = visitor("olga")
    answer = olga.post(f"{HERE}/{member('olga')}", form)
    assert answer.status_code == 422
    assert "the only owner" in text_of(answer)
    assert role("olga") == "owner"
    own("edgar", "oak-co")
    assert olga.post(f"{HERE}/{member('olga')}", form).status_code == 303
    assert role("olga") != "owner"
    assert visitor("edgar").post(f"{HERE}/{member('edgar')}", form).status_code == 422


@pytest.mark.parametrize("name", ["", "x" * 61, "a\nb", "edgar"])
def test_names_that_cannot_be_are_refused_in_words(name: str) -> None:
    from feedsmith.studio.models import Person

    before = Person.objects.count()
    answer = visitor("olga").post(HERE, {"name": name, "role": "owner"})
    assert answer.status_code == 422
    assert Person.objects.count() == before
    assert role("edgar") == "editor"


def test_the_short_address_leads_owners_to_their_people() -> None:
    assert visitor("olga").get("/people").headers["Location"] == HERE
    assert visitor("rita").get("/people").headers["Location"] == "/account"


def test_nobody_is_let_in_by_a_name_that_somebody_has_in_brands_of_others() -> None:
    own("zoe", "elm-co", "editor")
    answer = visitor("olga").post(HERE, {"name": "zoe", "role": "editor"})
    assert answer.status_code == 422
    assert "Choose another name" in text_of(answer)
    assert role("zoe") == ""
