"""The writer: whole captions for every kind, different from each other, true to brand and brief."""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest

from feedsmith.brand import VOICES, Brand
from feedsmith.captions import words
from feedsmith.captions.habits import EMOJI, bare, habits, sentences
from feedsmith.captions.rank import COPY_WORDS, runs
from feedsmith.captions.skeletons import fill, fits, scene, stock
from feedsmith.captions.writer import REST, Caption, CaptionBrief, Writer, speaks
from feedsmith.facts import kept
from feedsmith.post import KINDS, Kind, Offer, PastPost

BRAND = Brand(name="Tall Tree Outfitters", niche="hiking & outdoor store", voice="dry")
SHOWS = (
    ("boulders", "rocky shore", "pale sky"),
    ("loblolly pine", "needles"),
    ("acorns", "oak leaves", "twig"),
    ("lake", "reflection", "mountains"),
    ("trail", "mountain wall", "grass"),
    ("dahlia", "orange petals"),
    ("osprey", "branch", "conifers"),
    ("sand dunes", "night sky", "stars"),
    ("red barn", "pond", "dark clouds"),
    ("moss", "stump"),
)
HISTORY = tuple(
    PastPost(id=str(i), text=text)
    for i, text in enumerate(
        (
            "Dark stones, pale evening. Somebody arranged these very carefully.",
            "Late sun through an Ohio buckeye. We had planned to do the shelves today. 🌿",
            "Water lily, open for business before we were.",
            "Ceiba bark. Please do not hug 🌳",
            "Black walnuts, still in their green jackets. Ask us how we know.",
            "White ash, hanging out.",
        )
    )
)


def briefs(n: int, **given: object) -> list[CaptionBrief]:
    made = {"kind": "photo", "brand": BRAND, "history": HISTORY, **given}
    return [CaptionBrief(**{"shows": SHOWS[i % len(SHOWS)], **made}) for i in range(n)]  # type: ignore[arg-type]


def test_the_same_seed_writes_the_same_captions_and_another_seed_others() -> None:
    first = Writer().write(briefs(5), seed=3)
    assert first == Writer().write(briefs(5), seed=3)
    assert [c.text for c in first] != [c.text for c in Writer().write(briefs(5), seed=4)]


def test_thirty_captions_share_no_opening_and_no_skeleton() -> None:
    captions = Writer().write(briefs(30), seed=1)
    openings = [" ".join(bare(c.text).lower().split()[:3]) for c in captions]
    assert len(set(openings)) == 30
    used = [line for c in captions for line in str(c.reasons.get("skeletons", "")).split()]
    assert len(set(used)) == len(used)


def test_a_caption_never_repeats_the_brands_past() -> None:
    past = set().union(*(runs(post.text, COPY_WORDS) for post in HISTORY))
    for caption in Writer().write(briefs(30), seed=2):
        assert not runs(caption.text, COPY_WORDS) & past


def test_a_caption_names_what_the_picture_shows() -> None:
    named = 0
    for brief, caption in zip(briefs(20), Writer().write(briefs(20), seed=5), strict=True):
        heads = {word.split()[-1].rstrip("s") for word in brief.shows}
        named += any(head in caption.text.lower() for head in heads)
    assert named == 20


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_parts(kind: str) -> None:
    offer = "New wool hat, 34 EUR" if kind in ("promo", "product") else ""
    for caption in Writer().write(briefs(6, kind=kind, offer=offer), seed=1):
        assert caption.text
        assert offer in caption.text
        assert len(caption.headline.split()) <= 6
        if kind not in ("gif", "collage"):
            assert (caption.headline == "") == (kind == "photo")
        if kind == "reel":
            assert 2 <= len(caption.slides) <= 4
        assert (caption.slides == ()) == (kind not in ("carousel", "reel"))
        if kind == "quote":
            assert 0 < len(caption.quote) <= 110
            assert not runs(caption.quote, 3) & runs(caption.text, 3)
        if kind == "carousel":
            assert 3 <= len(caption.slides) <= 4
        if kind == "story":
            assert len(caption.text.split()) <= 16


def test_an_offer_is_the_only_place_for_numbers() -> None:
    offer = "Guided oak walk, Saturday 3 May, 9:30, 12 EUR"
    for caption in Writer().write(briefs(8, kind="promo", offer=offer), seed=1):
        assert caption.text.count(offer) == 1
        assert not any(c.isdigit() for c in caption.text.replace(offer, ""))


@pytest.mark.parametrize("voice", [*VOICES, "cheerful and odd"])
def test_every_voice_writes_whole_sentences(voice: str) -> None:
    brand = BRAND.model_copy(update={"voice": voice})
    for caption in Writer().write(briefs(6, brand=brand, history=()), seed=1):
        assert bare(caption.text)[-1] in ".?!"
        assert "{" not in caption.text
        assert "#" not in caption.text


def test_emoji_keep_to_the_budget() -> None:
    happy = tuple(PastPost(id=str(i), text=f"Tree number {i} 🌳") for i in range(8))
    quiet = BRAND.model_copy(update={"emoji_max": 0})
    for caption in Writer().write(briefs(8, history=happy, brand=quiet), seed=1):
        assert not EMOJI.search(caption.text)
    with_some = Writer().write(briefs(8, history=happy), seed=1)
    assert sum(EMOJI.search(c.text) is not None for c in with_some) >= 6


def test_a_brand_that_writes_contractions_out_is_written_for_so() -> None:
    assert not habits(BRAND, HISTORY).contracts
    for caption in Writer().write(briefs(20), seed=1):
        assert "n't" not in caption.text
        assert "it's" not in caption.text.lower()


def test_nothing_known_of_the_picture_still_gives_a_plain_caption() -> None:
    captions = Writer().write(briefs(12, shows=()), seed=1)
    assert {c.route for c in captions} == {"plain"}
    assert len({c.text for c in captions}) == 12


def test_words_that_name_no_thing_are_not_made_into_one() -> None:
    (caption,) = Writer().write(briefs(1, shows=("patience", "no hurry", "2:14")), seed=1)
    assert caption.route == "plain"
    assert "patience" not in caption.text.lower()


def test_the_brands_subjects_carry_pictures_without_words() -> None:
    brand = BRAND.model_copy(update={"subjects": ("trees",)})
    captions = Writer().write(briefs(3, shows=(), brand=brand), seed=1)
    assert any("tree" in c.text.lower() for c in captions)


def test_other_scripts_do_not_break_it() -> None:
    (caption,) = Writer().write(briefs(1, shows=("مقهى", "コーヒー")), seed=1)
    assert sentences(caption.text)


def told(asked: Sequence[CaptionBrief], writer: Writer) -> list[Caption]:
    """One call a post, each told of those before it, as a workshop does."""
    made: list[PastPost] = []
    found: list[Caption] = []
    for i, brief in enumerate(asked):
        (caption,) = writer.write([brief.model_copy(update={"made": tuple(made)})], seed=i)
        made.append(PastPost(id=str(i), text=caption.text))
        found.append(caption)
    return found


def near(memory: Sequence[str]) -> set[str]:
    """Sentences that come twice within REST captions, the frames of products apart."""
    frames = {line.same for line in stock() if line.role == "Y"}
    at: dict[str, int] = {}
    twice: set[str] = set()
    for i, ids in enumerate(memory):
        assert len(set(ids.split())) == len(ids.split())
        for line in ids.split():
            if line in at and i - at[line] <= REST and line not in frames:
                twice.add(line)
            at[line] = i
    return twice


class Diary(Writer):
    """A writer whose whole memory can be read afterwards, not only that of the last captions."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def write(self, *given: object, **named: object) -> list[Caption]:
        made = super().write(*given, **named)  # type: ignore[arg-type]
        self.all += self.used[-1:]
        return made


@pytest.mark.parametrize("kind", KINDS)
def test_no_sentence_comes_twice_in_thirty_posts_wherever_it_stands(kind: str) -> None:
    offer = "New wool hat, 34 EUR" if kind in ("promo", "product") else ""
    writer = Diary()
    captions = told(briefs(40, kind=kind, offer=offer), writer)
    assert len(writer.all) == 40
    assert near(writer.all) == set()
    if not offer:
        assert len({caption.text for caption in captions}) == 40


def test_sixty_posts_of_all_kinds_repeat_nothing_either() -> None:
    writer = Diary()
    asked = [
        briefs(i + 1, kind=KINDS[i % len(KINDS)], offer="Wool hat, 34 EUR")[i] for i in range(60)
    ]
    told(asked, writer)
    assert near(writer.all) == set()
    assert any(line.startswith("own:") for ids in writer.all for line in ids.split())


def test_the_memory_of_a_run_can_be_taken_up_later() -> None:
    first, later = Diary(), Diary()
    told(briefs(25), first)
    later.recall(first.used)
    told(briefs(25), later)
    assert near([*first.all, *later.all]) == set()
    assert near([*first.all, *first.all]) != set()


def test_where_all_sentences_rest_what_is_shown_is_named_in_turn() -> None:
    writer = Diary()
    captions = told(briefs(70, kind="story", shows=("moss", "stump"), history=()), writer)
    assert near(writer.all) == set()
    plain = [caption.text for caption in captions if caption.route == "plain"]
    assert {"Moss, stump.", "Moss.", "Stump, moss."} <= set(plain)
    assert all(a != b for a, b in pairwise(captions))
    again = [caption.text for caption in captions if caption.route != "plain"]
    assert len(set(again)) == len(again)


def test_the_brands_own_sentences_come_back_only_thirty_posts_after_it_said_them() -> None:
    quiet = tuple(PastPost(id=f"q{i}", text="Fog.") for i in range(REST))
    asked = {"shows": ("red oak", "lawn"), "kind": "story"}

    def share(history: Sequence[PastPost]) -> int:
        made = [
            Writer().write(briefs(1, history=tuple(history), **asked), seed=seed)[0]
            for seed in range(40)
        ]
        return sum("own:hanging-out" in str(c.reasons["skeletons"]).split() for c in made)

    said = PastPost(id="s", text="White ash, hanging out.")
    assert share([said, *quiet]) > 0
    assert share([*quiet, said]) == 0
    assert share([said]) == 0


def test_the_brands_own_sentences_are_counted_among_the_reasons() -> None:
    quiet = tuple(PastPost(id=f"q{i}", text="Fog.") for i in range(REST))
    history = (PastPost(id="s", text="White ash, hanging out."), *quiet)
    for seed in range(40):
        asked = briefs(1, kind="story", shows=("red oak",), history=history)
        (caption,) = Writer().write(asked, seed=seed)
        own = "own:hanging-out" in str(caption.reasons["skeletons"]).split()
        assert own == ("own" in caption.reasons)
        assert own == ("hanging out" in caption.text)


def test_posts_made_before_are_no_model_for_the_voice() -> None:
    quiet = tuple(PastPost(id=f"q{i}", text="Fog.") for i in range(REST))
    made = (PastPost(id="m", text="White ash, hanging out."), *quiet)
    for seed in range(40):
        asked = briefs(1, kind="story", shows=("red oak",), history=(), made=made)
        (caption,) = Writer().write(asked, seed=seed)
        assert "hanging out" not in caption.text


class ThreeSentences:
    """A stand-in for a language model that is not under test here: it always says the same."""

    own = False

    def sample(self, prompts: Sequence[str], **_: object) -> list[list[str]]:
        said = ["Boulders, 3 for 2 on Monday.", "Boulders and lighthouse.", "rocks rocks"]
        return [list(said) for _ in prompts]

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [-float(len(text)) for _, text in pairs]


def test_what_a_model_invents_is_turned_down_and_counted() -> None:
    writer = Writer(ThreeSentences())  # type: ignore[arg-type]
    (caption,) = writer.write(briefs(1, kind="story"), seed=1)
    assert caption.route == "skeleton"
    assert writer.rejections["number not in the brief"] == 1
    assert writer.rejections["not in the picture"] == 1
    assert isinstance(caption, Caption)


MUG = Offer(
    name="Hand-thrown mug, 350 ml", price="38 EUR", was="45 EUR", call="Write to us by 5 pm"
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_each_fact_of_its_offer_and_adds_none(kind: Kind) -> None:
    for seed in range(3):
        for caption in Writer().write(briefs(4, kind=kind, details=MUG), seed=seed):
            assert kept(MUG, [caption.text]) == []
            assert kept(MUG, [caption.text, caption.headline, caption.quote, *caption.slides]) == []


def test_a_product_is_told_by_name_and_price_and_one_sentence_about_such_things() -> None:
    captions = Writer().write(briefs(8, kind="product", details=MUG, shows=()), seed=1)
    assert all(MUG.name in c.text and "38 EUR (was 45 EUR)" in c.text for c in captions)
    assert sum(c.route == "skeleton" for c in captions) >= 6
    assert {c.headline for c in captions} == {MUG.name}


def test_a_call_to_action_ends_the_caption_and_no_other_is_made() -> None:
    for kind in ("product", "promo"):
        for caption in Writer().write(briefs(10, kind=kind, details=MUG), seed=2):
            assert bare(caption.text).removesuffix(".").endswith(MUG.call)
            assert caption.text.lower().count("write to us") == 1


def test_what_the_maker_says_of_a_product_is_said_as_it_is() -> None:
    about = "Holds 350 ml. Don't put it in the microwave, it's got gold on it."
    (caption,) = Writer().write(briefs(1, kind="product", details=MUG, about=about), seed=1)
    assert about in caption.text


def test_a_given_headline_is_used_as_it_is() -> None:
    for kind in KINDS:
        (caption,) = Writer().write(briefs(1, kind=kind, headline="So, spring?"), seed=1)
        assert caption.headline == "So, spring?"


def test_a_long_list_of_products_never_runs_out_of_captions() -> None:
    made: list[PastPost] = []
    writer = Writer()
    for i in range(60):
        offer = Offer(name=f"Mug {i}", price=f"{i + 10} EUR")
        (brief,) = briefs(1, kind="product", details=offer, history=tuple(made))
        (caption,) = writer.write([brief], seed=i)
        assert kept(offer, [caption.text]) == []
        made.append(PastPost(id=str(i), text=caption.text))
    assert len({post.text for post in made}) == 60


def test_offers_with_their_own_full_stop_or_quotes_are_written_well() -> None:
    for text in ("Everything must go!", '24" monitor, 180 EUR.', "12\u00a0EUR for a mug"):
        (caption,) = Writer().write(briefs(1, kind="promo", offer=text), seed=1)
        assert kept(Offer(text=text), [caption.text]) == []
        assert ".." not in caption.text
        assert "!." not in caption.text


BESIDE = (("anona", "leaf"), ("rambutan",), ("quebracho", "trunk"))


@pytest.mark.parametrize("kind", ["carousel", "collage"])
def test_different_pictures_are_not_told_as_one_thing(kind: str) -> None:
    given = {"kind": kind, "shows": ("American paw paw", "branch"), "beside": BESIDE, "history": ()}
    made = Writer().write(briefs(6, **given), seed=1)
    several = {s.id for s in stock() if any("several" in g for g in s.needs) or s.role == "T"}
    for caption in made:
        assert set(str(caption.reasons["skeletons"]).split()) <= several
        assert "paw" not in f"{caption.headline} {caption.slides}".lower()
    if kind == "carousel":
        for first, second, *_ in (caption.slides for caption in made):
            assert ("anona" in first) == ("rambutan" in second)
    assert any("anona" in f"{c.text} {c.slides}" for c in made)


def test_pictures_of_one_thing_are_told_as_one() -> None:
    alike = briefs(4, kind="carousel", shows=("oak", "leaf"), beside=(("oak", "sky"), ("old oak",)))
    several = {s.id for s in stock() if any("several" in g for g in s.needs)}
    for caption in Writer().write(alike, seed=1):
        assert not set(str(caption.reasons["skeletons"]).split()) & several


def test_which_languages_captions_are_written_in_can_be_asked() -> None:
    assert all(speaks(language) for language in ("en", "en-GB", "English", "", "en_US"))
    assert all(speaks(language) for language in ("de", "fr-CA", "es_MX", "pt-BR", "de-CH"))
    assert not any(speaks(language) for language in ("it", "nl-BE", "enm", "日本語"))


def test_an_emoji_of_a_product_comes_from_its_own_words() -> None:
    happy = tuple(PastPost(id=str(i), text=f"Thing number {i} ✨") for i in range(8))
    marks = {
        name: {
            mark
            for c in Writer().write(
                briefs(3, kind="product", shows=("boot",), history=happy, details=offer), seed=1
            )
            for mark in EMOJI.findall(c.text)
        }
        for name in ("Canvas sneakers", "Runner", "Beeswax candle")
        for offer in [Offer(name=name, price="5 EUR")]
    }
    assert marks == {"Canvas sneakers": {"👟"}, "Runner": set(), "Beeswax candle": {"🕯️"}}


def test_a_cuddly_animal_is_a_toy_whatever_lies_in_its_picture() -> None:
    offer = Offer(name="Cuddly sloth", price="18 EUR")
    made = Writer().write(
        briefs(6, kind="product", shows=("sloth", "backpack", "tent"), details=offer), seed=1
    )
    lines = {s.id: s for s in stock()}
    for caption in made:
        used = [lines[i] for i in str(caption.reasons["skeletons"]).split()]
        assert all(line.types & {"toy", "any"} for line in used)


def test_a_bare_singular_before_a_verb_has_its_article() -> None:
    about = scene(["conifer"]).about(words.read("conifer"))
    for line in stock():
        said = fill(line, about, about.details) if "{" in line.text and fits(line, about) else None
        assert not re.search(r"(?:^|[.!?] )Conifer (?:has|is|was|said|agrees)\b", said or "")
