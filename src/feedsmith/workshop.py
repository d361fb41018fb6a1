"""The workshop: makes one post at a time, with everything that making a post needs at hand.

Holds the image model, the caption writer and the encoder of one run; knows no order of posts
beyond the one it is asked for, and nothing of runs, pages or terminals.
"""

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import feedsmith
from feedsmith import captions, models, rules
from feedsmith.brand import Brand
from feedsmith.captions import alt_text, hashtags
from feedsmith.captions.brief import Caption, CaptionBrief
from feedsmith.captions.model import CaptionModel
from feedsmith.captions.writer import Writer
from feedsmith.design import faces, palette, render
from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.files import write_bytes, write_json, write_text
from feedsmith.images import crop
from feedsmith.images.api import GROUP, ImageModel, Picture, PictureBrief
from feedsmith.library import Library
from feedsmith.post import Credit, Kind, Medium, Originality, PastPost, Post
from feedsmith.understanding.palette import Swatch, brand_swatches
from feedsmith.understanding.saliency import by_contrast
from feedsmith.understanding.traits import Traits, embeddings

RGB = NDArray[np.uint8]
JPEG_QUALITY = 92
"""Instagram compresses again; below 90 its second pass shows in smooth skies."""
REST = 0.6
"""Share of the photos large enough for a picture that rest after use: the longest unused come back
first, and some choice is always left."""
STORY_BODY = 120
"""Characters of a caption that a story still carries on its picture."""
NEIGHBOURS = 3
"""Past posts that a caption may lean on."""


@dataclass(frozen=True)
class Order:
    """One post to make: all that decides it, before anything is made."""

    turn: int
    kind: Kind
    format: rules.Format
    theme: str
    offer: str
    seed: int
    run_seed: int
    """Of the whole run: layouts rotate over it."""


@dataclass(frozen=True)
class _Page:
    """One finished picture of a post."""

    rgb: RGB
    words: tuple[str, ...]
    method: str


class Workshop:
    """What making posts needs, read once; `make` one post, then the next."""

    def __init__(
        self,
        brand: Brand,
        library: Library,
        traits: Mapping[str, Traits],
        images: str,
        out: Path,
    ) -> None:
        self.brand = brand
        self.library = library
        self.traits = traits
        self.out = out
        self.notes: list[str] = []
        self._features = embeddings(library)
        missing = sorted({part for trait in traits.values() for part in trait.missing})
        if missing:
            self.notes.append(f"Photos were looked at without: {', '.join(missing)}.")
        self._images = self._load_images(images)
        self._ear = self._find_captions()
        self._writer = Writer()
        self.models = self._models_used()
        self._history = tuple(library.posts())
        size = rules.FORMATS["portrait"][1:]
        usable = sum(crop.fits((photo.width, photo.height), size) for photo in library.photos())
        self._rest = max(1, round(REST * usable))
        self.face = int.from_bytes(hashlib.sha256(brand.name.encode()).digest()[:4], "big")
        """Seed of the brand's typefaces: the same in every run."""
        self._pair = faces.pair_for(self.face).name
        self._sign = self._drawable(brand.name)
        self._tags = hashtags.TagUse(self._history)
        self.roles = palette.complete(
            brand.palette,
            [
                (swatch.colour, swatch.share)
                for swatch in brand_swatches(
                    [[Swatch(*pair) for pair in trait.palette] for trait in traits.values()]
                )
            ],
        )

    def _drawable(self, name: str) -> str:
        """The brand's name where our fonts have its letters, else its handle, else nothing."""
        for words in (name, self.brand.handle):
            try:
                faces.substitutes(words, faces.PAIRS[self._pair])
            except FeedsmithError as error:
                self._note(f"The name is left off the pictures: {error.message}.")
            else:
                return words
        return ""

    # ---- what is loaded ----------------------------------------------------------------------

    def _load_images(self, name: str) -> ImageModel:
        found = {point.name: point for point in entry_points(group=GROUP)}
        if name not in found:
            raise FeedsmithError(
                f'there is no image model "{name}"',
                mend=f"installed are: {', '.join(sorted(found))}",
            )
        model: ImageModel = found[name].load()()
        return model

    def _find_captions(self) -> tuple[Path, Path | None] | None:
        try:
            base = models.find("captions-base")
        except MissingModel as error:
            self.notes.append(
                "Captions are written without the small language model: "
                f"{error.message}. To have it: {error.mend}."
            )
            return None
        adapter: Path | None = None
        with contextlib.suppress(MissingModel):
            adapter = models.find("starter-lora")
        return base, adapter

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """The language model beside the writer, for one caption.

        Loading it costs 0.2 s, as its weights are mapped; keeping it beside the image model would
        cost 200 MB of the 512 that the whole process may use.
        """
        if self._ear is None:
            yield
            return
        with CaptionModel(*self._ear) as model:
            self._writer.model = model
            try:
                yield
            finally:
                self._writer.model = None

    def _models_used(self) -> dict[str, str]:
        """Role to name and the first digits of the file's hash; decides what a run makes."""
        images = self._images
        image_model = (
            f"{getattr(images, 'name', type(images).__name__)} {getattr(images, 'version', '')}"
        )
        used = {"images": image_model.strip(), "feedsmith": feedsmith.__version__}
        roles = {"captions": "captions-base", "captions adapter": "starter-lora"}
        for role, model in roles.items() if self._ear else ():
            with contextlib.suppress(MissingModel):
                used[role] = f"{model} {models.known(model).sha256[:12]}"
        stock = hashlib.sha256()
        for name in ("skeletons.txt", "nouns.txt"):
            stock.update((Path(captions.__file__).parent / name).read_bytes())
        used["sentences"] = stock.hexdigest()[:12]
        with contextlib.suppress(MissingModel):
            models.find("encoder")
            used["encoder"] = f"encoder {models.known('encoder').sha256[:12]}"
        return used

    @property
    def rejections(self) -> Counter[str]:
        return self._writer.rejections

    @property
    def said(self) -> tuple[str, ...]:
        """The caption writer's memory after the last post, for `recall`."""
        return self._writer.used

    def recall(self, said: Sequence[str]) -> None:
        """Take up the memory that a run had after a finished post."""
        self._writer.recall(said)

    # ---- one post ----------------------------------------------------------------------------

    def make(self, order: Order, name: str, before: Sequence[Post]) -> Post:
        """Make one post and write its folder `out/name`; post.json comes last and makes it whole.

        `before` are the posts that it must not repeat, oldest first: neither photos nor words.
        Raises FeedsmithError where no photo or layout can carry it.
        """
        # The picture, new where a photo suits it.
        recent = frozenset(i for post in before[-self._rest :] for i in post.sources)
        picture = self._picture(order, recent)
        # The words: what it shows, said in the brand's voice.
        past = self._past(picture)
        main = self.traits[picture.sources[0]]
        if order.theme and not self._goes_with(order.theme, picture):
            self._note(f"No photo's words speak of “{order.theme}”; others were used.")
        theirs = tuple(PastPost(id=post.id, text=post.caption, kind=post.kind) for post in before)
        brief = CaptionBrief(
            kind=order.kind,
            brand=self.brand,
            shows=picture.shows,
            season=main.season,
            theme=order.theme,
            offer=order.offer,
            past=past,
            history=(*self._history, *theirs),
        )
        with self._listening():
            caption = self._writer.write([brief], seed=order.seed)[0]
        tags = hashtags.choose(
            picture.shows, self.brand, self._tags, kind=order.kind, season=main.season
        )
        # The design, then the files.
        pages = self._design(order, picture, caption)
        media = self._write_media(name, picture, pages, past, order.kind)
        post = Post(
            id=name,
            kind=order.kind,
            caption=caption.text,
            hashtags=tuple(tag.tag for tag in tags),
            alt_text=media[0].alt_text,
            format=order.format.name,
            seed=order.seed,
            theme=order.theme,
            shows=picture.shows,
            media=media,
            sources=picture.sources,
            models=self.models,
            originality=picture.originality,
            credits=self._credits(picture.sources),
            caption_route=caption.route,
            provenance=picture.note,
        )
        self._write_post(post)
        return post

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)

    def _goes_with(self, theme: str, picture: Picture) -> bool:
        """True where the picture shows the theme, or was put in its light."""
        wanted = set(theme.lower().split())
        shown = {word for phrase in picture.shows for word in phrase.lower().split()}
        seasons = {self.traits[i].season for i in picture.sources}
        return bool(wanted & (shown | seasons)) or theme in picture.note

    def _picture(self, order: Order, recent: frozenset[str]) -> Picture:
        """The image model's picture; where no photo can fill the format, one for a layout.

        Raises FeedsmithError when no photo of the library can be used at all.
        """
        quiet = order.kind in ("quote", "story", "promo")
        sizes = dict.fromkeys((order.format, rules.FORMATS["portrait"], rules.FORMATS["square"]))
        for size in sizes if order.kind == "story" else (order.format,):
            with contextlib.suppress(FeedsmithError):
                return self._images.make(
                    PictureBrief(
                        format=size,
                        theme=order.theme,
                        seed=order.seed,
                        avoid=recent,
                        want="calm" if quiet else ("busy", "calm", None)[order.turn % 3],
                    ),
                    self.library,
                    self.traits,
                )
        return self._whole_photo(order, recent)

    def _whole_photo(self, order: Order, recent: frozenset[str]) -> Picture:
        """A photo as it is, for a layout that frames it: small photos are not blown up."""
        photos = [photo for photo in self.library.photos() if photo.id in self.traits]
        fresh = [photo for photo in photos if photo.id not in recent] or photos
        if not fresh:
            raise FeedsmithError(
                f"{self.library.root}: no photo of the library can be read",
                mend="import the photos again",
            )
        # The largest third, so that layouts have something to show; the seed chooses among them.
        fresh.sort(key=lambda photo: (-min(photo.width, photo.height), photo.id))
        among = fresh[: max(1, len(fresh) // 3)]
        photo = among[int(np.random.default_rng(order.seed).integers(len(among)))]
        return Picture(
            rgb=self.library.rgb(photo, 1440),
            method="layout",
            sources=(photo.id,),
            shows=self.traits[photo.id].keywords,
            words_from=(photo.id,),
            window=None,
            note="your photo, framed",
            originality=Originality(
                nearest=photo.id, similarity=1.0, copied_area=1.0, copied_total=1.0,
                label="edited photo",
            ),
        )  # fmt: skip

    def _past(self, picture: Picture) -> tuple[PastPost, ...]:
        """The brand's own posts about such pictures: those of the sources, then of photos alike."""
        near = list(picture.words_from)
        first = self._features.get(picture.sources[0])
        if first is not None:
            likeness = {i: float(vector @ first) for i, vector in self._features.items()}
            near += sorted(likeness, key=lambda i: (-likeness[i], i))[: NEIGHBOURS + 1]
        posts = [post for i in near if (post := self.library.post_of(i)) is not None]
        return tuple({post.id: post for post in posts}.values())[:NEIGHBOURS]

    def _design(self, order: Order, picture: Picture, caption: Caption) -> list[_Page]:
        """The pictures of the post, with words set on them where the kind has words."""
        rgb, handle = picture.rgb, self.brand.handle
        at = f"@{handle}" if handle else self._sign
        whole = rgb.shape[:2] == (order.format.height, order.format.width)
        if order.kind == "photo" and whole:
            return [_Page(rgb, (), picture.method)]
        salient = by_contrast(rgb)
        if order.kind == "carousel":
            return self._carousel(order, picture, caption, salient)
        if order.offer and faces.plain(order.offer) != " ".join(order.offer.split()):
            self._note("Emoji of the offer stand in the caption, not on the picture.")
        slots: dict[str, str] = {
            "photo": {},
            "quote": {"quote": caption.quote or caption.headline, "who": at},
            "story": {
                "kicker": self._sign,
                "headline": caption.headline,
                # The app shows no caption with a story: what is said must stand on it.
                "body": caption.text if len(caption.text) <= STORY_BODY else "",
                "footer": at,
            },
            "promo": {"kicker": self._sign, "offer": order.offer, "cta": at},
        }[order.kind]
        drawn = render.compose(
            order.kind, slots, {"main": rgb}, self.roles, order.format.name,
            order.run_seed, order.turn, pair=self._pair, saliency={"main": salient},
            language=self.brand.language,
        )  # fmt: skip
        return [_Page(drawn.rgb, drawn.text, picture.method)]

    def _carousel(
        self, order: Order, picture: Picture, caption: Caption, salient: NDArray[np.float32]
    ) -> list[_Page]:
        """Cover, the slides' words over details of the same picture, closing."""
        texts = list(caption.slides) or [caption.headline]
        at = f"@{self.brand.handle}" if self.brand.handle else self._sign
        closing = texts.pop() if len(texts) > 1 else at or caption.headline
        details = _details(picture.rgb, len(texts) + 1)
        slides: list[tuple[dict[str, str], dict[str, RGB]]] = [
            ({"kicker": self._sign, "headline": caption.headline}, {"main": picture.rgb})
        ]
        slides += [
            ({"headline": text}, {"main": detail})
            for text, detail in zip(texts, details, strict=False)
        ]
        slides.append(({"headline": closing, "footer": at}, {"main": details[-1]}))
        maps = [{"main": salient}, *({"main": by_contrast(shot["main"])} for _, shot in slides[1:])]
        drawn = render.compose_carousel(
            slides, self.roles, order.run_seed, order.turn, pair=self._pair, saliency=maps,
            language=self.brand.language,
        )  # fmt: skip
        return [_Page(slide.rgb, slide.text, picture.method) for slide in drawn]

    # ---- files -------------------------------------------------------------------------------

    def _write_media(
        self,
        name: str,
        picture: Picture,
        pages: Sequence[_Page],
        past: Sequence[PastPost],
        kind: Kind,
    ) -> tuple[Medium, ...]:
        said = [
            post.alt_text
            for i in picture.sources
            if (post := self.library.post_of(i)) is not None and post.alt_text
        ]
        # What every designed picture carries is no news to somebody who listens to a whole feed.
        furniture = {self.brand.name, f"@{self.brand.handle}"}
        furniture |= {f"{i + 1}/{len(pages)}" for i in range(len(pages))}
        media = []
        for number, page in enumerate(pages, start=1):
            file = f"{number:02d}.jpg"
            write_bytes(self.out / name / file, _jpeg(page.rgb))
            media.append(
                Medium(
                    file=file,
                    width=page.rgb.shape[1],
                    height=page.rgb.shape[0],
                    alt_text=alt_text.describe(
                        picture.shows,
                        kind=kind,
                        method=picture.method,
                        text_on_picture=" / ".join(w for w in page.words if w not in furniture),
                        past=said,
                        fallback=", ".join(self.brand.subjects[:2])
                        or f"a photograph by {self.brand.name}",
                    ),
                    method=page.method,
                    sources=picture.sources,
                    originality=picture.originality,
                    text=page.words,
                )
            )
        return tuple(media)

    def _write_post(self, post: Post) -> None:
        folder = self.out / post.id
        tags = " ".join(f"#{tag}" for tag in post.hashtags)
        pasted = "\n\n".join(part for part in (post.caption, tags) if part) + "\n"
        problems = rules.violations(post.caption, post.hashtags, [m.alt_text for m in post.media])
        assert not problems, problems
        write_text(folder / "caption.txt", pasted)
        write_json(folder / "post.json", post.model_dump(mode="json"))

    def _credits(self, sources: Sequence[str]) -> tuple[Credit, ...]:
        found = []
        for photo in map(self.library.photo, sources):
            if photo.credit is not None:
                found.append(photo.credit)
            elif self.brand.default_credit:
                found.append(Credit(text=self.brand.default_credit))
        return tuple({credit.text: credit for credit in found}.values())


def _details(rgb: RGB, count: int) -> list[RGB]:
    """`count` close-ups of 4:5 from different corners, two thirds of the picture's width: the
    closest from which a slide is not blown up beyond 1.5x."""
    h, w = rgb.shape[:2]
    ch, cw = -(-h * 2 // 3), -(-w * 2 // 3)
    spots = ((0, 0), (h - ch, w - cw), (0, w - cw), (h - ch, 0))
    return [rgb[y : y + ch, x : x + cw] for y, x in (spots[i % len(spots)] for i in range(count))]


def _jpeg(rgb: RGB) -> bytes:
    """A JPEG that Instagram takes as it is (rules.py): sRGB, baseline, under its size limit."""
    for quality in (JPEG_QUALITY, 84, 74):
        buffer = BytesIO()
        Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, subsampling=0, optimize=True)
        if buffer.tell() <= rules.IMAGE_BYTES_MAX:
            break
    return buffer.getvalue()
