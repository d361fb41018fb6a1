"""Pictures from a server: asked over real sockets, fitted, compared and stamped like all others."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chat_server import Answer, Asked, ChatServer, refuses, serving
from feedsmith import generate as stage
from feedsmith import provenance
from feedsmith.brand import Brand, Home, ImagesSettings
from feedsmith.colour import Bytes
from feedsmith.doctor import examine
from feedsmith.endpoint import OPENAI_KEY, TRIES, NoAnswer
from feedsmith.errors import FeedsmithError
from feedsmith.generate import Settings
from feedsmith.images.api import NoPicture, PictureBrief
from feedsmith.images.endpoint import IMAGES, Endpoint, Pictures
from feedsmith.library import Library
from feedsmith.rules import FORMATS
from feedsmith.understanding import traits as understanding
from pictures import landscape
from small_brand import brand

SECRET = "sk-do-not-tell-4711"
PORTRAIT = FORMATS["portrait"]


@pytest.fixture(autouse=True)
def no_server_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (IMAGES.url, IMAGES.model, IMAGES.key, IMAGES.key_file, OPENAI_KEY):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return brand(tmp_path_factory.mktemp("brand"))


def png(rgb: Bytes | None = None, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(landscape(128, 96) if rgb is None else rgb).save(out, kind)
    return out.getvalue()


def draws(data: bytes | None = None, **more: Any) -> Answer:
    coded = base64.b64encode(png() if data is None else data).decode()
    return Answer({"created": 1, "data": [{"b64_json": coded}]}, **more)


def points_at(url: str) -> Answer:
    return Answer({"data": [{"url": url}]})


def server(there: ChatServer, model: str = "sd", **options: Any) -> Pictures:
    settings = ImagesSettings(use="endpoint", url=there.url, model=model, options=options)
    return Pictures(settings, pause=0.01)


def endpoint(there: ChatServer) -> Endpoint:
    return Endpoint(ImagesSettings(use="endpoint", url=there.url, model="sd"), pause=0.01)


def refusal(*answers: Answer | Callable[[Asked], Answer], **options: Any) -> NoAnswer:
    """What is said of a server that answers so."""
    with serving(*answers) as there, pytest.raises(NoAnswer) as raised:
        server(there, **options).draw("a lake", PORTRAIT)
    assert SECRET not in str(raised.value)
    return raised.value


# ---- asking ----------------------------------------------------------------------------------------


def test_it_asks_as_the_protocol_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IMAGES.key, SECRET)
    with serving(draws()) as there:
        rgb = server(there, "dall-e-3", quality="hd").draw("a lake", PORTRAIT)
    assert rgb.shape == (128, 96, 3)
    (asked,) = there.asked
    assert asked.path == "/v1/images/generations"
    assert asked.headers["Authorization"] == f"Bearer {SECRET}"
    assert asked.payload == {
        "model": "dall-e-3", "prompt": "a lake", "n": 1, "size": "1024x1024",
        "response_format": "b64_json", "quality": "hd",
    }  # fmt: skip
    with serving(draws()) as there:
        server(there, "gpt-image-1").draw("a lake", PORTRAIT)
    assert there.asked[0].payload == {
        "model": "gpt-image-1", "prompt": "a lake", "n": 1, "size": "1024x1536",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "format_name", "size"),
    [
        ("gpt-image-1", "square", "1024x1024"),
        ("dall-e-3", "landscape", "1792x1024"),
        ("dall-e-2", "portrait", "1024x1024"),
        ("sdxl", "portrait", "896x1152"),
        ("sdxl", "story", "768x1344"),
    ],
)
def test_the_size_is_the_one_of_the_model_that_is_nearest_to_the_post(
    model: str, format_name: str, size: str
) -> None:
    with serving(draws()) as there:
        server(there, model).draw("a lake", FORMATS[format_name])
    assert there.asked[0].payload["size"] == size


def test_a_size_that_is_refused_is_exchanged_for_one_that_the_server_names() -> None:
    no = refuses(400, "Invalid size '896x1152'. Supported: 512x512, 512x768, and 768 x 512.")
    with serving(no, draws()) as there:
        asking = server(there)
        asking.draw("a lake", PORTRAIT)
        asking.draw("a lake", FORMATS["square"])
    assert [a.payload["size"] for a in there.asked] == ["896x1152", "512x768", "512x512"]


def test_where_no_size_is_named_squares_are_tried_and_then_none_is_asked_for() -> None:
    def picky(asked: Asked) -> Answer:
        return refuses(400, "bad size") if "size" in asked.payload else draws()

    with serving(picky) as there:
        server(there).draw("a lake", PORTRAIT)
    sizes = [a.payload.get("size") for a in there.asked]
    assert sizes == ["896x1152", "1024x1024", "512x512", None]


def test_a_field_that_a_server_does_not_take_is_left_out_from_then_on() -> None:
    no = refuses(400, "Unknown parameter: 'response_format'.")
    with serving(no, draws()) as there:
        asking = server(there)
        for _ in range(2):
            asking.draw("a lake", PORTRAIT)
    assert ["response_format" in a.payload for a in there.asked] == [True, False, False]


def test_a_busy_server_is_asked_again() -> None:
    with serving(refuses(429, Retry_After="0"), refuses(503), draws()) as there:
        server(there).draw("a lake", PORTRAIT)
    assert len(there.asked) == TRIES == 3


# ---- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_kind_of_picture_is_read_in_base64(kind: str) -> None:
    with serving(draws(png(kind=kind))) as there:
        assert server(there).draw("a lake", PORTRAIT).shape == (128, 96, 3)
    plain = base64.b64encode(png()).decode()
    for told in (
        {"b64_json": f"data:image/png;base64,{plain}"},
        {"url": f"data:image/png;base64,{plain}"},
    ):
        with serving(Answer({"data": [told]})) as there:
            assert server(there).draw("a lake", PORTRAIT).shape == (128, 96, 3)


def test_a_picture_at_the_servers_own_address_is_fetched_with_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(IMAGES.key, SECRET)

    def answers(asked: Asked) -> Answer:
        if asked.path.endswith("generations"):
            return points_at(there.url.removesuffix("/v1") + "/out/1.png")
        if len(there.asked) == 2:
            return refuses(503)
        return Answer(png(), headers={"Content-Type": "image/png"})

    with serving(answers) as there:
        assert server(there).draw("a lake", PORTRAIT).shape == (128, 96, 3)
    # A file that is not there yet is asked for again; the picture, which costs money, is not.
    assert [a.path for a in there.asked] == ["/v1/images/generations", "/out/1.png", "/out/1.png"]
    assert there.asked[2].headers["Authorization"] == f"Bearer {SECRET}"


def test_a_server_cannot_have_somebody_elses_machine_read() -> None:
    with serving(Answer(png())) as other:
        for url in (
            f"http://127.0.0.1:{other.port}/secret.png",
            f"http://localhost:{other.port}/secret.png",
            f"http://[::ffff:127.0.0.1]:{other.port}/secret.png",
            "http://169.254.169.254/latest/meta-data",
        ):
            error = refusal(points_at(url))
            assert "your own network" in error.message
            assert "near = true" in error.mend
        for url in (
            "file:///etc/passwd",
            "ftp://example.org/a.png",
            "http://u:p@example.org/a.png",
        ):
            assert "no address of the web" in refusal(points_at(url)).message
        assert not other.asked
        with serving(points_at(f"http://127.0.0.1:{other.port}/mine.png")) as there:
            assert server(there, near=True).draw("a lake", PORTRAIT).shape == (128, 96, 3)
    assert "Authorization" not in other.asked[0].headers


def test_a_redirect_does_not_lead_into_ones_own_network_either() -> None:
    with serving(Answer(png())) as other:

        def answers(asked: Asked) -> Answer:
            if asked.path.endswith("generations"):
                return points_at(there.url + "/here")
            return Answer("", 302, {"Location": f"http://127.0.0.1:{other.port}/secret.png"})

        with serving(answers) as there, pytest.raises(NoAnswer, match="your own network"):
            server(there).draw("a lake", PORTRAIT)
        assert not other.asked


def test_a_name_that_leads_into_ones_own_network_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What decides is whom we are connected with, not what he is called."""
    import socket

    known = socket.getaddrinfo
    with serving(Answer(png())) as other:
        monkeypatch.setattr(
            socket, "getaddrinfo",
            lambda host, *more, **named: known(
                "127.0.0.1" if host == "pictures.example" else host, *more, **named
            ),
        )  # fmt: skip
        error = refusal(points_at(f"http://pictures.example:{other.port}/a.png"))
        assert "your own network" in error.message
        assert not other.asked


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer({"data": []}), "holds no picture"),
        (Answer({}), "holds no picture"),
        (Answer([1]), "holds no picture"),
        (Answer({"data": [{"b64_json": ""}]}), "holds no picture"),
        (Answer({"data": [{"b64_json": "A"}]}), "is no base64"),
        (draws(b"GIF89a and so on"), "cannot be opened"),
        (draws(png()[:200]), "cannot be opened"),
        (Answer({"error": {"message": "no GPU"}}), "no GPU"),
        (Answer("<html>", headers={"Content-Type": "text/html"}), "not with JSON"),
        (Answer("x" * (IMAGES.most + 10)), "was cut off"),
        (refuses(400, "Your request was rejected by our safety system."), "will not draw this"),
        (refuses(401, "bad key"), "wants a key"),
        (refuses(404, "no such model"), "images/generations"),
        (refuses(429, "quota", code="insufficient_quota"), "quota is used up"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_one_clear_line(answer: Answer, said: str) -> None:
    error = refusal(answer)
    assert said in error.message
    assert error.mend
    assert error.message.isprintable()


def test_a_key_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IMAGES.key, SECRET)
    assert f"refuses the key in {IMAGES.key}" in refusal(refuses(401, f"bad {SECRET}")).message


def test_the_key_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    monkeypatch.setenv(IMAGES.key_file, str(tmp_path / "key"))
    with serving(draws()) as there:
        server(there).draw("a lake", PORTRAIT)
    assert there.asked[0].headers["Authorization"] == f"Bearer {SECRET}"


# ---- posts -----------------------------------------------------------------------------------------


def asked_for(there: ChatServer) -> str:
    return f"sd@{there.url}"


def test_posts_are_drawn_after_words_for_the_brands_photos(home: Home, tmp_path: Path) -> None:
    with serving(draws(png(landscape(1152, 896, seed=5)))) as there:
        settings = Settings(
            count=1, kind="photo", theme="mountains", seed=1, images=asked_for(there)
        )
        result = stage.generate(home, settings, out=tmp_path)
        again = stage.generate(home, settings, out=tmp_path)
    (post,) = result.posts
    assert again.made == 0
    prompt = there.asked[0].payload["prompt"]
    assert "mountains" in prompt
    assert "Without: text, watermark" in prompt
    library = Library(home.library)
    assert set(post.sources) <= {photo.id for photo in library.photos()}
    keywords = {t.id: t.keywords for t in understanding.read(library)}
    assert any(word in prompt for i in post.sources for word in keywords[i])
    # Said of it everywhere.
    assert post.media[0].method == "diffusion"
    assert post.source_type == "trainedAlgorithmicMedia"
    assert post.originality.label == "new"
    assert post.models["images"].startswith("endpoint sd at 127.0.0.1")
    assert str(there.port) not in json.dumps(post.model_dump(mode="json"))
    stamp = provenance.read(tmp_path / post.id / post.media[0].file)
    assert stamp is not None
    assert stamp.source_type == "trainedAlgorithmicMedia"
    assert stamp.model == post.models["images"]
    with Image.open(tmp_path / post.id / post.media[0].file) as image:
        assert image.size == (1080, 1350)
    assert "Drawn by an AI image model" in result.page.read_text("utf-8")


def test_what_is_nearly_one_of_the_brands_photos_is_drawn_again(home: Home) -> None:
    library = Library(home.library)
    traits = understanding.ensure(library)
    photo = library.photos()[0]
    copy = draws(png(library.rgb(photo, 800)))
    with serving(copy, copy, draws(png(landscape(800, 640, seed=3)))) as there:
        picture = endpoint(there).make(PictureBrief(PORTRAIT, seed=1), library, traits)
    assert len(there.asked) == 3
    assert picture.originality.tries == 3
    assert picture.originality.label == "new"
    with serving(copy) as there:
        model = endpoint(there)
        with pytest.raises(NoPicture, match="nearly one of your photos") as raised:
            model.make(PictureBrief(PORTRAIT, seed=1), library, traits)
    assert photo.id in raised.value.message
    assert not raised.value.lasting


def test_a_blank_picture_is_not_posted(home: Home) -> None:
    library = Library(home.library)
    traits = understanding.ensure(library)
    black = draws(png(np.zeros((64, 64, 3), np.uint8)))
    with serving(black) as there:
        model = endpoint(there)
        with pytest.raises(NoPicture, match="came out blank"):
            model.make(PictureBrief(PORTRAIT, seed=1), library, traits)


def test_a_server_that_is_gone_ends_the_run_with_one_line_and_no_half_post(
    home: Home, tmp_path: Path
) -> None:
    with serving(refuses(401, "who are you")) as there:
        settings = Settings(count=3, kind="photo", seed=1, images=asked_for(there))
        with pytest.raises(FeedsmithError, match="wants a key") as raised:
            stage.generate(home, settings, out=tmp_path)
        assert len(there.asked) == 1
    assert IMAGES.key in raised.value.mend
    assert not list(tmp_path.glob("*/post.json"))


def test_photos_that_must_be_shown_are_never_drawn(home: Home, tmp_path: Path) -> None:
    photo = Library(home.library).photos()[0]
    with serving(draws()) as there:
        settings = Settings(count=1, kind="photo", photo=photo.id, seed=1, images=asked_for(there))
        (post,) = stage.generate(home, settings, out=tmp_path).posts
        assert not there.asked
    assert post.sources == (photo.id,)
    assert post.source_type != "trainedAlgorithmicMedia"


def test_a_reel_that_holds_a_drawn_picture_says_so(home: Home, tmp_path: Path) -> None:
    with serving(draws(png(landscape(1344, 768, seed=5)))) as there:
        settings = Settings(count=1, kind="reel", seed=1, images=asked_for(there))
        (post,) = stage.generate(home, settings, out=tmp_path).posts
    (film,) = post.media
    assert "diffusion" in film.parts
    assert post.source_type == "compositeSynthetic"
    for file in (film.file, film.cover):
        stamp = provenance.read(tmp_path / post.id / file)
        assert stamp is not None
        assert stamp.source_type == "compositeSynthetic"
        assert stamp.label.startswith("Made with AI")


# ---- doctor ----------------------------------------------------------------------------------------


def finding(brand: Brand) -> tuple[str, str]:
    (found,) = (f for f in examine(brand) if f.topic == "images")
    return found.level, found.text


def test_doctor_says_what_makes_the_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    assert finding(Brand(name="x")) == ("ok", "remix: from your own photos, on this machine")
    monkeypatch.setenv(IMAGES.key, SECRET)
    with serving(draws()) as there:
        at = {"use": "endpoint", "url": there.url}
        level, text = finding(Brand(name="x", images=ImagesSettings(**at, model="test")))
        assert level == "ok"
        assert text == f"test at 127.0.0.1 answers, with the key in {IMAGES.key}"
        level, text = finding(Brand(name="x", images=ImagesSettings(**at, model="other")))
        assert level == "note"
        assert "has only: big:7b, test" in text
    level, text = finding(Brand(name="x", images=ImagesSettings(**at, model="test")))
    assert level == "note"
    assert "nothing answers" in text
    level, text = finding(Brand(name="x", images=ImagesSettings(use="dreams")))
    assert level == "note"
    assert 'no image model "dreams"' in text
