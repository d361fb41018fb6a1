"""The cut-out of a photo in the studio: seen, corrected with clicks and strokes, kept by product posts."""

import json
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith import marks
from feedsmith.library import Library, import_into
from small_studio import CONFIG, text_of, visitor
from test_cutout import two_things

pytestmark = pytest.mark.usefixtures("studio")

SHELF = CONFIG.home / "library"


@pytest.fixture
def photo(tmp_path: Path) -> str:
    """A photo of the library with a red and a blue jar."""
    return shelved(tmp_path / "photos", 1)


def shelved(folder: Path, larger: int) -> str:
    folder.mkdir()
    jars = Image.fromarray(two_things())
    jars.resize((jars.width * larger, jars.height * larger)).save(folder / "jars.png")
    import_into(Library(SHELF), [folder])
    return Library(SHELF).photos()[0].id


def work_it_out() -> dict[str, object]:
    from feedsmith.studio.models import Job
    from feedsmith.studio.worker import work

    job = Job.objects.get(state="queued")
    told = work.WORK[str(job.kind)](job, lambda *_: None)
    job.end("done", result=told)
    return told


def blue(client, photo: str) -> bool:  # type: ignore[no-untyped-def]
    """Whether the blue jar is in the picture of the cut-out."""
    answer = client.get(f"/b/oak-co/library/{photo}/cutout/picture")
    with Image.open(BytesIO(answer.content)) as image:
        r, _, b, a = np.moveaxis(np.asarray(image.convert("RGBA")), -1, 0)
        return bool(((b > 140) & (r < 80) & (a > 200)).any())


def test_a_press_takes_the_wrong_thing_out_and_can_be_taken_back(photo: str) -> None:
    editor, address = visitor("edgar"), f"/b/oak-co/library/{photo}/cutout"
    assert "Waiting for its turn." in text_of(editor.get(address))
    assert work_it_out()["clicks"] == 0
    assert blue(editor, photo)
    editor.post(address, {"x": "0.7222", "y": "0.5714", "inside": "0"})
    assert marks.read(SHELF)[photo].clicks == ((0.7222, 0.5714, False),)
    work_it_out()
    assert not blue(editor, photo)
    assert "As you corrected it." in text_of(editor.get(address))
    editor.post(address, {"undo": "1"})
    assert marks.read(SHELF) == {}
    assert "Waiting for its turn." in text_of(editor.get(address))


def test_many_presses_at_once_are_one_job_and_nonsense_is_none(photo: str) -> None:
    from feedsmith.studio.models import Job

    editor, address = visitor("edgar"), f"/b/oak-co/library/{photo}/cutout"
    for x in ("0.1", "0.2", "nan", "2", "", "-1"):
        editor.post(address, {"x": x, "y": "0.5", "inside": "1"})
    assert marks.read(SHELF)[photo].clicks == ((0.1, 0.5, True), (0.2, 0.5, True))
    assert Job.objects.filter(kind="cutout").count() == 1
    assert visitor("rita").post(address, {"x": "0.5", "y": "0.5"}).status_code == 403
    assert visitor("otto").get(address).status_code == 404
    assert editor.get(f"/b/oak-co/library/{'0' * 16}/cutout").status_code == 404


OVER_BLUE = [0, 0.13, [[0.7222, 0.42], [0.7222, 0.72]]]
"""A stroke that takes the blue jar out."""


def sent(editor, address: str, strokes: object, seen: str = ""):  # type: ignore[no-untyped-def]
    """Strokes as the page sends them, painted over what it shows now."""
    page = editor.get(address).content.decode()
    now = re.search(r'name="seen" value="(\w+)"', page)
    assert now is not None
    said = strokes if isinstance(strokes, str) else json.dumps(strokes)
    return editor.post(address, {"strokes": said, "seen": seen or now[1]})


def test_what_is_painted_is_cut_so_and_the_veil_stays_as_it_was(photo: str) -> None:
    editor, address = visitor("edgar"), f"/b/oak-co/library/{photo}/cutout"
    editor.get(address)
    work_it_out()
    veil = editor.get(f"{address}/veil").content
    with Image.open(BytesIO(veil)) as image:
        assert image.size == (630, 490)
        _, over = image.split()
    assert over.getpixel((455, 280)) < 10
    assert over.getpixel((20, 20)) > 245
    assert sent(editor, address, [OVER_BLUE]).status_code == 303
    assert marks.read(SHELF)[photo].strokes == ((False, 0.13, ((0.7222, 0.42), (0.7222, 0.72))),)
    assert "Waiting for its turn." in text_of(editor.get(address))
    work_it_out()
    assert not blue(editor, photo)
    assert editor.get(f"{address}/veil").content == veil  # so that it can be painted back
    page = editor.get(address)
    assert "As you corrected it." in text_of(page)
    assert 'data-strokes="[[0,0.13,[[0.7222,0.42],[0.7222,0.72]]]]"' in page.content.decode()
    sent(editor, address, [[0, 0.01, []]])
    assert work_it_out()["sure"] is False
    assert "Nothing was kept" in text_of(editor.get(address))
    sent(editor, address, [])
    assert marks.read(SHELF) == {}


@pytest.mark.parametrize(
    "said",
    [
        "", "null", "{}", "[1]", "[[1]]", "[[1, 0.1]]", "[[2, 0.1, [[0, 0]]]]", "[[1, 9, [[0, 0]]]]",
        "[[1, 0.1, [[0]]]]", "[[1, 0.1, [[0, 0, 0]]]]", '[[1, 0.1, [["0", 0]]]]', "[[1, 0.1, [[NaN, 0]]]]",
        "[[1, 0.1, [[0, 1e400]]]]", "[[1, 0.1, [[0, 7]]]]", "[[1, Infinity, [[0, 0]]]]",
        "[" * 100_000, json.dumps([[1, 0.1, [[0.1, 0.1]]]] * 301),
        json.dumps([[1, 0.1, [[0.1, 0.1]] * 4001]]), " " * 200_001, "[[1, 0.1, [[%s, 0]]]]" % ("9" * 5000), "[[1, 0.1, [[%s, 0]]]]" % ("9" * 400),
    ],
)  # fmt: skip
def test_what_no_brush_paints_is_refused_in_words_and_changes_nothing(
    photo: str, said: str
) -> None:
    editor, address = visitor("edgar"), f"/b/oak-co/library/{photo}/cutout"
    marks.change(SHELF, [photo], strokes=marks.strokes([OVER_BLUE]))
    before = marks.read(SHELF)
    answer = sent(editor, address, said)
    assert answer.status_code == 400
    assert re.search("not what a brush paints|more painting than one photo takes", text_of(answer))
    assert marks.read(SHELF) == before


def test_of_two_who_paint_at_once_the_second_is_told_and_may_insist(photo: str) -> None:
    editor, address = visitor("edgar"), f"/b/oak-co/library/{photo}/cutout"
    sent(editor, address, [OVER_BLUE])
    theirs = marks.read(SHELF)
    answer = sent(editor, address, [], seen="00000000")
    assert answer.status_code == 409
    assert "somebody else painted this cut-out in between" in text_of(answer).lower()
    assert marks.read(SHELF) == theirs
    assert sent(editor, address, [], seen=answer.headers["X-Seen"]).status_code == 303
    assert visitor("rita").post(address, {"strokes": "[]", "seen": "x"}).status_code == 403


def jars(home, run: str, post: str) -> dict[str, int]:  # type: ignore[no-untyped-def]
    """Pixels of a post's picture, 216 wide, that have the very colour of a jar."""
    with Image.open(home.root / "posts" / run / post / "01.jpg") as image:
        small = np.asarray(image.convert("RGB").resize((216, 270))).astype(int)
    colours = {"red": (178, 40, 36), "blue": (40, 70, 170)}
    return {
        name: int((np.abs(small - colour).max(-1) < 16).sum()) for name, colour in colours.items()
    }


@pytest.mark.parametrize("how", ["clicks", "strokes"])
def test_a_product_post_made_afterwards_keeps_to_what_was_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    from feedsmith.brand import Home
    from feedsmith.generate import Settings, generate
    from feedsmith.post import Brief, Offer

    monkeypatch.setenv("FEEDSMITH_MODELS", str(tmp_path / "none"))  # its caption is not looked at
    home, photo = Home(CONFIG.home), shelved(tmp_path / "large", 2)
    offer = Offer(name="Red jar", price="12 EUR")
    wanted = Settings(briefs=(Brief(kind="product", offer=offer, photo=photo),), seed=2)

    out = {
        "clicks": {"clicks": [(0.7222, 0.5714, False)]},
        "strokes": {"strokes": marks.strokes([OVER_BLUE])},
    }
    # Looked at, and both jars belong: unsure as it is, the photo would be shown whole.
    marks.change(SHELF, [photo], strokes=marks.strokes([[1, 0.01, [[0.7222, 0.5714]]]]))
    before = generate(home, wanted, out=home.root / "posts" / "before", page=False)
    there = jars(home, "before", before.posts[0].id)
    assert min(there.values()) > 1000
    marks.change(SHELF, [photo], **{"strokes": (), **out[how]})
    after = generate(home, wanted, out=home.root / "posts" / "after", page=False)
    assert after.posts[0].media[0].method == "cutout"
    assert "whole" not in " ".join(after.notes)
    there = jars(home, "after", after.posts[0].id)
    assert there["red"] > 5000  # the red jar alone, larger
    assert there["blue"] < 50
