"""What programs may do about a post on its way, and with whom and where it is posted."""

from datetime import timedelta

import pytest

from small_api import Program, number_of
from small_publishing import Day
from small_studio import text_of, visitor
from test_studio_figures import read

pytestmark = pytest.mark.usefixtures("studio")
HERE = "/brands/oak-co/posts"


def state_of(program: Program, number: int) -> dict[str, object]:
    return program.get(f"{HERE}/{number}/publication")


# ---- going out -------------------------------------------------------------------------------------


def test_a_program_publishes_now_and_reads_where_it_is_and_what_was_counted(day: Day) -> None:
    edgar, number = Program("edgar"), number_of()
    assert edgar("POST", f"{HERE}/{number}/publication/now", {}).status_code == 409  # not approved
    Program("olga")("POST", f"{HERE}/{number}/state", {"to": "approved"})
    assert state_of(edgar, number)["may"] == ["now"]
    assert state_of(Program("rita"), number)["may"] == []
    answer = edgar("POST", f"{HERE}/{number}/publication/now", {})
    assert answer.json()["state"] == "scheduled"
    day.fake.world.clock.advance(2)
    day.run()
    said = state_of(edgar, number)
    assert (said["step"], said["question"], said["may"]) == ("published", "", [])
    post = edgar.get(f"{HERE}/{number}")
    assert post["permalink"] == said["permalink"]
    assert post["permalink"].startswith("http")
    read(day, 2)
    first, *others = edgar.get(f"{HERE}/{number}/insights")["readings"]
    assert (first["hours"], first["step"]) == (1, "read")
    assert first["reach"] > 0
    assert [other["step"] for other in others] == ["waiting"] * 4
    assert edgar.get("/brands/oak-co/works")["made_at"] is None
    assert edgar("POST", "/brands/oak-co/works").json()["kind"] == "study"


def test_a_version_that_was_not_seen_is_not_published(day: Day) -> None:
    olga, number = Program("olga"), number_of()
    version = olga("POST", f"{HERE}/{number}/state", {"to": "approved"}).json()["version"]
    olga("PATCH", f"{HERE}/{number}", {"version": version, "caption": "Other."})
    answer = olga("POST", f"{HERE}/{number}/publication/now", {"version": version})
    assert answer.status_code == 409
    assert answer.json()["theirs"]["caption"] == "Other."


def test_a_program_stops_a_post_while_nothing_is_public(day: Day) -> None:
    from feedsmith.studio.worker import publishing

    edgar, draft = Program("edgar"), day.scheduled()
    day.fake.world.clock.advance(4 * 60)
    publishing.turn("publisher", now=day.now)
    assert state_of(edgar, draft.pk)["may"] == ["stop"]
    assert edgar("POST", f"{HERE}/{draft.pk}/publication/stop").json()["state"] == "approved"
    day.run()
    assert day.out == []
    assert edgar("POST", f"{HERE}/{draft.pk}/publication/stop").status_code == 409
    assert Program("rita")("POST", f"{HERE}/{draft.pk}/publication/stop").status_code == 403


@pytest.mark.parametrize("posted", [True, False])
def test_a_program_answers_what_is_asked(day: Day, posted: bool) -> None:
    edgar, draft = Program("edgar"), day.scheduled()
    day.fake.faults.add("500-before", times=1000)
    day.run(6)
    said = state_of(edgar, draft.pk)
    assert (said["question"], sorted(said["may"])) == ("late", ["answer", "now"])
    day.fake.faults.clear()
    answer = edgar("POST", f"{HERE}/{draft.pk}/publication/answer", {"posted": posted})
    assert answer.json()["state"] == ("published" if posted else "scheduled")
    again = edgar("POST", f"{HERE}/{draft.pk}/publication/answer", {"posted": posted})
    assert again.status_code == 409


def test_what_may_be_out_is_sent_again_only_by_who_is_sure(day: Day) -> None:
    from feedsmith.studio.models import Publication

    edgar, draft = Program("edgar"), day.scheduled()
    row = Publication.begin(draft, day.account, "shop", day.now)
    assert row is not None
    row.claim("tests", day.now)
    row.keep("tests", row.told.now("publishing", calls=1))
    row.keep("tests", row.told.now("asking", why="unknown", said="its answer was lost"))
    assert state_of(edgar, draft.pk)["may"] == ["answer"]
    here = f"{HERE}/{draft.pk}/publication"
    refused = edgar("POST", f"{here}/answer", {"posted": False})
    assert refused.status_code == 409
    assert "twice" in refused.json()["error"]
    assert edgar("POST", f"{here}/now", {}).status_code == 409
    sure = edgar("POST", f"{here}/answer", {"posted": False, "sure": True})
    assert sure.json()["state"] == "scheduled"


def test_the_account_that_posts_is_chosen(day: Day) -> None:
    edgar, number = Program("edgar"), number_of()
    (known,) = edgar.get("/brands/oak-co/accounts")["accounts"]
    assert known["account"] == day.account
    assert "token" not in str(known)
    chosen = edgar("PUT", f"{HERE}/{number}/account", {"account": known["account"]})
    assert chosen.json()["account"] == day.account
    assert edgar("PUT", f"{HERE}/{number}/account", {"account": "1"}).status_code == 409


def test_the_page_publishes_now_too(day: Day) -> None:
    number = number_of()
    Program("olga")("POST", f"{HERE}/{number}/state", {"to": "approved"})
    page = visitor("edgar")
    assert "Publish it now" in text_of(page.get(f"/b/oak-co/posts/{number}"))
    page.post(f"/b/oak-co/posts/{number}/publication/answer", {"do": "now"})
    day.fake.world.clock.advance(2)
    day.run()
    assert len(day.out) == 1


@pytest.mark.parametrize("how", ["now", "calendar"])
def test_what_is_to_go_out_now_goes_out_by_an_account_connected_a_moment_ago(
    day: Day, how: str
) -> None:
    """As `feedsmith connect` leaves it: the supervisor has not looked at the accounts since."""
    from django.utils import timezone

    from feedsmith.studio.models import Brand

    number = number_of()
    Program("olga")("POST", f"{HERE}/{number}/state", {"to": "approved"})
    Brand.objects.update(publishes_from=None, account="")
    now = timezone.now()
    if how == "now":
        Program("edgar")("POST", f"{HERE}/{number}/publication/now", {})
    else:
        at = f"{now.replace(second=0, microsecond=0):%Y-%m-%dT%H:%M}Z"
        said = Program("edgar")("PUT", f"{HERE}/{number}/schedule", {"at": at})
        assert said.status_code == 200, said.content
    day.fake.world.clock.set(now.timestamp() + 90)
    day.run()
    assert len(day.out) == 1


# ---- with whom, and where --------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["page", "api"])
@pytest.mark.parametrize("folder", ["01-photo-aaaaaa", "02-carousel-aaaaaa"])
def test_collaborators_and_the_place_arrive_at_instagram(day: Day, door: str, folder: str) -> None:
    from feedsmith.studio.models import Draft

    number = number_of(folder)
    version = Draft.objects.get(pk=number).version
    if door == "api":
        change = {"collaborators": ["oak.and.ember", "just.me"], "location": "7640348500"}
        answer = Program("edgar")("PATCH", f"{HERE}/{number}", change | {"version": version})
        assert answer.json()["collaborators"] == change["collaborators"]
    else:
        form = {"version": version, "caption": "With friends.", "collaborators": "@oak.and.ember, just.me",
                "location": "7640348500"}  # fmt: skip
        assert visitor("edgar").post(f"/b/oak-co/posts/{number}/edit", form).status_code == 302
    page = visitor("edgar").get(f"/b/oak-co/posts/{number}").content.decode()
    assert 'value="oak.and.ember just.me"' in page
    day.scheduled(folder, timedelta(minutes=5))
    day.run()
    (posted,) = day.out
    assert posted.collaborators == ["oak.and.ember", "just.me"]
    assert posted.location == "Guggenheim Museum"


def test_what_instagram_would_refuse_is_said_and_holds_the_post_back(day: Day) -> None:
    from feedsmith.studio.models import Draft

    number = number_of()
    draft = Draft.objects.get(pk=number)
    form = {
        "version": draft.version,
        "caption": "Crowded.",
        "collaborators": "a b c d é",
        "location": "oak",
    }
    visitor("edgar").post(f"/b/oak-co/posts/{number}/edit", form)
    said = text_of(visitor("edgar").get(f"/b/oak-co/posts/{number}"))
    assert "5 collaborators, 3 are allowed" in said
    assert "“é” is no user name" in said
    assert "not the number of a Facebook Page" in said
    draft.refresh_from_db()
    day.scheduled()
    day.run()
    assert day.out == []
    draft.refresh_from_db()
    assert draft.state == "failed"


def test_the_api_takes_no_more_than_instagram_does() -> None:
    edgar, number = Program("edgar"), number_of()
    for wrong in (
        {"collaborators": ["a", "b", "c", "d"]}, {"collaborators": ["a b"]}, {"location": "oak"},
    ):  # fmt: skip
        assert edgar("PATCH", f"{HERE}/{number}", wrong | {"version": 1}).status_code == 422


def test_undo_takes_collaborators_back_also_over_revisions_of_older_studios() -> None:
    from feedsmith.studio.models import Draft, Revision

    draft = Draft.objects.get(pk=number_of())
    first = Revision.objects.get(draft=draft)
    first.words = {k: v for k, v in first.words.items() if k not in ("collaborators", "location")}
    first.save()
    draft = draft.edit({"collaborators": ["a"], "location": "1"}, version=draft.version)
    draft = draft.turn(-1, version=draft.version)
    assert (draft.collaborators, draft.location) == ([], "")
    draft = draft.turn(+1, version=draft.version)
    assert (draft.collaborators, draft.location) == (["a"], "1")
