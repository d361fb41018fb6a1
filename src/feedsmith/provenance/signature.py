"""Signature: C2PA manifests with a key that the user brings, through the extra `c2pa`.

Knows keys, certificates and stamped files. Nothing here is sent anywhere, and no key is ever
printed, logged or kept.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from feedsmith.errors import FeedsmithError
from feedsmith.files import writing
from feedsmith.provenance.containers import copy, read
from feedsmith.provenance.stamp import NEWSCODES, Stamp

_MIME = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".mp4": "video/mp4"}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_EKUS = {
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.36": "documentSigning",
    "1.3.6.1.4.1.62558.2.1": "C2PA claim signing",
    "1.3.6.1.4.1.311.76.59.1.9": "Microsoft C2PA signing",
}
"""Extended key usages of which a signing certificate must have one (C2PA 2.2, c2pa-rs's list)."""
_C2PA_SETTINGS: dict[str, Any] = {
    # No thumbnails: a second copy of every picture. No look at the network.
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {
        "verify_after_sign": False,
        "verify_trust": False,
        "ocsp_fetch": False,
        "remote_manifest_fetch": False,
    },
    "trust": {"trust_config": "\n".join(_EKUS)},
}
KEY_VARIABLE, CERTIFICATE_VARIABLE = "FEEDSMITH_C2PA_KEY", "FEEDSMITH_C2PA_CERTIFICATE"


class Signing(NamedTuple):
    """A key and certificate of the user's, checked against each other. Never printed."""

    algorithm: str
    """es256, es384, es512, ps256 or ed25519."""
    key: bytes
    """PKCS #8, PEM."""
    chain: bytes
    """PEM, the signing certificate first."""

    def __repr__(self) -> str:
        return f"Signing({self.algorithm})"


def signing(key: Path | str = "", certificate: Path | str = "") -> Signing:
    """Read and check a key and its certificate chain: paths of PEM files, or PEM text.

    Where one is empty, the environment's FEEDSMITH_C2PA_KEY or FEEDSMITH_C2PA_CERTIFICATE is taken.
    Keys: ECDSA on P-256, P-384 or P-521, RSA of 2048 bits and more, Ed25519. The certificate must be
    of that key, valid now, no authority's, allowed to sign (key usage digitalSignature), meant for
    it (extended key usage emailProtection, documentSigning or C2PA claim signing) and name its
    issuer's key; the chain goes up to, but needs not hold, the root. Raises FeedsmithError for
    everything else, and where the extra `c2pa` is not installed.
    """
    _c2pa()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    pem = _pem(key or os.environ.get(KEY_VARIABLE, ""), "signing key", KEY_VARIABLE)
    try:
        secret = serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise FeedsmithError(
            "the signing key is locked with a passphrase",
            mend="write an unlocked copy that only you can read: openssl pkcs8 -topk8 -nocrypt "
            "-in locked.pem -out key.pem",
        ) from None
    except Exception:  # noqa: BLE001  whatever it says may quote the key
        raise FeedsmithError(
            "the signing key cannot be read",
            mend="give a private key in PEM form (-----BEGIN PRIVATE KEY-----)",
        ) from None
    if isinstance(secret, ec.EllipticCurvePrivateKey):
        algorithm = _CURVES.get(secret.curve.name, "")
    elif isinstance(secret, rsa.RSAPrivateKey):
        algorithm = "ps256" if secret.key_size >= 2048 else ""
    else:
        algorithm = "ed25519" if isinstance(secret, ed25519.Ed25519PrivateKey) else ""
    if not algorithm:
        raise FeedsmithError(
            "the signing key is of a kind that C2PA does not take",
            mend="use ECDSA on P-256, P-384 or P-521, RSA of at least 2048 bits, or Ed25519",
        )
    chain = _pem(
        certificate or os.environ.get(CERTIFICATE_VARIABLE, ""),
        "signing certificate",
        CERTIFICATE_VARIABLE,
    )
    _check_certificate(chain, secret.public_key())
    whole = secret.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Signing(algorithm, whole, chain)


def _c2pa() -> Any:
    try:
        import c2pa
    except ImportError as error:
        raise FeedsmithError(
            "signing needs the package c2pa-python, which is not installed",
            mend="pip install 'feedsmith[c2pa]'",
        ) from error
    return c2pa


def _pem(source: Path | str, what: str, variable: str) -> bytes:
    if isinstance(source, str) and source.lstrip().startswith("-----BEGIN"):
        return source.strip().encode("utf-8", "replace") + b"\n"
    if not str(source):
        raise FeedsmithError(
            f"there is no {what}", mend=f"name its PEM file, or set {variable} to its path"
        )
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise FeedsmithError(
            f"{source}: the {what} cannot be read ({error.strerror})",
            mend=f"check the path, or what {variable} says",
        ) from error


def _check_certificate(chain: bytes, public: Any) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.x509.oid import ExtensionOID as ids  # noqa: N813

    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
        theirs = leaf.public_key().public_bytes(*form)
        told = {item.oid: item.value for item in leaf.extensions}
    except Exception as error:
        raise FeedsmithError(
            "the signing certificate cannot be read",
            mend="give a chain in PEM form (-----BEGIN CERTIFICATE-----), the signing one first",
        ) from error
    usage = told.get(ids.KEY_USAGE)
    purposes = {oid.dotted_string for oid in told.get(ids.EXTENDED_KEY_USAGE) or ()}
    basic = told.get(ids.BASIC_CONSTRAINTS)
    now = datetime.now(UTC)
    problem = ""
    if theirs != public.public_bytes(*form):
        problem = "is of another key (the signing certificate must be the first of the file)"
    elif not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        problem = (
            f"is valid from {leaf.not_valid_before_utc:%d %b %Y} to "
            f"{leaf.not_valid_after_utc:%d %b %Y} only"
        )
    elif getattr(basic, "ca", False):
        problem = "is an authority's, which must not sign files itself"
    elif not getattr(usage, "digital_signature", False):
        problem = "does not allow signing (key usage digitalSignature is missing)"
    elif not purposes & _EKUS.keys():
        problem = f"is for another purpose (extended key usage must be {', '.join(_EKUS.values())})"
    elif "2.5.29.37.0" in purposes:
        problem = "is for any purpose at all (anyExtendedKeyUsage), which C2PA refuses"
    elif ids.AUTHORITY_KEY_IDENTIFIER not in told:
        problem = "does not name its issuer's key (the authority key identifier is missing)"
    if problem:
        raise FeedsmithError(
            f"the signing certificate {problem}",
            mend="ask your certificate authority for one for document or e-mail signing, see "
            "https://opensource.contentauthenticity.org/docs/signing/get-cert",
        )


def signing_if_any() -> Signing | None:
    """The key that the environment names, read once for many files; None where it names none.

    Raises FeedsmithError as `signing` does."""
    return signing() if os.environ.get(KEY_VARIABLE) else None


def sign_c2pa(
    path: Path,
    key: Path | str | Signing = "",
    certificate: Path | str = "",
    *,
    stamp: Stamp | None = None,
    sources: Sequence[Path] = (),
    no_training: bool = False,
    timestamp_url: str = "",
) -> None:
    """Sign a stamped JPEG, GIF or MP4 with the user's key, replaced as a whole or not at all.

    The manifest names Feedsmith, what was done (c2pa.created with the stamp's digital source type)
    and covers every byte of the file, the stamp's credits included. `stamp` is by default what the
    file itself says; `sources` are the photos it was made of, named by their hashes (c2pa.placed);
    `no_training` forbids data mining and training of models (CAWG). Without `timestamp_url` nothing
    is sent anywhere, and the signature counts for as long as the certificate is valid. For many
    files read the key once with `signing`.

    Raises FeedsmithError: no extra, unsuitable key or certificate (see `signing`), unstamped file,
    or a signature that does not verify.
    """
    c2pa = _c2pa()
    by = key if isinstance(key, Signing) else signing(key, certificate)
    mime = _MIME.get(path.suffix.lower())
    stamp = stamp or read(path)
    if mime is None or stamp is None:
        raise FeedsmithError(
            f"{path}: " + ("carries no stamp" if mime else "is no JPEG, GIF or MP4"),
            mend="sign the files that Feedsmith made",
        )
    manifest = _manifest(path.name, mime, stamp, len(sources), no_training)
    try:
        with (
            c2pa.Context.from_dict(_C2PA_SETTINGS) as context,
            c2pa.Signer.from_info(
                c2pa.C2paSignerInfo(by.algorithm, by.chain, by.key, timestamp_url or None)
            ) as signer,
            c2pa.Builder(manifest, context) as builder,
            tempfile.TemporaryFile(dir=path.parent) as signed,
        ):
            for number, photo in enumerate(sources, 1):
                with photo.open("rb") as stream:
                    builder.add_ingredient(
                        {
                            "title": f"photo {number}",
                            "relationship": "componentOf",
                            "label": f"photo-{number}",
                        },
                        _mime_of(stream),
                        stream,
                    )
            with path.open("rb") as stream:
                builder.sign(signer, mime, stream, signed)
            problems = _c2pa_problems(signed, mime)
            if not problems:
                size = signed.seek(0, os.SEEK_END)
                signed.seek(0)
                with writing(path) as out:
                    copy(signed, out, size)
    except c2pa.C2paError as error:
        # Of the library's own words none quotes the key; they name the check that failed.
        raise FeedsmithError(
            f"{path}: cannot be signed ({str(error)[:200]})",
            mend="check key, certificate and, where you gave one, the timestamp server",
        ) from error
    if problems:
        raise FeedsmithError(
            f"{path}: the signature does not verify ({'; '.join(problems)[:200]}); the file is unsigned",
            mend="check that certificate and chain belong together",
        )


def _manifest(
    name: str, mime: str, stamp: Stamp, sources: int, no_training: bool
) -> dict[str, Any]:
    tool, _, version = stamp.tool.rpartition(" ")
    agent = {"name": tool or "Feedsmith", "version": version}
    actions: list[dict[str, Any]] = [
        {
            "action": "c2pa.created",
            "digitalSourceType": NEWSCODES + stamp.source_type,
            "softwareAgent": agent,
            "description": stamp.label or stamp.source_type,
        }
    ]
    if sources:
        labels = [f"photo-{number}" for number in range(1, sources + 1)]
        actions.append({"action": "c2pa.placed", "parameters": {"ingredientIds": labels}})
    assertions: list[dict[str, Any]] = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}]
    if no_training:
        uses = ("data_mining", "ai_inference", "ai_generative_training", "ai_training")
        entries = {f"cawg.{use}": {"use": "notAllowed"} for use in uses}
        assertions.append({"label": "cawg.training-mining", "data": {"entries": entries}})
    return {
        "claim_generator_info": [agent],
        "title": name,
        "format": mime,
        "assertions": assertions,
    }


def _mime_of(stream: IO[bytes]) -> str:
    head = stream.read(12)
    stream.seek(0)
    if head[:4] == b"RIFF":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return "image/avif" if head[8:11] == b"avi" else "image/heic"
    return {
        b"\x89P": "image/png",
        b"GI": "image/gif",
        b"II": "image/tiff",
        b"MM": "image/tiff",
    }.get(head[:2], "image/jpeg")


def _c2pa_problems(stream: IO[bytes], mime: str) -> list[str]:
    """What a reader objects to in a signed file, apart from trust in who signed it."""
    c2pa = _c2pa()
    stream.seek(0)
    with (
        c2pa.Context.from_dict(_C2PA_SETTINGS) as context,
        c2pa.Reader(mime, stream, context=context) as reader,
    ):
        if reader.get_validation_state() in ("Valid", "Trusted"):
            return []
        told = json.loads(reader.json()).get("validation_status") or [{"code": "invalid"}]
    return [str(item.get("explanation") or item["code"]) for item in told]
