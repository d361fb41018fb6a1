"""Packets: a stamp as XMP and as the old IPTC header, and XMP read back.

Knows XML and records; nothing of the files they lie in.
"""

import re
import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.parsers import expat

from feedsmith.post import Credit
from feedsmith.provenance.stamp import NEWSCODES, Stamp

XMP_BYTES_MAX = 65_000
"""What one JPEG segment holds of XMP (65,502), less some air."""
PARSED_MAX = 1 << 20
"""XMP longer than this is not ours and is not parsed."""

# ---- the XMP packet ------------------------------------------------------------------------------

_NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "fs": "urn:feedsmith:stamp:1:",
}
_BEGIN = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_END = b'<?xpacket end="r"?>'
_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry: control characters, halves of surrogate pairs."""
_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def packet(stamp: Stamp) -> bytes:
    """The stamp as an XMP packet in UTF-8, at most XMP_BYTES_MAX long.

    Where that is too little for all credits, as many as fit are named, and how many are not.
    """
    whole = _packet(stamp, stamp.credits, stamp.description)
    if len(whole) <= XMP_BYTES_MAX:
        return whole
    stamp = stamp.model_copy(
        update={
            "creator": _short(stamp.creator, 300),
            "label": _short(stamp.label, 1000),
            "model": _short(stamp.model, 300),
        }
    )
    words = _short(stamp.description, 1000)
    few = [
        Credit(
            text=_short(credit.text, 500),
            licence=_short(credit.licence, 200),
            licence_url=_short(credit.licence_url, 500),
            source_url=_short(credit.source_url, 500),
        )
        for credit in stamp.credits
    ]
    low, high = 0, len(few)
    while low < high:
        middle = (low + high + 1) // 2
        if len(_packet(stamp, few[:middle], words)) <= XMP_BYTES_MAX:
            low = middle
        else:
            high = middle - 1
    return _packet(stamp, few[:low], words)


def _packet(stamp: Stamp, named: Sequence[Credit], description: str) -> bytes:
    rights = _rights(named, len(stamp.credits) - len(named))
    urls = [credit.licence_url for credit in named if credit.licence_url]
    parts = [
        _simple("Iptc4xmpExt:DigitalSourceType", NEWSCODES + stamp.source_type),
        _list("dc:creator", "Seq", [stamp.creator]),
        _words("dc:description", _caption(description, stamp.label)),
        _words("dc:rights", rights),
        _simple("xmp:CreatorTool", stamp.tool),
        _simple("xmp:CreateDate", stamp.made_at.isoformat() if stamp.made_at else ""),
        _simple("xmpRights:WebStatement", urls[0] if urls else ""),
        _words("xmpRights:UsageTerms", _terms(named)),
        _simple("photoshop:Credit", _short(_credit_line(named), 2000)),
        _simple("photoshop:Instructions", stamp.label),
        _simple("Iptc4xmpExt:AISystemUsed", stamp.model),
        _simple("fs:Label", stamp.label),
        _simple("fs:Description", description),
        _credits(named),
    ]
    spaces = "".join(
        f' xmlns:{name}="{uri}"' for name, uri in _NAMESPACES.items() if name not in ("x", "rdf")
    )
    body = "\n".join(part for part in parts if part)
    text = (
        f'\n<x:xmpmeta xmlns:x="{_NAMESPACES["x"]}"><rdf:RDF xmlns:rdf="{_NAMESPACES["rdf"]}">\n'
        f'<rdf:Description rdf:about=""{spaces}>\n{body}\n</rdf:Description>\n</rdf:RDF></x:xmpmeta>\n'
    )
    return _BEGIN + text.encode() + _END


def _caption(description: str, label: str) -> str:
    return " ".join(part for part in (description.strip(), label.strip()) if part)


def _credit_words(credit: Credit) -> str:
    """One credit as a person reads it, its licence named once."""
    text = credit.text
    if credit.licence and credit.licence.casefold() not in text.casefold():
        text += f", {credit.licence}"
    return text + (f" ({credit.licence_url})" if credit.licence_url else "")


def _rights(named: Sequence[Credit], unnamed: int) -> str:
    lines = [_credit_words(credit) for credit in named]
    if unnamed:
        lines.append(f"and {unnamed} more, named with the post")
    words = "; ".join(lines)
    return f"Photos: {words}" if words and not words.casefold().startswith("photo") else words


def _terms(named: Sequence[Credit]) -> str:
    licences = dict.fromkeys(
        f"{credit.licence} {credit.licence_url}".strip() for credit in named if credit.licence
    )
    return "; ".join(licences)


def _credit_line(named: Sequence[Credit]) -> str:
    return "; ".join(dict.fromkeys(credit.text for credit in named))


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _xml(text: str) -> str:
    return _clean(text).translate(_XML)


def _simple(name: str, text: str) -> str:
    return f"<{name}>{_xml(text)}</{name}>" if text else ""


def _words(name: str, text: str) -> str:
    """A text for all languages."""
    if not text:
        return ""
    return f'<{name}><rdf:Alt><rdf:li xml:lang="x-default">{_xml(text)}</rdf:li></rdf:Alt></{name}>'


def _list(name: str, kind: str, texts: Sequence[str]) -> str:
    items = "".join(f"<rdf:li>{_xml(text)}</rdf:li>" for text in texts if text)
    return f"<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>" if items else ""


def _credits(named: Sequence[Credit]) -> str:
    """The credits part by part; standard properties hold them as one text only."""
    items = "".join(
        '<rdf:li rdf:parseType="Resource">'
        + _simple("fs:Text", credit.text)
        + _simple("fs:Licence", credit.licence)
        + _simple("fs:LicenceUrl", credit.licence_url)
        + _simple("fs:SourceUrl", credit.source_url)
        + "</rdf:li>"
        for credit in named
    )
    return f"<fs:Credits><rdf:Seq>{items}</rdf:Seq></fs:Credits>" if items else ""


def _short(text: str, octets: int) -> str:
    """At most so many bytes of UTF-8, cut between characters, with a sign that it was cut."""
    raw = text.encode("utf-8", "ignore")
    if len(raw) <= octets:
        return text
    return raw[: octets - 3].decode("utf-8", "ignore").rstrip() + "…"


# ---- IPTC-IIM ------------------------------------------------------------------------------------


def iim(stamp: Stamp) -> bytes:
    """Records of the old IPTC header, each within the length that IIM 4.2 allows it."""
    rights = _rights(stamp.credits, 0)
    tool, _, version = stamp.tool.rpartition(" ")
    records = [
        (40, stamp.label, 256),
        (65, tool or stamp.tool, 32),
        (70, version if tool else "", 10),
        (80, stamp.creator, 32),
        (110, _credit_line(stamp.credits), 32),
        (116, rights, 128),
        (120, _caption(stamp.description, stamp.label), 2000),
    ]
    out = b"\x1c\x01\x5a\0\x03\x1b%G" + b"\x1c\x02\0\0\x02\0\x04"  # UTF-8; version 4
    for number, text, octets in records:
        value = _short(_clean(text), octets).encode("utf-8", "ignore")
        if value:
            out += b"\x1c\x02" + struct.pack(">BH", number, len(value)) + value
    return out


# ---- reading back --------------------------------------------------------------------------------


def parsed(xmp: bytes) -> Stamp | None:
    if not xmp or len(xmp) > PARSED_MAX:
        return None
    try:
        values, items = _properties(xmp)
        code = values.get(("Iptc4xmpExt", "DigitalSourceType"), "")
        if not code.startswith(NEWSCODES):
            return None
        made_at = values.get(("xmp", "CreateDate"), "")
        return Stamp(
            source_type=code.removeprefix(NEWSCODES),
            creator=values.get(("dc", "creator"), ""),
            credits=tuple(
                Credit(
                    text=item.get("Text", ""),
                    licence=item.get("Licence", ""),
                    licence_url=item.get("LicenceUrl", ""),
                    source_url=item.get("SourceUrl", ""),
                )
                for item in items
            ),
            label=values.get(("fs", "Label"), ""),
            description=values.get(("fs", "Description"), ""),
            model=values.get(("Iptc4xmpExt", "AISystemUsed"), ""),
            made_at=datetime.fromisoformat(made_at) if made_at else None,
            tool=values.get(("xmp", "CreatorTool"), ""),
        )
    except (expat.ExpatError, ValueError):
        return None


def _properties(xmp: bytes) -> tuple[dict[tuple[str, str], str], list[dict[str, str]]]:
    """(text of each property, the credits part by part). Raises ExpatError or ValueError."""
    names = {uri: name for name, uri in _NAMESPACES.items()}
    values: dict[tuple[str, str], str] = {}
    items: list[dict[str, str]] = []
    path: list[tuple[str, str]] = []
    texts: list[str] = []

    def refuse(*_: Any) -> None:
        raise ValueError("a document type in XMP")

    def begin(name: str, _: dict[str, str]) -> None:
        if len(path) > 60:
            raise ValueError("XMP nested too deep")
        uri, local = name.rpartition(" ")[::2]
        path.append((names.get(uri, uri), local))
        texts.clear()
        if path[-1] == ("rdf", "li") and len(path) >= 3 and path[-3] == ("fs", "Credits"):
            items.append({})

    def end(_: str) -> None:
        text = "".join(texts)
        texts.clear()
        key = path.pop()
        if items and key[0] == "fs" and ("fs", "Credits") in path:
            items[-1][key[1]] = text
        elif key == ("rdf", "li") and len(path) >= 2:
            if path[-2] != ("fs", "Credits"):
                values.setdefault(path[-2], text)
        elif key[0] != "rdf":
            values.setdefault(key, text)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    parser.Parse(xmp.strip(b"\0 \r\n\t"), True)
    return values, items
