"""Pictures from strangers: the one place that opens, and cleans, untrusted picture files.

reading    headers, perceptual hashes, upright sRGB arrays
byline     whom the file names as its maker
stripping  a copy without location, camera and owner, pixels untouched

Knows nothing of libraries or posts.
"""

from feedsmith.photo_file.byline import BYLINE_MAX, byline
from feedsmith.photo_file.reading import (
    FILE_BYTES_MAX,
    PHOTO_SUFFIXES,
    PIXELS_MAX,
    SCALED_PIXELS_MAX,
    VIDEO_SUFFIXES,
    Header,
    Look,
    bytes_of,
    decoded,
    look,
    miniature,
    perceptual_hash,
    read_header,
    rgb,
)
from feedsmith.photo_file.stripping import cleaned, stripped

__all__ = [
    "BYLINE_MAX",
    "FILE_BYTES_MAX",
    "PHOTO_SUFFIXES",
    "PIXELS_MAX",
    "SCALED_PIXELS_MAX",
    "VIDEO_SUFFIXES",
    "Header",
    "Look",
    "byline",
    "bytes_of",
    "cleaned",
    "decoded",
    "look",
    "miniature",
    "perceptual_hash",
    "read_header",
    "rgb",
    "stripped",
]
