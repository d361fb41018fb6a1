"""Pictures of one post: the main one, its companions, a product's photo.

Asks the image model; knows which photos were used lately and which go together. Knows no words
and no layouts.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith import marks, photo_file, rules
from feedsmith.brand import ImagesSettings
from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.film.walk import FRAMES
from feedsmith.images import crop, installed
from feedsmith.images.api import ImageModel, Method, NoPicture, Picture, PictureBrief, Walked
from feedsmith.images.remix import Remix
from feedsmith.images.resample import resize
from feedsmith.library import Library
from feedsmith.post import Crop, Originality, Photo, Shot
from feedsmith.understanding.saliency import Saliency, by_contrast
from feedsmith.understanding.traits import Traits, embeddings, saliency
from feedsmith.workshop.order import Order

RGB = NDArray[np.uint8]

REST = 0.6
"""Share of the photos large enough for a picture that rest after use: the longest unused come back
first, and some choice is always left."""
QUIET = ("quote", "story", "promo")
"""Kinds whose words need a calm picture."""
NEAR, TWIN = 0.28, 0.9
"""Cosine of photos that go together, and from which they are one motif photographed twice."""
SHOWN_MAX = 1440
"""Longest side in pixels of a photo that a layout frames."""
SPOT = 0.12
"""Spread of a focal point, as a share of the picture's sides."""
CUT = ", cut as you chose"
EDITED = ("crop", "extend", "relight", "layout")
"""Methods that show a photo as it is."""
AGAIN, SAME = 4, 3.0
"""Seeds tried for another picture; mean difference 0..255 up to which it is the same one (JPEG alone
makes 1)."""
PRODUCT_SIDE = 720
"""Pixels of the shorter side from which product layouts take a photo."""


class Pictures:
    """The image model of one run, and the photos it may take."""

    def __init__(
        self,
        library: Library,
        traits: Mapping[str, Traits],
        images: ImagesSettings,
        note: Callable[[str], None],
    ) -> None:
        self.library = library
        self.traits = traits
        self.features = embeddings(library)
        self.model = installed.load(images)
        prepare = getattr(self.model, "prepare", None)
        if prepare is not None:
            prepare(library)
        # What is to be made of certain photos is not for a model that draws what was never there.
        invents = getattr(self.model, "invents", False)
        self._of_photos: ImageModel = Remix() if invents else self.model
        self._by_hand = self.model if isinstance(self.model, Remix) else None
        """What cuts and measures as a person wishes; made when first needed, where it is not the model."""
        self._note = note
        self._focus: list[tuple[RGB, tuple[float, float]]] = []
        size = rules.FORMATS["portrait"][1:]
        usable = sum(crop.fits((photo.width, photo.height), size) for photo in library.photos())
        self.rest = max(1, round(REST * usable))
        """Posts after which a photo may be used again."""

    # ---- the main picture --------------------------------------------------------------------

    def main(
        self, order: Order, recent: frozenset[str], among: frozenset[str] = frozenset()
    ) -> Picture:
        """The image model's picture; where no photo can fill the format, one for a layout.

        Raises FeedsmithError when no photo of the library can be used at all, or the photo that
        the brief names cannot be read; NoPicture when the image model itself fails.
        """
        named = self.named(order.brief.photo)
        if named is not None:
            among = frozenset((named.id,))
            if order.kind == "product" and self._corrected(named.id):
                return self._uncropped(named, order, recent)
        elif order.brief.photo:
            return self.file(Path(order.brief.photo), order)
        tall = order.format.name == "story"
        sizes = dict.fromkeys((order.format, rules.FORMATS["portrait"], rules.FORMATS["square"]))
        model = self._of_photos if among else self.model
        for size in sizes if tall and order.kind == "story" else (order.format,):
            try:
                made = model.make(
                    PictureBrief(
                        format=size,
                        theme=order.theme,
                        seed=order.seed,
                        avoid=recent,
                        among=among,
                        quick=named is not None,
                        want="calm"
                        if order.kind in QUIET
                        else ("busy", "calm", None)[order.turn % 3],
                    ),
                    self.library,
                    self.traits,
                )
            except NoPicture:
                raise  # a framed photo is not what was asked for
            except FeedsmithError:
                continue
            if order.kind == "product" and len(made.sources) == 1:
                chosen = self.named(made.sources[0])
                if chosen is not None and self._corrected(chosen.id):
                    return self._uncropped(chosen, order, recent)
            return made
        return self.whole(named, order.seed, recent)

    def _corrected(self, photo: str) -> bool:
        """Whether a person corrected this photo's cut-out."""
        mark = marks.read(self.library.root).get(photo)
        return mark is not None and bool(mark.clicks or mark.strokes)

    def _uncropped(self, photo: Photo, order: Order, recent: frozenset[str]) -> Picture:
        """All of a photo: clicks and strokes are places of it; a small one is enlarged, as a crop would
        be."""
        whole = self.whole(photo, order.seed, recent)
        height, width = whole.rgb.shape[:2]
        more = max(1.0, PRODUCT_SIDE / min(height, width))
        return replace(whole, rgb=resize(whole.rgb, round(height * more), round(width * more)))

    def walked(self, order: Order, recent: frozenset[str]) -> Walked | None:
        """A walk for a loop or the start of a reel, where the image model can walk and no photo is named; else
        None."""
        walk = getattr(self.model, "walk", None)
        if walk is None or order.brief.photo:
            return None
        brief = PictureBrief(order.format, order.theme, order.seed, recent)
        try:
            found: Walked = walk(brief, self.library, self.traits, FRAMES)
        except NoPicture as error:
            if order.kind == "reel" and not error.lasting:
                return None  # a still will do
            raise
        return found

    def whole(self, photo: Photo | None, seed: int, recent: frozenset[str]) -> Picture:
        """A photo as it is, for a layout that frames it: small photos are not blown up."""
        if photo is None:
            photos = [photo for photo in self.library.photos() if photo.id in self.traits]
            fresh = [photo for photo in photos if photo.id not in recent] or photos
            if not fresh:
                raise FeedsmithError(
                    f"{self.library.root}: no photo of the library can be read",
                    mend="import the photos again",
                )
            # The largest third, so that layouts have something to show; the seed chooses.
            fresh.sort(key=lambda photo: (-min(photo.width, photo.height), photo.id))
            among = fresh[: max(1, len(fresh) // 3)]
            photo = among[int(np.random.default_rng(seed).integers(len(among)))]
        traits = self.traits.get(photo.id)
        return _kept(
            self.library.rgb(photo, SHOWN_MAX), photo.id, traits.keywords if traits else (),
            "your photo, framed",
        )  # fmt: skip

    def named(self, wanted: str) -> Photo | None:
        """The library photo whose id or file name is `wanted`; None for '' and for others."""
        if not wanted:
            return None
        for photo in self.library.photos():
            if wanted in photo.called:
                return photo
        return None

    def id_of(self, wanted: str) -> str:
        """The id of the library photo that is called so; '' where there is none."""
        photo = self.named(wanted)
        return photo.id if photo is not None else ""

    def file(self, path: Path, order: Order) -> Picture:
        """A picture file beside the library, as it is. Raises FeedsmithError naming the mend."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise FeedsmithError(
                f"{path}: no such picture in the library or on disk",
                mend="name a photo of the library, or the path of a picture file",
            ) from error
        rgb = photo_file.rgb(path, SHOWN_MAX)
        words = order.offer.name or order.theme
        shows = order.brief.shows or ((words.lower(),) if words else ())
        return _kept(rgb, hashlib.sha256(data).hexdigest()[:16], shows, "your photo")

    def salient(self, pictures: Sequence[Picture]) -> list[NDArray[np.float32]]:
        """What the eye goes to in each picture, (h, w) 0..1: as import stored it for photos that are
        whole, else by the network, which is loaded for this and let go (0.1 CPU-s and 30 MB; kept,
        it would stand beside the language model)."""
        stored = [
            saliency(self.library, picture.sources[0]) if picture.method == "layout" else None
            for picture in pictures
        ]
        spots = [self._spot(picture) for picture in pictures]
        stored = [
            known if spot is None else spot for known, spot in zip(stored, spots, strict=True)
        ]
        network = Saliency()
        try:
            return [
                network.map(picture.rgb) if known is None else known
                for picture, known in zip(pictures, stored, strict=True)
            ]
        except MissingModel:
            return [
                by_contrast(picture.rgb) if spot is None else spot
                for picture, spot in zip(pictures, spots, strict=True)
            ]

    @contextlib.contextmanager
    def looking_at(
        self, pictures: Sequence[Picture], focus: Mapping[int, tuple[float, float]]
    ) -> Iterator[None]:
        """For a while the eye goes to the focal points (x, y, shares) that a person set in some of these
        pictures (number from 0), and not where it would by itself."""
        self._focus = [(pictures[i].rgb, at) for i, at in focus.items()]
        try:
            yield
        finally:
            self._focus = []

    def _spot(self, picture: Picture) -> NDArray[np.float32] | None:
        """A map with one bright spot where a person set the focal point of this picture; None else."""
        for rgb, (x, y) in self._focus:
            if rgb is picture.rgb:
                rows, columns = np.mgrid[0:96, 0:96].astype(np.float32) / 95
                far = (columns - x) ** 2 + (rows - y) ** 2
                return np.asarray(np.exp(-far / (2 * SPOT**2)), np.float32)
        return None

    # ---- the pictures of a finished post ---------------------------------------------------------

    @property
    def by_hand(self) -> Remix:
        self._by_hand = self._by_hand or Remix()
        return self._by_hand

    def kept(self, shot: Shot, folder: Path) -> Picture:
        """A picture of a finished post as its layout got it; `folder` is the post's. Raises
        FeedsmithError where its file or photo is gone."""
        if not shot.file:
            photo = self.named(shot.sources[0])
            if photo is None or not self.library.path(photo).is_file():
                raise FeedsmithError(
                    "the photo that this post shows is gone from the library",
                    mend="import it again, or choose another photo",
                )
            rgb = self.library.rgb(photo, SHOWN_MAX)
        else:
            rgb = _file_of(folder / shot.file)
        return Picture(
            rgb=rgb, method=cast(Method, shot.method), sources=shot.sources, shows=shot.shows,
            words_from=shot.words_from, window=crop.Window(*shot.window) if shot.window else None,
            note=shot.note, originality=shot.originality,
        )  # fmt: skip

    def walk_of(self, shot: Shot, folder: Path) -> NDArray[np.uint8] | None:
        """The small pictures of a finished post's walk, (n, h, w, 3); None for a still. Raises FeedsmithError
        where their file cannot be read."""
        walk = shot.walk
        if walk is None:
            return None
        with _opened(folder / walk.file) as image:
            if hashlib.sha256((folder / walk.file).read_bytes()).hexdigest() != walk.sha256:
                raise OSError("it was changed")
            strip = np.asarray(image.convert("RGB"))
        return strip.reshape(walk.frames, -1, *strip.shape[1:])

    def cut(self, shot: Shot, part: Crop, order: Order, folder: Path) -> Picture:
        """The picture of a finished post cut anew: another part of its photo, or, where no photo shows
        it, a part of the picture itself; at the size it had, and measured again.

        Raises FeedsmithError where that part would be enlarged more than crop.BLOW_UP_MAX times.
        """
        right, bottom = min(1.0, part.x + part.width), min(1.0, part.y + part.height)
        window = crop.Window(part.x, part.y, right, bottom)
        photo = self.named(shot.sources[0]) if shot.is_of_a_photo else None
        size = rules.Format(order.format.name, shot.width, shot.height)
        if photo is not None and shot.method != "layout":
            brief = PictureBrief(
                size, order.theme, order.seed, among=frozenset((photo.id,)), window=window
            )
            return self.by_hand.make(brief, self.library, self.traits)
        if photo is not None:  # a photo that a layout frames: as it is, never enlarged
            whole = self.library.rgb(photo, max(photo.width, photo.height))
        else:
            whole = _file_of(folder / (shot.base or shot.file))
        left, top, right_, bottom_ = window.pixels(whole.shape[1], whole.shape[0])
        wide, high = max(1, right_ - left), max(1, bottom_ - top)
        if shot.method == "layout":
            shrink = min(1.0, SHOWN_MAX / max(wide, high))
            wanted = max(1, round(wide * shrink)), max(1, round(high * shrink))
        else:
            wanted = (shot.width, shot.height)
            crop.check_sharp((wide, high), wanted, "picture")
        rgb = crop.cut_out(whole, window, wanted)
        made = replace(
            self.kept(shot, folder), rgb=rgb, window=window if photo is not None else None,
            method="crop" if photo is not None else cast(Method, shot.method),
            note=f"{shot.note.removesuffix(CUT)}{CUT}",
        )  # fmt: skip
        return self.measured(made)

    def measured(self, picture: Picture) -> Picture:
        """The picture with its originality measured now. A cut of what was called an edited photo is
        never called new; of a picture file beside the library nothing is known, and it stays so."""
        known = {photo.id for photo in self.library.photos()}
        if not known & set(picture.sources):
            return picture
        found = self.by_hand.measured(
            picture.rgb, picture.sources, self.library, self.traits,
            edited=picture.method in EDITED or picture.originality.label != "new",
        )  # fmt: skip
        return replace(picture, originality=found)

    def swapped(self, shot: Shot, photo: str, order: Order, *, first: bool) -> Picture:
        """Another library photo in the place of a post's picture. Raises FeedsmithError where the library
        has none of that name, or it cannot be shown so."""
        found = self.named(photo)
        if found is None:
            raise FeedsmithError(
                f"“{Path(photo).name[:80]}” is no photo of this library",
                mend="name one as the library shows it, or add it to the library first",
            )
        brief = order.brief.model_copy(update={"photo": found.id})
        if first:
            return self.measured(self.main(replace(order, brief=brief), frozenset()))
        if shot.method == "layout":
            return self.measured(self.whole(found, order.seed, frozenset()))
        return self._beside(found.id, shot, order, quick=True) or self.measured(
            self.whole(found, order.seed, frozenset())
        )

    def again(self, shot: Shot, order: Order, before: RGB) -> Picture:
        """Another picture from the same photos, by another seed; of a model that draws, another drawing.
        `before` is the one there is. Raises FeedsmithError where there is no other."""
        drawn = shot.method in ("gan", "diffusion")
        if shot.method == "layout":
            raise _no_other()
        for more in range(AGAIN):
            seed = order.seed + more
            brief = PictureBrief(
                rules.Format(order.format.name, shot.width, shot.height), order.theme, seed,
                among=frozenset() if drawn else frozenset(shot.sources),
            )  # fmt: skip
            model = self.model if drawn else self._of_photos
            try:
                made = model.make(brief, self.library, self.traits)
            except NoPicture:
                raise
            except FeedsmithError:
                break  # it does not fill the format: there is the photo, and nothing else
            if made.rgb.shape != before.shape or _apart(made.rgb, before) > SAME:
                return made
        raise _no_other()

    def _beside(self, photo: str, shot: Shot, order: Order, *, quick: bool) -> Picture | None:
        brief = PictureBrief(
            rules.Format(order.format.name, shot.width, shot.height), order.theme, order.seed,
            among=frozenset((photo,)), quick=quick,
        )  # fmt: skip
        with contextlib.suppress(FeedsmithError):
            return self.measured(self._of_photos.make(brief, self.library, self.traits))
        return None

    # ---- those beside it ---------------------------------------------------------------------

    def companions(
        self,
        order: Order,
        main: Picture,
        count: int,
        size: rules.Format,
        recent: frozenset[str],
        *,
        framed: tuple[int, int] | None = None,
    ) -> list[Picture]:
        """Up to `count` photos that go with the main picture, each cropped or grown to `size`.

        Like it, but not the same motif; the longest unused first. Fewer where the library has no
        more. `framed`: photos as they are, for layouts that cut frames of up to that (width,
        height) out of them; else a photo that does not fill `size` comes as it is.
        """
        found: list[Picture] = []
        ranked = self._alike(main, recent)
        # Photos that fill the format first; framed ones where there are too few.
        for whole in (False, True) if framed is None else (True,):
            for photo in ranked:
                if len(found) == count:
                    return found
                taken = [other.sources[0] for other in found]
                if any(self._likeness(photo.id, other) > TWIN for other in taken):
                    continue
                if photo.id in taken or (framed is not None and not _covers(photo, framed)):
                    continue
                brief = PictureBrief(
                    format=size,
                    theme=order.theme,
                    seed=order.seed + len(found) + 1,
                    among=frozenset((photo.id,)),
                    quick=True,
                )
                with contextlib.suppress(FeedsmithError):
                    found.append(
                        self.whole(photo, order.seed, recent)
                        if whole
                        else self._of_photos.make(brief, self.library, self.traits)
                    )
        return found

    def _alike(self, main: Picture, recent: frozenset[str]) -> list[Photo]:
        """Photos that go with a picture, best first."""
        words = set(main.shows)
        marks: list[tuple[float, str, Photo]] = []
        for photo in self.library.photos():
            traits = self.traits.get(photo.id)
            if traits is None or photo.id in main.sources or traits.sharpness < 0.04:
                continue
            likeness = self._likeness(photo.id, main.sources[0])
            if likeness > TWIN:
                continue
            shared = len(words & set(traits.keywords)) / max(1, len(words))
            mark = min(likeness, 0.7) + 0.5 * shared - 0.6 * (photo.id in recent)
            mark -= 0.3 * (likeness < NEAR)
            marks.append((-mark, photo.id, photo))
        return [photo for _, _, photo in sorted(marks, key=lambda mark: mark[:2])]

    def _likeness(self, one: str, other: str) -> float:
        """Cosine of two photos' features, -1..1; 0 where one is not known."""
        a, b = self.features.get(one), self.features.get(other)
        return float(a @ b) if a is not None and b is not None else 0.0


def sources_of(pictures: Sequence[Picture]) -> tuple[str, ...]:
    """Ids of the photos in these pictures, each once."""
    return tuple(dict.fromkeys(i for picture in pictures for i in picture.sources))


def least_new(measured: Iterable[Originality]) -> Originality:
    """What something made of several pictures may be called: as new as its least new one."""
    return min(measured, key=lambda found: (found.label == "new", -found.copied_area))


def _no_other() -> FeedsmithError:
    return FeedsmithError(
        "from this photo no other picture can be made: it is shown as it is, and not recomposed",
        mend="choose another photo, or cut this one otherwise",
    )


def _file_of(path: Path) -> RGB:
    """The pixels of a post's own file."""
    with _opened(path) as image:
        return np.asarray(image.convert("RGB"))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A picture file of a post's own. Raises FeedsmithError where it cannot be read."""
    try:
        with Image.open(path) as image:
            yield image
    except (OSError, ValueError, SyntaxError) as error:
        raise FeedsmithError(
            f"{path.name}: a file of this post cannot be read",
            mend="restore it from a backup, or choose another photo",
        ) from error


def _apart(one: RGB, other: RGB) -> float:
    """Mean difference of two pictures of one size, 0..255."""
    small = [x[::4, ::4].astype(np.float32) for x in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


def _covers(photo: Photo, frame: tuple[int, int]) -> bool:
    return crop.fits((photo.width, photo.height), frame)


def _kept(rgb: RGB, photo: str, shows: Sequence[str], note: str) -> Picture:
    return Picture(
        rgb=rgb,
        method="layout",
        sources=(photo,),
        shows=tuple(shows),
        words_from=(photo,),
        window=None,
        note=note,
        originality=Originality(
            nearest=photo, similarity=1.0, copied_area=1.0, copied_total=1.0, label="edited photo"
        ),
    )
