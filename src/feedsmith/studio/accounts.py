"""Accounts of a brand: which are connected, which one posts, and the client of one.

The same folder as `feedsmith connect` keeps. Who only wants names opens no lock.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from feedsmith.errors import FeedsmithError
from feedsmith.publishing.connect import REFRESH_AFTER
from feedsmith.publishing.tokens import Account, Connection, FolderShelf
from feedsmith.studio.models import Brand, Draft


@dataclass(frozen=True)
class Known:
    """An account, without what opens it."""

    account: Account
    trouble: str = ""
    issued: datetime | None = None
    """When its token was."""
    expires: datetime | None = None
    """When its token ends; None for one that does not by itself."""

    def stale(self, now: datetime) -> bool:
        """Whether its token is to be refreshed (publishing.connect.due says it exactly)."""
        refreshable = self.account.login == "instagram" and not self.trouble
        return refreshable and self.issued is not None and now - self.issued >= REFRESH_AFTER


def folder_of(brand: Brand) -> Path:
    return Path(brand.home.root) / "publishing"


def shelf_of(brand: Brand) -> FolderShelf:
    return FolderShelf(folder_of(brand))


def connected(brand: Brand) -> list[Known]:
    """By user name; a file that is no account is left out, the accounts' page says so."""
    found = []
    for path in sorted((folder_of(brand) / "accounts").glob("*.json")):
        try:
            told = json.loads(path.read_text("utf-8"))
            account = Account.model_validate(told["account"])
            issued = datetime.fromisoformat(told["token"]["issued"])
            ends = told["token"]["expires"]
            expires = datetime.fromisoformat(ends) if ends else None
            found.append(Known(account, str(told["trouble"]), issued, expires))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda known: known.account.username)


def usual(brand: Brand, among: list[Known] | None = None) -> Known | None:
    """The account that posts where a post names none; None where none is connected."""
    known = connected(brand) if among is None else among
    if not brand.account:
        return known[0] if known else None
    # One that is gone is not replaced by chance: its posts wait, and say so.
    return next((k for k in known if k.account.id == brand.account), None)


def of_draft(draft: Draft, among: list[Known] | None = None) -> Known | None:
    """The account that posts this; None where it is not connected (any more)."""
    known = connected(draft.brand) if among is None else among
    if not draft.account:
        return usual(draft.brand, known)
    return next((k for k in known if k.account.id == draft.account), None)


def lost(draft: Draft, among: list[Known]) -> bool:
    """Whether the account that was to post this is not connected any more. A brand that has none, and
    whose owner disconnected the last, posts by hand."""
    wanted = bool(among or draft.account or draft.brand.account)
    return wanted and of_draft(draft, among) is None


def everywhere() -> list[Connection]:
    """All that opens an account of any brand; files that are no account are left out."""
    found = []
    for brand in Brand.objects.all():
        found += [c for k in connected(brand) if (c := opened(brand, k.account.id)) is not None]
    return found


def opened(brand: Brand, account: str) -> Connection | None:
    """What opens an account; None where it is not connected, or its file cannot be read."""
    try:
        return shelf_of(brand).get(account)
    except FeedsmithError:
        return None
