"""Plans: proposed from a brand's habits and the year, kept in a file that people edit."""

import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from feedsmith import outcomes, plan
from feedsmith.brand import Brand, Home
from feedsmith.errors import FeedsmithError
from feedsmith.library import Library, import_into
from feedsmith.post import Brief, Offer
from small_outcomes import season

NOVEMBER = date(2026, 11, 23)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, bytes]) -> Home:
    """A bakery in Berlin with 16 photos, posted on Wednesdays and Saturdays at eight."""
    root = tmp_path_factory.mktemp("brand")
    place = Home(root)
    place.create(Brand(name="Brot", niche="small bakery", time_zone="Europe/Berlin"))
    folder = root / "old"
    folder.mkdir()
    rows = ["file,caption,date"]
    said = (
        "Oak leaves on a branch.",
        "Sourdough loaf, still warm.",
        "Acorns under the old oak.",
        "Bread.",
    )
    for number, (name, data) in enumerate(pictures.items()):
        (folder / f"{name}.jpg").write_bytes(data)
        day = date(2025, 3, 5) + timedelta(days=7 * (number // 2) + 3 * (number % 2))
        rows.append(f"{name}.jpg,{said[number % 4]},{day}T08:10:00+01:00")
    (folder / "posts.csv").write_text("\n".join(rows), "utf-8")
    import_into(Library(place.library), [folder], zone=UTC, keep_all=True)
    return place


def proposed(home: Home, **given: object) -> plan.Plan:
    return plan.propose(home, **{"weeks": 4, "per_week": 5, "start": NOVEMBER, **given})  # type: ignore[arg-type]


def test_a_plan_has_as_many_posts_as_asked_for_in_order_and_each_has_its_reason(home: Home) -> None:
    made = proposed(home)
    times = [entry.brief.at for entry in made.entries]
    assert len(made.briefs) == 20
    assert times == sorted(times)  # type: ignore[type-var]
    assert all(entry.reason for entry in made.entries)
    assert all(NOVEMBER <= at.date() < NOVEMBER + timedelta(weeks=4) for at in times if at)
    assert proposed(home) == made
    assert proposed(home, seed=2) != made


def test_kinds_are_balanced_and_none_follows_itself(home: Home) -> None:
    kinds = [brief.kind for brief in proposed(home).briefs]
    assert all(a != b for a, b in pairwise(kinds))
    assert set(kinds) == {"photo", "quote", "carousel", "story", "reel", "gif", "collage"}
    assert Counter(kinds).most_common(1)[0][1] <= 7


def test_products_and_offers_are_planned_where_there_are_some(home: Home) -> None:
    goods = [Brief(kind="product", offer=Offer(name=f"Loaf {i}", price="5 EUR")) for i in range(3)]
    deals = [Offer(text="Two loaves, 9 EUR"), Offer(text="Bread class, 12 December, 30 EUR")]
    made = proposed(home, products=goods, offers=deals)
    kinds = [brief.kind for brief in made.briefs]
    assert kinds.count("product") == 3
    assert kinds.count("promo") == 2
    at = [i for i, kind in enumerate(kinds) if kind == "promo"]
    assert at[1] - at[0] >= 4
    assert [b.offer.name for b in made.briefs if b.kind == "product"] == [
        f"Loaf {i}" for i in range(kinds.count("product"))
    ]


def test_a_day_of_selling_waits_for_its_offer_and_is_left_out_until_then(
    home: Home, tmp_path: Path
) -> None:
    made = proposed(home)
    waiting = [entry for entry in made.entries if entry.waits]
    assert [(e.brief.headline, e.brief.at.date()) for e in waiting if e.brief.at] == [
        ("Black Friday", date(2026, 11, 27))
    ]
    plan.write(made, tmp_path / "plan.yaml")
    briefs, (fault,) = plan.read(tmp_path / "plan.yaml")
    assert len(briefs) == 20
    assert "Black Friday" in fault.message
    text = (
        (tmp_path / "plan.yaml").read_text("utf-8").replace("# offer:", "offer: Half a loaf, 2 EUR")
    )
    (tmp_path / "plan.yaml").write_text(text, "utf-8")
    briefs, faults = plan.read(tmp_path / "plan.yaml")
    assert (len(briefs), faults) == (21, [])


def test_days_of_the_year_are_spoken_of_on_the_day_or_just_before(home: Home) -> None:
    made = proposed(home, start=date(2026, 4, 27), weeks=3)
    (entry,) = [e for e in made.entries if "Mother's Day" in e.reason]
    assert entry.brief.at is not None
    assert 0 <= (date(2026, 5, 10) - entry.brief.at.date()).days <= 6
    assert "10 May" in entry.reason
    assert sum(bool(e.brief.headline) for e in made.entries) <= 5


def test_few_posts_tell_no_habit_and_that_is_said(home: Home) -> None:
    made = proposed(home)
    assert any("too few" in note for note in made.notes)
    assert {b.at.hour for b in made.briefs if b.at} == {18, 12}


def test_the_brands_own_days_and_hours_are_kept() -> None:
    from feedsmith.post import PastPost

    zone = ZoneInfo("Europe/Berlin")
    past = [
        PastPost(
            id=str(i),
            posted_at=datetime(2026, 3, 4 + 7 * (i % 3) + 3 * (i % 2), 8, 20, tzinfo=zone),
        )
        for i in range(24)
    ]
    notes: list[str] = []
    habit = plan._habit(past, zone, notes)
    slots = plan._slots(habit, zone, 2, 2, date(2026, 5, 4))
    assert {slot.strftime("%a") for slot in slots} == {"Wed", "Sat"}
    assert {slot.hour for slot in slots} == {8}
    assert "by habit" in notes[0]


def test_the_clock_going_forward_or_back_moves_no_post() -> None:
    zone = ZoneInfo("Europe/Berlin")
    habit = plan._Habit(tuple([1 / 7] * 7), (18,))
    slots = plan._slots(habit, zone, 52, 7, date(2026, 1, 1))
    assert {slot.hour for slot in slots} == {18}
    assert {slot.utcoffset() for slot in slots} == {timedelta(hours=1), timedelta(hours=2)}
    assert len({slot.astimezone(UTC) for slot in slots}) == 52 * 7
    assert plan._at(date(2026, 3, 29), 2, zone).hour == 3  # there is no two o'clock


def test_two_posts_a_day_are_at_different_hours(home: Home) -> None:
    briefs = proposed(home, per_week=10, weeks=1).briefs
    assert len({brief.at for brief in briefs}) == len(briefs) == 10


@pytest.mark.parametrize("name", ["plan.yaml", "plan.yml", "plan.csv"])
def test_what_was_proposed_is_read_back_as_it_was(home: Home, tmp_path: Path, name: str) -> None:
    goods = [Brief(kind="product", offer=Offer(
        name="Größe: 5 # “extra” 🍞", price="5 EUR", was="6,50 €", call="yes", link="https://x.org/?a=1"))]  # fmt: skip
    made = proposed(home, products=goods, offers=[Offer(text="- 20% off: 3 May", dates="03.05.")])
    plan.write(made, tmp_path / name)
    briefs, faults = plan.read(tmp_path / name, ZoneInfo("Europe/Berlin"))
    assert [brief.model_copy(update={"where": ""}) for brief in briefs] == made.briefs
    assert len(faults) == 1
    assert briefs[0].where.startswith(f"{name}, line ")
    assert {b.at.tzinfo for b in briefs if b.at} == {ZoneInfo("Europe/Berlin")}


def read(tmp_path: Path, text: str, name: str = "plan.yaml") -> tuple[list[Brief], list[str]]:
    (tmp_path / name).write_text(text, "utf-8")
    briefs, faults = plan.read(tmp_path / name, ZoneInfo("Europe/Berlin"))
    assert all(fault.mend for fault in faults)
    return briefs, [fault.message for fault in faults]


@pytest.mark.parametrize(
    ("said", "hour"),
    [("2026-12-01", 12), ("2026-12-01 18:30", 18), ("2026-12-01T18:30:00", 18), ("1.12.2026", 12),
     ("1 December 2026", 12), ("Dec 1st, 2026", 12), ("Tue, 1 Dec 2026", 12),
     ("Tuesday 1 December 2026", 12), ("2026-12-01T18:30:00Z", 19), ("'2026-12-01'", 12)],
)  # fmt: skip
def test_dates_are_read_as_people_write_them(tmp_path: Path, said: str, hour: int) -> None:
    (brief,), faults = read(
        tmp_path,
        f"- {{kind: photo, date: {said!r}}}" if "," in said else f"- kind: photo\n  date: {said}\n",
    )
    assert faults == []
    assert brief.at is not None
    assert (brief.at.date(), brief.at.hour) == (date(2026, 12, 1), hour)


@pytest.mark.parametrize(
    ("said", "hour", "minute"),
    [
        ("18:00", 18, 0),
        ("6pm", 18, 0),
        ("12 am", 0, 0),
        ("7.45", 7, 45),
        ("9", 9, 0),
        ("18 Uhr", 18, 0),
    ],
)
def test_so_are_times(tmp_path: Path, said: str, hour: int, minute: int) -> None:
    (brief,), _ = read(tmp_path, f"- kind: photo\n  date: 2026-12-01\n  time: {said}\n")
    assert brief.at is not None
    assert (brief.at.hour, brief.at.minute) == (hour, minute)


def test_each_bad_entry_is_told_with_its_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    briefs, faults = read(
        tmp_path,
        "posts:\n"
        "  - kind: photo\n"
        "  - kind: carousell\n"
        "  - kind: photo\n    themee: autumn\n"
        "  - kind: photo\n    date: someday\n"
        "  - kind: photo\n    date: 2026-12-01\n    time: 25:00\n"
        "  - kind: product\n"
        "  - just words\n"
        "  - kind: photo\n    theme: [a, b]\n"
        "  - kind: story\n    format: storry\n"
        "  - kind: Story\n    offer:\n      name: Loaf\n      price: 5 EUR\n",
    )
    assert [(b.kind, b.offer.price) for b in briefs] == [("photo", ""), ("story", "5 EUR")]
    assert [fault.split(": ", 1)[0] for fault in faults] == [
        f"plan.yaml, line {line}" for line in (3, 4, 6, 8, 11, 12, 13, 15)
    ]
    assert "perhaps you meant “carousel”" in faults[0]
    assert "unknown field “themee”; perhaps you meant “theme”" in faults[1]
    assert "“someday” is no date" in faults[2]
    assert "“25:00” is no time of day" in faults[3]
    assert "perhaps you meant “story”" in faults[7]


def test_a_table_is_read_with_other_names_and_delimiters(tmp_path: Path) -> None:
    briefs, faults = read(
        tmp_path,
        "Date;Time;Type;Topic;Title;CTA;Offer\n2026-12-01;18:00;promo;bread;Now;Come in;Loaf, 5 EUR\n;;riddle;;;;\n",
        "plan.csv",
    )
    (brief,) = briefs
    assert (brief.kind, brief.theme, brief.headline) == ("promo", "bread", "Now")
    assert brief.offer == Offer(text="Loaf, 5 EUR", call="Come in")
    assert faults == ["plan.csv, line 3: “riddle” is no kind of post"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"), ("hello", "no list of posts"), ("posts: []", "no posts"),
        ("posts:\n  - kind: photo\n   theme: x\n", "line 3"), ("a: &a [1]\nposts: *a", "line 1: anchors"),
        ("posts:\n  - !!python/object/apply:os.system [ls]\n", "line 2: tags"),
        ("posts: " + "[" * 50 + "]" * 50, "nested too deeply"), ("\x01\x02", "no text"),
        ("time_zone: Mars/Base\nposts:\n  - kind: photo\n", "no time zone"), ("PK\x03\x04", "spreadsheet"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_plan_is_told_what_it_is(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FeedsmithError, match=said):
        read(tmp_path, text)


def test_plans_out_of_range_and_plans_of_nothing_are_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match="cannot be planned"):
        proposed(home, per_week=0)
    with pytest.raises(FeedsmithError, match=r"written as \.yaml or \.csv"):
        plan.write(proposed(home), tmp_path / "plan.docx")
    with pytest.raises(FeedsmithError, match="no such plan"):
        plan.read(tmp_path / "none.yaml")
    empty = Home(tmp_path / "empty")
    empty.create(Brand(name="E"))
    with pytest.raises(FeedsmithError, match="library is empty"):
        proposed(empty)


@pytest.mark.parametrize("said", ["12/05/2026", "5/12/2026", "12-05-2026", "12/5/26"])
def test_a_date_that_can_be_two_days_is_refused(tmp_path: Path, said: str) -> None:
    (tmp_path / "plan.csv").write_text(f"date,kind\n{said},photo\n12/25/2026,photo\n", "utf-8")
    (brief,), (fault,) = plan.read(tmp_path / "plan.csv")
    assert brief.at is not None
    assert brief.at.date() == date(2026, 12, 25)
    assert "can be read as two days" in fault.message
    assert "2026-12-05" in fault.mend


def test_entries_in_the_past_are_made_and_told_once(tmp_path: Path) -> None:
    briefs, _ = read(tmp_path, "- {kind: photo, date: 2020-01-01}\n- {kind: photo}\n")
    assert len(briefs) == 2
    assert plan.past(briefs, datetime(2026, 1, 1, tzinfo=UTC)).startswith(
        "One entry lies in the past (plan.yaml, line 1: 2020-01-01"
    )
    assert plan.past(briefs[1:], datetime(2026, 1, 1, tzinfo=UTC)) == ""


def test_a_headline_names_a_day_only_on_that_day(home: Home) -> None:
    for start in (date(2026, 4, 27), date(2026, 12, 7)):
        for seed in range(3):
            for entry in proposed(home, start=start, seed=seed).entries:
                at = entry.brief.at
                assert at is not None
                if entry.brief.headline:
                    assert f"{entry.brief.headline} is on {at.day} {at:%B}" in entry.reason


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("- {kind: photo, theme: a, theme: b}", "“theme” is given twice"),
        ("- {kind: photo, title: a, headline: b}", "the headline is given twice"),
        ("- {kind: promo, offer: {name: a}, name: b}", "“name” is given twice"),
        ("- {kind: photo, theme: [a, b]}", "the theme is a list, not words"),
        ("- {kind: photo, moood: [a, b]}", "unknown field “moood”"),
        ("- autumn", "“autumn” is not an entry"),
        ("- [kind, photo]", "a list is not an entry"),
        ("- {kind: photo, format: landscape}", "“landscape” is no format of a feed post"),
        ("- {kind: product, name: Mug, price: 12}", "the price 12 names no currency"),
        ("- {kind: promo, name: Mug, price: 12 EUR, was: 15}", "the former price 15 names no"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(tmp_path: Path, entry: str, said: str) -> None:
    briefs, (fault,) = read(tmp_path, f"posts:\n  {entry}\n  - kind: photo\n")
    assert len(briefs) == 1
    assert said in fault


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.csv", "kind,theme,theme\nphoto,a,b\n", "two columns say the theme"),
        ("p.csv", "kind,title,headline\nphoto,a,b\n", "“title” and “headline”"),
        ("p.yaml", "posts:\n- kind: photo\nposts:\n- kind: gif\n", "line 3: “posts” stands here"),
    ],
)
def test_what_stands_twice_in_a_plan_is_told(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(FeedsmithError, match=said):
        read(tmp_path, text, name)


def test_a_plan_leans_on_what_became_of_earlier_posts_where_that_is_wished(
    home: Home, tmp_path: Path
) -> None:
    before = proposed(home, weeks=8)
    copy = tmp_path / "brand"
    shutil.copytree(home.root, copy)
    other = Home(copy)
    posts = season(120, {"reel": 1.2})
    late = [o for o in posts if o.published.hour == 20]
    told = [
        *(v for o in posts for v in (o.published, *o.readings)),
        *(r.model_copy(update={"likes": 3 * (r.likes or 0)}) for o in late for r in o.readings),
    ]
    outcomes.record(copy, told)
    assert proposed(other, weeks=8) == before  # off by default
    text = other.brand_file.read_text("utf-8").replace("on = false", "on = true")
    other.brand_file.write_text(text.replace("# explore = 0.2", "explore = 0.05"), "utf-8")
    made = proposed(other, weeks=8)
    assert made == proposed(other, weeks=8)
    kinds = [brief.kind for brief in made.briefs]
    assert kinds.count("reel") > 1.5 * [b.kind for b in before.briefs].count("reel")
    assert all(a != b for a, b in pairwise(kinds))
    hours = Counter(brief.at.hour for brief in made.briefs if brief.at)
    assert hours.most_common(1)[0][0] in (18, 20)  # eight in the morning was the habit
    assert any("because" in entry.reason for entry in made.entries)
    assert any("lean on what became of 120 posts" in note for note in made.notes)
