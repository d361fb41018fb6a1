"""Signatures are those of the worked examples in Amazon's documentation, to the last digit."""

import hashlib
from datetime import UTC, datetime

import pytest

from feedsmith.publishing.sigv4 import EMPTY, Keys, presigned, signed

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
DAY = datetime(2013, 5, 24, tzinfo=UTC)
SITE = "https://examplebucket.s3.amazonaws.com"


def signature(headers: dict[str, str]) -> str:
    return headers["Authorization"].rpartition("Signature=")[2]


def test_a_presigned_address_is_the_documented_one() -> None:
    assert presigned("GET", f"{SITE}/test.txt", KEYS, "us-east-1", DAY, 86400) == (
        f"{SITE}/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_a_signed_get_is_the_documented_one() -> None:
    made = signed("GET", f"{SITE}/test.txt", {"Range": "bytes=0-9"}, EMPTY, KEYS, "us-east-1", DAY)
    assert signature(made) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_a_signed_put_is_the_documented_one() -> None:
    headers = {
        "Date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    digest = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
    made = signed("PUT", f"{SITE}/test%24file.text", headers, digest, KEYS, "us-east-1", DAY)
    assert signature(made) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"


def test_queries_are_sorted_and_coded_as_documented() -> None:
    lifecycle = signed("GET", f"{SITE}/?lifecycle=", {}, EMPTY, KEYS, "us-east-1", DAY)
    assert signature(lifecycle) == (
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )
    listed = signed("GET", f"{SITE}/?prefix=J&max-keys=2", {}, EMPTY, KEYS, "us-east-1", DAY)
    assert signature(listed) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"


def test_a_presigned_address_lasts_a_week_at_most() -> None:
    with pytest.raises(ValueError, match="604800"):
        presigned("GET", f"{SITE}/a", KEYS, "us-east-1", DAY, 604_801)


def test_keys_are_never_printed() -> None:
    assert "wJalr" not in repr(KEYS)
