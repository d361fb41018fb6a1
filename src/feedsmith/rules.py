"""Instagram's rules: the only place that knows its numbers, each with date and source.

Checked against the Graph API reference, ig-user/media, in September 2026 unless noted.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

CAPTION_MAX = 2200
"""Characters; Graph API reference ig-user/media, Sep 2026."""
MENTIONS_MAX = 20
"""@mentions in a caption; Graph API reference ig-user/media, Sep 2026."""
HASHTAGS_HARD_MAX = 30
"""Graph API reference ig-user/media, Sep 2026."""
HASHTAGS_DEFAULT = 5
"""The app caps new posts at 5 since 19 Dec 2025 (press and third-party API documents, 2026)."""
ALT_TEXT_MAX = 1000
"""Characters, images only; since 24 Mar 2025."""
IMAGE_BYTES_MAX = 8 * 1024 * 1024
"""JPEG only; Graph API reference ig-user/media, Sep 2026."""
IMAGE_WIDTH_MIN, IMAGE_WIDTH_MAX = 320, 1440
"""Pixels; Graph API reference ig-user/media, Sep 2026."""
IMAGE_RATIO_MIN, IMAGE_RATIO_MAX = 4 / 5, 1.91
"""Width / height of feed images; Graph API reference ig-user/media, Sep 2026. 3:4, which the app takes,
is not documented for the API."""
IMAGE_FORMATS = ("JPEG",)
"""Pillow's names. "Extended JPEG formats such as MPO and JPS are not supported"; Instagram platform,
content publishing, Sep 2026."""
CAROUSEL_MIN, CAROUSEL_MAX = 2, 10
"""Items through the API, all of the first one's ratio; same."""
STORY_SAFE_TOP, STORY_SAFE_BOTTOM = 0.14, 0.20
"""Share of a 9:16 picture that the app covers with its own controls; usual practice, 2026."""

FILM_CODECS = ("h264", "hevc")
"""Of the pictures, FFmpeg's names; sound is AAC. Graph API reference ig-user/media, Sep 2026."""
FILM_FPS_MIN, FILM_FPS_MAX = 23, 60
FILM_WIDTH_MAX = 1920
"""Pixels; same."""
FILM_AUDIO_RATE_MAX = 48_000
"""Hz, one or two channels; same."""
FILM_AUDIO_BITS = 128_000
"""Bits a second of the sound; same."""
FILM_BITS_MAX = 25_000_000
"""Bits a second of the pictures, varying; same."""
FILM_RATIOS = {"reel": (0.01, 10.0), "feed": (0.01, 10.0), "story": (0.1, 10.0)}
"""Width / height; 9:16 is recommended "to avoid cropping or blank space"; same."""
TALL = 9 / 16
"""Width / height of stories and reels as the app shows them; same."""


class FilmLimits(NamedTuple):
    seconds_min: float
    seconds_max: float
    bytes_max: int


FILMS: dict[str, FilmLimits] = {
    "reel": FilmLimits(3, 15 * 60, 300 * 1024 * 1024),
    "story": FilmLimits(3, 60, 100 * 1024 * 1024),
    "feed": FilmLimits(3, 15 * 60, 300 * 1024 * 1024),
}
"""Films by where they go; a film in the feed is a reel. Same source."""


# ---- publishing through the API ------------------------------------------------------------------

GRAPH_VERSION = "v25.0"
"""Of the Graph API; Sep 2026."""
CONTAINER_SECONDS = 24 * 3600
"""A container that is not published by then expires; reference ig-container, Sep 2026."""
CONTAINERS_A_DAY = 400
"""Containers that an account may make in 24 hours; reference ig-user/media, Sep 2026."""
POSTS_A_DAY = 50
"""Posts in 24 hours where content_publishing_limit does not say: documents say 50 and 100, 2026."""
POLL_SECONDS, POLL_MOST = 60, 300
"""A container's status is asked for once a minute, for at most five; content-publishing, Sep 2026."""
COLLABORATORS_MAX = 3
"""User names invited to share a post, never of a story; reference ig-user/media, 2026."""
USERNAME = r"[A-Za-z0-9._]{1,30}"
"""Of an account; Instagram's sign-up form, 2026."""
LOCATION = r"[0-9]{1,20}"
"""Number of a Facebook Page that has a place, which is what location_id takes; same."""
PAGE_MAX = 50
"""Results a page of hashtag media; reference ig-hashtag/recent-media, Sep 2026."""
HASHTAG_QUERIES, HASHTAG_SECONDS = 30, 7 * 24 * 3600
"""Different hashtags an account may look up in seven days; guide hashtag-search, Sep 2026."""
RECENT_SECONDS = 24 * 3600
"""How far back a hashtag's recent media goes; reference ig-hashtag/recent-media, Sep 2026."""
TOKEN_SHORT_SECONDS = 3600
TOKEN_LONG_SECONDS = 60 * 24 * 3600
"""Life of a token right after signing in, and of the one it is exchanged for; business-login, 2026."""
TOKEN_REFRESH_SECONDS = 24 * 3600
"""A long-lived token must be this old before it can be refreshed; business-login, 2026."""


class Format(NamedTuple):
    name: str
    width: int
    height: int


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("square", 1080, 1080),
        Format("portrait", 1080, 1350),
        Format("landscape", 1080, 566),
        Format("story", 1080, 1920),
    )
}
"""Pixel sizes we make; usual practice, 2026."""


def violations(caption: str, hashtags: Sequence[str], alt_texts: Sequence[str]) -> list[str]:
    """What Instagram would refuse about the words of a post; empty when nothing."""
    found = []
    whole = "\n\n".join([caption, " ".join(f"#{tag}" for tag in hashtags)]).strip()
    if len(whole) > CAPTION_MAX:
        found.append(f"the caption has {len(whole)} characters, {CAPTION_MAX} are allowed")
    if whole.count("@") > MENTIONS_MAX:
        found.append(f"more than {MENTIONS_MAX} mentions")
    if len(hashtags) > HASHTAGS_HARD_MAX:
        found.append(f"{len(hashtags)} hashtags, {HASHTAGS_HARD_MAX} are allowed")
    if any(len(text) > ALT_TEXT_MAX for text in alt_texts):
        found.append(f"an alt text is longer than {ALT_TEXT_MAX} characters")
    return found


def company_violations(story: bool, collaborators: Sequence[str], location: str) -> list[str]:
    """What Instagram would refuse about with whom and where a post is; empty when nothing."""
    found = []
    if story and (collaborators or location):
        found.append("a story takes neither collaborators nor a place")
    if len(collaborators) > COLLABORATORS_MAX:
        found.append(f"{len(collaborators)} collaborators, {COLLABORATORS_MAX} are allowed")
    wrong = [name for name in collaborators if not re.fullmatch(USERNAME, name)]
    found += [f"“{name}” is no user name" for name in wrong]
    folded = [name.lower() for name in collaborators]
    if len(set(folded)) < len(folded):
        found.append("a collaborator stands twice")
    if location and not re.fullmatch(LOCATION, location):
        found.append("the place is not the number of a Facebook Page")
    return found
