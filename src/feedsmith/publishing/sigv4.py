"""AWS Signature Version 4, as S3-compatible storage asks for it: signed requests and presigned addresses.

Pure: keys, an address and a moment go in, headers or an address come out. Its hundred lines stand here because the
client libraries weigh 21 MB (minio) and 37 MB (boto3) for three requests.
Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference, whose worked
examples are the tests.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY = hashlib.sha256(b"").hexdigest()
SECONDS_MAX = 7 * 24 * 3600
"""A presigned address is good for at most a week."""


class Keys(NamedTuple):
    """What a bucket's owner signs with. Never printed."""

    access: str
    secret: str
    token: str = ""
    """Of temporary keys; '' for lasting ones."""

    def __repr__(self) -> str:
        return "Keys(…)"


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    digest: str,
    keys: Keys,
    region: str,
    at: datetime,
) -> dict[str, str]:
    """`headers` with Host, date, digest and Authorization added; all of them are signed.

    `digest`: SHA-256 of the body in hex. `at`: now, with a time zone. The path of `url` is percent-encoded already.
    """
    parts = urlsplit(url)
    stamp = _stamp(at)
    whole = {
        **headers,
        "Host": parts.netloc,
        "x-amz-date": stamp,
        "x-amz-content-sha256": digest,
        **({"x-amz-security-token": keys.token} if keys.token else {}),
    }
    plain = {name.lower(): " ".join(value.split()) for name, value in whole.items()}
    names = ";".join(sorted(plain))
    asked = _canonical(method, parts.path, parse_qsl(parts.query, True), plain, digest)
    scope = _scope(stamp, region)
    made = _signature(asked, stamp, scope, keys, region)
    whole["Authorization"] = (
        f"{ALGORITHM} Credential={keys.access}/{scope},SignedHeaders={names},Signature={made}"
    )
    return whole


def presigned(
    method: str, url: str, keys: Keys, region: str, at: datetime, seconds: int = 3600
) -> str:
    """`url` with a signature in its query: whoever has it may do `method` there for so many seconds from
    `at` on, 1 to SECONDS_MAX."""
    if not 1 <= seconds <= SECONDS_MAX:
        raise ValueError(f"{seconds} seconds; 1 to {SECONDS_MAX} are possible")
    parts = urlsplit(url)
    stamp = _stamp(at)
    scope = _scope(stamp, region)
    query = [
        *parse_qsl(parts.query, True),
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{keys.access}/{scope}"),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", str(seconds)),
        ("X-Amz-SignedHeaders", "host"),
        *([("X-Amz-Security-Token", keys.token)] if keys.token else []),
    ]
    asked = _canonical(method, parts.path, query, {"host": parts.netloc}, UNSIGNED)
    made = _signature(asked, stamp, scope, keys, region)
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{_query(query)}&X-Amz-Signature={made}"


def _canonical(
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    digest: str,
) -> str:
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    names = ";".join(sorted(headers))
    return f"{method}\n{path or '/'}\n{_query(query)}\n{lines}\n{names}\n{digest}"


def _query(pairs: Sequence[tuple[str, str]]) -> str:
    coded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in coded)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _scope(stamp: str, region: str) -> str:
    return f"{stamp[:8]}/{region}/s3/aws4_request"


def _signature(asked: str, stamp: str, scope: str, keys: Keys, region: str) -> str:
    said = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = b"AWS4" + keys.secret.encode()
    for part in (stamp[:8], region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, said.encode(), "sha256").hex()
