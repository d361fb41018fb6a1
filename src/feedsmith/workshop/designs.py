"""Designs: the pages of one post, with words set on its pictures.

Knows which words and pictures each kind puts where; how they are laid out is design's. Knows no
files and no films.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedsmith import facts, marks
from feedsmith.brand import Brand, Home, Palette
from feedsmith.captions.brief import Caption
from feedsmith.captions.tongues.tongue import speak
from feedsmith.design import backdrop, cutout, faces, logo, render, template
from feedsmith.design.template import Look
from feedsmith.errors import FeedsmithError
from feedsmith.images.api import Picture
from feedsmith.kit import typefaces
from feedsmith.post import Originality
from feedsmith.understanding.faces import Faces
from feedsmith.understanding.traits import Traits
from feedsmith.workshop.order import Order
from feedsmith.workshop.pictures import least_new, sources_of

RGB = NDArray[np.uint8]
Map = NDArray[np.float32]

STORY_BODY = 120
"""Characters of a caption that a story still carries on its picture."""
LONG = 60
"""Characters of one text from which it is called too long where no layout takes it."""
PRODUCT_SIDE_MIN = 240
"""Pixels: at 1.5 times a third of a post's width. Less is a thumbnail."""
SLOTS = ("main", "b", "c", "d", "e")
"""Names of a layout's pictures."""


@dataclass(frozen=True)
class Page:
    """One finished picture of a post."""

    rgb: RGB
    words: tuple[str, ...]
    method: str
    sources: tuple[str, ...]
    shows: tuple[str, ...]
    originality: Originality
    template: str = ""
    scheme: str = ""
    tone: str = "photo"
    parts: tuple[str, ...] = ()
    """How the pictures in it were made, where that is another method."""


class Designer:
    """A brand's hand: colours, typefaces, name, logo; `pages` for one post."""

    def __init__(
        self,
        brand: Brand,
        home: Home,
        roles: Palette,
        traits: Mapping[str, Traits],
        salient: Callable[[Sequence[Picture]], list[Map]],
        note: Callable[[str], None],
    ) -> None:
        self.salient = salient
        """What the eye goes to in pictures (Pictures.salient)."""
        self._traits = traits
        self._eye: Faces | None = None
        self.brand = brand.model_copy(update={"palette": roles})
        self.home = home
        self.roles = roles
        self.note = note
        self.pair = typefaces.of(brand, home)
        self.sign = self._drawable(brand.name)
        """The name as it stands on pictures; '' where no font has its letters."""
        self.at = f"@{brand.handle}" if brand.handle else self.sign

    def _drawable(self, name: str) -> str:
        """The brand's name where our fonts have its letters, else its handle, else nothing."""
        for words in (name, self.brand.handle):
            try:
                faces.substitutes(words, self.pair)
            except FeedsmithError as error:
                self.note(f"The name is left off the pictures: {error.message}.")
            else:
                return words
        return ""

    def pages(
        self,
        order: Order,
        pictures: Sequence[Picture],
        caption: Caption,
        before: Sequence[Look],
    ) -> list[Page]:
        """The pictures of a post (not of a film). `before`: how the feed so far looks, oldest
        first. Raises Misfit where no layout takes its words."""
        self._tell_of_words(order)
        try:
            return self._pages(order, pictures, caption, before)
        except render.Misfit as error:
            given = (order.brief.headline, order.offer.line, *order.offer.model_dump().values())
            longest = max(given, key=len)
            if len(longest) <= LONG:
                raise
            raise FeedsmithError(
                f"“{longest[:50]}…” ({len(longest)} characters) is too long for every layout of a "
                f"{order.kind}",
                mend=f"say it in {LONG} characters or fewer; the caption may be longer",
            ) from error

    def _tell_of_words(self, order: Order) -> None:
        """Note what a person asked to be set and will not find on the picture."""
        given = (order.brief.headline, order.offer.line)
        if any(_inked(faces.plain(words)) != _inked(words) for words in given):
            self.note("Emoji stand in the caption, not on the picture.")
        if order.brief.headline and order.kind in ("photo", "gif"):
            self.note(f"A {order.kind} has no words on it: its headline is left off.")

    def _pages(
        self,
        order: Order,
        pictures: Sequence[Picture],
        caption: Caption,
        before: Sequence[Look],
    ) -> list[Page]:
        main = pictures[0]
        whole = main.rgb.shape[:2] == (order.format.height, order.format.width)
        if order.kind == "photo" and whole and not any(order.layout):
            return [Page(main.rgb, (), main.method, main.sources, main.shows, main.originality)]
        if order.kind == "carousel":
            return self._carousel(order, pictures, caption, before)
        if order.kind == "product":
            return [self._product(order, main, caption, before)]
        shots = {slot: picture.rgb for slot, picture in zip(SLOTS, pictures, strict=False)}
        drawn = render.compose(
            order.kind, self._slots(order, caption), shots, self.roles, order.format.name,
            order.run_seed, order.turn,
            saliency=dict(zip(SLOTS, self.salient(pictures[: len(shots)]), strict=False)),
            keep={s: self.faces(p) for s, p in zip(SLOTS, pictures, strict=False)},
            neighbours=before, prefer=order.prefer, only=order.layout, extra=self.home.templates, **self._hand,
        )  # fmt: skip
        for words in drawn.notes:
            self.note(words)
        return [_page(drawn, pictures, main.method)]

    def layouts(
        self, order: Order, pictures: Sequence[Picture], caption: Caption
    ) -> list[tuple[str, str]]:
        """Name and scheme of the layouts that have a place for these words and pictures, each layout
        once before any comes in a second scheme; [] where nothing is laid out. Of a carousel the
        names of families. Whether the words fit in is seen when they are set."""
        main = pictures[0]
        whole = main.rgb.shape[:2] == (order.format.height, order.format.width)
        extra, size = self.home.templates, order.format.name
        if order.kind == "gif" or (order.kind == "photo" and whole):
            return []
        if order.kind == "carousel":
            found = [(of["cover"].family, look) for of, look in render.families(size, extra)]
        elif order.kind == "reel":
            found = [
                (t.name, look)
                for t, look in template.choose(
                    "reel", size, order.run_seed, order.turn, slots=["headline"], sizes={}, extra=extra
                )
            ]  # fmt: skip
        elif order.kind == "product":
            _, slots, given, _ = self._goods(order, main, caption)
            found = [
                (t.name, look)
                for t, look in template.choose(
                    "product", size, order.run_seed, order.turn, slots=[s for s, said in slots.items() if said],
                    sizes={slot: (rgb.shape[1], rgb.shape[0]) for slot, rgb in given.items()}, extra=extra,
                )
            ]  # fmt: skip
        else:
            shots = {slot: picture.rgb for slot, picture in zip(SLOTS, pictures, strict=False)}
            slots = self._slots(order, caption)
            found = [
                (t.name, look)
                for t, look, _ in render.fitting(
                    order.kind, slots, shots, size, order.run_seed, order.turn, extra=extra
                )
            ]
        seen: Counter[str] = Counter()
        turns: list[tuple[int, int, tuple[str, str]]] = []
        for pair in dict.fromkeys(found):
            turns.append((seen[pair[0]], len(turns), pair))
            seen[pair[0]] += 1
        return [pair for _, _, pair in sorted(turns)]

    @property
    def _hand(self) -> dict[str, Any]:
        """What every layout of this brand is drawn with."""
        return {"pair": self.pair, "language": self.brand.language, "logo": self.logo}

    def faces(self, picture: Picture) -> list[tuple[float, float, float, float]]:
        """Faces in a picture whose photos have some: words keep off them. Shares, 0..1."""
        if not any(self._traits[i].faces for i in picture.sources if i in self._traits):
            return []
        self._eye = self._eye or Faces()
        return [face[:4] for face in self._eye.find(picture.rgb)]

    def logo(self, ground: str, height: int) -> NDArray[np.uint8] | None:
        """The brand's logo for a ground; None where it has none, or none that can be drawn."""
        try:
            drawn = logo.on(self.brand, self.home, ground, height)
        except FeedsmithError as error:
            self.note(f"The logo is left off: {error.message}.")
            return None
        return drawn.rgba if drawn is not None else None

    def _called(self, shows: Sequence[str]) -> Sequence[str]:
        """Keywords as the brand's captions name them."""
        tongue = speak(self.brand.language)
        return tongue.surface(shows) if tongue else shows

    def _slots(self, order: Order, caption: Caption) -> dict[str, str]:
        """The words of a single page, by the names layouts use; nothing stands twice."""
        offer, headline = order.offer, order.brief.headline
        if offer and order.kind in ("promo", "product", "story"):
            line = offer.text if order.kind != "product" or not offer.name else ""
            parts = {"name": offer.name, "price": offer.price, "was": offer.was}
            parts["dates"] = offer.dates if order.kind != "product" else ""
            parts = {slot: words for slot, words in parts.items() if not facts.stands(words, line)}
            line = line or ("" if offer.name else offer.line)
            # A headline stands large, and the offer below it.
            large = {"offer": line}
            if order.kind == "product":
                large = {"name": parts.get("name") or line, "body": headline}
            elif order.kind == "story":
                large = {"name": headline or parts.get("name") or line}
                large["body"] = (parts.get("name") or line) if headline else ""
            elif headline:
                large = {"offer": headline, "name": parts.get("name") or line}
            return {
                "kicker": self.sign,
                **parts,
                **large,
                **({"call": offer.call} if offer.call else {}),
                "cta": self.at,
            }
        return {
            "photo": {},
            "collage": {"headline": order.brief.headline or caption.headline, "footer": self.at},
            "quote": {
                "quote": order.brief.headline or caption.quote or caption.headline,
                "who": self.at,
            },
            "story": {
                "kicker": self.sign,
                "headline": order.brief.headline or caption.headline,
                # The app shows no caption with a story: what is said must stand on it.
                "body": caption.text if len(caption.text) <= STORY_BODY else "",
                "footer": self.at,
            },
        }[order.kind]

    def _mark(self, main: Picture) -> marks.Mark:
        """What a person says of this photo; nothing for pictures that are no whole photo."""
        whole = main.method == "layout" and main.window is None and len(main.sources) == 1
        mark = marks.read(self.home.library).get(main.sources[0]) if whole else None
        return mark or marks.Mark()

    def _product(
        self, order: Order, main: Picture, caption: Caption, before: Sequence[Look]
    ) -> Page:
        """The product cut out and set on a backdrop in the brand's colours; its photo whole where
        it cannot be cut out cleanly."""
        if min(main.rgb.shape[:2]) < PRODUCT_SIDE_MIN:
            height, width = main.rgb.shape[:2]
            raise FeedsmithError(
                f"{order.brief.photo or 'the photo'}: {width}x{height} pixels are too few for a "
                "product post",
                mend=f"use a photo of at least {PRODUCT_SIDE_MIN} pixels each way, better 1080",
            )
        cut, slots, given, sure = self._goods(order, main, caption)
        if not sure:
            self.note(f"The photo of “{order.offer.name}” is used whole: {cut.why}.")
        (whole,) = self.salient([main])
        styles = np.random.default_rng([order.seed, 0xBAC]).permutation(len(backdrop.STYLES))
        last: FeedsmithError | None = None
        if any(order.layout):
            last = render.no_such(order.layout, "product", order.format.name)
        for layout, scheme in template.choose(
            "product", order.format.name, order.run_seed, order.turn,
            slots=[slot for slot, words in slots.items() if words],
            sizes={slot: (rgb.shape[1], rgb.shape[0]) for slot, rgb in given.items()},
            neighbours=before, prefer=order.prefer, extra=self.home.templates,
        ):  # fmt: skip
            if any(order.layout) and (layout.name, scheme) != order.layout:
                continue
            shots, salient, place = dict(given), whole, layout.place
            keep = _shares(cut.box, main.rgb) if cut.confidence else []
            if sure and "cutout" not in layout.pictures and order.format.name in place:
                style = backdrop.STYLES[styles[order.turn % len(styles)]]
                scene = backdrop.scene(
                    cut, (order.format.width, order.format.height), self.roles, style,
                    order.seed, place=place[order.format.name],
                )  # fmt: skip
                shots, salient = {"main": scene.rgb}, _boxed(scene)
                keep = _shares(scene.box, scene.rgb)
            try:
                drawn = render.render(
                    layout.name, slots, shots, self.roles, order.format.name, order.run_seed,
                    scheme=scheme, saliency={"main": salient}, keep={"main": keep},
                    extra=self.home.templates,
                    **self._hand,
                )  # fmt: skip
            except render.Misfit as error:
                last = error
                continue
            return _page(drawn, [main], "cutout" if sure else "layout")
        raise last or FeedsmithError(
            "no product layout takes these words", mend="shorten the product's name"
        )

    def _goods(
        self, order: Order, main: Picture, caption: Caption
    ) -> tuple[cutout.Cutout, dict[str, str], dict[str, RGB], bool]:
        """The product's cut-out, its words by slot, its pictures, and whether the cut-out is sure."""
        mark = self._mark(main)
        cut = cutout.cut(main.rgb, clicks=mark.clicks, strokes=mark.strokes)
        sure = cut.confidence >= cutout.SURE
        slots = self._slots(order, caption)
        slots = {slot: words for slot, words in slots.items() if slot != "offer" or words}
        if "name" not in slots:
            slots["name"] = slots.pop("offer", "")
        given = {"cutout": cut.rgba, "main": main.rgb} if sure else {"main": main.rgb}
        return cut, slots, given, sure

    def _carousel(
        self,
        order: Order,
        pictures: Sequence[Picture],
        caption: Caption,
        before: Sequence[Look],
    ) -> list[Page]:
        """Cover, the slides' words over further pictures, closing."""
        main, *others = pictures
        headline = order.brief.headline or caption.headline
        texts = list(caption.slides) or [headline]
        closing = texts.pop() if len(texts) > 1 else self.at or headline
        # A slide that names what the first picture shows, shows it closer; the others take the
        # companions in turn. Where the library has too few of those, closer views fill in.
        closer = iter(_details(main, len(texts) + 1))
        beside = iter(others)
        shown = [main]
        for text in texts:
            names = bool(_words([text]) & _words(self._called(main.shows)))
            shown.append(next(closer) if names else next(beside, None) or next(closer))
        shown.append(next(beside, None) or next(closer))
        words: list[dict[str, str]] = [{"kicker": self.sign, "headline": headline}]
        words += [{"headline": text} for text in texts]
        words.append({"headline": closing, "footer": self.at})
        slides = [(said, {"main": p.rgb}) for said, p in zip(words, shown, strict=True)]
        drawn = render.compose_carousel(
            slides, self.roles, order.run_seed, order.turn, format_name=order.format.name,
            saliency=[{"main": seen} for seen in self.salient(shown)],
            keep=[{"main": self.faces(p)} for p in shown],
            neighbours=before, prefer=order.prefer, only=order.layout, extra=self.home.templates, **self._hand,
        )  # fmt: skip
        return [_page(slide, [p], p.method) for slide, p in zip(drawn, shown, strict=True)]


def _page(drawn: render.Rendered, pictures: Sequence[Picture], method: str) -> Page:
    return Page(
        drawn.rgb, drawn.text, method, sources_of(pictures), pictures[0].shows,
        least_new(p.originality for p in pictures),
        drawn.template, drawn.scheme, drawn.tone, parts_of(pictures, method),
    )  # fmt: skip


def parts_of(pictures: Sequence[Picture], method: str) -> tuple[str, ...]:
    """Methods of the pictures in a page or film made by `method`, each once and without that one."""
    return tuple(dict.fromkeys(p.method for p in pictures if p.method != method))


def _inked(words: str) -> str:
    """Letters and signs, without blanks and the marks that only turn the way of writing."""
    composed = unicodedata.normalize("NFC", words)
    return "".join(c for c in composed if not c.isspace() and unicodedata.category(c) != "Cf")


def _words(shows: Sequence[str]) -> set[str]:
    return {word for phrase in shows for word in re.findall(r"\w{3,}", phrase.lower())}


def _shares(box: Sequence[float], rgb: RGB) -> list[tuple[float, float, float, float]]:
    """A box in pixels as shares of its picture."""
    h, w = rgb.shape[:2]
    return [(box[0] / w, box[1] / h, box[2] / w, box[3] / h)]


def _boxed(scene: backdrop.Scene) -> Map:
    """Where the product stands, as a map (h, w) 0..1 of what the eye goes to."""
    height, width = (side // 8 for side in scene.rgb.shape[:2])
    salient = np.zeros((height, width), np.float32)
    x0, y0, x1, y1 = (round(v / 8) for v in scene.box)
    salient[max(y0, 0) : y1, max(x0, 0) : x1] = 1
    return salient


def _details(picture: Picture, count: int) -> list[Picture]:
    """`count` close-ups of 4:5 from different corners, two thirds of the picture's width: the
    closest from which a slide is not blown up beyond 1.5x."""
    h, w = picture.rgb.shape[:2]
    ch, cw = -(-h * 2 // 3), -(-w * 2 // 3)
    spots = ((0, 0), (h - ch, w - cw), (0, w - cw), (h - ch, 0))
    corners = (spots[i % len(spots)] for i in range(count))
    return [replace(picture, rgb=picture.rgb[y : y + ch, x : x + cw]) for y, x in corners]
