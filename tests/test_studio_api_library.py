"""The library by a program: files that go up in pieces and are imported, marks, keywords, cut-outs; and
plans, people and tokens.
"""

import json
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from small_api import JPEG, PHOTO, Program, a_member, number_of, parts
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")
OAK = "/brands/oak-co"
LIBRARY = f"{OAK}/library"


def piece(program: Program, key: str, start: int, data: bytes):  # type: ignore[no-untyped-def]
    headers = {"Authorization": f"Bearer {program.token}"}
    place = f"/api/v1{LIBRARY}/uploads/{key}?start={start}"
    return program.client.generic("PATCH", place, data, "application/octet-stream", headers=headers)


# ---- files ---------------------------------------------------------------------------------------


def test_a_file_goes_up_in_pieces_goes_on_after_a_break_and_is_imported() -> None:
    from feedsmith.studio.models import Job, Upload

    program, table = Program("edgar", "read", "library"), b"file,caption\n" + b"a.jpg,Oaks.\n" * 9
    new = {"name": "../posts.csv", "size": len(table), "mark": "abc"}
    begun = program("POST", f"{LIBRARY}/uploads", new)
    assert (begun.status_code, begun.json()["name"], begun.json()["have"]) == (201, "posts.csv", 0)
    key = begun.json()["key"]
    assert piece(program, key, 0, table[:40]).json()["have"] == 40
    missed = piece(program, key, 60, table[60:])
    assert (missed.status_code, missed.json()["have"]) == (409, 40)
    early = program("POST", f"{LIBRARY}/imports", {"uploads": [key]})
    assert early.json()["error"] == "no file is here as a whole"
    # Announced again after the break, it is the same file; a page of the same person goes on, too.
    assert program("POST", f"{LIBRARY}/uploads", new).json() == begun.json() | {"have": 40}
    page = visitor("edgar").post(
        "/b/oak-co/library/uploads", new | {"name": "posts.csv", "size": str(len(table))}
    )
    assert (page.json()["key"], page.json()["have"]) == (key, 40)
    assert piece(program, key, 40, table[40:]).json()["have"] == len(table)
    assert [u["key"] for u in program.get(f"{LIBRARY}/uploads")] == [key]
    job = program("POST", f"{LIBRARY}/imports", {"uploads": [key]}).json()
    assert (job["kind"], job["state"], job["asked_by"]) == ("import", "queued", "edgar")
    assert Upload.objects.get().path.read_bytes() == table
    assert program.get(f"{LIBRARY}/uploads") == []
    assert program("DELETE", f"{LIBRARY}/uploads/{key}").status_code == 404
    # What the worker tells of it (test_studio_library imports for real) comes with the job.
    result = {"posts_new": 9, "photos_new": 0, "notes": [f"{CONFIG.home}/library/x.csv: one line"]}
    Job.objects.filter(pk=job["id"]).update(state="done", result=result)
    [done] = program.get(f"{OAK}/jobs?kind=import")["jobs"]
    assert done["report"][0] == "9 posts and 0 photos are new."
    assert done["result"]["notes"] == ["library/x.csv: one line"]
    assert program.get(f"{OAK}/jobs?kind=plan")["jobs"] == []


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ({"name": "a.exe", "size": 9}, "a.exe is nothing for the library"),
        ({"name": "a.jpg", "size": 0}, "body.size: Input should be greater than or equal to 1"),
        ({"name": "a.jpg", "size": 201 * 2**20}, "a.jpg is larger than 200.0 MB"),
        ({"name": "a.jpg", "size": "9"}, "body.size: must be a number"),
        ({"name": "", "size": 9}, "body.name: Value should have at least 1 item after validation, not 0"),
    ],
)  # fmt: skip
def test_files_that_are_not_taken_are_refused_before_a_byte_is_sent(
    new: dict[str, object], said: str
) -> None:
    answer = Program("edgar")("POST", f"{LIBRARY}/uploads", new)
    assert (answer.status_code, answer.json()["error"]) == (422, said)


def test_a_piece_that_is_too_large_or_no_picture_is_refused() -> None:
    program = Program("edgar")
    new = {"name": "a.jpg", "size": 3 << 20}
    key = program("POST", f"{LIBRARY}/uploads", new).json()["key"]
    large = piece(program, key, 0, JPEG + bytes(1 << 20))
    assert (large.status_code, large.json()["error"]) == (422, "the piece is too large")
    assert program.get(f"{LIBRARY}/uploads/{key}")["have"] == 0
    wrong = piece(program, key, 0, b"<svg>")
    assert (wrong.status_code, wrong.json()["error"]) == (422, "a.jpg is not what its name says")
    assert program("GET", f"{LIBRARY}/uploads/{key}").status_code == 404
    sent = program("POST", f"{LIBRARY}/imports", {"uploads": ["x"] * 300_000})
    assert (sent.status_code, sent.json()["mend"]) == (400, "send less")


def test_pieces_are_counted_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    from feedsmith.studio.api import door

    monkeypatch.setattr(door, "PIECES_A_SECOND", 0.01)
    monkeypatch.setattr(door, "PIECES_AT_ONCE", 3.0)
    program = Program("edgar")
    key = program("POST", f"{LIBRARY}/uploads", {"name": "a.jpg", "size": 900}).json()["key"]
    assert [piece(program, key, 0, b"").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert program("GET", "/me").status_code == 200


# ---- photos --------------------------------------------------------------------------------------


def test_photos_are_marked_and_named_as_on_their_page_and_chosen_by_it() -> None:
    program = Program("edgar")
    values = parts("{photo}")
    assert values["photo"] == PHOTO
    here = f"{LIBRARY}/photos/{PHOTO}"
    wanted = {"favourite": True, "keywords": ["Old oak", " old  OAK ", "Moss"]}
    marked = program("PATCH", here, wanted).json()
    assert (marked["favourite"], marked["never"], marked["corrected"]) == (True, False, True)
    assert marked["keywords"] == ["old oak", "moss"]
    assert "Old oak" in visitor("rita").get("/b/oak-co/library").content.decode()
    assert program.get(f"{LIBRARY}/photos?theme=moss&mark=favourite")["total"] == 1
    assert program.get(f"{LIBRARY}/photos?mark=never")["total"] == 0
    assert program.get(f"{LIBRARY}/facets?q=oak")["theme"][0]["photos"] == 1
    again = program("PATCH", here, {"never": True, "keywords": None}).json()
    assert (again["favourite"], again["never"], again["corrected"]) == (True, True, False)
    program("PATCH", here, {"never": True})  # is so already: nobody is told
    lines = [e["words"] for e in program.get(f"{OAK}/events?by=edgar")["events"]]
    assert lines == [
        "a photo as never to be used, a photo with the keywords that were read",
        "a photo as a favourite, a photo with other keywords",
    ]
    assert "edgar marked a photo as a favourite" in text_of(
        visitor("rita").get("/b/oak-co/activity")
    )
    assert program.get(f"{OAK}/events?by=olga")["events"] == []
    assert program("PATCH", f"{LIBRARY}/photos/{'b' * 16}", {"never": True}).status_code == 404
    assert program("PATCH", here, {"keywords": ["x" * 61]}).status_code == 422


def test_page_and_program_leave_the_same_lines_of_a_photo() -> None:
    from feedsmith.studio.models import Event

    parts("{photo}")
    program, page = Program("edgar"), visitor("edgar")
    program("PATCH", f"{LIBRARY}/photos/{PHOTO}", {"favourite": True})
    program("PATCH", f"{LIBRARY}/photos/{PHOTO}", {"favourite": False})
    program("PATCH", f"{LIBRARY}/photos/{PHOTO}", {"keywords": ["oak"]})
    program("PATCH", f"{LIBRARY}/photos/{PHOTO}", {"keywords": None})
    root = f"/b/oak-co/library/{PHOTO}"
    page.post(f"{root}/mark", {"favourite": "1"})
    page.post(f"{root}/mark", {"favourite": "0"})
    page.post(f"{root}/keywords", {"keywords": "oak"})
    page.post(f"{root}/keywords", {"reset": "1"})
    lines = list(Event.objects.order_by("pk").values_list("verb", "words", "person__name"))
    assert lines[:4] == lines[4:]
    assert len(lines) == 8


def test_a_cut_out_is_asked_for_corrected_and_shown() -> None:
    from feedsmith import marks
    from feedsmith.studio.models import Job

    parts("{photo}")
    program, here = Program("edgar"), f"{LIBRARY}/photos/{PHOTO}/cutout"
    assert program.get(here)["job"] is None
    click = {"x": 0.25, "y": 0.5, "inside": True}
    asked = program("PUT", here, {"clicks": [click]}).json()
    assert (asked["clicks"], asked["job"]["state"]) == ([click], "queued")
    assert marks.read(CONFIG.home / "library")[PHOTO].clicks == ((0.25, 0.5, True),)
    program("PUT", here, {"clicks": []})  # one that waits does for both
    assert Job.objects.filter(kind="cutout").count() == 1
    assert marks.read(CONFIG.home / "library") == {}
    picture = program.get(here)["picture"].removeprefix("/api/v1")
    assert program("GET", picture).headers["Content-Type"] == "image/webp"
    assert program("PUT", here, {"clicks": [click] * 41}).status_code == 422
    assert program("PUT", here, {"clicks": [{"x": 2, "y": 0, "inside": True}]}).status_code == 422


# ---- plans ---------------------------------------------------------------------------------------


def test_what_is_planned_is_shown_moved_forgotten_and_made() -> None:
    from feedsmith.studio.models import Job, Planned

    program = Program("edgar")
    number = parts("/planned/{number}")["number"]
    asked = f"{OAK}/calendar?start=2027-05-01&end=2027-05-31"
    [day] = program.get(asked)["days"]
    [planned] = day["planned"]
    assert (planned["id"], planned["kind"], planned["about"]) == (number, "quote", "oaks")
    here = f"{OAK}/calendar/planned/{number}"
    move = {"at": "2027-05-06T10:00:00Z", "version": planned["version"]}
    moved = program("PUT", here, move).json()
    assert moved["at"].startswith("2027-05-06T10:00:00")
    late = program("PUT", here, move)
    assert late.status_code == 409
    assert late.json()["error"] == "somebody else has moved this on the calendar in between"
    assert program("DELETE", f"{here}?version={planned['version']}").status_code == 409
    job = program("POST", f"{OAK}/calendar/jobs", {"planned": [number]}).json()
    assert Job.objects.get(pk=job["id"]).args["planned"] == [number]
    again = program("POST", f"{OAK}/calendar/jobs", {"planned": [number]})
    assert again.json()["error"] == "these are made already, or being made"
    assert program("DELETE", here).status_code == 204
    assert not Planned.objects.exists()


def test_a_plan_is_brought_in_by_a_job() -> None:
    from feedsmith.studio.models import Job

    program = Program("edgar")
    text = "at,kind,theme\n2027-05-03 18:00,quote,oaks\n"
    plan = {"name": "may.csv", "text": text}
    assert program("POST", f"{OAK}/calendar/plans", plan).json()["kind"] == "plan"
    from feedsmith.studio.worker import work

    told = work.plan(Job.objects.get(kind="plan"), lambda _: None)
    assert (told["new"], told["left_out"]) == (1, [])
    wrong = program("POST", f"{OAK}/calendar/plans", plan | {"name": "may.exe"})
    assert wrong.status_code == 422


def test_a_post_has_a_time_in_mind_and_the_next_who_moves_it_must_have_seen_that() -> None:
    program, here = Program("edgar"), f"{OAK}/posts/{number_of()}"
    when = {"at": "2027-05-03T16:00:00Z", "version": 1}
    planned = program("PUT", f"{here}/schedule", when).json()
    assert (planned["state"], planned["version"]) == ("draft", 2)
    late = program("PATCH", here, {"version": 1, "caption": "Mine."})
    assert (late.status_code, late.json()["theirs"]["version"]) == (409, 2)
    late = program("PUT", f"{here}/schedule", when | {"at": "2027-05-04T16:00:00Z"})
    assert (late.status_code, late.json()["theirs"]["scheduled_at"]) == (
        409,
        planned["scheduled_at"],
    )
    assert program("DELETE", f"{here}/schedule?version=1").status_code == 409
    off = program("DELETE", f"{here}/schedule?version=2").json()
    assert (off["state"], off["scheduled_at"]) == ("draft", None)


# ---- people, links, tokens, settings -------------------------------------------------------------


def test_somebody_is_let_in_gets_another_role_and_is_taken_out() -> None:
    program = Program("olga", "read", "manage")
    made = program("POST", f"{OAK}/people", {"name": "ada", "role": "reviewer"}).json()
    path = "/sign-in/link/" + made["sign_in_link"].rpartition("/")[2]
    client = visitor()
    assert client.post(path).status_code == 302
    assert client.get("/b/oak-co/posts").status_code == 200
    here = f"{OAK}/people/{made['id']}"
    assert program("PATCH", here, {"role": "editor"}).json()["role"] == "editor"
    assert ("ada", "editor") in [(m["name"], m["role"]) for m in program.get(f"{OAK}/people")]
    assert program("POST", f"{here}/link").json()["hours"] == 72
    assert program("DELETE", here).status_code == 204
    assert client.get("/b/oak-co/posts").status_code == 404
    said = [(e["verb"], e["words"]) for e in program.get(f"{OAK}/events?by=olga")["events"]]
    assert said == [
        ("took out", "ada"), ("made a sign-in link", "ada"), ("changed the role", "ada, editor"),
        ("let in", "ada, reviewer"),
    ]  # fmt: skip


def test_a_brand_keeps_its_owner_and_strangers_names_open_nothing() -> None:
    from feedsmith.studio.models import LoginLink, Membership

    program = Program("olga")
    own = Membership.objects.get(brand__slug="oak-co", role="owner").pk
    for answer in (
        program("PATCH", f"{OAK}/people/{own}", {"role": "editor"}),
        program("DELETE", f"{OAK}/people/{own}"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (409, "olga is the only owner")
    LoginLink.objects.all().delete()
    otto = program("POST", f"{OAK}/people", {"name": "otto", "role": "reviewer"})
    assert otto.status_code == 409
    assert otto.json()["error"].startswith("otto is somebody in this studio already")
    theirs = a_member("elm-co")
    assert program("POST", f"{OAK}/people/{theirs}/link").status_code == 404
    assert not LoginLink.objects.exists()


def test_a_review_link_is_made_listed_and_closed_and_its_address_is_for_who_may_approve() -> None:
    program, number = Program("edgar", "read", "approve"), number_of()
    made = program("POST", f"{OAK}/review-links", {"title": "May", "posts": [number], "days": 3})
    link = made.json()
    assert (made.status_code, link["posts"], link["open"]) == (201, [number], True)
    path = "/r/" + link["address"].partition("/r/")[2]
    assert visitor().get(path).status_code == 200
    [shown] = Program("edgar", "read").get(f"{OAK}/review-links")
    assert (shown["id"], shown["address"]) == (link["id"], None)
    assert program("DELETE", f"{OAK}/review-links/{link['id']}").status_code == 204
    assert visitor().get(path).status_code == 410
    assert program.get(f"{OAK}/review-links")[0]["open"] is False
    theirs = number_of(brand="elm-co")
    wrong = program("POST", f"{OAK}/review-links", {"posts": [theirs]})
    assert wrong.json()["error"] == "these are not all posts of this brand"


def test_a_token_made_by_a_program_can_do_no_more_and_ends_with_its_maker() -> None:
    from feedsmith.studio.models import Token

    program = Program("olga", "read", "manage")
    ends = timezone.now().replace(microsecond=0) + timedelta(days=9)
    Token.objects.update(expires=ends)
    more = program("POST", "/tokens", {"name": "More", "scopes": ["read", "approve"]})
    assert more.json()["error"] == 'this token has not the scope "approve" itself'
    made = program("POST", "/tokens", {"name": "Less", "scopes": ["read", "manage"], "days": 300})
    assert datetime.fromisoformat(made.json()["expires"]) == ends
    less = Program()
    less.token = made.json()["token"]
    least = less("POST", "/tokens", {"name": "Least", "scopes": ["read"]})
    assert least.status_code == 201
    assert {t["name"] for t in program.get("/tokens")} == {"a program", "Less", "Least"}
    assert less("GET", "/me").status_code == 200
    mine = Token.objects.get(name="a program").pk
    assert Program("edgar", "manage")("DELETE", f"/tokens/{mine}").status_code == 404
    assert visitor("olga").post(f"/account/tokens/{mine}/revoke").status_code == 302
    for words in (program.token, less.token, least.json()["token"]):
        heir = Program()
        heir.token = words
        assert heir("GET", "/me").status_code == 401


def test_the_settings_are_those_of_brand_toml_without_places_and_passwords() -> None:
    file = CONFIG.home / "brand.toml"
    before, writer, after = file.read_text("utf-8").partition("[writer]")
    own = 'url = "http://me:secret@host:9/v1"'
    file.write_text(before + writer + after.replace('url = ""', own, 1), "utf-8")
    shown = Program("rita").get(f"{OAK}/settings")
    assert (shown["name"], shown["time_zone"]) == ("Oak & Co", "Europe/Berlin")
    assert "host:9" in shown["captions"]
    assert "secret" not in json.dumps(shown)
    assert str(CONFIG.home) not in json.dumps(shown)


def test_an_earlier_version_and_another_like_this_are_asked_for() -> None:
    from feedsmith.studio.models import Job

    program, here = Program("edgar"), f"{OAK}/posts/{number_of()}"
    program("PATCH", here, {"version": 1, "caption": "Second."})
    back = program("POST", f"{here}/revisions/1/restore", {"version": 2}).json()
    assert (back["caption"], back["can_undo"]) == ("A walk under the oaks.", True)
    assert program("POST", f"{here}/revisions/1/restore", {"version": 2}).status_code == 409
    assert program("POST", f"{here}/revisions/9/restore", {"version": 3}).status_code == 404
    job = program("POST", f"{here}/another").json()
    assert (job["total"], Job.objects.get(pk=job["id"]).args["kind"]) == (1, "photo")
