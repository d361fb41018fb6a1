"""Containers: where a stamp lies in JPEG, GIF and MP4. Bytes are moved, pictures never decoded.

Knows the outer shape of these files.
"""

import contextlib
import hashlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from feedsmith.errors import FeedsmithError
from feedsmith.files import writing
from feedsmith.provenance.packets import PARSED_MAX, iim, packet, parsed
from feedsmith.provenance.stamp import Stamp

# ---- JPEG ----------------------------------------------------------------------------------------

_XMP_APP1 = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_LONG = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_IIM_RESOURCE, _IIM_DIGEST = 0x0404, 0x0425


def _resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, whole resource) of a Photoshop block; ends where it is damaged."""
    at = 0
    while block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        number = struct.unpack_from(">H", block, at + 4)[0]
        name = block[at + 6] + 1
        size_at = at + 6 + name + name % 2
        if size_at + 4 > len(block):
            return
        size = struct.unpack_from(">I", block, size_at)[0]
        end = size_at + 4 + size + size % 2
        yield number, block[at:end]
        at = end


def _resource(number: int, body: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + b"\0" * (len(body) % 2)


class _Segment(NamedTuple):
    mark: int
    whole: bytes
    body: bytes


def _segments(data: bytes) -> tuple[list[_Segment], int]:
    """The segments in front of the coded picture, and where it begins.

    Raises FeedsmithError where that is no JPEG.
    """
    found: list[_Segment] = []
    at = 2
    if data[:2] != b"\xff\xd8":
        raise _not_a("JPEG")
    while at + 4 <= len(data) and data[at] == 0xFF:
        mark = data[at + 1]
        if mark == 0xFF:
            at += 1
            continue
        if not (0xE0 <= mark <= 0xEF or mark == 0xFE):
            return found, at
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        found.append(_Segment(mark, data[at:end], data[at + 4 : end]))
        at = end
    raise _not_a("JPEG")


def _not_a(kind: str) -> FeedsmithError:
    return FeedsmithError(
        f"not a whole {kind} file: nothing can be written into it", mend="make the file again"
    )


def _signed() -> FeedsmithError:
    return FeedsmithError(
        "the file is signed (C2PA), and a stamp would break the signature",
        mend="stamp first, then sign",
    )


def stamp_jpeg(data: bytes, stamp: Stamp) -> bytes:
    """The JPEG with the stamp as XMP and IPTC-IIM, in place of what it had of these.

    Raises FeedsmithError where `data` is no JPEG or is signed already.
    """
    segments, picture = _segments(data)
    front: list[bytes] = []
    behind: list[bytes] = []
    others = b""
    for number, segment in enumerate(segments):
        if _holds_manifest(segment):
            raise _signed()
        if segment.mark == 0xE1 and segment.body.startswith((_XMP_APP1, _XMP_LONG)):
            continue
        if segment.mark == 0xED and segment.body.startswith(_PHOTOSHOP):
            for kind, whole in _resources(segment.body[len(_PHOTOSHOP) :]):
                others += b"" if kind in (_IIM_RESOURCE, _IIM_DIGEST) else whole
            continue
        # JFIF comes first, then EXIF: readers of either look there only.
        leads = segment.mark in (0xE0, 0xE1) and len(front) == number
        (front if leads else behind).append(segment.whole)
    records = iim(stamp)
    if len(others) + len(records) > 60_000:
        others = b""  # nothing of ours; slices and paths of an editor
    digest = hashlib.md5(records, usedforsecurity=False).digest()  # tells readers that XMP agrees
    block = others + _resource(_IIM_RESOURCE, records) + _resource(_IIM_DIGEST, digest)
    ours = [_app(0xE1, _XMP_APP1 + packet(stamp)), _app(0xED, _PHOTOSHOP + block)]
    return b"".join((b"\xff\xd8", *front, *ours, *behind, data[picture:]))


def _app(mark: int, body: bytes) -> bytes:
    assert len(body) <= 65_533, len(body)
    return bytes((0xFF, mark)) + struct.pack(">H", len(body) + 2) + body


# ---- GIF -----------------------------------------------------------------------------------------

_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
_GIF_C2PA = b"\x21\xff\x0bC2PA_GIF"
_GIF_TAIL = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
"""The magic trailer: wherever a reader of sub-blocks comes out of the packet, it ends up here."""


def _gif_end(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    if at >= len(data):
        raise _not_a("GIF")
    return at + 1


def _gif_extensions(data: bytes) -> tuple[int, list[tuple[int, int]]]:
    """Where the blocks begin, and (start, end) of the application extensions before the pictures."""
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 14:
        raise _not_a("GIF")
    at = start = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    found = []
    while data[at : at + 2] in (b"\x21\xff", b"\x21\xfe"):
        end = _gif_end(data, at + 2)
        found.append((at, end))
        at = end
    if data[at : at + 1] not in (b"\x21", b"\x2c", b"\x3b"):
        raise _not_a("GIF")
    return start, found


def stamp_gif(data: bytes, stamp: Stamp) -> bytes:
    """The GIF with the stamp in an XMP application extension, behind the one that lets it loop.

    Raises FeedsmithError where `data` is no GIF or is signed already.
    """
    start, extensions = _gif_extensions(data)
    kept = []
    for begin, end in extensions:
        if data[begin:end].startswith(_GIF_C2PA):
            raise _signed()
        if not data[begin:end].startswith(_GIF_XMP):
            kept.append(data[begin:end])
    after = extensions[-1][1] if extensions else start
    ours = _GIF_XMP + packet(stamp) + _GIF_TAIL
    return b"".join((b"GIF89a", data[6:start], *kept, ours, data[after:]))


# ---- MP4 -----------------------------------------------------------------------------------------

_MP4_XMP = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
_MP4_C2PA = bytes.fromhex("D8FEC3D61B0E483C92975828877EC481")


class _Box(NamedTuple):
    kind: bytes
    """Four letters; for a uuid box its 16 bytes."""
    start: int
    body: int
    end: int
    open: bool
    """True where it reaches to the end of the file without saying how long it is."""


def _boxes(stream: IO[bytes], size: int) -> Iterator[_Box]:
    """Top-level boxes. Raises FeedsmithError where they do not fill the file."""
    at = 0
    while at < size:
        stream.seek(at)
        head = stream.read(32)
        if len(head) < 8:
            raise _not_a("MP4")
        length, kind = struct.unpack_from(">I4s", head)
        body, is_open = at + 8, length == 0
        if length == 1 and len(head) >= 16:
            length, body = struct.unpack_from(">Q", head, 8)[0], at + 16
        end = size if is_open else at + length
        if end < body or end > size:
            raise _not_a("MP4")
        if kind == b"uuid":
            kind = head[body - at : body - at + 16]
            body += 16
        yield _Box(kind, at, body, end, is_open)
        at = end


def stamp_mp4(path: Path, stamp: Stamp) -> None:
    """Put the stamp into an XMP box at the end of the film, replaced as a whole or not at all.

    Nothing in front of it moves: the index stays before the pictures and its offsets right. Raises
    FeedsmithError where the file is no MP4, or is signed already.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        boxes = list(_boxes(stream, size))
        if not boxes or boxes[0].kind != b"ftyp":
            raise _not_a("MP4")
        if any(box.kind == _MP4_C2PA for box in boxes):
            raise _signed()
        end = size
        while boxes and boxes[-1].kind == _MP4_XMP:
            end = boxes.pop().start
        holes = [box for box in boxes if box.kind == _MP4_XMP]
        content = packet(stamp)
        ours = struct.pack(">I4s", 24 + len(content), b"uuid") + _MP4_XMP + content
        with writing(path) as out:
            stream.seek(0)
            copy(stream, out, end)
            last = boxes[-1]
            if last.open:
                if last.end - last.start > 0xFFFFFFFF:
                    raise _not_a("MP4")
                out.seek(last.start)
                out.write(struct.pack(">I", end - last.start))
            for hole in holes:  # an older packet in the middle: its bytes stay, as nothing
                out.seek(hole.start + 4)
                out.write(b"free" + bytes(hole.end - hole.start - 8))
            out.seek(end)
            out.write(ours)


def copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    while size > 0:
        piece = source.read(min(size, 1 << 20))
        if not piece:
            raise _not_a("MP4")
        target.write(piece)
        size -= len(piece)


# ---- reading back --------------------------------------------------------------------------------


def read(source: bytes | Path) -> Stamp | None:
    """The stamp of a JPEG, GIF or MP4 of ours; None for a file without one, or with a broken one.

    The XML may come from anybody: no document types, no entities, at most 1 MiB. Raises
    FileNotFoundError or other OSError for a path that cannot be read.
    """
    if isinstance(source, Path):
        with source.open("rb") as stream:
            head = stream.read(12)
            if head[4:8] == b"ftyp":
                return parsed(_mp4_packet(stream, source.stat().st_size))
        source = source.read_bytes()
    if source[4:8] == b"ftyp":
        return parsed(_mp4_packet(io.BytesIO(source), len(source)))
    with contextlib.suppress(FeedsmithError, struct.error, IndexError):
        if source[:2] == b"\xff\xd8":
            for segment in _segments(source)[0]:
                if segment.mark == 0xE1 and segment.body.startswith(_XMP_APP1):
                    return parsed(segment.body[len(_XMP_APP1) :])
        elif source[:3] == b"GIF":
            for begin, end in _gif_extensions(source)[1]:
                if source[begin:end].startswith(_GIF_XMP):
                    body = source[begin + len(_GIF_XMP) : end]
                    return parsed(body[: body.rfind(_GIF_TAIL[:3])])
    return None


def is_signed(path: Path) -> bool:
    """Whether a JPEG, PNG, GIF or MP4 carries a C2PA manifest; False for what is none of these, or
    damaged. Raises OSError for a path that cannot be read."""
    with path.open("rb") as stream, contextlib.suppress(FeedsmithError, struct.error, IndexError):
        head = stream.read(12)
        if head[4:8] == b"ftyp":
            return any(box.kind == _MP4_C2PA for box in _boxes(stream, path.stat().st_size))
        stream.seek(0)
        data = stream.read()
        if data[:2] == b"\xff\xd8":
            return any(_holds_manifest(segment) for segment in _segments(data)[0])
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return b"caBX" in data[: data.find(b"IDAT")]
        if data[:3] == b"GIF":
            return any(data[a:b].startswith(_GIF_C2PA) for a, b in _gif_extensions(data)[1])
    return False


def _holds_manifest(segment: _Segment) -> bool:
    return segment.mark == 0xEB and segment.body[:2] == b"JP" and b"jumb" in segment.body[:20]


def _mp4_packet(stream: IO[bytes], size: int) -> bytes:
    with contextlib.suppress(FeedsmithError):
        for box in _boxes(stream, size):
            if box.kind == _MP4_XMP and box.end - box.body <= PARSED_MAX:
                stream.seek(box.body)
                return stream.read(box.end - box.body)
    return b""
