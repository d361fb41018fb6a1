"""The studio as an app on a phone: its manifest, its service worker, and the page it shows when the
studio does not answer. Nothing of anybody is in the last two; the manifest names a person's only brand.
"""

import hashlib
import json

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from feedsmith.studio import states
from feedsmith.studio.models import Brand, Membership
from feedsmith.studio.pages import assets
from feedsmith.studio.pages.access import for_all, for_people
from feedsmith.studio.pages.share import PICTURES

PAPER = "#fbfbf9"
"""Of the light page (studio.css): what a phone shows until the first page is there."""
ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable-512.png", "512x512", "maskable"),
)
NOT_KEPT = ("sw.js", "icon-180.png", "icon-192.png", "icon-512.png", "icon-maskable-512.png")
"""Own files that no page asks for."""
SHORT = 12
"""Characters that fit below an icon."""


@for_people
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """The Web App Manifest (W3C), with the share target that takes photos from the gallery."""
    memberships = list(Membership.objects.filter(person=request.user).select_related("brand"))
    only = memberships[0] if len(memberships) == 1 else None
    name = only.brand.name if only else "Feedsmith"
    said = {
        "id": "/", "start_url": "/", "scope": "/", "display": "standalone", "lang": "en",
        "name": name, "short_name": name if len(name) <= SHORT else "Feedsmith",
        "description": "Posts from your own photos: make, choose, approve, plan.",
        "theme_color": PAPER, "background_color": PAPER,
        "categories": ["photo", "productivity", "social"],
        "icons": [
            {"src": assets.address(file), "sizes": sizes, "type": "image/png", "purpose": purpose}
            for file, sizes, purpose in ICONS
        ],
        "shortcuts": _shortcuts(only.brand, only.role) if only else [],
        "share_target": {
            "action": "/share", "method": "POST", "enctype": "multipart/form-data",
            "params": {"files": [{"name": "files", "accept": list(PICTURES)}]},
        },
    }  # fmt: skip
    return HttpResponse(json.dumps(said), content_type="application/manifest+json")


def _shortcuts(brand: Brand, role: str) -> list[dict[str, str]]:
    """What a long press on the icon offers."""
    pages = (("create", "Create", "editor"), ("calendar", "Calendar", "reviewer"))
    return [
        {"name": words, "url": f"/b/{brand.slug}/{page}"}
        for page, words, needed in pages
        if states.at_least(role, needed)
    ]


@for_all
@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """sw.js with the addresses of this version's files in front. At the root, so that it serves all."""
    kept = ["/offline", *(assets.address(n) for n in assets.names() if n not in NOT_KEPT)]
    source = assets.text("sw.js")
    page = render_to_string("studio/offline.html").encode()
    version = hashlib.sha256("\n".join((*kept, source)).encode() + page).hexdigest()[:10]
    head = f"const VERSION = {json.dumps(version)}, KEPT = {json.dumps(kept)};\n"
    response = HttpResponse(head + source, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


@for_all
@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """The same for everybody, whoever asks."""
    response = HttpResponse(render_to_string("studio/offline.html"))
    response.headers["Cache-Control"] = "public, no-cache"
    return response
