"""Pages for people: consent, profile, a post. No scripts; light and dark by the system's choice."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from feedsmith.fake_instagram.containers import status_of
from feedsmith.fake_instagram.reading import permalink, still
from feedsmith.fake_instagram.state import INSTAGRAM, Account, Call, Container, Medium, World


def style() -> bytes:
    return files("feedsmith.fake_instagram").joinpath("pages.css").read_bytes()


def page(title: str, body: str, *, narrow: bool = False) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/pages.css"><link rel="icon" href="data:,"></head>
<body><header class="top"><a class="mark" href="/">fake-instagram</a>
<span>Nothing here is on the internet.</span></header>
<main{' class="narrow"' if narrow else ""}>{body}</main></body></html>"""


# ---- consent --------------------------------------------------------------------------------------


def consent(world: World, login: str, asked: dict[str, str], wrong: str = "") -> str:
    """Who signs in, what the app may do: allow or not."""
    kept = "".join(
        f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in asked.items()
    )
    scopes = [s for s in asked.get("scope", "").replace(" ", ",").split(",") if s]
    several = login != INSTAGRAM
    rows = []
    for place, account in enumerate(list(world.accounts.values())):
        kind = "checkbox" if several else "radio"
        ticked = " checked" if not place else ""
        rows.append(
            f'<label class="who"><input type="{kind}" name="account" value="{account.id}"{ticked}>'
            f"{_face(account)}<span><b>{escape(account.username)}</b>"
            f"<small>{account.kind} account</small></span></label>"
        )
    told = "".join(f"<li>{escape(_SCOPES.get(s, s))}</li>" for s in scopes)
    said = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    name = "Facebook Login" if several else "Instagram Login"
    return page(
        "Allow Feedsmith?",
        f"""<form class="card" method="post"><p class="eyebrow">{name}</p>
<h1>Let this app use your account?</h1>{said}
<p class="quiet">It goes back to <code>{escape(asked.get("redirect_uri", "").split("?")[0])}</code>.</p>
<fieldset><legend>{"Accounts" if several else "Account"}</legend>{"".join(rows)}
<label class="other">Another one, made now <input name="username" pattern="[A-Za-z0-9._]{{1,30}}"
 placeholder="user.name" autocomplete="off"></label></fieldset>
<fieldset><legend>It may</legend><ul>{told or "<li>nothing</li>"}</ul></fieldset>
{kept}<div class="row"><button name="answer" value="allow" class="main">Allow</button>
<button name="answer" value="deny">Don't allow</button></div></form>""",
        narrow=True,
    )


_SCOPES = {
    "instagram_business_basic": "see the profile and its posts",
    "instagram_business_content_publish": "publish posts",
    "instagram_business_manage_insights": "see how posts do",
    "instagram_basic": "see the profile and its posts",
    "instagram_content_publish": "publish posts",
    "instagram_manage_insights": "see how posts do",
    "pages_show_list": "see which Pages you have",
    "pages_read_engagement": "see what your Pages post",
    "business_management": "see your business's accounts",
    "openid": "know that it is you",
}


def refused(title: str, words: str) -> str:
    return page(
        title,
        f'<div class="card"><h1>{escape(title)}</h1><p>{escape(words)}</p></div>',
        narrow=True,
    )


# ---- what was received ----------------------------------------------------------------------------


def feed(world: World, account: Account | None, secret: str) -> str:
    """A profile: stories, grid, what is on its way, what was asked."""
    if account is None:
        return page(
            "fake-instagram",
            '<div class="card"><h1>Nobody has signed in yet</h1><p>Connect a brand, and its account '
            "appears here: <code>feedsmith connect mybrand/ --server ...</code></p></div>",
            narrow=True,
        )
    posts = world.posts_of(account.id)
    grid = [m for m in posts if m.product != "STORY"]
    now = world.clock.now()
    stories = [m for m in posts if m.product == "STORY" and now - m.at < 24 * 3600]
    body = [_tabs(world, account), _head(account, len(grid))]
    if stories:
        body.append(
            '<section class="stories" aria-label="Stories">'
            + "".join(f'<a href="{permalink(m, "", account.username)}" class="ring">'
                      f'<img src="{still(m)}" alt="{escape(m.alt or "Story")}"></a>' for m in stories)
            + "</section>"
        )  # fmt: skip
    if grid:
        tiles = "".join(_tile(m, account) for m in grid)
        body.append(f'<section class="grid" aria-label="Posts">{tiles}</section>')
    else:
        body.append('<p class="empty">No posts yet. What is published comes here.</p>')
    body.append(_underway(world, account))
    body.append(_asked(world.calls[::-1][:40]))
    body.append(
        '<section class="panel"><h2>Try what goes wrong</h2>'
        f'<form method="post" action="/_revoke"><input type="hidden" name="secret" value="{secret}">'
        f'<input type="hidden" name="account" value="{account.id}">'
        "<button>Take the app's permission away</button> "
        "<small>as a person does under Settings, Apps and websites</small></form></section>"
    )
    return page(f"{account.username} on fake-instagram", "".join(body))


def _tabs(world: World, shown: Account) -> str:
    if len(world.accounts) < 2:
        return ""
    links = "".join(
        f'<a href="/{escape(a.username)}/"{" aria-current=page" if a is shown else ""}>'
        f"{escape(a.username)}</a>"
        for a in list(world.accounts.values())
    )
    return f'<nav class="tabs" aria-label="Accounts">{links}</nav>'


def _head(account: Account, posts: int) -> str:
    return (
        f'<section class="profile">{_face(account, "large")}<div><h1>{escape(account.username)}</h1>'
        f"<p><b>{posts}</b> post{'s' * (posts != 1)} &nbsp; <b>{account.followers}</b> followers</p>"
        f'<p class="quiet">{escape(account.name)} · {account.kind} account</p></div></section>'
    )


def _face(account: Account, size: str = "") -> str:
    return f'<img class="face {size}" src="/face/{escape(account.username)}.jpg" alt="">'


def _tile(medium: Medium, account: Account) -> str:
    first = " ".join(medium.caption.split())[:80]
    mark = {"CAROUSEL_ALBUM": "▣", "VIDEO": "▶"}.get(medium.type, "")
    return (
        f'<a href="{permalink(medium, "", account.username)}"><img src="{still(medium)}" '
        f'alt="{escape(medium.alt or first or "Post")}" loading="lazy">'
        + (f'<span aria-hidden="true">{mark}</span>' if mark else "")
        + "</a>"
    )


def _underway(world: World, account: Account) -> str:
    rows = []
    for c in reversed(world.made.get(account.id, [])[-12:]):
        if c.media or c.item:
            continue
        rows.append(
            f"<tr><td>{c.id}<td>{c.type.lower()}<td>{_state(world, c)}<td>{_time(c.created)}"
        )
    if not rows:
        return ""
    return (
        '<section class="panel"><h2>Made, not published</h2><div class="wide"><table><thead><tr><th>Container'
        f"<th>Kind<th>Status<th>Made</thead><tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _state(world: World, container: Container) -> str:
    if container.id in world.pending:
        return "being fetched"
    state = status_of(world, container).lower().replace("_", " ")
    why = f": {escape(container.why)} ({container.subcode})" if container.subcode else ""
    return f"{state}{why}"


def _asked(calls: Sequence[Call]) -> str:
    if not calls:
        return ""
    rows = "".join(
        f"<tr{' class=bad' if c.status >= 400 or not c.status else ''}><td>{_time(c.at)}<td>{c.method}"
        f'<td title="{escape(c.path)}"><code>{escape(_short(c.path))}</code>'
        f"<td>{c.status or 'dropped'}<td>{escape(c.words)}"
        for c in calls
    )
    return (
        '<section class="panel"><h2>What was asked</h2><div class="wide"><table><thead><tr><th>When<th>'
        f"Method<th>Address<th>Answer<th>Words</thead><tbody>{rows}</tbody></table></div></section>"
    )


def _short(path: str) -> str:
    """The path behind host and version."""
    return re.sub(r"^/[a-z.]+/(?:v[0-9.]+/)?", "", path)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %H:%M:%S")


def post(world: World, medium: Medium) -> str:
    """One post, with all that came with it."""
    account = world.accounts[medium.account]
    parts = [world.media[number] for number in medium.children] or [medium]
    shown = "".join(_shown(m) for m in parts)
    facts = [
        ("Alt text", "<br>".join(escape(m.alt) for m in parts if m.alt) or "none"),
        ("Place", escape(medium.location)),
        ("With", escape(", ".join(medium.collaborators))),
        ("AI info", "made with AI" if medium.ai else ""),
        ("Pixels", ", ".join(f"{m.width}×{m.height}" for m in parts)),
        ("Changed by Instagram", "; ".join(escape(n) for m in (medium, *parts) for n in m.notes)),
        ("Container", medium.container),
        ("Id", medium.id),
    ]
    listed = "".join(f"<dt>{name}<dd>{value}" for name, value in facts if value)
    return page(
        f"{account.username}: {' '.join(medium.caption.split())[:60] or 'post'}",
        f"""<p><a href="/{escape(account.username)}/">← {escape(account.username)}</a></p>
<article class="post"><div class="media{" story" if medium.product == "STORY" else ""}">{shown}</div>
<div class="words"><h1>{_face(account)} {escape(account.username)}</h1>
<p class="caption">{escape(medium.caption) or '<span class="quiet">No caption</span>'}</p>
<p class="quiet">{_time(medium.at)} UTC</p><dl>{listed}</dl></div></article>""",
    )


def _shown(medium: Medium) -> str:
    if medium.mime.startswith("video/"):
        return f'<video src="/media/{medium.blob}" controls playsinline preload="metadata"></video>'
    return f'<img src="/media/{medium.blob}" alt="{escape(medium.alt)}">'
