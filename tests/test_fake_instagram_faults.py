"""The fake Instagram: what goes wrong on demand, load, moved time, and that it remembers."""

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from feedsmith.errors import FeedsmithError
from feedsmith.fake_instagram import APP_ID, FakeInstagram
from small_instagram import DAY, SHOP, Caller, MediaHost, ask, caller, fake_instagram, jpeg


def control(
    fake: FakeInstagram, secret: str = "", **asked: object
) -> tuple[int, dict[str, object]]:
    parts = urlsplit(fake.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request(
        "POST", "/_control", json.dumps(asked), {"X-Fake-Control": secret or fake.secret}
    )
    got = connection.getresponse()
    data = got.read()
    connection.close()
    return got.status, json.loads(data) if data else {}


def ready(fake: FakeInstagram, host: MediaHost) -> tuple[Caller, str]:
    shop = caller(fake)
    return shop, shop.create(image_url=host.put("a.jpg", jpeg()))


@pytest.mark.parametrize(("do", "out"), [("drop-before", 0), ("drop-after", 1)])
def test_the_line_breaks_before_or_after_the_deed(
    fake: FakeInstagram, host: MediaHost, do: str, out: int
) -> None:
    shop, container = ready(fake, host)
    fake.faults.add(do, path="media_publish")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        shop.publish(container)
    assert len(fake.world.media) == out
    assert shop.status(container) == ("PUBLISHED" if out else "FINISHED")


@pytest.mark.parametrize(
    ("fault", "status", "out"),
    [
        ({"do": "500-before"}, 500, 0),
        ({"do": "500-after"}, 500, 1),
        ({"do": "html-after"}, 502, 1),
        ({"do": "throttle", "code": 4}, 400, 0),
        ({"do": "refuse", "code": 24, "subcode": 2207008}, 400, 0),
        ({"do": "duplicate"}, 200, 1),
        ({"do": "delay", "seconds": 0.01}, 200, 1),
    ],
)
def test_faults_hit_the_requests_that_fit(
    fake: FakeInstagram, host: MediaHost, fault: dict[str, object], status: int, out: int
) -> None:
    shop, container = ready(fake, host)
    assert (
        control(fake, do="fault", fault={"path": "media_publish", "method": "POST", **fault})[0]
        == 200
    )
    assert shop.get("me").status == 200
    assert shop.publish(container).status == status
    assert len(fake.world.media) == out
    if not out:
        assert shop.publish(container).status == 200


def test_a_request_that_comes_twice_makes_two_containers(
    fake: FakeInstagram, host: MediaHost
) -> None:
    fake.faults.add("duplicate", path="/media$")
    ready(fake, host)
    assert len(fake.world.containers) == 2


def test_faults_wait_for_their_turn(fake: FakeInstagram) -> None:
    shop = caller(fake)
    fake.faults.add("500-before", path="/me", skip=1, times=2)
    assert [shop.get("me").status for _ in range(4)] == [200, 500, 500, 200]
    with pytest.raises(ValueError, match="none of"):
        fake.faults.add("sulk")


def test_it_can_be_down_for_an_hour(fake: FakeInstagram) -> None:
    shop = caller(fake)
    control(fake, do="down", seconds=3600)
    answer = shop.get("me")
    assert (answer.status, answer.error, answer.told["error"]["is_transient"]) == (
        503,
        (2, 0),
        True,
    )
    control(fake, do="clock", advance=3600)
    assert shop.get("me").status == 200


def test_headers_say_how_much_was_asked(fake: FakeInstagram) -> None:
    fake.world.calls_an_hour = 10
    shop = caller(fake)
    shares = [json.loads(shop.get("me").headers["X-App-Usage"])["call_count"] for _ in range(9)]
    assert shares == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    answer = shop.get("me")
    assert answer.error == (80002, 0)
    (own,) = json.loads(answer.headers["X-Business-Use-Case-Usage"])[shop.account]
    assert own["estimated_time_to_regain_access"] == 60
    fake.world.clock.advance(3601)
    assert shop.get("me").status == 200


def test_the_switchboard_answers_who_knows_its_secret(fake: FakeInstagram) -> None:
    assert control(fake, secret="guess", do="state")[0] == 404
    assert control(fake, do="nonsense")[0] == 400
    shop = caller(fake)
    assert control(fake, do="expire", account=SHOP)[0] == 200
    assert shop.get("me").error == (190, 463)
    control(fake, do="account", username="new.shop", kind="creator", followers=7)
    assert caller(fake, "new.shop").get("me", fields="followers_count").told["followers_count"] == 7
    control(fake, do="revoke", account="new.shop")
    assert caller(fake, "new.shop").get("me").status == 200
    control(fake, do="set", video_seconds=3)
    assert fake.world.video_seconds == 3.0


def test_a_name_that_is_not_this_machine_s_is_not_served(fake: FakeInstagram) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", fake.port)
    connection.request("GET", "/", headers={"Host": "evil.example"})
    assert connection.getresponse().status == 421
    connection.close()


def test_sixty_days_pass_in_a_moment(fake: FakeInstagram) -> None:
    before = time.monotonic()
    start = fake.world.clock.now()
    fake.world.clock.advance(60 * DAY)
    assert fake.world.clock.now() == start + 60 * DAY
    fake.world.clock.set(start)
    fake.world.clock.run()
    assert 0 <= fake.world.clock.now() - start <= time.monotonic() - before + 0.1


def test_with_a_folder_a_restart_forgets_nothing(tmp_path: Path, host: MediaHost) -> None:
    with fake_instagram(tmp_path / "fake") as first:
        shop, container = ready(first, host)
        post = shop.publish(container).told["id"]
        later = shop.create(image_url=host.url("a.jpg"))
    with fake_instagram(tmp_path / "fake") as second:
        shop.fake = second
        assert shop.get(post, fields="media_type").told["media_type"] == "IMAGE"
        assert shop.status(container) == "PUBLISHED"
        assert shop.publish(later).status == 200
        assert len(second.world.posts_of(shop.account)) == 2
        assert len(second.world.accounts) == 3
        blob = second.world.media[post].blob
        assert ask(second, "GET", f"/media/{blob}").status == 200


def test_two_on_one_port_is_said(fake: FakeInstagram) -> None:
    with pytest.raises(FeedsmithError, match="cannot be listened on"):
        FakeInstagram(port=fake.port)


def test_the_command_says_what_to_do_and_is_ended_with_ctrl_c(tmp_path: Path) -> None:
    import signal

    started = subprocess.Popen(
        [sys.executable, "-m", "feedsmith", "fake-instagram", "--port", "0", "--folder", str(tmp_path)],
        stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    assert started.stdout is not None
    with started:
        lines = [started.stdout.readline() for _ in range(5)]
        assert lines[0].startswith("The fake Instagram is open at http://127.0.0.1:")
        assert "FEEDSMITH_INSTAGRAM_APP_ID=" in lines[2]
        assert "feedsmith connect mybrand/ --server http://127.0.0.1:" in lines[3]
        started.send_signal(signal.SIGINT)
        assert started.wait(20) == 0


def test_a_kill_forgets_nothing(tmp_path: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "feedsmith", "fake-instagram", "--port", "0", "--folder", str(tmp_path)],
        stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    assert started.stdout is not None
    with started:
        port = int(started.stdout.readline().rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        asked = urlencode(
            {"client_id": APP_ID, "redirect_uri": "http://localhost/back", "scope": "a"}
        )
        form = "answer=allow&username=new.shop"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", f"/www.instagram.com/oauth/authorize?{asked}", form, kind)
        code = parse_qs(urlsplit(connection.getresponse().headers["Location"]).query)["code"][0]
        connection.close()
        started.kill()
    with fake_instagram(tmp_path) as again:
        shop = again.world.called("new.shop")
        assert shop is not None
        assert again.world.codes[code].accounts == [shop.id]
