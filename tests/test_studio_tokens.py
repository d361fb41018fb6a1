"""Tokens: made once, shown once, kept as a hash, ended by time or by hand."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest

from small_api import Program, token_of
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


def opens(token: str) -> int:
    answer = visitor().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    return int(answer.status_code)


def made_on_the_page(name: str, **form: object) -> str:
    page = visitor(name).post("/account/tokens", {"name": "Phone", "days": "30", **form})
    assert page.status_code == 200
    return re.search(r'value="(feedsmith_[\w-]+)"', page.content.decode()).group(1)  # type: ignore[union-attr]


def test_a_token_is_made_on_the_page_and_shown_once() -> None:
    from feedsmith.studio.models import Token

    token = made_on_the_page("edgar", scope=["read", "approve"])
    assert opens(token) == 200
    assert Token.objects.get().scopes == ["read", "approve"]
    page = visitor("edgar").get("/account/tokens")
    assert token not in page.content.decode()
    assert "Phone read, approve" in text_of(page)


def test_the_database_holds_no_token() -> None:
    from feedsmith.studio.models import Token

    token = token_of("olga")
    assert token.removeprefix("feedsmith_") not in str(list(Token.objects.values()))


def test_a_token_tells_when_it_was_last_used() -> None:
    from feedsmith.studio.models import Token

    token = token_of("edgar")
    assert "Never used" in text_of(visitor("edgar").get("/account/tokens"))
    assert opens(token) == 200
    assert "Used today" in text_of(visitor("edgar").get("/account/tokens"))
    first = Token.objects.get().used_at
    assert opens(token) == 200
    assert Token.objects.get().used_at == first, "a read within a minute is no write"


def test_a_token_ends_by_itself_by_hand_and_with_its_person() -> None:
    from feedsmith.studio.models import Person, Token

    old, revoked, gone = token_of("edgar"), token_of("rita"), token_of("olga")
    Token.objects.filter(person__name="edgar").update(
        expires=Token.objects.first().expires - timedelta(days=400)
    )
    number = Token.objects.get(person__name="rita").pk
    assert visitor("rita").post(f"/account/tokens/{number}/revoke").status_code == 302
    Person.objects.filter(name="olga").update(is_active=False)
    assert [opens(token) for token in (old, revoked, gone)] == [401, 401, 401]


def test_nobody_sees_or_revokes_anothers_tokens() -> None:
    from feedsmith.studio.models import Token

    token = token_of("olga")
    number = Token.objects.get().pk
    assert "No program acts for you." in text_of(visitor("edgar").get("/account/tokens"))
    assert visitor("edgar").post(f"/account/tokens/{number}/revoke").status_code == 404
    assert visitor().post(f"/account/tokens/{number}/revoke").status_code == 302
    assert visitor().get("/account/tokens").status_code == 302
    assert opens(token) == 200


def test_who_leaves_a_brand_takes_the_tokens_access_along() -> None:
    from feedsmith.studio.models import Membership

    program = Program("edgar")
    assert program("GET", "/brands/oak-co").status_code == 200
    Membership.objects.filter(person__name="edgar").update(role="reviewer")
    assert program("POST", "/brands/oak-co/jobs", {}).status_code == 403
    Membership.objects.filter(person__name="edgar").delete()
    assert program("GET", "/brands/oak-co").status_code == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"scope": []}, "a token needs a scope"), ({"scope": ["all"]}, '"all" is not a scope'),
        ({"scope": ["read"], "name": " "}, "a token needs a name"),
        ({"scope": ["read"], "days": "0"}, "cannot live for 0 days"),
        ({"scope": ["read"], "days": "9999"}, "cannot live for 9999 days"),
        ({"scope": ["read"], "days": "٣"}, "cannot live for 0 days"),
    ],
)  # fmt: skip
def test_a_token_that_cannot_be_meant_is_answered_in_words(
    form: dict[str, object], said: str
) -> None:
    from feedsmith.studio.models import Token

    page = visitor("edgar").post("/account/tokens", {"name": "Phone", "days": "9", **form})
    assert page.status_code == 422
    assert said in text_of(page).replace("&quot;", '"')
    assert not Token.objects.exists()


def test_a_session_is_no_way_into_the_api_and_a_token_none_into_the_pages() -> None:
    assert visitor("olga").get("/api/v1/me").status_code == 401
    header = {"Authorization": f"Bearer {token_of('olga')}"}
    assert visitor().get("/b/oak-co/posts", headers=header).status_code == 302


def test_a_token_is_made_listed_and_revoked_on_the_command_line() -> None:
    made = on_the_command_line(
        ["add", "Nightly", HOME, "--scope", "read", "--scope", "generate", "--person", "edgar"],
        ["list", HOME],
    )
    token = re.search(r"^feedsmith_[\w-]+$", made, re.M).group()  # type: ignore[union-attr]
    assert "Nightly acts for edgar" in made
    assert opens(token) == 200
    number = re.search(r"^(\d+)  Nightly  edgar  read,generate", made, re.M).group(1)  # type: ignore[union-attr]
    assert made.count(token) == 1
    ended = on_the_command_line(["revoke", number, HOME], ["list", HOME])
    assert "Nightly opens nothing any more." in ended
    assert "There are none." in ended
    assert opens(token) == 401


HOME = str(CONFIG.home)


def on_the_command_line(*commands: list[str]) -> str:
    """What `feedsmith studio token ...` says, of several commands in one process."""
    run = "import json, sys; from feedsmith.cli import app\nfor words in json.loads(sys.argv[1]):\n    app(['studio', 'token', *words], standalone_mode=False)"
    done = subprocess.run(
        [sys.executable, "-c", run, json.dumps(commands)], text=True, capture_output=True,
        env=os.environ | {"FEEDSMITH_DATABASE_URL": CONFIG.database_url},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
