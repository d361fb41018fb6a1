"""Approval: what each role may do with a post, and what somebody with a review link may."""

import re
from datetime import timedelta

import pytest

from feedsmith.studio import states
from small_studio import bytes_of, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")

ROOT = "/b/oak-co/posts"


def a_draft(folder: str = "01-photo-aaaaaa", state: str = "draft", brand: str = "oak-co"):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    Draft.objects.filter(folder=folder, brand__slug=brand).update(state=state)
    return Draft.objects.get(folder=folder, brand__slug=brand)


def a_link(**more):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Brand, ReviewLink

    return ReviewLink.make(Brand.objects.get(slug="oak-co"), None, **more)


def a_guest(link, name: str = "Ana", **more: str):  # type: ignore[no-untyped-def]
    """A browser without a login that has said its name."""
    client = visitor(**more)
    assert client.post(f"/r/{link.token}/name", {"name": name}).status_code == 303
    return client


def reply(client, link, draft, do: str, text: str = "", version: int | None = None):  # type: ignore[no-untyped-def]
    form = {"do": do, "text": text, "version": version or draft.version}
    return client.post(f"/r/{link.token}/posts/{draft.pk}", form)


# ---- members -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role"), [("rita", "reviewer"), ("edgar", "editor"), ("olga", "owner")]
)
@pytest.mark.parametrize("state", states.STATES)
def test_a_posts_page_offers_the_steps_of_ones_role_and_no_others(
    name: str, role: states.Role, state: states.State
) -> None:
    draft = a_draft(state=state)
    page = visitor(name).get(f"{ROOT}/{draft.pk}").content.decode()
    # In a form of its own each, or in that of the calendar.
    offered = set(re.findall(r'name="to" value="(\w+)"', page))
    assert offered == {s.after for s in states.steps(state, role)}


@pytest.mark.parametrize(
    ("name", "state", "to", "moves"),
    [
        ("edgar", "draft", "review", True), ("edgar", "draft", "approved", False),
        ("rita", "review", "approved", True), ("rita", "review", "draft", True),
        ("rita", "draft", "review", False), ("rita", "approved", "published", False),
        ("olga", "draft", "approved", True), ("olga", "published", "draft", False),
        ("edgar", "scheduled", "publishing", False), ("edgar", "failed", "published", True),
    ],
)  # fmt: skip
def test_a_step_is_taken_by_whom_it_is_allowed(name: str, state: str, to: str, moves: bool) -> None:
    from feedsmith.studio.models import Event

    draft = a_draft(state=state)
    answer = visitor(name).post(f"{ROOT}/{draft.pk}/state", {"to": to})
    draft.refresh_from_db()
    assert draft.state == (to if moves else state)
    assert answer.status_code in ((302, 303) if moves else (400,))
    assert Event.objects.filter(draft=draft, verb="moved").count() == moves


def test_a_comment_is_added_resolved_and_opened_again() -> None:
    draft = a_draft()
    visitor("rita").post(f"{ROOT}/{draft.pk}/comments", {"text": "Less green, please."})
    comment = draft.comments.get()
    editor = visitor("edgar")
    for on in (True, False):
        editor.post(f"{ROOT}/{draft.pk}/comments/{comment.pk}", {"resolved": str(int(on))})
        comment.refresh_from_db()
        assert comment.resolved is on
    assert "Less green, please." in text_of(editor.get(f"{ROOT}/{draft.pk}"))


def test_the_activity_page_says_who_did_what_with_which_post() -> None:
    draft = a_draft(state="review")
    visitor("rita").post(f"{ROOT}/{draft.pk}/state", {"to": "approved"})
    link = a_link(chosen=[draft.pk])
    reply(a_guest(link), link, draft, "comment", "Lovely <b>light</b>.")
    said = text_of(visitor("rita").get("/b/oak-co/activity"))
    assert "rita moved the photo “A walk under the oaks.” from in review to approved" in said
    assert "Ana by review link commented on the photo" in said
    assert "Lovely &lt;b&gt;light&lt;/b&gt;." in said
    assert "Ana" not in text_of(visitor("olga").get("/b/oak-co/activity?who=rita"))


# ---- making links ------------------------------------------------------------------------------


def test_an_editor_makes_a_link_for_chosen_posts_and_a_reviewer_does_not() -> None:
    from feedsmith.studio.models import ReviewLink

    draft = a_draft()
    form = {"title": "December", "post": str(draft.pk), "days": "7"}
    assert visitor("rita").post("/b/oak-co/review-links", form).status_code == 403
    editor = visitor("edgar")
    chosen = editor.post(f"{ROOT}/bulk", {"post": str(draft.pk), "do": "link"})
    assert chosen.headers["Location"] == f"/b/oak-co/review-links?post={draft.pk}"
    assert "1 chosen post" in text_of(editor.get(chosen.headers["Location"]))
    assert editor.post("/b/oak-co/review-links", form).status_code == 303
    link = ReviewLink.objects.get()
    assert [d.pk for d in link.posts()] == [draft.pk]
    page = editor.get("/b/oak-co/review-links").content.decode()
    assert f"/r/{link.token}" in page


def test_a_link_never_shows_posts_of_another_brand() -> None:
    theirs = a_draft(brand="elm-co")
    answer = visitor("edgar").post("/b/oak-co/review-links", {"post": str(theirs.pk), "days": "7"})
    assert answer.status_code == 422
    assert "not all posts of this brand" in text_of(answer)


@pytest.mark.parametrize("days", ["0", "91", "x", "9999999", ""])
def test_a_link_lives_a_bounded_time(days: str) -> None:
    answer = visitor("edgar").post("/b/oak-co/review-links", {"days": days})
    assert answer.status_code == 422
    assert "lives 1 to 90 days" in text_of(answer)


# ---- with a link -------------------------------------------------------------------------------


def test_the_name_is_asked_once_and_then_the_posts_are_shown() -> None:
    draft = a_draft(state="review")
    link = a_link(title="December, for Ana")
    client = visitor()
    first = text_of(client.get(f"/r/{link.token}"))
    assert "Your name" in first
    assert draft.caption not in first
    client.post(f"/r/{link.token}/name", {"name": "  Ana \n Ruiz "})
    for _ in range(2):
        said = text_of(client.get(f"/r/{link.token}"))
        assert "You are Ana Ruiz" in said
        assert "1 of 1 post waits for your word" in said
        assert draft.caption in said
    assert client.post(f"/r/{link.token}/name", {"name": " "}).status_code == 422


def test_names_of_all_scripts_are_kept() -> None:
    from feedsmith.studio.pages.review import GUEST

    a_draft(state="review")
    link, client = a_link(), visitor()
    client.post(f"/r/{link.token}/name", {"name": "Łukasz 美 Анна"})
    assert client.cookies[GUEST].value.isascii()  # a header is
    assert "You are Łukasz 美 Анна" in text_of(client.get(f"/r/{link.token}"))


def test_with_a_link_a_post_is_approved_and_stays_on_the_page() -> None:
    from feedsmith.studio.models import Event

    draft = a_draft(state="review")
    link = a_link()
    client = a_guest(link)
    assert reply(client, link, draft, "approve").status_code == 303
    draft.refresh_from_db()
    assert draft.state == "approved"
    event = Event.objects.get(draft=draft, verb="moved")
    assert (event.name, event.person, event.words) == ("Ana", None, "review -> approved")
    said = text_of(client.get(f"/r/{link.token}"))
    assert "Ana approved, today" in said
    assert "nothing waits for you any more" in said


def test_changes_asked_for_are_a_comment_and_approve_nothing() -> None:
    draft = a_draft(state="review")
    link = a_link()
    client = a_guest(link)
    assert reply(client, link, draft, "changes").status_code == 422
    assert reply(client, link, draft, "changes", "Crop it tighter.").status_code == 303
    draft.refresh_from_db()
    assert draft.state == "review"
    assert (draft.comments.get().name, draft.comments.get().person) == ("Ana", None)
    page = text_of(visitor("edgar").get(f"{ROOT}/{draft.pk}"))
    assert "Crop it tighter." in page
    assert "by review link" in page


def test_an_approval_holds_only_for_the_words_that_were_seen() -> None:
    draft = a_draft(state="review")
    link = a_link()
    client = a_guest(link)
    draft.edit({"caption": "Quite other words."}, version=draft.version)
    answer = reply(client, link, draft, "approve", version=draft.version)
    assert answer.status_code == 409
    assert "changed since you opened the page" in text_of(answer)
    assert "Quite other words." in text_of(answer)
    draft.refresh_from_db()
    assert draft.state == "review"


@pytest.mark.parametrize("state", [s for s in states.STATES if s not in ("review", "archived")])
def test_a_link_approves_only_what_is_in_review(state: str) -> None:
    draft = a_draft(state=state)
    link = a_link(chosen=[draft.pk])
    client = a_guest(link)
    assert "Approve</button>" not in client.get(f"/r/{link.token}").content.decode()
    assert reply(client, link, draft, "approve").status_code == 409
    draft.refresh_from_db()
    assert draft.state == state


def test_a_filter_shows_what_is_in_that_state_and_no_unfinished_work() -> None:
    a_draft("01-photo-aaaaaa", "review")
    a_draft("02-carousel-aaaaaa", "approved")
    shown = {
        show: [d.folder for d in a_link(show=show).posts()] for show in ("review", "planned", "all")
    }
    assert shown["review"] == ["01-photo-aaaaaa"]
    assert shown["planned"] == ["02-carousel-aaaaaa"]
    assert set(shown["all"]) == {"01-photo-aaaaaa", "02-carousel-aaaaaa"}
    assert [d.folder for d in a_link(show="all", kind="photo").posts()] == ["01-photo-aaaaaa"]
    assert a_link(show="all", words="nothing like it").posts() == []


def test_a_closed_link_and_one_whose_time_is_over_say_so() -> None:
    from django.utils import timezone

    from feedsmith.studio.models import ReviewLink

    draft = a_draft(state="review")
    old, closed = a_link(), a_link()
    ReviewLink.objects.filter(pk=old.pk).update(expires=timezone.now() - timedelta(minutes=1))
    editor = visitor("edgar")
    assert editor.post(f"/b/oak-co/review-links/{closed.pk}/revoke").status_code == 303
    for link, words in ((old, "Its time is over."), (closed, "has closed it.")):
        client = visitor()
        answer = client.get(f"/r/{link.token}")
        assert answer.status_code == 410
        assert words in text_of(answer)
        assert client.post(f"/r/{link.token}/name", {"name": "Ana"}).status_code == 410
        assert reply(client, link, draft, "approve").status_code == 410
        assert (
            client.get(f"/r/{link.token}/thumb/oak-co/240/{draft.folder}/01.jpg").status_code == 410
        )


def test_a_token_that_was_changed_opens_nothing_and_guessing_is_slowed() -> None:
    link = a_link()
    client = visitor()
    number, _, signature = link.token.partition(".")
    other = a_link()
    for token in (
        f"{other.token.partition('.')[0]}.{signature}",
        f"{number}.{signature[:-1]}",
        "1",
        number,
    ):
        assert client.get(f"/r/{token}").status_code == 404
    answers = {client.get(f"/r/{number}.guess{n}").status_code for n in range(30)}
    assert answers == {404, 429}
    assert client.get(f"/r/{link.token}").status_code == 200


def test_answers_are_slowed_down() -> None:
    draft = a_draft(state="review")
    link = a_link()
    client = a_guest(link)
    answers = [reply(client, link, draft, "comment", f"Word {n}.") for n in range(32)]
    assert [a.status_code for a in answers[:30]] == [303] * 30
    assert answers[30].status_code == 429
    assert answers[30].headers["Retry-After"] == "600"
    assert draft.comments.count() == 30


def test_a_link_shows_the_files_of_its_own_posts_alone() -> None:
    shown, other = a_draft("02-carousel-aaaaaa", "review"), a_draft("01-photo-aaaaaa")
    link = a_link()
    client = a_guest(link)
    root = f"/r/{link.token}"
    page = client.get(root).content.decode()
    pictures = re.findall(rf'src="({re.escape(root)}/thumb/[^"]+)"', page)
    assert len(pictures) == 3
    assert all(client.get(address).status_code == 200 for address in pictures)
    assert bytes_of(client.get(f"{root}/media/oak-co/{shown.folder}/01.jpg"))[:2] == b"\xff\xd8"
    for address in (
        f"{root}/media/oak-co/{other.folder}/01.jpg", f"{root}/thumb/oak-co/240/{other.folder}/01.jpg",
        f"{root}/media/elm-co/{shown.folder}/01.jpg", f"{root}/media/oak-co/{shown.folder}/post.json",
    ):  # fmt: skip
        assert client.get(address).status_code == 404


def test_nothing_else_of_the_studio_is_reached_with_a_link() -> None:
    draft = a_draft(state="review")
    link = a_link()
    client = a_guest(link)
    page = client.get(f"/r/{link.token}").content.decode()
    ways = set(re.findall(r'(?:href|action)="(/[^"]*)"', page))
    assert all(way.startswith((f"/r/{link.token}", "/static/")) for way in ways), ways
    for address in (
        "/", "/account", "/b/oak-co/posts", f"{ROOT}/{draft.pk}", "/b/oak-co/activity",
        "/b/oak-co/review-links", f"/thumb/oak-co/240/{draft.folder}/01.jpg",
    ):  # fmt: skip
        answer = client.get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/sign-in")
    assert client.post(f"{ROOT}/{draft.pk}/state", {"to": "approved"}).status_code == 302
    draft.refresh_from_db()
    assert draft.state == "review"
    hidden = a_draft("03-quote-aaaaaa")
    assert reply(client, link, hidden, "comment", "Hello").status_code == 409
    assert hidden.comments.count() == 0


def test_two_who_approve_at_once_approve_once() -> None:
    from feedsmith.studio.models import ReviewAct

    draft = a_draft(state="review")
    link = a_link()
    one, two = a_guest(link), a_guest(link, "Ben")
    assert reply(one, link, draft, "approve").status_code == 303
    assert reply(two, link, draft, "approve").status_code == 409
    assert [act.name for act in ReviewAct.objects.all()] == ["Ana"]
