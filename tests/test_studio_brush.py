"""The brush in a real browser: what is painted is what is cut out, by mouse, fingers and keys."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from browser import DESKTOP, PHONE, browser_or_skip, wide
from feedsmith import marks
from feedsmith.library import Library, import_into
from small_studio import home
from studio_server import Server
from test_cutout import two_things

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

CHECKS = (Path(__file__).parent / "page_checks.js").read_text("utf-8")
RED, BLUE = (182 / 630, 273 / 490), (455 / 630, 280 / 490)
"""Where the jars stand, in shares of the photo."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("brush")
    Image.fromarray(two_things()).save(folder / "jars.png")
    oak = home("oak", folder)
    import_into(Library(oak.library), [folder / "jars.png"])
    running = Server(oak.root).sign_in()
    yield running
    running.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browser_or_skip() as found:
        yield found


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    yield from opened(browser, server, DESKTOP)


@pytest.fixture
def phone(browser: Any, server: Server) -> Iterator[Any]:
    yield from opened(browser, server, PHONE)


def opened(browser: Any, server: Server, size: dict[str, Any]) -> Iterator[Any]:
    """The page of the cut-out, unpainted, its brush in the hand."""
    shelf = server.home / "library"
    photo = Library(shelf).photos()[0].id
    marks.change(shelf, [photo], strokes=())
    context = browser.new_context(**size, base_url=server.url)
    context.set_default_timeout(120_000)  # a worker starts, and others share the machine
    context.add_cookies(
        [{"name": k, "value": v, "url": server.url} for k, v in server.cookies.items()]
    )
    page, wrong = context.new_page(), []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"/b/oak-co/library/{photo}/cutout")
    page.wait_for_selector("#cut:not([hx-get])")
    assert page.locator("#cut img").count(), page.locator("#cut").inner_text()
    page.click("[data-modes] button[value=paint]")
    page.wait_for_selector("[data-ready]")
    yield page
    assert wrong == []
    context.close()


def at(page: Any, place: tuple[float, float]) -> tuple[float, float]:
    """A place of the photo on the screen."""
    page.locator(".board").scroll_into_view_if_needed()
    box = page.locator(".layer").bounding_box()
    return box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]


def veiled(page: Any, place: tuple[float, float]) -> bool:
    """Whether the veil lies over this place of the photo."""
    return bool(
        page.evaluate(
            """([x, y]) => { const c = document.querySelector(".layer canvas");
            return c.getContext("2d").getImageData(x * c.width, y * c.height, 1, 1).data[3] > 128; }""",
            list(place),
        )
    )


def painted(page: Any) -> list[Any]:
    return list(json.loads(page.eval_on_selector("[name=strokes]", "field => field.value")))


def scribble(page: Any, place: tuple[float, float], keeps: bool) -> None:
    """All over a jar, with the mouse."""
    page.check(f"[name=brush][value='{int(keeps)}']", force=True)
    page.locator("#size").fill("80")
    x, y = at(page, place)
    page.mouse.move(x - 70, y - 90)
    page.mouse.down()
    for row in range(-90, 100, 30):
        page.mouse.move(x + 70, y + row, steps=4)
        page.mouse.move(x - 70, y + row, steps=4)
    page.mouse.up()


def test_what_the_mouse_paints_out_is_out_of_the_saved_cut_out(page: Any, server: Server) -> None:
    assert not veiled(page, BLUE)
    assert page.is_disabled(".main >> text=Save")
    scribble(page, BLUE, keeps=False)
    assert veiled(page, BLUE)
    assert not veiled(page, RED)
    page.click("[data-do=undo]")
    assert not veiled(page, BLUE)
    page.click("[data-do=redo]")
    assert veiled(page, BLUE)
    page.click("button.main:has-text('Save')")
    page.wait_for_selector("text=As you corrected it.")
    shelf = server.home / "library"
    (photo,) = marks.read(shelf)
    (stroke,) = marks.read(shelf)[photo].strokes
    assert not stroke[0]
    assert 3 < len(stroke[2]) < 40  # of 57 places the mouse was at, those that say something
    picture = page.request.get(page.get_attribute(".checker img", "src")).body()
    with Image.open(BytesIO(picture)) as image:
        r, _, b, a = np.moveaxis(np.asarray(image.convert("RGBA")), -1, 0)
    assert not ((b > 140) & (r < 80) & (a > 200)).any()
    assert ((r > 140) & (b < 80) & (a > 200)).any()
    # The way back is still there, and leads to what the worker cut.
    page.click("[data-do=undo]")
    assert not veiled(page, BLUE)
    page.wait_for_timeout(300)  # the buttons fade
    assert page.evaluate(CHECKS) is None


def test_keys_alone_start_from_nothing_and_keep_one_jar(page: Any, server: Server) -> None:
    board = page.locator(".board")
    page.click("[data-do=empty]")
    assert veiled(page, RED)
    board.focus()
    keys = page.keyboard
    for _ in range(11):
        keys.press("]")  # 80 pixels wide: steps of 20
    width = page.locator(".board").bounding_box()["width"]
    for _ in range(round((0.5 - RED[0]) * width / 20)):
        keys.press("ArrowLeft")
    keys.down(" ")
    for key in ("ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowLeft"):
        keys.press(key)
    keys.up(" ")
    assert not veiled(page, RED)
    assert veiled(page, BLUE)
    assert page.inner_text("[data-said]") == "Brush lifted."
    keys.press("x")
    keys.press("Enter")
    keys.press("ArrowRight")
    keys.press("Enter")
    assert [stroke[0] for stroke in painted(page)] == [0, 1, 0]
    keys.press("Control+z")
    keys.press("Control+s")
    page.wait_for_selector("text=As you corrected it.")
    shelf = server.home / "library"
    (mark,) = marks.read(shelf).values()
    assert [(keeps, len(points) > 0) for keeps, _, points in mark.strokes] == [
        (False, False),
        (True, True),
    ]


def test_one_finger_paints_and_two_zoom(phone: Any) -> None:
    touch = phone.context.new_cdp_session(phone)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    assert not wide(phone)
    phone.check("[name=brush][value='0']", force=True)
    x, y = at(phone, BLUE)
    fingers("touchStart", (x, y))
    fingers("touchMove", (x + 5, y + 30))
    fingers("touchEnd")
    (stroke,) = painted(phone)
    assert veiled(phone, BLUE)
    # Two fingers paint nothing, even where the first one came down earlier.
    fingers("touchStart", (x, y))
    fingers("touchMove", (x, y - 20))
    fingers("touchStart", (x, y - 20), (x + 40, y + 20))
    fingers("touchMove", (x - 40, y - 60), (x + 80, y + 60))
    fingers("touchEnd")
    assert painted(phone) == [stroke]
    large = phone.locator(".layer").bounding_box()["width"]
    assert large > 2 * phone.locator(".board").bounding_box()["width"]
    assert not wide(phone)
    # Looked at closer, the same brush paints finer, and where the finger is.
    box = phone.locator(".board").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    layer = phone.locator(".layer").bounding_box()
    fingers("touchStart", (x, y))
    fingers("touchEnd")
    _, (_, radius, ((px, py),)) = painted(phone)
    assert radius < stroke[1] / 2
    assert px == pytest.approx((x - layer["x"]) / layer["width"], abs=0.01)
    assert py == pytest.approx((y - layer["y"]) / layer["height"], abs=0.01)
    assert phone.evaluate(CHECKS) is None
