"""Provenance: what every media file of ours says of itself, and reading it back.

stamp       the values, and which IPTC digital source type is true
packets     a stamp as XMP and IPTC-IIM
containers  stamps in JPEG (XMP and IPTC-IIM), GIF and MP4 (XMP)
signature   C2PA manifests signed with the user's own key

Stamping moves bytes, never decodes: the coded picture stays as it is. Twice is once, and the same
stamp gives the same bytes (signing does not: signatures and manifest ids are random). No place, no
machine and no time stand in a stamp unless given. Stamp first, then sign.

Knows bytes and values: nothing of pixels, of folders of posts, or of how a picture was made beyond
the name of the method.

Sources: XMP part 1 (ISO 16684-1) and part 3 (storage in files); IPTC Photo Metadata Standard
2025.1; IPTC-IIM 4.2; IPTC NewsCodes "Digital Source Type", version of October 2024
(cv.iptc.org/newscodes/digitalsourcetype); C2PA 2.2 through c2pa-python.
"""

from feedsmith.provenance.containers import is_signed, read, stamp_gif, stamp_jpeg, stamp_mp4
from feedsmith.provenance.packets import XMP_BYTES_MAX, packet, parsed
from feedsmith.provenance.signature import (
    CERTIFICATE_VARIABLE,
    KEY_VARIABLE,
    Signing,
    sign_c2pa,
    signing,
    signing_if_any,
)
from feedsmith.provenance.stamp import (
    HOW,
    NEWSCODES,
    Stamp,
    is_trained,
    needs_ai_label,
    source_type,
)

__all__ = [
    "CERTIFICATE_VARIABLE",
    "HOW",
    "KEY_VARIABLE",
    "NEWSCODES",
    "XMP_BYTES_MAX",
    "Signing",
    "Stamp",
    "is_signed",
    "is_trained",
    "needs_ai_label",
    "packet",
    "parsed",
    "read",
    "sign_c2pa",
    "signing",
    "signing_if_any",
    "source_type",
    "stamp_gif",
    "stamp_jpeg",
    "stamp_mp4",
]
