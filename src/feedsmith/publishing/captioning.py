"""Captioning: are the words of a post fit to go out, and is its time?

Changes nothing of a person's words but repeated hashtags in the rows of tags, and says so. Limits: rules.py.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from feedsmith import rules
from feedsmith.brand import Brand
from feedsmith.publishing.findings import Finding, blocking, hint, repaired
from feedsmith.publishing.outgoing import Outgoing
from feedsmith.sources.caption import folded, hashtags_at, is_hashtag

_MENTION = re.compile(r"(?<![\w.@/])@\w")
_BETWEEN = " \t\r\n.,;·•|/&+-–—"
"""What stands between the hashtags of a row, and nothing else does."""


def words(post: Outgoing, brand: Brand) -> tuple[Outgoing, list[Finding]]:
    """The post without repeated hashtags, and what is the matter with its words."""
    post, found = _each_tag_once(post)
    found += _hashtags(post, brand)
    text = post.text
    if (length := len(text)) > rules.CAPTION_MAX:
        found.append(blocking(
            "caption", "caption-length",
            f"Caption and hashtags have {length} characters; Instagram takes {rules.CAPTION_MAX}.",
            f"Take out {length - rules.CAPTION_MAX}.",
        ))  # fmt: skip
    elif len(text.encode("utf-16-le")) // 2 > rules.CAPTION_MAX:
        found.append(hint(
            "caption", "caption-length",
            "Where emoji count as two characters, the caption is longer than Instagram takes.",
            "Take a few characters out to be safe.",
        ))  # fmt: skip
    if (count := len(_MENTION.findall(text))) > rules.MENTIONS_MAX:
        found.append(blocking(
            "caption", "mentions",
            f"The caption mentions {count} accounts; Instagram takes {rules.MENTIONS_MAX}.",
            f"Take out {count - rules.MENTIONS_MAX}.",
        ))  # fmt: skip
    for word in brand.banned_words:
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.I):
            found.append(blocking(
                "caption", "banned-word", f'"{word}" is a word that this brand never uses.',
                "Say it otherwise, or take it off banned_words in brand.toml.",
            ))  # fmt: skip
    if post.form == "story" and text:
        found.append(hint("caption", "story-caption", "Instagram shows no caption under a story."))
    elif post.form != "story" and not text:
        found.append(hint("caption", "no-caption", "The post has no caption.", "Write one."))
    said = rules.company_violations(post.form == "story", post.collaborators, post.location)
    found += [
        blocking("company", "company", f"{words[:1].upper()}{words[1:]}.", "Change it on the post.")
        for words in said
    ]
    return post, found + _alt_texts(post)


def _each_tag_once(post: Outgoing) -> tuple[Outgoing, list[Finding]]:
    """Of tags that differ in case and accents alone the first stays; those in sentences always do."""
    caption, dropped, said_twice = _caption_tags_once(post.caption)
    seen = {folded(caption[start + 1 : end]) for start, end in hashtags_at(caption)}
    kept: list[str] = []
    for tag in (tag.strip().lstrip("#＃").strip() for tag in post.hashtags):
        if not tag:
            continue
        if folded(tag) in seen:
            dropped.append(tag)
        else:
            seen.add(folded(tag))
            kept.append(tag)
    found = []
    if dropped:
        found.append(repaired(
            "hashtags", "hashtag-twice",
            f"{', '.join(f'#{tag}' for tag in dropped)} stood there before and was left out.",
        ))  # fmt: skip
    found += [
        hint(
            "hashtags", "hashtag-twice", f"#{tag} stands twice in the sentences of the caption.",
            "Take one # out.",
        )
        for tag in said_twice
    ]  # fmt: skip
    changed = post.model_copy(update={"caption": caption, "hashtags": tuple(kept)})
    return (changed if (caption, tuple(kept)) != (post.caption, post.hashtags) else post), found


def _caption_tags_once(caption: str) -> tuple[str, list[str], list[str]]:
    """(caption, tags dropped from the row at its end, tags that its sentences repeat)."""
    places = hashtags_at(caption)
    row = len(places)  # the first tag of the closing row
    until = len(caption)
    while row and not caption[places[row - 1][1] : until].strip(_BETWEEN):
        row -= 1
        until = places[row][0]
    seen: set[str] = set()
    dropped, twice, cut = [], [], []
    for number, (start, end) in enumerate(places):
        tag = caption[start + 1 : end]
        if folded(tag) in seen and number >= row:
            dropped.append(tag)
            begin = start
            while begin and caption[begin - 1] in " \t":
                begin -= 1
            cut.append((begin, end))
        elif folded(tag) in seen:
            twice.append(tag)
        seen.add(folded(tag))
    for begin, end in reversed(cut):
        caption = caption[:begin] + caption[end:]
    return caption.strip() if cut else caption, dropped, twice


def _hashtags(post: Outgoing, brand: Brand) -> list[Finding]:
    typed = [post.caption[a + 1 : b] for a, b in hashtags_at(post.caption)]
    tags = list({folded(tag): tag for tag in (*typed, *post.hashtags)}.values())
    found, policy = [], brand.hashtags
    most = min(policy.limit, rules.HASHTAGS_HARD_MAX)
    if len(tags) > most:
        who = "Instagram takes" if most == rules.HASHTAGS_HARD_MAX else "this brand uses"
        raised = f" (Instagram takes at most {rules.HASHTAGS_HARD_MAX})"
        found.append(blocking(
            "hashtags", "hashtag-count", f"There are {len(tags)} hashtags; {who} at most {most}.",
            f"Take out {len(tags) - most}, or raise limit under [hashtags] in brand.toml{raised}."
            if most < rules.HASHTAGS_HARD_MAX else f"Take out {len(tags) - most}.",
        ))  # fmt: skip
    never = {folded(tag.lstrip("#")) for tag in policy.banned}
    for tag in tags:
        if folded(tag) in never:
            found.append(blocking(
                "hashtags", "banned-hashtag", f"#{tag} is a hashtag that this brand never uses.",
                "Take it out, or off banned under [hashtags] in brand.toml.",
            ))  # fmt: skip
        if not is_hashtag(tag):
            found.append(hint(
                "hashtags", "no-hashtag", f'"#{tag}" is not read as one hashtag.',
                "Write it with letters, digits and underscores, and not with digits alone.",
            ))  # fmt: skip
    return found


def _alt_texts(post: Outgoing) -> list[Finding]:
    found = []
    for part in post.parts:
        name, length = part.path.name, len(part.alt_text)
        if length > rules.ALT_TEXT_MAX:
            found.append(blocking(
                name, "alt-text-length",
                f"The alt text has {length} characters; Instagram takes {rules.ALT_TEXT_MAX}.",
                f"Take out {length - rules.ALT_TEXT_MAX}.",
            ))  # fmt: skip
        elif not part.alt_text.strip() and not part.is_film and post.form != "story":
            found.append(hint(
                name, "no-alt-text", "The picture has no alt text: who cannot see it learns nothing.",
                "Say in a sentence what it shows.",
            ))  # fmt: skip
    return found


def time(
    post: Outgoing, now: datetime, late: timedelta = timedelta(0)
) -> tuple[Outgoing, list[Finding]]:
    """The post with its time in UTC, and what is the matter with it. `late`: how far in the past it may lie."""
    if post.at is None:
        return post, []
    try:
        zone = ZoneInfo(post.zone)
    except (KeyError, ValueError, OSError):
        return post, [blocking(
            "time", "time-zone", f'"{post.zone}" is not a time zone that exists.',
            "Write an IANA name such as Europe/Berlin into time_zone in brand.toml.",
        )]  # fmt: skip
    found = []
    at = (post.at if post.at.tzinfo else post.at.replace(tzinfo=zone)).astimezone(UTC)
    there = at.astimezone(zone)
    if post.at.tzinfo is None and there.replace(tzinfo=None, fold=0) != post.at.replace(fold=0):
        found.append(hint(
            "time", "time-skipped",
            f"{post.at:%H:%M} does not exist on {post.at:%d %B %Y} in {post.zone}, where the clock goes "
            f"forward; {there:%H:%M} is taken.",
        ))  # fmt: skip
    if at < now - late:
        found.append(blocking(
            "time", "time-past",
            f"{there:%d %B %Y, %H:%M} ({post.zone}) lies in the past.",
            "Choose a later time, or publish it now.",
        ))  # fmt: skip
    return post.model_copy(update={"at": at}), found


def quota(left: int | None) -> list[Finding]:
    """`left`: posts that the account may still publish within 24 hours, as Instagram says now; None: not asked."""
    if left is None or left > 2:
        return []
    if left <= 0:
        return [blocking(
            "quota", "quota", "Instagram takes no more posts of this account now: the quota of 24 hours is used up.",
            "Wait: it opens again as earlier posts grow older than a day.",
        )]  # fmt: skip
    return [hint("quota", "quota", f"Instagram takes {left} more of this account within 24 hours.")]
