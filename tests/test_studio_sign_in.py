"""Signing in: by a link once, by a password, and not by guessing."""

from datetime import timedelta

import pytest

from feedsmith.studio.settings import django_settings
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


def person(name: str):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Person

    return Person.objects.get(name=name)


def link_of(name: str) -> str:
    from feedsmith.studio.models import LoginLink

    return f"/sign-in/link/{LoginLink.make(person(name))}"


def test_a_link_lets_in_once() -> None:
    link = link_of("olga")
    first, second = visitor(), visitor()
    assert first.post(link).headers["Location"] == "/"
    assert "Oak &amp; Co" in first.get("/").content.decode()
    assert second.post(link).status_code == 410
    assert second.get("/").status_code == 302


def test_opening_a_link_does_not_use_it_up_as_mail_programs_open_links() -> None:
    link, client = link_of("olga"), visitor()
    assert "Sign in as olga" in text_of(client.get(link))
    assert "Sign in as olga" in text_of(client.get(link))
    assert client.post(link).status_code == 302


def test_a_link_ends_by_itself() -> None:
    from feedsmith.studio.models import LoginLink

    link = link_of("olga")
    LoginLink.objects.update(expires=LoginLink.objects.get().expires - timedelta(hours=2))
    assert visitor().post(link).status_code == 410


def test_a_link_of_somebody_who_was_shut_out_is_no_way_in() -> None:
    from feedsmith.studio.models import Person

    link, inside = link_of("olga"), visitor("olga")
    Person.objects.filter(name="olga").update(is_active=False)
    assert visitor().post(link).status_code == 410
    assert inside.get("/").status_code == 302


def test_the_database_holds_no_token() -> None:
    from feedsmith.studio.models import LoginLink

    token = link_of("olga").rpartition("/")[2]
    assert token not in str(list(LoginLink.objects.values()))


def test_a_password_lets_in_where_one_was_chosen() -> None:
    client = visitor("edgar")
    assert client.post("/account", {"new": "short"}).status_code == 422
    assert client.post("/account", {"new": "green-oak-77-lane"}).status_code == 200
    fresh = visitor()
    wrong = fresh.post("/sign-in", {"name": "edgar", "password": "green-oak-77-lame"})
    assert wrong.status_code == 422
    assert "Name or password is not right." in text_of(wrong)
    right = {"name": "edgar", "password": "green-oak-77-lane", "next": "/b/oak-co/posts"}
    assert fresh.post("/sign-in", right).headers["Location"] == "/b/oak-co/posts"


def test_passwords_are_hashed_with_as_many_rounds_as_django_thinks_fit() -> None:
    assert "PASSWORD_HASHERS" not in django_settings(
        CONFIG
    )  # small_studio.py takes fewer, to be quick


def test_somebody_without_a_password_cannot_sign_in_with_an_empty_one() -> None:
    assert visitor().post("/sign-in", {"name": "olga", "password": ""}).status_code == 422


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait() -> None:
    visitor("edgar").post("/account", {"new": "green-oak-77-lane"})
    client = visitor()
    for _ in range(5):
        assert client.post("/sign-in", {"name": "Edgar", "password": "x"}).status_code == 422
    right = client.post("/sign-in", {"name": "edgar", "password": "green-oak-77-lane"})
    assert right.status_code == 429
    assert int(right.headers["Retry-After"]) > 0
    # Somebody else at the same address is not shut out by that.
    assert client.post("/sign-in", {"name": "olga", "password": "x"}).status_code == 422


def test_guessing_links_is_counted_too() -> None:
    client = visitor()
    tried = [client.get(f"/sign-in/link/guess{i}").status_code for i in range(21)]
    assert tried == [410] * 20 + [429]


def test_after_a_while_one_may_try_again() -> None:
    from feedsmith.studio.models import FailedSignIn

    client = visitor()
    for _ in range(6):
        client.post("/sign-in", {"name": "edgar", "password": "x"})
    for row in FailedSignIn.objects.all():
        row.at -= timedelta(minutes=16)
        row.save()
    assert client.post("/sign-in", {"name": "edgar", "password": "x"}).status_code == 422


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example/", "javascript:x", "\\\\e"]
)
def test_signing_in_never_leads_to_another_site(elsewhere: str) -> None:
    visitor("edgar").post("/account", {"new": "green-oak-77-lane"})
    form = {"name": "edgar", "password": "green-oak-77-lane", "next": elsewhere}
    assert visitor().post("/sign-in", form).headers["Location"] == "/"


def test_a_form_without_its_token_is_refused() -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    answer = client.post("/sign-in", {"name": "olga", "password": "x"})
    assert answer.status_code == 403
    assert "Reload the page" in text_of(answer)


def test_signing_out_ends_the_session() -> None:
    client = visitor("olga")
    assert client.post("/sign-out").status_code == 302
    assert client.get("/").headers["Location"].startswith("/sign-in")


def test_wrong_passwords_do_not_shut_the_door_for_links() -> None:
    link, client = link_of("olga"), visitor()
    for name in ("", "olga", "edgar"):
        for _ in range(6):
            client.post("/sign-in", {"name": name, "password": "x"})
    assert client.post("/sign-in", {"name": "olga", "password": "x"}).status_code == 429
    assert client.post(link).status_code == 302
