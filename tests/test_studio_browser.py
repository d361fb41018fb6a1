"""The studio in a real browser: the grid, editing, two at once, phone width.

Chromium is Debian's; the tests are skipped only where it, or playwright, is not installed.
"""

import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import small_studio

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"
)

ARGS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as tool:
        chromium = tool.chromium.launch(executable_path=CHROMIUM, args=ARGS.split())
        yield chromium
        chromium.close()


@contextmanager
def served(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The small studio, served by uvicorn in a thread; where it is."""
    import uvicorn

    # Playwright runs a loop in this thread, in which Django else refuses to ask the database.
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    small_studio.opened()
    from django.core.handlers.asgi import ASGIHandler

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(ASGIHandler(), lifespan="off", ws="none", log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)
        listening.close()
        small_studio.connections_closed()


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with served(monkeypatch) as root:
        yield root


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Any]:
    """Opens a page of the studio as somebody, in a browser of their own. What the page's script or its
    security policy complains of fails the test at its end."""
    from feedsmith.studio.models import LoginLink, Person

    contexts, complaints = [], []

    def visit(path: str, who: str = "edgar", size: dict[str, int] = WIDE, **more: Any) -> Any:
        phone = size["width"] < 500
        context = browser.new_context(
            viewport=size, is_mobile=phone, has_touch=phone, base_url=address, **more
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if said.type == "error" and "status of 409" not in said.text
                else None
            ),
        )
        if who:
            token = LoginLink.make(Person.objects.get(name=who))
            page.goto(f"/sign-in/link/{token}")
            page.get_by_role("button", name=re.compile("^Sign in")).click()
            page.wait_for_url(re.compile(r"/$|/b/"))
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def number(folder: str) -> int:
    from feedsmith.studio.models import Draft

    return int(Draft.objects.get(folder=folder, brand__slug="oak-co").pk)


def order() -> list[str]:
    from feedsmith.studio.models import Draft

    return [d.folder.split("-")[1] for d in Draft.objects.filter(brand__slug="oak-co")]


def saved(page: Any, act: Any) -> None:
    """Does something that saves, and waits until the page has its answer."""
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        act()


def test_a_post_is_dragged_to_another_place_of_the_grid(visit: Any) -> None:
    page = visit("/b/oak-co/posts")
    tiles = page.locator(".feed .tile")
    assert tiles.count() == 3
    last, first = tiles.nth(2).bounding_box(), tiles.nth(0).bounding_box()
    page.mouse.move(last["x"] + 100, last["y"] + 120)
    page.mouse.down()
    page.mouse.move(first["x"] + 60, first["y"] + 100, steps=6)
    page.mouse.move(first["x"] + 20, first["y"] + 100)
    saved(page, page.mouse.up)
    playwright.expect(page.locator("#toasts")).to_contain_text("Moved to place 1 of 3.")
    assert order() == ["photo", "quote", "carousel"]
    assert page.url.endswith("/posts")  # a drag is no click
    page.reload()
    assert f"/{number('01-photo-aaaaaa')}" in page.locator(".feed .tile a").first.get_attribute(
        "href"
    )


def test_a_post_is_moved_by_keys_and_by_two_taps(visit: Any) -> None:
    page = visit("/b/oak-co/posts")
    page.locator(".feed .tile a").first.focus()
    saved(page, lambda: page.keyboard.press("Alt+ArrowRight"))
    assert order() == ["carousel", "quote", "photo"]
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.closest('.tile').dataset.id")
    assert focused == str(number("01-photo-aaaaaa"))
    phone = visit("/b/oak-co/posts", size=PHONE)
    phone.get_by_role("button", name="Arrange").tap()
    phone.locator(".feed .tile").nth(2).tap()
    saved(phone, lambda: phone.locator(".feed .tile").nth(0).tap())
    assert order() == ["photo", "carousel", "quote"]


def test_an_order_that_is_refused_goes_back_on_the_page(visit: Any) -> None:
    page = visit("/b/oak-co/posts")
    page.route("**/posts/order", lambda route: route.fulfill(status=409))
    page.locator(".feed .tile a").first.focus()
    page.keyboard.press("Alt+ArrowRight")
    playwright.expect(page.locator("#toasts")).to_contain_text("The order was not saved.")
    assert page.locator(".feed .tile").first.get_attribute("data-id") == str(
        number("03-quote-aaaaaa")
    )


def test_several_posts_are_chosen_and_archived(visit: Any) -> None:
    page = visit("/b/oak-co/posts")
    page.locator(".feed .tile").nth(0).hover()
    page.locator(".feed .tile [name=post]").nth(0).check()
    page.locator(".feed .tile [name=post]").nth(2).click(modifiers=["Shift"])
    playwright.expect(page.locator("[data-bulk] output")).to_have_text("3 posts chosen")
    page.keyboard.press("Escape")
    playwright.expect(page.locator("[data-bulk]")).to_be_hidden()
    page.locator(".feed .tile a").nth(1).focus()
    page.keyboard.press("x")
    page.get_by_role("button", name="Archive").click()
    playwright.expect(page.locator("#toasts")).to_contain_text("1 post: archived.")
    assert page.locator(".feed .tile").count() == 2
    page.get_by_role("link", name="Archived 1").click()
    assert page.locator(".feed .tile").count() == 1


def test_looking_at_a_tile_shows_its_words_beside_the_grid(visit: Any) -> None:
    page = visit("/b/oak-co/posts")
    page.locator(".feed .tile a").nth(2).focus()
    playwright.expect(page.locator("#beside")).to_contain_text("A walk under the oaks.")


def test_words_are_edited_counted_saved_and_taken_back(visit: Any) -> None:
    from feedsmith.studio.models import Draft

    pk = number("01-photo-aaaaaa")
    page = visit(f"/b/oak-co/posts/{pk}")
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.id") == "caption"
    page.get_by_label("Caption").fill("Grüße 🌿 to @ana and @bo, #forest")
    counts = page.locator("#edit > .counts")
    playwright.expect(counts).to_have_text(re.compile("45 of 2200.*3 of 5.*2 of 20"))
    page.get_by_label("Another hashtag").fill("tall trees")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove #walks").click()
    playwright.expect(counts).to_contain_text("4 of 5 hashtags")
    # The phone shows it as it is typed.
    playwright.expect(page.locator(".phone .said")).to_contain_text("#oak #tall #trees")
    playwright.expect(page.locator("[data-saved]")).to_have_text("Not saved yet")
    page.evaluate("window.stayed = true")
    saved(page, lambda: page.keyboard.press("Control+s"))
    playwright.expect(page.locator("[data-saved]")).to_contain_text("Saved today")
    assert page.evaluate("window.stayed")
    draft = Draft.objects.get(pk=pk)
    assert draft.caption == "Grüße 🌿 to @ana and @bo, #forest"
    assert draft.hashtags == ["oak", "tall", "trees"]
    saved(page, lambda: page.get_by_role("button", name="Undo the last edit").click())
    playwright.expect(page.get_by_label("Caption")).to_have_value("A walk under the oaks.")
    playwright.expect(page.locator(".phone .said")).to_contain_text("A walk under the oaks.")
    page.locator("body").click(position={"x": 5, "y": 400})
    saved(page, lambda: page.keyboard.press("r"))
    playwright.expect(page.get_by_label("Caption")).to_have_value(re.compile("^Grüße"))


def test_a_step_does_not_throw_an_unsaved_edit_away(visit: Any) -> None:
    from feedsmith.studio.models import Draft

    pk = number("01-photo-aaaaaa")
    page = visit(f"/b/oak-co/posts/{pk}")
    page.get_by_label("Caption").fill("Half a thought")
    page.get_by_role("button", name="Ask for approval").click()
    playwright.expect(page.locator("#toasts")).to_contain_text("Your edit is not saved yet.")
    assert Draft.objects.get(pk=pk).state == "draft"
    saved(page, lambda: page.get_by_role("button", name="Save it").click())
    playwright.expect(page.locator("[data-saved]")).to_contain_text("Saved today")
    page.get_by_role("button", name="Ask for approval").click()
    playwright.expect(page.locator("#toasts")).to_contain_text("In review.")
    assert Draft.objects.get(pk=pk).caption == "Half a thought"


def test_two_browsers_that_edit_one_post_get_a_conflict_and_no_lost_edit(visit: Any) -> None:
    from feedsmith.studio.models import Draft

    pk = number("01-photo-aaaaaa")
    olga, edgar = visit(f"/b/oak-co/posts/{pk}", "olga"), visit(f"/b/oak-co/posts/{pk}")
    olga.get_by_label("Caption").fill("A walk under tall oaks.")
    saved(olga, lambda: olga.get_by_role("button", name="Save").click())
    edgar.get_by_label("Caption").fill("A stroll under the oaks.")
    edgar.get_by_role("button", name="Save").click()
    playwright.expect(edgar.get_by_role("heading", level=1)).to_have_text("Two edits at once.")
    theirs = edgar.get_by_role("region", name="Saved by olga")
    playwright.expect(theirs).to_contain_text("A walk under tall oaks.")
    assert theirs.locator("ins").all_inner_texts()
    playwright.expect(edgar.get_by_label("Caption")).to_have_value("A stroll under the oaks.")
    assert Draft.objects.get(pk=pk).caption == "A walk under tall oaks."
    edgar.get_by_role("button", name="Save mine").click()
    edgar.wait_for_url(re.compile(f"/posts/{pk}$"))
    playwright.expect(edgar.get_by_label("Caption")).to_have_value("A stroll under the oaks.")
    assert Draft.objects.get(pk=pk).revisions.count() == 3


def test_a_carousel_swipes_by_button_and_key(visit: Any) -> None:
    page = visit(f"/b/oak-co/posts/{number('02-carousel-aaaaaa')}", reduced_motion="reduce")
    at = page.locator(".swipe .at")
    page.get_by_role("button", name="Next picture").click()
    playwright.expect(at).to_have_text("2/3")
    page.locator("h1").click(force=True)
    page.keyboard.press("ArrowRight")
    playwright.expect(at).to_have_text("3/3")
    playwright.expect(page.get_by_role("button", name="Next picture")).to_be_hidden()


def test_keys_lead_from_post_to_post_and_a_list_tells_them(visit: Any) -> None:
    page = visit(f"/b/oak-co/posts/{number('03-quote-aaaaaa')}")
    page.keyboard.press("j")
    page.wait_for_url(f"**/posts/{number('02-carousel-aaaaaa')}")
    page.keyboard.press("?")
    playwright.expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/posts")
    page.keyboard.press("/")
    page.keyboard.type("three greens")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=three+greens")
    assert page.locator(".feed .tile").count() == 1


def test_the_keyboard_reaches_the_page_and_what_has_focus_is_seen(visit: Any) -> None:
    page = visit("/b/oak-co/posts")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    unseen, seen = [], set()
    for _ in range(40):
        page.keyboard.press("Tab")
        name, outlined = page.evaluate(
            """(() => { const el = document.activeElement, s = getComputedStyle(el);
            const box = el.closest("label, .search, .pick") || el;
            return [el.outerHTML.slice(0, 70), el.matches(":focus-visible") && (s.outlineStyle !== "none" ||
              getComputedStyle(box).outlineStyle !== "none")]; })()"""
        )
        if "<body" in name:
            break
        seen.add(name)
        if not outlined:
            unseen.append(name)
    assert unseen == []
    assert len(seen) > 12


def test_without_script_words_can_be_edited_all_the_same(visit: Any) -> None:
    from feedsmith.studio.models import Draft

    pk = number("01-photo-aaaaaa")
    page = visit(f"/b/oak-co/posts/{pk}", java_script_enabled=False)
    page.locator("#caption").fill("Plain and slow.")
    page.locator("[data-new-tag]").fill("quiet")
    page.locator("#save").click()
    page.wait_for_url(f"**/posts/{pk}")
    assert page.locator("#caption").input_value() == "Plain and slow."
    assert Draft.objects.get(pk=pk).hashtags == ["oak", "walks", "quiet"]


def test_dark_is_chosen_in_the_menu_and_stays(visit: Any) -> None:
    page = visit("/b/oak-co/posts", color_scheme="light")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Menu of edgar").click()
    saved(page, lambda: page.get_by_role("button", name="Dark").click())
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != paper
    assert page.get_attribute("html", "data-theme") == "dark"
