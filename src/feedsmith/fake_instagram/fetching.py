"""Getting media from the address they are said to be at, as Meta's servers do.

"We cURL media used in publishing attempts, so the media must be hosted on a publicly accessible server"
(https://developers.facebook.com/documentation/instagram-platform/content-publishing). Here this machine
is public enough. Assumed: how many redirects are followed, and how long is waited.
"""

import http.client
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from feedsmith.fake_instagram.errors import DOWNLOAD_SLOW, NOT_FETCHED, GraphFault

WAIT = 10.0
"""Seconds without a byte."""
AGENT = "facebookexternalhit/1.1 (feedsmith fake-instagram)"


def fetched(url: str, most: int, wait: float = WAIT) -> bytes:
    """The bytes at an address, at most `most` and one more. Raises GraphFault: 9004/2207052 for what is
    not there, is a page, needs a login or comes in part; -2/2207003 for what takes too long."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _not(url)
    request = urllib.request.Request(url, headers={"User-Agent": AGENT})  # noqa: S310 - checked above
    # No proxy of the environment: the media are mostly on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=wait) as got:
            if got.status != 200:
                raise _not(url)
            kind = got.headers.get_content_type()
            # A redirect to a login ends here too: with a page.
            if not kind.startswith(("image/", "video/")) and kind != "application/octet-stream":
                raise _not(url)
            data = bytes(got.read(most + 1))
            if got.length and len(data) <= most:
                raise _not(url)
            return data
    except TimeoutError:
        raise GraphFault(DOWNLOAD_SLOW) from None
    except urllib.error.HTTPError as error:
        error.close()
        raise _not(url) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):
            raise GraphFault(DOWNLOAD_SLOW) from None
        raise _not(url) from None


def _not(url: str) -> GraphFault:
    bare = url.partition("?")[0]
    return GraphFault(NOT_FETCHED._replace(words=NOT_FETCHED.words.format(uri=bare)))
