"""Rank: nothing broken, invented or copied gets past the gates, and what fits scores higher."""

import pytest

from feedsmith.brand import Brand
from feedsmith.captions.brief import CaptionBrief
from feedsmith.captions.habits import habits
from feedsmith.captions.rank import (
    Seen,
    Trust,
    broken_sentence,
    covered,
    freshness,
    length_fit,
    refuse,
)
from feedsmith.captions.skeletons import scene
from feedsmith.post import PastPost

BRAND = Brand(name="Tall Tree Outfitters", niche="hiking & outdoor store", voice="dry")


def brief(**given: object) -> CaptionBrief:
    return CaptionBrief(
        **{"kind": "photo", "brand": BRAND, "shows": ("boulders", "rocky shore"), **given}
    )  # type: ignore[arg-type]


def refused(
    text: str, *, trust: Trust = "small", past: tuple[str, ...] = (), **given: object
) -> str:
    asked = brief(**given)
    about = scene(asked.shows, season=asked.season, light=asked.light, niche=asked.brand.niche)
    return refuse(text, asked, about, habits(asked.brand, ()), Seen.of(past), trust=trust)


def test_a_plain_true_caption_passes() -> None:
    assert refused("Boulders on a rocky shore, and nothing to add.") == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Boulders, only 12 EUR.", "number not in the brief"),
        ("Boulders, three for a friend.", "number not in the brief"),
        ("Boulders, as seen in Norway.", "name not in the brief"),
        ("Boulders by the lighthouse.", "not in the picture"),
        ("Boulders in red.", "not in the picture"),
        ("Boulders, best in autumn.", "season or time not known"),
        ("Boulders, open on Saturday.", "name not in the brief"),
        ("A rocky shore, no boulders.", "denies the picture"),
        ("Boulders, now with free shipping.", "claim not in the brief"),
        ("Boulders, and a qwyjibo.", "word nobody used"),
        ("Boulders, and he loves them.", "somebody not in the picture"),
        ("Boulders #rocks.", "hashtag, mention or link"),
        ("Boulders for @anna.", "hashtag, mention or link"),
        ("Boulders and a", "does not end"),
        ("Boulders are are good.", "doubled word"),
        ("Boulders and an rock.", "wrong article"),
        ('Boulders say "hello.', "unbalanced quotes or brackets"),
        ("Boulders , good.", "broken punctuation"),
        ("boulders are good.", "starts small"),
        ("Boulders, good ones. 🪨🪨🪨", "too many emoji"),
        ("Fed up? Boulders, good ones.", "question left hanging"),
    ],
)
def test_sampled_text_is_refused_for(text: str, reason: str) -> None:
    assert refused(text) == reason


LARGE = [
    # Free words, any length that the kind allows, figures of speech.
    "Boulders have a way of looking as if they had been consulted. Nobody remembers the meeting.",
    "On days like this the rocky shore does half the work, and we stand back and let it.",
    "Serenity is a rocky shore with nothing planned: The boulders agree.",
    "Would you move? Neither would these boulders.",
]


@pytest.mark.parametrize("text", LARGE)
def test_a_large_model_may_use_any_words(text: str) -> None:
    assert refused(text, trust="large") == ""
    assert refused(text, trust="small") != ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Boulders, only 12 EUR.", "number not in the brief"),
        ("Two boulders on a rocky shore.", "number not in the brief"),
        ("The boulders have been here for a thousand tides.", "number not in the brief"),
        ("Boulders, half price.", "fact not in the brief"),
        ("Boulders until the weekend.", "fact not in the brief"),
        ("Boulders, as seen in Norway.", "name not in the brief"),
        ("Patagonia has boulders like these.", "name not in the brief"),
        ("Boulders — Anna found them.", "name not in the brief"),
        ("Boulders, open on Saturday.", "name not in the brief"),
        ("Boulders by the lighthouse.", "not in the picture"),
        ("Boulders and wooden boats.", "not in the picture"),
        ("Boulders under a grey haze.", "not in the picture"),
        ("Golden boulders.", "not in the picture"),
        ("Boulders in the rain.", "not in the picture"),
        ("Boulders, best in autumn.", "season or time not known"),
        ("Boulders at sunrise.", "season or time not known"),
        ("Boulders and the people who love them.", "not in the picture"),
        ("Boulders, and he loves them.", "somebody not in the picture"),
        ("A rocky shore, no boulders.", "denies the picture"),
        ("Boulders, now with free shipping.", "fact not in the brief"),
        ("Locals love these sustainable boulders.", "claim not in the brief"),
        ("Boulders #rocks.", "hashtag, mention or link"),
        ("Boulders. More at www.example.com.", "hashtag, mention or link"),
        ("Boulders and a", "does not end"),
        ("Boulders.", "too short"),
        ("Boulders " + "and more of the same " * 12 + "again.", "too long"),
        ("Die Felsen sind da und sie bleiben auch da.", "another language"),
    ],
)
def test_a_large_model_is_refused_for(text: str, reason: str) -> None:
    assert refused(text, trust="large") == reason


def test_what_the_brief_tells_a_large_model_it_may_say() -> None:
    def passes(text: str, **given: object) -> bool:
        return refused(text, trust="large", **given) == ""

    assert passes("Three boulders, all of them grey.", shows=("three grey boulders",))
    assert passes("The boulders are grey.", shows=("grey boulders", "red barn"))
    assert not passes("The boulders are red.", shows=("grey boulders", "barn", "red door"))
    assert passes("Green boulders, for once.", look=("green tones",))
    assert passes("A face among boulders.", look=("one face",))
    assert not passes("A face among boulders.", look=("no faces",))
    assert passes("Boulders in October, unbothered.", shows=("boulders", "october"))
    assert passes("Boulders from the sale table.", shows=("sale table", "boulders"))
    assert passes("Boulders in autumn, unbothered.", season="autumn")


def test_a_large_models_captions_in_other_languages_keep_to_numbers_and_facts() -> None:
    german = BRAND.model_copy(update={"language": "de"})
    for text, reason in (
        ("Die Felsen sind da und sie bleiben auch da.", ""),
        ("Die Felsen sind da, und das seit 12 Jahren.", "number not in the brief"),
        ("Die Felsen sind da, aber nur bis Samstag.", "fact not in the brief"),
        ("These boulders are in no hurry, and that is what we like.", "another language"),
    ):
        assert refused(text, trust="large", brand=german) == reason


def test_what_the_brief_vouches_for_is_no_invention() -> None:
    assert refused("Boulders in evening light.", light=("evening light",)) == ""
    assert refused("Autumn boulders are good.", season="autumn") == ""
    assert refused("Boulders, says Tall Tree Outfitters.") == ""


def test_an_offer_must_stand_word_for_word() -> None:
    offer = "New wool hat, 34 EUR"
    assert (
        refused("Cold ears? New wool hat, 34 EUR.", offer=offer, kind="promo", trust="people") == ""
    )
    altered = refused("Cold ears? New wool hat, 35 EUR.", offer=offer, kind="promo", trust="people")
    assert altered == "offer missing or altered"


def test_a_past_caption_does_not_come_back_whole_or_in_part() -> None:
    past = ("Dark stones, pale evening. Somebody arranged these very carefully for us.",)
    same = "Boulders again. Somebody arranged these very carefully for us."
    assert refused(same, trust="people", past=past) == "copy of a past caption"
    recased = "Boulders! somebody ARRANGED these, very carefully for"
    assert refused(recased + " once.", trust="people", past=past) in (
        "copy of a past caption", "broken punctuation",
    )  # fmt: skip
    assert refused("Boulders, arranged by nobody.", trust="people", past=past) == ""


def test_what_was_made_fades_but_the_brands_own_past_does_not() -> None:
    own, made = (
        "Boulders are good at staying where they are.",
        "Stones that nobody ever moved twice.",
    )
    seen = Seen.of([own], [made, "Sand.", "Sea."])
    lately = seen.lately(2)
    asked = brief()
    about, manner = scene(asked.shows), habits(asked.brand, ())
    for text, kept in (
        ("Here: good at staying where they are.", False),
        ("Here: that nobody ever moved twice.", True),
        (made, False),  # word for word it never comes back
    ):
        assert refuse(text, asked, about, manner, seen, trust="people") != ""
        assert (refuse(text, asked, about, manner, lately, trust="people") == "") == kept


def test_what_is_lent_may_stand_again_but_nothing_that_reaches_beyond_it() -> None:
    past = ("Granite, as patient as a stone can be on a Monday. Nobody asked it to.",)
    asked = brief()
    about, manner, seen = scene(asked.shows), habits(asked.brand, ()), Seen.of(past)

    def why(text: str, *lent: str) -> str:
        return refuse(text, asked, about, manner, seen, trust="people", lent=lent)

    lent = ", as patient as a stone can be"
    again = "Boulders, as patient as a stone can be, after all."
    assert why(again) == "copy of a past caption"
    assert why(again, lent) == ""
    assert why("Boulders, as patient as a stone can be on a Monday.", lent) != ""
    assert why("Granite, as patient as a stone can be, after all.", lent) != ""
    assert why("Boulders, as patient as a stone can be. Nobody asked it to.", lent) != ""


def test_two_captions_of_a_run_do_not_share_an_opening_or_a_phrase() -> None:
    seen = Seen.of(())
    seen.add("The best way up is slowly, and the best way down is also slowly.")
    asked = brief()
    about = scene(asked.shows)
    manner = habits(asked.brand, ())
    for text in ("The best way home is on foot.", "Here: the best way down is also slowly."):
        assert (
            refuse(text, asked, about, manner, seen, trust="people")
            == "too like another of this run"
        )


def test_banned_words_of_the_brand_are_refused() -> None:
    brand = BRAND.model_copy(update={"banned_words": ("arranged",)})
    assert refused("Boulders, arranged by nobody.", brand=brand, trust="people") == "banned word"


def test_the_words_already_on_the_picture_are_not_repeated() -> None:
    text = "Boulders. Good at staying."
    assert refused(text, text_on_picture="Good at staying", trust="people") == (
        "repeats the words on the picture"
    )


def test_naming_the_first_keyword_covers_more_than_naming_the_last() -> None:
    shows = ("boulders", "rocky shore", "pale sky")
    first, last = covered("A boulder.", shows), covered("A pale sky.", shows)
    assert 0 < last < first < covered("Boulders, rocky shore, pale sky.", shows) <= 1


def test_length_is_measured_against_the_brands_own() -> None:
    posts = tuple(PastPost(id=str(i), text="one two three four five six") for i in range(8))
    manner = habits(BRAND, posts)
    assert manner.words == 6
    short, long = "One two three four five six.", "word " * 30
    assert length_fit(short, brief(), manner) > length_fit(long, brief(), manner)


def test_words_used_up_in_this_run_make_a_caption_less_fresh() -> None:
    seen = Seen.of(())
    seen.add("Nobody is in a hurry here.")
    assert freshness("Still no hurry.", seen, ()) < freshness("Still no rain.", seen, ()) <= 0


def test_doubled_that_and_had_are_english() -> None:
    assert broken_sentence("We know that that was late.") == ""
