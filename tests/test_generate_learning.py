"""Generating with learning on: choices lean on it, say so, and stay a function of what decides them."""

import itertools
import json
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from feedsmith import generate, outcomes
from feedsmith.brand import Home, LearningSettings
from feedsmith.design import template
from feedsmith.files import write_text
from feedsmith.learning import bandit
from feedsmith.post import Brief, Offer
from feedsmith.runs import Folder
from small_brand import brand
from small_outcomes import season

TRAITS: Any = {str(i): SimpleNamespace(keywords=("stream", "mountain")) for i in range(4)}


@cache
def learned(explore: float = 0.05) -> bandit.Learned:
    found = bandit.learn(
        season(150, {"reel": 1.0, "mountain": 0.8}), LearningSettings(on=True, explore=explore)
    )
    assert found is not None
    return found


def leant(
    settings: generate.Settings, seed: int = 3, explore: float = 0.05, **layouts: Any
) -> list[Any]:
    plan = generate.orders(settings, seed)
    return generate.lean(plan, learned(explore), settings, TRAITS, layouts)


def test_the_liked_kind_comes_as_often_as_a_varied_feed_bears() -> None:
    plan = leant(generate.Settings(count=60))
    kinds = Counter(order.kind for order in plan)
    before = Counter(order.kind for order in generate.orders(generate.Settings(count=60), 3))
    assert kinds["reel"] > 3 * before["reel"]
    assert kinds["story"] == before["story"]  # its figures cannot be compared: it keeps its turns
    assert all(one.kind != two.kind or one.kind == "story" for one, two in itertools.pairwise(plan))
    assert all(o.format.name == "story" for o in plan if o.kind in ("reel", "story"))
    assert any("because" in words for order in plan for words in order.because)


def test_themes_are_those_that_photos_show() -> None:
    themes = Counter(order.theme for order in leant(generate.Settings(count=60)))
    assert set(themes) <= {"", "stream", "mountain"}  # no photo here shows a tree
    assert themes["mountain"] >= 15


def test_what_a_person_asked_for_is_left_as_it_is() -> None:
    assert {o.kind for o in leant(generate.Settings(count=9, kind="quote"))} == {"quote"}
    assert {o.theme for o in leant(generate.Settings(count=9, theme="oak"))} == {"oak"}
    briefs = (
        Brief(kind="gif", theme="oak"),
        Brief(kind="promo", offer=Offer(text="A walk, 3 EUR")),
    )
    assert [o.brief for o in leant(generate.Settings(briefs=briefs))] == list(briefs)
    promo = leant(generate.Settings(count=7, offer=Offer(text="A walk, 3 EUR")))[2]
    assert (promo.kind, promo.theme) == ("promo", "")


def test_all_exploring_is_as_without_learning() -> None:
    plan = leant(generate.Settings(count=14), explore=1.0)
    assert [o.kind for o in plan] == [
        o.kind for o in generate.orders(generate.Settings(count=14), 3)
    ]
    assert all(o.theme == "" and o.prefer == {} for o in plan)


def test_each_order_draws_by_its_own_seed_and_turn() -> None:
    assert leant(generate.Settings(count=14)) == leant(generate.Settings(count=14))
    assert leant(generate.Settings(count=14))[:7] == leant(generate.Settings(count=7))
    assert leant(generate.Settings(count=14), seed=4) != leant(generate.Settings(count=14))


def test_a_layout_that_did_well_comes_first_but_never_twice_in_a_row() -> None:
    every = [t.name for t, _ in template.choose("quote", "portrait", 3, slots=["quote", "who"])]
    liked = every[-1]
    (first, scheme), *_ = template.choose(
        "quote", "portrait", 3, slots=["quote", "who"], prefer={liked: 1.0}
    )
    assert first.name == liked
    (after, _), *_ = template.choose(
        "quote", "portrait", 3, slots=["quote", "who"], prefer={liked: 1.0},
        neighbours=[first.look(scheme)],
    )  # fmt: skip
    assert after.name != liked


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_off_or_with_few_posts_the_bytes_are_those_without_and_on_they_are_a_run_of_their_own(
    tmp_path: Path,
) -> None:
    (tmp_path / "brand").mkdir()
    home = brand(tmp_path / "brand")
    settings = generate.Settings(count=1, kind="quote", seed=3)
    plain = generate.generate(home, settings, out=tmp_path / "plain", page=False)
    posts = season(60, {"quote-1": 1.0})
    outcomes.record(home.root, [v for o in posts for v in (o.published, *o.readings)])
    generate.generate(home, settings, out=tmp_path / "off", page=False)
    assert files(tmp_path / "off") == files(tmp_path / "plain")
    assert "chosen" not in json.loads(
        (tmp_path / "off" / plain.posts[0].id / "post.json").read_text()
    )

    said = home.brand_file.read_text("utf-8") + "\n[learning]\non = true\nexplore = 0.05\n"
    write_text(home.brand_file, said)
    on = generate.generate(home, settings, out=tmp_path / "on", page=False)
    assert on.posts[0].id != plain.posts[0].id
    assert any("lean on what became of 60 posts" in note for note in on.notes)
    assert generate.generate(home, settings, out=tmp_path / "on", page=False).made == 0

    # Stopped before its second post, and meanwhile more became known: it goes on with what it knew.
    two = generate.Settings(count=2, kind="quote", seed=3)
    (run,) = Folder(tmp_path / "on").runs()
    Folder(tmp_path / "on").save(run.model_copy(update={"finished": False}))
    more = season(70, {"quote-1": 1.0})[60:]
    outcomes.record(home.root, [v for o in more for v in (o.published, *o.readings)])
    again = generate.generate(home, two, out=tmp_path / "on", page=False)
    assert again.posts[0].id == on.posts[0].id
    assert again.made == 1


def test_too_few_posts_are_told_and_change_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_text(home.brand_file, 'name = "B"\n[learning]\non = true\n')
    outcomes.record(tmp_path, [v for o in season(12) for v in (o.published, *o.readings)])
    found, said = bandit.ready(home)
    assert found is None
    assert "12 posts with figures are too few" in said
    write_text(home.brand_file, 'name = "B"\n')
    assert bandit.ready(home) == (None, "")
