"""Feed: posts as RSS 2.0 with Media RSS, for readers and for programs that pass them on.

Sources: RSS 2.0 specification (rssboard.org, 2.0.11); Media RSS 1.5.1 (rssboard.org/media-rss); the self link of
RFC 4287 as the RSS profile recommends it.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from zoneinfo import ZoneInfo

import feedsmith
from feedsmith.files import write_text
from feedsmith.publishing.exports.api import Delivered, Delivery
from feedsmith.publishing.outgoing import Outgoing, Part

MEDIA, ATOM = "http://search.yahoo.com/mrss/", "http://www.w3.org/2005/Atom"
_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4",
          ".mov": "video/quicktime", ".webp": "image/webp", ".gif": "image/gif"}  # fmt: skip
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry."""


class Feed:
    """One .xml file: posts whose time has come, or that have none, the newest first. A Publisher."""

    what = "an RSS feed with the pictures' addresses (Media RSS)"
    suffix = ".xml"

    def publish(self, posts: Sequence[Outgoing], to: Delivery) -> Delivered:
        out = [
            post for post in posts if _at(post, to) is None or (_at(post, to) or to.now) <= to.now
        ]
        earliest = datetime.min.replace(tzinfo=UTC)
        out.sort(key=lambda post: _at(post, to) or earliest, reverse=True)
        write_text(to.target, feed(out, to))
        notes = []
        if waiting := len(posts) - len(out):
            notes.append(f"{waiting} posts whose time has not come are not in it.")
        if not to.media_url:
            notes.append(
                "It names no pictures: say with --media-url where your posts folder is served."
            )
        return Delivered(len(out), (to.target,), notes=tuple(notes))


def feed(posts: Sequence[Outgoing], to: Delivery) -> str:
    """The whole file."""
    ET.register_namespace("media", MEDIA)
    ET.register_namespace("atom", ATOM)
    brand = to.brand
    site = f"https://www.instagram.com/{brand.handle}/" if brand.handle else to.media_url
    rss = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(rss, "channel")
    _add(channel, "title", brand.name)
    _add(channel, "link", site or "https://www.instagram.com/")
    _add(channel, "description", brand.niche or f"Posts of {brand.name}")
    _add(channel, "language", brand.language.lower())
    _add(channel, "lastBuildDate", format_datetime(to.now.astimezone(UTC), usegmt=True))
    _add(channel, "generator", f"Feedsmith {feedsmith.__version__}")
    if address := to.options.get("self", ""):
        ET.SubElement(channel, f"{{{ATOM}}}link", {
            "href": _clean(address), "rel": "self", "type": "application/rss+xml",
        })  # fmt: skip
    for post in posts:
        _item(channel, post, to)
    ET.indent(rss)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(rss, "unicode") + "\n"


def _item(channel: ET.Element, post: Outgoing, to: Delivery) -> None:
    item = ET.SubElement(channel, "item")
    _add(item, "title", post.title)
    if post.link.startswith(("https://", "http://")):
        _add(item, "link", post.link)
    paragraphs = [part for part in re.split(r"\n{2,}", post.text) if part.strip()]
    _add(item, "description", "".join(
        f"<p>{escape(_clean(part)).replace(chr(10), '<br>')}</p>" for part in paragraphs
    ))  # fmt: skip
    guid = _add(item, "guid", f"urn:feedsmith:{to.brand.handle or to.brand.name}:{post.id}")
    guid.set("isPermaLink", "false")
    if (at := _at(post, to)) is not None:
        _add(item, "pubDate", format_datetime(at.astimezone(UTC), usegmt=True))
    for tag in post.hashtags:
        _add(item, "category", tag)
    if not to.media_url:
        return
    first = post.parts[0]
    ET.SubElement(item, "enclosure", {
        "url": to.address(post, first), "length": str(first.path.stat().st_size), "type": _type(first),
    })  # fmt: skip
    # Media RSS groups only what is the same in another form, so the pictures of a carousel stand beside each other.
    for number, part in enumerate(post.parts):
        content = ET.SubElement(item, f"{{{MEDIA}}}content", {
            "url": to.address(post, part), "type": _type(part),
            "medium": "video" if part.is_film else "image",
            "fileSize": str(part.path.stat().st_size), "isDefault": "false" if number else "true",
        })  # fmt: skip
        if part.alt_text:
            described = _add(content, f"{{{MEDIA}}}description", part.alt_text)
            described.set("type", "plain")
        if part.cover is not None:
            ET.SubElement(content, f"{{{MEDIA}}}thumbnail", {"url": to.address(post, part.cover)})


def _add(parent: ET.Element, name: str, text: str) -> ET.Element:
    made = ET.SubElement(parent, name)
    made.text = _clean(text)
    return made


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text)


def _type(part: Part) -> str:
    return _TYPES.get(part.path.suffix.lower(), "application/octet-stream")


def _at(post: Outgoing, to: Delivery) -> datetime | None:
    if post.at is None or post.at.tzinfo:
        return post.at
    return post.at.replace(tzinfo=ZoneInfo(to.brand.time_zone))
