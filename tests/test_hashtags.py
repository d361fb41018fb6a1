"""Hashtags: counted from the brand's own use and the picture, folded, limited, explained."""

from datetime import datetime, timedelta

from feedsmith.brand import Brand, HashtagPolicy
from feedsmith.captions.hashtags import TagUse, as_tag, choose, key
from feedsmith.post import PastPost
from feedsmith.rules import HASHTAGS_HARD_MAX


def brand(**policy: object) -> Brand:
    return Brand(name="Tall Tree Outfitters", hashtags=HashtagPolicy(**policy))  # type: ignore[arg-type]


def posts(*given: tuple[str, str]) -> list[PastPost]:
    start = datetime(2025, 1, 1)
    return [
        PastPost(id=str(i), text=text, hashtags=tuple(tags.split()), posted_at=start + timedelta(i))
        for i, (text, tags) in enumerate(given)
    ]


HISTORY = posts(
    ("An oak on a hill.", "treelovers whiteoak quercusalba openinghours"),
    ("White oak again.", "treelovers whiteoak quercusalba"),
    ("White oak acorns.", "treelovers whiteoak quercusalba acorns"),
    ("A pine, late.", "treelovers pine"),
    ("Waves on the beach.", "getoutside seaside"),
    ("Beach and foam.", "getoutside seaside novemberwalk"),
    ("Another beach.", "getoutside seaside"),
)


def tags(*shows: str, history: object = HISTORY, **given: object) -> list[str]:
    who = given.pop("brand", brand())
    return [tag.tag for tag in choose(shows, who, history, **given)]  # type: ignore[arg-type]


def test_it_takes_what_stood_beside_the_same_words_before() -> None:
    assert tags("white oak")[:3] == ["treelovers", "quercusalba", "whiteoak"] or set(
        tags("white oak")[:3]
    ) == {"treelovers", "quercusalba", "whiteoak"}


def test_habits_follow_the_picture() -> None:
    assert "getoutside" in tags("beach", "waves")
    assert "treelovers" not in tags("beach", "waves")
    assert "treelovers" in tags("pine")


def test_every_tag_says_why() -> None:
    for tag in choose(("white oak", "acorns"), brand(), HISTORY):
        assert tag.reason
    reasons = {tag.tag: tag.reason for tag in choose(("white oak",), brand(), HISTORY)}
    assert reasons["quercusalba"] == 'with "white oak" in 2 of your posts' or (
        "in 3 of your posts" in reasons["quercusalba"]
    )


def test_tags_of_one_day_are_not_inherited() -> None:
    assert "openinghours" not in tags("oak", "hill")
    assert "novemberwalk" not in tags("beach", "foam")


def test_a_tag_of_another_season_stays_away() -> None:
    history = posts(*(("A maple.", "maple autumncolour treelovers"),) * 3)
    assert "autumncolour" not in tags("maple", history=history)
    assert "autumncolour" in tags("maple", history=history, season="autumn")


def test_policy_comes_first_and_banned_never() -> None:
    assert tags("white oak", brand=brand(always=("ourshop",)))[0] == "ourshop"
    assert "whiteoak" not in tags("white oak", brand=brand(banned=("#WhiteOak",)))
    assert len(tags("white oak", "acorns", "hill", brand=brand(limit=2))) == 2
    assert tags("white oak", brand=brand(limit=0)) == []


def test_never_more_than_instagram_takes() -> None:
    many = brand(limit=30, always=tuple(f"tag{i}x" for i in range(50)))
    assert len(choose(("oak",), many, HISTORY)) == HASHTAGS_HARD_MAX
    assert len(choose(("oak",), many, HISTORY, limit=99)) == HASHTAGS_HARD_MAX


def test_spellings_of_one_tag_count_once() -> None:
    assert key("#Café") == key("cafe") == key("ＣＡＦＥ")
    found = tags("acorn", "acorns", history=(), brand=brand(always=("Acorns",)))
    assert [key(t).rstrip("s") for t in found].count("acorn") == 1


def test_only_what_a_tag_may_hold_stays_in_it() -> None:
    assert as_tag("#rocky shore!") == "rockyshore"
    assert as_tag("forget-me-not") == "forgetmenot"
    assert as_tag("2024") == ""
    assert as_tag("🌲") == ""
    assert as_tag("مقهى القهوة") == "مقهىالقهوة"
    assert as_tag("コーヒー") == "コーヒー"


def test_without_history_the_picture_speaks_alone() -> None:
    assert tags("osprey", "branch", "dark background", history=()) == ["osprey", "branch"] or tags(
        "osprey", "branch", "dark background", history=()
    ) == ["osprey"]


def test_things_nobody_vouches_for_become_no_tag() -> None:
    assert tags("two people", "no hurry", "dark background", history=()) == []


def test_counting_once_serves_many_pictures() -> None:
    use = TagUse(HISTORY)
    assert choose(("white oak",), brand(), use) == choose(("white oak",), brand(), HISTORY)


def test_a_product_gets_no_tag_of_the_brands_landscapes() -> None:
    past = [*HISTORY, *posts(*[("A tree.", "treesofinstagram")] * 8)]
    for shows in (("candle", "tree", "moss"), ("tree", "candle"), ("candle",)):
        chosen = choose(shows, brand(always=["talltree"]), past, kind="product", name="Oak candle")
        assert [tag.tag for tag in chosen][:2] == ["talltree", "candle"]
        assert not {"treesofinstagram", "treelovers", "tree", "moss"} & {t.tag for t in chosen}


def test_a_product_keeps_the_tags_of_posts_about_such_things() -> None:
    past = posts(*[("A candle.", "slowmade candles")] * 4, *[("A tree.", "treelovers")] * 4)
    chosen = choose(("candle",), brand(), past, kind="product", name="Beeswax candle")
    assert {"slowmade", "candles"} <= {tag.tag for tag in chosen}
