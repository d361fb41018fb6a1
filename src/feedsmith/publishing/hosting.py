"""Hosting: where Instagram fetches media from, for as long as it needs to.

Two ways: the studio's own expiring signed links, where it has a public address (signing and checking are
functions here; the studio's route calls `checked` and `served`), and any S3-compatible bucket (upload,
presigned GET, delete). Media goes when it is no longer needed: at once after publishing, or some days later.

Knows files, keys and one bucket; no database, no post. A bucket's keys come from the environment and
only signatures made with them travel.
"""

import base64
import hashlib
import hmac
import http.client
import os
import re
import ssl
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

import feedsmith
from feedsmith import environment
from feedsmith.brand import HostingSettings
from feedsmith.errors import FeedsmithError
from feedsmith.files import writing
from feedsmith.outside import Checked, Unreachable
from feedsmith.post import Value
from feedsmith.publishing import sigv4
from feedsmith.publishing.sigv4 import Keys

ROUTE = "hosted"
"""First part of the studio's path of such links."""
KEY_MIN = 32
"""Bytes of the key that links are signed with."""
LINK_SECONDS = 26 * 3600
"""Instagram's containers live 24 hours; a link outlives them a little."""
ABANDONED = timedelta(days=2)
"""What was never published is taken away so long after its link has ended."""
ACCESS, SECRET, TOKEN = "FEEDSMITH_S3_ACCESS_KEY", "FEEDSMITH_S3_SECRET_KEY", "FEEDSMITH_S3_TOKEN"
SECRET_FILE = "FEEDSMITH_S3_SECRET_KEY_FILE"  # noqa: S105
BUCKET = {
    "endpoint": "FEEDSMITH_S3_ENDPOINT", "bucket": "FEEDSMITH_S3_BUCKET", "region": "FEEDSMITH_S3_REGION",
    "prefix": "FEEDSMITH_S3_PREFIX", "public": "FEEDSMITH_S3_PUBLIC",
    "path_style": "FEEDSMITH_S3_PATH_STYLE", "keep_days": "FEEDSMITH_S3_KEEP_DAYS",
}  # fmt: skip
"""Environment variables for what [hosting] in brand.toml says, by its names."""
TRIES, PAUSE = 3, 0.5
"""Times that a request is made where the storage is busy or the line breaks, and seconds before the second."""
SLOWEST = 50_000
"""Bytes a second under which an upload is given up."""
_KINDS = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".mp4": "video/mp4", ".mov": "video/quicktime"}  # fmt: skip
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


class Host(Protocol):
    """A place that Instagram can fetch from."""

    def put(self, file: Path, name: str, seconds: int = LINK_SECONDS) -> str:
        """Make a file fetchable under a name such as "post-7/01-3fa9.jpg"; returns its address, good for
        so many seconds. Twice is once. Raises FeedsmithError."""
        ...

    def remove(self, name: str) -> None:
        """Take it away; what is gone already is no error. Raises FeedsmithError."""
        ...


class Hosted(Value):
    """One file that lies where Instagram may fetch it; kept by whoever publishes."""

    name: str
    ends: datetime
    """When its link ends."""
    published: datetime | None = None
    """When the post it belongs to went out; None where it did not."""


def named(post: str, file: Path) -> str:
    """The name under which a file is hosted: post, file and the first of its SHA-256, so that what was
    changed is another file to everybody's cache."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    stem = re.sub(r"[^A-Za-z0-9_-]", "-", file.stem)[:60].strip("-") or "file"
    return f"{re.sub(r'[^A-Za-z0-9_-]', '-', post)[:80].strip('-') or 'post'}/{stem}-{digest}{file.suffix.lower()}"


def over(hosted: Hosted, keep_days: float, now: datetime) -> bool:
    """Whether a file is to go: `keep_days` after it was published (0: at once); one that never was,
    ABANDONED after its link ended. Never while its link may still be needed."""
    if hosted.published is not None:
        return now >= hosted.published + timedelta(days=keep_days)
    return now >= hosted.ends + ABANDONED


def sweep(
    host: Host, files: Iterable[Hosted], keep_days: float, now: datetime
) -> tuple[list[Hosted], list[FeedsmithError]]:
    """Take away what is over. Returns what is gone, and what stood in the way of the others, which are
    to be tried again later."""
    gone, faults = [], []
    for hosted in files:
        if over(hosted, keep_days, now):
            try:
                host.remove(hosted.name)
                gone.append(hosted)
            except FeedsmithError as error:
                faults.append(error)
    return gone, faults


# ---- the studio's own links ----------------------------------------------------------------------


class NotServed(FeedsmithError):
    """A link that opens nothing: to be answered with 404, whatever is wrong with it."""


def link(base: str, key: bytes, name: str, until: datetime) -> str:
    """An address under the studio's public one that opens one file until a moment, to whoever has it.

    `base`: e.g. "https://studio.example"; `key`: at least KEY_MIN secret bytes; `name`: as `named` makes it.
    Plain ASCII, ends in the file's suffix. Raises FeedsmithError for a name that is none.
    """
    parts = _parts(name)
    ends = int(until.timestamp())
    return f"{base.rstrip('/')}/{ROUTE}/{ends}/{_mac(key, ends, name)}/{'/'.join(parts)}"


def checked(key: bytes, ends: str, mac: str, name: str, now: datetime) -> str:
    """The name that a link opens, from the three parts of its path behind ROUTE, percent-decoded.

    Raises NotServed where it was not signed with `key` for exactly this name and end, or has ended.
    """
    try:
        end = int(ends) if re.fullmatch(r"[0-9]{1,11}", ends, re.A) else -1
        right = hmac.compare_digest(_mac(key, end, name).encode(), mac.encode("utf-8", "replace"))
        _parts(name)
    except FeedsmithError:
        right = False
    if not right:
        raise NotServed("this link was not made here", mend="make a new one")
    if now.timestamp() >= end:
        raise NotServed("this link has ended", mend="make a new one")
    return name


def served(root: Path, name: str) -> Path:
    """The file of a name in the folder that is served. Raises NotServed for what is not there, is no
    plain file, or leads out of the folder (by a symbolic link, too)."""
    try:
        file = root.joinpath(*_parts(name)).resolve(strict=True)
    except (FeedsmithError, OSError, ValueError):
        raise NotServed("there is no such file") from None
    if not file.is_relative_to(root.resolve()) or not file.is_file():
        raise NotServed("there is no such file")
    return file


class Links:
    """The studio as a host: files in one folder, behind signed links. A Host."""

    def __init__(self, base: str, key: bytes, root: Path) -> None:
        if not re.match(r"https?://[^/]", base):
            raise FeedsmithError(
                f'"{base}" is not a public address', mend="write it like https://studio.example"
            )
        if len(key) < KEY_MIN:
            raise FeedsmithError(
                f"the key for signed links has {len(key)} bytes", mend=f"use {KEY_MIN} or more"
            )
        self.base, self.root, self._key = base, root, key

    def put(self, file: Path, name: str, seconds: int = LINK_SECONDS) -> str:
        target = self.root.joinpath(*_parts(name))
        if not target.exists():
            with writing(target) as out, file.open("rb") as stream:
                while piece := stream.read(1 << 20):
                    out.write(piece)
        return link(self.base, self._key, name, datetime.now(UTC) + timedelta(seconds=seconds))

    def remove(self, name: str) -> None:
        target = self.root.joinpath(*_parts(name))
        try:
            target.unlink(missing_ok=True)
            if target.parent != self.root and not any(target.parent.iterdir()):
                target.parent.rmdir()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise FeedsmithError(
                f"{target}: cannot be removed ({(error.strerror or str(error)).lower()})",
                mend="check the folder's permissions",
            ) from error


def _mac(key: bytes, ends: int, name: str) -> str:
    said = f"feedsmith hosted 1\n{ends}\n{name}".encode("utf-8", "replace")
    return base64.urlsafe_b64encode(hmac.digest(key, said, "sha256")).rstrip(b"=").decode()


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a hosted name. Raises FeedsmithError for one that could mean another place."""
    parts = name.split("/")
    if len(name) > 512 or not all(_PART.fullmatch(part) for part in parts):
        raise FeedsmithError(
            f"{name[:80]!r} is no name for a hosted file",
            mend="letters, digits, '_', '-' and '.', in folders if you like",
        )
    return PurePosixPath(name).parts


# ---- a bucket ------------------------------------------------------------------------------------


def settings_of(brand: HostingSettings) -> HostingSettings:
    """The brand's bucket; where it names none, that of the environment (BUCKET), for all brands of a machine.
    Raises FeedsmithError where these cannot be right."""
    if brand.bucket:
        return brand
    said = {name: os.environ.get(variable, "").strip() for name, variable in BUCKET.items()}
    said = {name: value for name, value in said.items() if value}
    if not said.get("bucket") and not said.get("endpoint"):
        return brand
    try:
        return HostingSettings.model_validate(brand.model_dump(exclude_unset=True) | said)
    except ValidationError as error:
        first = error.errors()[0]
        where = BUCKET.get(str(first["loc"][0]) if first["loc"] else "", BUCKET["endpoint"])
        raise FeedsmithError(
            f"{where}: {first['msg'].removeprefix('Value error, ')}",
            mend="correct it where Feedsmith is started",
        ) from error


def keys_from_environment() -> Keys:
    """The bucket's keys. Raises FeedsmithError where they are not there, or cannot be keys."""
    access = os.environ.get(ACCESS, "").strip()
    mend = "name a file that holds the secret key and nothing else"
    secret, source = environment.filed(SECRET_FILE, mend), SECRET_FILE
    if secret is None:
        secret, source = os.environ.get(SECRET, "").strip(), SECRET
    if not access or not secret:
        raise FeedsmithError(
            f"the bucket's keys are not set ({ACCESS if not access else SECRET} is empty)",
            mend=f"set {ACCESS} and {SECRET}, or {SECRET_FILE}, where Feedsmith is started",
        )
    for value, name in ((access, ACCESS), (secret, source)):
        if not re.fullmatch(r"[!-~]+", value):
            raise FeedsmithError(
                f"{name}: this cannot be a key, it has blanks or line breaks in it",
                mend="put the key there and nothing else",
            )
    return Keys(access, secret, environment.secret(TOKEN, "the session's token"))


class _Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Bucket:
    """One bucket of one S3-compatible storage: AWS, Cloudflare R2, Backblaze B2, MinIO, Garage ... A Host.

    `allowed`: networks that the storage may be in beside the public internet (feedsmith.outside).
    Raises FeedsmithError for settings that cannot be right.
    """

    def __init__(self, settings: HostingSettings, keys: Keys, *, allowed: str = "") -> None:
        if not settings.bucket:
            raise FeedsmithError(
                "no bucket is named", mend="set endpoint and bucket under [hosting] in brand.toml"
            )
        self.settings = settings
        self._keys = keys
        self._allowed = allowed
        self._pause = PAUSE
        parts = urlsplit(settings.endpoint)
        self.where = parts.netloc
        self._up = self._based(settings.endpoint)
        self._down = self._based(settings.public or settings.endpoint)

    def put(self, file: Path, name: str, seconds: int = LINK_SECONDS) -> str:
        """Upload a file and return its presigned address; see Host. At most a week."""
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        headers = {
            "Content-Type": _KINDS.get(file.suffix.lower(), "application/octet-stream"),
            "Content-Length": str(file.stat().st_size),
        }
        self._asked("PUT", name, headers, digest, file)
        return self.address(name, seconds)

    def address(self, name: str, seconds: int = LINK_SECONDS) -> str:
        """A presigned GET of what was put; nothing is asked of the storage."""
        url = f"{self._down}/{self._key_of(name)}"
        region, at = self.settings.region, datetime.now(UTC)
        return sigv4.presigned("GET", url, self._keys, region, at, min(seconds, sigv4.SECONDS_MAX))

    def remove(self, name: str) -> None:
        self._asked("DELETE", name, {}, sigv4.EMPTY)

    def _based(self, url: str) -> str:
        """The bucket's own address at an endpoint, without a slash at its end."""
        parts = urlsplit(url.rstrip("/"))
        bucket = self.settings.bucket
        if self.settings.path_style:
            return f"{parts.scheme}://{parts.netloc}{parts.path}/{bucket}"
        return f"{parts.scheme}://{bucket}.{parts.netloc}{parts.path}"

    def _key_of(self, name: str) -> str:
        folder = self.settings.prefix.strip("/")
        return quote("/".join((*([folder] if folder else []), *_parts(name))), safe="/-_.~")

    def _asked(
        self, method: str, name: str, headers: dict[str, str], digest: str, body: Path | None = None
    ) -> None:
        """One request, tried TRIES times where that may help; all of them may be made twice."""
        url = f"{self._up}/{self._key_of(name)}"
        for tried in range(1, TRIES + 1):
            try:
                answer = self._sent(method, url, headers, digest, body)
            except Unreachable:
                raise
            except (OSError, http.client.HTTPException, ValueError) as error:
                trouble, passes = self._broken(error), not isinstance(error, ssl.SSLError)
            else:
                if answer.status < 300 or (method == "DELETE" and answer.status == 404):
                    return
                trouble, passes = (
                    self._refused(answer),
                    answer.status in (408, 429, 500, 502, 503, 504),
                )
            if not passes or tried == TRIES:
                raise trouble
            time.sleep(self._pause * 2.0 ** (tried - 1))

    def _sent(
        self, method: str, url: str, headers: dict[str, str], digest: str, body: Path | None
    ) -> _Answer:
        parts = urlsplit(url)
        given = {**headers, "User-Agent": f"Feedsmith/{feedsmith.__version__}"}
        region, at = self.settings.region, datetime.now(UTC)
        whole = sigv4.signed(method, url, given, digest, self._keys, region, at)
        connection = Checked(
            parts,
            allowed=self._allowed,
            mend="use a storage that the internet reaches: Instagram fetches from it, too",
            timeout=20,
        )
        size = int(headers.get("Content-Length", 0))
        with connection.ended_after(60 + size / SLOWEST):
            stream: IO[bytes] | None = body.open("rb") if body is not None else None
            try:
                connection.request(method, parts.path, stream, whole)
                answer = connection.getresponse()
                return _Answer(answer.status, answer.headers, answer.read(1 << 16))
            finally:
                if stream is not None:
                    stream.close()

    def _broken(self, error: Exception) -> FeedsmithError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return FeedsmithError(
                f"{self.where}: its certificate is not trusted ({error.verify_message})",
                mend="for a certificate of your own, name its authority's file in SSL_CERT_FILE",
            )
        said = str(getattr(error, "strerror", "") or error or type(error).__name__).lower()
        return FeedsmithError(
            f"the storage at {self.where} cannot be reached ({said[:120]})",
            mend="check endpoint under [hosting] in brand.toml, and that the storage is up",
        )

    def _refused(self, answer: _Answer) -> FeedsmithError:
        """What the storage's error code means (Amazon S3 API reference, "Error responses")."""
        text = answer.body.decode("utf-8", "replace")
        found = re.search(r"<Code>(\w{1,60})</Code>", text)
        code = found[1] if found else ""
        bucket = self.settings.bucket
        region = answer.headers.get("x-amz-bucket-region", "")
        said, mend = {
            "InvalidAccessKeyId": (f"does not know the key in {ACCESS}", "set the right one"),
            "SignatureDoesNotMatch": (f"refuses the key in {SECRET}", "set the one that belongs to "
                f"{ACCESS}, and check region under [hosting]"),
            "NoSuchBucket": (f'has no bucket "{bucket}"', "make it there, or correct its name"),
            "AccessDenied": (f'does not let these keys use "{bucket}"',
                "allow them s3:PutObject, s3:GetObject and s3:DeleteObject there"),
            "RequestTimeTooSkewed": ("has another time than this machine", "set this machine's clock"),
            "AuthorizationHeaderMalformed": ("wants another region", "set region under [hosting]"),
            "PermanentRedirect": ("keeps this bucket in another region", "set region and endpoint"),
            "InternalError": ("fails on its own side", "look whether it is full, and what its log says"),
            "XMinioStorageFull": ("is full", "make room there, or use another"),
            "QuotaExceeded": ("is full: its quota is reached", "make room there, or raise it"),
            "EntityTooLarge": ("takes no file as large as this", "allow larger ones there"),
        }.get(code, (f"turns the request down ({answer.status} {code})".replace(" )", ")"),
                     "look at what the storage says of it, and try again"))  # fmt: skip
        if region and region != self.settings.region:
            mend = f'set region = "{region}" under [hosting] in brand.toml'
        return FeedsmithError(f"the storage at {self.where} {said}", mend=mend)
