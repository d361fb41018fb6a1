"""What every page of the studio owes everybody: seen in a real browser, wide and on a phone, light and dark.

The pages are those of the list of addresses, so a new one is among them by being there. Each is opened
once; axe-core (https://github.com/dequelabs/axe-core) and page_checks.js look at it, and the Tab key
walks through it.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import small_studio
from feedsmith.brand import Home
from feedsmith.post import Brief
from test_studio_access import a_photo, addresses
from test_studio_browser import CHROMIUM, PHONE, WIDE, browser, number, served  # noqa: F401
from test_studio_calendar import a_plan, local

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"
)
axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed")

WEIGHT = 150_000
"""Bytes of a page on the wire, besides pictures, with nothing in the cache."""
SHIFT = 0.02
"""Of the screen times the way it moved; under 0.1 counts as good (web.dev/articles/cls)."""
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
SAID = """(result) => result.violations.map((v) => v.id + ": " +
  v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | "))"""
CHECKS = (Path(__file__).parent / "page_checks.js").read_text("utf-8").strip().rstrip(";")
SHIFTS = """new PerformanceObserver((list) => { for (const entry of list.getEntries())
  if (!entry.hadRecentInput) window.shifted = (window.shifted || 0) + entry.value; })
  .observe({ type: "layout-shift", buffered: true });"""
STOPS = """() => {
  document.activeElement.blur();
  const stands = (el) => el.checkVisibility({ visibilityProperty: true }) && el.getClientRects().length;
  const group = (el) => el.type === "radio" && document.querySelector(
    `input[name="${el.name}"]:checked`) || el;
  window.stops = new Set([...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter((el) => el.tabIndex >= 0 && !el.disabled && stands(el) && group(el) === el));
  window.unseen = [];
  const drawn = (el) => el && getComputedStyle(el).outlineStyle !== "none" || el?.parentElement && drawn(el.parentElement);
  document.addEventListener("focusin", ({ target: el }) => {
    window.stops.delete(el);
    if (!(el.matches(":focus-visible") && drawn(el))) window.unseen.push(el.outerHTML.slice(0, 90));
  }, true);
  return window.stops.size;
}"""
"""Notes the controls that the Tab key has to reach, strikes them off as it does, and keeps those whose
focus is not seen."""


@dataclass
class Seen:
    """How one page looked."""

    owes: dict[str, Any] = field(default_factory=dict)
    """Light and dark: what page_checks.js found, or None."""
    axe: list[str] = field(default_factory=list)
    shift: float = 0.0
    moving: int = 0
    weight: int = 0
    unreached: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=[WIDE, PHONE], ids=["wide", "phone"])
def seen(request: pytest.FixtureRequest, browser: Any) -> dict[str, Seen]:  # noqa: F811
    """All pages by name, as the owner, and as somebody without a login, found them."""
    size = request.param
    phone = size["width"] < 500
    with pytest.MonkeyPatch.context() as patch, served(patch) as address:
        from feedsmith.studio.models import LoginLink, Person

        paths = {"owner": a_week_of_work()}
        link = f"/sign-in/link/{LoginLink.make(Person.objects.get(name='edgar'))}"
        over, review = a_review_link(days_ago=8), a_review_link()
        paths["guest"] = ["/sign-in", link, "/offline", review, over]
        names = {link: "/sign-in/link", over: "/r, over", review: "/r, not named"}
        found: dict[str, Seen] = {}
        for who, all_of in paths.items():
            context = browser.new_context(
                viewport=size, is_mobile=phone, has_touch=phone, base_url=address,
                reduced_motion="reduce", service_workers="block",
            )  # fmt: skip
            context.set_default_timeout(15_000)
            page = context.new_page()
            page.add_init_script(SHIFTS)
            weigh = Weight(page)
            if who == "owner":
                token = LoginLink.make(Person.objects.get(name="olga"))
                page.goto(f"/sign-in/link/{token}")
                page.get_by_role("button", name=re.compile("^Sign in")).click()
                page.wait_for_url(re.compile(r"/$|/b/"))
            for path in all_of:
                weigh.nothing_yet()
                page.emulate_media(color_scheme="light")
                page.goto(path)
                found[f"{who} {names.get(path, path)}"] = looked_at(page, weigh, keyboard=not phone)
            if who == "guest":
                page.goto(review)
                page.get_by_label("Your name").fill("Ana")
                weigh.nothing_yet()
                page.get_by_role("button", name="Look at the posts").click()
                page.get_by_text("You are Ana").wait_for()
                found["guest /r"] = looked_at(page, weigh, keyboard=not phone)
            context.close()
    return found


class Weight:
    """Bytes that a page brought, besides pictures, with nothing in the cache."""

    def __init__(self, page: Any) -> None:
        self._bytes: dict[str, int] = {}
        self._kinds: dict[str, str] = {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on(
            "Network.responseReceived", lambda e: self._kinds.update({e["requestId"]: e["type"]})
        )
        session.on(
            "Network.loadingFinished",
            lambda e: self._bytes.update({e["requestId"]: e["encodedDataLength"]}),
        )

    def nothing_yet(self) -> None:
        self._bytes.clear()

    @property
    def now(self) -> int:
        kinds = self._kinds
        return sum(n for r, n in self._bytes.items() if kinds.get(r) not in ("Image", "Media"))


def looked_at(page: Any, weigh: Weight, keyboard: bool) -> Seen:
    """The page that is open, from all sides; what is folded is looked at too."""
    page.wait_for_load_state("load")
    now = Seen()
    now.owes["light"] = page.evaluate(f"({CHECKS})()")
    now.shift = page.evaluate("window.shifted || 0")
    now.moving = page.evaluate(
        "document.getAnimations().filter((a) => a.playState === 'running').length"
    )
    if keyboard:
        now.unreached, now.unseen = tabbed(page)
    page.evaluate("document.querySelectorAll('details.fold').forEach((d) => { d.open = true; })")
    page.evaluate(axe.AXE_SCRIPT)
    rules = {"runOnly": list(RULES), "resultTypes": ["violations"]}
    now.axe += page.evaluate(f"(rules) => axe.run(rules).then({SAID})", rules)
    page.emulate_media(color_scheme="dark")
    now.owes["dark"] = page.evaluate(f"({CHECKS})()")
    rules["runOnly"] = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
    now.axe += page.evaluate(f"(rules) => axe.run(rules).then({SAID})", rules)
    now.weight = weigh.now
    return now


def tabbed(page: Any) -> tuple[list[str], list[str]]:
    """Controls that the Tab key did not reach, and such whose focus was not seen.

    A field of a date is one control and several stops."""
    stops = page.evaluate(STOPS)
    left = stops
    for press in range(3 * stops + 20):
        page.keyboard.press("Tab")
        if press >= stops - 1:
            left = page.evaluate("[...window.stops].filter((el) => el.isConnected).length")
            if not left:
                break
    missed = page.evaluate(
        "[...window.stops].filter((el) => el.isConnected).map((el) => el.outerHTML.slice(0, 90))"
    )
    return missed, page.evaluate("window.unseen")


def a_review_link(days_ago: int = 0) -> str:
    from feedsmith.studio.models import Brand, Draft, ReviewLink

    some = list(Draft.objects.filter(brand__slug="oak-co").values_list("pk", flat=True))
    link = ReviewLink.make(
        Brand.objects.get(slug="oak-co"), None, title="December", days=7, chosen=some
    )
    if days_ago:
        ReviewLink.objects.filter(pk=link.pk).update(
            expires=link.expires - timedelta(days=days_ago)
        )
        link.refresh_from_db()
    return f"/r/{link.token}"


def a_week_of_work() -> list[str]:
    """Posts of all kinds in many states, comments, jobs, a plan; and the addresses of all pages."""
    from django.utils import timezone

    from feedsmith.studio.models import Brand, Comment, Draft, Hook, Job, Person, Token
    from feedsmith.studio.models.drafts import adopt

    oak, olga = Brand.objects.get(slug="oak-co"), Person.objects.get(name="olga")
    home = Home(small_studio.CONFIG.home)
    a_photo()
    for place, kind in enumerate(("story", "product", "promo"), 4):
        small_studio.post(home, f"{place:02d}-{kind}-aaaaaa", kind)
    adopt(oak)
    drafts = {draft.kind: draft for draft in Draft.objects.filter(brand=oak)}
    assert len(drafts) == 6
    Comment.objects.create(draft=drafts["photo"], name="Ana Ruiz", text="A little shorter?")
    Comment.objects.create(draft=drafts["photo"], person=olga, text="Gone.", resolved=True)
    drafts["photo"].edit(
        {"caption": "Under tall oaks.", "hashtags": ["oak"]}, version=1, person=olga, what="caption"
    ).move("review", by="owner", person=olga)
    approved = drafts["carousel"].move("approved", by="owner", person=olga)
    approved.move("scheduled", by="owner", person=olga, scheduled_at=timezone.now())
    drafts["product"].move("approved", by="owner", person=olga)
    Draft.objects.filter(kind="promo", brand=oak).update(state="failed", favourite=True)
    Job.objects.create(
        brand=oak, kind="generate", state="failed", total=3, error="the disk is full",
        mend="make room and press Generate again", ended_at=timezone.now(),
    )  # fmt: skip
    Job.objects.create(brand=oak, kind="generate", total=7)
    today = datetime.now()
    a_plan(Brief(kind="quote", theme="oaks", at=local(today.year, today.month, 15)))
    Hook.make(oak, "https://oak.invalid/")
    Token.make(olga, "a program", ["read"])

    client, found = small_studio.visitor("olga"), []
    for path, _ in addresses():
        answer = client.get(path)
        with suppress(AttributeError):  # a stream
            if answer.status_code == 200 and b"<!doctype html" in answer.content[:200]:
                found.append(path)
        answer.close()
    found += [f"/b/oak-co/posts/{draft.pk}" for draft in drafts.values()]
    found += ["/b/oak-co/posts?view=list", "/b/oak-co/posts?q=nothing", "/b/oak-co/nowhere"]
    found += ["/b/oak-co/calendar?view=week", "/b/oak-co/calendar?view=list"]
    return list(dict.fromkeys(found))


def test_all_pages_are_looked_at(seen: dict[str, Seen]) -> None:
    names = " ".join(seen)
    for part in (
        "sign-in", "/design", "/account", "/people", "/share", "/offline", "/create", "/posts", "/library",
        "/calendar", "/activity", "/settings", "/webhooks", "/review-links", "/tokens", "/cutout",
        "guest /r", "not named", "over", "/nowhere",
    ):  # fmt: skip
        assert part in names
    assert len(seen) > 30


def test_axe_finds_nothing_to_complain_of(seen: dict[str, Seen]) -> None:
    assert {name: page.axe for name, page in seen.items() if page.axe} == {}


def test_text_targets_and_pictures_are_as_they_should_be_in_light_and_dark(
    seen: dict[str, Seen],
) -> None:
    """Nothing scrolls sideways; targets have 44 px, text 4.5:1, controls names, pictures sizes."""
    wrong = {(n, scheme): o for n, page in seen.items() for scheme, o in page.owes.items() if o}
    assert wrong == {}


def test_nothing_jumps_while_a_page_comes(seen: dict[str, Seen]) -> None:
    assert {name: page.shift for name, page in seen.items() if page.shift > SHIFT} == {}


def test_nothing_moves_where_motion_is_unwanted(seen: dict[str, Seen]) -> None:
    assert {name: page.moving for name, page in seen.items() if page.moving} == {}


def test_every_page_is_light_besides_its_pictures(seen: dict[str, Seen]) -> None:
    weights = {name: page.weight for name, page in seen.items()}
    assert min(weights.values()) > 20_000, weights  # the measure measures
    assert max(weights.values()) < WEIGHT, weights


def test_the_tab_key_reaches_every_control_and_its_focus_is_seen(seen: dict[str, Seen]) -> None:
    assert {name: page.unreached for name, page in seen.items() if page.unreached} == {}
    assert {name: page.unseen for name, page in seen.items() if page.unseen} == {}


def test_the_checks_themselves_find_what_is_wrong(browser: Any) -> None:  # noqa: F811
    page = browser.new_page(viewport=PHONE)
    page.set_content(
        "<html lang=en><title>.</title><main><h1>.</h1><img src=x><button style='outline:none'></button>"
        "<p style='color:#bbb;width:600px'>pale and wide</p><div tabindex=0></div></main>"
    )
    found = looked_at(page, Weight(page), keyboard=True)
    assert {"sideways", "small", "contrast", "nosize", "noalt", "unnamed"} <= set(
        found.owes["light"]
    )
    assert {said.partition(":")[0] for said in found.axe} >= {
        "image-alt", "button-name", "color-contrast",
    }  # fmt: skip
    assert any("button" in said for said in found.unseen)
    page.close()
