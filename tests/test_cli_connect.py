"""`feedsmith connect`, as a person types it."""

import http.client
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from feedsmith.brand import Brand, Home
from feedsmith.cli import app
from feedsmith.cli.publishing import shelf_of
from feedsmith.errors import FeedsmithError
from feedsmith.fake_instagram import APP_ID, APP_SECRET, FakeInstagram
from feedsmith.publishing import connect as stage
from feedsmith.publishing.callback import Callback
from feedsmith.publishing.tokens import KEY, KEY_FILE
from small_instagram import SHOP
from test_connect import consent

run = CliRunner().invoke


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (KEY, KEY_FILE, stage.APP_SECRET_FILE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(stage.APP_ID, APP_ID)
    monkeypatch.setenv(stage.APP_SECRET, APP_SECRET)
    Home(tmp_path / "shop").create(Brand(name="Shop"))
    return tmp_path / "shop"


def browsing(fake: FakeInstagram, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """The browser that `webbrowser` would open: consents, and goes where it is sent."""

    def go(address: str) -> bool:
        def later() -> None:
            parts = urlsplit(consent(fake, address, *names))
            connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
            connection.request("GET", f"{parts.path}?{parts.query}")
            assert connection.getresponse().status == 200
            connection.close()

        threading.Thread(target=later, daemon=True).start()
        return True

    monkeypatch.setattr("webbrowser.open", go)


def test_the_browser_opens_and_the_account_is_connected(
    fake: FakeInstagram, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsing(fake, monkeypatch, SHOP)
    said = run(app, ["connect", str(home), "--server", fake.url, "--port", "0"])
    assert said.exit_code == 0, said.output
    assert f"Connected {SHOP}, a business account." in said.output
    browsing(fake, monkeypatch, "oak.and.ember")
    run(app, ["connect", str(home), "--server", fake.url, "--port", "0"])
    assert [c.account.username for c in shelf_of(home).all()] == ["oak.and.ember", SHOP]
    health = run(app, ["connect", str(home), "--health"])
    assert health.exit_code == 0
    assert health.output.count("0 of 50 posts used") == 2
    for connection in shelf_of(home).all():
        assert connection.token.secret not in said.output + health.output
        fake.world.grants[connection.token.secret].revoked = True
    health = run(app, ["connect", str(home), "--health"])
    assert health.exit_code == 1
    assert health.output.count("taken the permission back") == 2
    assert f"feedsmith connect {home}" in health.output.replace("\n", "")
    assert all(c.trouble for c in shelf_of(home).all())


def test_the_address_can_be_carried_by_hand(fake: FakeInstagram, home: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-m", "feedsmith", "connect", str(home), "--server", fake.url, "--paste"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    assert started.stdin is not None
    assert started.stdout is not None
    with started:
        address = re.sub(r"^Sign in here: ", "", started.stdout.readline()).strip()
        started.stdin.write(consent(fake, address, SHOP) + "\n")
        started.stdin.flush()
        rest = started.stdout.read()
        assert started.wait(20) == 0
    assert f"Connected {SHOP}" in rest


def test_a_token_of_the_dashboard_comes_by_standard_input(fake: FakeInstagram, home: Path) -> None:
    secret = fake.connected(SHOP).token
    said = run(app, ["connect", str(home), "--server", fake.url, "--token"], input=f"{secret}\n")
    assert said.exit_code == 0, said.output
    assert secret not in said.output
    assert (
        run(app, ["connect", str(home), "--new-key"]).output == "1 account locked with a new key.\n"
    )
    assert shelf_of(home).get(SHOP).token.secret == secret
    said = run(app, ["connect", str(home), "--forget", f"@{SHOP}"])
    assert f"Forgot {SHOP}." in said.output
    assert "No account is connected" in run(app, ["connect", str(home), "--health"]).output


def test_what_is_missing_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(stage.APP_SECRET)
    said = run(app, ["connect", str(home), "--paste"])
    assert isinstance(said.exception, FeedsmithError)
    assert stage.APP_SECRET in said.exception.mend


def test_the_callback_takes_one_answer_and_gives_up(home: Path) -> None:
    with Callback(0) as callback:
        with pytest.raises(FeedsmithError, match="nobody came back"):
            callback.wait(0.05)
        port = urlsplit(callback.redirect_uri).port or 0
        for path, status in (("/", 404), ("/connected", 404), ("/connected?code=1", 200),
                             ("/connected?code=2", 200)):  # fmt: skip
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", path)
            assert connection.getresponse().status == status
            connection.close()
        assert callback.wait(5) == "http://localhost/connected?code=1"
        with pytest.raises(FeedsmithError, match="cannot be listened on"):
            Callback(port)
