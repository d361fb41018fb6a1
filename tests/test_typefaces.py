"""Shipped typefaces, their pairs, and a brand's own font files."""

import struct
from pathlib import Path

import pytest
import typst

from feedsmith.design import faces
from feedsmith.errors import FeedsmithError

ROLES = ("display", "voice", "text", "strong")
OWN = Path(__file__).parent / "fixtures" / "fonts" / "tiny-japanese.ttf"

LETTERS = {
    "English": "The quick brown fox jumps over the lazy dog’s “24.50”",
    "German": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich, Ä Ö Ü „ẞ“",
    "French": "Portez ce vieux whisky au juge blond qui fume — Çà, œuvre, où, naïf, Noël «oui»",
    "Spanish": "¿El veloz murciélago hindú comía feliz cardillo y kiwi? ¡La cigüeña, mañana!",
    "Portuguese": "À noite, vovô Kowalsky vê o ímã cair no pé do pinguim; avó, pão, coração",
    "Polish": "Pchnąć w tę łódź jeża lub ośm skrzyń fig, Źródło, Żółć",
    "Czech": "Příliš žluťoučký kůň úpěl ďábelské ódy, Ř Š Č",
    "Hungarian": "Árvíztűrő tükörfúrógép, Ő Ű",
    "Romanian": "Gheorghe, obezul, a reușit să obțină jucându-se un flux în Quebec, Ț Ș",
    "Turkish": "Pijamalı hasta yağız şoföre çabucak güvendi, İ ı Ğ Ş",
    "Swedish": "Flygande bäckasiner söka hwila på mjuka tuvor, Å Ä Ö, Þ ð æ ø",
    "Vietnamese": "Do bạch kim rất quý nên sẽ dùng để lắp vô xương, ẵ ộ ử ỷ Ằ Ễ",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία, Ά Έ Ή Ί Ό Ύ Ώ ΐ ΰ",
    "Russian": "Съешь же ещё этих мягких французских булок, да выпей чаю №",
    "Ukrainian": "Жебракують філософи при ґанку церкви в Гадячі, ще й шатро їхнє п’яне знаємо",
    "Bulgarian": "Жълтата дюля беше щастлива, че пухът, който цъфна, замръзна като гьон",
}


def listed(*folders: str) -> list[typst.FontInfo]:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders)
    ).fonts()


@pytest.mark.parametrize("pair", faces.PAIRS)
@pytest.mark.parametrize("language", LETTERS)
def test_every_pair_sets_every_european_language(pair: str, language: str) -> None:
    words = LETTERS[language]
    changed = faces.substitutes(words, faces.PAIRS[pair])
    for role in ROLES:
        face = changed.get(role, getattr(faces.PAIRS[pair], role))
        assert {ord(c) for c in words if c != " "} <= faces.covered(face)


@pytest.mark.parametrize("pair", faces.PAIRS)
def test_every_pair_sets_english_and_german_in_its_own_faces(pair: str) -> None:
    own = faces.PAIRS[pair]
    for language in ("English", "German", "Polish", "Turkish"):
        for role, face in faces.substitutes(LETTERS[language].replace("ẞ", ""), own).items():
            assert face.file == getattr(own, role).file


@pytest.mark.parametrize("pair", faces.PAIRS)
@pytest.mark.parametrize("sign", "€£¥₹₽₺₩₴₫₿₪₾₸₦₱₵→½№™•")
def test_a_sign_a_face_lacks_comes_from_beside_it_and_leaves_the_letters_alone(
    pair: str, sign: str
) -> None:
    own = faces.PAIRS[pair]
    changed = faces.substitutes(f"From {sign} 24.50", own)
    for role in ROLES:
        face = changed.get(role, getattr(own, role))
        assert face.file == getattr(own, role).file
        assert ord(sign) in faces.covered(face)


def test_there_are_a_dozen_pairs_and_more_and_every_brand_gets_one() -> None:
    assert len(faces.PAIRS) >= 12
    assert {faces.pair_for(seed).name for seed in range(300)} == set(faces.PAIRS)


def every_face() -> set[faces.Face]:
    pairs = faces.PAIRS.values()
    found = {getattr(pair, role) for pair in pairs for role in ROLES}
    found |= {
        face for pair in pairs for large_and_sentence in pair.instead for face in large_and_sentence
    }
    return found | {f for s in faces._SCRIPTS for f in (*s.serif, *s.sans)} | {faces.EMOJI}


def test_the_typesetter_finds_each_face_under_its_name_weight_and_style() -> None:
    known = {
        (font.family, font.weight, font.style): Path(font.path or "").name
        for font in listed(str(faces.FOLDER))
    }
    assert len(known) == len(list(faces.FOLDER.glob("*.[to]tf")))
    for face in every_face():
        assert known[face.family, face.weight, face.style] == face.file


def test_capitals_are_as_tall_as_each_face_says() -> None:
    for face in every_face() - {faces.EMOJI}:
        os2 = faces._tables((faces.FOLDER / face.file).read_bytes())["OS/2"]
        units = struct.unpack_from(
            ">H", faces._tables((faces.FOLDER / face.file).read_bytes())["head"], 18
        )[0]
        cap = struct.unpack_from(">h", os2, 88)[0] / units
        # Caveat's table says less than its tall capitals measure.
        if ord("H") in faces.coverage(face.file) and face.family != "Caveat":
            assert face.cap == pytest.approx(cap, abs=0.006)


def test_all_fonts_are_there_with_their_licences_and_stay_small() -> None:
    used = {face.file for face in every_face()}
    there = {path.name for path in faces.FOLDER.glob("*.[to]tf")}
    assert used | {"Inter-Bold.otf"} == there
    licences = {
        p.stem.removeprefix("OFL-").replace("-", "") for p in faces.FOLDER.glob("OFL-*.txt")
    }
    for file in there:
        family = file.split("-")[0].lower()
        assert any(family.startswith(name) for name in licences), file
    for path in faces.FOLDER.glob("OFL-*.txt"):
        assert "SIL Open Font License" in path.read_text("utf-8").replace("SIL OPEN", "SIL Open")
    assert sum(path.stat().st_size for path in faces.FOLDER.iterdir()) < 5_300_000


# A brand's own files.


def test_a_brands_own_font_sets_its_words() -> None:
    pair = faces.custom(OWN, OWN)
    assert faces.substitutes("新しい道", pair).keys() == set(ROLES)  # only spacing is changed
    for role, face in faces.substitutes("新しい道", pair).items():
        assert face.file == getattr(pair, role).file
        assert (face.joined, face.tracking) == (True, 0.0)
    (font,) = listed(*pair.folders)
    assert (font.family, font.weight) == (pair.display.family, pair.display.weight)
    assert pair.display.weight == 700
    assert pair.display.cap == pytest.approx(0.733, abs=0.002)


def test_its_capitals_are_measured_not_believed(tmp_path: Path) -> None:
    tables = faces._tables((faces.FOLDER / "Bitter-Bold.ttf").read_bytes())
    os2 = bytearray(tables["OS/2"])
    struct.pack_into(">h", os2, 88, 350)  # half its capitals
    (tmp_path / "half.ttf").write_bytes(faces._font(b"\0\1\0\0", {**tables, "OS/2": bytes(os2)}))
    pair = faces.custom(tmp_path / "half.ttf")
    assert pair.display.cap == pytest.approx(0.704, abs=0.003)
    assert pair.display.scale == pytest.approx(0.994, abs=0.005)


def test_a_letter_the_brands_font_lacks_changes_the_face_of_the_whole_text() -> None:
    pair = faces.custom(OWN, None, base=faces.PAIRS["slab"])
    changed = faces.substitutes("Über allen Gipfeln", pair)
    assert changed["display"].family == "Inter"
    assert changed["display"].more == ()
    assert "display" not in faces.substitutes("Tall Tree", pair)


def test_words_only_one_of_the_brands_fonts_has_are_set_in_that_one() -> None:
    pair = faces.custom(OWN, None, base=faces.PAIRS["slab"])
    assert faces.substitutes("新しい道", pair)["text"].file == pair.display.file


def test_only_one_of_the_two_may_be_given() -> None:
    base = faces.PAIRS["light"]
    heading, text = faces.custom(OWN, None, base=base), faces.custom(None, OWN, base=base)
    assert (heading.text, heading.strong) == (base.text, base.strong)
    assert (text.display, text.voice) == (base.display, base.voice)
    assert text.text.file == heading.display.file


def test_a_brands_font_never_takes_the_place_of_a_shipped_one() -> None:
    pair = faces.custom(faces.FOLDER / "Inter-Bold.otf", None)
    assert pair.display.family != "Inter"
    assert {font.family for font in listed(*pair.folders)} == {pair.display.family}


def test_the_first_font_of_a_collection_is_taken(tmp_path: Path) -> None:
    data = OWN.read_bytes()
    count = struct.unpack_from(">H", data, 4)[0]
    directory = bytearray(data[: 12 + 16 * count])
    for i in range(count):
        at = struct.unpack_from(">I", directory, 20 + 16 * i)[0]
        struct.pack_into(">I", directory, 20 + 16 * i, at + 16)
    head = struct.pack(">4sIII", b"ttcf", 0x10000, 1, 16)
    (tmp_path / "two.ttc").write_bytes(head + directory + data[len(directory) :])
    pair = faces.custom(tmp_path / "two.ttc", None)
    assert "display" not in faces.substitutes("Tall Tree", pair)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "0 bytes"),
        (b"wOF2" + bytes(100), "web font"),
        (b"wOFF" + bytes(100), "web font"),
        (b"<svg xmlns=''/>", "not a TrueType"),
        (b"\0\1\0\0", "damaged"),
        (b"OTTO\xff\xff" + bytes(40), "damaged"),
        (b"ttcf" + b"\xff" * 40, "damaged"),
        (OWN.read_bytes()[:3000], "damaged"),
        (b"\0\1\0\0\0\0" + bytes(40), "damaged"),
    ],
)
def test_a_broken_font_file_is_named(tmp_path: Path, data: bytes, says: str) -> None:
    file = tmp_path / "Brand.ttf"
    file.write_bytes(data)
    with pytest.raises(FeedsmithError, match=says) as caught:
        faces.custom(file, None)
    assert "Brand.ttf" in caught.value.message
    assert caught.value.mend


def test_a_missing_font_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match=r"none\.otf: cannot be read"):
        faces.custom(None, tmp_path / "none.otf")
    with pytest.raises(FeedsmithError, match="cannot be read"):
        faces.custom(tmp_path, None)


def test_any_damage_to_a_font_is_an_error_or_a_font_never_a_crash(tmp_path: Path) -> None:
    data = OWN.read_bytes()
    for i in range(0, 1200, 7):
        harmed = bytearray(data)
        harmed[4 + i : 4 + i + 3] = b"\xff\xff\xff"
        file = tmp_path / f"{i}.ttf"
        file.write_bytes(harmed)
        try:
            pair = faces.custom(file, None)
        except FeedsmithError:
            continue
        assert faces.coverage(pair.display.file)
