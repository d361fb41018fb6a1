"""Makes the files of src/feedsmith/design/fonts from the families' published fonts.

Needs fontTools and brotli (neither is needed to run Feedsmith) and the unpacked npm packages
named in RECIPES, each in a folder of its own name:

    npm pack @expo-google-fonts/nunito && mkdir -p packages/nunito
    tar xzf expo-google-fonts-nunito-*.tgz -C packages/nunito --strip-components=1
    python tools/make_fonts.py packages src/feedsmith/design/fonts

Every file is a static cut, subset to the scripts it is used for, hints dropped (set at 22 px and
above they change nothing, and they are a third of the file).
"""

import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont


class Recipe(NamedTuple):
    out: str
    """File name."""
    package: str
    """Folder of the unpacked package."""
    sources: tuple[str, ...]
    """Glob of each file inside it; several are merged in this order."""
    script: str
    """Key of SCRIPTS."""
    axes: dict[str, float] = {}  # noqa: RUF012 - a value of a NamedTuple, never changed
    """Where a variable font is cut."""
    larger: float = 1.0
    """Letters of scripts set beside Latin are drawn this much larger, to look the same size."""
    weight: int = 0
    """Where the source's own is not that of the cut."""
    family: tuple[str, str] = ("", "")
    """Family and style, where a cut of a variable font does not carry them itself."""
    without: tuple[str, ...] = ()
    """OpenType features left out, with the letters only they use."""


_PUNCTUATION = [*range(0x2010, 0x2028), *range(0x202F, 0x205F), 0x2060, *range(0x20A0, 0x20C2)]
_SIGNS = [
    0x2113, 0x2116, 0x2117, 0x2120, 0x2122, 0x2126, 0x212E, *range(0x2150, 0x215F),
    *range(0x2190, 0x219A), 0x2202, 0x2206, 0x220F, 0x2211, 0x2212, 0x2215, 0x221A, 0x221E,
    0x2248, 0x2260, 0x2264, 0x2265, 0x25A0, 0x25A1, 0x25B2, 0x25B6, 0x25BC, 0x25C6, 0x25CA,
    0x25CB, 0x25CF, 0x2605, 0x2606, 0x2713, 0x2714, 0x2715, 0x2717, 0x2070,
    *range(0x2074, 0x207F), *range(0x2080, 0x208A), 0xFB01, 0xFB02,
]  # fmt: skip
_LATIN = [
    *range(0x20, 0x7F), *range(0xA0, 0x180), 0x18F, 0x192, 0x1A0, 0x1A1, 0x1AF, 0x1B0, 0x1E6, 0x1E7,
    *range(0x1FA, 0x200), *range(0x218, 0x21C), 0x232, 0x233, 0x237, 0x259, 0x2BB, 0x2BC, 0x2C6,
    0x2C7, *range(0x2D8, 0x2DE), *range(0x300, 0x305), *range(0x306, 0x30D), 0x31B, 0x323, 0x326,
    0x327, 0x328, *range(0x1E80, 0x1E86), 0x1E9E, *range(0x1EA0, 0x1EFA), *_PUNCTUATION, *_SIGNS,
]  # fmt: skip
_GREEK = [*range(0x370, 0x400)]
_CYRILLIC = [*range(0x400, 0x460), *range(0x490, 0x500)]
SCRIPTS: dict[str, list[int]] = {
    "european": [*_LATIN, *_GREEK, *_CYRILLIC],
    # Letters, marks, digits and punctuation of the languages written in it; none of the
    # presentation forms (shaping makes them) and no Latin (the brand's own face sets that).
    "arabic": [0x20, 0xA0, *range(0x600, 0x700), *range(0x750, 0x780), 0x200C, 0x200D, 0x25CC],
    "hebrew": [0x20, 0xA0, *range(0x590, 0x600), 0x20AA, 0x200C, 0x200D, 0x25CC],
    "devanagari": [
        0x20,
        0xA0,
        *range(0x900, 0x980),
        0x1CD0,
        0x1CE1,
        *range(0xA8E0, 0xA8F8),
        0x20B9,
        0x200C,
        0x200D,
        0x25CC,
    ],
    # Single signs of the emoji keyboards: faces, hands, people, animals, plants, food, places,
    # things, hearts and the common symbols; no flags, no keycaps, no joined families.
    "emoji": [
        0x20,
        0xA0,
        0x203C,
        0x2049,
        0x231A,
        0x231B,
        0x23F0,
        0x23F1,
        0x23F3,
        *range(0x2600, 0x2605),
        0x260E,
        0x2611,
        0x2614,
        0x2615,
        0x2618,
        0x261D,
        0x2620,
        0x262E,
        0x262F,
        0x2639,
        0x263A,
        *range(0x2648, 0x2654),
        0x2660,
        0x2663,
        0x2665,
        0x2666,
        0x267B,
        0x267E,
        0x2693,
        0x2696,
        0x2699,
        0x269B,
        0x26A0,
        0x26A1,
        0x26BD,
        0x26BE,
        0x26C4,
        0x26C5,
        0x26CF,
        0x26D1,
        0x26E9,
        0x26EA,
        0x26F0,
        0x26F1,
        0x26F2,
        0x26F3,
        0x26F5,
        0x26F7,
        0x26F8,
        0x26FA,
        0x2702,
        0x2705,
        *range(0x2708, 0x270E),
        0x270F,
        0x2712,
        0x2714,
        0x2716,
        0x271D,
        0x2728,
        0x2733,
        0x2734,
        0x2744,
        0x2747,
        0x274C,
        0x274E,
        0x2753,
        0x2754,
        0x2755,
        0x2757,
        0x2763,
        0x2764,
        0x2795,
        0x2796,
        0x2797,
        0x27A1,
        0x27B0,
        0x2B05,
        0x2B06,
        0x2B07,
        0x2B50,
        0x2B55,
        *range(0x1F300, 0x1F321),
        *range(0x1F324, 0x1F394),
        *range(0x1F396, 0x1F3FB),
        *range(0x1F400, 0x1F4FE),
        0x1F4FF,
        *range(0x1F500, 0x1F53E),
        *range(0x1F54A, 0x1F54F),
        *range(0x1F56F, 0x1F571),
        0x1F57A,
        0x1F58A,
        0x1F58B,
        0x1F58C,
        0x1F590,
        0x1F595,
        0x1F596,
        0x1F5A4,
        0x1F5BC,
        0x1F5DD,
        0x1F5DE,
        0x1F5E8,
        0x1F5FA,
        *range(0x1F5FB, 0x1F650),
        *range(0x1F680, 0x1F6A5),
        0x1F6B2,
        0x1F6B4,
        0x1F6B5,
        0x1F6B6,
        0x1F6BF,
        0x1F6C0,
        0x1F6CB,
        0x1F6CD,
        0x1F6CE,
        0x1F6CF,
        0x1F6D2,
        0x1F6D6,
        0x1F6E0,
        0x1F6E5,
        0x1F6E9,
        0x1F6EB,
        0x1F6EC,
        0x1F6F3,
        *range(0x1F6F4, 0x1F6FD),
        *range(0x1F90C, 0x1FA00),
        *range(0x1FA70, 0x1FB00),
    ],
}

_SUBSETS = ("latin", "latin-ext", "vietnamese", "cyrillic", "cyrillic-ext")


def _parts(stem: str, tail: str, subsets: tuple[str, ...] = _SUBSETS) -> tuple[str, ...]:
    return tuple(f"files/{stem}-{subset}-{tail}.woff2" for subset in subsets)


def _cut(family: str, package: str, cut: str, out: str) -> Recipe:
    return Recipe(f"{family}-{out}.ttf", package, (f"*/{family}_{cut}.ttf",), "european")


RECIPES = (
    _cut("Alegreya", "alegreya", "700Bold", "Bold"),
    _cut("Alegreya", "alegreya", "500Medium_Italic", "MediumItalic"),
    _cut("AlegreyaSans", "alegreya-sans", "400Regular", "Regular"),
    _cut("AlegreyaSans", "alegreya-sans", "700Bold", "Bold"),
    Recipe(
        "Archivo-ExpandedExtraBold.ttf", "@archivo",
        _parts("archivo", "wdth-normal", _SUBSETS[:3]), "european", {"wdth": 118, "wght": 800},
        family=("Archivo", "ExtraBold"),
    ),
    Recipe(
        "Archivo-ExpandedMedium.ttf", "@archivo",
        _parts("archivo", "wdth-normal", _SUBSETS[:3]), "european", {"wdth": 112, "wght": 500},
        family=("Archivo", "Medium"),
    ),
    _cut("Bitter", "bitter", "700Bold", "Bold"),
    _cut("Bitter", "bitter", "500Medium", "Medium"),
    Recipe(
        "Caveat-Bold.ttf", "caveat", ("*/Caveat_700Bold.ttf",), "european",
        without=("calt",),  # three drawings of every letter: 130 kB
    ),
    _cut("Cormorant", "cormorant", "500Medium", "Medium"),
    _cut("Cormorant", "cormorant", "500Medium_Italic", "MediumItalic"),
    _cut("CourierPrime", "courier-prime", "400Regular", "Regular"),
    _cut("CourierPrime", "courier-prime", "700Bold", "Bold"),
    _cut("JetBrainsMono", "jetbrains-mono", "500Medium", "Medium"),
    _cut("Jost", "jost", "400Regular", "Regular"),
    _cut("Jost", "jost", "500Medium", "Medium"),
    _cut("Jost", "jost", "600SemiBold", "SemiBold"),
    _cut("Nunito", "nunito", "500Medium", "Medium"),
    _cut("Nunito", "nunito", "800ExtraBold", "ExtraBold"),
    Recipe(
        "Playfair-SemiBold.ttf", "@playfair", _parts("playfair", "opsz-normal"), "european",
        {"opsz": 60, "wght": 600}, family=("Playfair", "SemiBold"),
    ),
    Recipe(
        "Playfair-Italic.ttf", "@playfair", _parts("playfair", "opsz-italic"), "european",
        {"opsz": 40, "wght": 400}, family=("Playfair", "Italic"),
    ),
    _cut("SofiaSans", "sofia-sans", "400Regular", "Regular"),
    _cut("SofiaSans", "sofia-sans", "700Bold", "Bold"),
    _cut("SofiaSansExtraCondensed", "sofia-sans-extra-condensed", "800ExtraBold", "ExtraBold"),
    Recipe("Cairo-Regular.ttf", "cairo", ("*/Cairo_500Medium.ttf",), "arabic", weight=400),
    Recipe("Cairo-Bold.ttf", "cairo", ("*/Cairo_700Bold.ttf",), "arabic"),
    Recipe(
        "NotoNaskhArabic-Regular.ttf", "noto-naskh-arabic",
        ("*/NotoNaskhArabic_400Regular.ttf",), "arabic", larger=1.1,
    ),
    Recipe(
        "NotoNaskhArabic-Bold.ttf", "noto-naskh-arabic",
        ("*/NotoNaskhArabic_700Bold.ttf",), "arabic", larger=1.1,
    ),
    Recipe(
        "NotoSansHebrew-Regular.ttf", "noto-sans-hebrew",
        ("*/NotoSansHebrew_400Regular.ttf",), "hebrew", larger=1.08,
    ),
    Recipe(
        "NotoSansHebrew-Bold.ttf", "noto-sans-hebrew", ("*/NotoSansHebrew_700Bold.ttf",), "hebrew", larger=1.08,
    ),
    Recipe(
        "FrankRuhlLibre-Bold.ttf", "frank-ruhl-libre", ("*/FrankRuhlLibre_700Bold.ttf",), "hebrew", larger=1.08,
    ),
    Recipe(
        "FrankRuhlLibre-Regular.ttf", "frank-ruhl-libre", ("*/FrankRuhlLibre_400Regular.ttf",), "hebrew", larger=1.08,
    ),
    Recipe(
        "NotoSansDevanagari-Regular.ttf", "noto-sans-devanagari",
        ("*/NotoSansDevanagari_400Regular.ttf",), "devanagari", larger=1.06,
    ),
    Recipe(
        "NotoSansDevanagari-Bold.ttf", "noto-sans-devanagari",
        ("*/NotoSansDevanagari_700Bold.ttf",), "devanagari", larger=1.06,
    ),
    Recipe("NotoEmoji-Medium.ttf", "noto-emoji", ("*/NotoEmoji_500Medium.ttf",), "emoji"),
)  # fmt: skip


def make(recipe: Recipe, packages: Path, folder: Path) -> int:
    """Writes one file; its size in bytes."""
    paths = [next((packages / recipe.package).glob(glob)) for glob in recipe.sources]
    font = _opened(paths, recipe.axes)
    options = Options()
    options.hinting = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14, 16, 17]
    options.layout_closure = recipe.script != "emoji"
    options.drop_tables += ["STAT", "DSIG", "meta", "MVAR"]
    if recipe.script == "european":
        # Kerning, marks, ligatures, lining figures, letters by language; no small capitals etc.
        options.layout_features = [
            "kern", "mark", "mkmk", "ccmp", "liga", "clig", "calt", "locl", "lnum", "rlig",
        ]  # fmt: skip
        for feature in recipe.without:
            options.layout_features.remove(feature)
    elif recipe.script != "emoji":
        options.layout_features = ["*"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=SCRIPTS[recipe.script])
    subsetter.subset(font)
    if recipe.weight or "wght" in recipe.axes:
        font["OS/2"].usWeightClass = recipe.weight or int(recipe.axes["wght"])
    if recipe.family[0]:
        _name(font, *recipe.family)
    if recipe.larger != 1.0:
        font["head"].unitsPerEm = round(font["head"].unitsPerEm / recipe.larger)
    font["head"].modified = font["head"].created  # the same bytes whenever it is made
    font.recalcTimestamp = False
    target = folder / recipe.out
    font.save(target)
    return target.stat().st_size


def _name(font: Any, family: str, style: str) -> None:
    table = font["name"]
    for record in list(table.names):
        if record.nameID not in (0, 5, 13, 14):
            table.removeNames(nameID=record.nameID)
    whole = f"{family} {style}"
    for key, value in {
        1: whole.removesuffix(" Italic"), 2: "Italic" if style == "Italic" else "Regular",
        3: whole, 4: whole, 6: f"{family}-{style}", 16: family, 17: style,
    }.items():  # fmt: skip
        table.setName(value, key, 3, 1, 0x409)
    font["OS/2"].usWidthClass = 5


def _opened(paths: list[Path], axes: dict[str, float]) -> Any:
    if len(paths) == 1 and not axes:
        return TTFont(paths[0])
    with tempfile.TemporaryDirectory() as scratch:
        cuts = []
        for i, path in enumerate(paths):
            font = instantiateVariableFont(TTFont(path), axes, inplace=True)
            font.flavor = None
            cuts.append(f"{scratch}/{i}.ttf")
            font.save(cuts[-1])
        return Merger().merge(cuts)


if __name__ == "__main__":
    packages, folder = Path(sys.argv[1]), Path(sys.argv[2])
    wanted = sys.argv[3:]
    for recipe in RECIPES:
        if not wanted or recipe.out in wanted:
            print(f"{make(recipe, packages, folder):>7} {recipe.out}")
