"""The API: what a program can see and do, as whom, and what it is told when it cannot."""

from datetime import UTC, datetime

import pytest

from small_api import BODIES, VERSION, Program, number_of, operations, parts, short
from small_studio import CONFIG, bytes_of, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")
OAK = "/brands/oak-co"


def approved(number: int) -> None:
    from feedsmith.studio.models import Draft

    Draft.objects.get(pk=number).move("approved", by="owner")


# ---- seeing --------------------------------------------------------------------------------------


def test_a_program_sees_the_brands_of_its_person_and_no_others() -> None:
    assert [(b["slug"], b["role"]) for b in Program("edgar").get("/brands")] == [
        ("oak-co", "editor")
    ]
    assert Program("nina").get("/brands") == []
    assert Program("edgar").get(OAK)["posts"] == {"draft": 3}
    assert Program("rita").get("/me")["name"] == "rita"


def test_posts_come_in_the_order_of_the_feed_a_page_at_a_time() -> None:
    program, seen, cursor = Program("rita"), [], ""
    for _ in range(3):
        page = program.get(f"{OAK}/posts?limit=1&cursor={cursor}")
        seen += [post["caption"] for post in page["posts"]]
        cursor = page["next"]
    assert seen == ["Slow down.", "Three greens.", "A walk under the oaks."]
    assert cursor is None


def test_a_cursor_stays_right_when_a_post_is_added_on_top() -> None:
    program = Program("edgar")
    first = program.get(f"{OAK}/posts?limit=2")
    assert program("POST", f"{OAK}/posts/{number_of('03-quote-aaaaaa')}/copies").status_code == 201
    rest = program.get(f"{OAK}/posts?cursor={first['next']}")
    assert [post["caption"] for post in rest["posts"]] == ["A walk under the oaks."]


def test_posts_are_chosen_by_state_kind_favourite_and_words() -> None:
    program, quote = Program("edgar"), number_of("03-quote-aaaaaa")

    def found(query: str) -> list[str]:
        return [post["kind"] for post in program.get(f"{OAK}/posts?{query}")["posts"]]

    assert program("PUT", f"{OAK}/posts/{quote}/favourite", {"on": True}).json()["favourite"]
    assert program("POST", f"{OAK}/posts/{quote}/state", {"to": "archived"}).status_code == 200
    assert found("") == ["carousel", "photo"]
    assert found("state=archived") == ["quote"]
    assert found("state=archived&state=draft&favourite=true") == ["quote"]
    assert found("kind=photo") == ["photo"]
    assert found("q=THREE%20greens") == ["carousel"]
    assert found("q=nothing-like-it") == []


def test_a_post_says_where_it_comes_from_and_what_may_be_done_next() -> None:
    post = Program("edgar").get(f"{OAK}/posts/{number_of('02-carousel-aaaaaa')}")
    assert post["origin"]["provenance"] == "cropped from your photo"
    assert [step["to"] for step in post["steps"]] == ["review", "archived"]
    assert [medium["alt_text"] for medium in post["media"]] == ["Green 1.", "Green 2.", "Green 3."]


def test_media_and_thumbnails_come_with_the_same_token() -> None:
    program = Program("rita")
    medium = program.get(f"{OAK}/posts/{number_of()}")["media"][0]
    whole = program("GET", medium["url"].removeprefix("/api/v1"))
    assert bytes_of(whole) == (CONFIG.home / "posts/01-photo-aaaaaa/01.jpg").read_bytes()
    small = program("GET", medium["thumbnail"].removeprefix("/api/v1") + "?width=240")
    assert small.content[8:12] == b"WEBP"
    for name in ("02.jpg", "post.json", "..%2fpost.json", "%2e%2e"):
        assert program("GET", f"{OAK}/posts/{number_of()}/media/{name}").status_code == 404


def test_the_calendars_days_are_those_of_the_brands_zone() -> None:
    number = number_of()
    approved(number)
    program = Program("edgar")
    # Berlin: half past midnight on the 29th, on the day after the clocks went forward.
    body = {"at": "2027-03-28T22:30:00Z"}
    assert program("PUT", f"{OAK}/posts/{number}/schedule", body).status_code == 200
    shown = program.get(f"{OAK}/calendar?start=2027-03-29&end=2027-03-29")
    assert (shown["time_zone"], [day["day"] for day in shown["days"]]) == (
        "Europe/Berlin", ["2027-03-29"],
    )  # fmt: skip
    assert program.get(f"{OAK}/calendar?start=2027-03-28&end=2027-03-28")["days"] == []
    assert program("GET", f"{OAK}/calendar?start=2027-03-29&end=2027-03-28").status_code == 422


def test_the_calendar_says_what_the_pages_say_of_clashes() -> None:
    program, numbers = Program("edgar"), [number_of(), number_of("03-quote-aaaaaa")]
    for number, minute in zip(numbers, ("10", "50"), strict=True):
        approved(number)
        body = {"at": f"2027-01-04T10:{minute}:00Z"}
        assert program("PUT", f"{OAK}/posts/{number}/schedule", body).status_code == 200
    [day] = program.get(f"{OAK}/calendar?start=2027-01-01&end=2027-01-31")["days"]
    assert (day["day"], day["clashes"], day["planned"]) == ("2027-01-04", numbers, [])


def test_the_librarys_photos_are_listed_with_their_credits() -> None:
    lines = [
        f'{{"id": "{n:016x}", "file": "photos/{n}.jpg", "name": "oak-{n}.jpg", "width": 9, "height": 9}}'
        for n in range(3)
    ]
    (CONFIG.home / "library").mkdir(exist_ok=True)
    (CONFIG.home / "library/photos.jsonl").write_text("\n".join(lines), "utf-8")
    program = Program("rita")
    first = program.get(f"{OAK}/library/photos?limit=2")
    assert (first["total"], [p["name"] for p in first["photos"]]) == (3, ["oak-0.jpg", "oak-1.jpg"])
    rest = program.get(f"{OAK}/library/photos?cursor={first['next']}&q=oak")
    assert [p["name"] for p in rest["photos"]] == ["oak-2.jpg"]
    assert program("GET", f"{OAK}/library/photos/{0:016x}/thumbnail").status_code == 404


# ---- changing ------------------------------------------------------------------------------------


def test_an_edit_from_an_old_version_gets_both_and_changes_nothing() -> None:
    program, here = Program("edgar"), f"{OAK}/posts/{number_of()}"
    first = program("PATCH", here, {"version": 1, "caption": "Mine."})
    assert (first.status_code, first.json()["version"]) == (200, 2)
    late = program("PATCH", here, {"version": 1, "caption": "Late.", "hashtags": ["x"]})
    assert late.status_code == 409
    assert late.json()["theirs"]["caption"] == "Mine."
    assert late.json()["yours"] == {"caption": "Late.", "hashtags": ["x"]}
    assert program.get(here)["caption"] == "Mine."


def test_undo_and_redo_walk_the_history() -> None:
    program, here = Program("edgar"), f"{OAK}/posts/{number_of()}"
    program("PATCH", here, {"version": 1, "caption": "Second."})
    undone = program("POST", f"{here}/undo", {"version": 2}).json()
    assert (undone["caption"], undone["can_undo"], undone["can_redo"]) == (
        "A walk under the oaks.", False, True,
    )  # fmt: skip
    assert program("POST", f"{here}/redo", {"version": 3}).json()["caption"] == "Second."
    assert program("POST", f"{here}/redo", {"version": 4}).json()["error"] == (
        "there is nothing to redo"
    )
    assert [r["shown"] for r in program.get(f"{here}/revisions")] == [False, True]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"caption": "x"}, "body.version: Field required"),
        ({"version": 1, "captoin": "x"}, "body.captoin: Extra inputs are not permitted"),
        ({"version": 1, "caption": "\0"}, "body.caption: holds signs that cannot be kept"),
        ({"version": 1, "caption": "\ud83d"}, "body.caption: holds signs that cannot be kept"),
        ({"version": 1, "hashtags": ["#oak"]}, "body.hashtags.0: String should match pattern"),
        ({"version": 1, "alt_text": ["a", "b"]}, "this post has 1 media, and 2 alt texts were given"),
    ],
)  # fmt: skip
def test_an_edit_that_cannot_be_taken_says_where(body: dict[str, object], said: str) -> None:
    answer = Program("edgar")("PATCH", f"{OAK}/posts/{number_of()}", body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(said)


def test_a_post_goes_through_approval_to_the_calendar_and_back() -> None:
    number = number_of()
    here = f"{OAK}/posts/{number}"
    edgar, rita = Program("edgar"), Program("rita")
    assert edgar("POST", f"{here}/state", {"to": "review"}).json()["state"] == "review"
    seen = rita.get(here)["version"]
    assert rita("POST", f"{here}/state", {"to": "approved", "version": seen}).status_code == 200
    assert (
        edgar("POST", f"{here}/state", {"to": "scheduled"}).json()["error"] == "a time is missing"
    )
    at = "2026-12-04T18:30:00+01:00"
    assert (
        edgar("PUT", f"{here}/schedule", {"at": at})
        .json()["scheduled_at"]
        .startswith("2026-12-04T17:30:00")
    )
    later = edgar("PUT", f"{here}/schedule", {"at": "2026-12-05T17:30:00Z"})
    assert (later.status_code, later.json()["state"]) == (200, "scheduled")
    off = edgar("DELETE", f"{here}/schedule").json()
    assert (off["state"], off["scheduled_at"]) == ("approved", None)
    moves = [e["words"] for e in rita.get(f"{OAK}/events?post={number}")["events"]]
    assert moves == [
        "scheduled -> approved", "to 5 December 2026, 18:30", "approved -> scheduled",
        "review -> approved", "draft -> review",
    ]  # fmt: skip


def test_who_approves_what_was_changed_in_between_is_told() -> None:
    here = f"{OAK}/posts/{number_of()}"
    Program("edgar")("PATCH", here, {"version": 1, "caption": "Other words."})
    late = Program("olga")("POST", f"{here}/state", {"to": "approved", "version": 1})
    assert late.status_code == 409
    assert late.json()["theirs"]["caption"] == "Other words."
    assert late.json()["theirs"]["state"] == "draft"


def test_a_step_that_is_not_there_is_refused_in_words() -> None:
    answer = Program("olga")("POST", f"{OAK}/posts/{number_of()}/state", {"to": "published"})
    assert answer.status_code == 409
    assert answer.json()["error"] == "this post is draft, and cannot become published"


def test_the_feeds_order_is_changed_and_strangers_posts_are_not_in_it() -> None:
    program = Program("edgar")
    a, b, c = [post["id"] for post in program.get(f"{OAK}/posts")["posts"]]
    assert program("PUT", f"{OAK}/posts/{c}/place", {"before": a}).json()["id"] == c
    assert program("PUT", f"{OAK}/posts/{a}/place", {"after": b}).status_code == 200
    assert [post["id"] for post in program.get(f"{OAK}/posts")["posts"]] == [c, b, a]
    theirs = number_of(brand="elm-co")
    assert program("PUT", f"{OAK}/posts/{a}/place", {"before": theirs}).status_code == 409
    for wrong in ({}, {"before": b, "after": c}):
        assert program("PUT", f"{OAK}/posts/{a}/place", wrong).status_code == 422


def test_favourites_and_another_order_leave_the_same_lines_from_page_and_program() -> None:
    from feedsmith.studio.models import Event

    program, page, one = Program("edgar"), visitor("edgar"), number_of()
    top, two = number_of("03-quote-aaaaaa"), number_of("02-carousel-aaaaaa")

    def lines() -> list[tuple[str, int, str]]:
        found = list(Event.objects.order_by("pk").values_list("verb", "draft", "words"))
        assert set(Event.objects.values_list("person__name", flat=True)) == {"edgar"}
        Event.objects.all().delete()
        return found

    program("PUT", f"{OAK}/posts/{one}/favourite", {"on": True})
    program("PUT", f"{OAK}/posts/{one}/favourite", {"on": False})
    program("PUT", f"{OAK}/posts/{one}/place", {"before": two})
    program("PUT", f"{OAK}/posts/{one}/place", {"after": two})
    by_program = lines()
    page.post(f"/b/oak-co/posts/{one}/favourite", {"on": "1"})
    page.post("/b/oak-co/posts/bulk", {"do": "favourite", "post": [one]})
    page.post("/b/oak-co/posts/order", {"post": one, "before": two})
    page.post("/b/oak-co/posts/order", {"post": one, "after": two})
    assert lines() == by_program
    assert [(verb, number) for verb, number, _ in by_program] == [
        ("marked", one), ("marked", one), ("reordered", one), ("reordered", one),
    ]  # fmt: skip
    page.post("/b/oak-co/posts/order", {"post": one, "before": top})
    said = text_of(visitor("rita").get("/b/oak-co/activity"))
    assert "edgar moved the photo “A walk under the oaks.” in the feed" in said


def test_a_copy_has_files_of_its_own_and_stands_above() -> None:
    program, number = Program("edgar"), number_of("02-carousel-aaaaaa")
    copy = program("POST", f"{OAK}/posts/{number}/copies").json()
    order = [post["id"] for post in program.get(f"{OAK}/posts")["posts"]]
    assert order.index(copy["id"]) == order.index(number) - 1
    assert copy["caption"] == "Three greens."
    assert (CONFIG.home / "posts/02-carousel-aaaaaa-copy/03.jpg").is_file()


def test_comments_are_made_by_reviewers_and_resolved_by_editors() -> None:
    here = f"{OAK}/posts/{number_of()}/comments"
    rita, edgar = Program("rita"), Program("edgar")
    made = rita("POST", here, {"text": " Too green? "})
    assert (made.status_code, made.json()["text"]) == (201, "Too green?")
    where = f"{here}/{made.json()['id']}"
    assert rita("PATCH", where, {"resolved": True}).status_code == 403
    assert edgar("PATCH", where, {"resolved": True}).json()["resolved"]
    assert [(c["by"], c["resolved"]) for c in rita.get(here)] == [("rita", True)]
    assert rita("POST", here, {"text": "  "}).status_code == 422


def test_generate_asks_for_a_job_which_can_be_seen_and_stopped() -> None:
    program = Program("edgar")
    offer = {"name": "Oak walk", "price": "12 EUR", "link": "https://oak.example"}
    made = program("POST", f"{OAK}/jobs", {"kind": "promo", "count": 2, "offer": offer})
    assert made.status_code == 201
    job = made.json()
    assert (job["state"], job["total"], job["before"], job["asked_by"]) == ("queued", 2, 0, "edgar")
    from feedsmith.studio.models import Job

    assert Job.objects.get().args["offer"] == offer
    assert program("POST", f"{OAK}/jobs/{job['id']}/stop").json()["state"] == "stopped"
    assert [j["state"] for j in program.get(f"{OAK}/jobs?state=stopped")["jobs"]] == ["stopped"]
    assert program.get(f"{OAK}/jobs?state=queued&state=running")["jobs"] == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "promo"}, "Say what the post offers"), ({"images": "dall-e"}, "Choose one of the image models"),
        ({"count": 51}, "body.count: Input should be less"), ({"kind": "novel"}, "body.kind"),
        ({"offer": {"link": "javascript:alert(1)"}}, "body.offer.link"),
    ],
)  # fmt: skip
def test_what_cannot_be_generated_is_refused_as_on_the_page(
    body: dict[str, object], said: str
) -> None:
    answer = Program("edgar")("POST", f"{OAK}/jobs", body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(said)


# ---- who may -------------------------------------------------------------------------------------


def fresh() -> None:
    from feedsmith.studio.api.door import rate

    rate.forget()


def test_every_operation_with_a_request_that_can_be_meant_is_answered() -> None:
    """Else the tests below would be told 403 or 404 by chance: all but these do what they say."""
    late = {("POST", "/brands/{brand}/library/imports"), ("POST", "/brands/{brand}/webhooks")}
    # Its posts were written by the test, not made: what they were made of is not known.
    late |= {
        ("POST", f"/brands/{{brand}}/posts/{{number}}/{what}")
        for what in ("versions", "words", "layouts")
    }
    refused = {}
    program = Program("olga")
    for method, path, _, _ in operations():
        fresh()
        answer = program.ask(method, path, parts(path))
        if answer.status_code not in (200, 201, 204):
            refused[method, path] = answer.status_code
        answer.close()
    # An edit names the version; how often the post was changed before is not the same for each.
    edits = {key for key, status in refused.items() if status == 409 and BODIES.get((key[0], short(key[1]))) in ANY_VERSION}  # fmt: skip
    assert set(refused) - edits <= late | {("POST", "/brands/{brand}/calendar/jobs")}, refused


ANY_VERSION = (VERSION, VERSION | {"caption": "Other."})


def test_every_operation_is_closed_to_whoever_has_no_token_or_is_a_stranger() -> None:
    nobody, otto, nina, session = Program(), Program("otto"), Program("nina"), visitor("olga")
    assert len(operations()) > 60
    for method, path, _, role in operations():
        fresh()
        oaks = parts(path)
        place = path.format(**oaks)
        assert nobody(method, place).status_code == 401, place
        assert session.generic(method, f"/api/v1{place}").status_code == 401, place
        if role is not None:
            assert otto.ask(method, path, oaks).status_code == 404, place
            assert nina.ask(method, path, oaks).status_code == 404, place
        # What is another brand's, or somebody else's, is not found under one's own either.
        own = {"brand", "photo", "file", "revision"}  # the same in every brand
        if set(oaks) - own:
            elms = {**parts(path, "elm-co", "otto"), **oaks, "brand": "elm-co"}
            answer = otto.ask(method, path, elms)
            assert answer.status_code == 404, (method, path, answer.content)


def test_uploads_of_somebody_else_in_the_same_brand_are_not_found() -> None:
    edgar = Program("edgar")
    for method, path, _, _ in operations():
        if "{key}" in path:
            assert edgar.ask(method, path, parts(path, person="olga")).status_code == 404


def test_every_operation_asks_for_its_role() -> None:
    from feedsmith.studio.states import ROLES

    people = {"reviewer": Program("rita"), "editor": Program("edgar"), "owner": Program("olga")}
    for method, path, _, role in operations():
        for name in ROLES[: ROLES.index(role)] if role else ():
            fresh()
            answer = people[name].ask(method, path, parts(path))
            assert answer.status_code == 403, (method, path)


def test_every_operation_takes_the_scope_it_names_and_no_other() -> None:
    """The whole table: operations by scopes."""
    from feedsmith.studio.models.tokens import SCOPES

    programs = {scope: Program("olga", scope) for scope in SCOPES}
    wrong = []
    for method, path, wanted, _ in operations():
        if path.endswith("/state"):  # by step: below
            continue
        for scope, program in programs.items():
            fresh()
            answer = program.ask(method, path, parts(path))
            answer.close()
            if (answer.status_code != 403) != (scope == wanted):
                wrong.append((method, path, scope, answer.status_code))
    assert not wrong


def test_every_step_of_approval_takes_its_scope_and_no_other() -> None:
    """Steps by scopes: to the calendar and out, "schedule"; approval and its refusal, "approve"."""
    from feedsmith.studio import states
    from feedsmith.studio.models import Draft
    from feedsmith.studio.models.tokens import SCOPES

    number = number_of()
    programs = {scope: Program("olga", "read", scope) for scope in SCOPES}
    allowed: dict[tuple[str, str], set[str]] = {}
    steps = [step for step in states.STEPS if step.by & {"owner", "editor", "reviewer"}]
    for step in steps:
        for scope, program in programs.items():
            fresh()
            Draft.objects.filter(pk=number).update(state=step.before)
            body = {"to": step.after} | (
                {"at": "2027-01-02T10:00:00Z"} if step.after == "scheduled" else {}
            )
            answer = program("POST", f"{OAK}/posts/{number}/state", body)
            assert answer.status_code in (200, 403)
            if answer.status_code == 200:
                allowed.setdefault((step.before, step.after), set()).add(scope)
    assert set(allowed) == {(step.before, step.after) for step in steps}
    for (before, after), scopes in allowed.items():
        calendar = "scheduled" in (before, after) or after == "published"
        verdict = after == "approved" or (before, after) == ("review", "draft")
        assert scopes == {"schedule" if calendar else "approve" if verdict else "write"}


def test_who_may_only_edit_gets_nothing_approved_scheduled_or_published_by_any_operation() -> None:
    """An owner's token without approve, schedule, manage: everything is tried, the post stands where an
    editor may bring it, and no answer opens another door."""
    from feedsmith.studio import states
    from feedsmith.studio.models import Draft, Event, LoginLink, Membership, ReviewLink, Token

    program = Program("olga", "read", "write", "generate", "library")
    number = number_of()
    Draft.objects.filter(pk=number).update(state="review")
    ReviewLink.make(Draft.objects.get(pk=number).brand, None, chosen=[number])
    LoginLink.objects.all().delete()
    before = (Token.objects.count(), Membership.objects.filter(role="owner").count())
    said = ""
    for method, path, _, _ in operations():
        values = parts(path)
        if "posts/{number}" in path:
            Draft.objects.filter(pk=number).update(state="review", scheduled_at=None)
            values["number"] = number
        for to in states.STATES if path.endswith("/state") else ("",):
            fresh()
            place = path.format(**values)
            answer = (
                program.ask(method, path, values)
                if not to
                else program(method, place, {"to": to, "at": "2027-01-02T10:00:00Z"})
            )
            said += "" if answer.streaming else answer.content.decode("utf-8", "replace")
            answer.close()
        if "{number}/schedule" in path or "/publication/" in path:  # `parts` brought another so far
            Draft.objects.exclude(pk=number).update(state="draft", scheduled_at=None)
        there = set(Draft.objects.filter(brand__slug="oak-co").values_list("state", flat=True))
        assert there <= {"draft", "review", "archived"}, (method, path)
        assert not Draft.objects.exclude(scheduled_at=None).exists(), (method, path)
    assert not Event.objects.filter(verb="moved", words__endswith="approved").exists()
    assert not LoginLink.objects.exists()
    tokens = Token.objects.exclude(name="another").count()  # those that `parts` makes
    assert (tokens, Membership.objects.filter(role="owner").count()) == before
    assert "/r/" not in said
    assert "/sign-in/link/" not in said


def test_a_token_that_may_only_read_changes_nothing_by_any_operation() -> None:
    from django.apps import apps
    from django.core import serializers

    from feedsmith.studio.models import Token

    program = Program("olga", "read")

    def everything() -> str:
        Token.objects.update(used_at=None)
        rows = [row for model in apps.get_app_config("studio").get_models() for row in model.objects.order_by("pk")]  # fmt: skip
        return str(serializers.serialize("json", rows))

    for method, path, scope, _ in operations():
        if scope != "read":
            continue  # is refused, as the table above says
        fresh()
        values = parts(path)
        before = everything()
        program.ask(method, path, values).close()
        assert everything() == before, (method, path)
        assert not (CONFIG.home / "library" / "marks.json").exists()


def test_a_step_needs_the_scope_of_what_it_does() -> None:
    number = number_of()
    here = f"{OAK}/posts/{number}/state"
    writer, approver = Program("olga", "read", "write"), Program("olga", "read", "approve")
    assert writer("POST", here, {"to": "approved"}).status_code == 403
    assert approver("POST", here, {"to": "review"}).status_code == 403
    assert approver("POST", here, {"to": "approved"}).status_code == 200
    late = {"to": "scheduled", "at": datetime(2027, 1, 2, tzinfo=UTC).isoformat()}
    assert approver("POST", here, late).json()["error"] == 'this token lacks the scope "schedule"'
    assert Program("olga", "read", "schedule")("POST", here, late).status_code == 200


def test_who_asks_too_often_is_told_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    from feedsmith.studio.api import door

    monkeypatch.setattr(door, "A_SECOND", 0.01)  # a slow machine asks no oftener than that
    program, other = Program("edgar"), Program("rita")
    for _ in range(int(door.AT_ONCE) + 20):
        answer = program("GET", "/me")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 1
    assert answer.json()["mend"] == f"wait {answer.headers['Retry-After']} s"
    assert other("GET", "/me").status_code == 200


def test_guessing_tokens_is_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    from feedsmith.studio.api import door

    monkeypatch.setattr(door, "STRANGERS_A_SECOND", 0.01)
    guesser = visitor()
    for n in range(40):
        answer = guesser.get("/api/v1/me", headers={"Authorization": f"Bearer feedsmith_{n}"})
    assert answer.status_code == 429
    assert Program("edgar")("GET", "/me").status_code == 200


# ---- in general ----------------------------------------------------------------------------------


def test_everything_that_goes_wrong_is_json_with_a_next_step() -> None:
    program = Program("edgar")
    for method, path, status in (
        ("GET", "/nothing", 404), ("GET", "", 404), ("DELETE", f"{OAK}/posts", 405),
        ("GET", f"{OAK}/posts/x", 404), ("GET", f"{OAK}/posts?cursor=abc", 422),
        ("GET", f"{OAK}/posts?limit=0", 422), ("GET", f"{OAK}/posts?stat=draft", 422),
        ("GET", f"{OAK}/posts/{10**30}", 404),
    ):  # fmt: skip
        answer = program(method, path)
        assert answer.status_code == status, path
        assert set(answer.json()) >= {"error", "mend"}
    broken = program.client.generic(
        "POST", f"/api/v1{OAK}/jobs", "{", "application/json",
        headers={"Authorization": f"Bearer {program.token}"},
    )  # fmt: skip
    assert broken.status_code == 400
    assert "error" in broken.json()


def test_every_operation_what_it_takes_and_every_field_of_an_answer_is_described() -> None:
    said = visitor().get("/api/v1/openapi.json").json()
    bare, seen = [], 0
    for address, methods in said["paths"].items():
        for method, operation in methods.items():
            things = [(operation["summary"], operation)]
            things += [
                (each["name"], {**each["schema"], **each}) for each in operation["parameters"]
            ]
            bare += [f"{method} {address}: {n}" for n, t in things if not t.get("description")]
            seen += len(things)
    for name, shape in said["components"]["schemas"].items():
        things = [(name, shape), *shape.get("properties", {}).items()]
        bare += [f"{name}: {n}" for n, each in things if not each.get("description")]
        seen += len(things)
    assert bare == []
    assert seen > 500


def test_the_description_and_its_page_are_whole_and_need_no_other_site() -> None:
    client = visitor()
    said = client.get("/api/v1/openapi.json").json()
    assert said["openapi"].startswith("3.1")
    assert all(o["security"] for methods in said["paths"].values() for o in methods.values())
    page = client.get("/api/v1/docs").content.decode()
    assert page.count("<code>") == len(operations())
    assert "https://" not in page.replace("https://json-schema.org", "")
    assert "<style" not in page
    assert "<script>" not in page


def test_no_answer_tells_where_the_files_lie() -> None:
    program = Program("olga")
    for path in ("/brands", OAK, f"{OAK}/posts", f"{OAK}/posts/{number_of()}"):
        assert str(CONFIG.home) not in str(program.get(path))
