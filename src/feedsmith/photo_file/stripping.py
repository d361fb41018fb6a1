"""Stripping: a picture file without where, with what and by whom it was taken.

Out go EXIF (GPS, maker notes, serial numbers, owner, thumbnail), XMP, IPTC, comments, editing
histories, second pictures and films behind the first one. What stays is what the picture needs to
look and sort as before: the coded pixels byte for byte, colour profile, orientation, capture time
with its offset, density, animation. Nothing is decoded: the file is walked piece by piece and only
pieces known to be needed are copied, so that what nobody has heard of yet is left behind too.

Knows the containers JPEG, PNG, WebP, GIF, TIFF and HEIF/AVIF.
"""

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.errors import Refused
from feedsmith.photo_file.reading import rgb

_ORIENTATION, _EXIF_IFD, _COLOUR_SPACE = 0x0112, 0x8769, 0xA001
_TAKEN, _DIGITISED, _OFFSET = 0x9003, 0x9004, 0x9011
_WIDE = (2, 0xFFFF)
"""Colour spaces other than sRGB."""
_MOMENT = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d", re.ASCII)
_ZONE = re.compile(r"[+-]\d\d:\d\d", re.ASCII)
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=\"|>)([1-8])")
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF_BYTES_MAX = 4 * 2**20
"""EXIF larger than this is not parsed, only dropped. In a JPEG it has 64 kB."""


def stripped(data: bytes) -> bytes:
    """The picture file `data` without location, camera, owner and other passengers.

    Lossless: the coded pixels are the same bytes, and so are orientation, colour profile and
    capture time. A file that carries nothing of the kind comes back as it is. Raises Refused where
    the container is none that is known, or too damaged to be walked.
    """
    try:
        for begins, work in _CONTAINERS:
            if begins(data):
                return work(data)
    except (struct.error, IndexError, ValueError, OverflowError, zlib.error) as error:
        raise Refused("too damaged to take its metadata out") from error
    raise Refused("not a picture file that is known")


def cleaned(data: bytes) -> bytes:
    """`stripped`, for files of any kind: where the container cannot be walked the picture is
    written anew as a PNG, and what is no readable picture at all comes back as it is."""
    try:
        return stripped(data)
    except Refused:
        pass
    try:
        picture = Image.fromarray(rgb(data))
    except Refused:
        return data
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


# ---- what stays of EXIF --------------------------------------------------------------------------


def _kept_exif(exif: bytes, xmp: bytes = b"") -> bytes:
    """A TIFF block of orientation, capture time and colour space only; b"" where none is told.

    The orientation is looked for in XMP where EXIF has none, as readers do.
    """
    turn: object = None
    inner: dict[int, object] = {}
    if exif and len(exif) <= _EXIF_BYTES_MAX:
        try:
            told = Image.Exif()
            told.load(exif)
            turn = told.get(_ORIENTATION)
            inner = dict(told.get_ifd(_EXIF_IFD))
        except Exception:  # noqa: BLE001  EXIF is written by anybody; what cannot be read is dropped
            inner = {}
    if turn is None and (found := _XMP_ORIENTATION.search(xmp)):
        turn = int(found[1])
    main = [(_ORIENTATION, turn)] if isinstance(turn, int) and 2 <= turn <= 8 else []
    words: dict[int, str] = {}
    for tag, length, form in (
        (_TAKEN, 19, _MOMENT),
        (_DIGITISED, 19, _MOMENT),
        (_OFFSET, 6, _ZONE),
    ):
        text = str(inner.get(tag) or "").strip("\0 ")[:length]
        if form.fullmatch(text):
            words[tag] = text
    if _TAKEN in words:
        words.pop(_DIGITISED, None)
    if words.keys() == {_OFFSET}:
        words = {}
    space = inner.get(_COLOUR_SPACE)
    return _tiff(main, words, space if isinstance(space, int) and space in _WIDE else None)


def _tiff(main: list[tuple[int, int]], words: dict[int, str], space: int | None) -> bytes:
    """A little-endian TIFF block with these tags; b"" for none."""
    inner: list[tuple[int, int, int, bytes]] = []
    for tag, text in words.items():
        inner.append((tag, 2, len(text) + 1, text.encode("ascii") + b"\0"))
    if space is not None:
        inner.append((_COLOUR_SPACE, 3, 1, struct.pack("<H2x", space)))
    outer = [(tag, 3, 1, struct.pack("<H2x", value)) for tag, value in main]
    if not outer and not inner:
        return b""
    start = 8 + 2 + 12 * (len(outer) + bool(inner)) + 4
    if inner:
        outer.append((_EXIF_IFD, 4, 1, struct.pack("<I", start)))
    block = b"II*\0\x08\0\0\0" + _ifd(outer, 8)
    return block + (_ifd(sorted(inner), start) if inner else b"")


def _ifd(entries: list[tuple[int, int, int, bytes]], start: int) -> bytes:
    """One directory that begins at `start`, values too long for an entry behind it."""
    body, behind = struct.pack("<H", len(entries)), b""
    where = start + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        if len(value) <= 4:
            body += struct.pack("<HHI4s", tag, kind, count, value)
        else:
            body += struct.pack("<HHII", tag, kind, count, where + len(behind))
            behind += value + b"\0" * (len(value) % 2)
    return body + b"\0\0\0\0" + behind


# ---- JPEG ----------------------------------------------------------------------------------------

_PIECE = 1 << 17
_APP, _COMMENT = range(0xE0, 0xF0), 0xFE


def _jpeg(data: bytes) -> bytes:
    out: list[bytes | memoryview] = [b"\xff\xd8"]
    at, exif_at = 2, 1
    exif = xmp = b""
    marks: NDArray[np.int64] | None = None
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            break  # cut off: what there is of the picture is in `out`
        mark = data[at + 1]
        if mark == 0xFF:  # fill
            at += 1
            continue
        if mark == 0xD9:
            out.append(b"\xff\xd9")
            break  # whatever follows is no part of this picture: films, second pictures, depth
        if mark in (0x00, 0x01) or 0xD0 <= mark <= 0xD8:
            at += 2
            continue
        size = struct.unpack_from(">H", data, at + 2)[0] if at + 4 <= len(data) else 0
        end = at + 2 + max(2, size)
        if end > len(data):
            break
        segment, body = data[at:end], data[at + 4 : end]
        if mark == 0xDA:
            marks = _marks(data, at) if marks is None else marks
            number = int(np.searchsorted(marks, end))
            end = int(marks[number]) if number < len(marks) else len(data)
            out.append(memoryview(data)[at:end])
        elif mark in _APP:
            if mark == 0xE1 and body.startswith(b"Exif\0") and not exif:
                exif = body[6:]
            elif mark == 0xE1 and body.startswith(_XMP):
                xmp = xmp or body
            elif mark == 0xE0 and body.startswith(b"JFIF\0"):
                out.append(_jfif(segment))
                exif_at = len(out)
            elif (mark == 0xE2 and body.startswith(b"ICC_PROFILE\0")) or (
                mark == 0xEE and body.startswith(b"Adobe")
            ):
                out.append(segment)
        elif mark != _COMMENT:
            out.append(segment)
        at = end
    kept = _kept_exif(exif, xmp)
    if kept:
        body = b"Exif\0\0" + kept
        out.insert(exif_at, b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body)
    return b"".join(out)


def _marks(data: bytes, start: int) -> NDArray[np.int64]:
    """Where marks stand from the coded data on: 0xFF, but neither before 0 (a plain 0xFF), nor a
    restart, nor before another. In pieces, so that 12 megapixels need no arrays of megabytes; a
    regular expression took eight times as long."""
    values = np.frombuffer(data, np.uint8)
    marks = []
    for at in range(start, len(values) - 1, _PIECE):
        found = at + np.flatnonzero(values[at : min(at + _PIECE, len(values) - 1)] == 0xFF)
        after = values[found + 1]
        marks.append(found[(after != 0) & (after != 0xFF) & ((after < 0xD0) | (after > 0xD7))])
    return np.concatenate(marks) if marks else np.empty(0, np.int64)


def _jfif(segment: bytes) -> bytes:
    """The segment without its thumbnail."""
    return segment if len(segment) < 18 else b"\xff\xe0\0\x10" + segment[4:16] + b"\0\0"


# ---- PNG -----------------------------------------------------------------------------------------

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    (
        b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB",
        b"cICP", b"mDCV", b"cLLI", b"mDCv", b"cLLi", b"bKGD", b"pHYs", b"hIST", b"sPLT", b"acTL",
        b"fcTL", b"fdAT",
    )
)  # fmt: skip


def _png(data: bytes) -> bytes:
    out = [_PNG]
    exif = xmp = b""
    place = 1
    at = len(_PNG)
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        body = data[at + 8 : at + 8 + size]
        critical = not kind[0] & 0x20
        if kind in _PNG_KEPT or critical:
            out.append(data[at:end])
            place = 2 if kind == b"IHDR" else place
        elif kind == b"eXIf":
            exif = exif or body
        elif kind in (b"tEXt", b"zTXt") and body.startswith(b"Raw profile type exif\0"):
            exif = exif or _raw_profile(kind, body)
        elif kind == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0"):
            xmp = xmp or body
        if kind == b"IEND":
            break
        at = end
    kept = _kept_exif(exif.removeprefix(b"Exif\0\0"), xmp)
    if kept:
        check = zlib.crc32(b"eXIf" + kept)
        out.insert(place, struct.pack(">I", len(kept)) + b"eXIf" + kept + struct.pack(">I", check))
    return b"".join(out)


def _raw_profile(kind: bytes, body: bytes) -> bytes:
    """EXIF as ImageMagick writes it: hexadecimal lines behind a name and a length."""
    text = body.partition(b"\0")[2]
    try:
        if kind == b"zTXt":
            text = zlib.decompressobj().decompress(text[1:], 2 * _EXIF_BYTES_MAX)
        return bytes.fromhex("".join(text.decode("latin-1").split("\n")[3:]))
    except (zlib.error, ValueError):
        return b""


# ---- WebP ----------------------------------------------------------------------------------------

_WEBP_KEPT = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04


def _webp(data: bytes) -> bytes:
    out: list[bytes] = []
    exif = xmp = b""
    flags_at = -1
    at, stop = 12, min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    while at + 8 <= stop:
        kind, size = struct.unpack_from("<4sI", data, at)
        end = at + 8 + size + size % 2
        if kind in _WEBP_KEPT:
            if kind == b"VP8X" and flags_at < 0:
                flags_at = len(out)
            out.append(data[at : min(end, stop)])
        elif kind == b"EXIF":
            exif = exif or data[at + 8 : at + 8 + size]
        elif kind == b"XMP ":
            xmp = xmp or data[at + 8 : at + 8 + size]
        at = end
    kept = _kept_exif(exif.removeprefix(b"Exif\0\0"), xmp) if flags_at >= 0 else b""
    if flags_at >= 0:
        chunk = bytearray(out[flags_at])
        chunk[8] = chunk[8] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if kept else 0)
        out[flags_at] = bytes(chunk)
    if kept:
        out.append(b"EXIF" + struct.pack("<I", len(kept)) + kept + b"\0" * (len(kept) % 2))
    body = b"WEBP" + b"".join(out)
    return b"RIFF" + struct.pack("<I", len(body)) + body


# ---- GIF -----------------------------------------------------------------------------------------

_GIF_KEPT = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")


def _gif(data: bytes) -> bytes:
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    out = [data[:at]]
    while at < len(data):
        mark = data[at]
        if mark == 0x3B:
            out.append(b"\x3b")
            break
        if mark == 0x21:
            end = _blocks_end(data, at + 2)
            comment = data[at + 1] == 0xFE
            foreign = data[at + 1] == 0xFF and data[at + 3 : at + 14] not in _GIF_KEPT
            if not comment and not foreign:
                out.append(data[at:end])
        elif mark == 0x2C:
            packed = data[at + 9]
            end = _blocks_end(data, at + 11 + (3 << (packed & 7) + 1 if packed & 0x80 else 0))
            out.append(data[at:end])
        else:  # neither picture nor extension: readers skip it
            end = at + 1
        at = end
    return b"".join(out)


def _blocks_end(data: bytes, at: int) -> int:
    """Where a chain of sub-blocks ends; the end of the file where it is cut off."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return min(at + 1, len(data))


# ---- TIFF ----------------------------------------------------------------------------------------

_TIFF_KEPT = frozenset(
    (
        254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283,
        284, 290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330,
        332, 334, 336, 338, 339, 340, 341, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529,
        530, 531, 532, 34675, 34665,
    )
)  # fmt: skip
"""Tags that pixels, colours and orientation need (TIFF 6.0, its supplements, ICC), and EXIF's
directory, of which the capture time is kept."""
_TIFF_EXIF_KEPT = frozenset((_TAKEN, _DIGITISED, _OFFSET, _COLOUR_SPACE))
_TIFF_DIRECTORIES = frozenset((34665, 34853, 40965))
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TIFF_PAGES_MAX = 1000
_SUB_IFDS = 330


def _tiff_file(data: bytes) -> bytes:
    """Directories are rewritten in place and values they no longer name are blanked, since a
    TIFF's pixels lie at fixed places."""
    order = "<" if data[:2] == b"II" else ">"
    out = bytearray(data)
    todo = [struct.unpack_from(order + "I", data, 4)[0]]
    seen: set[int] = set()
    pixels: list[tuple[int, int]] = []
    blanks: list[tuple[int, int]] = []
    while todo:
        at = todo.pop()
        if at == 0 or at in seen or len(seen) > _TIFF_PAGES_MAX:
            continue
        seen.add(at)
        entries = list(_tiff_entries(data, order, at))
        pixels += _tiff_pixels(data, order, entries)
        for _, tag, kind, count, place in entries:
            if tag == _SUB_IFDS and kind in (4, 13) and count < _TIFF_PAGES_MAX:
                todo += struct.unpack_from(f"{order}{count}I", data, place)
        todo.append(_tiff_directory(out, order, at, _TIFF_KEPT, blanks, seen))
    for start, end in blanks:
        if all(end <= p or start >= q for p, q in pixels):
            out[start:end] = bytes(end - start)
    return bytes(out)


def _tiff_entries(
    data: bytes | bytearray, order: str, at: int
) -> Iterator[tuple[int, int, int, int, int]]:
    """(offset of the entry, tag, type, count, offset of its value) of one directory."""
    count = struct.unpack_from(order + "H", data, at)[0]
    for number in range(count):
        entry = at + 2 + 12 * number
        tag, kind, values = struct.unpack_from(order + "HHI", data, entry)
        size = _TIFF_SIZES.get(kind, 1) * values
        place = entry + 8 if size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
        yield entry, tag, kind, values, place


def _tiff_pixels(
    data: bytes, order: str, entries: list[tuple[int, int, int, int, int]]
) -> list[tuple[int, int]]:
    """(start, end) of every strip and tile of a page."""
    found: dict[int, tuple[int, ...]] = {}
    for _, tag, kind, count, place in entries:
        if tag in (273, 279, 324, 325) and kind in (3, 4) and count < 10**6:
            found[tag] = struct.unpack_from(f"{order}{count}{'HI'[kind - 3]}", data, place)
    return [
        (start, start + size)
        for a, b in ((273, 279), (324, 325))
        for start, size in zip(found.get(a, ()), found.get(b, ()), strict=False)
    ]


def _tiff_directory(
    out: bytearray,
    order: str,
    at: int,
    kept: frozenset[int],
    blanks: list[tuple[int, int]],
    seen: set[int],
) -> int:
    """Rewrite the directory at `at` with the kept tags only; returns where the next one is."""
    count = struct.unpack_from(order + "H", out, at)[0]
    whole = 2 + 12 * count + 4
    after = struct.unpack_from(order + "I", out, at + whole - 4)[0]
    lines = []
    for entry, tag, kind, values, place in list(_tiff_entries(out, order, at)):
        size = _TIFF_SIZES.get(kind, 1) * values
        if tag in _TIFF_DIRECTORIES:
            inner = struct.unpack_from(order + "I", out, entry + 8)[0]
            stays = _TIFF_EXIF_KEPT if tag == _EXIF_IFD and tag in kept else frozenset[int]()
            if inner not in seen:
                seen.add(inner)
                _tiff_directory(out, order, inner, stays, blanks, seen)
        if tag in kept:
            lines.append(bytes(out[entry : entry + 12]))
        elif size > 4 and place + size <= len(out):
            blanks.append((place, place + size))
    block = struct.pack(order + "H", len(lines)) + b"".join(lines) + struct.pack(order + "I", after)
    out[at : at + whole] = block + bytes(whole - len(block))
    return int(after)


# ---- HEIF and AVIF -------------------------------------------------------------------------------

_BRANDS = frozenset(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")
)
_BOXES_KEPT = frozenset((b"ftyp", b"meta", b"mdat", b"moov", b"idat", b"free", b"skip", b"moof"))


_NO_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


class _Box(NamedTuple):
    kind: bytes
    start: int
    body: int
    end: int


def _boxes(data: bytes | bytearray, at: int, stop: int) -> Iterator[_Box]:
    while at + 8 <= stop:
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            size, body = struct.unpack_from(">Q", data, body)[0], body + 8
        end = stop if size == 0 else at + size
        if end < body or end > stop:
            raise ValueError("a box that does not fit")
        yield _Box(kind, at, body, end)
        at = end


def _heif(data: bytes) -> bytes:
    """Everything lies at places that are written down, so that nothing may move: EXIF shrinks
    inside its own bytes, XMP and strange boxes are blanked, boxes behind the picture cut off."""
    out = bytearray(data)
    last, walk = 0, _boxes(data, 0, len(data))
    while True:
        try:
            box = next(walk)
        except StopIteration:
            break
        except ValueError:
            if not last:
                raise
            break  # what hangs on behind the last whole box is cut off
        if box.kind == b"meta":
            last = max(last, _heif_meta(out, box))
        if box.kind in _BOXES_KEPT:
            last = max(last, box.end)
        else:  # another camera's film, an editor's history: a hole of the same size
            out[box.start + 4 : box.start + 8] = b"free"
            out[box.body : box.end] = bytes(box.end - box.body)
    return bytes(out[: max(last, 8)])


def _heif_meta(out: bytearray, meta: _Box) -> int:
    """Clean the items that meta names; returns the end of the last byte any item uses."""
    parts = {box.kind: box for box in _boxes(out, meta.body + 4, meta.end)}
    kinds = dict(_heif_items(out, parts[b"iinf"])) if b"iinf" in parts else {}
    last = 0
    if b"iloc" not in parts:
        return last
    base = parts[b"idat"].body if b"idat" in parts else 0
    for item, method, spans in _heif_places(out, parts[b"iloc"]):
        spans = [(base + start if method == 1 else start, size) for start, size in spans]
        last = max([last, *(start + size for start, size in spans)])
        kind = kinds.get(item, b"")
        if method > 1 or any(start + size > len(out) for start, size in spans):
            continue
        if kind == b"Exif":
            whole = b"".join(bytes(out[start : start + size]) for start, size in spans)
            _fill(out, spans, _heif_exif(whole))
        elif kind in (b"mime", b"uri "):
            _fill(out, spans, _NO_XMP.ljust(sum(size for _, size in spans)))
    return last


def _heif_exif(whole: bytes) -> bytes:
    """The item's content anew: an offset to the TIFF header, then the block."""
    skip = struct.unpack_from(">I", whole)[0] if len(whole) >= 4 else 0
    kept = _kept_exif(whole[4 + skip :]) or b"II*\0\x08\0\0\0\0\0\0\0\0\0"
    return b"\0\0\0\x06Exif\0\0" + kept


def _fill(out: bytearray, spans: list[tuple[int, int]], content: bytes) -> None:
    """Write content over the spans, zeros behind it; nothing of it where it has no room."""
    room = sum(size for _, size in spans)
    content = (content if len(content) <= room else b"").ljust(room, b"\0")
    done = 0
    for start, size in spans:
        out[start : start + size] = content[done : done + size]
        done += size


def _heif_items(data: bytearray, box: _Box) -> Iterator[tuple[int, bytes]]:
    """(id, type) of the items (ISO/IEC 14496-12, 8.11.6)."""
    wide = data[box.body] > 0
    start = box.body + 4 + (4 if wide else 2)
    for entry in _boxes(data, start, box.end):
        version = data[entry.body]
        if entry.kind != b"infe" or version < 2:
            continue
        at = entry.body + 4
        item = struct.unpack_from(">I" if version == 3 else ">H", data, at)[0]
        at += (4 if version == 3 else 2) + 2
        yield item, bytes(data[at : at + 4])


def _heif_places(data: bytearray, box: _Box) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """(id, construction method, [(offset, size)]) of the items (ISO/IEC 14496-12, 8.11.3)."""
    at = box.body
    version = data[at]
    first, second = data[at + 4], data[at + 5]
    offset_size, length_size = first >> 4, first & 15
    base_size, index_size = second >> 4, second & 15 if version in (1, 2) else 0
    at += 6

    def number(size: int) -> int:
        nonlocal at
        if at + size > box.end:
            raise ValueError("iloc ends early")
        at += size
        return int.from_bytes(data[at - size : at], "big")

    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version in (1, 2) else 0
        number(2)  # data reference
        base = number(base_size)
        spans = []
        for _ in range(number(2)):
            number(index_size)
            offset = number(offset_size)
            spans.append((base + offset, number(length_size)))
        yield item, method, spans


_CONTAINERS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], bytes]], ...] = (
    (lambda data: data[:3] == b"\xff\xd8\xff", _jpeg),
    (lambda data: data.startswith(_PNG), _png),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _webp),
    (lambda data: data[:6] in (b"GIF87a", b"GIF89a"), _gif),
    (lambda data: data[:4] in (b"II*\0", b"MM\0*"), _tiff_file),
    (lambda data: data[4:8] == b"ftyp" and data[8:12] in _BRANDS, _heif),
)
