"""Hashtags: chosen from a brand's own use of them and from what the picture shows.

Counted, never generated: every tag is either the brand's own (with how often, how lately and beside
which words it was used) or a keyword of the picture written as one word. Knows the brand's policy
and past posts; knows no model. Any script: tags are compared folded (case, width, accents).
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from feedsmith import rules
from feedsmith.brand import Brand
from feedsmith.captions import words
from feedsmith.captions.habits import told
from feedsmith.captions.skeletons import SEASONS, sold
from feedsmith.captions.words import fold, listed, stem
from feedsmith.post import PastPost

HALF_LIFE_DAYS = 540
"""A use this many days before the newest post counts half: tags go out of fashion in about this."""
HABIT_SHARE = 0.08
"""A tag on at least this share of all posts is a habit rather than a word about one picture."""
SAID_BY_NICHE = 2
"""With fewer tags than this, what the brand does is said as well."""

WORTH = 0.3
"""Evidence under which a seat is better left empty."""
HABITS_MAX = 2
"""Of five seats, those for tags that say who posts rather than what is shown."""
_BROAD = listed("branch grass fence wall spine shade sky cloud bark wind bud canopy")

_MONTHS = listed(
    "january february march april may june july august september october november december"
)
_MOMENT = re.compile(
    r"(?:" + "|".join(_MONTHS) + r"|\d{4}|hours|opening|sale|giveaway|christmas|easter|halloween|"
    r"today|monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekend)"
)
"""Tags of one day or one event: a new post must not inherit them from an old one."""


class Tag(NamedTuple):
    """One chosen hashtag, without '#', and why."""

    tag: str
    reason: str


def choose(
    shows: Sequence[str],
    brand: Brand,
    history: "Sequence[PastPost] | TagUse" = (),
    *,
    kind: str = "photo",
    season: str = "",
    light: Sequence[str] = (),
    limit: int | None = None,
    name: str = "",
) -> tuple[Tag, ...]:
    """Hashtags for a picture that shows `shows` (keywords, most salient first).

    First the brand's `always`, then by evidence: tags of past posts that speak of the same words,
    the picture's keywords as tags, habits that go with such pictures (of a product: its own name's,
    and those of posts about such things). At most `limit` (default:
    the brand's) and never more than rules.HASHTAGS_HARD_MAX; none twice, none that is banned.
    `name` is a product's: its picture's keywords then count only where they speak of it.
    Pass a TagUse instead of the posts where many pictures of one brand are tagged.
    """
    most = min(brand.hashtags.limit if limit is None else limit, rules.HASHTAGS_HARD_MAX)
    banned = {key(tag) for tag in brand.hashtags.banned}
    chosen: dict[str, Tag] = {}

    def take(tag: str, reason: str) -> None:
        clean = as_tag(tag)
        if not clean or len(chosen) >= most or key(clean) in banned:
            return
        if stem(key(clean)) not in chosen:  # "#acorn" beside "#acorns" says nothing new
            chosen[stem(key(clean))] = Tag(clean, reason)

    for tag in brand.hashtags.always:
        take(tag, "always, by brand.toml")
    if kind == "product":
        shows = _of_product(shows, name)
    use = history if isinstance(history, TagUse) else TagUse(history)
    known = _facts(shows, season, light)
    ranked = [*_with_keywords(shows, use), *_habits(shows, use, kind, brand)]
    ranked += _from_keywords(shows, use)
    ranked.sort(key=lambda item: (-item[0], item[1]))
    # One habit at least keeps a seat where the brand has any: it is how its followers know it.
    habit = next((item for item in ranked if item[3] == "habit" and _suits(item[1], known)), None)
    if habit is not None:
        take(habit[1], habit[2])
    habits = 1
    for score, tag, reason, sort in ranked:
        if score < WORTH or not _suits(tag, known):
            continue
        if sort == "habit" and habit is not None and tag != habit[1]:
            if habits == HABITS_MAX:
                continue
            habits += 1
        take(tag, reason)
    if len(chosen) < SAID_BY_NICHE:
        for part in re.split(r"[,&/:()]| and ", brand.niche):
            take(part.lower(), "what you do, by brand.toml")
        take(brand.handle, "your name, by brand.toml")
    return tuple(chosen.values())


def _of_product(shows: Sequence[str], name: str) -> tuple[str, ...]:
    """Keywords of the thing sold: those of its name, and those of the picture that name it; of a
    product without a name, what may be sold at all."""
    if not name.strip():
        return tuple(word for word in shows if sold(words.read(word)))
    head = re.split(r"[,(:|/–—]| - | (?:with|for|in|of|by|from|and) ", name)[0]
    said = {stem(word) for word in re.findall(r"[^\W_]+", head)}
    nouns = [noun for _, _, noun in words.nouns_in(head) if sold(noun)]
    named = [nouns[-1].head] if nouns else []  # "forest candle" is a candle
    own = {stem(word) for noun in nouns[-1:] for word in noun.words} or said
    rest = [
        word
        for i, word in enumerate(shows)
        if own & {stem(part) for part in word.split()}
        or (i == 0 and not nouns and sold(words.read(word)))
    ]
    return tuple(dict.fromkeys((*named, *rest)))


def as_tag(text: str) -> str:
    """Words as one hashtag: letters, digits and underscores of any script; '' if nothing is left.

    Instagram ends a tag at the first other character, and one of digits alone is no tag.
    """
    plain = unicodedata.normalize("NFKC", text).strip().lstrip("#")
    kept = "".join(c for c in plain if c == "_" or unicodedata.category(c)[0] in "LMN")
    return "" if not kept or kept.isdigit() else kept


def key(tag: str) -> str:
    """What two spellings of one tag have in common."""
    return fold(as_tag(tag))


class TagUse:
    """How a brand has used its tags: posts by tag, recency, and the words they stood beside."""

    def __init__(self, history: Sequence[PastPost]) -> None:
        self.posts = [post for post in history if post.hashtags]
        newest = max((p.posted_at for p in self.posts if p.posted_at), default=None)
        self.weight: list[float] = [_recency(p.posted_at, newest) for p in self.posts]
        self.by_tag: dict[str, list[int]] = defaultdict(list)
        spelt: dict[str, Counter[str]] = defaultdict(Counter)
        self.stems: list[set[str]] = []
        self.tags: list[set[str]] = []
        self.types: list[frozenset[str]] = []
        for i, post in enumerate(self.posts):
            own = {key(tag) for tag in post.hashtags} - {""}
            for tag in post.hashtags:
                spelt[key(tag)][as_tag(tag)] += 1
            for tag in sorted(own):
                self.by_tag[tag].append(i)
            text = told(post)
            self.stems.append({stem(word) for word in re.findall(r"[^\W_]+", text)})
            self.tags.append(own)
            self.types.append(
                frozenset().union(*(noun.types for _, _, noun in words.nouns_in(text)), frozenset())
            )
        self.spelling = {tag: min(c, key=lambda s: (-c[s], s)) for tag, c in spelt.items()}

    def about(self, keyword: str) -> list[int]:
        """Posts that name the keyword, in their words or as a tag."""
        own = [stem(word) for word in re.findall(r"[^\W_]+", keyword)]
        joined = key(keyword)
        near = {joined, key("".join(own)), key(words.plural(keyword.strip() or "x"))}
        return [
            i
            for i in range(len(self.posts))
            if (own and all(word in self.stems[i] for word in own)) or near & self.tags[i]
        ]

    def share(self, tag: str) -> float:
        return len(self.by_tag[tag]) / max(1, len(self.posts))


Ranked = tuple[float, str, str, str]
"""Score, tag, reason, sort of evidence."""


def _with_keywords(shows: Sequence[str], use: TagUse) -> list[Ranked]:
    """Tags that stood on posts about the same thing."""
    best: dict[str, Ranked] = {}
    shown = _forms(shows)
    for rank, keyword in enumerate(shows[:6]):
        posts = use.about(keyword)
        if not posts or words.read(keyword).type in _BROAD:
            continue
        total = sum(use.weight[i] for i in posts)
        together: Counter[str] = Counter()
        mass: dict[str, float] = defaultdict(float)
        for i in posts:
            for tag in use.tags[i]:
                together[tag] += 1
                mass[tag] += use.weight[i]
        named = {stem(word) for word in re.findall(r"[^\W_]+", keyword)}
        for tag in sorted(together):
            says = bool(named) and _spells(tag, shown) and any(word in tag for word in named)
            if together[tag] < 2 and not says:
                continue  # once is a coincidence, unless the tag says the word itself
            share = mass[tag] / total
            if share < 0.34 and not says:
                continue
            lift = share - use.share(tag)
            if not says and (lift < 0.2 or _MOMENT.search(tag)):
                continue
            score = (1.3 if says else 0.9) * min(1.0, share + 0.3) * 0.82**rank
            count = together[tag]
            reason = f'with "{keyword}" in {count} of your posts' + (
                "" if count > 1 else " (its own word)"
            )
            item = (score, use.spelling[tag], reason, "keyword")
            if tag not in best or item[0] > best[tag][0]:
                best[tag] = item
    return list(best.values())


def _habits(shows: Sequence[str], use: TagUse, kind: str, brand: Brand) -> list[Ranked]:
    """Tags the brand uses all the time, if they go with pictures of this sort."""
    types = frozenset().union(*(words.read(k).types for k in shows[:2]), frozenset())
    types -= {"thing", "plant", "backdrop", "person"}
    name = key(brand.name)
    found: list[Ranked] = []
    for tag in sorted(use.by_tag):
        posts = use.by_tag[tag]
        share = use.share(tag)
        if len(posts) < 3 or share < HABIT_SHARE or _MOMENT.search(tag):
            continue
        like = [i for i in range(len(use.posts)) if use.types[i] & types] if types else []
        here = sum(use.weight[i] for i in like if i in set(posts)) / max(
            1e-9, sum(use.weight[i] for i in like)
        )
        fit = here if like else share
        own = tag in (name, key(brand.handle))
        if kind == "product" and not own and (len(like) < 2 or here < 0.34):
            continue  # what goes with its landscapes says nothing of a candle
        if types and like and fit < 0.2:
            continue
        recent = sum(use.weight[i] for i in posts) / len(posts)
        score = (
            0.55 * min(1.0, 2 * fit)
            + 0.25 * recent
            + (0.2 if own and kind in ("promo", "product") else 0)
        )
        reason = f"your habit: on {len(posts)} of {len(use.posts)} posts"
        found.append((score, use.spelling[tag], reason, "habit"))
    return found


def _from_keywords(shows: Sequence[str], use: TagUse) -> list[Ranked]:
    """What the picture shows, written as one word, if it names a thing."""
    found: list[Ranked] = []
    for rank, keyword in enumerate(shows[:5]):
        noun = words.read(keyword)
        latin = keyword.isascii()
        parts = keyword.split()
        if latin and (not words.nameable(noun) or len(parts) > 3 or len(key(keyword)) < 3):
            continue
        if noun.types & {"person", "backdrop"}:
            continue
        spoken = use.about(keyword)
        trust = 0.95 if noun.known else 0.7 if spoken or not latin else 0.35
        # A plain adjective and noun ("pale sky"), or what stands behind everything ("grass"),
        # finds few people; a kind of thing does.
        plain = len(parts) > 1 and parts[0].lower() in words.MODIFIERS
        broad = (0.45 if plain else 1.0) * (0.5 if noun.type in _BROAD else 1.0)
        tag = as_tag(keyword.lower())
        found.append(
            (
                trust * broad * 0.85**rank,
                use.spelling.get(key(tag), tag),
                "in the picture",
                "picture",
            )
        )
    return found


def _forms(shows: Iterable[str]) -> frozenset[str]:
    """Every spelling in which a keyword's words may stand inside a tag."""
    forms: set[str] = set()
    for keyword in shows:
        for word in re.findall(r"[^\W_]+", keyword):
            one = stem(word)
            forms |= {fold(word), one, words.plural(one)}
    return frozenset(form for form in forms if len(form) > 1)


def _spells(tag: str, forms: frozenset[str]) -> bool:
    """True where the tag consists of nothing but words of the picture: "rockyshore"."""
    reached = {0}
    for end in range(1, len(tag) + 1):
        if any(start in reached and tag[start:end] in forms for start in range(end)):
            reached.add(end)
    return len(tag) in reached


def _facts(shows: Iterable[str], season: str, light: Iterable[str]) -> set[str]:
    said = " ".join((*shows, *light, season)).lower()
    return {SEASONS.get(word, word) for word in re.findall(r"[a-z]+", said)}


def _suits(tag: str, known: set[str]) -> bool:
    """False for a tag that names another season than the picture's, or one nobody knows of."""
    low = fold(tag)
    named = {season for word, season in SEASONS.items() if word in low and word != "fall"}
    if low.startswith("fall") and "fallen" not in low and "falls" not in low:
        named.add("autumn")
    return not named or bool(named & known)


def _recency(at: datetime | None, newest: datetime | None) -> float:
    if at is None or newest is None:
        return 0.5
    if (at.tzinfo is None) != (newest.tzinfo is None):
        at, newest = at.replace(tzinfo=None), newest.replace(tzinfo=None)
    return float(0.5 ** (max(0.0, (newest - at).total_seconds()) / 86400 / HALF_LIFE_DAYS))
