"""Photos in an S3-compatible bucket: which there are, and their bytes.

Keys come from the environment (publishing.hosting); endpoint and region from there or from [hosting] in
brand.toml. Knows one storage; decodes nothing.
"""

import hashlib
import http.client
import os
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from feedsmith.brand import HostingSettings
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.photo_file import FILE_BYTES_MAX, PHOTO_SUFFIXES
from feedsmith.prepare.origin import CAPTION_BYTES_MAX, Origin
from feedsmith.prepare.stage import Elsewhere
from feedsmith.publishing import sigv4
from feedsmith.publishing.hosting import BUCKET
from feedsmith.publishing.sigv4 import Keys
from feedsmith.sources.caption import decode
from feedsmith.sources.photos import natural

SCHEME = "s3://"
ENDPOINT, REGION = BUCKET["endpoint"], BUCKET["region"]
TRIES, PAUSE = 4, 0.5
"""Times that a request is made where the line breaks, and seconds before the second."""
SECONDS = 60.0


class Storage(NamedTuple):
    """A bucket's prefix, and what it is read with; travels to workers."""

    endpoint: str
    region: str
    bucket: str
    prefix: str
    keys: Keys

    @classmethod
    def of(cls, address: str, hosting: HostingSettings, keys: Keys) -> "Storage":
        """Of "s3://bucket/prefix". Raises FeedsmithError where it is none."""
        bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
        if not address.startswith(SCHEME) or not bucket:
            raise FeedsmithError(
                f"{address}: names no bucket", mend="write it as s3://bucket/folder"
            )
        region = os.environ.get(REGION, "") or hosting.region
        amazon = f"https://s3.{region}.amazonaws.com"
        endpoint = os.environ.get(ENDPOINT, "") or hosting.endpoint or amazon
        return cls(endpoint.rstrip("/"), region, bucket, prefix, keys)

    @property
    def place(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def read(self, file: str, most: int = FILE_BYTES_MAX) -> bytes:
        """The bytes of "s3://bucket/key". Raises Refused where it is not there or too large, and
        FeedsmithError where the storage cannot be reached."""
        key = file.removeprefix(f"{SCHEME}{self.bucket}/")
        status, body = self._asked(f"/{self.bucket}/{quote(key, safe='/-_.~')}", most)
        if status == 404:
            raise Refused("there is no such file")
        if status != 200:
            raise self._refused(status, body)
        if len(body) > most:
            raise Refused(f"more than {most >> 20} MB, which is not read")
        return body

    def photos(self) -> Elsewhere:
        """The photos under the prefix, in the order of their names; IMG_1.txt beside IMG_1.jpg is its
        caption. Raises FeedsmithError where there are none."""
        base = self.prefix if not self.prefix or self.prefix.endswith("/") else f"{self.prefix}/"
        stamp, names = hashlib.sha256(), set[str]()
        for key, tag in self._listed(base):
            name = key.removeprefix(base)
            if not any(part.startswith(".") for part in name.split("/")):
                names.add(name)
                stamp.update(f"{key}\0{tag}\n".encode())
        photos = [name for name in names if Path(name).suffix.lower() in PHOTO_SUFFIXES]
        if not photos:
            raise FeedsmithError(
                f"{self.place}: no photos in it",
                mend="name a folder with JPEG, PNG, WebP or HEIC files",
            )
        found = []
        for name in sorted(photos, key=natural):
            beside = (f"{name}.txt", f"{name.rpartition('.')[0]}.txt")
            words = next((self._words(base + text) for text in beside if text in names), "")
            found.append(Origin(f"{SCHEME}{self.bucket}/{base}{name}", name, caption=words))
        return Elsewhere(found, stamp.hexdigest(), self.place)

    def _words(self, key: str) -> str:
        try:
            return decode(self.read(f"{SCHEME}{self.bucket}/{key}", CAPTION_BYTES_MAX)).strip()
        except Refused:
            return ""

    def _listed(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Keys and what changes with their content."""
        token = ""
        while True:
            asked = {"list-type": "2", "prefix": prefix}
            if token:
                asked["continuation-token"] = token
            query = urlencode(sorted(asked.items()), quote_via=quote, safe="-_.~")
            status, body = self._asked(f"/{self.bucket}?{query}", 1 << 26)
            if status != 200:
                raise self._refused(status, body)
            try:
                page = ET.fromstring(body)  # noqa: S314  of the storage whose keys we hold
            except ET.ParseError as error:
                raise FeedsmithError(
                    f"{self.endpoint}: does not answer as S3 does", mend=f"check {ENDPOINT}"
                ) from error
            space = page.tag.partition("}")[0] + "}" if page.tag.startswith("{") else ""
            for item in page.iter(f"{space}Contents"):
                tag = item.findtext(f"{space}ETag", "") + item.findtext(f"{space}Size", "")
                yield item.findtext(f"{space}Key", ""), tag
            token = page.findtext(f"{space}NextContinuationToken", "")
            if not token:
                return

    def _asked(self, path: str, most: int) -> tuple[int, bytes]:
        """(status, body up to one byte more than `most`) of a GET, tried again where that may help."""
        parts = urlsplit(self.endpoint)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        for tried in range(1, TRIES + 1):
            connection = kind(parts.netloc, timeout=SECONDS)
            try:
                now = datetime.now(UTC)
                url = f"{self.endpoint}{path}"
                headers = sigv4.signed("GET", url, {}, sigv4.EMPTY, self.keys, self.region, now)
                connection.request("GET", parts.path + path, headers=headers)
                answer = connection.getresponse()
                if answer.status not in (429, 500, 502, 503, 504) or tried == TRIES:
                    body = answer.read(most + 1)
                    length = answer.getheader("Content-Length", "")
                    # Asked for so many bytes at most, http.client says nothing of a line that broke.
                    if length.isdigit() and len(body) < min(int(length), most + 1):
                        raise ConnectionResetError(f"it ended after {len(body)} of {length} bytes")
                    return answer.status, body
            except (OSError, http.client.HTTPException) as error:
                if tried == TRIES:
                    said = str(getattr(error, "strerror", "") or error or type(error).__name__)
                    raise FeedsmithError(
                        f"the storage at {parts.netloc} cannot be reached ({said.lower()[:120]})",
                        mend=f"check {ENDPOINT}, and that the storage is up; what is done is kept",
                    ) from error
            finally:
                connection.close()
            time.sleep(PAUSE * 2.0 ** (tried - 1))
        raise AssertionError

    def _refused(self, status: int, body: bytes) -> FeedsmithError:
        code = body.decode("utf-8", "replace").partition("<Code>")[2].partition("<")[0][:60]
        return FeedsmithError(
            f"the storage at {urlsplit(self.endpoint).netloc} does not give {self.place} "
            f"({status} {code})".replace(" )", ")"),
            mend="check the bucket's name and region, and that the keys may list and read it",
        )
