"""Before anything is sent: words, time, quota and files are checked, mended or named, a sentence each."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import small_media
from feedsmith.brand import Brand, HashtagPolicy
from feedsmith.publishing.captioning import time, words
from feedsmith.publishing.findings import Finding
from feedsmith.publishing.outgoing import Form, Outgoing, Part
from feedsmith.publishing.preflight import Checked, check

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
BRAND = Brand(name="Oak & Co", hashtags=HashtagPolicy(limit=5, banned=("foodporn",)))


def post(form: Form = "image", *files: Path, **more: object) -> Outgoing:
    parts = tuple(Part(path=file, alt_text="An oak in fog.") for file in files)
    return Outgoing.model_validate(
        {"id": "p", "form": form, "parts": parts, "caption": "Fog.", **more}
    )


def said(caption: str = "Fog.", *tags: str, brand: Brand = BRAND) -> tuple[Outgoing, list[Finding]]:
    return words(post(caption=caption, hashtags=tags), brand)


def codes(found: list[Finding] | Checked) -> dict[str, Finding]:
    rows = found.findings if isinstance(found, Checked) else found
    return {finding.code: finding for finding in rows}


# ---- words ---------------------------------------------------------------------------------------


def test_good_words_are_left_alone() -> None:
    given = post(caption="Fog over the oaks.\n\nStay a while.", hashtags=("oak", "fog"))
    assert words(given, BRAND) == (given, [])
    assert given.text == "Fog over the oaks.\n\nStay a while.\n\n#oak #fog"


def test_thirty_one_hashtags_typed_by_hand_are_one_clear_line() -> None:
    caption = "Fog. " + " ".join(f"#tag{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(31))
    brand = Brand(name="x", hashtags=HashtagPolicy(limit=30))
    after, found = said(caption, brand=brand)
    assert [f.code for f in found] == ["hashtag-count"]
    assert found[0].said == "There are 31 hashtags; Instagram takes at most 30."
    assert found[0].mend == "Take out 1."
    assert after.caption == caption
    _, found = said(caption)
    assert "this brand uses at most 5" in found[0].said
    assert "Take out 26, or raise limit" in found[0].mend


def test_hashtags_differing_in_case_and_accents_are_the_same_one() -> None:
    after, found = said("Fog.", "Café", "#cafe", "CAFÉ", "oak", "")
    assert after.hashtags == ("Café", "oak")
    assert found[0].level == "repaired"
    assert "#cafe, #CAFÉ stood there before" in found[0].said


def test_a_hashtag_in_the_caption_counts_and_is_not_repeated_below() -> None:
    after, _ = said("A walk under the #oaks today.", "Oaks", "fog")
    assert after.caption == "A walk under the #oaks today."
    assert after.hashtags == ("fog",)


def test_a_row_typed_by_hand_loses_its_repetitions_and_sentences_lose_nothing() -> None:
    after, found = said("A #walk in fog, a #Walk home.\n\n#oak #fog #OAK · #fóg #leaf")
    assert after.caption == "A #walk in fog, a #Walk home.\n\n#oak #fog · #leaf"
    told = {(f.code, f.level) for f in found}
    assert told == {("hashtag-twice", "repaired"), ("hashtag-twice", "hint")}


def test_a_long_caption_is_for_a_person_to_shorten() -> None:
    after, found = said("x" * 2199, "oak")
    assert "have 2205 characters; Instagram takes 2200" in codes(found)["caption-length"].said
    assert codes(found)["caption-length"].mend == "Take out 5."
    assert len(after.caption) == 2199
    assert codes(said("🌳" * 1200)[1])["caption-length"].level == "hint"


def test_too_many_mentions_are_counted_and_addresses_are_none() -> None:
    assert "mentions" not in codes(said("write@oak.example " + "@oak " * 20)[1])
    assert "mentions 21 accounts" in codes(said("@oak " * 21)[1])["mentions"].said


def test_words_and_hashtags_that_the_brand_never_uses_block() -> None:
    brand = Brand(name="x", banned_words=("cheap",), hashtags=HashtagPolicy(banned=("#FoodPorn",)))
    found = codes(said("So Cheap!", "foodporn", brand=brand)[1])
    assert found["banned-word"].level == found["banned-hashtag"].level == "blocking"
    assert "banned-word" not in codes(said("A cheaper walk", brand=brand)[1])


def test_what_is_read_as_no_hashtag_is_told() -> None:
    found = said("Fog.", "tall-tree", "2026", "größe", "木")[1]
    assert [f.said for f in found] == [
        '"#tall-tree" is not read as one hashtag.',
        '"#2026" is not read as one hashtag.',
    ]


def test_alt_texts_are_measured_and_missed(tmp_path: Path) -> None:
    parts = (
        Part(path=tmp_path / "1.jpg", alt_text="x" * 1001),
        Part(path=tmp_path / "2.jpg"),
        Part(path=tmp_path / "3.mp4"),
    )
    found = words(post("carousel").model_copy(update={"parts": parts}), BRAND)[1]
    assert [(f.about, f.code, f.level) for f in found] == [
        ("1.jpg", "alt-text-length", "blocking"),
        ("2.jpg", "no-alt-text", "hint"),
    ]


# ---- time and quota ------------------------------------------------------------------------------


def at(moment: datetime, zone: str = "Europe/Berlin") -> tuple[Outgoing, dict[str, Finding]]:
    after, found = time(post(at=moment, zone=zone), NOW)
    return after, codes(found)


def test_a_time_is_meant_in_the_brands_zone() -> None:
    after, found = at(datetime(2026, 9, 2, 9, 0))
    assert found == {}
    assert after.at == datetime(2026, 9, 2, 7, 0, tzinfo=UTC)


def test_a_time_in_the_past_and_an_unknown_zone_block() -> None:
    _, found = at(datetime(2026, 9, 1, 13, 59))
    assert found["time-past"].said == "01 September 2026, 13:59 (Europe/Berlin) lies in the past."
    assert at(datetime(2026, 9, 1, 14, 0))[1] == {}
    late = time(post(at=NOW - timedelta(minutes=9)), NOW, timedelta(minutes=10))
    assert late[1] == []
    _, found = at(datetime(2026, 9, 2, 9), "Europe/Atlantis")
    assert found["time-zone"].level == "blocking"
    _, found = at(datetime(2026, 9, 2, 9), "../etc/passwd")
    assert found["time-zone"].level == "blocking"


def test_a_time_that_the_clock_skips_is_told() -> None:
    after, found = at(datetime(2027, 3, 28, 2, 30))
    assert "02:30 does not exist on 28 March 2027" in found["time-skipped"].said
    assert after.at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def test_a_full_quota_blocks_and_one_nearly_full_is_told(tmp_path: Path) -> None:
    given = post("image", small_media.jpeg(tmp_path / "a.jpg"))
    full = check(given, BRAND, tmp_path / "ready", now=NOW, quota_left=0)
    assert not full.fit
    assert "Wait" in codes(full)["quota"].mend
    nearly = check(given, BRAND, tmp_path / "ready", now=NOW, quota_left=2)
    assert nearly.fit
    assert codes(nearly)["quota"].level == "hint"


# ---- the whole -----------------------------------------------------------------------------------


def test_a_fit_post_goes_out_as_it_is(tmp_path: Path) -> None:
    given = post("image", small_media.jpeg(tmp_path / "a.jpg"), hashtags=("oak",))
    told = check(given, BRAND, tmp_path / "ready", now=NOW)
    assert told == Checked(given, ())
    assert not (tmp_path / "ready").exists()


def test_a_carousel_gets_its_first_pictures_ratio(tmp_path: Path) -> None:
    from feedsmith.publishing.pictures import facts

    files = [
        small_media.jpeg(tmp_path / "1.jpg", 540, 675),
        small_media.jpeg(tmp_path / "2.jpg", 540, 540),
        small_media.jpeg(tmp_path / "3.jpg", 500, 900),
    ]
    told = check(post("carousel", *files), BRAND, tmp_path / "ready", now=NOW)
    assert told.fit
    assert told.post.parts[0].path == files[0]
    assert [round(facts(part.path).ratio, 2) for part in told.post.parts] == [0.8, 0.8, 0.8]
    assert [finding.about for finding in told.findings] == ["2.jpg", "3.jpg"]
    assert [part.alt_text for part in told.post.parts] == ["An oak in fog."] * 3
    assert all(path.is_file() for path in files)


@pytest.mark.parametrize(
    ("form", "count", "code"),
    [("carousel", 1, "carousel-count"), ("carousel", 11, "carousel-count"), ("image", 0, "no-media"),
     ("story", 2, "one-only"), ("reel", 1, "reel-film")],
)  # fmt: skip
def test_too_few_and_too_many_files_block(
    tmp_path: Path, form: Form, count: int, code: str
) -> None:
    file = small_media.jpeg(tmp_path / "a.jpg")
    told = check(post(form, *[file] * count), BRAND, tmp_path / "ready", now=NOW)
    assert codes(told)[code].level == "blocking"
    assert codes(told)[code].mend


def test_a_story_is_not_padded_and_shows_no_caption(tmp_path: Path) -> None:
    tall = small_media.jpeg(tmp_path / "tall.jpg", 540, 960)
    told = check(post("story", tall, caption=""), BRAND, tmp_path / "ready", now=NOW)
    assert told.findings == ()
    square = small_media.jpeg(tmp_path / "square.jpg", 540, 540)
    found = codes(check(post("story", square), BRAND, tmp_path / "ready", now=NOW))
    assert found.keys() == {"tall", "story-caption"}
    assert {finding.level for finding in found.values()} == {"hint"}


def test_a_missing_file_blocks_and_the_others_are_still_checked(tmp_path: Path) -> None:
    files = (tmp_path / "gone.jpg", small_media.deep_png(tmp_path / "b.png"))
    found = codes(check(post("carousel", *files), BRAND, tmp_path / "ready", now=NOW))
    assert found["missing"].level == "blocking"
    assert found["format"].level == "repaired"


def test_every_finding_is_a_sentence_and_a_blocking_one_says_what_to_do(tmp_path: Path) -> None:
    files = [tmp_path / "gone.jpg", small_media.jpeg(tmp_path / "wide.jpg", 1500, 300)]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    given = post(
        "carousel", *files, broken, caption="#a " * 31 + "@x " * 30 + "x" * 2200,
        hashtags=("foodporn", "tall-tree"), at=datetime(2020, 1, 1), zone="Nowhere",
    )  # fmt: skip
    told = check(given, BRAND, tmp_path / "ready", now=NOW, quota_left=0)
    assert len(told.findings) >= 8
    for finding in told.findings:
        assert finding.said[0].isupper() or finding.said[0] in '"#', finding
        assert finding.said.endswith("."), finding
        assert finding.level != "blocking" or finding.mend.endswith("."), finding
