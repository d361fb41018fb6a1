"""The posts of a brand: the grid, as the profile will look; in order, chosen, several at once."""

from collections import Counter
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from feedsmith.errors import FeedsmithError
from feedsmith.studio import asked, feed, states
from feedsmith.studio.models import Brand, Draft
from feedsmith.studio.models.drafts import search
from feedsmith.studio.models.reviews import POSTS_MAX
from feedsmith.studio.once import Once
from feedsmith.studio.pages import errors, tiles
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.notices import say

A_PAGE = 60
"""Posts on one page: twenty rows of three."""
STORIES = 20
"""Stories shown above the grid, the newest."""
VIEWS = ("grid", "list")
MOVES = {
    "review": ("review", "Ask for approval"),
    "approved": ("approved", "Approve"),
    "archived": ("archive", "Archive"),
    "draft": ("undo", "Back to draft"),
}
"""What several posts can be made at once: state -> icon and words."""
AT_ONCE = 500


@for_members("reviewer")
@require_safe
def posts(request: HttpRequest, brand: Brand) -> HttpResponse:
    """?state= (or "favourite", "asks") and ?q= choose, ?view=list says the words, ?page= turns.

    To htmx, pages after the first are a fragment: their tiles or lines alone.
    """
    state, words = request.GET.get("state", ""), request.GET.get("q", "")[:200]
    view = request.GET.get("view", "")
    view = view if view in VIEWS else "grid"
    everything = Draft.objects.filter(brand=brand)
    drafts = _chosen(everything, state, words)
    shown = drafts.exclude(kind="story") if view == "grid" else drafts
    pages = Paginator(shown.values_list(*tiles.KEY), A_PAGE)
    # One walk through the rows counts all that the page says: states, favourites, stories, questions.
    groups = _counted(brand.pk)
    counted = Counter({tuple(group[:4]): group[4] for group in groups})
    if not words.strip():
        pages.count = sum(
            n
            for (its, favourite, kind, asks), n in counted.items()
            if _shows(state, its, favourite, asks) and (kind != "story" or view == "list")
        )
    page = pages.get_page(request.GET.get("page"))
    any_story = view == "grid" and page.number == 1 and any(key[2] == "story" for key in counted)
    stories = drafts.defer("search").filter(kind="story")[:STORIES] if any_story else []
    kept = {"state": state, "q": words, "view": view if view != "grid" else ""}

    def here(**changed: str) -> str:
        query = {name: value for name, value in {**kept, **changed}.items() if value}
        return f"/b/{brand.slug}/posts" + (f"?{urlencode(query)}" if query else "")

    rows = list(page.object_list)
    part = "line" if view == "list" else "tile"
    said = {
        "page": page, "view": view, "q": words, "state": state, "none": not rows,
        "tiles": tiles.drawn(brand, rows, part, top=page.number == 1),
        "next": here(page=str(page.number + 1)),
    }  # fmt: skip
    if request.headers.get("HX-Request") and page.number > 1:
        return render(request, f"studio/parts/{part}s.html", said)
    counts: Counter[str] = Counter()
    for (its, _, _, asks), n in counted.items():
        if _shows(its, its, False, asks):
            counts[its] += n
    alive = counted.total() - counts["archived"]
    favourites = sum(n for (its, fav, _, _), n in counted.items() if fav and its != "archived")
    asking = sum(n for (_, _, _, asks), n in counted.items() if asks)
    tabs = [("", "All", alive), ("favourite", "Favourites", favourites)]
    if asking:
        tabs.insert(1, ("asks", "Needs you", asking))
    tabs += [(name, states.IN_WORDS[name], counts[name]) for name in states.STATES]
    if rows and view == "grid":
        said["beside"] = tiles.drawn(brand, rows[:1], "beside", top=False)
    may = {step.after for step in states.STEPS if request.role in step.by}
    said |= {
        "tabs": [
            {"href": here(state=name), "words": what, "count": n, "here": name == state}
            for name, what, n in tabs
            if n or name in ("", state)
        ],
        "all": alive, "archived": counts["archived"], "waiting": counts["review"],
        "stories": stories,
        "kept": [(name, value) for name, value in kept.items() if value and name != "q"],
        "grid": here(view=""), "list": here(view="list"), "create": f"/b/{brand.slug}/create",
        "actions": [
            ("favourite", "star", "Favourite"),
            *((name, *look) for name, look in MOVES.items() if name in may),
        ],
    }  # fmt: skip
    return render(request, "studio/posts.html", said)


@Once
def _counted(brand: int) -> QuerySet[Draft, tuple[str, bool, str, str, int]]:
    walk = ("state", "favourite", "kind", "asks")
    return Draft.objects.filter(brand=brand).order_by().values_list(*walk).annotate(Count("id"))


def _shows(wanted: str, state: str, favourite: bool, asks: str) -> bool:
    """Whether a post stands under this tab: as `_chosen` chooses, of what was counted."""
    if wanted == "asks":
        return bool(asks)
    if wanted == "publishing":  # what asks is on its way no more
        return state == wanted and not asks
    if wanted in states.STATES:
        return state == wanted
    return state != "archived" and (favourite or wanted != "favourite")


def _chosen(drafts: QuerySet[Draft], state: str, words: str) -> QuerySet[Draft]:
    if state == "asks":
        drafts = drafts.exclude(asks="")
    elif state == "publishing":
        drafts = drafts.filter(state=state, asks="")
    elif state in states.STATES:
        drafts = drafts.filter(state=state)
    else:
        drafts = drafts.exclude(state="archived")
    if state == "favourite":
        drafts = drafts.filter(favourite=True)
    return search(drafts, words) if words.strip() else drafts


@for_members("editor")
@require_POST
def order(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Move `post` directly before the post `before`, or after the post `after`."""

    def number(name: str) -> int | None:
        return asked.number(request.POST.get(name, ""))

    moved, before, after = number("post"), number("before"), number("after")
    if moved is None or (before is None and after is None):
        return errors.page(request, 400, "it was not said which post goes where")
    feed.place(brand, moved, before=before, after=after, person=request.user)
    return HttpResponse(status=204)


@for_members("editor")
@require_POST
def bulk(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Do one thing with several posts; those it cannot be done with stay as they are, and are told."""
    wanted = asked.numbers(request.POST.getlist("post"))
    what = request.POST.get("do", "")
    if what == "link":  # chosen here, made on the page of review links
        picked = urlencode([("post", number) for number in wanted[:POSTS_MAX]])
        return HttpResponseRedirect(f"/b/{brand.slug}/review-links?{picked}")
    if what != "favourite" and what not in MOVES:
        return errors.page(request, 400, "it was not said what to do with the posts")
    drafts = list(Draft.objects.filter(brand=brand, pk__in=wanted[:AT_ONCE]))
    if what == "favourite":
        on = not all(draft.favourite for draft in drafts)
        for draft in drafts:
            draft.mark(favourite=on, person=request.user)
        say(
            request, f"{_posts(len(drafts))} {'marked' if on else 'no longer marked'} as favourite."
        )
    elif drafts:
        done, refused = 0, ""
        for draft in drafts:
            try:
                if what == "approved" and draft.state == "scheduled":
                    raise FeedsmithError("a scheduled post is approved already")
                draft.move(what, by=request.role, person=request.user, before=draft.state)
                done += 1
            except FeedsmithError as error:
                refused = error.message
        words = (
            f"{_posts(done)}: {states.IN_WORDS[what].lower()}." if done else "Nothing was changed."
        )
        if refused:
            words += f" {_posts(len(drafts) - done)} could not: {refused}."
        say(request, words)
    back = request.POST.get("back", "")
    safe = back.startswith(f"/b/{brand.slug}/posts") and url_has_allowed_host_and_scheme(back, None)
    return HttpResponseRedirect(back if safe else f"/b/{brand.slug}/posts")


def _posts(count: int) -> str:
    return f"{count} post{'s' * (count != 1)}"
