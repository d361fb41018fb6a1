from datetime import UTC, datetime, timedelta

import numpy as np

from feedsmith.brand import Brand
from feedsmith.post import PastPost
from feedsmith.understanding import habits
from feedsmith.understanding.traits import Traits, Word

START = datetime(2025, 3, 2, 23, 30, tzinfo=UTC)  # a Sunday; in Tokyo already Monday


def post(number: int, text: str = "", tags: tuple[str, ...] = (), days: int = 7) -> PastPost:
    return PastPost(
        id=str(number), text=text, hashtags=tags, posted_at=START + timedelta(days=days * number)
    )


def traits(key: str, *words: str) -> Traits:
    return Traits(
        id=key, made="1", brightness=0.5, sharpness=0.2, salient=0.1, suits="none", score=0.5,
        rows=0.0, noise=0.0, palette=(("#2f5d3a", 0.7), ("#e8e2d0", 0.3)),
        words=tuple(Word(word=w, origin="caption", weight=2.0, kind="plant") for w in words),
    )  # fmt: skip


def test_it_counts_posts_a_week_in_the_brands_own_time_zone() -> None:
    posts = [post(n) for n in range(9)]
    found = habits.study(posts, {}, Brand(name="X", time_zone="Asia/Tokyo"))
    assert found.per_week == 1.0
    assert found.usual_weekday == "Monday"
    assert found.usual_hour == 8
    assert habits.study(posts, {}, Brand(name="X")).usual_weekday == "Sunday"


def test_it_counts_an_emoji_of_several_code_points_once() -> None:
    posts = [post(0, "👩‍🌾 and 👍🏽 and 🇩🇪"), post(1, "none")]
    assert habits.study(posts, {}, Brand(name="X")).emoji == 1.5


def test_it_sees_questions_behind_emoji_and_in_other_scripts() -> None:
    posts = [post(0, "Who is coming? 🌲"), post(1, "どれがいい？"), post(2, "We are.")]
    assert habits.study(posts, {}, Brand(name="X")).questions == 0.667


def test_it_ranks_a_recent_hashtag_before_an_old_one() -> None:
    posts = [post(n, tags=("OldTag",), days=30) for n in range(4)]
    posts += [post(20 + n, tags=("new",), days=30) for n in range(2)]
    found = habits.study(posts, {}, Brand(name="X")).hashtags
    assert [(use.tag, use.count) for use in found] == [("new", 2), ("oldtag", 4)]
    assert found[1].share == 0.6667


def test_it_groups_photos_that_look_alike_and_names_the_groups() -> None:
    rng = np.random.default_rng(5)
    seen, vectors = {}, {}
    for kind, word in enumerate(("mountain", "fern")):
        middle = rng.normal(size=1280)
        for n in range(6):
            key = f"{word}{n}"
            vector = middle + 0.3 * rng.normal(size=1280)
            vectors[key] = (vector / np.linalg.norm(vector)).astype(np.float32)
            seen[key] = traits(key, f"{('steep', 'green')[kind]} {word}s", "path")
    themes = habits.study([], seen, Brand(name="X"), vectors).themes
    assert sorted(t.words[0] for t in themes) == ["fern", "mountain"]
    assert {len({key[:4] for key in theme.photos}) for theme in themes} == {1}
    assert sum(theme.share for theme in themes) == 1


def test_it_chooses_typical_captions_that_differ() -> None:
    usual = [f"Late light on the {w} again, and the tea is cold." for w in ("oak", "elm", "ash")]
    usual += [f"The {w} stood there and we stood there too." for w in ("larch", "beech", "yew")]
    usual += [f"A walk to the {w}, a flask, and no plan." for w in ("pond", "hill", "barn")]
    odd = ["SALE SALE SALE " * 30]
    posts = [post(n, text) for n, text in enumerate(usual + odd)]
    voice = habits.study(posts, {}, Brand(name="X")).voice
    assert 1 <= len(voice) <= 8
    assert odd[0] not in voice
    assert len(set(voice)) == len(voice)


def test_it_takes_a_brand_without_posts_or_photos() -> None:
    found = habits.study([], {}, Brand(name="X"))
    assert found.in_words() == [("Posts", "none yet")]
    assert found.themes == ()
    assert found.palette == ()


def test_it_tells_its_findings_in_words() -> None:
    posts = [post(n, "Tea?", ("oak",)) for n in range(3)]
    rows = dict(habits.study(posts, {"a": traits("a", "oak")}, Brand(name="X")).in_words())
    assert rows["Posts"] == "3, with 1 photo"
    assert "#oak" in rows["Hashtags"]
    assert "100% end in a question" in rows["Captions"]
