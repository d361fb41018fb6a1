"""Isolation: every address of the studio, asked by everybody who should not, and by who should.

The table is the list of addresses itself: a new page is in it by being there.
"""

import json
from collections.abc import Iterator

import pytest
from PIL import Image

from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")

PEOPLE = {
    "": None,
    "nina": None,
    "otto": None,
    "rita": "reviewer",
    "edgar": "editor",
    "olga": "owner",
}
"""Who asks, and their role in oak; nobody, somebody without a brand, and an owner of another brand."""
EXAMPLES = {
    "slug": "oak-co", "token": "0" * 43, "digest": "0123456789", "name": "studio.css",
    "folder": "01-photo-aaaaaa", "file": "01.jpg", "width": "240", "photo_id": "a" * 16,
    "shot": "1", "layout": "quote-card.ink",
    "ends": "1", "mac": "x",
}  # fmt: skip
"""A value for each part of an address but numbers, which are looked up (`number_for`)."""


@pytest.fixture(autouse=True)
def _a_photo(studio: None) -> None:
    a_photo()


def a_photo() -> None:
    """Both brands have a photo in their library, of the same id."""
    for place in (CONFIG.home, CONFIG.home.parent / "elm"):
        folder = place / "library" / "photos"
        folder.mkdir(parents=True)
        Image.new("RGB", (300, 300), (9, 99, 199)).save(folder / "a.jpg")
        line = {"id": "a" * 16, "file": "photos/a.jpg", "width": 300, "height": 300}
        (place / "library" / "photos.jsonl").write_text(json.dumps(line) + "\n", "utf-8")


def routes():  # type: ignore[no-untyped-def]
    """All but the API's, which no session opens: test_studio_api walks its operations."""
    from feedsmith.studio.urls import urlpatterns

    return [route for route in urlpatterns if getattr(route.callback, "needs", "") != "token"]


def number_for(address: str, slug: str) -> int:
    """A row of that brand, for addresses with a number in them."""
    from feedsmith.studio.models import (
        Brand,
        Draft,
        Hook,
        Job,
        Membership,
        Person,
        ReviewLink,
        Token,
    )

    brand = Brand.objects.get(slug=slug)
    if "review-links" in address:
        return ReviewLink.make(brand, None).pk
    if "/jobs/" in address:
        return Job.objects.create(brand=brand, kind="generate", total=1).pk
    if "/people/" in address:
        return Membership.objects.get(brand=brand, role="owner").pk
    if "/webhooks/" in address:
        return Hook.make(brand, "https://oak.invalid/").pk
    if "/tokens/" in address:
        zoe = Person.objects.get_or_create(name="zoe")[0]  # who is none of those who ask
        return Token.make(zoe, "a program", ["read"])[0].pk
    return Draft.objects.filter(brand=brand).first().pk


def comment_on(number: int) -> int:
    from feedsmith.studio.models import Comment

    return Comment.objects.create(draft_id=number, text="Shorter, please.").pk


def addresses(slug: str = "oak-co") -> Iterator[tuple[str, str]]:
    """Each address of the studio with real values in it, and what it needs."""
    for route in routes():
        pattern = route.pattern
        parts = {
            name: EXAMPLES[name]
            for name in pattern.regex.groupindex
            if name not in ("slug", "number", "comment", "key")
        }
        address = str(pattern)
        if "key" in pattern.regex.groupindex:  # of the calendar, or of an upload nobody began
            parts["key"] = f"post-{number_for('', slug)}" if "calendar" in address else "A" * 16
        if "slug" in pattern.regex.groupindex:
            parts["slug"] = slug
        if "number" in pattern.regex.groupindex:
            parts["number"] = str(number_for(address, slug))
        if "comment" in pattern.regex.groupindex:
            parts["comment"] = str(comment_on(int(parts["number"])))
        yield "/" + filled(pattern, parts), route.callback.needs


def filled(pattern, parts: dict[str, str]) -> str:  # type: ignore[no-untyped-def]
    from django.urls.resolvers import RoutePattern

    text = str(pattern)
    if isinstance(pattern, RoutePattern):
        for name, value in parts.items():
            for kind in ("str", "slug", "int", "path"):
                text = text.replace(f"<{kind}:{name}>", value)
        return text
    from django.urls import URLResolver

    (found,) = URLResolver(pattern.__class__(r"^"), [route_of(pattern)]).reverse_dict.getlist(
        route_of(pattern).callback
    )
    ((template, names),) = found[0]
    assert set(names) == set(parts)
    return str(template % parts)


def route_of(pattern):  # type: ignore[no-untyped-def]
    return next(route for route in routes() if route.pattern is pattern)


def ask(client, method: str, address: str) -> int:  # type: ignore[no-untyped-def]
    answer = getattr(client, method)(address)
    answer.close()
    return answer.status_code


def expected(needs: str, person: str, address: str) -> set[int]:
    """What may be answered, before a page looks at the rest of the request."""
    if needs == "review link":  # none has this token
        return {404, 429}
    if needs == "nobody":
        return {200, 302, 404, 405, 410, 422, 429}
    if not person:
        return {302}
    if "/tokens/" in address:  # of somebody else: it is not there
        return {404, 405}
    if needs == "person":
        return {200, 302, 405, 422}
    role = PEOPLE[person]
    order = ("reviewer", "editor", "owner")
    if role is None:
        return {404}
    if order.index(role) < order.index(needs):
        return {403}
    missing = "/uploads/" in address or address.endswith(("/cutout/picture", "/cutout/veil"))
    missing = missing or "/shot/" in address or "/layouts/" in address
    return {200, 302, 303, 400, 405, 422, *([404] if missing else [])}


def test_every_page_says_who_may_see_it() -> None:
    needs = {route.callback: getattr(route.callback, "needs", "") for route in routes()}
    known = {"nobody", "person", "reviewer", "editor", "owner", "review link"}
    assert set(needs.values()) <= known


def test_pages_for_everybody_are_few() -> None:
    open_to_all = {str(route.pattern) for route in routes() if route.callback.needs == "nobody"}
    assert open_to_all == {
        "healthz", "readyz",  # "ok", and no more
        "metrics",  # for programs on this machine, unless told otherwise
        "sign-in", "sign-in/link/<str:token>", "static/<str:digest>/<str:name>", "sw.js", "offline",
        "hosted/<str:ends>/<str:mac>/<path:name>",  # by signed links
    }  # fmt: skip


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete", "options"])
def test_nobody_gets_further_than_their_role(person: str, method: str) -> None:
    wrong = []
    for address, needs in addresses():
        if needs == "person" and address == "/sign-out" and person and method == "post":
            continue  # it would end the session of the ones after it
        status = ask(visitor(person), method, address)
        if status not in expected(needs, person, address):
            wrong.append((method, address, person, status))
    assert not wrong


def test_strangers_are_told_the_same_of_a_brand_that_is_not_theirs_and_one_that_is_not_there() -> (
    None
):
    client = visitor("otto")
    for (theirs, needs), (nowhere, _) in zip(
        addresses(), [(a.replace("oak-co", "no-co"), n) for a, n in addresses()], strict=True
    ):
        if needs in ("reviewer", "editor", "owner"):
            assert text_of(client.get(theirs)) == text_of(client.get(nowhere))


def test_rows_of_another_brand_are_not_reached_through_ones_own() -> None:
    """otto owns elm; he asks for oak's posts and jobs under elm's address."""
    client = visitor("otto")
    for route in routes():
        if "number" in route.pattern.regex.groupindex:
            number = number_for(str(route.pattern), "oak-co")
            parts = {"slug": "elm-co", "number": str(number)}
            for name in set(route.pattern.regex.groupindex) - {"comment", "key", *parts}:
                parts[name] = EXAMPLES[name]
            if "comment" in route.pattern.regex.groupindex:
                parts["comment"] = str(comment_on(number))
            address = "/" + filled(route.pattern, parts)
            for method in ("get", "post"):
                assert ask(client, method, address) in (404, 405)


def test_files_of_another_brand_are_not_reached_through_ones_own() -> None:
    import small_studio
    from feedsmith.brand import Home

    small_studio.post(Home(CONFIG.home), "09-photo-only-oak")
    client = visitor("otto")
    for address in (
        "/media/elm-co/09-photo-only-oak/01.jpg",
        "/thumb/elm-co/240/09-photo-only-oak/01.jpg",
    ):
        assert client.get(address).status_code == 404
    assert ask(visitor("rita"), "get", "/media/oak-co/09-photo-only-oak/01.jpg") == 200


def test_a_person_who_is_taken_off_a_brand_sees_nothing_of_it_any_more() -> None:
    from feedsmith.studio.models import Membership

    client = visitor("edgar")
    assert ask(client, "get", "/b/oak-co/posts") == 200
    Membership.objects.filter(person__name="edgar").delete()
    assert ask(client, "get", "/b/oak-co/posts") == 404


def test_every_form_wants_its_token() -> None:
    from django.test import Client

    from feedsmith.studio.models import LoginLink, Person

    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    client.force_login(Person.objects.get(name="olga"), "feedsmith.studio.models.people.SignIn")
    LoginLink.objects.all().delete()
    for address, _ in addresses():
        assert client.post(address).status_code in (403, 405), address


def test_no_page_shows_a_secret() -> None:
    from django.conf import settings

    client = visitor("olga")
    secrets = [settings.SECRET_KEY, str(CONFIG.home), str(CONFIG.database_file)]
    for address, needs in addresses():
        if needs not in ("nobody", "review link") and "/events" not in address:
            answer = client.get(address)
            if not answer.streaming:
                said = answer.content.decode("utf-8", "replace")
                if (
                    address == "/b/oak-co/settings"
                ):  # where the file lies is what an owner asks there
                    assert text_of(visitor("edgar").get(address)).count(str(CONFIG.home)) == 0
                    said = said.replace(str(CONFIG.home), "")
                assert not [secret for secret in secrets if secret in said], address
            answer.close()
