"""`feedsmith collect`, as a person types it."""

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from feedsmith.brand import Brand, Home
from feedsmith.cli import app
from feedsmith.cli.publishing import shelf_of
from feedsmith.errors import FeedsmithError
from feedsmith.fake_instagram import FakeInstagram
from feedsmith.library import Library
from feedsmith.publishing.graph import Graph, NewContainer, Place
from feedsmith.publishing.tokens import KEY, KEY_FILE, Account, Connection, Token
from small_instagram import SHOP, MediaHost, jpeg


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (KEY, KEY_FILE):
        monkeypatch.delenv(name, raising=False)
    Home(tmp_path / "shop").create(Brand(name="Shop"))
    return tmp_path / "shop"


def connected(fake: FakeInstagram, home: Path, login: str = "instagram", name: str = SHOP) -> Graph:
    """The client of an account that the brand is connected with."""
    grant = fake.connected(name, login)
    now = datetime.now(UTC)
    token = Token(grant.token, now, now + timedelta(days=60))
    page = Token(fake.connected(name, login, "page").token, now) if login == "facebook" else None
    account = Account(id=grant.accounts[0], username=name, login=login, server=fake.url)  # type: ignore[arg-type]
    shelf_of(home).put(Connection(account, token, page))
    return Graph(grant.accounts[0], "instagram", grant.token, place=Place(fake.url))


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["collect", *map(str, words)])


def refused(*words: object) -> FeedsmithError:
    error = run(*words).exception
    assert isinstance(error, FeedsmithError), error
    return error


def test_own_posts_and_figures_are_told_in_words_and_then_learned_from(
    fake: FakeInstagram, host: MediaHost, home: Path
) -> None:
    graph = connected(fake, home)
    fake.world.clock.advance(-600)  # it went out before now
    made = graph.create(
        NewContainer(kind="image", image_url=host.put("a.jpg", jpeg()), caption="One")
    )
    graph.publish(made.id)
    said = run(home, "--own")
    assert said.exit_code == 0, said.output
    assert "1 post and 1 photo are new." in said.output
    assert "Figures of 1 post were read." in said.output
    assert f"Next: feedsmith learn {home}" in said.output.replace("\n", " ").replace("  ", " ")
    assert "No new posts." in run(home, "--own").output
    told = json.loads(run(home, "--insights", "--json").output)
    assert (told["listed"], told["readings"], told["stopped"]) == (1, 0, "")
    learned = CliRunner().invoke(app, ["learn", str(home), "--json"])
    assert json.loads(learned.output)["posts"] == 0  # one post, too young to count
    assert "left out" not in learned.output


def test_a_hashtag_s_report_names_companions_and_the_budget_before_and_after(
    fake: FakeInstagram, home: Path
) -> None:
    connected(fake, home, "facebook")
    said = run(home, "--hashtag", "#treesofinstagram", "--max", 100)
    assert said.exit_code == 0, said.output
    assert "30 of 30 different hashtags may still be looked up" in said.output
    assert "100 posts under #treesofinstagram were looked at, 100 of them new" in said.output
    assert "Top posts: half of them have" in said.output
    assert "(50 posts)" in said.output
    assert "What goes with it" in said.output
    assert "#forest" in said.output
    assert "29 more different hashtags may be looked up" in said.output
    told = json.loads(
        run(home, "--hashtag", "treesofinstagram", "--top", "--max", 5, "--json").output
    )
    assert told["got"] == 5
    assert told["study"]["posts"] == 100
    assert "costs nothing more" in run(home, "--hashtag", "treesofinstagram", "--max", 1).output
    assert not Library(home / "library").photos()


def test_rights_are_said_by_a_name_and_written_down(fake: FakeInstagram, home: Path) -> None:
    connected(fake, home, "facebook")
    said = run(home, "--hashtag", "oak", "--top", "--max", 4, "--i-have-rights")
    assert said.exit_code == 0, said.output
    assert "because you said that you hold the rights" in said.output.replace("\n", " ")
    kept = json.loads((home / "collected" / "rights.jsonl").read_text())
    assert kept["who"].endswith(f"for {SHOP}")
    assert Library(home / "library").photos()


def test_what_is_missing_is_said_with_its_mend(fake: FakeInstagram, home: Path) -> None:
    none = refused(home, "--own")
    assert "no account is connected" in none.message
    assert "feedsmith connect" in none.mend
    assert "feedsmith import" in none.mend
    assert "say what to collect" in refused(home).message
    assert "one thing at a time" in refused(home, "--own", "--hashtag", "oak").message
    connected(fake, home)
    wrong = refused(home, "--hashtag", "oak")
    assert "cannot look up hashtags" in wrong.message
    assert f"feedsmith connect {home}" in wrong.mend
    connected(fake, home, name="oak.and.ember")
    assert "several accounts are connected" in refused(home, "--own").message
    assert "no account called nobody" in refused(home, "--own", "--account", "nobody").message


def test_a_permission_that_was_taken_back_is_remembered(fake: FakeInstagram, home: Path) -> None:
    connected(fake, home)
    fake.faults.add(do="refuse", path="/media$", code=190, subcode=458)
    gone = refused(home, "--own")
    assert "taken the permission back" in gone.message
    assert str(home) in gone.mend
    assert shelf_of(home).all()[0].trouble
    assert "connect it again" in refused(home, "--own").mend


def test_too_much_asked_stops_with_the_time_to_go_on(fake: FakeInstagram, home: Path) -> None:
    connected(fake, home, "facebook")
    fake.faults.add(do="throttle", path="top_media")
    said = run(home, "--hashtag", "oak", "--max", 20, "--wait", 0)
    assert "10 posts under #oak were looked at" in said.output
    assert isinstance(said.exception, FeedsmithError)
    assert "go on at" in said.exception.mend


def test_a_full_disk_stops_it_with_what_is_there(
    fake: FakeInstagram, host: MediaHost, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = connected(fake, home)
    made = graph.create(NewContainer(kind="image", image_url=host.put("a.jpg", jpeg())))
    graph.publish(made.id)
    sync = os.fsync

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    error = refused(home, "--own")
    assert "the disk is full" in error.message
    monkeypatch.setattr(os, "fsync", sync)
    assert "1 post and 1 photo are new." in run(home, "--own").output
