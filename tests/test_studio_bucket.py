"""Media lies in a bucket while Instagram fetches it: a real storage server, and an Instagram that really fetches."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import s3_server
from s3_server import KEYS, Storage, storage
from small_publishing import Day, seen
from small_studio import CONFIG, text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    with storage(tmp_path / "s3", "media") as one:
        monkeypatch.setenv("FEEDSMITH_S3_ACCESS_KEY", KEYS.access)
        monkeypatch.setenv("FEEDSMITH_S3_SECRET_KEY", KEYS.secret)
        yield one


@pytest.fixture
def set_in_environment(bucket: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDSMITH_S3_ENDPOINT", bucket.url)
    monkeypatch.setenv("FEEDSMITH_S3_BUCKET", "media")


@pytest.fixture
def set_in_brand(studio: None, bucket: Storage) -> Iterator[None]:
    file = CONFIG.home / "brand.toml"
    before = file.read_text("utf-8")
    section = f'[hosting]\nendpoint = "{bucket.url}"\nbucket = "media"\nkeep_days = 2\n\n'
    own = re.sub(r"^\[hosting\]\n(?:(?!\[).*\n)*", section, before, count=1, flags=re.M)
    assert section in own
    file.write_text(own, "utf-8")
    yield
    file.write_text(before, "utf-8")


def objects(bucket: Storage) -> list[str]:
    return [path.name for path in (bucket.folder / "media").rglob("*") if path.is_file()]


def fetched(day: Day) -> list[str]:
    """Addresses that Instagram was given."""
    told = [
        container.params.get("image_url", "") for container in day.fake.world.containers.values()
    ]
    return [url for url in told if url]


def held_up(day: Day, draft) -> str:  # type: ignore[no-untyped-def]
    """What the post's page says after it was tried."""
    day.run(0.25)
    assert day.out == []
    assert seen(draft).state == "publishing"
    return text_of(visitor("olga").get(f"/b/oak-co/posts/{draft.pk}"))


# ---- it goes out -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("set_in_environment")
@pytest.mark.parametrize("folder", ["01-photo-aaaaaa", "02-carousel-aaaaaa"])
def test_instagram_fetches_from_the_bucket_and_it_is_empty_afterwards(
    day: Day,
    bucket: Storage,
    folder: str,
) -> None:
    draft = day.scheduled(folder)
    day.run()
    assert len(day.out) == 1
    assert seen(draft).state == "published"
    urls = fetched(day)
    assert urls
    assert all(url.startswith(f"{bucket.url}/media/feedsmith/") for url in urls)
    assert all("X-Amz-Signature=" in url for url in urls)
    assert objects(bucket) == []


@pytest.mark.usefixtures("set_in_brand")
def test_media_stays_as_long_as_the_brand_says(day: Day, bucket: Storage) -> None:
    from feedsmith.studio.models import Brand, Publication
    from feedsmith.studio.worker import publishing

    draft = day.scheduled()
    day.run()
    assert seen(draft).state == "published", Publication.objects.get().told.said
    assert all(url.startswith(bucket.url) for url in fetched(day))
    assert len(objects(bucket)) == 1
    brand = Brand.objects.get(slug="oak-co")
    publishing.sweep(brand, day.now + timedelta(days=1))
    assert len(objects(bucket)) == 1
    publishing.sweep(brand, day.now + timedelta(days=2, minutes=1))
    assert objects(bucket) == []
    assert Publication.objects.get().hosted == []


@pytest.mark.usefixtures("set_in_environment")
def test_a_storage_in_ones_own_network_is_used_where_whoever_starts_the_studio_names_it(
    bucket: Storage, tmp_path: Path
) -> None:
    """As in compose.yaml, whose store is known by an inner name; what a brand's file names must be on the internet."""
    from feedsmith.errors import FeedsmithError
    from feedsmith.publishing.tokens import Account
    from feedsmith.studio import links
    from feedsmith.studio.models import Brand

    account = Account(id="1", username="oak.co", login="instagram")
    file = tmp_path / "01.jpg"
    file.write_bytes(b"picture")
    brand = Brand.objects.get(slug="oak-co")
    links.host_of(brand, account).put(file, "p/01.jpg")
    assert objects(bucket) == ["01.jpg"]
    path = CONFIG.home / "brand.toml"
    before = path.read_text("utf-8")
    section = f'[hosting]\nendpoint = "{bucket.url}"\nbucket = "media"\n\n'
    path.write_text(re.sub(r"^\[hosting\]\n(?:(?!\[).*\n)*", section, before, count=1, flags=re.M))
    try:
        with pytest.raises(FeedsmithError, match="an address of a private network"):
            links.host_of(Brand.objects.get(slug="oak-co"), account).put(file, "p/02.jpg")
        # Beside a fake Instagram a brand's file may name this machine, but no other around it.
        fake = account.model_copy(update={"server": bucket.url})
        links.host_of(Brand.objects.get(slug="oak-co"), fake).put(file, "p/03.jpg")
        path.write_text(path.read_text("utf-8").replace(bucket.url, "http://10.1.2.3:7070"))
        with pytest.raises(FeedsmithError, match="an address of a private network"):
            links.host_of(Brand.objects.get(slug="oak-co"), fake).put(file, "p/04.jpg")
    finally:
        path.write_text(before, "utf-8")


# ---- it does not, and says why ---------------------------------------------------------------------


@pytest.mark.usefixtures("set_in_environment")
def test_a_wrong_secret_is_one_line_and_the_right_one_sends_the_post(
    day: Day,
    bucket: Storage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FEEDSMITH_S3_SECRET_KEY", "another")
    draft = day.scheduled()
    said = held_up(day, draft)
    assert "refuses the key in FEEDSMITH_S3_SECRET_KEY" in said
    assert "another" not in said
    monkeypatch.setenv("FEEDSMITH_S3_SECRET_KEY", KEYS.secret)
    day.run()
    assert len(day.out) == 1
    assert objects(bucket) == []


@pytest.mark.usefixtures("set_in_environment")
def test_a_bucket_that_is_missing_is_one_line(
    day: Day,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FEEDSMITH_S3_BUCKET", "nowhere")
    draft = day.scheduled()
    assert 'has no bucket "nowhere"' in held_up(day, draft).replace("&quot;", '"')
    monkeypatch.setenv("FEEDSMITH_S3_BUCKET", "media")
    day.run()
    assert len(day.out) == 1


def test_a_full_storage_is_one_line_and_nothing_is_lost(
    day: Day,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FEEDSMITH_S3_ACCESS_KEY", KEYS.access)
    monkeypatch.setenv("FEEDSMITH_S3_SECRET_KEY", KEYS.secret)
    monkeypatch.setenv("FEEDSMITH_S3_BUCKET", "media")
    draft = day.scheduled()
    with storage(tmp_path / "s3", "media", file_bytes_max=3000) as full:
        monkeypatch.setenv("FEEDSMITH_S3_ENDPOINT", full.url)
        assert "look whether it is full" in held_up(day, draft).lower()
    port = int(full.url.rpartition(":")[2])
    assert "cannot be reached" in held_up(day, draft)  # it is off now
    with storage(tmp_path / "s3", "media", port=port) as roomy:
        day.run()
        assert len(day.out) == 1
        assert objects(roomy) == []
    assert seen(draft).state == "published"


@pytest.mark.usefixtures("set_in_environment")
def test_what_cannot_be_taken_away_now_is_taken_away_later(
    day: Day,
    bucket: Storage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from feedsmith.studio.models import Brand, Publication
    from feedsmith.studio.worker import publishing

    draft = day.scheduled()
    with monkeypatch.context() as patch:
        usual = s3_server.KEYS.secret
        publish = day.fake.world.keep

        def lost(*what: object) -> None:  # the key is changed while it is being published
            publish(*what)
            if day.out:
                patch.setenv("FEEDSMITH_S3_SECRET_KEY", "another")

        patch.setattr(day.fake.world, "keep", lost)
        day.run()
    assert seen(draft).state == "published"
    assert len(objects(bucket)) == 1
    assert Publication.objects.get().hosted
    monkeypatch.setenv("FEEDSMITH_S3_SECRET_KEY", usual)
    publishing.sweep(Brand.objects.get(slug="oak-co"), day.now)
    assert objects(bucket) == []


def test_settings_that_cannot_be_right_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from feedsmith.brand import HostingSettings
    from feedsmith.errors import FeedsmithError
    from feedsmith.publishing.hosting import settings_of

    monkeypatch.setenv("FEEDSMITH_S3_BUCKET", "media")
    with pytest.raises(FeedsmithError, match="belong together"):
        settings_of(HostingSettings())
    monkeypatch.setenv("FEEDSMITH_S3_ENDPOINT", "https://s3.example")
    monkeypatch.setenv("FEEDSMITH_S3_KEEP_DAYS", "soon")
    with pytest.raises(FeedsmithError, match="FEEDSMITH_S3_KEEP_DAYS"):
        settings_of(HostingSettings())
    monkeypatch.setenv("FEEDSMITH_S3_KEEP_DAYS", "1.5")
    assert settings_of(HostingSettings()).keep_days == 1.5
    own = HostingSettings(endpoint="https://own.example", bucket="own-bucket")
    assert settings_of(own) == own
