import datetime as dt
import io
import json
import struct
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from feedsmith.brand import Brand
from feedsmith.errors import FeedsmithError
from feedsmith.post import Credit
from feedsmith.provenance import (
    HOW,
    XMP_BYTES_MAX,
    Signing,
    Stamp,
    needs_ai_label,
    packet,
    read,
    sign_c2pa,
    signing,
    source_type,
    stamp_gif,
    stamp_jpeg,
    stamp_mp4,
)

RUIZ = Credit(
    text="Ana Ruiz, CC BY 4.0",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    source_url="https://example.org/photo?a=1&b=2",
)
STAMP = Stamp(
    source_type="compositeSynthetic",
    creator='Mühle & Söhne <"Bakery">',
    credits=(RUIZ, Credit(text="Jürgen Müller", licence="CC0")),
    label="Recomposed from the brand's own photos by Feedsmith.",
    description="Ein Waldweg im Nebel 🌲, شجرة",
)
NS = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "rights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "ext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}


def photo(width: int = 320, height: int = 240) -> Image.Image:
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 255, (5, 6, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def jpeg(**more: Any) -> bytes:
    out = io.BytesIO()
    photo().save(out, "JPEG", quality=90, **more)
    return out.getvalue()


def gif() -> bytes:
    out = io.BytesIO()
    frames = [photo(64, 48).rotate(angle) for angle in (0, 90, 180)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], loop=0, duration=80)
    return out.getvalue()


def film(path: Path, front: bool = True) -> Path:
    still = np.asarray(photo(128, 96))
    with av.open(str(path), "w", options={"movflags": "faststart"} if front else {}) as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(12):
            shifted = np.ascontiguousarray(np.roll(still, number * 4, axis=1))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(shifted, format="rgb24")))
        out.mux(stream.encode())
    return path


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as source:
        return [frame.to_ndarray() for frame in source.decode(video=0)]


def shown(path: Path) -> np.ndarray:
    if path.suffix == ".mp4":
        return np.asarray(frames(path))
    with Image.open(path) as image:
        return np.asarray(image)


def boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, at, at + size))
        at += size
    return found


def xmp_of(xmp: bytes) -> ET.Element:
    found = ET.fromstring(xmp).find(".//rdf:Description", NS)
    assert found is not None
    return found


def iim_of(data: bytes) -> dict[tuple[int, int], bytes]:
    """IPTC records of a JPEG, found as Pillow finds the Photoshop block."""
    with Image.open(io.BytesIO(data)) as image:
        block = image.info["photoshop"][0x0404]
    found, at = {}, 0
    while at < len(block):
        mark, record, number, size = struct.unpack_from(">BBBH", block, at)
        assert mark == 0x1C
        found[record, number] = block[at + 5 : at + 5 + size]
        at += 5 + size
    return found


# ---- what a file says ------------------------------------------------------------------------------


def test_a_jpeg_tells_its_source_creator_credits_and_label_in_xmp() -> None:
    with Image.open(io.BytesIO(stamp_jpeg(jpeg(), STAMP))) as image:
        told = xmp_of(image.info["xmp"])

    def text(path: str) -> str | None:
        return told.findtext(path, namespaces=NS)

    assert text("ext:DigitalSourceType") == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
    )
    assert text("dc:creator/rdf:Seq/rdf:li") == STAMP.creator
    assert text("dc:description/rdf:Alt/rdf:li") == f"{STAMP.description} {STAMP.label}"
    rights = text("dc:rights/rdf:Alt/rdf:li") or ""
    assert rights.startswith("Photos: Ana Ruiz, CC BY 4.0 (https://creativecommons.org/")
    assert rights.endswith("Jürgen Müller, CC0")
    assert text("rights:WebStatement") == RUIZ.licence_url
    assert text("photoshop:Credit") == "Ana Ruiz, CC BY 4.0; Jürgen Müller"
    assert text("photoshop:Instructions") == STAMP.label
    assert (text("xmp:CreatorTool") or "").startswith("Feedsmith 0.")
    assert text("xmp:CreateDate") is None


def test_a_jpeg_tells_the_same_in_the_old_iptc_header() -> None:
    told = iim_of(stamp_jpeg(jpeg(), STAMP))
    assert told[1, 90] == b"\x1b%G"
    assert told[2, 80].decode() == STAMP.creator
    assert told[2, 120].decode() == f"{STAMP.description} {STAMP.label}"
    assert told[2, 40].decode() == STAMP.label
    assert told[2, 110].decode() == "Ana Ruiz, CC BY 4.0; Jürgen…"
    assert all(len(value) <= 2000 for value in told.values())
    assert len(told[2, 116]) <= 128


def test_the_coded_picture_and_all_else_in_the_file_stay() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = jpeg(icc_profile=profile, dpi=(72, 72), comment=b"hello")
    stamped = stamp_jpeg(plain, STAMP)
    assert stamped.endswith(plain[plain.index(b"\xff\xdb") :])
    with Image.open(io.BytesIO(stamped)) as image, Image.open(io.BytesIO(plain)) as before:
        assert np.array_equal(np.asarray(image), np.asarray(before))
        assert image.info["icc_profile"] == profile
        assert image.info["comment"] == b"hello"
    assert stamped[2:4] == b"\xff\xe0"  # JFIF first


def test_a_gif_keeps_moving_and_tells_the_same() -> None:
    plain = gif()
    stamped = stamp_gif(plain, STAMP)
    with Image.open(io.BytesIO(stamped)) as image, Image.open(io.BytesIO(plain)) as before:
        assert image.info["loop"] == 0
        assert image.n_frames == 3
        for number in range(3):
            image.seek(number)
            before.seek(number)
            assert np.array_equal(np.asarray(image), np.asarray(before))
    at = stamped.index(b"XMP DataXMP") + 11
    told = xmp_of(stamped[at : stamped.index(b"\x01\xff\xfe", at)])
    assert told.findtext("dc:creator/rdf:Seq/rdf:li", namespaces=NS) == STAMP.creator


@pytest.mark.parametrize("front", [True, False])
def test_a_film_keeps_its_frames_its_index_in_front_and_tells_the_same(
    tmp_path: Path, front: bool
) -> None:
    path = film(tmp_path / "a.mp4", front)
    before, plain = frames(path), path.read_bytes()
    stamp_mp4(path, STAMP)
    stamped = path.read_bytes()
    assert stamped.startswith(plain)
    kinds = [kind for kind, _, _ in boxes(stamped)]
    assert kinds[-1] == b"uuid"
    assert (kinds.index(b"moov") < kinds.index(b"mdat")) is front
    assert all(np.array_equal(a, b) for a, b in zip(before, frames(path), strict=True))
    told = xmp_of(stamped[boxes(stamped)[-1][1] + 24 :])
    assert told.findtext("dc:creator/rdf:Seq/rdf:li", namespaces=NS) == STAMP.creator


def test_a_film_whose_last_box_reaches_to_the_end_gets_its_length_told(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    before = frames(path)
    data = bytearray(path.read_bytes())
    kind, start, end = boxes(bytes(data))[-1]
    assert kind == b"mdat"
    data[start : start + 4] = bytes(4)
    path.write_bytes(data)
    stamp_mp4(path, STAMP)
    assert boxes(path.read_bytes())[-2] == (b"mdat", start, end)
    assert read(path) == STAMP
    assert all(np.array_equal(a, b) for a, b in zip(before, frames(path), strict=True))


def test_an_older_packet_inside_a_film_is_emptied_and_nothing_moves(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    before, plain = frames(path), path.read_bytes()
    path.write_bytes(plain)
    stamp_mp4(path, STAMP.model_copy(update={"creator": "Somebody Else"}))
    path.write_bytes(path.read_bytes() + struct.pack(">I4s", 12, b"free") + b"tail")
    stamp_mp4(path, STAMP)
    data = path.read_bytes()
    assert b"Somebody Else" not in data
    assert data.startswith(plain)
    assert read(path) == STAMP
    assert all(np.array_equal(a, b) for a, b in zip(before, frames(path), strict=True))


def test_twice_is_once_and_the_last_stamp_stands(tmp_path: Path) -> None:
    other = STAMP.model_copy(update={"creator": "Other", "credits": ()})
    for plain, stamp in ((jpeg(comment=b"x"), stamp_jpeg), (gif(), stamp_gif)):
        once = stamp(plain, STAMP)
        assert stamp(once, STAMP) == once == stamp(stamp(plain, other), STAMP)
        assert read(once) == STAMP
    path = film(tmp_path / "a.mp4")
    stamp_mp4(path, STAMP)
    once = path.read_bytes()
    for again in (STAMP, other, STAMP):
        stamp_mp4(path, again)
    assert path.read_bytes() == once
    assert read(path) == read(once) == STAMP


def test_a_long_list_of_credits_is_shortened_and_says_so() -> None:
    many = tuple(
        RUIZ.model_copy(update={"text": f"Photographer {n} {'é' * 80}"}) for n in range(2000)
    )
    stamp = STAMP.model_copy(update={"credits": many, "description": "&" * 90_000})
    assert len(packet(stamp)) <= XMP_BYTES_MAX
    back = read(stamp_jpeg(jpeg(), stamp))
    assert back is not None
    assert 60 < len(back.credits) < 2000
    assert back.credits == many[: len(back.credits)]
    assert f"and {2000 - len(back.credits)} more, named with the post" in packet(stamp).decode()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(min_size=1, max_size=60))
def test_any_words_come_back_as_they_went_in(creator: str, said: str, credit: str) -> None:
    stamp = STAMP.model_copy(
        update={"creator": creator, "description": said, "credits": (Credit(text=credit),)}
    )
    back = read(stamp_jpeg(jpeg(), stamp))
    assert back is not None

    def kept(text: str) -> str:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return "".join(c for c in text if (c >= " " or c in "\t\n") and c not in "\ufffe\uffff")

    assert back.creator == kept(creator)
    assert back.description == kept(said)
    assert back.credits == (Credit(text=kept(credit)),)


def test_nobody_gets_xml_of_their_own_into_a_packet() -> None:
    evil = "</rdf:li></rdf:Seq></dc:creator><fs:Label>x</fs:Label>]]><!-- &amp; \x00\x01"
    back = read(stamp_jpeg(jpeg(), STAMP.model_copy(update={"creator": evil})))
    assert back is not None
    assert back.creator == evil[:-2]
    assert back.label == STAMP.label


def test_time_is_told_only_where_it_is_given() -> None:
    when = dt.datetime(2026, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    stamp = STAMP.model_copy(update={"made_at": when})
    assert read(stamp_jpeg(jpeg(), stamp)) == stamp
    assert b"2026" not in packet(STAMP)


@pytest.mark.parametrize(
    "xmp",
    [
        b"",
        b"<x",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b"<a>" * 5000 + b"</a>" * 5000,
        b"\xff\xfe\0",
    ],
)
def test_hostile_xml_is_no_stamp(xmp: bytes) -> None:
    body = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    plain = jpeg()
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]
    assert read(data) is None


def test_files_without_a_stamp_and_files_of_others_have_none(tmp_path: Path) -> None:
    assert read(jpeg()) is read(gif()) is read(b"") is read(b"hello") is None
    assert read(film(tmp_path / "a.mp4")) is None
    (tmp_path / "empty.mp4").write_bytes(b"")
    assert read(tmp_path / "empty.mp4") is None


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8\xff\xe0", b"GIF89a", gif()[:40]])
def test_what_is_no_media_file_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    for work in (
        lambda: stamp_jpeg(data, STAMP),
        lambda: stamp_gif(data, STAMP),
        lambda: stamp_mp4(path, STAMP),
    ):
        with pytest.raises(FeedsmithError, match="not a whole"):
            work()
    assert path.read_bytes() == data
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_have_a_stamp_or_none_and_raise_nothing(draw: st.DataObject) -> None:
    data = bytearray(draw.draw(st.sampled_from(STAMPED)))
    for _ in range(draw.draw(st.integers(1, 10))):
        at = draw.draw(st.integers(0, min(len(data), 5000) - 1))
        data[at] = draw.draw(st.integers(0, 255))
    found = read(bytes(data[: draw.draw(st.integers(0, len(data)))]))
    assert found is None or isinstance(found, Stamp)


STAMPED = (
    stamp_jpeg(jpeg(), STAMP),
    stamp_gif(gif(), STAMP),
    struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0)
    + struct.pack(">I4s", 24 + len(packet(STAMP)), b"uuid")
    + bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
    + packet(STAMP),
)


# ---- which source type -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("methods", "designed", "code", "label"),
    [
        (["crop"], False, "algorithmicallyEnhanced", False),
        (["extend"], False, "algorithmicallyEnhanced", False),
        (["crop"], True, "composite", False),
        (["layout"], False, "composite", False),
        (["cutout"], True, "composite", False),
        (["mashup"], False, "compositeCapture", False),
        (["mashup"], True, "composite", False),
        (["rows"], False, "compositeSynthetic", True),
        (["theme"], True, "compositeSynthetic", True),
        (["crop", "loop"], True, "compositeSynthetic", True),
        (["gan"], False, "trainedAlgorithmicMedia", True),
        (["diffusion"], True, "trainedAlgorithmicMedia", True),
        (["gan", "crop"], True, "compositeSynthetic", True),
        (["somebody's model"], False, "trainedAlgorithmicMedia", True),
        ([], True, "algorithmicMedia", False),
    ],
)
def test_the_most_artificial_part_decides(
    methods: list[str], designed: bool, code: str, label: bool
) -> None:
    assert source_type(methods, designed=designed) == code
    assert needs_ai_label(code) is label


def test_every_method_has_a_reason_and_codes_nobody_knows_are_labelled() -> None:
    assert all(reason for _, reason in HOW.values())
    assert needs_ai_label("")
    assert needs_ai_label("somethingNew")
    assert needs_ai_label("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia")
    assert not needs_ai_label("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture")


def test_a_post_s_stamp_is_made_of_its_pictures_and_its_kind() -> None:
    brand = Brand(name="Pine & Parcel")
    crop, rows, gan = (SimpleNamespace(method=m) for m in ("crop", "rows", "gan"))
    assert Stamp.of(brand, [RUIZ], [crop], "photo").source_type == "algorithmicallyEnhanced"
    assert Stamp.of(brand, [RUIZ], [crop], "quote").source_type == "composite"
    assert Stamp.of(brand, [RUIZ], [crop], "gif").source_type == "compositeSynthetic"
    assert Stamp.of(brand, [RUIZ], [crop, rows], "collage").source_type == "compositeSynthetic"
    assert Stamp.of(brand, [], [gan], "gif").source_type == "trainedAlgorithmicMedia"
    mixed = Stamp.of(brand, [RUIZ], [gan, crop], "carousel")
    assert (mixed.source_type, mixed.creator) == ("compositeSynthetic", "Pine & Parcel")
    assert mixed.label.startswith("Made with AI")
    assert "AI" not in Stamp.of(brand, [], [rows], "photo").label


# ---- signatures ------------------------------------------------------------------------------------

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
CA_KEY = ec.generate_private_key(ec.SECP256R1())
LEAF_KEY = ec.generate_private_key(ec.SECP256R1())
START, END = dt.datetime(2020, 1, 1), dt.datetime(2049, 1, 1)


def named(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def usage(**more: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: more.get(name, False) for name in names})


def certificate(
    key: Key = LEAF_KEY,
    *,
    authority: bool = False,
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.EMAIL_PROTECTION,),
    signs: bool = True,
    end: dt.datetime = END,
    names_issuer: bool = True,
) -> str:
    """A certificate of our test authority, PEM, followed by the authority's own."""
    parts = []
    for ca in (authority, True):
        public = (CA_KEY if ca else key).public_key()
        made = (
            x509.CertificateBuilder()
            .subject_name(named("CA" if ca else "Signer"))
            .issuer_name(named("CA"))
            .public_key(public)
            .serial_number(7 - ca)
            .not_valid_before(START)
            .not_valid_after(END if ca else end)
            .add_extension(x509.BasicConstraints(ca, None), True)
        )
        allowed = usage(key_cert_sign=True, digital_signature=True) if ca else usage(
            digital_signature=signs, key_encipherment=not signs
        )  # fmt: skip
        made = made.add_extension(allowed, True)
        if purposes and not ca:
            made = made.add_extension(x509.ExtendedKeyUsage(purposes), False)
        if names_issuer and not ca:
            theirs = x509.AuthorityKeyIdentifier.from_issuer_public_key(CA_KEY.public_key())
            made = made.add_extension(theirs, False)
        done = made.sign(CA_KEY, hashes.SHA256())
        parts.append(done.public_bytes(serialization.Encoding.PEM).decode())
    return "".join(parts)


def key_pem(key: Key = LEAF_KEY, passphrase: bytes = b"") -> str:
    lock: Any = serialization.NoEncryption()
    if passphrase:
        lock = serialization.BestAvailableEncryption(passphrase)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    if isinstance(key, ed25519.Ed25519PrivateKey):
        form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, lock).decode()


def verdict(path: Path) -> tuple[str, dict[str, Any]]:
    """What the C2PA library says of a file, trusting our test authority."""
    anchor = certificate(authority=True)
    trust = {"verify": {"verify_trust": True}, "trust": {"trust_anchors": anchor}}
    mime = {".jpg": "image/jpeg", ".gif": "image/gif", ".mp4": "video/mp4"}[path.suffix]
    with (
        path.open("rb") as stream,
        c2pa.Context.from_dict(trust) as context,
        c2pa.Reader(mime, stream, context=context) as reader,
    ):
        told = json.loads(reader.json())
        return reader.get_validation_state(), told["manifests"][told["active_manifest"]]


def stamped(folder: Path, kind: str) -> Path:
    path = folder / f"01.{kind}"
    if kind == "mp4":
        stamp_mp4(film(path), STAMP)
    else:
        path.write_bytes(stamp_jpeg(jpeg(), STAMP) if kind == "jpg" else stamp_gif(gif(), STAMP))
    return path


@pytest.mark.parametrize("kind", ["jpg", "gif", "mp4"])
def test_a_signed_file_verifies_and_a_changed_byte_shows(tmp_path: Path, kind: str) -> None:
    path = stamped(tmp_path, kind)
    before = shown(path)
    (tmp_path / "key.pem").write_text(key_pem())
    (tmp_path / "chain.pem").write_text(certificate())
    sign_c2pa(path, tmp_path / "key.pem", tmp_path / "chain.pem")
    state, manifest = verdict(path)
    assert state == "Trusted"
    assert manifest["claim_generator_info"][0]["name"] == "Feedsmith"
    assert manifest["title"] == path.name
    (action,) = next(
        a["data"]["actions"] for a in manifest["assertions"] if a["label"].startswith("c2pa.actions")
    )  # fmt: skip
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"].endswith("/compositeSynthetic")
    assert "thumbnail" not in manifest
    assert read(path) == STAMP  # the stamp outlives the signature, and is covered by it
    after = shown(path)
    assert np.array_equal(before, after)
    if kind == "mp4":
        kinds = [kind for kind, _, _ in boxes(path.read_bytes())]
        assert kinds.index(b"moov") < kinds.index(b"mdat")

    data = path.read_bytes()
    changed = tmp_path / f"changed.{kind}"
    changed.write_bytes(data.replace("Jürgen".encode(), "Jürgem".encode()))
    assert verdict(changed)[0] == "Invalid"
    middle = data.index(b"mdat") + 600 if kind == "mp4" else len(data) - 100
    changed.write_bytes(data[:middle] + bytes((data[middle] ^ 1,)) + data[middle + 1 :])
    assert verdict(changed)[0] == "Invalid"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["chain.pem", "key.pem", path.name, changed.name]
    )


def test_a_stamp_cannot_break_a_signature(tmp_path: Path) -> None:
    for kind in ("jpg", "gif", "mp4"):
        path = stamped(tmp_path, kind)
        sign_c2pa(path, key_pem(), certificate())
        again = {
            "jpg": lambda path: stamp_jpeg(path.read_bytes(), STAMP),
            "gif": lambda path: stamp_gif(path.read_bytes(), STAMP),
            "mp4": lambda path: stamp_mp4(path, STAMP),
        }[kind]
        with pytest.raises(FeedsmithError, match="is signed"):
            again(path)
        assert verdict(path)[0] == "Trusted"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ec.generate_private_key(ec.SECP521R1()), "es512"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
    ],
)
def test_every_kind_of_key_that_c2pa_takes_signs(tmp_path: Path, key: Key, algorithm: str) -> None:
    path = stamped(tmp_path, "jpg")
    by = signing(key_pem(key), certificate(key))
    assert by.algorithm == algorithm
    assert "PRIVATE" not in repr(by)
    sign_c2pa(path, by)
    assert verdict(path)[0] == "Trusted"


def test_the_key_may_stand_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stamped(tmp_path, "jpg")
    (tmp_path / "chain.pem").write_text(certificate())
    monkeypatch.setenv("FEEDSMITH_C2PA_KEY", key_pem())
    monkeypatch.setenv("FEEDSMITH_C2PA_CERTIFICATE", str(tmp_path / "chain.pem"))
    sign_c2pa(path)
    assert verdict(path)[0] == "Trusted"


def test_the_photos_it_was_made_of_and_the_wish_not_to_be_trained_on_can_be_told(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    path = stamped(tmp_path, "jpg")
    sources = []
    for name in ("dock", "wolf"):
        sources.append(tmp_path / f"{name}-secret-name.jpg")
        sources[-1].write_bytes(pictures[name])
    sign_c2pa(path, key_pem(), certificate(), sources=sources, no_training=True)
    state, manifest = verdict(path)
    assert state == "Trusted"
    assert [item["title"] for item in manifest["ingredients"]] == ["photo 1", "photo 2"]
    labels = {item["label"]: item["data"] for item in manifest["assertions"]}
    assert labels["cawg.training-mining"]["entries"]["cawg.ai_training"] == {"use": "notAllowed"}
    assert b"secret-name" not in path.read_bytes()


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)}, "another purpose"),
        ({"purposes": ()}, "another purpose"),
        (
            {"purposes": (ExtendedKeyUsageOID.EMAIL_PROTECTION,
                          ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)},
            "any purpose at all",
        ),
        ({"signs": False}, "does not allow signing"),
        ({"end": dt.datetime(2021, 1, 1)}, "to 01 Jan 2021 only"),
        ({"names_issuer": False}, "does not name its issuer"),
        ({"key": ec.generate_private_key(ec.SECP256R1())}, "is of another key"),
    ],
)  # fmt: skip
def test_an_unsuitable_certificate_is_refused_with_the_reason(
    tmp_path: Path, more: dict[str, Any], match: str
) -> None:
    path = stamped(tmp_path, "jpg")
    before = path.read_bytes()
    with pytest.raises(FeedsmithError, match=match) as raised:
        sign_c2pa(path, key_pem(), certificate(**more))
    assert raised.value.mend
    assert path.read_bytes() == before


def test_an_authority_s_own_certificate_is_refused() -> None:
    with pytest.raises(FeedsmithError, match="an authority's"):
        signing(key_pem(CA_KEY), certificate(authority=True))


@pytest.mark.parametrize(
    ("key", "match"),
    [
        ("", "there is no signing key"),
        ("/nowhere/key.pem", "cannot be read"),
        ("-----BEGIN PRIVATE KEY-----\nTOPSECRET\n-----END PRIVATE KEY-----", "cannot be read"),
        (key_pem(passphrase=b"xyz"), "passphrase"),
        (key_pem(ec.generate_private_key(ec.SECP256K1())), "of a kind"),
        (key_pem(rsa.generate_private_key(65537, 1024)), "of a kind"),
    ],
)
def test_an_unsuitable_key_is_refused_and_never_quoted(
    monkeypatch: pytest.MonkeyPatch, key: str, match: str
) -> None:
    monkeypatch.delenv("FEEDSMITH_C2PA_KEY", raising=False)
    with pytest.raises(FeedsmithError, match=match) as raised:
        signing(key, certificate())
    assert raised.value.mend
    assert "TOPSECRET" not in str(raised.value)


def test_a_chain_that_does_not_hold_leaves_the_file_unsigned(tmp_path: Path) -> None:
    path = stamped(tmp_path, "jpg")
    before = path.read_bytes()
    right = signing(key_pem(), certificate())
    other = key_pem(ec.generate_private_key(ec.SECP256R1()))
    pkcs8 = serialization.load_pem_private_key(other.encode(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(FeedsmithError, match="does not verify"):
        sign_c2pa(path, Signing("es256", pkcs8, right.chain))
    assert path.read_bytes() == before


def test_an_unstamped_file_is_not_signed(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg())
    with pytest.raises(FeedsmithError, match="carries no stamp"):
        sign_c2pa(tmp_path / "a.jpg", key_pem(), certificate())


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    with pytest.raises(FeedsmithError, match="c2pa-python") as raised:
        signing(key_pem(), certificate())
    assert "feedsmith[c2pa]" in raised.value.mend
