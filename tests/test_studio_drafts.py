"""Drafts: editing, undoing, two people at once, approval."""

import threading

import pytest

from feedsmith.errors import FeedsmithError

pytestmark = pytest.mark.usefixtures("studio")


def draft(folder: str = "01-photo-aaaaaa"):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    return Draft.objects.get(brand__slug="oak-co", folder=folder)


def person(name: str):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Person

    return Person.objects.get(name=name)


def test_an_edit_changes_the_words_and_not_the_files() -> None:
    one = draft()
    before = one.post
    after = one.edit({"caption": "Oaks, again."}, version=1, person=person("edgar"))
    assert (after.caption, after.version) == ("Oaks, again.", 2)
    assert after.post == before
    assert [event.person.name for event in after.events.all()] == ["edgar"]


def test_of_two_edits_of_the_same_version_the_second_is_told_of_the_first() -> None:
    from feedsmith.studio.models import Conflict

    draft().edit({"caption": "Mine."}, version=1)
    with pytest.raises(Conflict) as told:
        draft().edit({"caption": "Theirs."}, version=1)
    assert (told.value.theirs.caption, told.value.mine) == ("Mine.", {"caption": "Theirs."})
    assert draft().caption == "Mine."


def test_of_many_edits_at_the_same_time_one_gets_in() -> None:
    from django.db import connections

    from feedsmith.studio.models import Conflict

    number, won, lost = draft().pk, [], []

    def edit(turn: int) -> None:
        from feedsmith.studio.models import Draft

        try:
            Draft.objects.get(pk=number).edit({"caption": f"Caption {turn}."}, version=1)
            won.append(turn)
        except Conflict:
            lost.append(turn)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=edit, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)
    assert draft().caption == f"Caption {won[0]}."
    assert draft().revisions.count() == 2


def test_undo_and_redo_walk_through_the_edits() -> None:
    one = draft()
    first = one.caption
    one = one.edit({"caption": "Two."}, version=1)
    one = one.edit({"caption": "Three.", "hashtags": ["oak"]}, version=2)
    one = one.turn(-1, version=3)
    assert (one.caption, one.hashtags) == ("Two.", ["oak", "walks"])
    one = one.turn(-1, version=4)
    assert one.caption == first
    with pytest.raises(FeedsmithError, match="nothing to undo"):
        one.turn(-1, version=5)
    one = one.turn(+1, version=5).turn(+1, version=6)
    assert (one.caption, one.hashtags) == ("Three.", ["oak"])
    with pytest.raises(FeedsmithError, match="nothing to redo"):
        one.turn(+1, version=7)


def test_an_edit_after_an_undo_forgets_what_was_undone() -> None:
    one = draft().edit({"caption": "Two."}, version=1).turn(-1, version=2)
    one = one.edit({"caption": "Other."}, version=3)
    with pytest.raises(FeedsmithError, match="nothing to redo"):
        one.turn(+1, version=4)
    assert one.turn(-1, version=4).caption == "A walk under the oaks."


def test_an_edit_that_changes_nothing_is_none() -> None:
    one = draft()
    assert one.edit({"caption": one.caption}, version=1).version == 1


def test_another_picture_is_another_folder_and_undo_brings_the_old_one_back() -> None:
    import small_studio
    from feedsmith.studio.models.drafts import adopt

    one = draft()
    small_studio.post(one.brand.home, "01-photo-other", "carousel")
    one = one.edit({"folder": "01-photo-other"}, version=1, what="another picture")
    assert (one.kind, len(one.media)) == ("carousel", 3)
    assert adopt(one.brand) == []  # neither the new folder nor the old one becomes a second draft
    one = one.turn(-1, version=2)
    assert (one.folder, len(one.media)) == ("01-photo-aaaaaa", 1)


def test_a_post_goes_through_approval_by_those_who_may() -> None:
    from datetime import UTC, datetime

    one = draft()
    one = one.move("review", by="editor", person=person("edgar"))
    with pytest.raises(FeedsmithError, match="cannot become approved by you"):
        one.move("approved", by="editor")
    one = one.move("approved", by="reviewer", person=person("rita"))
    with pytest.raises(FeedsmithError, match="a time is missing"):
        one.move("scheduled", by="editor")
    one = one.move("scheduled", by="editor", scheduled_at=datetime(2026, 12, 1, 9, tzinfo=UTC))
    said = [(event.verb, event.words) for event in one.events.order_by("id")]
    assert said == [
        ("moved", "draft -> review"), ("moved", "review -> approved"), ("moved", "approved -> scheduled"),
    ]  # fmt: skip


def test_an_editors_edit_of_an_approved_post_asks_for_approval_again() -> None:
    one = draft().move("review", by="editor").move("approved", by="owner")
    one = one.edit({"caption": "Changed."}, version=one.version, role="editor")
    assert one.state == "review"
    one = one.move("approved", by="owner")
    assert one.edit({"caption": "Mine."}, version=one.version, role="owner").state == "approved"


def test_a_step_that_somebody_else_took_already_is_refused() -> None:
    mine, theirs = draft(), draft()
    theirs.move("review", by="editor")
    with pytest.raises(FeedsmithError, match="is in review"):
        mine.move("review", by="editor")


def test_a_published_post_is_not_edited() -> None:
    one = draft().move("approved", by="owner").move("published", by="owner")
    with pytest.raises(FeedsmithError, match="is published cannot be edited"):
        one.edit({"caption": "No."}, version=one.version)


def test_a_post_put_where_it_stands_already_is_not_moved_and_nobody_is_told() -> None:
    from feedsmith.studio import feed
    from feedsmith.studio.models import Draft, Event

    oak = draft().brand
    top, middle, low = Draft.objects.filter(brand=oak).values_list("pk", flat=True)
    feed.place(oak, top, before=middle)
    feed.place(oak, middle, after=top)
    feed.place(oak, low, after=middle)
    assert not Event.objects.filter(verb="reordered").exists()
    feed.place(oak, low, before=top)
    feed.place(oak, low, before=top)
    assert list(Draft.objects.filter(brand=oak).values_list("pk", flat=True)) == [low, top, middle]
    [event] = Event.objects.filter(verb="reordered")
    assert (event.draft_id, event.words) == (low, f"before {top}")
    other = Draft.objects.filter(brand__slug="elm-co").first()
    with pytest.raises(FeedsmithError):
        feed.place(oak, low, before=other.pk)


def test_a_favourite_is_one_line_of_the_activity_and_no_new_version() -> None:
    from feedsmith.studio.models import Event

    one = draft().mark(favourite=True).mark(favourite=True)
    assert (one.favourite, one.version) == (True, 1)
    assert one.mark(favourite=False).favourite is False
    words = Event.objects.filter(verb="marked", draft=one).values_list("words", flat=True)
    assert list(words) == ["no longer as a favourite", "as a favourite"]


def test_search_finds_posts_that_have_every_word() -> None:
    from feedsmith.studio.models import Draft
    from feedsmith.studio.models.drafts import search

    draft().edit({"caption": "Über den Wald."}, version=1)
    found = search(Draft.objects.filter(brand__slug="oak-co"), "über WALD oak")
    assert [one.folder for one in found] == ["01-photo-aaaaaa"]
    assert not search(Draft.objects.all(), "wald sea").exists()


def test_folders_that_no_page_could_show_are_not_adopted() -> None:
    import json

    import small_studio
    from feedsmith.studio.models import Brand, Draft
    from feedsmith.studio.models.drafts import adopt

    brand = Brand.objects.get(slug="oak-co")
    small_studio.post(brand.home, "08-photo-renamed")
    (brand.home.posts / "08-photo-renamed").rename(brand.home.posts / "08-another-name")
    small_studio.post(brand.home, "09-photo-empty")
    file = brand.home.posts / "09-photo-empty" / "post.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "media": []}))
    before = Draft.objects.count()
    assert adopt(brand) == []
    assert Draft.objects.count() == before
