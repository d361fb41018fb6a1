"""Every layout on three brands, unpicked: the pictures of docs/templates.md, and the page.

    feedsmith import demo/tall-tree-outfitters-export.zip demo-brand    (and one `generate`)
    python tools/make_templates_gallery.py demo-brand photos/ docs/

`photos/` holds the product photos that the page credits, as plain files. Which photo and which
words a layout gets is a matter of its place in the alphabet: nothing is chosen by eye.
With --full FOLDER every picture is written at its full size; --only NAME for some of them.
"""

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from feedsmith import rules
from feedsmith.brand import Home, Palette
from feedsmith.design import backdrop, cutout, palette, render, template
from feedsmith.design.contrast import ratio
from feedsmith.images import crop, extend
from feedsmith.kit import learn
from feedsmith.library import Library
from feedsmith.understanding import traits
from feedsmith.understanding.saliency import Saliency

RGB = NDArray[np.uint8]
SEED = 7
ACROSS = 350
GAP = 12
GREY = (236, 233, 226)
LONGEST = 400
"""A photo as it comes from the folder is at most this many times 10 px long: as in a library."""


@dataclass
class Shop:
    """A brand of the gallery: its photos and its three ways of saying things."""

    name: str
    what: str
    roles: Palette
    pair: str
    photos: Sequence[Path]
    products: Sequence[tuple[Path, Mapping[str, str]]]
    """Photos of single things, and what each is called and costs."""
    says: Sequence[Mapping[str, str]]
    """Short, long, and with umlauts; slot -> words."""
    logo: bool = False
    _made: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def photo(self, turn: int, least: tuple[int, int]) -> RGB:
        """The next photo that fills a frame of `least` (width, height) pixels; where none of them
        is tall enough, the next one grown at head and foot, as the product does it."""
        sizes = [self._size(path) for path in self.photos]
        able = [
            p
            for p, s in zip(self.photos, sizes, strict=True)
            if s[0] >= least[0] and s[1] >= least[1]
        ]
        if able:
            return self._read(able[turn % len(able)])
        return self._grown(self.photos[turn % len(self.photos)], least)

    def _size(self, path: Path) -> tuple[int, int]:
        with Image.open(path) as image:
            return image.size

    def _read(self, path: Path) -> RGB:
        if ("rgb", path) not in self._made:
            with Image.open(path) as image:
                whole = ImageOps.exif_transpose(image).convert("RGB")
                whole.thumbnail((LONGEST * 10, LONGEST * 10))
                self._made["rgb", path] = np.asarray(whole)
        found: RGB = self._made["rgb", path]
        return found

    def _grown(self, path: Path, least: tuple[int, int]) -> RGB:
        rgb = self._read(path)
        if ("grown", path) not in self._made:
            h, w = rgb.shape[:2]
            salient = seen(rgb)
            wide = min(w, round(h / 1.28 * least[0] / least[1]))
            across = salient.sum(axis=0)
            middle = float(across @ np.arange(across.size)) / max(float(across.sum()), 1e-6)
            middle /= across.size
            left = int(np.clip(middle * w - wide / 2, 0, w - wide))
            window = crop.Window(left / w, 0.0, (left + wide) / w, 1.0)
            part = np.ascontiguousarray(rgb[:, left : left + wide])
            looked = salient[:, int(window.left * across.size) : int(window.right * across.size)]
            up = extend.share_up(extend.edge(part, looked, True), extend.edge(part, looked, False))
            wanted = (max(least[0], wide), round(max(least[0], wide) * least[1] / least[0]))
            self._made["grown", path] = extend.extend(
                rgb, window, wanted, salient, up=up, seed=SEED
            )
        grown: RGB = self._made["grown", path]
        return grown

    def product(self, turn: int, cut_out: bool) -> tuple[cutout.Cutout, RGB, Mapping[str, str]]:
        """The next product; with `cut_out` the next that can be cut out cleanly."""
        for i in range(len(self.products)):
            path, words = self.products[(turn + i) % len(self.products)]
            if ("cut", path) not in self._made:
                self._made["cut", path] = cutout.cut(self._read(path))
            found = self._made["cut", path]
            if not cut_out or found.confidence >= cutout.SURE:
                return found, self._read(path), words
        raise ValueError(f"no product of {self.name} can be cut out")

    def mark(self, ground: str, height: int) -> RGB | None:
        """A logo in one colour, pale or dark as the ground asks: a tree in a ring."""
        if not self.logo:
            return None
        pale, dark = palette.channels(self.roles.paper), palette.channels(self.roles.ink)
        on = palette.channels(ground)
        colour = pale if ratio(pale, on) > ratio(dark, on) else dark
        s = 480
        shape = Image.new("L", (s, s), 0)
        draw = ImageDraw.Draw(shape)
        draw.ellipse((4, 4, s - 5, s - 5), fill=255)
        draw.polygon([(240, 78), (352, 240), (128, 240)], fill=0)
        draw.polygon([(240, 168), (376, 346), (104, 346)], fill=0)
        draw.rectangle((216, 340, 264, 412), fill=0)
        mask = np.asarray(shape.resize((height, height), Image.Resampling.LANCZOS))
        drawn = np.empty((height, height, 4), np.uint8)
        drawn[..., :3], drawn[..., 3] = colour, mask
        return drawn


NETWORK = Saliency()


def seen(rgb: RGB) -> NDArray[np.float32]:
    """What the eye goes to."""
    return NETWORK.map(np.ascontiguousarray(rgb))


def drawn(layout: template.Template, shop: Shop, turn: int, form: str, manner: int) -> RGB:
    """One layout for one brand, as workshop.designs would have it drawn."""
    look = manner
    size = rules.FORMATS[form]
    own: Mapping[str, str] = {}
    if "product" in layout.kinds:  # said in the language and at the length of the product's name
        cut, whole, own = shop.product(turn, "cutout" in layout.pictures)
        manner = 2 if own["price"].endswith("€") else 1 if "body" in own else 0
    said = shop.says[manner % len(shop.says)]
    if own:
        said = {slot: said[slot] for slot in ("kicker", "cta", "footer")} | own
    words = {slot: text for slot, text in said.items() if slot in layout.slots}
    if {"offer", "name"} <= set(layout.one_of) & set(words):
        words.pop("name" if manner % 2 == 0 else "offer")
    words |= {"page": {"cover": "1/5", "content": "3/5", "closing": "5/5"}[layout.part]} if (
        layout.part) else {}  # fmt: skip
    common: dict[str, Any] = {
        "pair": shop.pair,
        "logo": shop.mark if shop.logo else None,
        "scheme": "" if layout.over else layout.schemes[look % len(layout.schemes)],
    }
    if "reel" in layout.kinds:
        behind = shop.photo(turn, (720, 1280))
        view = _filling(behind, (size.width, size.height))
        layer = render.overlay(layout.name, words, [view], shop.roles, form, SEED, **common)
        alpha = layer.rgba[..., 3:].astype(np.float32) / 255
        return (layer.rgba[..., :3] * alpha + view * (1 - alpha) + 0.5).astype(np.uint8)
    shots: dict[str, RGB] = {}
    salient: dict[str, NDArray[np.float32]] = {}
    for i, (slot, least) in enumerate(layout.pictures.items()):
        if "product" in layout.kinds:
            if slot == "cutout":
                shots[slot] = cut.rgba
            elif cut.confidence >= cutout.SURE and form in layout.place:
                style = backdrop.STYLES[look % len(backdrop.STYLES)]
                scene = backdrop.scene(
                    cut,
                    (size.width, size.height),
                    shop.roles,
                    style,
                    SEED,
                    place=layout.place[form],
                )
                shots[slot], salient[slot] = scene.rgb, _boxed(scene)
            else:
                shots[slot] = whole
        else:
            shots[slot] = shop.photo(turn + i, least[form])
        salient.setdefault(slot, seen(shots[slot][..., :3]))
    return render.render(
        layout.name, words, shots, shop.roles, form, SEED, saliency=salient, **common
    ).rgb


def _boxed(scene: backdrop.Scene) -> NDArray[np.float32]:
    height, width = (side // 8 for side in scene.rgb.shape[:2])
    salient = np.zeros((height, width), np.float32)
    x0, y0, x1, y1 = (round(v / 8) for v in scene.box)
    salient[max(y0, 0) : y1, max(x0, 0) : x1] = 1
    return salient


def _filling(rgb: RGB, size: tuple[int, int]) -> RGB:
    return np.asarray(ImageOps.fit(Image.fromarray(rgb), size, Image.Resampling.LANCZOS))


OUTDOOR = (
    {
        "kicker": "Tall Tree Outfitters", "headline": "Fog first", "quote": "Leave early, come back slow.",
        "who": "@talltreeoutfitters", "offer": "20% off", "name": "Spring swap day",
        "price": "5 EUR", "cta": "In the shop", "footer": "@talltreeoutfitters",
        "caption": "Out early", "dates": "12 May",
    },
    {
        "kicker": "Tall Tree Outfitters",
        "headline": "Five walks under old beeches that begin at a railway station",
        "quote": "Nobody comes home from a walk in the rain and wishes they had stayed in, and nobody "
        "ever remembers the afternoon they spent waiting for it to stop",
        "who": "Tall Tree Outfitters", "offer": "Guided walks along the ridge, with tea by the stove",
        "name": "Guided walk along the ridge at first light", "price": "18 EUR", "was": "24 EUR",
        "dates": "Saturdays, 12 October to 9 November", "cta": "Book your place by Friday",
        "footer": "@talltreeoutfitters", "caption": "The long way round the lake, an hour before anyone else",
        "body": "Meet at the trail head at seven. Bring a flask, a dry pair of socks and a friend.",
    },
    {
        "kicker": "Tall Tree Outfitters", "headline": "Über den Wäldern hängt der Nebel",
        "quote": "Wer früh geht, hat den Wald für sich allein.", "who": "@talltreeoutfitters",
        "offer": "Wanderung am Sonntag: Kinder frei", "name": "Höhenweg-Tour",
        "price": "12 €", "was": "18 €", "dates": "12.–19. März", "cta": "Jetzt anmelden",
        "footer": "@talltreeoutfitters", "caption": "Früh übt sich",
    },
)  # fmt: skip
CERAMICS = (
    {
        "kicker": "Kiln & Fern", "headline": "Two kilns, one Sunday",
        "quote": "Water less. Look more.", "who": "@kilnandfern", "offer": "Second pot half price",
        "name": "Potting day", "price": "€ 24", "cta": "Order by Thursday", "footer": "@kilnandfern",
        "caption": "Fresh from the bench", "dates": "Sunday, 2 June",
    },
    {
        "kicker": "Kiln & Fern",
        "headline": "What we learned from three winters of plants on a north window sill",
        "quote": "A pot is only finished when something has lived in it for a year and nobody has "
        "thought of moving it somewhere else",
        "who": "Marta, Kiln & Fern", "offer": "Repotting afternoon: bring a plant, take home a pot",
        "name": "A weekend at the wheel, for beginners", "price": "€ 1,248.50",
        "was": "€ 1,480.00", "dates": "First Sunday of the month, 10 am to 4 pm",
        "cta": "Reserve a seat at the bench", "footer": "@kilnandfern",
        "caption": "What stood on the studio table this morning, before anybody had made tea",
        "body": "Soil, tools and tea are there. Children may throw their first bowl at the small wheel.",
    },
    {
        "kicker": "Kiln & Fern", "headline": "Grünes für dunkle Küchen",
        "quote": "Schöne Töpfe müssen nicht laut sein.", "who": "@kilnandfern",
        "offer": "Töpferkurs für zwei, 95 €", "name": "Töpferabend", "price": "38 €",
        "was": "45 €", "dates": "4. und 5. Oktober", "cta": "Platz sichern", "footer": "@kilnandfern",
        "caption": "Grünes Glück",
    },
)  # fmt: skip
TOYS = (
    {
        "kicker": "Little Wood", "headline": "Hello, you", "quote": "Play is work too.",
        "who": "@littlewood.toys", "offer": "3 for 2", "name": "Swap shop", "price": "£9",
        "cta": "Come and play", "footer": "@littlewood.toys", "caption": "Monday, on duty",
        "dates": "Today only",
    },
    {
        "kicker": "Little Wood",
        "headline": "Seven presents that need no batteries and survive a little brother",
        "quote": "The best toys do nothing at all, so that whoever plays with them has to do "
        "everything, and that is the whole point of a toy",
        "who": "Little Wood, toys and gifts", "offer": "Summer fair: every soft toy half price",
        "name": "An afternoon at the workbench", "price": "£24.50", "was": "£32.00",
        "dates": "Saturday 8 and Sunday 9 June, from ten", "cta": "Find us by the old mill",
        "footer": "@littlewood.toys",
        "caption": "Sitting there since the shop opened, and certainly not for sale",
        "body": "With lemonade, a swing in the walnut tree and a table for painting your own bear.",
    },
    {
        "kicker": "Little Wood", "headline": "Bärenstark: unsere Neuen", "quote": "Größer wird man von allein.",
        "who": "@littlewood.toys", "offer": "Bärenwoche: 15 % auf alle Plüschtiere",
        "name": "Große Plüschparade", "price": "29,95 €", "was": "34,95 €",
        "dates": "24.–31. August", "cta": "Schnell zugreifen", "footer": "@littlewood.toys",
        "caption": "Schön, dich zu sehen",
    },
)  # fmt: skip


def shops(demo: Path, photos: Path) -> list[Shop]:
    home = Home(demo)
    library = Library(home.library)
    known = {t.id: t for t in traits.read(library)}
    learned, _, _ = learn.roles(home.load().palette, library, known, library.posts())
    trees = [library.root / p.file for p in sorted(library.photos(), key=lambda p: p.name)]

    def of(*names: str) -> list[Path]:
        return [path for name in names for path in sorted(photos.rglob(name))]

    def sold(file: str, **words: str) -> tuple[Path, Mapping[str, str]]:
        return of(file)[0], words

    return [
        Shop(
            "Tall Tree Outfitters", "outdoor shop", learned, "condensed", trees[::4],
            [
                sold("abo-duffel-bag-1.jpg", name="Weekender", price="89 EUR"),
                sold("abo-duffel-bag-2.jpg", name="Weekender duffel bag in washed grey canvas",
                     price="148 EUR", was="180 EUR",
                     body="Forty litres, two long handles, and a strap for the walk home."),
                sold("unsplash-imani-clovis-234736.jpg", name="Laufschuh „Höhenweg“",
                     price="79,90 €", was="99 €"),
                sold("dreambooth-candle-01.jpg", name="Hüttenkerze", price="18 €"),
            ], OUTDOOR,
        ),
        Shop(
            "Kiln & Fern", "ceramics and house plants",
            palette.complete(Palette(paper="#f4ecdf", ink="#1f2a22", accent="#b5583a",
                                     accent_2="#2f5140")),
            "didone",
            of("unsplash-alex-*", "unsplash-annie-*", "unsplash-silvia-*", "dreambooth-candle-0[03].jpg",
               "unsplash-nathan-*", "unsplash-neslihan-*", "unsplash-florian-*"),
            [
                sold("unsplash-silvia-*", name="Aloe in white", price="€ 24"),
                sold("unsplash-alex-*", name="Hanging basket of ivy, grown on a north wall",
                     price="€ 1,248.50", was="€ 1,480.00",
                     body="Wants light, little water, and nothing else. Chain and hook included."),
                sold("dreambooth-candle-04.jpg", name="Kerze „Moos“ im Glas", price="38 €", was="45 €"),
                sold("unsplash-florian-*", name="Studio chair", price="€ 95"),
            ], CERAMICS,
        ),
        Shop(
            "Little Wood", "toys and gifts",
            palette.complete(Palette(paper="#fff7e8", ink="#26203a", accent="#f2603c",
                                     accent_2="#2a6f97")),
            "rounded",
            of("dreambooth-duck_toy-0[0123].jpg", "dreambooth-grey_sloth_plushie-0[12].jpg",
               "dreambooth-robot_toy-0[02].jpg", "dreambooth-bear_plushie-0[03].jpg",
               "dreambooth-rc_car-0[14].jpg"),
            [
                sold("dreambooth-duck_toy-02.jpg", name="Bath duck", price="£9"),
                sold("dreambooth-grey_sloth_plushie-04.jpg",
                     name="Sloth with long arms, for hanging about", price="£24.50", was="£32.00",
                     body="Washable, patient, and soft as far down as the claws."),
                sold("dreambooth-bear_plushie-02.jpg", name="Bär „Rübe“, 30 cm", price="29,95 €",
                     was="34,95 €"),
                sold("dreambooth-robot_toy-02.jpg", name="Robot Bo", price="£39"),
                sold("dreambooth-rc_car-03.jpg", name="Rennauto, ferngesteuert", price="44,90 €"),
            ], TOYS, logo=True,
        ),
    ]  # fmt: skip


def row(pictures: Sequence[RGB]) -> Image.Image:
    high = max(round(ACROSS * rgb.shape[0] / rgb.shape[1]) for rgb in pictures)
    sheet = Image.new("RGB", (len(pictures) * (ACROSS + GAP) - GAP, high), GREY)
    for i, rgb in enumerate(pictures):
        tile = Image.fromarray(rgb)
        tile = tile.resize(
            (ACROSS, round(ACROSS * tile.height / tile.width)), Image.Resampling.LANCZOS
        )
        sheet.paste(tile, (i * (ACROSS + GAP), (high - tile.height) // 2))
    return sheet


def told(layout: template.Template) -> str:
    """One layout in the page: its picture, what it is, and what it takes."""
    first = layout.source.read_text("utf-8").splitlines()[0].removeprefix("// ")
    slots = ", ".join(
        f"{slot}" if slot in layout.required else f"*{slot}*" for slot in layout.slots
    )
    pictures = ", ".join(f"*{p}*" if p in layout.optional else p for p in layout.pictures)
    return (
        f"### {layout.name}\n\n{first}\n\n"
        f"{', '.join(layout.kinds)} · {', '.join(layout.formats)} · words: {slots} · "
        f"pictures: {pictures or 'none (a layer for films)'} · colours: {', '.join(layout.schemes)}"
        f"\n\n![{layout.name} on three brands](gallery/templates/{layout.name}.webp)\n"
    )


def credited(brands: Sequence[Shop], demo: Path, photos: Path) -> list[str]:
    """A line for each photo, from the library and from `metadata.csv`."""
    used = {path for shop in brands for path in (*shop.photos, *(p for p, _ in shop.products))}
    library = Library(Home(demo).library)
    lines = []
    for photo in library.photos():
        if library.root / photo.file in used and photo.credit:
            given = photo.credit
            lines.append(f"{photo.name}: {given.text}, [{given.licence}]({given.licence_url})")
    with (photos / "metadata.csv").open(encoding="utf-8", newline="") as file:
        lines += [
            f"{entry['title']} ({Path(entry['file']).name}): {entry['credit']}, "
            f"[{entry['licence']}]({entry['licence_url']})"
            for entry in csv.DictReader(file)
            if photos / entry["file"] in used
        ]
    return [f"- {line}" for line in sorted(lines)]


def rewritten(text: str, mark: str, inside: str) -> str:
    """`text` with what stands between the two comments `mark` replaced."""
    head, _, rest = text.partition(f"<!-- {mark} -->")
    _, _, tail = rest.partition(f"<!-- /{mark} -->")
    return f"{head}<!-- {mark} -->\n{inside}\n<!-- /{mark} -->{tail}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("docs", type=Path)
    parser.add_argument("--only", default="", help="only layouts whose name has this in it")
    parser.add_argument("--form", default="", help="in this format, where a layout has it")
    parser.add_argument("--full", type=Path, help="a folder for the pictures at full size")
    parser.add_argument("--page", action="store_true", help="write the page, render nothing")
    parser.add_argument("--shift", type=int, default=0, help="other words and photos")
    asked = parser.parse_args()
    brands = shops(asked.demo, asked.photos)
    page = asked.docs / "templates.md"
    for turn, layout in enumerate(template.catalogue().values()):
        if asked.page or not any(part in layout.name for part in asked.only.split(",")):
            continue
        form = asked.form if asked.form in layout.formats else layout.formats[0]
        made = []
        for i, shop in enumerate(brands):
            for more in range(9):  # where words or photo are too much for it, the next ones
                at = turn + asked.shift + more
                try:
                    made.append(drawn(layout, shop, at, form, at + i))
                except render.Misfit as error:
                    print(f"{layout.name} {form} for {shop.name}: {error.message}", flush=True)
                else:
                    break
            else:
                continue
            if asked.full:
                asked.full.mkdir(parents=True, exist_ok=True)
                Image.fromarray(made[-1]).save(
                    asked.full / f"{layout.name}-{form}-{i}.png", compress_level=1
                )
        path = asked.docs / "gallery" / "templates" / f"{layout.name}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        if made:
            shown = row(made)
            side = (860, round(shown.height * 860 / shown.width))
            shown.resize(side, Image.Resampling.LANCZOS).save(path, "WEBP", quality=68, method=6)
    if (asked.page or not asked.only) and page.exists():
        text = page.read_text("utf-8")
        sections = "\n".join(told(layout) for layout in template.catalogue().values())
        text = rewritten(text, "layouts", sections)
        text = rewritten(text, "credits", "\n".join(credited(brands, asked.demo, asked.photos)))
        page.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
