"""Links: the studio's own addresses for media that Instagram fetches, and which host a brand has."""

from pathlib import Path

from django.conf import settings
from django.utils.crypto import salted_hmac

from feedsmith.errors import FeedsmithError
from feedsmith.publishing.hosting import (
    Bucket,
    Host,
    Links,
    keys_from_environment,
    settings_of,
)
from feedsmith.publishing.tokens import Account
from feedsmith.studio.models import Brand

LOOPBACK = "127.0.0.0/8,::1/128"
OWN = f"{LOOPBACK},10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7"
"""This machine and private networks: containers of one compose file speak to each other there. For a fake Instagram of one's
own, and for a storage that whoever starts the studio names; of a storage that a brand's file names only this machine, and
only beside a fake Instagram: whoever writes that file need not be who may reach the machines around us."""


def key() -> bytes:
    """What signs links: derived from the studio's key, 32 bytes."""
    return salted_hmac("feedsmith.hosted", "links", algorithm="sha256").digest()


def root() -> Path:
    """The folder of what lies open behind signed links."""
    return Path(settings.STUDIO.folder) / "hosted"


def host_of(brand: Brand, account: Account) -> Host:
    """Where Instagram fetches this brand's media from. Raises FeedsmithError where nowhere."""
    config = settings.STUDIO
    if config.public_url:
        return Links(config.url, key(), root())
    hosting = settings_of(brand.file.hosting)
    if hosting.bucket:
        named_here = not brand.file.hosting.bucket
        near = OWN if named_here else LOOPBACK if account.server else ""
        return Bucket(hosting, keys_from_environment(), allowed=near)
    if account.server:  # a fake one on this machine reaches this machine
        return Links(config.url, key(), root())
    raise FeedsmithError(
        "Instagram cannot fetch the files: the studio has no public address, and the brand no bucket",
        mend="start the studio with --url https://..., or set a bucket under [hosting] in brand.toml, or "
        "share it by hand",
    )


def keep_days(brand: Brand) -> float:
    """Days that media stays after it was published. Raises FeedsmithError for settings that are wrong."""
    return settings_of(brand.file.hosting).keep_days
