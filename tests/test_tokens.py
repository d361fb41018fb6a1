"""Connected accounts: kept whole, their tokens under lock."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from feedsmith.errors import FeedsmithError
from feedsmith.publishing.tokens import (
    KEY,
    KEY_FILE,
    Account,
    Connection,
    FolderShelf,
    Token,
    Vault,
    sealed,
    unsealed,
    vault_for,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SECRET, PAGE = "IGAA-do-not-tell-4711", "EAAB-nor-this"


@pytest.fixture(autouse=True)
def no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY, KEY_FILE):
        monkeypatch.delenv(name, raising=False)


def connection(number: str = "178414", username: str = "tall.tree", **more: object) -> Connection:
    account = Account(id=number, username=username, login="facebook", page_id="104")
    token = Token(SECRET, NOW, NOW + timedelta(days=60))
    return Connection(account, token, Token(PAGE, NOW), ("instagram_basic",), **more)  # type: ignore[arg-type]


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    shelf = FolderShelf(tmp_path)
    assert shelf.all() == []
    shelf.put(connection())
    shelf.put(connection("178415", "oak"))
    again = FolderShelf(tmp_path)
    assert again.all() == [connection("178415", "oak"), connection()]
    assert again.get("@Tall.Tree") == connection()
    assert again.get("178415").account.username == "oak"
    with pytest.raises(FeedsmithError, match="no account called ash") as missing:
        again.get("ash")
    assert "oak, tall.tree" in missing.value.mend
    again.remove("178415")
    assert again.all() == [connection()]


def test_no_token_stands_in_the_open_and_nobody_else_may_read(tmp_path: Path) -> None:
    FolderShelf(tmp_path).put(connection())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3  # the account, the key, the lock
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
        text = path.read_text()
        assert SECRET not in text
        assert PAGE not in text
    assert SECRET not in repr(connection())
    assert PAGE not in repr(connection())


def test_the_key_comes_from_the_environment_or_a_file_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Fernet.generate_key().decode()
    (tmp_path / "key").write_text(f"{key}\n")
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "key"))
    shelf = FolderShelf(tmp_path / "brand")
    shelf.put(connection())
    assert not (tmp_path / "brand" / "secret.key").exists()
    monkeypatch.delenv(KEY_FILE)
    monkeypatch.setenv(KEY, key)
    assert FolderShelf(tmp_path / "brand").all() == [connection()]
    for wrong in ("short", "ö" * 44, f"{key} nonsense"):
        monkeypatch.setenv(KEY, wrong)
        with pytest.raises(FeedsmithError, match="not a key") as raised:
            vault_for(tmp_path)
        assert wrong not in str(raised.value)
    monkeypatch.delenv(KEY)
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "gone"))
    with pytest.raises(FeedsmithError, match="cannot be read"):
        vault_for(tmp_path)


def test_what_was_exchanged_or_taken_away_in_between_stays_so(tmp_path: Path) -> None:
    shelf, before = FolderShelf(tmp_path), connection()
    shelf.put(before)
    fresh = connection(trouble="it was taken back")
    assert shelf.exchange(before, fresh) == fresh
    assert shelf.exchange(before, connection(trouble="too late")) == fresh
    shelf.remove("178414")
    assert shelf.exchange(fresh, connection()) is None
    assert shelf.all() == []
    # A key that was changed meanwhile is used.
    other = FolderShelf(tmp_path)
    shelf.put(before)
    assert other.change_key() == 1
    assert shelf.exchange(before, fresh) == fresh
    assert FolderShelf(tmp_path).all() == [fresh]


def test_a_wrong_key_is_said_of_the_account_and_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FolderShelf(tmp_path).put(connection())
    monkeypatch.setenv(KEY, Fernet.generate_key().decode())
    shelf = FolderShelf(tmp_path)
    shelf.put(connection("178415", "oak"))
    fine, bad = shelf.all()
    assert fine == connection("178415", "oak")
    assert bad.token.secret == ""
    assert KEY in bad.trouble


def test_a_token_that_was_changed_opens_nothing(tmp_path: Path) -> None:
    vault = vault_for(tmp_path)
    kept = sealed(connection(), vault)
    json.dumps(kept)
    assert unsealed(kept, vault) == connection()
    locked = kept["token"]["locked"]
    kept["token"]["locked"] = locked[:-8] + ("A" if locked[-8] != "A" else "B") + locked[-7:]
    assert unsealed(kept, vault).trouble
    with pytest.raises(FeedsmithError):
        vault.unlock("nonsense")


def test_an_account_of_an_older_key_opens_with_both(tmp_path: Path) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    kept = sealed(connection(), Vault([old], "test"))
    assert unsealed(kept, Vault([new, old], "test")) == connection()


def test_a_new_key_locks_everything_anew_and_a_kill_in_between_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = FolderShelf(tmp_path)
    for number in ("1", "2"):
        shelf.put(connection(number, f"a{number}"))
    before = (tmp_path / "secret.key").read_text()
    real, killed = FolderShelf._write, []

    def put(self: FolderShelf, one: Connection) -> None:
        if killed:
            raise KeyboardInterrupt
        killed.append(one)
        real(self, one)

    monkeypatch.setattr(FolderShelf, "_write", put)
    with pytest.raises(KeyboardInterrupt):
        shelf.change_key()
    monkeypatch.setattr(FolderShelf, "_write", real)
    assert all(not c.trouble for c in FolderShelf(tmp_path).all())
    assert FolderShelf(tmp_path).change_key() == 2
    after = (tmp_path / "secret.key").read_text()
    assert len(after.split()) == 1
    assert after != before
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [c.token.secret for c in FolderShelf(tmp_path).all()] == [SECRET, SECRET]
    monkeypatch.setenv(KEY, after.strip())
    with pytest.raises(FeedsmithError, match="comes from the environment"):
        FolderShelf(tmp_path).change_key()


def test_a_key_file_that_others_can_read_is_closed(tmp_path: Path) -> None:
    vault_for(tmp_path)
    (tmp_path / "secret.key").chmod(0o644)
    vault_for(tmp_path)
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_damaged_account_is_named(tmp_path: Path) -> None:
    FolderShelf(tmp_path).put(connection())
    (path,) = (tmp_path / "accounts").glob("*.json")
    for text in ("{", '{"account": 1}'):
        path.write_text(text)
        with pytest.raises(FeedsmithError, match="not an account"):
            FolderShelf(tmp_path).all()
