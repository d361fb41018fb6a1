"""Pre-flight: is a post fit to go out? What can be mended is mended in copies and said; the rest is named.

One function, top to bottom: words, time, quota, files. Nothing is sent and nothing fetched here; whether Instagram can
fetch what was hosted is asked by `probe.reachable`. Limits: rules.py, nowhere else.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from feedsmith import rules
from feedsmith.brand import Brand
from feedsmith.errors import Refused
from feedsmith.progress import Report, silent
from feedsmith.publishing import captioning, films, pictures
from feedsmith.publishing.findings import Finding, blocking
from feedsmith.publishing.outgoing import Outgoing, Part

ANY = (0.01, 10.0)
"""Width / height of stories and covers: nothing narrower is documented for pictures."""


class Checked(NamedTuple):
    """A post after pre-flight."""

    post: Outgoing
    """Its words without repeated hashtags, its time in UTC, its parts naming the files to send: mended
    copies where something was mended, else the files themselves."""
    findings: tuple[Finding, ...]

    @property
    def fit(self) -> bool:
        """Whether it may go out."""
        return not any(finding.level == "blocking" for finding in self.findings)


def check(
    post: Outgoing,
    brand: Brand,
    folder: Path,
    *,
    now: datetime | None = None,
    late: timedelta = timedelta(0),
    quota_left: int | None = None,
    fit: pictures.Fit = "pad",
    report: Report = silent,
) -> Checked:
    """Check a post, and mend what can be mended into `folder`, which is the post's own.

    `late`: how far in the past its time may lie. `quota_left`: posts that the account may still publish, as
    Instagram said just now. `fit`: how a picture of a ratio that is not allowed is fitted. The same post gives the
    same files. Raises FeedsmithError only where `folder` cannot be written.
    """
    found: list[Finding] = []
    post, said = captioning.words(post, brand)
    found += said
    post, said = captioning.time(post, now or datetime.now(UTC), late)
    found += said
    found += captioning.quota(quota_left)
    found += _count(post)
    parts = []
    ratios = _ratios(post)
    for number, part in enumerate(post.parts, 1):
        report("Checking files", number - 1, len(post.parts), part.path.name)
        name = f"{number:02d}-{re.sub(r'[^A-Za-z0-9_-]', '-', part.path.stem)[:60] or 'file'}"
        ready, said = _part(post, part, folder, name, ratios, fit, brand.palette.paper, report)
        parts.append(ready)
        found += said
    report("Checking files", len(post.parts), len(post.parts))
    return Checked(post.model_copy(update={"parts": tuple(parts)}), tuple(found))


def _part(
    post: Outgoing,
    part: Part,
    folder: Path,
    name: str,
    ratios: tuple[float, float],
    fit: pictures.Fit,
    ground: str,
    report: Report,
) -> tuple[Part, list[Finding]]:
    if not part.path.is_file():
        return part, [blocking(part.path.name, "missing", "The file is not there.",
                               "Bring it back, or take it out of the post.")]  # fmt: skip
    if part.is_film:
        place: films.Place = "story" if post.form == "story" else "feed" if post.form == "carousel" else "reel"  # fmt: skip
        file, found = films.ready(
            part.path, folder, name, place, source_type=post.source_type, report=report
        )
        cover = part.cover
        if cover is not None:
            cover, said = pictures.ready(cover, folder, f"{name}-cover", ratios=ANY,
                                         source_type=post.source_type)  # fmt: skip
            found = [*found, *said]
        return part.model_copy(update={"path": file, "cover": cover}), found
    file, found = pictures.ready(
        part.path, folder, name, ratios=ratios, fit=fit, ground=ground, source_type=post.source_type
    )
    if post.form == "story" and not any(finding.level == "blocking" for finding in found):
        found = [*found, *pictures.shape(part.path.name, pictures.facts(file), "story")]
    return part.model_copy(update={"path": file}), found


def _count(post: Outgoing) -> list[Finding]:
    count, films_ = len(post.parts), sum(part.is_film for part in post.parts)
    least, most = rules.CAROUSEL_MIN, rules.CAROUSEL_MAX
    if not count:
        return [blocking("post", "no-media", "There is no picture and no film.", "Add one.")]
    if post.form == "carousel" and not least <= count <= most:
        return [blocking(
            "post", "carousel-count",
            f"A carousel of {count}; through the API it has {least} to {most} pictures and films.",
            f"Take out {count - most}." if count > most else "Add one, or post it as a single picture.",
        )]  # fmt: skip
    if post.form in ("image", "reel", "story") and count > 1:
        return [blocking("post", "one-only", f"A {post.form} is one picture or film; here are {count}.",
                         "Make a post of each, or a carousel of them.")]  # fmt: skip
    if post.form == "reel" and not films_:
        return [blocking("post", "reel-film", "A reel is a film, and this is a picture.",
                         "Add a film, or post it as a picture.")]  # fmt: skip
    if post.form == "image" and films_:
        return [blocking("post", "image-film", "This is a film, which goes out as a reel.",
                         "Post it as a reel.")]  # fmt: skip
    return []


def _ratios(post: Outgoing) -> tuple[float, float]:
    """What pictures of this post may have: the API's limits, in a carousel its first picture's own ratio."""
    limits = (rules.IMAGE_RATIO_MIN, rules.IMAGE_RATIO_MAX)
    if post.form == "story":
        return ANY
    if post.form != "carousel":
        return limits
    known = _known([part.path for part in post.parts if not part.is_film])
    if not known or pictures.same_ratio([pictures.held(ratio, limits) for ratio in known]):
        return limits
    first = pictures.held(known[0], limits)
    return (first, first)


def _known(paths: Sequence[Path]) -> list[float]:
    found = []
    for path in paths:
        try:
            found.append(pictures.facts(path).ratio)
        except Refused:
            continue
    return found
