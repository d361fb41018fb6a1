"""Media is where Instagram can fetch it, for as long as it must be and for nobody else."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import s3_server
from feedsmith.brand import HostingSettings
from feedsmith.errors import FeedsmithError
from feedsmith.publishing import hosting
from feedsmith.publishing.hosting import Bucket, Hosted, Links, NotServed, checked, link, served
from feedsmith.publishing.sigv4 import Keys

KEY = bytes(range(32))
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=26)


def parts(url: str) -> tuple[str, str, str]:
    """What a studio's route gets of a link: end, signature, name."""
    path = unquote(urlsplit(url).path).removeprefix(f"/{hosting.ROUTE}/")
    ends, mac, name = path.split("/", 2)
    return ends, mac, name


# ---- the studio's own links ----------------------------------------------------------------------


def test_a_link_opens_the_file_it_was_made_for_until_it_ends() -> None:
    url = link("https://studio.example/", KEY, "post-7/01.jpg", LATER)
    assert url.startswith("https://studio.example/hosted/")
    assert url.endswith("/post-7/01.jpg")
    assert url.isascii()
    assert checked(KEY, *parts(url), NOON) == "post-7/01.jpg"
    with pytest.raises(NotServed, match="has ended"):
        checked(KEY, *parts(url), LATER)


def test_a_link_opens_nothing_else() -> None:
    ends, mac, name = parts(link("https://s.example", KEY, "post-7/01.jpg", LATER))
    for changed in (
        (ends, mac, "post-7/02.jpg"),
        (ends, mac, "post-7/../post-8/01.jpg"),
        (str(int(ends) + 1), mac, name),
        (ends, mac[:-1], name),
        (ends, mac.swapcase(), name),
        (ends, "", name),
        (ends, "é", name),
        ("0" + ends, mac, "x"),
        ("-1", mac, name),
        ("²", mac, name),
        ("9" * 40, mac, name),
    ):
        with pytest.raises(NotServed):
            checked(KEY, *changed, NOON)
    with pytest.raises(NotServed):
        checked(bytes(32), ends, mac, name, NOON)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    """Whatever is signed or asked for names a file below the folder, part by part."""
    try:
        url = link("https://s.example", KEY, name, LATER)
    except FeedsmithError:
        return
    assert all(part not in ("", ".", "..") for part in name.split("/"))
    assert not set(name) & set("\\:\0%?#")
    assert checked(KEY, *parts(url), NOON) == name


def test_names_that_could_mean_another_place_are_never_signed() -> None:
    for name in ("../a.jpg", "a/../../b", "/etc/passwd", "a//b", "", ".hidden", "a/.", "C:\\x",
                 "a\0b", "a%2fb", "a" * 600, "é.jpg", "a\n"):  # fmt: skip
        with pytest.raises(FeedsmithError):
            link("https://s.example", KEY, name, LATER)


def test_only_plain_files_of_the_folder_are_served(tmp_path: Path) -> None:
    root = tmp_path / "hosted"
    (root / "post").mkdir(parents=True)
    (root / "post" / "01.jpg").write_bytes(b"picture")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "post" / "out.jpg").symlink_to(tmp_path / "secret.txt")
    (root / "way").symlink_to(tmp_path)
    assert served(root, "post/01.jpg").read_bytes() == b"picture"
    for name in ("post/02.jpg", "post", "post/out.jpg", "way/secret.txt", "../secret.txt"):
        with pytest.raises(NotServed):
            served(root, name)


def test_the_studio_hosts_a_copy_and_takes_it_away(tmp_path: Path) -> None:
    file = tmp_path / "01.jpg"
    file.write_bytes(b"picture")
    here = Links("https://studio.example", KEY, tmp_path / "hosted")
    name = hosting.named("post 7", file)
    url = here.put(file, name)
    assert here.put(file, name, 60) != ""
    shown = checked(KEY, *parts(url), datetime.now(UTC))
    assert served(here.root, shown).read_bytes() == b"picture"
    here.remove(name)
    here.remove(name)
    assert not list(here.root.iterdir())
    assert file.is_file()


def test_a_weak_key_or_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match="has 5 bytes"):
        Links("https://studio.example", b"short", tmp_path)
    with pytest.raises(FeedsmithError, match="not a public address"):
        Links("studio.example", KEY, tmp_path)


def test_a_changed_file_gets_another_name(tmp_path: Path) -> None:
    file = tmp_path / "Größe 1.JPG"
    file.write_bytes(b"one")
    first = hosting.named("lichen-004", file)
    file.write_bytes(b"two")
    assert first != hosting.named("lichen-004", file)
    assert first.startswith("lichen-004/Gr--e-1-")
    assert first.endswith(".jpg")


# ---- when it goes --------------------------------------------------------------------------------


def test_media_goes_at_once_after_publishing_or_some_days_later() -> None:
    out = Hosted(name="p/1.jpg", ends=LATER, published=NOON)
    assert hosting.over(out, 0, NOON)
    assert not hosting.over(out, 3, NOON + timedelta(days=2.9))
    assert hosting.over(out, 3, NOON + timedelta(days=3))


def test_what_was_never_published_stays_until_nobody_can_need_it() -> None:
    waiting = Hosted(name="p/1.jpg", ends=LATER)
    assert not hosting.over(waiting, 0, LATER + timedelta(days=1))
    assert hosting.over(waiting, 0, LATER + timedelta(days=2))


# ---- a bucket ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_server.Storage]:
    with s3_server.storage(tmp_path_factory.mktemp("s3"), "oak-media") as running:
        yield running


def bucket(
    storage: s3_server.Storage, keys: Keys = s3_server.KEYS, name: str = "oak-media"
) -> Bucket:
    settings = HostingSettings(endpoint=storage.url, bucket=name)
    made = Bucket(settings, keys, allowed="127.0.0.1")
    made._pause = 0.01
    return made


def fetched(url: str, **headers: str) -> tuple[int, bytes, str]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request) as got:
            return got.status, got.read(), got.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b"", ""


def test_a_bucket_gives_a_file_to_whoever_has_its_address_and_to_nobody_else(
    storage: s3_server.Storage, tmp_path: Path
) -> None:
    file = tmp_path / "01.jpg"
    file.write_bytes(bytes(range(256)) * 5000)
    url = bucket(storage).put(file, "post-7/01.jpg")
    assert fetched(url) == (200, file.read_bytes(), "image/jpeg")
    assert fetched(url, Range="bytes=2-4")[1] == b"\2\3\4"
    bare = url.split("?")[0]
    assert fetched(bare)[0] >= 400
    assert fetched(url.replace("X-Amz-Expires=93600", "X-Amz-Expires=99999"))[0] == 403
    assert fetched(url.replace("01.jpg", "02.jpg"))[0] == 403
    wrong = bucket(storage, Keys(s3_server.KEYS.access, "another secret"))
    assert fetched(wrong.address("post-7/01.jpg"))[0] == 403


def test_a_presigned_address_ends(
    storage: s3_server.Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "01.jpg"
    file.write_bytes(b"picture")
    here = bucket(storage)
    here.put(file, "post-8/01.jpg")

    class Yesterday(datetime):
        @classmethod
        def now(cls, tz=None):  # type: ignore[no-untyped-def]
            return datetime.now(tz) - timedelta(hours=2)

    monkeypatch.setattr(hosting, "datetime", Yesterday)
    ended, open_ = here.address("post-8/01.jpg", 3600), here.address("post-8/01.jpg", 3 * 3600)
    assert fetched(ended)[0] in (400, 403)
    assert fetched(open_)[0] == 200


def test_what_is_over_is_deleted_from_the_bucket(
    storage: s3_server.Storage, tmp_path: Path
) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"film")
    here = bucket(storage)
    for name in ("p/1.mp4", "p/2.mp4"):
        here.put(file, name)
    assert (storage.folder / "oak-media/feedsmith/p/1.mp4").read_bytes() == b"film"
    rows = [
        Hosted(name="p/1.mp4", ends=LATER, published=NOON),
        Hosted(name="p/2.mp4", ends=LATER),
        Hosted(name="p/never-there.mp4", ends=LATER, published=NOON),
    ]
    gone, faults = hosting.sweep(here, rows, 0, NOON)
    assert (gone, faults) == ([rows[0], rows[2]], [])
    kept = {path.name for path in (storage.folder / "oak-media").rglob("*.mp4")}
    assert kept == {"2.mp4"}


def test_wrong_keys_and_wrong_buckets_are_said_in_words(
    storage: s3_server.Storage, tmp_path: Path
) -> None:
    file = tmp_path / "01.jpg"
    file.write_bytes(b"picture")
    for made, said in (
        (bucket(storage, Keys(s3_server.KEYS.access, "wrong")), "refuses the key in FEEDSMITH_S3"),
        (bucket(storage, Keys("nobody", "wrong")), "does not know the key in FEEDSMITH_S3_ACCESS"),
        (bucket(storage, name="not-there"), 'has no bucket "not-there"'),
    ):
        with pytest.raises(FeedsmithError) as caught:
            made.put(file, "p/01.jpg")
        assert said in caught.value.message
        assert caught.value.mend
        assert "wrong" not in str(caught.value)


def test_a_storage_that_is_down_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "01.jpg"
    file.write_bytes(b"picture")
    nobody = s3_server.Storage("http://127.0.0.1:9", tmp_path)
    with pytest.raises(FeedsmithError, match=r"127\.0\.0\.1:9 cannot be reached"):
        bucket(nobody).put(file, "p/01.jpg")


def test_a_busy_storage_is_asked_again(tmp_path: Path) -> None:
    """Two 503 and a broken line are borne; the file that arrives is whole."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    got: list[bytes] = []

    class Busy(BaseHTTPRequestHandler):
        count = 0

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            Busy.count += 1
            if Busy.count == 1:
                self.send_error(503)
            elif Busy.count == 2:
                self.connection.close()
            else:
                got.append(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        file = tmp_path / "01.jpg"
        file.write_bytes(bytes(300_000))
        here = bucket(s3_server.Storage(f"http://127.0.0.1:{server.server_port}", tmp_path))
        url = here.put(file, "p/01.jpg")
        server.shutdown()
    assert got == [file.read_bytes()]
    assert "X-Amz-Signature" in url


def test_a_storage_in_ones_own_network_is_called_only_where_that_is_allowed(
    storage: s3_server.Storage, tmp_path: Path
) -> None:
    file = tmp_path / "01.jpg"
    file.write_bytes(b"picture")
    settings = HostingSettings(endpoint=storage.url, bucket="oak-media")
    with pytest.raises(FeedsmithError, match="an address of a private network"):
        Bucket(settings, s3_server.KEYS).put(file, "p/01.jpg")


def test_an_address_is_made_for_the_host_that_the_internet_sees() -> None:
    """The host is signed, so an inner endpoint's address would not open from outside."""
    inner = HostingSettings(
        endpoint="http://minio:9000", bucket="oak-media", public="https://media.example"
    )
    url = Bucket(inner, s3_server.KEYS).address("p/01.jpg")
    assert url.startswith("https://media.example/oak-media/feedsmith/p/01.jpg?")
    other = HostingSettings(
        endpoint="https://s3.eu-west-1.amazonaws.com", bucket="oak-media", path_style=False
    )
    assert Bucket(other, s3_server.KEYS).address("p/1.jpg").startswith(
        "https://oak-media.s3.eu-west-1.amazonaws.com/feedsmith/p/1.jpg?"
    )  # fmt: skip


def test_keys_come_from_the_environment_and_are_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (hosting.ACCESS, hosting.SECRET, hosting.SECRET_FILE, hosting.TOKEN):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(FeedsmithError, match="FEEDSMITH_S3_ACCESS_KEY is empty"):
        hosting.keys_from_environment()
    monkeypatch.setenv(hosting.ACCESS, "key")
    monkeypatch.setenv(hosting.SECRET, "my secret")
    with pytest.raises(FeedsmithError, match="has blanks") as caught:
        hosting.keys_from_environment()
    assert "my secret" not in str(caught.value)
    (tmp_path / "key").write_text("s3cr3t\n")
    monkeypatch.setenv(hosting.SECRET_FILE, str(tmp_path / "key"))
    assert hosting.keys_from_environment() == Keys("key", "s3cr3t")
