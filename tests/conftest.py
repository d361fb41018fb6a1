"""Small real things that several tests need."""

import hashlib
import io
import json
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import small_brand
import small_studio
from feedsmith.brand import Home
from feedsmith.generate import Settings, generate
from feedsmith.library import Library
from feedsmith.post import Brief, Offer

# A shell that runs the tests in the background lets them ignore Ctrl-C, and so what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Before several run at once (`-n`): each keeps to one core, and so does what it starts. Threads of
    linear algebra that wait by spinning would take the cores from the others."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


FORMATS = Path(__file__).parent / "fixtures" / "formats"


@pytest.fixture(scope="session")
def pictures() -> dict[str, bytes]:
    """The 16 photos of the format samples by name, as JPEG, 320 pixels on the shorter side."""
    return {path.stem: path.read_bytes() for path in sorted((FORMATS / "photos").iterdir())}


@pytest.fixture(scope="session")
def truth() -> list[dict[str, Any]]:
    """The 16 posts that every layout of the samples tells of."""
    posts: list[dict[str, Any]] = json.loads((FORMATS / "expected.json").read_text("utf-8"))
    return posts


@pytest.fixture
def layout(tmp_path: Path, pictures: dict[str, bytes]) -> Callable[[str], Path]:
    """Builds one layout of the same 16 posts in a folder, and names the folder."""

    def build(name: str) -> Path:
        root = tmp_path / name
        places = json.loads((FORMATS / "places.json").read_text("utf-8"))[name]
        for path in sorted((FORMATS / name).rglob("*")):
            if path.is_file():
                target = root / path.relative_to(FORMATS / name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
        for place, picture in places.items():
            target = root / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(
                b"\0\0\0\x18ftypmp42" if picture == "video" else as_file(pictures[picture], place)
            )
        return root

    return build


def as_file(jpeg: bytes, place: str) -> bytes:
    """The photo in the format its name says; .heic names hold JPEG bytes, as in real exports."""
    if not place.endswith(".webp"):
        return jpeg
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.save(out, "WEBP", quality=60)
    return out.getvalue()


def photo_id(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def zipped(folder: Path, target: Path, only: Callable[[str], bool] = lambda name: True) -> Path:
    """The folder's files as a zip."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and only(name):
                archive.write(path, name)
    return target


@pytest.fixture(scope="session")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The small brand with a photo post (a fruit, cut out of its photo), a quote and a promo, really made."""
    place = small_brand.brand(tmp_path_factory.mktemp("trees"))
    photos = Library(place.library).photos()
    fruit = next(photo.id for photo in photos if "191-anona" in photo.name)
    walk = Offer(text="Guided oak walk, 3 May, 12 EUR")
    briefs = (
        Brief(kind="photo", photo=fruit), Brief(kind="quote"), Brief(kind="promo", offer=walk),
    )  # fmt: skip
    assert not generate(place, Settings(briefs=briefs, seed=3), page=False).failed
    return place


@pytest.fixture
def studio() -> Iterator[None]:
    """The small studio, as after its first start (small_studio.opened says who is in it)."""
    small_studio.opened()
    yield
    small_studio.connections_closed()


@pytest.fixture(scope="session", autouse=True)
def _no_studio_left() -> Iterator[None]:
    yield
    small_studio.closed()


@pytest.fixture
def fake() -> Iterator[Any]:
    """A fake Instagram, its time standing."""
    from small_instagram import fake_instagram

    with fake_instagram() as running:
        yield running


@pytest.fixture
def day(studio: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A day at the small studio, which publishes to a fake Instagram on a clock that stands."""
    from small_publishing import a_day

    with a_day(monkeypatch) as one:
        yield one


@pytest.fixture
def host() -> Iterator[Any]:
    """A host of media on this machine."""
    from small_instagram import media_host

    with media_host() as serving:
        yield serving


@pytest.fixture(scope="session")
def small_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 3.5 seconds that Instagram takes."""
    from small_instagram import film

    return film(tmp_path_factory.mktemp("film") / "film.mp4")
