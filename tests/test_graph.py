"""The client, against the fake Instagram over real connections."""

import contextlib
import logging
import random
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from feedsmith.errors import FeedsmithError
from feedsmith.fake_instagram import FakeInstagram
from feedsmith.publishing import codes
from feedsmith.publishing.graph import (
    Disconnected,
    Graph,
    GraphError,
    NewContainer,
    Permanent,
    Place,
    Status,
    Temporary,
    Throttled,
    Unknown,
)
from small_instagram import DAY, SHOP, MediaHost, caller, jpeg, png


def client(
    fake: FakeInstagram, login: str = "instagram", name: str = SHOP, **more: object
) -> Graph:
    account = fake.connected(name, login, "page" if login == "facebook" else "long")
    person = fake.connected(name, login)
    return Graph(
        account.accounts[0], login, account.token, user_token=person.token if login == "facebook" else "",
        place=Place(fake.url), **more,
    )  # type: ignore[arg-type]  # fmt: skip


@pytest.fixture
def graph(fake: FakeInstagram) -> Graph:
    return client(fake)


@pytest.fixture
def picture(host: MediaHost) -> NewContainer:
    return NewContainer(kind="image", image_url=host.put("a.jpg", jpeg()), caption="Café & #oak 🌳")


def test_a_picture_goes_from_container_to_post(graph: Graph, picture: NewContainer) -> None:
    made = graph.create(picture)
    assert graph.status(made.id).status_code == "FINISHED"
    assert graph.limit().used == 0
    post = graph.publish(made.id)
    assert graph.status(made.id).status_code == "PUBLISHED"
    assert (graph.limit().used, graph.limit().left) == (1, 49)
    told = graph.medium(post)
    assert (told.caption, told.media_type) == ("Café & #oak 🌳", "IMAGE")
    assert told.permalink
    assert told.timestamp is not None
    assert [m.id for m in graph.media().media] == [post]


def test_a_carousel_story_and_reel_carry_all_their_settings(
    fake: FakeInstagram, host: MediaHost, small_film: Path
) -> None:
    graph = client(fake)
    url = host.put("a.jpg", jpeg())
    parts = tuple(
        graph.create(NewContainer(kind="image", image_url=url, alt_text=f"part {i}", part=True)).id
        for i in range(2)
    )
    wanted = NewContainer(
        kind="carousel", children=parts, caption="Two", ai=True, collaborators=("oak.and.ember",),
        location_id="7640348500",
    )  # fmt: skip
    post = fake.world.media[graph.publish(graph.create(wanted).id)]
    assert (post.ai, post.collaborators, post.location) == (
        True,
        ["oak.and.ember"],
        "Guggenheim Museum",
    )
    assert [child.media_type for child in graph.medium(post.id).children] == ["IMAGE", "IMAGE"]
    assert [child.id for child in graph.children(post.id)] == post.children
    film = host.put("film.mp4", small_film.read_bytes())
    reel = graph.create(
        NewContainer(kind="reel", video_url=film, thumb_offset=1500, share_to_feed=False)
    )
    story = graph.create(NewContainer(kind="story", video_url=film))
    with pytest.raises(Temporary) as early:
        graph.publish(reel.id)
    assert (early.value.code, early.value.subcode, early.value.anew) == (9007, 2207027, False)
    fake.world.clock.advance(21)
    assert graph.medium(graph.publish(reel.id)).media_product_type == "REELS"
    assert graph.medium(graph.publish(story.id)).media_product_type == "STORY"
    assert len(graph.stories().media) == 1
    with pytest.raises(ValueError, match="at most 3"):
        NewContainer(kind="image", collaborators=("a", "b", "c", "d"))


def test_posts_are_read_page_after_page(
    fake: FakeInstagram, graph: Graph, picture: NewContainer
) -> None:
    made = []
    for _ in range(5):
        made.append(graph.publish(graph.create(picture).id))
        fake.world.clock.advance(1)
    assert [m.id for m in graph.every(limit=2)] == made[::-1]
    fake.world.clock.advance(3 * DAY)
    figures = graph.insights(made[0], ("reach", "likes", "saved"))
    assert set(figures) == {"reach", "likes", "saved"}
    assert figures["reach"] > figures["likes"] >= 0


def test_hashtags_need_facebook_login(fake: FakeInstagram, graph: Graph) -> None:
    with pytest.raises(Permanent, match="Facebook Login alone"):
        graph.hashtag("oak")
    page = client(fake, "facebook")
    number = page.hashtag("#oak")
    first = page.hashtag_media(number, "top")
    second = page.hashtag_media(number, "top", first.after)
    assert len({m.id for m in (*first.media, *second.media)}) == 100
    assert all("#oak" in m.caption for m in first.media)
    assert page.hashtag_media(number, "recent", limit=10).media
    for i in range(29):
        page.hashtag(f"t{i}")
    with pytest.raises(Throttled, match="30 different hashtags") as full:
        page.hashtag("onemore")
    assert full.value.wait >= DAY


def test_who_the_account_is(fake: FakeInstagram, graph: Graph) -> None:
    profile = graph.profile()
    assert (profile.id, profile.username, profile.account_type) == (graph.account, SHOP, "BUSINESS")
    assert client(fake, "facebook").profile().username == SHOP


# ---- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "code", "words"),
    [
        ("a.png", png(), 36001, "not a JPEG"),
        ("a.jpg", jpeg(400, 800), 36003, "4:5 to 1.91:1"),
        ("login", b"", 9004, "could not fetch"),
    ],
)
def test_what_can_never_go_well_is_permanent_and_has_a_mend(
    graph: Graph, host: MediaHost, name: str, data: bytes, code: int, words: str
) -> None:
    if data:
        host.put(name, data)
    with pytest.raises(Permanent, match=words) as refused:
        graph.create(NewContainer(kind="image", image_url=host.url(name)))
    assert refused.value.code == code
    assert refused.value.mend
    assert refused.value.trace


def test_a_film_that_does_not_fit_says_why_in_its_status(
    fake: FakeInstagram, graph: Graph, host: MediaHost
) -> None:
    made = graph.create(NewContainer(kind="reel", video_url=host.put("film.mp4", jpeg())))
    assert graph.status(made.id).trouble is None
    fake.world.clock.advance(21)
    trouble = graph.status(made.id).trouble
    assert isinstance(trouble, Permanent)
    assert trouble.subcode == 2207026
    assert "not a whole MP4" in trouble.message
    fake.world.clock.advance(DAY)
    gone = graph.status(made.id).trouble
    assert isinstance(gone, Temporary)
    assert gone.anew
    bare = Status(id="1", status_code="ERROR", status="2207052").trouble
    assert isinstance(bare, Permanent)
    assert "could not fetch" in bare.message


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"do": "throttle", "code": 4}, Throttled),
        ({"do": "throttle", "code": 80002}, Throttled),
        ({"do": "500-before"}, Temporary),
        ({"do": "drop-before"}, Temporary),
        ({"do": "drop-after"}, Temporary),
        ({"do": "html-after"}, Temporary),
        ({"do": "refuse", "code": -1, "subcode": 2207032}, Temporary),
        ({"do": "refuse", "code": 190, "subcode": 460}, Disconnected),
        ({"do": "refuse", "code": 203}, Disconnected),
        ({"do": "refuse", "code": 4, "subcode": 2207051}, Permanent),
        ({"do": "refuse", "code": 4711}, Permanent),
    ],
)
def test_errors_are_told_apart(
    fake: FakeInstagram, graph: Graph, picture: NewContainer, fault: dict[str, object],
    kind: type[GraphError],
) -> None:  # fmt: skip
    fake.faults.add(path="/media$", **fault)  # type: ignore[arg-type]
    with pytest.raises(GraphError) as raised:
        graph.create(picture)
    assert type(raised.value) is kind
    assert graph.create(picture).id


@pytest.mark.parametrize(
    ("fault", "out"),
    [
        ({"do": "drop-after"}, 1),
        ({"do": "drop-before"}, 0),
        ({"do": "500-after"}, 1),
        ({"do": "500-before"}, 0),
        ({"do": "html-after"}, 1),
        ({"do": "refuse", "code": -1, "subcode": 2207001}, 0),
        ({"do": "refuse", "code": 24, "subcode": 2207008}, 0),
    ],
)
def test_a_publish_call_whose_answer_is_lost_is_unknown_and_not_repeated(
    fake: FakeInstagram, graph: Graph, picture: NewContainer, fault: dict[str, object], out: int
) -> None:
    made = graph.create(picture)
    fake.faults.add(path="media_publish", **fault)  # type: ignore[arg-type]
    before = len(fake.world.calls)
    with pytest.raises(Unknown, match="may be out"):
        graph.publish(made.id)
    assert len(fake.world.calls) == before + 1
    assert graph.status(made.id).status_code == ("PUBLISHED" if out else "FINISHED")
    assert len(graph.media().media) == out


def test_a_container_that_is_published_a_second_time_is_unknown(
    graph: Graph, picture: NewContainer
) -> None:
    made = graph.create(picture)
    graph.publish(made.id)
    with pytest.raises(Unknown):
        graph.publish(made.id)
    assert len(graph.media().media) == 1


def test_what_the_errors_say_is_enough_to_publish_once(
    fake: FakeInstagram, graph: Graph, picture: NewContainer
) -> None:
    """Whatever breaks wherever: asking for the status after each `Unknown` gives one post each."""
    chance = random.Random(7)
    deeds = (
        "drop-before",
        "drop-after",
        "500-before",
        "500-after",
        "html-after",
        "duplicate",
        "throttle",
    )
    fake.world.posts_a_day = fake.world.calls_an_hour = 10**6
    for run in range(60):
        for path in ("/media$", "media_publish", r"/179\d+$"):
            if chance.random() < 0.7:
                fake.faults.add(chance.choice(deeds), path=path, times=chance.randint(1, 2), code=4)
        wanted = picture.model_copy(update={"caption": f"run {run}"})
        container, out = "", False
        for _ in range(20):
            try:
                container = container or graph.create(wanted).id
                status = graph.status(container)
                out = status.status_code == "PUBLISHED" or bool(graph.publish(container))
                break
            except (Temporary, Unknown):
                fake.world.clock.advance(60)
        assert out
        fake.faults.clear()
    captions = [m.caption for m in fake.world.posts_of(graph.account)]
    assert sorted(captions) == sorted(f"run {run}" for run in range(60))


def test_where_nobody_answers_nothing_can_have_been_published() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        graph = Graph(
            "1", "instagram", "t", place=Place(f"http://127.0.0.1:{taken.getsockname()[1]}")
        )
        with pytest.raises(Temporary, match="nothing answers"):
            graph.publish("2")


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes the call and says nothing."""
    held = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: held.append(server.accept()), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for connection, _ in held:
            connection.close()


def test_silence_ends(silent: str) -> None:
    graph = Graph("1", "instagram", "t", place=Place(silent), timeout=0.3)
    with pytest.raises(Unknown, match="before Instagram's answer"):
        graph.publish("2")


def test_a_full_quota_an_expired_token_and_a_lost_permission(
    fake: FakeInstagram, graph: Graph, picture: NewContainer
) -> None:
    made = graph.create(picture)
    fake.world.posts_a_day = 0
    with pytest.raises(Throttled, match="as many posts within 24 hours"):
        graph.publish(made.id)
    fake.world.grants[graph._token].revoked = True
    with pytest.raises(Disconnected, match="taken the permission back"):
        graph.limit()
    fake.world.grants[graph._token].revoked = False
    fake.world.clock.advance(61 * DAY)
    with pytest.raises(Disconnected, match="has expired"):
        graph.profile()
    with pytest.raises(Disconnected, match="not a professional one"):
        client(fake, name="just.me").profile()


def test_the_answers_say_how_long_to_wait(fake: FakeInstagram, graph: Graph) -> None:
    fake.world.calls_an_hour = 10
    waits = []
    for _ in range(9):
        graph.profile()
        waits.append(graph.usage.wait)
    assert waits[:7] == [0.0] * 7
    assert 0 < waits[7] < waits[8]
    with pytest.raises(Throttled) as full:
        graph.profile()
    assert full.value.wait == 3600


# ---- uploads ------------------------------------------------------------------------------------------


def test_an_upload_goes_on_where_the_line_broke(fake: FakeInstagram, small_film: Path) -> None:
    page = client(fake, "facebook")
    size = small_film.stat().st_size
    made = page.create(NewContainer(kind="reel", upload=True, caption="Up"))
    assert made.uri.endswith(made.id)
    fake.faults.add("drop-during", path="ig-api-upload", bytes=size // 3)
    fake.faults.add("500-before", path="ig-api-upload")
    offset = 0
    for _ in range(2):
        with pytest.raises(Temporary):
            page.upload(made, small_film, offset)
        offset = page.uploaded(made.id)
        assert offset == size // 3
    page.upload(made, small_film, offset)
    assert page.uploaded(made.id) == size
    fake.world.clock.advance(21)
    post = page.publish(made.id)
    assert fake.world.get(fake.world.media[post].blob) == small_film.read_bytes()
    with pytest.raises(Permanent):
        page.upload(made, small_film)


def test_an_upload_that_was_answered_by_silence_is_there(
    fake: FakeInstagram, small_film: Path
) -> None:
    page = client(fake, "facebook")
    made = page.create(NewContainer(kind="story", upload=True))
    fake.faults.add("drop-after", path="ig-api-upload")
    with pytest.raises(Temporary):
        page.upload(made, small_film)
    assert page.uploaded(made.id) == small_film.stat().st_size


# ---- secrets ------------------------------------------------------------------------------------------


def test_the_token_is_in_no_address_message_or_log(
    fake: FakeInstagram, host: MediaHost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    graph = client(fake)
    said = [repr(graph), str(graph)]
    for fault in ("500-before", "html-after", "drop-after"):
        fake.faults.add(fault, path="/media")
        with pytest.raises(GraphError) as raised:
            graph.media()
        said.append(str(raised.value) + repr(raised.value) + repr(raised.value.__cause__))
    fake.world.grants[graph._token].revoked = True
    with pytest.raises(GraphError) as raised:
        graph.media()
    said += [str(raised.value), caplog.text, *(call.path for call in fake.world.calls)]
    assert graph._token not in "".join(said)


def test_a_server_that_echoes_the_token_does_not_bring_it_into_a_message(
    fake: FakeInstagram,
) -> None:
    graph = client(fake)
    graph.account = f"x{graph._token}"
    with pytest.raises(GraphError) as raised:
        graph.profile()
    assert "(the key)" in raised.value.message
    assert graph._token not in str(raised.value)


def test_a_token_goes_to_meta_or_to_a_server_nearby() -> None:
    assert (
        Place().address("graph.instagram.com", "v25.0/me") == "https://graph.instagram.com/v25.0/me"
    )
    for far in ("https://graph.example.com", "ftp://127.0.0.1", "http://", "nonsense"):
        with pytest.raises(FeedsmithError, match="not a server in your own network"):
            Place(far)


def test_a_token_is_not_taken_along_to_another_address(fake: FakeInstagram) -> None:
    caller(fake)
    graph = Graph("_revoke", "instagram", "t", place=Place(fake.url))
    graph._host = ""
    graph._version = ""
    with pytest.raises(Permanent, match="sends us elsewhere"):
        graph._asking.ask("POST", "_revoke", "", {}, token="t")


class Odd:
    """A server that answers everything with the same words."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.place = Place(f"http://127.0.0.1:{self.server.server_address[1]}")

    def __enter__(self) -> "Odd":
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'{"data": 3}', b'{"data": [1, null, "x"]}', b'{"data": [{"id": null}]}',
     b'{"id": {"a": 1}, "status_code": 7}', b'{"error": "no"}', b'{"error": {"code": "x"}}', b"\xff\xfe",
     b'{"paging": [], "data": [{"id": "1", "timestamp": "yesterday"}], "video_status": 3}',
     b"[" * 100_000],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 400])
def test_no_answer_however_odd_is_a_traceback(body: bytes, status: int) -> None:
    with Odd(body, status) as odd:
        graph = Graph("1", "facebook", "t", place=odd.place)
        asks: list[Callable[[], object]] = [
            graph.profile, graph.limit, graph.media, graph.stories, lambda: graph.status("1"),
            lambda: graph.insights("1", ("reach",)), lambda: graph.children("1"), lambda: graph.uploaded("1"),
            lambda: graph.hashtag("oak"), lambda: graph.hashtag_media("1", "top"),
            lambda: graph.create(NewContainer(kind="image", image_url="http://x/")),
        ]  # fmt: skip
        for ask in asks:
            with contextlib.suppress(GraphError):
                ask()
        with pytest.raises(GraphError):
            graph.publish("1")


def test_numbers_for_ids_and_missing_words_are_read() -> None:
    body = b'{"data": [{"id": 17, "caption": null, "children": {"data": [{"id": 18}]}}]}'
    with Odd(body) as odd:
        (post,) = Graph("1", "instagram", "t", place=odd.place).media().media
    assert (post.id, post.caption, post.children[0].id) == ("17", "", "18")


# ---- codes --------------------------------------------------------------------------------------------


def test_every_code_has_words_and_a_mend() -> None:
    for meant in (*codes.CODES.values(), *codes.SUBCODES.values()):
        assert meant.words
        assert meant.mend
        assert not meant.words.endswith(".")
    assert codes.meaning(36000, 2207004).kind == "permanent"
    assert codes.meaning(9999, transient=True).kind == "temporary"
    assert codes.meaning(9999).kind == "permanent"


def test_the_manual_lists_every_code() -> None:
    manual = (Path(__file__).parent.parent / "docs" / "publishing.md").read_text("utf-8")
    for number, meant in (*codes.CODES.items(), *codes.SUBCODES.items()):
        assert f"| {number} | {meant.words} | {meant.mend} |" in manual, number
