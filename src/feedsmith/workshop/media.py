"""Media: the files of a post: pictures as Instagram takes them, alt texts, provenance, post.json.

Knows pages and where files go; knows nothing of how pictures and words came about.
"""

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith import photo_file, provenance, rules
from feedsmith.brand import Brand
from feedsmith.captions import alt_text
from feedsmith.files import write_bytes, write_json, write_text
from feedsmith.images.api import Picture
from feedsmith.library import Library
from feedsmith.post import Credit, Medium, Post, Shot, Walk
from feedsmith.workshop.designs import Page
from feedsmith.workshop.order import Order

RGB = NDArray[np.uint8]

JPEG_QUALITY = 92
"""Instagram compresses again; below 90 its second pass shows in smooth skies."""
SHOT_QUALITY = 90
"""Of pictures kept for another layout, with half the colours' resolution: 0.3 MB each rather than 0.7, and
nothing of it is seen in what is made of them."""


WALK = "walk.webp"


class _Part(NamedTuple):
    """A picture in a page, as far as provenance asks."""

    method: str


class Shelf:
    """Where the posts of one run are put."""

    def __init__(self, brand: Brand, library: Library, out: Path, model: str = "") -> None:
        self.brand = brand
        self.library = library
        self.out = out
        self._model = model
        """The image model, named by the files that a trained one had a part in."""
        self._photos = {photo.id: photo for photo in library.photos()}
        self._signing = provenance.signing_if_any()

    def write(
        self, name: str, order: Order, pictures: Sequence[Picture], pages: Sequence[Page]
    ) -> tuple[Medium, ...]:
        """Write each page as a JPEG; returns what post.json says of them."""
        media = []
        for number, page in enumerate(pages, start=1):
            file = f"{number:02d}.jpg"
            alt = self.alt_text(order, pictures, page, len(pages))
            self.picture(name, file, page.rgb, self.stamp(order, page, alt))
            media.append(
                Medium(
                    file=file,
                    width=page.rgb.shape[1],
                    height=page.rgb.shape[0],
                    alt_text=alt,
                    method=page.method,
                    sources=page.sources,
                    parts=page.parts,
                    originality=page.originality,
                    text=page.words,
                    template=page.template,
                    scheme=page.scheme,
                    tone=page.tone,
                )
            )
        return tuple(media)

    def shots(
        self, name: str, order: Order, pictures: Sequence[Picture], bare: str = ""
    ) -> tuple[Shot, ...]:
        """Keep the pictures of a post as they were before words were set on them. `bare`: the file that
        shows the first of them as it is."""
        found = []
        for number, picture in enumerate(pictures, start=1):
            whole = picture.method == "layout" and picture.window is None
            file = bare if number == 1 else ""
            if not file and not (whole and picture.sources[0] in self._photos):
                file = f"shot-{number}.jpg"
                page = Page(
                    picture.rgb, (), picture.method, picture.sources, picture.shows, picture.originality
                )  # fmt: skip
                buffer = BytesIO()
                Image.fromarray(picture.rgb).save(buffer, "JPEG", quality=SHOT_QUALITY)
                stamp = self.stamp(order, page, "")
                write_bytes(self.out / name / file, provenance.stamp_jpeg(buffer.getvalue(), stamp))
            found.append(
                Shot(
                    file=file, width=picture.rgb.shape[1], height=picture.rgb.shape[0],
                    method=picture.method, sources=picture.sources, shows=picture.shows,
                    words_from=picture.words_from, note=picture.note, originality=picture.originality,
                    window=picture.window[:4] if picture.window is not None else None,
                )
            )  # fmt: skip
        return tuple(found)

    def walk(self, name: str, frames: RGB) -> Walk:
        """Keep the small pictures of a walk, uint8 (n, h, w, 3), in the post's folder."""
        buffer = BytesIO()
        count, high, wide, _ = frames.shape
        strip = Image.fromarray(frames.reshape(count * high, wide, 3))
        strip.save(buffer, "WEBP", lossless=True)
        write_bytes(self.out / name / WALK, buffer.getvalue())
        return Walk(file=WALK, frames=count, sha256=hashlib.sha256(buffer.getvalue()).hexdigest())

    def picture(self, name: str, file: str, rgb: RGB, stamp: provenance.Stamp) -> None:
        """One JPEG of a post, with its provenance in it."""
        path = self.out / name / file
        write_bytes(path, jpeg(rgb, stamp))
        self.sign(path, stamp)

    def sign(self, path: Path, stamp: provenance.Stamp) -> None:
        """Sign a finished file, where the user brought a key."""
        if self._signing is not None:
            provenance.sign_c2pa(path, self._signing, stamp=stamp)

    def stamp(self, order: Order, page: Page, alt: str) -> provenance.Stamp:
        """What one file says of itself."""
        return provenance.Stamp.of(
            self.brand,
            self.credits(order, page.sources),
            [page, *(_Part(method) for method in page.parts)],
            order.kind,
            description=alt,
            model=self._model if provenance.is_trained((page.method, *page.parts)) else "",
        )

    def credits(self, order: Order, sources: Sequence[str]) -> tuple[Credit, ...]:
        """Who made these photos, each once."""
        found = []
        for source in sources:
            photo = self._photos.get(source)
            if photo is None and (text := order.brief.credit or _byline(order.brief.photo)):
                found.append(Credit(text=text))
            elif photo is not None and photo.credit is not None:
                found.append(photo.credit)
            elif self.brand.default_credit:
                found.append(Credit(text=self.brand.default_credit))
        return tuple(dict.fromkeys(found))

    def alt_text(
        self,
        order: Order,
        pictures: Sequence[Picture],
        page: Page,
        pages: int = 1,
        *,
        walked: bool = False,
    ) -> str:
        """What a person who does not see the page is told; `walked` where dots are seen instead of things."""
        said = [
            post.alt_text
            for i in page.sources
            if (post := self.library.post_of(i)) is not None and post.alt_text
        ]
        # What every designed picture carries is no news to somebody who listens to a whole feed.
        furniture = {self.brand.name, f"@{self.brand.handle}"}
        furniture |= {f"{i + 1}/{pages}" for i in range(pages)}
        return alt_text.describe(
            page.shows or pictures[0].shows,
            kind=order.kind,
            name=order.offer.name,
            beside=tuple(p.shows for p in pictures[1:]) if order.kind == "collage" else (),
            method=page.method,
            text_on_picture=" / ".join(w for w in page.words if w not in furniture),
            past=said,
            walked=walked,
            fallback=", ".join(self.brand.subjects[:2])
            or alt_text.by(self.brand.name, self.brand.language),
            language=self.brand.language,
        )

    def finish(self, post: Post) -> None:
        """Write caption.txt, then post.json, which makes the post whole."""
        folder = self.out / post.id
        tags = " ".join(f"#{tag}" for tag in post.hashtags)
        pasted = "\n\n".join(part for part in (post.caption, tags) if part) + "\n"
        problems = rules.violations(post.caption, post.hashtags, [m.alt_text for m in post.media])
        assert not problems, problems
        write_text(folder / "caption.txt", pasted)
        spare = set() if post.chosen else {"chosen"}  # nothing learned: byte for byte as without it
        write_json(folder / "post.json", post.model_dump(mode="json", exclude=spare))


def _byline(path: str) -> str:
    """Who a picture file beside the library says made it; '' where it says nothing."""
    try:
        return photo_file.byline(Path(path).read_bytes())
    except OSError:
        return ""


def jpeg(rgb: RGB, stamp: provenance.Stamp) -> bytes:
    """A JPEG that Instagram takes as it is (rules.py): sRGB, baseline, under its size limit, with
    its provenance in it."""
    for quality in (JPEG_QUALITY, 84, 74):
        buffer = BytesIO()
        # Not optimize=True: 1 % smaller, three times the time.
        Image.fromarray(rgb).save(buffer, "JPEG", quality=quality, subsampling=0)
        data = provenance.stamp_jpeg(buffer.getvalue(), stamp)
        if len(data) <= rules.IMAGE_BYTES_MAX:
            break
    return data
