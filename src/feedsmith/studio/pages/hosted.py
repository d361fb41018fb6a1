"""Hosted: files that Instagram fetches from the studio, by signed links that end. No login, one file each.

Whatever is wrong with a link, the answer is the same 404: nothing is learned by trying. Links that are right
and tries at others are counted apart: behind one address (Meta's, a proxy's) who tries links cannot use up
what those who hold right ones may ask for.
"""

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from feedsmith.publishing import hosting
from feedsmith.studio import links
from feedsmith.studio.pages.access import for_all
from feedsmith.studio.pages.media import in_parts
from feedsmith.studio.pages.pace import too_fast

KINDS = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".mp4": "video/mp4", ".mov": "video/quicktime",
}  # fmt: skip
A_MINUTE = 240
"""Requests of one address with a link that is right: ten pictures of a carousel, each probed and fetched, and
films in parts."""
TRIES_A_MINUTE = 60
"""And with one that is not."""


@for_all
@require_safe
def hosted(request: HttpRequest, ends: str, mac: str, name: str) -> HttpResponseBase:
    """The file, or the range of it that is asked for."""
    try:
        checked = hosting.checked(links.key(), ends, mac, name, timezone.now())
        path = hosting.served(links.root(), checked)
        kind = KINDS[path.suffix.lower()]
    except (hosting.NotServed, KeyError) as error:
        slow = too_fast(request, "hosted, tried", TRIES_A_MINUTE, 60)
        if slow is not None:
            return slow
        raise Http404 from error
    slow = too_fast(request, "hosted", A_MINUTE, 60)
    if slow is not None:
        return slow
    response = in_parts(request, path, kind)
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
