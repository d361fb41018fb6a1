"""The cut-out of a photo in the studio: seen, corrected with clicks, and kept by product posts."""

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
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(two_things()).save(folder / "jars.png")
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


def test_a_product_post_keeps_to_the_clicks(
    photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feedsmith.brand import Home
    from feedsmith.generate import Settings, generate
    from feedsmith.post import Brief, Offer

    monkeypatch.setenv("FEEDSMITH_MODELS", str(tmp_path / "none"))  # its caption is not looked at
    home = Home(CONFIG.home)
    offer = Offer(name="Red jar", price="12 EUR")
    wanted = Settings(briefs=(Brief(kind="product", offer=offer, photo=photo),), seed=2)

    marks.change(SHELF, [photo], clicks=[(0.7222, 0.5714, False)])
    after = generate(home, wanted, out=home.root / "posts" / "after", page=False)
    assert after.posts[0].media[0].method == "cutout"
    assert "whole" not in " ".join(after.notes)
    with Image.open(home.root / "posts" / "after" / after.posts[0].id / "01.jpg") as image:
        r, g, b = np.moveaxis(
            np.asarray(image.convert("RGB").resize((216, 270))).astype(int), -1, 0
        )
    red = (r > 140) & (g < 80) & (b < 80)
    assert red.sum() > 2000
    assert np.ptp(np.nonzero(red.sum(0) > 9)[0]) < 110  # the red jar alone, in the middle
