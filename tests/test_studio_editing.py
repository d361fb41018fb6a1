"""Editing in the studio, as forms: words, history, order, several at once, copies."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest

from small_studio import CONFIG, connections_closed, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


def draft(folder: str = "01-photo-aaaaaa", brand: str = "oak-co"):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    return Draft.objects.get(folder=folder, brand__slug=brand)


def order() -> list[str]:
    from feedsmith.studio.models import Draft

    return [d.folder.split("-")[1] for d in Draft.objects.filter(brand__slug="oak-co")]


def form(d, **changed):  # type: ignore[no-untyped-def]
    return {
        "version": d.version, "caption": d.caption, "hashtag": d.hashtags, "alt": d.alt_text, **changed,
    }  # fmt: skip


def test_an_edit_is_saved_with_its_reason_in_the_history() -> None:
    d = draft()
    words = form(
        d, caption="Under oaks,\r\nslowly.", hashtag=["oak", "#tall trees,", "Oak", "bad!tag"]
    )
    answer = visitor("edgar").post(f"/b/oak-co/posts/{d.pk}/edit", words)
    assert answer.status_code == 302
    d = draft()
    assert d.caption == "Under oaks,\nslowly."
    assert d.hashtags == ["oak", "tall", "trees", "badtag"]
    last = d.revisions.last()
    assert last.what == "caption, #tall added, #trees added, #badtag added, #walks removed"
    assert last.person.name == "edgar"


def test_the_cross_of_a_chip_removes_a_hashtag_where_no_script_runs() -> None:
    d = draft()
    visitor("edgar").post(f"/b/oak-co/posts/{d.pk}/edit", form(d, without="oak"))
    assert draft().hashtags == ["walks"]


def test_two_who_edit_at_once_are_shown_both_versions_and_nothing_is_lost() -> None:
    d = draft()
    before = d.version
    visitor("olga").post(f"/b/oak-co/posts/{d.pk}/edit", form(d, caption="A walk under tall oaks."))
    mine = form(d, caption="A stroll under the oaks.", hashtag=["oak", "stroll"])
    answer = visitor("edgar").post(f"/b/oak-co/posts/{d.pk}/edit", mine)
    assert answer.status_code == 409
    page, said = answer.content.decode(), text_of(answer)
    assert "olga saved this post" in said
    assert "A stroll under the oaks." in page
    assert "<ins>walk </ins>" in page.replace("</ins><ins>", "")
    assert "tall" in page
    assert draft().caption == "A walk under tall oaks."
    # The form on that page names the newest version: saving it again goes through.
    newest = draft().version
    assert newest > before
    assert f'name="version" value="{newest}"' in page
    again = visitor("edgar").post(f"/b/oak-co/posts/{d.pk}/edit", {**mine, "version": newest})
    assert again.status_code == 302
    assert draft().caption == "A stroll under the oaks."


def test_a_caption_too_long_for_instagram_is_kept_and_the_page_says_so() -> None:
    d = draft()
    client = visitor("edgar")
    client.post(f"/b/oak-co/posts/{d.pk}/edit", form(d, caption="x" * 2300))
    assert len(draft().caption) == 2300
    said = text_of(client.get(f"/b/oak-co/posts/{d.pk}"))
    assert "Instagram would refuse this: the caption has 2313 characters, 2200 are allowed." in said


def test_the_brands_own_rules_are_told_and_nothing_is_refused() -> None:
    d, client = draft(), visitor("edgar")
    file = CONFIG.home / "brand.toml"
    words = file.read_text("utf-8").replace("banned_words = []", 'banned_words = ["cheap"]')
    file.write_text(words, "utf-8")
    tags = [f"tag{n}" for n in range(7)]
    client.post(f"/b/oak-co/posts/{d.pk}/edit", form(d, caption="Cheap thrills.", hashtag=tags))
    said = text_of(client.get(f"/b/oak-co/posts/{d.pk}"))
    assert "“cheap” is a word that this brand never uses." in said
    assert "This brand uses at most 5 hashtags on a post; here are 7." in said
    assert "7 of 5 hashtags" in said
    assert draft().hashtags == tags


def test_undo_redo_and_bringing_an_old_version_back() -> None:
    d, client = draft(), visitor("edgar")
    here = f"/b/oak-co/posts/{d.pk}"
    client.post(f"{here}/edit", form(d, caption="Second."))
    client.post(f"{here}/edit", form(draft(), caption="Third."))
    client.post(f"{here}/undo", {"version": draft().version})
    assert draft().caption == "Second."
    client.post(f"{here}/redo", {"version": draft().version})
    assert draft().caption == "Third."
    client.post(f"{here}/restore", {"version": draft().version, "number": 1})
    assert draft().caption == d.caption
    assert draft().revisions.count() == 4
    assert (
        client.post(f"{here}/restore", {"version": draft().version, "number": 9}).status_code == 404
    )
    assert client.post(f"{here}/undo", {"version": "x"}).status_code == 400


def test_a_post_moves_directly_before_or_after_another() -> None:
    client = visitor("edgar")
    assert order() == ["quote", "carousel", "photo"]
    photo, quote, carousel = draft(), draft("03-quote-aaaaaa"), draft("02-carousel-aaaaaa")
    moved = client.post("/b/oak-co/posts/order", {"post": photo.pk, "before": carousel.pk})
    assert moved.status_code == 204
    assert order() == ["quote", "photo", "carousel"]
    client.post("/b/oak-co/posts/order", {"post": quote.pk, "before": "", "after": carousel.pk})
    assert order() == ["photo", "carousel", "quote"]
    theirs = draft(brand="elm-co")
    wrong = client.post("/b/oak-co/posts/order", {"post": theirs.pk, "before": photo.pk})
    assert wrong.status_code == 400
    assert client.post("/b/oak-co/posts/order", {"post": photo.pk}).status_code == 400


def test_moving_back_and_forth_a_hundred_times_keeps_an_order() -> None:
    from feedsmith.studio import feed

    brand = draft().brand
    a, b, c = draft().pk, draft("02-carousel-aaaaaa").pk, draft("03-quote-aaaaaa").pk
    for turn in range(100):  # always between the other two: the gap halves until it is spread again
        middle = (b, c)[turn % 2]
        feed.place(brand, middle, after=a)
        assert feed.neighbours(draft())[1] == middle
    assert len({d.position for d in draft().brand.drafts.all()}) == 3


def test_several_posts_at_once_and_what_could_not_be_done_is_said() -> None:
    from feedsmith.studio.models import Draft

    one, two = draft(), draft("02-carousel-aaaaaa")
    two.move("archived", by="owner")
    client = visitor("edgar")
    back = "/b/oak-co/posts?state=draft"
    answer = client.post(
        "/b/oak-co/posts/bulk", {"do": "review", "post": [one.pk, two.pk], "back": back}
    )
    assert answer.headers["Location"] == back
    assert draft().state == "review"
    said = text_of(client.get("/b/oak-co/posts"))
    assert "1 post: in review. 1 post could not" in said
    assert "could not" not in text_of(client.get("/b/oak-co/posts"))  # said once
    client.post(
        "/b/oak-co/posts/bulk", {"do": "favourite", "post": [one.pk, draft(brand="elm-co").pk]}
    )
    assert [d.pk for d in Draft.objects.filter(favourite=True)] == [one.pk]
    away = client.post("/b/oak-co/posts/bulk", {"do": "favourite", "back": "//elsewhere.example"})
    assert away.headers["Location"] == "/b/oak-co/posts"


def test_approving_takes_no_post_off_the_calendar() -> None:
    d, olga = draft(), visitor("olga")
    here = f"/b/oak-co/posts/{d.pk}"
    olga.post(f"{here}/state", {"to": "approved", "from": "draft"})
    when = datetime(2031, 5, 3, 9, tzinfo=UTC)
    d.move("scheduled", by="owner", scheduled_at=when)
    # Several at once, and from a page that was opened before it was scheduled.
    olga.post("/b/oak-co/posts/bulk", {"do": "approved", "post": [d.pk]})
    assert "a scheduled post is approved already" in text_of(olga.get("/b/oak-co/posts"))
    assert olga.post(f"{here}/state", {"to": "approved", "from": "review"}).status_code == 400
    assert (draft().state, draft().scheduled_at) == ("scheduled", when)
    assert 'name="from" value="scheduled"' in olga.get(here).content.decode()
    olga.post(f"{here}/state", {"to": "approved", "from": "scheduled"})
    assert (draft().state, draft().scheduled_at) == ("approved", None)


def test_a_copy_has_files_and_history_of_its_own_and_stands_above() -> None:
    d = draft("02-carousel-aaaaaa")
    d.edit({"caption": "Three greens, edited."}, version=d.version)
    answer = visitor("edgar").post(f"/b/oak-co/posts/{d.pk}/duplicate")
    copy = draft("02-carousel-aaaaaa-copy")
    assert answer.headers["Location"] == f"/b/oak-co/posts/{copy.pk}"
    assert order() == ["quote", "carousel", "carousel", "photo"]
    assert copy.caption == "Three greens, edited."
    assert copy.revisions.get().words["caption"] == "Three greens, edited."
    made = json.loads((CONFIG.home / "posts" / copy.folder / "post.json").read_text("utf-8"))
    assert made["id"] == copy.folder
    assert copy.post is not None
    assert not list((CONFIG.home / "posts").glob(".*"))
    visitor("edgar").post(f"/b/oak-co/posts/{copy.pk}/duplicate")
    assert draft("02-carousel-aaaaaa-copy-2").post is not None


def test_steps_comments_and_favourites() -> None:
    d, edgar, rita = draft(), visitor("edgar"), visitor("rita")
    here = f"/b/oak-co/posts/{d.pk}"
    edgar.post(f"{here}/state", {"to": "review"})
    rita.post(f"{here}/comments", {"text": "  Shorter, please. "})
    rita.post(f"{here}/comments", {"text": "   "})
    comment = d.comments.get()
    assert (comment.text, comment.person.name) == ("Shorter, please.", "rita")
    edgar.post(f"{here}/comments/{comment.pk}", {"resolved": "1"})
    comment.refresh_from_db()
    assert comment.resolved
    rita.post(f"{here}/state", {"to": "approved"})
    edgar.post(f"{here}/state", {"to": "scheduled", "when": "2026-03-29T03:30"})
    planned = draft()
    assert planned.scheduled_at.isoformat() == "2026-03-29T01:30:00+00:00"  # Berlin, summer time
    assert "Sun 29 Mar, 03:30" in text_of(edgar.get(here))
    assert edgar.post(f"{here}/state", {"to": "scheduled", "when": "soon"}).status_code == 400
    edgar.post(f"{here}/favourite", {"on": "1"})
    assert draft().favourite


def test_a_reviewer_may_comment_and_changes_nothing() -> None:
    d, rita = draft(), visitor("rita")
    here = f"/b/oak-co/posts/{d.pk}"
    for name in ("edit", "undo", "redo", "restore", "favourite", "duplicate", "another"):
        assert rita.post(f"{here}/{name}", form(d)).status_code == 403, name
    assert rita.post("/b/oak-co/posts/order", {"post": d.pk}).status_code == 403
    assert rita.post("/b/oak-co/posts/bulk", {"do": "archived", "post": d.pk}).status_code == 403
    assert rita.post(f"{here}/state", {"to": "archived"}).status_code == 400
    page = rita.get(here).content.decode()
    assert "<textarea" in page
    assert 'name="caption"' not in page


def test_another_like_this_asks_for_one_more_of_its_kind() -> None:
    from feedsmith.studio.models import Job

    d = draft("03-quote-aaaaaa")
    visitor("edgar").post(f"/b/oak-co/posts/{d.pk}/another")
    assert Job.objects.get().args["kind"] == "quote"


def test_the_rest_of_a_long_grid_comes_as_a_fragment() -> None:
    from feedsmith.studio.models import Draft

    brand, media = draft().brand, draft().media
    Draft.objects.bulk_create(
        Draft(brand=brand, folder=f"x{n}", kind="photo", media=media, alt_text=["x"], position=-n)
        for n in range(70)
    )
    client = visitor("rita")
    first = client.get("/b/oak-co/posts").content.decode()
    assert first.count('class="tile"') == 60
    assert 'hx-get="/b/oak-co/posts?page=2"' in first
    rest = client.get("/b/oak-co/posts?page=2", headers={"hx-request": "true"}).content.decode()
    assert rest.count('class="tile"') == 13
    assert "<html" not in rest


def test_the_grid_asks_the_database_the_same_few_questions_however_long_it_is(
    django_queries,  # type: ignore[no-untyped-def]
) -> None:
    from feedsmith.studio.models import Draft

    client = visitor("rita")
    client.get("/b/oak-co/posts")
    few = django_queries(lambda: client.get("/b/oak-co/posts"))
    brand, media = draft().brand, draft().media
    Draft.objects.bulk_create(
        Draft(brand=brand, folder=f"x{n}", kind="photo", media=media, alt_text=["x"], position=-n)
        for n in range(70)
    )
    # One more where posts were never shown, or have changed; it brings them all.
    assert django_queries(lambda: client.get("/b/oak-co/posts")) == few + 1
    assert django_queries(lambda: client.get("/b/oak-co/posts")) == few
    assert few <= 7


def test_the_grid_shows_a_post_as_it_is_after_every_kind_of_change() -> None:
    """Tiles are drawn once a version; none may be shown that is out of date."""
    from django.utils import timezone

    from feedsmith.studio.models import Draft

    client = visitor("edgar")
    one = Draft.objects.get(folder="01-photo-aaaaaa", brand__slug="oak-co")

    def tile() -> str:
        page = client.get("/b/oak-co/posts").content.decode()
        return page.partition(f'id="draft-{one.pk}"')[2].partition("</li>")[0]

    assert "Green 1." in tile()
    one = one.edit({"alt_text": ["A leaf & more."]}, version=one.version)
    assert "A leaf &amp; more." in tile()
    one = one.turn(-1, version=one.version)
    assert "Green 1." in tile()
    assert "Favourite" not in tile()
    Draft.objects.filter(pk=one.pk).update(favourite=True)
    assert "Favourite" in tile()
    one.move("review", by="editor")
    assert "In review" in tile()
    Draft.objects.filter(pk=one.pk).update(
        state="scheduled", scheduled_at=timezone.now().replace(year=2031, hour=3, minute=30)
    )
    assert ":30" in tile()
    Draft.objects.filter(pk=one.pk).delete()
    assert tile() == ""


@pytest.fixture
def django_queries():  # type: ignore[no-untyped-def]
    """How many questions a call asks the database."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def count(call) -> int:  # type: ignore[no-untyped-def]
        with CaptureQueriesContext(connection) as asked:
            call()
        return len(asked)

    return count


def test_light_and_dark_are_kept_in_a_cookie_that_only_says_so() -> None:
    client = visitor("rita")
    assert client.post("/theme", {"theme": "dark"}).status_code == 302
    assert 'data-theme="dark"' in client.get("/design").content.decode()
    client.post("/theme", {"theme": '"><script>'})
    assert "data-theme" not in client.get("/design").content.decode()
    away = client.post(
        "/theme", {"theme": "light"}, headers={"referer": "https://elsewhere.example/x"}
    )
    assert away.headers["Location"] == "/"


def test_styles_name_their_fonts_by_content_so_that_they_are_fetched_once() -> None:
    import re

    client = visitor()
    page = client.get("/sign-in").content.decode()
    style = client.get(re.search(r'"(/static/\w+/studio\.css)"', page)[1]).content.decode()
    fonts = set(re.findall(r'url\("(/static/[^"]+\.woff2)"', style))
    assert set(re.findall(r'preload" href="([^"]+)"', page)) <= fonts
    for address in re.findall(r'url\("([^"]+)"', style):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_a_photo_of_the_library_is_served_by_its_id_alone() -> None:
    from PIL import Image

    library = CONFIG.home / "library"
    (library / "photos").mkdir(parents=True)
    Image.new("RGB", (600, 400), (9, 99, 199)).save(library / "photos" / "a.jpg")
    lines = [
        {"id": "a" * 16, "file": "photos/a.jpg", "width": 600, "height": 400},
        {"id": "b" * 16, "file": "../../secret.jpg", "width": 6, "height": 4},
    ]
    (library / "photos.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n{torn", "utf-8")
    client = visitor("rita")
    answer = client.get(f"/photo/oak-co/240/{'a' * 16}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")
    for wrong in (f"240/{'b' * 16}", f"240/{'c' * 16}", f"999/{'a' * 16}", "240/../a"):
        assert client.get(f"/photo/oak-co/{wrong}").status_code == 404
    assert visitor("otto").get(f"/photo/oak-co/240/{'a' * 16}").status_code == 404


def test_what_differs_is_marked() -> None:
    from feedsmith.studio.pages.editing import marked

    assert marked("a b c", "a x c") == [("", "a "), ("ins", "x "), ("", "c")]
    assert marked("", "new") == [("ins", "new")]
    assert marked("gone", "") == []
    assert (
        "".join(words for _, words in marked("one\n\ntwo", "two\n\none three"))
        == "two\n\none three"
    )


def test_copies_made_at_once_have_each_a_name_and_files_of_their_own() -> None:
    from feedsmith.studio.copies import duplicate

    d, at_once = draft(), Barrier(4)

    def copy(_: int) -> str:
        at_once.wait()
        try:
            return str(duplicate(d).folder)
        finally:
            connections_closed()

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(copy, range(4)))
    names = ["01-photo-aaaaaa-copy", *(f"01-photo-aaaaaa-copy-{n}" for n in (2, 3, 4))]
    assert sorted(made) == sorted(names)
    assert {one.folder for one in type(d).objects.filter(folder__contains="copy")} == set(names)
    posts = CONFIG.home / "posts"
    assert not [path for path in posts.iterdir() if path.name.startswith(".")]
    for name in names:
        assert draft(name).post.id == name


def test_half_a_copy_that_a_kill_left_is_gone_after_the_next_start() -> None:
    from feedsmith.studio.start import welcome

    half = CONFIG.home / "posts" / ".01-photo-aaaaaa-copy.0123abcd.part"
    half.mkdir()
    (half / "01.jpg").write_bytes(b"half a picture")
    welcome([CONFIG.home])
    assert not half.exists()
    assert draft().post is not None
