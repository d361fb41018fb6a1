"""Which image model is meant: command line, environment and brand.toml; ours and a stranger's."""

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from feedsmith.brand import ImagesSettings, checked
from feedsmith.errors import FeedsmithError
from feedsmith.images import api, installed
from feedsmith.images.endpoint import IMAGES
from feedsmith.images.installed import chosen, load, name_of
from feedsmith.images.remix import Remix
from feedsmith.post import Value

PLAIN = ImagesSettings()
DIFFUSERS = ImagesSettings(use="diffusers", model="a/b", lora="c", options={"steps": 4})
SERVER = ImagesSettings(use="endpoint", model="sd", url="http://localhost:8080/v1")


@pytest.fixture(autouse=True)
def no_server_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (IMAGES.url, IMAGES.model):
        monkeypatch.delenv(name, raising=False)


def test_remix_makes_the_pictures_until_somebody_says_otherwise() -> None:
    assert chosen("", "", "", PLAIN) == PLAIN
    assert chosen("remix", "", "", DIFFUSERS).use == "remix"
    assert isinstance(load(PLAIN), Remix)
    assert name_of(load(PLAIN)) == "remix 1"


def test_the_command_line_goes_before_brand_toml() -> None:
    assert chosen("", "", "", DIFFUSERS) == DIFFUSERS
    assert chosen("", "x", "", DIFFUSERS).model == "x"
    assert chosen("diffusers", "", "y", DIFFUSERS).lora == "y"


def test_what_brand_toml_says_of_one_model_is_not_taken_for_another() -> None:
    other = chosen("dreams", "", "", DIFFUSERS)
    assert other == ImagesSettings(use="dreams")


def test_a_server_is_named_as_a_writer_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen("gpt-image-1@https://api.openai.com/v1", "", "", PLAIN)
    assert (found.use, found.model, found.url) == (
        "endpoint", "gpt-image-1", "https://api.openai.com/v1",
    )  # fmt: skip
    assert chosen("", "", "", SERVER) == SERVER
    assert chosen("endpoint", "flux", "", SERVER).model == "flux"
    monkeypatch.setenv(IMAGES.url, "http://localhost:9/v1")
    assert chosen("", "", "", SERVER).url == "http://localhost:9/v1"


@pytest.mark.parametrize(
    ("asked", "model", "lora", "said"),
    [
        ("endpoint", "", "", "no server is named"),
        ("https://host/v1", "", "", "no model is named"),
        ("endpoint", "sd", "", "has no address"),
        ("sd@https://host/v1", "", "lora", "takes no --lora"),
        ("", "x", "", "takes no --model"),
        ("remix", "", "x", "takes no --lora"),
    ],
)
def test_what_does_not_go_together_is_said(asked: str, model: str, lora: str, said: str) -> None:
    with pytest.raises(FeedsmithError, match=said) as raised:
        chosen(asked, model, lora, PLAIN)
    assert raised.value.mend


def test_a_path_in_brand_toml_is_seen_from_the_brands_folder(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    settings = ImagesSettings(use="diffusers", model="models", lora="elsewhere")
    found = chosen("", "", "", settings, tmp_path)
    assert (found.model, found.lora) == (str(tmp_path / "models"), "elsewhere")


def test_mistakes_in_brand_toml_are_told() -> None:
    for images, said in (
        ({"url": "localhost"}, "images.url: must be an address"),
        ({"url": "http://localhost/v1"}, 'write use = "endpoint" beside it'),
        ({"model": "x"}, 'write use = "diffusers" beside it'),
        ({"api_key": "x"}, "set FEEDSMITH_IMAGES_KEY instead"),
        ({"modle": "x"}, 'perhaps you meant "model"'),
    ):
        with pytest.raises(FeedsmithError, match=said):
            checked({"name": "x", "images": images})


class Strange(Value):
    depth: int = 3


class Dreams:
    """A stranger's model that wants settings; it says neither name nor version."""

    def __init__(self, *, settings: ImagesSettings) -> None:
        self.options = api.options(Strange, settings)

    def make(self, *_: Any) -> api.Picture:
        raise NotImplementedError


def test_a_strangers_model_gets_settings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [
            EntryPoint("dreams", f"{__name__}:Dreams", api.GROUP),
            EntryPoint("gone", "no_such_module:Gone", api.GROUP),
        ]
    )
    monkeypatch.setattr(installed, "entry_points", lambda group: points.select(group=group))
    model = load(ImagesSettings(use="dreams", options={"depth": 7}))
    assert isinstance(model, Dreams)
    assert model.options.depth == 7
    assert name_of(model) == "Dreams"
    with pytest.raises(
        FeedsmithError, match=r"\[images.options\] deep: dreams has no such"
    ) as raised:
        load(ImagesSettings(use="dreams", options={"deep": 7}))
    assert "depth" in raised.value.mend
    with pytest.raises(FeedsmithError, match="cannot be loaded"):
        load(ImagesSettings(use="gone"))
    with pytest.raises(FeedsmithError, match='no image model "dreems"') as raised:
        load(ImagesSettings(use="dreems"))
    assert "dreams" in raised.value.mend
