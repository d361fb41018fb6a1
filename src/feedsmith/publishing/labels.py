"""Labels: what a file says of itself (XMP, IPTC, C2PA) survives a repair.

A repair writes another file, so a stamp is written again, and a C2PA signature, which covers every byte, is made
again with the user's own key, naming the file before the repair as its ingredient. Without the key that
is said.
"""

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from feedsmith import provenance
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_bytes
from feedsmith.provenance import Stamp
from feedsmith.publishing.findings import Finding, hint


def stamp_of(path: Path, source_type: str = "") -> Stamp | None:
    """What a file says of how it came about; else a stamp of `source_type`, where that is known.

    Anybody's XMP is read (JPEG, PNG, WebP, HEIC, GIF, MP4), as far as it names a digital source type.
    """
    told = provenance.read(path)
    if told is None:
        try:
            with Image.open(path) as image:
                xmp = image.info.get("xmp") or b""
        except (UnidentifiedImageError, OSError, ValueError):
            xmp = b""
        told = provenance.parsed(xmp if isinstance(xmp, bytes) else str(xmp).encode())
    if told is None and source_type:
        told = Stamp(source_type=source_type)
    return told


def stamped_jpeg(data: bytes, stamp: Stamp | None) -> bytes:
    return provenance.stamp_jpeg(data, stamp) if stamp is not None else data


def finish(made: Path, before: Path, stamp: Stamp | None) -> list[Finding]:
    """Sign a repaired file where the one before was signed; stamp it, where it is a film."""
    if stamp is not None and made.suffix.lower() == ".mp4":
        provenance.stamp_mp4(made, stamp)
    if not provenance.is_signed(before):
        return []
    name, why, mend = before.name, "there is no key to sign with", ""
    try:
        signing = provenance.signing_if_any()
        if signing is not None and stamp is not None:
            whole = made.read_bytes()
            try:
                provenance.sign_c2pa(made, signing, stamp=stamp, sources=[before])
                return []
            except FeedsmithError as error:
                write_bytes(made, whole)  # unsigned, but whole
                why, mend = error.message, error.mend
    except FeedsmithError as error:
        why, mend = error.message, error.mend
    variables = f"{provenance.KEY_VARIABLE} and {provenance.CERTIFICATE_VARIABLE}"
    return [hint(
        name, "signature",
        f"The repaired copy carries no C2PA signature ({why}); its IPTC label stays.",
        mend or f"Set {variables}, and check it again.",
    )]  # fmt: skip
