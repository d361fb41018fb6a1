"""Changing a finished post in the studio: asked on its pages, by programs and assistants, made by the
worker's own code on real posts, taken as an edit that can be undone.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from feedsmith import marks
from feedsmith.brand import Home
from feedsmith.library import Library
from feedsmith.post import Crop
from feedsmith.rework import Change, rework
from feedsmith.runs import Folder
from small_studio import text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


@pytest.fixture
def brand(studio: None, trees: Home, tmp_path: Path):  # type: ignore[no-untyped-def]
    """That brand in the studio: olga owns it, edgar edits it, rita reviews it."""
    from feedsmith.studio.models import Brand
    from feedsmith.studio.models.drafts import adopt
    from feedsmith.studio.models.people import Membership, Person

    shutil.copytree(trees.root, tmp_path / "trees")
    brand = Brand.adopt(tmp_path / "trees")
    adopt(brand)
    for name, role in (("olga", "owner"), ("edgar", "editor"), ("rita", "reviewer")):
        Membership.objects.create(person=Person.objects.get(name=name), brand=brand, role=role)
    return brand


def draft_of(brand, kind: str):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    return Draft.objects.get(brand=brand, kind=kind)


def post(client, draft, part: str, **form: str):  # type: ignore[no-untyped-def]
    here = f"/b/{draft.brand.slug}/posts/{draft.pk}/{part}"
    return client.post(here, {"version": str(draft.version), **form})


def work(brand):  # type: ignore[no-untyped-def]
    """The worker's own code, until nothing waits; returns the last job."""
    from feedsmith.studio.models import Job
    from feedsmith.studio.worker import running

    last = None
    while (job := Job.claim("here", 1)) is not None:
        running.run(job, "here")
        last = job
    assert last is not None
    last.refresh_from_db()
    return last


def folders(brand) -> set[str]:  # type: ignore[no-untyped-def]
    return {path.name for path in brand.home.posts.iterdir() if path.is_dir()}


def at_first(brand) -> set[str]:  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Revision

    first = Revision.objects.filter(draft__brand=brand, number=1)
    return set(first.values_list("folder", flat=True))


def test_a_cut_asked_for_in_numbers_is_made_and_undo_brings_the_old_picture_back(brand) -> None:  # type: ignore[no-untyped-def]
    before, client = draft_of(brand, "photo"), visitor("edgar")
    page = client.get(f"/b/{brand.slug}/posts/{before.pk}/crop")
    assert page.status_code == 200
    assert "times enlarged" in text_of(page)
    answer = post(client, before, "crop", x="5", y="5", zoom="110")
    assert (answer.status_code, answer["Location"]) == (303, f"/b/{brand.slug}/posts/{before.pk}")
    assert draft_of(brand, "photo").folder == before.folder, "until the worker has made it"
    assert work(brand).state == "done"
    after = draft_of(brand, "photo")
    assert after.folder == f"{before.folder}-v2"
    assert after.crop["1"]["x"] == pytest.approx(0.05)
    with Image.open(brand.home.posts / after.folder / "01.jpg") as image:
        assert image.size == (1080, 1350)
    assert after.revisions.last().what == "picture cut anew"
    assert post(client, after, "undo").status_code == 302
    back = draft_of(brand, "photo")
    assert (back.folder, back.crop) == (before.folder, {})
    assert post(client, back, "redo").status_code == 302
    assert draft_of(brand, "photo").folder == after.folder


def test_the_alt_text_is_made_anew_unless_a_person_wrote_it(brand) -> None:  # type: ignore[no-untyped-def]
    client, before = visitor("edgar"), draft_of(brand, "quote")
    other = other_photo(brand, before)
    post(client, before, "picture", photo=other)
    assert work(brand).state == "done"
    after = draft_of(brand, "quote")
    assert after.alt_text != before.alt_text
    assert after.caption == before.caption
    own = after.edit({"alt_text": ["In my words."]}, version=after.version)
    post(client, own, "picture", photo=before.post.sources[0])
    assert work(brand).state == "done"
    assert draft_of(brand, "quote").alt_text == ["In my words."]


def other_photo(brand, draft) -> str:  # type: ignore[no-untyped-def]
    photos = Library(brand.home.library).photos()
    return next(p.id for p in photos if p.id not in draft.post.sources)


def test_of_two_browsers_the_second_is_told_and_nothing_is_made(brand) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Job

    seen = draft_of(brand, "photo")
    seen.edit({"caption": "Mine."}, version=seen.version)
    answer = post(visitor("olga"), seen, "crop", x="0", y="0", zoom="110")
    assert answer.status_code == 409
    assert "Changed in between" in text_of(answer)
    assert "Mine." in text_of(answer)
    assert not Job.objects.filter(brand=brand).exists()


def test_words_that_were_edited_while_it_was_made_are_kept(brand) -> None:  # type: ignore[no-untyped-def]
    seen = draft_of(brand, "photo")
    post(visitor("edgar"), seen, "crop", x="0", y="0", zoom="105")
    seen.edit({"caption": "Written meanwhile."}, version=seen.version)
    assert work(brand).state == "done"
    after = draft_of(brand, "photo")
    assert (after.caption, after.folder) == ("Written meanwhile.", f"{seen.folder}-v2")


def test_where_the_picture_was_exchanged_meanwhile_nothing_is_taken(brand) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Job

    client, seen = visitor("edgar"), draft_of(brand, "photo")
    post(client, seen, "crop", x="0", y="0", zoom="105")
    first = Job.objects.get(brand=brand)
    Job.objects.create(
        brand=brand, kind="rework", args={**first.args, "picture": 1}, total=1, person=first.person
    )
    last = work(brand)
    assert last.state == "failed"
    assert "was changed while it was made anew" in last.error
    assert folders(brand) == {*at_first(brand), f"{seen.folder}-v2"}
    shown = text_of(client.get(f"/b/{brand.slug}/posts/{seen.pk}"))
    assert "ask again" in shown


def test_a_second_request_while_one_is_made_is_refused_in_words(brand) -> None:  # type: ignore[no-untyped-def]
    client, seen = visitor("edgar"), draft_of(brand, "photo")
    post(client, seen, "crop", x="0", y="0", zoom="105")
    again = post(client, seen, "crop", x="0", y="0", zoom="106")
    assert again.status_code == 400
    assert "being made anew already" in text_of(again)
    page = client.get(f"/b/{brand.slug}/posts/{seen.pk}")
    assert "Waiting for its turn" in text_of(page)


def test_a_kill_right_before_the_end_makes_neither_a_second_draft_nor_a_second_version(
    brand,
) -> None:  # type: ignore[no-untyped-def]
    """The folder is whole, the draft does not name it yet: the next attempt takes it."""
    from feedsmith.studio.models import Draft, Job
    from feedsmith.studio.models.drafts import adopt

    seen = draft_of(brand, "photo")
    post(visitor("edgar"), seen, "crop", x="0", y="0", zoom="105")
    job, name = Job.claim("first", 1), f"{seen.folder}-v2"
    job.args = {**job.args, "folder": name}
    job.save()
    change = Change(crop=Crop.model_validate(job.args["crop"]))
    rework(brand.home, seen.post, change, name=name)
    assert adopt(brand) == [], "another version of a post is no post of its own"
    Job.lost("first", "the worker was killed from outside (signal 9)")
    assert work(brand).state == "done"
    assert folders(brand) == {*at_first(brand), f"{seen.folder}-v2"}
    assert Draft.objects.filter(brand=brand).count() == 3
    assert draft_of(brand, "photo").folder == f"{seen.folder}-v2"
    assert draft_of(brand, "photo").revisions.count() == 2


def test_an_editors_change_of_an_approved_post_asks_for_approval_again(brand) -> None:  # type: ignore[no-untyped-def]
    seen = draft_of(brand, "photo").move("approved", by="owner")
    post(visitor("edgar"), seen, "crop", x="0", y="0", zoom="105")
    work(brand)
    assert draft_of(brand, "photo").state == "review"


def test_a_published_post_is_not_changed(brand) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Job

    seen = draft_of(brand, "photo").move("approved", by="owner").move("published", by="owner")
    client = visitor("olga")
    answer = post(client, seen, "crop", x="0", y="0", zoom="105")
    assert answer.status_code == 400
    assert "cannot be edited" in text_of(answer)
    page = client.get(f"/b/{brand.slug}/posts/{seen.pk}/template")
    assert page.status_code == 200
    assert not Job.objects.filter(brand=brand).exists()


def test_templates_are_shown_as_the_post_would_look_and_one_is_taken(brand) -> None:  # type: ignore[no-untyped-def]
    client, seen = visitor("edgar"), draft_of(brand, "quote")
    here = f"/b/{brand.slug}/posts/{seen.pk}"
    assert "Waiting for its turn" in text_of(client.get(f"{here}/template"))
    assert work(brand).state == "done"
    page = client.get(f"{here}/template").content.decode()
    offered = re.findall(r'name="layout" value="([\w-]+) (\w*)"', page)
    pictures = re.findall(r'<img src="([^"]*/layouts/[^"]*)"', page)
    assert len(offered) == len(pictures) > 1
    small = client.get(pictures[0].replace("&amp;", "&"))
    assert (small.status_code, small["Content-Type"]) == (200, "image/webp")
    name, scheme = next(pair for pair in offered if pair[0] != seen.post.media[0].template)
    assert post(client, seen, "template", layout=f"{name} {scheme}").status_code == 303
    assert work(brand).state == "done"
    after = draft_of(brand, "quote")
    assert (after.post.media[0].template, after.post.media[0].scheme) == (name, scheme)
    assert after.caption == seen.caption


def test_one_of_three_wordings_is_taken_with_the_words_on_the_picture(brand) -> None:  # type: ignore[no-untyped-def]
    client, seen = visitor("edgar"), draft_of(brand, "quote")
    here = f"/b/{brand.slug}/posts/{seen.pk}/words"
    assert post(client, seen, "words", find="1").status_code == 303
    found = work(brand)
    offered = found.result["words"]
    assert len({words["caption"] for words in offered}) == 3
    page = text_of(client.get(here))
    assert all(" ".join(words["caption"].split()) in page for words in offered)
    assert offered[1]["quote"] in page
    post(client, seen, "words", job=str(found.pk), candidate="2")
    assert work(brand).state == "done"
    after = draft_of(brand, "quote")
    assert after.caption == offered[1]["caption"]
    assert offered[1]["quote"] in after.post.media[0].text
    assert post(client, after, "undo").status_code == 302
    assert draft_of(brand, "quote").caption == seen.caption


def test_words_for_a_bare_photo_are_taken_at_once(brand) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Job

    client, seen = visitor("edgar"), draft_of(brand, "photo")
    post(client, seen, "words", find="1")
    found = work(brand)
    post(client, seen, "words", job=str(found.pk), candidate="1")
    after = draft_of(brand, "photo")
    assert (after.caption, after.folder) == (found.result["words"][0]["caption"], seen.folder)
    assert not Job.objects.filter(brand=brand, kind="rework").exists()


def test_photos_that_must_never_be_used_are_not_offered_and_not_taken(brand) -> None:  # type: ignore[no-untyped-def]
    client, seen = visitor("edgar"), draft_of(brand, "quote")
    never = other_photo(brand, seen)
    here = f"/b/{brand.slug}/posts/{seen.pk}/picture"
    assert f'value="{never}"' in client.get(here).content.decode()
    marks.change(brand.home.library, [never], never=True)
    assert f'value="{never}"' not in client.get(here).content.decode()
    answer = post(client, seen, "picture", photo=never)
    assert answer.status_code == 400
    assert "may be used" in text_of(answer)
    assert "No photo is like that" in text_of(client.get(f"{here}?q=zeppelin"))


def test_a_reviewer_may_not_and_a_stranger_sees_nothing(brand) -> None:  # type: ignore[no-untyped-def]
    seen = draft_of(brand, "photo")
    for part in ("crop", "template", "picture", "words"):
        here = f"/b/{brand.slug}/posts/{seen.pk}/{part}"
        assert visitor("rita").get(here).status_code == 403
        assert visitor("otto").get(here).status_code == 404
    assert "/crop" not in visitor("rita").get(f"/b/{brand.slug}/posts/{seen.pk}").content.decode()


def test_a_post_of_an_older_version_says_why_it_stays_as_it_is() -> None:
    from feedsmith.studio.models import Draft

    old = Draft.objects.get(brand__slug="oak-co", kind="quote")
    client = visitor("edgar")
    assert "older version" in text_of(client.get(f"/b/oak-co/posts/{old.pk}"))
    for part in ("crop", "template", "picture", "words"):
        page = client.get(f"/b/oak-co/posts/{old.pk}/{part}")
        assert page.status_code == 200
        assert "older version of Feedsmith" in text_of(page)
    assert post(client, old, "words", find="1").status_code == 200


def test_what_a_cut_is_a_part_of_is_served_to_editors_alone(brand) -> None:  # type: ignore[no-untyped-def]
    seen = draft_of(brand, "quote")
    here = f"/b/{brand.slug}/posts/{seen.pk}/shot"
    assert visitor("edgar").get(f"{here}/1/240")["Content-Type"] == "image/webp"
    assert visitor("edgar").get(f"{here}/1/241").status_code == 404
    assert visitor("edgar").get(f"{here}/7/240").status_code == 404
    assert visitor("rita").get(f"{here}/1/240").status_code == 403


# ---- programs and assistants ---------------------------------------------------------------------


def program(name: str, *scopes: str):  # type: ignore[no-untyped-def]
    """Asks the API with a token of this person."""
    from django.test import Client

    from feedsmith.studio.models import Person, Token

    words = Token.make(Person.objects.get(name=name), "a program", list(scopes))[1]
    client = Client(headers={"host": "localhost", "authorization": f"Bearer {words}"})
    client.raise_request_exception = False

    def ask(method: str, path: str, body: object = None):  # type: ignore[no-untyped-def]
        data = json.dumps(body) if body is not None else ""
        return client.generic(method, f"/api/v1{path}", data, "application/json")

    return ask


def test_a_program_cuts_a_picture_by_what_the_post_says_of_it(brand) -> None:  # type: ignore[no-untyped-def]
    ask, seen = program("edgar", "read", "write"), draft_of(brand, "photo")
    here = f"/brands/{brand.slug}/posts/{seen.pk}"
    (base,) = ask("GET", here).json()["bases"]
    part = {name: base["largest"][name] / 1.1 for name in ("width", "height")}
    wrong = ask("POST", f"{here}/versions", {"version": 1, "crop": {"width": 0.5, "height": 0.01}})
    assert (wrong.status_code, "shape" in wrong.json()["error"]) == (422, True)
    job = ask("POST", f"{here}/versions", {"version": seen.version, "crop": part})
    assert (job.status_code, job.json()["kind"], job.json()["posts"]) == (201, "rework", [seen.pk])
    assert work(brand).state == "done"
    after = ask("GET", here).json()
    assert after["crop"]["1"]["width"] == pytest.approx(part["width"], abs=1e-5)
    stale = ask("POST", f"{here}/versions", {"version": seen.version, "again": True})
    assert stale.status_code == 409
    assert stale.json()["theirs"]["version"] == after["version"]


def test_a_program_needs_the_scope_and_names_one_thing(brand) -> None:  # type: ignore[no-untyped-def]
    seen = draft_of(brand, "photo")
    here = f"/brands/{brand.slug}/posts/{seen.pk}/versions"
    assert program("edgar", "read")("POST", here, {"version": 1, "again": True}).status_code == 403
    assert (
        program("rita", "read", "write")("POST", here, {"version": 1, "again": True}).status_code
        == 403
    )
    both = program("edgar", "write")("POST", here, {"version": 1, "again": True, "template": "x"})
    assert (both.status_code, "one thing" in both.json()["error"]) == (422, True)


def test_an_assistant_finds_templates_and_takes_one(brand) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio.mcp import BY_NAME, Api, Tools
    from feedsmith.studio.models import Person

    tools, seen = Tools(Api(owner=Person.objects.get(name="olga"))), draft_of(brand, "quote")

    def call(name: str, **arguments: object):  # type: ignore[no-untyped-def]
        tool = BY_NAME[name]
        asked = tool.takes.model_validate({"brand": brand.slug, **arguments})
        return tool.does(tools, asked)

    job = call("find_templates", id=seen.pk)
    work(brand)
    found = call("show_jobs", job=job["id"])["layouts_found"]
    other = next(one for one in found if one["template"] != seen.post.media[0].template)
    call("rework_post", id=seen.pk, version=seen.version, **other)
    assert work(brand).state == "done"
    assert draft_of(brand, "quote").post.media[0].template == other["template"]


def test_a_copy_of_a_changed_post_is_a_post_of_its_own(brand) -> None:  # type: ignore[no-untyped-def]
    from feedsmith.studio import copies

    seen = draft_of(brand, "photo")
    post(visitor("edgar"), seen, "crop", x="0", y="0", zoom="105")
    work(brand)
    copy = copies.duplicate(draft_of(brand, "photo"))
    assert copy.post.version_of == ""
    assert copy.crop == draft_of_number(seen.pk).crop


def draft_of_number(number: int):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    return Draft.objects.get(pk=number)


def test_a_resumed_generating_job_goes_on_with_its_run_though_the_marks_changed(brand) -> None:  # type: ignore[no-untyped-def]
    """Killed after the first of two quotes; then a photo is marked. One job, two posts, no third."""
    from feedsmith.studio.models import Draft, Job
    from feedsmith.studio.worker import work as doing

    before = Draft.objects.filter(brand=brand).count()
    job = Job.objects.create(
        brand=brand, kind="generate", args={"kind": "quote", "count": 2}, total=2
    )

    def killed(stage: str, done: int, total: int, note: str = "") -> None:
        if done == 1 and stage == "Making posts":
            raise SystemExit

    with pytest.raises(SystemExit):
        doing.generate(job, killed)
    job.refresh_from_db()
    first = Draft.objects.get(job=job)
    assert job.args["run"]
    marks.change(brand.home.library, [other_photo(brand, first)], never=True)
    assert work(brand).state == "done"
    assert Draft.objects.filter(brand=brand).count() == before + 2
    assert {d.folder for d in Draft.objects.filter(brand=brand)} == folders(brand)
    assert Draft.objects.get(pk=first.pk).folder == first.folder
    assert len(Folder(brand.home.posts).runs()) == 2


def test_the_page_tells_of_what_is_made_and_then_that_it_is(brand) -> None:  # type: ignore[no-untyped-def]
    client, seen = visitor("edgar"), draft_of(brand, "photo")
    post(client, seen, "crop", x="0", y="0", zoom="105")
    here = f"/b/{brand.slug}/posts/{seen.pk}/status?version={seen.version}"
    waiting = client.get(here).content.decode()
    assert "Until then the post stays as it is" in waiting
    assert "data-version" not in waiting
    work(brand)
    over = client.get(here).content.decode()
    assert f'data-version="{seen.version + 1}"' in over
    other = seen.version + 7  # a page that shows something else is not told to show this
    assert (
        "data-version"
        not in client.get(here.replace(f"={seen.version}", f"={other}")).content.decode()
    )


def test_a_picture_that_moves_as_a_walk_offers_no_cut(brand) -> None:  # type: ignore[no-untyped-def]
    client, seen = visitor("edgar"), draft_of(brand, "photo")
    file = brand.home.posts / seen.folder / "post.json"
    told = json.loads(file.read_text("utf-8"))
    told["making"]["shots"][0]["walk"] = {"file": "walk.webp", "frames": 120, "sha256": "0" * 64}
    file.write_text(json.dumps(told), "utf-8")
    page = text_of(client.get(f"/b/{brand.slug}/posts/{seen.pk}/crop"))
    assert "moving dots: there is nothing to cut" in page
    assert "Cut it" not in page
    ask = program("edgar", "read", "write")
    here = f"/brands/{brand.slug}/posts/{seen.pk}"
    (base,) = ask("GET", here).json()["bases"]
    answer = ask("POST", f"{here}/versions", {"version": seen.version, "crop": base["largest"]})
    assert answer.status_code in (400, 409, 422)
    assert "nothing to cut" in answer.json()["error"]
