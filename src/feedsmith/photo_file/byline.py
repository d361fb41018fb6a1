"""Bylines: who a picture file says made it, before its metadata is taken out.

Reads, in this order, XMP (dc:creator, photoshop:Credit, dc:rights), IPTC-IIM (By-line, Credit,
CopyrightNotice), EXIF (Artist, XPAuthor, Copyright) and PNG text (Author, Copyright). What a camera
or a program fills in by itself is no byline, and neither is EXIF's CameraOwnerName: whom a camera
belongs to is that person's own business. Headers only, no pixels. Knows nothing of libraries.

IPTC Photo Metadata Standard 2023.2 (iptc.org/std/photometadata/specification); EXIF 2.32, 4.6.4.
"""

import contextlib
import html
import io
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from PIL import Image

BYLINE_MAX = 160
"""Characters of the longest byline: it is printed below a caption."""

_FORMATS = ("JPEG", "WEBP", "HEIF", "AVIF", "TIFF")
_PACKET_MAX = 1 << 20
"""XMP, EXIF and IPTC larger than this are not read. In a JPEG each has 64 kB."""
_VALUE_MAX = 4096
_NAMES_MAX = 3
_DEEP = 60
_PNG = b"\x89PNG\r\n\x1a\n"
_MAKE, _MODEL, _ARTIST, _COPYRIGHT, _XP_AUTHOR = 0x010F, 0x0110, 0x013B, 0x8298, 0x9C9D
_TIFF_XMP, _TIFF_IPTC = 700, 33723
_IPTC = 0x0404

_CREATOR, _LINE, _RIGHTS = "creator", "line", "rights"
_XMP_FIELDS = {
    "http://purl.org/dc/elements/1.1/ creator": _CREATOR,
    "http://ns.adobe.com/photoshop/1.0/ Credit": _LINE,
    "http://purl.org/dc/elements/1.1/ rights": _RIGHTS,
}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns# "
_IIM_FIELDS = {80: _CREATOR, 110: _LINE, 116: _RIGHTS}
_PNG_FIELDS = {"author": _CREATOR, "artist": _CREATOR, "copyright": _RIGHTS}

_FILLERS = frozenset(
    (
        "c", "copyright", "copyrights", "all", "rights", "reserved", "by", "photo", "photos",
        "foto", "photography", "photographer", "picture", "image", "von", "de", "par", "por",
        "di", "alle", "rechte", "vorbehalten", "tous", "droits", "réservés", "todos", "los",
        "derechos", "reservados", "the", "and",
    )
)  # fmt: skip
"""Words that name nobody. A notice made of these and of years is none."""
_DEFAULTS = frozenset(
    (
        "unknown", "unbekannt", "inconnu", "desconocido", "none", "no", "n", "a", "na", "null",
        "nil", "default", "undefined", "anonymous", "author", "artist", "creator", "user",
        "username", "owner", "admin", "administrator", "root", "test", "your", "my", "name",
        "here", "enter", "untitled", "windows", "pc", "office", "microsoft", "picasa",
        "picasaweb", "google", "adobe", "photoshop", "lightroom", "gimp", "canva", "snapseed",
        "instagram", "facebook", "whatsapp", "screenshot", "digital", "camera", "cameras",
        "kamera", "phone", "smartphone", "android", "imaging", "corporation", "corp", "co",
        "ltd", "inc", "ag", "company", "electronics", "optical", "technologies", "canon",
        "nikon", "sony", "olympus", "fujifilm", "fuji", "film", "panasonic", "lumix", "leica",
        "pentax", "ricoh", "kodak", "eastman", "casio", "minolta", "konica", "sigma",
        "hasselblad", "samsung", "apple", "iphone", "ipad", "pixel", "huawei", "honor",
        "xiaomi", "redmi", "oppo", "vivo", "oneplus", "realme", "motorola", "nokia", "lg",
        "lge", "htc", "zte", "tcl", "asus", "acer", "dell", "hp", "hewlett", "packard",
        "lenovo", "toshiba", "epson", "brother", "dji", "gopro", "polaroid", "dsc", "eos",
        "dslr",
    )
)  # fmt: skip
"""What cameras, phones and programs write where nobody was asked."""


_RESERVED = re.compile(r"[\s.,;|-]*\ball rights reserved\b[\s.!]*$", re.IGNORECASE)


@dataclass(slots=True)
class _Told:
    """What one kind of metadata says; each field in the order of the file."""

    fields: dict[str, list[str]] = field(
        default_factory=lambda: {_CREATOR: [], _LINE: [], _RIGHTS: []}
    )

    def note(self, name: str, text: str) -> None:
        if len(self.fields[name]) < 10:
            self.fields[name].append(text[:_VALUE_MAX])


def byline(data: bytes) -> str:
    """Whom the picture file `data` names as its maker or owner of rights, e.g. "Ana Ruiz" or
    "(c) Ana Ruiz", at most BYLINE_MAX characters in one line; "" where it names nobody.

    The maker, the credit line and the copyright notice are joined, each said once. Never raises:
    what cannot be read says nothing.
    """
    try:
        told, camera = _png(data) if data.startswith(_PNG) else _others(data)
    except Exception:  # noqa: BLE001  metadata is written by anybody; a broken one names nobody
        return ""
    found: dict[str, list[str]] = {}
    for name in (_CREATOR, _LINE, _RIGHTS):
        useful: list[str] = []
        for source in told:  # one source a field: programs write the same name into all of them
            shown = [_shown(text) for text in source.fields[name]]
            useful = [text for text in dict.fromkeys(shown) if _names_somebody(text, camera)]
            if useful:
                break
        found[name] = useful
    creators = [name for name in found[_CREATOR] if len(name) <= BYLINE_MAX][:_NAMES_MAX]
    return _joined(", ".join(creators), "".join(found[_LINE][:1]), "".join(found[_RIGHTS][:1]))


# ---- from the fields to one line -----------------------------------------------------------------


def _joined(who: str, line: str, rights: str) -> str:
    rights = _RESERVED.sub("", rights)
    if line and not _within(line, who):
        who = line if not who or _within(who, line) else f"{who} / {line}"
    if who and rights and not _within(rights, who, _FILLERS):
        longer = rights if _within(who, rights) else f"{who}, {rights}"
        who = longer if len(longer) <= BYLINE_MAX else who
    text = who or rights
    if len(text) <= BYLINE_MAX:
        return text
    return text[: BYLINE_MAX - 1].rsplit(" ", 1)[0].rstrip(" ,;:/") + "…"


def _within(inner: str, outer: str, but: frozenset[str] = frozenset()) -> bool:
    """True where the words of `inner`, without those in `but` and years, stand in `outer`."""
    words = _words(inner)
    if but:
        words = [word for word in words if word not in but and not word.isdigit()]
    return f" {' '.join(words)} " in f" {' '.join(_words(outer))} "


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold())


def _names_somebody(text: str, camera: frozenset[str]) -> bool:
    nobody = _FILLERS | _DEFAULTS | camera
    words = [word for word in _words(text) if not word.isdigit() and word not in nobody]
    # One Latin letter is a slip; one Chinese character may be a name.
    return any(len(word) > 1 or ord(word) > 0x2E80 for word in words) and any(
        character.isalpha() for word in words for character in word
    )


def _shown(text: str) -> str:
    """One clean line: no control characters, tags or addresses of mailboxes."""
    text = html.unescape(text)
    kept = "".join(
        " " if character.isspace() or unicodedata.category(character) == "Cc" else character
        for character in unicodedata.normalize("NFC", text)
        if unicodedata.category(character) not in ("Cf", "Cs", "Co", "Cn")
        or character in "\u200c\u200d"  # joiners, which Persian and Indian scripts spell with
    )
    kept = re.sub(r"[\w.+-]+@[\w-]+\.[\w.-]+", " ", kept)
    kept = re.sub(r"<[^<>]{0,300}>|\(\s*\)|\[\s*\]", " ", kept)
    return " ".join(kept.split()).strip(" ,;:/|·-–—*_\"'")


# ---- containers ----------------------------------------------------------------------------------


def _others(data: bytes) -> tuple[list[_Told], frozenset[str]]:
    """(what XMP, IPTC and EXIF say, the words of the camera's name) of anything but a PNG."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        exif = Image.Exif()
        with contextlib.suppress(Exception):  # broken: the other packets may be whole
            exif = image.getexif()
        xmp = image.info.get("xmp") or exif.get(_TIFF_XMP) or b""
        photoshop = image.info.get("photoshop")
        iptc = photoshop.get(_IPTC, b"") if isinstance(photoshop, dict) else exif.get(_TIFF_IPTC)
        if isinstance(iptc, tuple):  # some programs call these bytes LONG
            order = "<" if data[:2] == b"II" else ">"
            iptc = struct.pack(f"{order}{len(iptc)}I", *iptc)
        said, camera = _exif(exif)
        return [_xmp(xmp), _iim(iptc), said], camera


def _png(data: bytes) -> tuple[list[_Told], frozenset[str]]:
    """The same of a PNG: its chunks, also those behind the pixels, where some programs write."""
    packets: list[_Told] = []
    said, texts = _Told(), _Told()
    camera = frozenset[str]()
    for kind, body in _chunks(data):
        if kind == b"eXIf" and len(body) <= _PACKET_MAX:
            exif = Image.Exif()
            with contextlib.suppress(Exception):  # broken: the other chunks may be whole
                exif.load(body)
            said, camera = _exif(exif)
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            keyword, _, value = body.partition(b"\0")
            if keyword == b"XML:com.adobe.xmp":
                packets.append(_xmp(_text_of(kind, value, _PACKET_MAX)))
            elif name := _PNG_FIELDS.get(keyword.decode("latin-1").lower()):
                texts.note(name, _decoded(_text_of(kind, value, _VALUE_MAX)))
    return [*packets[:1], said, texts], camera


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind != b"IDAT":
            yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size


def _text_of(kind: bytes, value: bytes, most: int) -> bytes:
    """The text behind the keyword of a chunk, inflated to at most `most` bytes; b"" if broken."""
    packed, body = kind == b"zTXt", value[1:] if kind == b"zTXt" else value
    if kind == b"iTXt":
        packed, body = value[:1] == b"\1", value[2:].split(b"\0", 2)[-1]
    if not packed:
        return body[:most]
    try:
        return zlib.decompressobj().decompress(body, most)
    except zlib.error:
        return b""


# ---- kinds of metadata ---------------------------------------------------------------------------


def _exif(exif: Image.Exif) -> tuple[_Told, frozenset[str]]:
    told = _Told()
    for tag, name in ((_ARTIST, _CREATOR), (_XP_AUTHOR, _CREATOR), (_COPYRIGHT, _RIGHTS)):
        value = exif.get(tag)
        if isinstance(value, bytes):
            wide = tag == _XP_AUTHOR
            text = value.decode("utf-16-le", "ignore") if wide else _decoded(value)
        elif isinstance(value, str):  # Pillow reads it as Latin-1; most programs write UTF-8
            text = _decoded(value.encode("latin-1")) if _is_latin(value) else value
        else:
            continue
        if name == _RIGHTS:  # the photographer's notice, then a zero, then the editor's
            told.note(name, next((part for part in text.split("\0") if part.strip()), ""))
        elif not told.fields[name]:
            for part in html.unescape(text.rstrip("\0")).split(";"):
                told.note(name, part)
    camera = [str(exif.get(tag) or "") for tag in (_MAKE, _MODEL)]
    return told, frozenset(word for text in camera for word in _words(text[:200]))


def _is_latin(text: str) -> bool:
    return all(ord(character) < 256 for character in text)


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace").replace("\ufffd", "")


def _iim(packet: Any) -> _Told:
    """IPTC-IIM 4.2: marker, record, number, length, value, one after the other."""
    told = _Told()
    if not isinstance(packet, bytes) or len(packet) > _PACKET_MAX:
        return told
    at = 0
    while at + 5 <= len(packet) and packet[at] == 0x1C:
        record, number, size = struct.unpack_from(">BBH", packet, at + 1)
        if size & 0x8000:
            break  # a value of more than 32 kB: none that is wanted here
        if record == 2 and number in _IIM_FIELDS:
            told.note(_IIM_FIELDS[number], _decoded(packet[at + 5 : at + 5 + size]))
        at += 5 + size
    return told


def _xmp(packet: Any) -> _Told:
    """The properties of the picture itself, not of what it was put together from.

    A document type, with which entities could be declared, ends the reading.
    """
    told = _Told()
    if not isinstance(packet, bytes) or not packet or len(packet) > _PACKET_MAX:
        return told
    path: list[str] = []
    texts: list[str] = []

    def refuse(*_: Any) -> None:
        raise ValueError("a document type in XMP")

    def of_the_picture(above: Sequence[str]) -> bool:
        return list(above[-2:]) == [_RDF + "RDF", _RDF + "Description"]

    def begin(name: str, attributes: dict[str, str]) -> None:
        if len(path) > _DEEP:
            raise ValueError("XMP nested too deep")
        path.append(name)
        texts.clear()
        if of_the_picture(path):
            for key, value in attributes.items():
                if key in _XMP_FIELDS:
                    told.note(_XMP_FIELDS[key], value)

    def end(name: str) -> None:
        text = "".join(texts)
        texts.clear()
        path.pop()
        if name == _RDF + "li" and len(path) >= 2 and of_the_picture(path[:-2]):
            name = path[-2]  # Description, property, Seq or Alt, li
        elif not of_the_picture(path):
            return
        if name in _XMP_FIELDS and text.strip():
            told.note(_XMP_FIELDS[name], text)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    try:
        parser.Parse(packet.strip(b"\0 \r\n\t"), True)
    except (expat.ExpatError, ValueError):
        return _Told()
    return told
