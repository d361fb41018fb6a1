"""brand.toml: what init writes, what is read, and how mistakes are told."""

import tomllib
from pathlib import Path

import pytest

from feedsmith.brand import (
    Brand,
    Fonts,
    HashtagPolicy,
    Home,
    HostingSettings,
    ImagesSettings,
    InstagramSettings,
    LearningSettings,
    Logo,
    Palette,
    WriterSettings,
    checked,
    read,
)
from feedsmith.errors import FeedsmithError

FULL = Brand(
    name='Oat & "Rye"',
    handle="oatandrye",
    niche="bakery",
    subjects=("bread", "butter"),
    voice="dry",
    voice_examples=("Bread.\nAgain.", "Butter, mostly. 🧈"),
    language="de",
    country="AT",
    time_zone="Europe/Vienna",
    banned_words=("cheap",),
    emoji_max=0,
    default_credit="Photo: Ana Ruiz",
    hashtags=HashtagPolicy(limit=3, always=("oatandrye",), banned=("foodporn",)),
    palette=Palette(paper="#fbf3e4", ink="#2b1a12", accent="#e0a526", accent_2="#9c3b1f"),
    fonts=Fonts(pair="fraunces", heading="fonts/a.otf", text="fonts/b.otf"),
    logo=Logo(light="l.svg", dark="d.png"),
    writer=WriterSettings(
        url="http://localhost:1234/v1", model="qwen/qwen3-8b", timeout=90.5, candidates=2
    ),
    learning=LearningSettings(on=True, explore=0.3, half_life=60),
    images=ImagesSettings(
        use="diffusers", model="models/sd", lora="models/diffusion", url="http://localhost:8080/v1",
        options={"steps": 20, "guidance": 6.5, "device": "cpu", "sliced_attention": True},
    ),
    instagram=InstagramSettings(
        login="facebook", app_id="1234", redirect_uri="https://example.org/back", pkce=False
    ),
    hosting=HostingSettings(
        endpoint="http://minio:9000", bucket="oat-and-rye", region="garage", prefix="ig",
        public="https://media.example", path_style=False, keep_days=1.5,
    ),
)  # fmt: skip


def flat(data: dict[str, object], front: str = "") -> set[str]:
    names = set()
    for key, value in data.items():
        names |= flat(value, f"{front}{key}.") if isinstance(value, dict) else {front + key}
    return names


def test_every_setting_survives_being_written_and_read(tmp_path: Path) -> None:
    Home(tmp_path).create(FULL)
    assert read(tmp_path / "brand.toml") == FULL
    written = tomllib.loads((tmp_path / "brand.toml").read_text("utf-8"))
    assert flat(written) == flat(FULL.model_dump())


def test_a_new_file_names_every_setting_and_explains_it(tmp_path: Path) -> None:
    Home(tmp_path).create(Brand(name="Shop"))
    text = (tmp_path / "brand.toml").read_text("utf-8")
    for name in flat(Brand(name="x").model_dump()):
        at = text.index(f"{name.rpartition('.')[2]} = ")
        before = text[:at].removesuffix("# ").splitlines()
        near = [line for line in before[-3:] if line.startswith(("#", "["))]
        assert near or name == "name", name


def test_defaults_stand_as_comments_until_somebody_decides(tmp_path: Path) -> None:
    Home(tmp_path).create(checked({"name": "Shop", "emoji_max": 2}))
    given = tomllib.loads((tmp_path / "brand.toml").read_text("utf-8"))
    assert given["emoji_max"] == 2
    assert not {"voice", "language", "time_zone"} & set(given)
    assert read(tmp_path / "brand.toml") == Brand(name="Shop")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"country": "de"}, 'country: write "DE" instead of "de"'),
        ({"country": "Germany"}, 'two capital letters such as "DE" or "US", not "Germany"'),
        ({"palette": {"ink": "fff"}}, 'perhaps you meant "#ffffff"'),
        ({"palette": {"ink": "A1B2C3"}}, 'perhaps you meant "#a1b2c3"'),
        (
            {"palette": {"ink": "blue"}},
            'palette.ink: must be a colour such as "#a1b2c3", not "blue"',
        ),
        ({"time_zone": "Berlin"}, '"Berlin" is not an IANA time zone such as Europe/Berlin'),
        ({"subject": ["bread"]}, 'unknown setting "subject"; perhaps you meant "subjects"'),
        ({"fonts": {"heading_font": "a.ttf"}}, 'unknown setting "fonts.heading_font"; perhaps'),
        ({"banned_words": "cheap"}, 'banned_words: must be a list such as ["one", "two"]'),
        ({"emoji_max": 99}, "emoji_max: "),
        ({"writer": {"url": "localhost:11434"}}, "writer.url: must be an address such as http://"),
        ({"writer": {"candidates": 0}}, "writer.candidates: "),
        (
            {"writer": {"modle": "llama3"}},
            'unknown setting "writer.modle"; perhaps you meant "model"',
        ),
        (
            {"writer": {"api_key": "sk-1"}},
            'take "writer.api_key" out, and set FEEDSMITH_WRITER_KEY',
        ),
        (
            {"instagram": {"app_secret": "s"}},
            'take "instagram.app_secret" out, and set FEEDSMITH_INSTAGRAM_APP_SECRET',
        ),
        ({"instagram": {"app_id": "my app"}}, "instagram.app_id: must be the number"),
        ({"instagram": {"redirect_uri": "here"}}, "instagram.redirect_uri: must be an address"),
        (
            {"hosting": {"secret_key": "x"}},
            'take "hosting.secret_key" out, and set FEEDSMITH_S3_ACCESS_KEY',
        ),
        ({"hosting": {"bucket": "photos"}}, "endpoint and bucket belong together"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(
    data: dict[str, object], said: str
) -> None:
    with pytest.raises(FeedsmithError) as caught:
        checked({"name": "Shop", **data}, "brand.toml")
    assert said in caught.value.message
    assert caught.value.message.startswith("brand.toml: ")
    assert caught.value.mend


def test_a_file_of_the_brand_is_found_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "logo").mkdir()
    (tmp_path / "logo" / "a.svg").write_text("<svg/>")
    assert Home(tmp_path).file("logo/a.svg", "logo.dark") == tmp_path / "logo" / "a.svg"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.svg", "is not there"),
        ("logo", "is a folder"),
        ("../other.svg", "outside of the brand's folder"),
        ("/etc/passwd", "outside of the brand's folder"),
        ("link.svg", "outside of the brand's folder"),
    ],
)
def test_a_file_that_is_missing_or_elsewhere_is_named_with_its_setting(
    tmp_path: Path, name: str, said: str
) -> None:
    place = tmp_path / "shop"
    (place / "logo").mkdir(parents=True)
    (tmp_path / "other.svg").write_text("<svg/>")
    (place / "link.svg").symlink_to(tmp_path / "other.svg")
    with pytest.raises(FeedsmithError) as caught:
        Home(place).file(name, "logo.dark")
    assert f'logo.dark = "{name}"' in caught.value.message
    assert said in caught.value.message
    assert caught.value.mend
