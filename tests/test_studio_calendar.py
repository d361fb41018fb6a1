"""The calendar: one query for all views, the brand's zone, moving, gaps, clashes, plans brought in."""

import base64
import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from feedsmith import plan as plans
from feedsmith.post import Brief, Offer
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")

ROOT = "/b/oak-co/calendar"
BERLIN = ZoneInfo("Europe/Berlin")


def oak():  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Brand

    return Brand.objects.get(slug="oak-co")


def a_draft(folder: str = "01-photo-aaaaaa", state: str = "scheduled", at: datetime | None = None):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    Draft.objects.filter(folder=folder, brand__slug="oak-co").update(state=state, scheduled_at=at)
    return Draft.objects.get(folder=folder, brand__slug="oak-co")


def local(year: int, month: int, day: int, hour: int = 18, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN)


def a_plan(*briefs: Brief):  # type: ignore[no-untyped-def]
    from feedsmith.studio import slots

    return slots.bring_in(
        oak(), briefs, name="plan.yaml", waits=plans.waits, person=None, zone=BERLIN
    )


def on_days(page: str) -> dict[str, list[str]]:
    """Day -> times of day of what stands there, of the first view of the page."""
    found: dict[str, list[str]] = {}
    shown = page.partition('class="only-phone"')[0]
    for part in shown.split('data-day="')[1:]:
        day, _, rest = part.partition('"')
        times = re.findall(r"<time [^>]*>([\d:]+(?: [A-Z]+)?)", rest)
        if times:
            found[day] = times
    return found


# ---- one query ---------------------------------------------------------------------------------


def test_month_week_list_and_the_phones_agenda_show_the_same() -> None:
    a_draft(at=local(2027, 3, 27, 23, 30))
    a_draft("02-carousel-aaaaaa", "draft", local(2027, 3, 28, 0, 15))
    a_plan(Brief(kind="quote", theme="oaks", at=local(2027, 3, 28, 18)))
    client = visitor("rita")
    wanted = {"2027-03-27": ["23:30"], "2027-03-28": ["00:15", "18:00"]}
    pages = {
        view: client.get(f"{ROOT}?view={view}&day=2027-03-27").content.decode()
        for view in ("month", "week", "list")
    }
    assert {view: on_days(page) for view, page in pages.items()} == dict.fromkeys(pages, wanted)
    for view in ("month", "week"):
        phone = pages[view].partition('class="only-phone"')[2]
        assert on_days(phone) == wanted


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/Berlin", "2026-10-25"), ("America/New_York", "2026-11-01")]
)
def test_a_post_in_the_doubled_hour_stands_once_on_its_day_with_the_name_of_its_time(
    zone: str, day: str
) -> None:
    from feedsmith.studio import clock

    file = CONFIG.home / "brand.toml"
    file.write_text(file.read_text().replace("Europe/Berlin", zone))
    hour = 2 if "Berlin" in zone else 1
    on = date.fromisoformat(day)
    first = clock.moment(on, time(hour, 30), ZoneInfo(zone))
    second = clock.moment(on, time(hour, 30), ZoneInfo(zone), second=True)
    a_draft(at=first.at)
    a_draft("02-carousel-aaaaaa", at=second.at)
    client = visitor("rita")
    for view in ("month", "week", "list"):
        answer = client.get(f"{ROOT}?view={view}&day={day}")
        names = ("CEST", "CET") if "Berlin" in zone else ("EDT", "EST")
        assert on_days(answer.content.decode()) == {day: [f"0{hour}:30 {name}" for name in names]}
        said = text_of(answer)
        assert f"Times in {zone}" in said
        assert "Clocks go back from" in said
        # An hour apart on the world's clock, though they are called the same: no clash.
        assert "within an hour" not in said


def test_a_day_of_23_hours_and_its_neighbours_lose_nothing() -> None:
    from feedsmith.studio import slots

    times = [local(2027, 3, 27, 23, 59), local(2027, 3, 28, 1, 59), local(2027, 3, 28, 3, 0)]
    a_plan(*(Brief(kind="photo", theme=f"t{n}", at=at) for n, at in enumerate(times)))
    day = date(2027, 3, 28)
    found = slots.entries(oak(), day, day, BERLIN)
    assert [entry.clock for entry in found] == ["01:59", "03:00"]
    assert all(entry.clash for entry in found)  # a minute apart, by the world's clock


# ---- moving ------------------------------------------------------------------------------------


def test_dropped_on_a_day_a_post_keeps_its_time_of_day_over_the_change_of_the_clock() -> None:
    draft = a_draft(at=local(2027, 3, 26, 18, 30))
    answer = visitor("edgar").post(
        f"{ROOT}/move", {"what": f"post-{draft.pk}", "day": "2027-03-29"}
    )
    assert answer.json()["said"].startswith("Set for Monday 29 March, 18:30.")
    draft.refresh_from_db()
    assert draft.scheduled_at == datetime(2027, 3, 29, 16, 30, tzinfo=UTC)  # was 17:30 before
    assert draft.state == "scheduled"


def test_dropped_into_the_hour_that_is_skipped_it_is_said_which_time_is_taken() -> None:
    draft = a_draft(at=local(2027, 3, 26, 2, 30))
    answer = visitor("edgar").post(
        f"{ROOT}/move", {"what": f"post-{draft.pk}", "day": "2027-03-28"}
    )
    assert "02:30 does not exist on 28 March 2027" in answer.json()["said"]
    draft.refresh_from_db()
    assert draft.scheduled_at.astimezone(BERLIN).hour == 3


def test_the_form_asks_once_about_a_time_that_comes_twice() -> None:
    draft = a_draft(state="approved")
    editor, address = visitor("edgar"), f"{ROOT}/post-{draft.pk}"
    form = {"day": "2026-10-25", "time": "02:30"}
    asked = editor.post(address, form)
    assert asked.status_code == 422
    assert "02:30 comes twice on 25 October 2026" in text_of(asked)
    assert "The second of the two" in text_of(asked)
    understood = re.search(r'name="understood" value="([^"]+)"', asked.content.decode())
    assert understood is not None
    done = editor.post(address, {**form, "understood": understood[1], "second": "1"})
    assert done.status_code == 303
    draft.refresh_from_db()
    assert draft.scheduled_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert draft.state == "scheduled"


@pytest.mark.parametrize(
    ("state", "after"),
    [("approved", "scheduled"), ("failed", "scheduled"), ("draft", "draft"), ("review", "review"),
     ("scheduled", "scheduled")],
)  # fmt: skip
def test_what_is_approved_becomes_scheduled_and_the_rest_keeps_its_state(
    state: str, after: str
) -> None:
    draft = a_draft(state=state)
    visitor("edgar").post(f"{ROOT}/post-{draft.pk}", {"day": "2027-05-03", "time": "09:15"})
    draft.refresh_from_db()
    assert (draft.state, draft.scheduled_at) == (after, local(2027, 5, 3, 9, 15))
    said = text_of(visitor("rita").get("/b/oak-co/activity"))
    assert (
        ("to 3 May 2027, 09:15" in said)
        or ("from approved to scheduled" in said)
        or ("from not published to scheduled" in said)
    )


@pytest.mark.parametrize("state", ["published", "publishing"])
def test_what_is_out_stays_where_it_is(state: str) -> None:
    at = local(2026, 12, 1)
    draft = a_draft(state=state, at=at)
    answer = visitor("olga").post(f"{ROOT}/move", {"what": f"post-{draft.pk}", "day": "2027-01-01"})
    assert answer.status_code == 409
    assert "stays where it is" in answer.json()["said"]
    draft.refresh_from_db()
    assert draft.scheduled_at == at


def test_a_reviewer_and_a_stranger_move_nothing() -> None:
    draft = a_draft(at=local(2026, 12, 1))
    form = {"what": f"post-{draft.pk}", "day": "2027-01-01"}
    assert visitor("rita").post(f"{ROOT}/move", form).status_code == 403
    assert visitor("otto").post(f"{ROOT}/move", form).status_code == 404
    assert visitor("otto").post("/b/elm-co/calendar/move", form).status_code == 400
    assert visitor("rita").get(f"{ROOT}/post-{draft.pk}").status_code == 403
    draft.refresh_from_db()
    assert draft.scheduled_at == local(2026, 12, 1)


def test_a_post_is_taken_off_the_calendar() -> None:
    draft = a_draft(at=local(2027, 5, 3))
    visitor("edgar").post(f"{ROOT}/off", {"what": f"post-{draft.pk}"})
    draft.refresh_from_db()
    assert (draft.state, draft.scheduled_at) == ("approved", None)


def test_without_a_time_of_its_own_a_post_gets_the_brands_usual_one() -> None:
    a_draft("02-carousel-aaaaaa", at=local(2027, 5, 4, 7, 45))
    draft = a_draft(state="approved")
    visitor("edgar").post(f"{ROOT}/move", {"what": f"post-{draft.pk}", "day": "2027-05-05"})
    draft.refresh_from_db()
    assert draft.scheduled_at == local(2027, 5, 5, 7, 45)


# ---- two at once -------------------------------------------------------------------------------


def test_who_edits_a_post_that_somebody_drags_meanwhile_gets_both_and_is_told_what_was_done() -> (
    None
):
    draft = a_draft(state="draft", at=local(2027, 5, 3))
    editor, dragger = visitor("edgar"), visitor("olga")
    form = {"version": draft.version, "caption": "Mine.", "hashtag": "oak", "alt": "Green."}
    what = {"what": f"post-{draft.pk}", "version": draft.version, "day": "2027-05-05"}
    assert dragger.post(f"{ROOT}/move", what).status_code == 200
    answer = editor.post(f"/b/oak-co/posts/{draft.pk}/edit", form)
    assert answer.status_code == 409
    said = text_of(answer)
    assert "olga moved this post to 5 May 2027, 18:00" in said
    assert "Mine." in answer.content.decode()
    draft.refresh_from_db()
    assert (draft.caption, draft.scheduled_at) == ("A walk under the oaks.", local(2027, 5, 5))
    # Saved again from that page both changes are there: the words of one, the time of the other.
    editor.post(f"/b/oak-co/posts/{draft.pk}/edit", form | {"version": draft.version})
    draft.refresh_from_db()
    assert (draft.caption, draft.scheduled_at) == ("Mine.", local(2027, 5, 5))


def test_who_drags_a_post_that_somebody_edited_meanwhile_is_told_and_drags_again() -> None:
    draft = a_draft(at=local(2027, 5, 3))
    editor, dragger = visitor("edgar"), visitor("olga")
    page = dragger.get(f"{ROOT}?day=2027-05-03").content.decode()
    shown = re.search(rf'data-what="post-{draft.pk}" data-version="(\d+)"', page)
    assert shown is not None
    form = {"version": draft.version, "caption": "Other words.", "hashtag": "oak", "alt": "Green."}
    assert editor.post(f"/b/oak-co/posts/{draft.pk}/edit", form).status_code == 302
    what = {"what": f"post-{draft.pk}", "version": shown[1], "day": "2027-05-05"}
    late = dragger.post(f"{ROOT}/move", what)
    assert late.status_code == 409
    assert late.json()["said"].startswith("Somebody else changed this in between.")
    draft.refresh_from_db()
    # What an editor changes asks for approval again: who drags it should know before.
    assert (draft.state, draft.scheduled_at) == ("review", local(2027, 5, 3))
    assert dragger.post(f"{ROOT}/move", what | {"version": draft.version}).status_code == 200


def test_two_who_give_a_post_a_time_by_the_form_do_not_overwrite_each_other() -> None:
    draft = a_draft(at=local(2027, 5, 3))
    address = f"{ROOT}/post-{draft.pk}"
    one, two = visitor("edgar"), visitor("olga")
    seen = re.search(r'name="version" value="(\d+)"', two.get(address).content.decode())
    assert seen is not None
    form = {"version": seen[1], "time": "09:15"}
    assert one.post(address, form | {"day": "2027-05-04"}).status_code == 303
    late = two.post(address, form | {"day": "2027-05-05"})
    assert late.status_code == 409
    assert "Somebody else changed this in between." in text_of(late)
    assert "Now: Tuesday 4 May 2027, 09:15" in text_of(late)
    off = two.post(f"{ROOT}/off", {"what": f"post-{draft.pk}", "version": seen[1]})
    assert off.status_code == 409
    draft.refresh_from_db()
    assert (draft.state, draft.scheduled_at) == ("scheduled", local(2027, 5, 4, 9, 15))
    assert f'name="version" value="{draft.version}"' in late.content.decode()
    again = form | {"day": "2027-05-05", "version": draft.version}
    assert two.post(address, again).status_code == 303


def test_a_planned_post_that_somebody_moved_meanwhile_is_not_moved_from_where_it_was() -> None:
    from feedsmith.studio.models import Planned

    a_plan(Brief(kind="quote", theme="oaks", at=local(2027, 5, 3)))
    planned = Planned.objects.get()
    what = {"what": f"plan-{planned.pk}", "version": planned.version}
    one, two = visitor("edgar"), visitor("olga")
    assert one.post(f"{ROOT}/move", what | {"day": "2027-05-04"}).status_code == 200
    assert two.post(f"{ROOT}/move", what | {"day": "2027-05-05"}).status_code == 409
    assert two.post(f"{ROOT}/off", what).status_code == 409
    assert Planned.objects.get().at == local(2027, 5, 4)
    assert "edgar moved a planned quote to 4 May 2027, 18:00" in text_of(
        visitor("rita").get("/b/oak-co/activity")
    )


def test_the_same_time_again_is_no_change() -> None:
    from feedsmith.studio import slots

    draft = a_draft(state="draft", at=local(2027, 5, 3))
    slots.put(oak(), f"post-{draft.pk}", local(2027, 5, 3), person=None, role="editor")
    draft.refresh_from_db()
    assert (draft.version, draft.events.count()) == (1, 0)


# ---- gaps and clashes --------------------------------------------------------------------------


def test_two_within_an_hour_are_told_and_an_hour_apart_is_enough() -> None:
    from feedsmith.studio import slots

    a_draft(at=local(2027, 5, 3, 18, 0))
    a_draft("02-carousel-aaaaaa", at=local(2027, 5, 3, 18, 59))
    a_draft("03-quote-aaaaaa", at=local(2027, 5, 3, 19, 59))
    found = slots.entries(oak(), date(2027, 5, 3), date(2027, 5, 3), BERLIN)
    assert [entry.clash for entry in found] == [True, True, False]
    said = text_of(visitor("rita").get(f"{ROOT}?day=2027-05-03"))
    assert "Two posts within an hour on Monday 3 May: 18:00 and 18:59." in said


def test_two_around_midnight_clash_on_both_days() -> None:
    from feedsmith.studio import slots

    a_draft(at=local(2027, 5, 3, 23, 50))
    a_draft("02-carousel-aaaaaa", at=local(2027, 5, 4, 0, 10))
    for day in (date(2027, 5, 3), date(2027, 5, 4)):
        assert [entry.clash for entry in slots.entries(oak(), day, day, BERLIN)] == [True]


def test_days_without_the_post_of_the_plans_rhythm_are_gaps() -> None:
    from feedsmith.studio import slots
    from feedsmith.studio.models import Plan

    # Tuesdays and Thursdays for four weeks, but for one Thursday; one Sunday for itself.
    first = date(2027, 5, 4)
    days = [first + timedelta(days=7 * week + day) for week in range(4) for day in (0, 2)]
    days = [day for day in days if day != date(2027, 5, 13)] + [date(2027, 5, 9)]
    a_plan(*(Brief(kind="photo", at=local(d.year, d.month, d.day)) for d in days))
    shown_plans = list(Plan.objects.all())
    assert shown_plans[0].weekdays == [1, 3]
    assert shown_plans[0].per_week == 2

    def gaps(today: date) -> list[date]:
        span = (date(2027, 4, 26), date(2027, 6, 6))
        found = slots.entries(oak(), *span, BERLIN)
        return [d.on for d in slots.days(found, *span, BERLIN, shown_plans, today) if d.gap]

    assert gaps(date(2027, 5, 1)) == [date(2027, 5, 13)]
    assert gaps(date(2027, 5, 14)) == []  # what is over is no gap any more
    a_draft(at=local(2027, 5, 13, 9))
    assert gaps(date(2027, 5, 1)) == []


def test_a_week_with_too_few_posts_is_said() -> None:
    from feedsmith.studio import slots
    from feedsmith.studio.models import Plan

    days = [date(2027, 5, 4 + 7 * week + day) for week in range(3) for day in (0, 2)]
    a_plan(
        *(Brief(kind="photo", at=local(d.year, d.month, d.day)) for d in [*days, date(2027, 5, 25)])
    )
    span = (date(2027, 5, 3), date(2027, 5, 30))
    found = slots.entries(oak(), *span, BERLIN)
    shown = slots.days(found, *span, BERLIN, list(Plan.objects.all()), date(2027, 5, 1))
    said = slots.short(shown, list(Plan.objects.all()), date(2027, 5, 1))
    assert said == ["The week of 24 May has 1 of the 2 posts of your plan's rhythm."]


# ---- plans -------------------------------------------------------------------------------------

PLAN = """\
time_zone: Europe/Berlin
posts:
  - date: 2027-05-04
    time: 18:00
    kind: photo
    theme: oaks
    reason: Tuesday around 18:00, as you do
  - date: 2027-05-06
    time: 02:30
    kind: promo
    headline: Spring fair
  - date: 2027-05-08
    kind: novel
"""


def brought(client, text: str, name: str = "plan.yaml"):  # type: ignore[no-untyped-def]
    from django.core.files.uploadedfile import SimpleUploadedFile

    return client.post(f"{ROOT}/plan", {"plan": SimpleUploadedFile(name, text.encode())})


def done() -> dict[str, object]:
    """Do the waiting job as the worker does, twice: it may be killed after its work was done."""
    from feedsmith.studio.models import Job
    from feedsmith.studio.worker import work

    job = Job.objects.get(state="queued")
    first = work.WORK[job.kind](job, lambda *_: None)
    again = work.WORK[job.kind](job, lambda *_: None)
    assert again["new"] == 0
    job.end("done", result=first)
    return first


def test_a_plans_file_lands_on_the_calendar_and_what_is_left_out_is_told() -> None:
    from feedsmith.studio.models import Planned

    editor = visitor("edgar")
    assert brought(editor, PLAN).status_code == 303
    told = done()
    assert (told["new"], told["known"]) == (2, 0)
    rows = list(Planned.objects.all())
    assert [(p.kind, p.at) for p in rows] == [
        ("photo", local(2027, 5, 4)), ("promo", local(2027, 5, 6, 2, 30)),
    ]  # fmt: skip
    assert rows[1].waits == "give its offer, word for word"
    page = editor.get(f"{ROOT}?day=2027-05-04")
    assert on_days(page.content.decode()) == {"2027-05-04": ["18:00"], "2027-05-06": ["02:30"]}
    said = text_of(page)
    assert "plan.yaml: 2 posts brought in" in said
    assert "Plan.yaml, line 12: “novel” is no kind of post" in said


def test_what_feedsmith_plan_proposes_and_writes_comes_in_whole(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Job, Planned
    from feedsmith.studio.worker import work

    entries = tuple(
        plans.Entry(brief=Brief(kind=kind, theme="oaks", at=at, offer=offer), reason="")
        for kind, at, offer in (
            ("photo", local(2026, 10, 25, 18), Offer()), ("promo", local(2027, 3, 28, 12), Offer()),
            ("promo", local(2027, 3, 30, 12), Offer(text="Oak walk, 12 EUR")),
        )
    )  # fmt: skip
    for name in ("plan.yaml", "plan.csv"):
        plans.write(plans.Plan(entries=entries, zone="Europe/Berlin"), tmp_path / name)
        data = base64.b64encode((tmp_path / name).read_bytes()).decode()
        job = Job.objects.create(brand=oak(), kind="plan", args={"name": name, "data": data})
        work.WORK["plan"](job, lambda *_: None)
    assert [p.at for p in Planned.objects.all()] == [entry.brief.at for entry in entries]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("plan.exe", "x", "is no plan"), ("plan.yaml", "x" * 800_000, "too large"),
        ("../../etc/plan.txt", "x", "Plan.txt is no plan"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused_in_words(name: str, text: str, said: str) -> None:
    answer = brought(visitor("edgar"), text, name)
    assert answer.status_code == 400
    assert said in text_of(answer)


def test_a_planned_post_is_moved_forgotten_and_made() -> None:
    from feedsmith.studio.models import Job, Planned

    a_plan(
        Brief(kind="photo", theme="oaks", at=local(2099, 5, 4)),
        Brief(kind="quote", theme="elms", at=local(2099, 5, 5)),
        Brief(kind="promo", at=local(2099, 5, 6)),
    )
    photo, quote, promo = Planned.objects.all()
    editor = visitor("edgar")
    editor.post(f"{ROOT}/move", {"what": f"plan-{photo.pk}", "day": "2099-05-07"})
    editor.post(f"{ROOT}/off", {"what": f"plan-{quote.pk}"})
    assert [p.at for p in Planned.objects.filter(waits="")] == [local(2099, 5, 7)]
    page = editor.get(f"{ROOT}?day=2099-05-04")
    assert "Make the 1 planned post" in text_of(page)
    assert "1 waits for something to be filled in." in text_of(page)
    both = {"planned": [str(photo.pk), str(promo.pk)]}
    assert editor.post(f"{ROOT}/make", both).headers["Location"] == "/b/oak-co/create"
    briefs = Job.objects.get(kind="generate").args["briefs"]
    assert [Brief.model_validate(b).theme for b in briefs] == ["oaks"]
    assert Brief.model_validate(briefs[0]).at == local(2099, 5, 7)


@pytest.mark.parametrize("moved", [False, True])
def test_a_post_made_for_a_day_takes_the_place_of_its_plan(moved: bool) -> None:
    from feedsmith.brand import Home
    from feedsmith.files import write_json
    from feedsmith.studio import slots
    from feedsmith.studio.models import Draft, Planned
    from feedsmith.studio.models.drafts import adopt
    from small_studio import post

    at = local(2027, 5, 4)
    a_plan(Brief(kind="photo", theme="oaks", at=at))
    if moved:
        Planned.objects.update(at=at + timedelta(days=1))
    home = Home(CONFIG.home)
    made = post(home, "04-photo-bbbbbb").model_copy(update={"at": at})
    write_json(home.posts / made.id / "post.json", made.model_dump(mode="json"))
    adopt(oak())
    draft = Draft.objects.get(folder=made.id)
    assert draft.scheduled_at == at + timedelta(days=moved)
    found = slots.entries(oak(), date(2027, 5, 1), date(2027, 5, 9), BERLIN)
    assert [(entry.key, entry.state) for entry in found] == [(f"post-{draft.pk}", "draft")]


@pytest.mark.parametrize(
    "asked", ["view=year&day=x", "day=9999-99-99", "day=0001-01-01", "view=list&day=2099-12-31"]
)
def test_an_address_that_cannot_be_meant_shows_a_calendar_all_the_same(asked: str) -> None:
    assert visitor("rita").get(f"{ROOT}?{asked}").status_code == 200


def test_nothing_of_another_brand_is_on_the_calendar() -> None:
    a_draft(at=local(2027, 5, 4))
    a_plan(Brief(kind="photo", at=local(2027, 5, 5)))
    page = visitor("otto").get("/b/elm-co/calendar?day=2027-05-04")
    assert on_days(page.content.decode()) == {}


def test_a_plan_names_photos_of_the_library_and_no_file_of_the_server() -> None:
    from feedsmith.errors import FeedsmithError
    from feedsmith.studio.models import Job, Planned
    from feedsmith.studio.worker import work

    brought(
        visitor("edgar"), "posts:\n  - date: 2027-05-04\n    kind: photo\n    photo: /etc/hosts\n"
    )
    told = done()
    assert not Planned.objects.exists()
    assert told["left_out"] == [
        "hosts is no photo of this library; name one as the library shows it, or add it to the library first"
    ]
    args = {"count": 1, "photo": "/etc/hosts", "kind": "photo"}
    with pytest.raises(FeedsmithError, match="no photo of this library"):
        work.WORK["generate"](
            Job.objects.create(brand=oak(), kind="generate", args=args), lambda *_: None
        )


def test_planned_posts_are_made_once_however_often_it_is_pressed() -> None:
    from feedsmith.studio.models import Job, Planned

    a_plan(Brief(kind="photo", at=local(2027, 5, 4)))
    editor, number = visitor("edgar"), Planned.objects.get().pk
    assert editor.post(f"{ROOT}/make", {"planned": [number]}).status_code == 302
    assert editor.post(f"{ROOT}/make", {"planned": [number]}).status_code == 400
    assert editor.post(f"{ROOT}/make", {"planned": ["9" * 30]}).status_code == 400
    assert Job.objects.count() == 1
