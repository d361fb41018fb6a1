"""The workshop: makes one post at a time, with everything that making a post needs at hand.

Holds the image model, the caption writer and the designer of one run; knows no order of posts
beyond the one it is asked for, and nothing of runs, pages or terminals.
"""

import contextlib
import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

import feedsmith
from feedsmith import captions, facts, memory, models, provenance
from feedsmith.brand import Brand, Home, ImagesSettings
from feedsmith.captions import endpoint, hashtags
from feedsmith.captions.brief import Caption, CaptionBrief, Route
from feedsmith.captions.habits import told
from feedsmith.captions.model import CaptionModel
from feedsmith.captions.tongues.tongue import speak
from feedsmith.captions.train import trained
from feedsmith.captions.writer import Writer, speaks
from feedsmith.design.faces import Pair
from feedsmith.design.template import Look, Tone
from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.images import installed
from feedsmith.images.api import Picture, Walked
from feedsmith.kit import learn
from feedsmith.library import Library
from feedsmith.post import Crop, Making, Medium, PastPost, Post, Shot, Words
from feedsmith.understanding import look
from feedsmith.understanding.traits import Traits
from feedsmith.workshop import films
from feedsmith.workshop.designs import Designer, Page
from feedsmith.workshop.media import Shelf
from feedsmith.workshop.order import Order
from feedsmith.workshop.pictures import Pictures, least_new, sources_of

NEIGHBOURS = 3
"""Past posts that a caption may lean on."""
CAPTIONS_TRIED = 4
"""Captions written for one post before it is given up for losing or inventing a fact."""
CANDIDATES_TRIED, CANDIDATES_APART = 4, 101
"""Captions written for each candidate that is wanted; step of their seeds, wider than one caption's tries."""
LOOPS_TRIED = 3
"""Pictures looked at for a loop; its words may speak of water that the picture does not show."""
PREFERRED = 0.55
"""Order.prefer of a layout from which it is told that earlier posts speak for it; 0.5 is nothing known."""
COMPANIONS = {"carousel": 3, "collage": 3, "reel": 3}
"""Kind -> pictures beside the main one."""
FRAMES = {"carousel": (1080, 960), "collage": (760, 760)}
"""Kind -> the largest frame (width, height) that its layouts cut out of those."""


class _Ear(NamedTuple):
    """The language model of a run."""

    base: Path
    adapter: Path | None
    used: dict[str, str]
    """Role to name and the first digits of the file's hash."""
    own: bool = False
    """Trained on the brand's own captions."""


def _noting(notes: list[str]) -> Callable[[str], None]:
    """Adds a sentence, once."""

    def note(words: str) -> None:
        if words not in notes:
            notes.append(words)

    return note


class Workshop:
    """What making posts needs, read once; `make` one post, then the next."""

    def __init__(
        self,
        brand: Brand,
        home: Home,
        library: Library,
        traits: Mapping[str, Traits],
        images: ImagesSettings,
        out: Path,
        music: Path | None = None,
        writer: str = "",
    ) -> None:
        self.brand = brand
        self.library = library
        self.traits = traits
        self.notes: list[str] = []
        # Of the notes alone: parts that held a method of ours would keep the workshop in memory.
        self._note = _noting(self.notes)
        missing = sorted({part for trait in traits.values() for part in trait.missing})
        if missing:
            self.notes.append(f"Photos were looked at without: {', '.join(missing)}.")
        self._pictures = Pictures(library, traits, images, self._note)
        self._ear = self._find_captions(home)
        self._endpoint = endpoint.chosen(writer, brand.writer)
        self._writer = Writer(other=self._endpoint)
        self.models = self._models_used()
        self._history = tuple(library.posts())
        if not speaks(brand.language):
            unless = f", save those of {self._endpoint.name}" if self._endpoint else ""
            self._note(
                f"Captions are not written in “{brand.language}” yet; English sentences are used "
                f"instead{unless}. Languages there are: English, German, French, Spanish, Portuguese."
            )
        self._tags = hashtags.TagUse(self._history)
        self.roles, _, _ = learn.roles(brand.palette, library, traits, self._history)
        self._designer = Designer(
            brand, home, self.roles, traits, self._pictures.salient, self._note
        )
        self._shelf = Shelf(brand, library, out, self.models["images"])
        self._music = music

    @property
    def pair(self) -> Pair:
        """The brand's typefaces."""
        return self._designer.pair

    # ---- what is loaded ----------------------------------------------------------------------

    def _find_captions(self, home: Home) -> _Ear | None:
        """The brand's own caption model, else the shipped one, else none."""
        try:
            own = trained(home)
            if own is not None:
                return _Ear(own.base, own.adapter, {"captions": own.name}, own=True)
        except FeedsmithError as error:
            self.notes.append(
                f"The brand's own caption model was left out: {error.message}. To have it: {error.mend}."
            )
        try:
            base = models.find("captions-base")
        except MissingModel as error:
            self.notes.append(
                "Captions are written without the small language model: "
                f"{error.message}. To have it: {error.mend}."
            )
            return None
        used = {"captions": f"captions-base {models.known('captions-base').sha256[:12]}"}
        adapter: Path | None = None
        with contextlib.suppress(MissingModel):
            adapter = models.find("starter-lora")
            used["captions adapter"] = f"starter-lora {models.known('starter-lora').sha256[:12]}"
        return _Ear(base, adapter, used)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """The language model beside the writer, for one caption.

        Loading it costs 0.2 s, as its weights are mapped; keeping it beside the image model would
        cost 200 MB of the 512 that the whole process may use.
        """
        if self._ear is None:
            yield
            return
        memory.give_back()  # what the pictures left in the heap: 15 MB off the peak
        with CaptionModel(self._ear.base, self._ear.adapter, own=self._ear.own) as model:
            self._writer.model = model
            try:
                yield
            finally:
                self._writer.model = None

    def _models_used(self) -> dict[str, str]:
        """Role to name and the first digits of the file's hash; decides what a run makes."""
        used = {
            "images": installed.name_of(self._pictures.model),
            "feedsmith": feedsmith.__version__,
        }
        if self._ear is not None:
            used |= self._ear.used
        if self._endpoint is not None:
            used["writer"] = self._endpoint.name
        stock = hashlib.sha256()
        shipped = Path(captions.__file__).parent
        own = [shipped / name for name in ("skeletons.txt", "nouns.txt", "mining.txt")]
        for path in (*own, *self._tongue_files()):
            stock.update(path.read_bytes())
        used["sentences"] = stock.hexdigest()[:12]
        with contextlib.suppress(MissingModel):
            models.find("encoder")
            used["encoder"] = f"encoder {models.known('encoder').sha256[:12]}"
        return used

    def _tongue_files(self) -> list[Path]:
        """The sentences and nouns of the brand's language, where it is not English."""
        tongue = speak(self.brand.language)
        if tongue is None:
            return []
        folder = Path(captions.__file__).parent / "tongues" / tongue.code
        return [folder / "nouns.txt", folder / "sentences.txt", folder / "words.toml"]

    @property
    def rejections(self) -> Counter[str]:
        return self._writer.rejections

    def of_the_endpoint(self) -> list[str]:
        """What came of the chat model that was asked for captions, in one sentence; [] without."""
        if self._endpoint is None:
            return []
        name, said = self._endpoint.name, self._writer.said
        notes = []
        if said.read:
            reasons = ", ".join(f"{reason} {n}" for reason, n in said.refused.most_common(4))
            total = said.refused.total()
            notes.append(
                f"{name} wrote {said.read} captions and {said.won} were taken"
                + f"; {total} broke a rule ({reasons})" * bool(total)
                + "."
            )
        if said.trouble is not None:
            mend = f" To mend it: {said.trouble.mend}." if said.trouble.mend else ""
            notes.append(
                f"{name} was left alone, and captions were written here: "
                f"{said.trouble.message}.{mend}"
            )
        return notes

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
        Raises FeedsmithError where no photo or layout can carry it, or a fact of its offer would be
        lost or invented.
        """
        # The pictures, the first one new where a photo suits it.
        rest = self._pictures.rest
        recent = frozenset(i for post in before[-rest:] for i in post.sources)
        moves = order.kind in ("gif", "reel")
        walked = self._pictures.walked(order, recent) if moves else None
        pictures = [self._read(picture) for picture in self._pictures_of(order, recent, walked)]
        main = pictures[0]
        # The words: what it shows, said in the brand's voice.
        past = self._past(main)
        caption = self._caption(order, pictures, past, before)
        tags = hashtags.choose(
            main.shows,
            self.brand,
            self._tags,
            kind=order.kind,
            season=self._season(main),
            name=order.offer.name,
        )
        # The design, then the files.
        looks = [_look(post) for post in before if post.kind != "story"]
        memory.give_back()  # what the caption left: films and designs need it now
        frames = walked.frames if walked is not None else None
        media = self._set(order, pictures, caption, name, looks, frames)
        shots = self._shelf.shots(name, order, pictures, bare_file(order, media))
        if frames is not None and order.kind == "reel":
            walk = self._shelf.walk(name, frames)
            shots = (shots[0].model_copy(update={"walk": walk}), *shots[1:])
        sources = sources_of(pictures)
        brief, named = order.brief, self._pictures.id_of(order.brief.photo)
        if brief.photo and not named:  # a file beside the library: what it says of itself is kept
            credit = "; ".join(c.text for c in self._shelf.credits(order, sources[:1]))
            brief = brief.model_copy(update={"credit": credit})
        brief = brief.model_copy(update={"photo": named})
        post = Post(
            id=name,
            kind=order.kind,
            caption=caption.text,
            hashtags=tuple(tag.tag for tag in tags),
            hashtag_reasons=tuple(tag.reason for tag in tags),
            alt_text=media[0].alt_text,
            format=order.format.name,
            seed=order.seed,
            theme=order.theme,
            offer=order.offer,
            at=order.brief.at,
            shows=main.shows,
            media=media,
            sources=sources,
            models=self.models,
            originality=least_new(m.originality or main.originality for m in media),
            credits=self._shelf.credits(order, sources),
            caption_route=caption.route,
            provenance=main.note,
            chosen=_chosen(order, media[0].template),
            source_type=provenance.source_type(
                (m for medium in media for m in (medium.method, *medium.parts)),
                designed=order.kind != "photo",
            ),
            making=Making(
                brief=brief,
                run_seed=order.run_seed,
                turn=order.turn,
                words=words_of(caption),
                shots=shots,
                music=str(self._music or "") if order.kind == "reel" else "",
                walked=walked is not None and order.kind == "gif",
            ),
        )
        self._shelf.finish(post)
        return post

    def _set(
        self,
        order: Order,
        pictures: Sequence[Picture],
        caption: Caption,
        name: str,
        looks: Sequence[Look] = (),
        walked: NDArray[np.uint8] | None = None,
        focus: Mapping[int, tuple[float, float]] | None = None,
    ) -> tuple[Medium, ...]:
        """Lay the post out and write its media into `out/name`. `focus`: number of a picture, from 0 ->
        what of it must stay in view. Raises FeedsmithError where a fact of the offer would be lost."""
        with self._pictures.looking_at(pictures, focus or {}):
            if order.kind in ("reel", "gif"):
                media = films.make(
                    order, pictures, caption, self._designer, self._shelf, name, self._music,
                    walked=walked,
                )  # fmt: skip
                self._check_facts(order, caption, media[0].text)
                return media
            pages = self._designer.pages(order, pictures, caption, looks)
        self._check_facts(order, caption, [word for page in pages for word in page.words])
        return self._shelf.write(name, order, pictures, pages)

    # ---- a finished post, once more ----------------------------------------------------------------

    def kept(self, post: Post, folder: Path) -> list[Picture]:
        """The pictures of a finished post as its layout got them; `folder` is the post's. Raises
        FeedsmithError where one is gone."""
        assert post.making is not None
        return [self._pictures.kept(shot, folder) for shot in post.making.shots]

    def remake(
        self,
        post: Post,
        folder: Path,
        name: str,
        order: Order,
        words: Words,
        changed: Mapping[int, tuple[Picture, Crop | None]],
    ) -> Post:
        """Another version of a finished post, in `out/name`: the pictures `changed` (number from 0 ->
        picture and cut) and else those it had, these words, this layout; all else stays.

        Raises FeedsmithError where they do not go together, or a fact of the offer would be lost.
        """
        making = post.making
        assert making is not None
        old = making.shots
        pictures = [
            changed[i][0] if i in changed else self._pictures.kept(shot, folder)
            for i, shot in enumerate(old)
        ]
        crops = [changed[i][1] if i in changed else shot.crop for i, shot in enumerate(old)]
        caption = Caption(
            text=words.caption, route=cast(Route, words.route or "skeleton"), score=0.0, reasons={},
            headline=words.headline, quote=words.quote, slides=words.slides,
        )  # fmt: skip
        focus = {i: crop.focus for i, crop in enumerate(crops) if crop is not None and crop.focus}
        walked = None if 0 in changed else self._pictures.walk_of(old[0], folder)
        media = self._set(order, pictures, caption, name, focus=focus, walked=walked)
        bare = bare_file(order, media)
        shots = list(self._shelf.shots(name, order, pictures, bare))
        for i, shot in enumerate(shots):
            kept = i not in changed and shot.file and not (i == 0 and bare)
            if kept:  # the very file: what is compressed again and again gets worse
                shutil.copyfile(folder / old[i].file, self._shelf.out / name / shot.file)
            base = ""
            if crops[i] is not None:
                base = self._base(old[i], folder, name, i, fresh=i in changed)
            more = {"crop": crops[i], "base": base}
            shots[i] = shot.model_copy(update=more)
        if walked is not None:
            shots[0] = shots[0].model_copy(update={"walk": self._shelf.walk(name, walked)})
        main, sources = pictures[0], sources_of(pictures)
        drawn = {role: self.models[role] for role in ("images", "feedsmith")}
        models = dict(post.models)
        if changed:
            models |= drawn
        if words != making.words:
            models |= {role: name for role, name in self.models.items() if role not in drawn}
        made = post.model_copy(
            update={
                "id": name, "version_of": post.version_of or post.id, "media": media, "sources": sources,
                "caption": words.caption, "caption_route": words.route or post.caption_route,
                "alt_text": media[0].alt_text, "seed": order.seed, "shows": main.shows,
                "models": models,
                "originality": least_new(m.originality or main.originality for m in media),
                "credits": self._shelf.credits(order, sources),
                "provenance": main.note if 0 in changed else post.provenance,
                "source_type": provenance.source_type(
                    (m for medium in media for m in (medium.method, *medium.parts)),
                    designed=order.kind != "photo",
                ),
                "making": making.model_copy(
                    update={
                        "brief": order.brief, "words": words, "shots": tuple(shots),
                        "layout": order.layout,
                    }
                ),
            }
        )  # fmt: skip
        self._shelf.finish(made)
        return made

    def _base(self, shot: Shot, folder: Path, name: str, number: int, *, fresh: bool) -> str:
        """Keep the picture that a cut is a part of beside it; '' where that is a photo of the library."""
        if shot.is_of_a_photo and self._pictures.id_of(shot.sources[0]):
            return ""
        there = shot.base or (shot.file if fresh else "")
        if not there:
            return ""
        file = f"base-{number + 1}.jpg"
        shutil.copyfile(folder / there, self._shelf.out / name / file)
        return file

    def cut(self, shot: Shot, part: Crop, order: Order, folder: Path) -> Picture:
        """See Pictures.cut."""
        return self._pictures.cut(shot, part, order, folder)

    def swapped(self, shot: Shot, photo: str, order: Order, *, first: bool) -> Picture:
        """See Pictures.swapped."""
        return self._read(self._pictures.swapped(shot, photo, order, first=first))

    def again(self, shot: Shot, order: Order, folder: Path) -> Picture:
        """See Pictures.again."""
        before = self._pictures.kept(shot, folder)
        return self._read(self._pictures.again(shot, order, before.rgb))

    def layouts(
        self, post: Post, order: Order, pictures: Sequence[Picture]
    ) -> list[tuple[str, str]]:
        """Layouts that a finished post could have (Designer.layouts)."""
        return self._designer.layouts(order, pictures, self._said_by(post))

    def preview(self, post: Post, order: Order, pictures: Sequence[Picture]) -> Page:
        """The first page of a finished post in the layout of `order`. Raises Misfit where the words or
        pictures do not fit it."""
        return self._designer.pages(order, pictures, self._said_by(post), ())[0]

    def _said_by(self, post: Post) -> Caption:
        assert post.making is not None
        words = post.making.words
        return Caption(
            text=words.caption, route="skeleton", score=0.0, reasons={}, headline=words.headline,
            quote=words.quote, slides=words.slides,
        )  # fmt: skip

    def candidates(
        self, order: Order, pictures: Sequence[Picture], before: Sequence[Post], count: int
    ) -> list[Words]:
        """Up to `count` other captions for these pictures, with the words to set on them; each keeps to
        the facts of the offer, and no two are alike. `before`: what none may repeat."""
        pictures = [self._read(picture) for picture in pictures]
        past = self._past(pictures[0])
        found: dict[str, Words] = {}
        last: FeedsmithError | None = None
        for attempt in range(CANDIDATES_TRIED * count):
            if len(found) == count:
                break
            now = replace(order, seed=order.seed + CANDIDATES_APART * attempt)
            said = [
                before[0].model_copy(update={"caption": words.caption}) for words in found.values()
            ]
            try:
                caption = self._caption(now, pictures, past, [*before, *said])
            except FeedsmithError as error:
                last = error
                continue
            known = {post.caption for post in before}
            if caption.text not in known | set(found):
                found[caption.text] = words_of(caption)
        if not found:
            raise last or FeedsmithError(
                "no other words were found for this picture", mend="write your own"
            )
        return list(found.values())

    def _pictures_of(
        self, order: Order, recent: frozenset[str], walked: Walked | None
    ) -> list[Picture]:
        """The main picture, and those that a kind sets beside it."""
        if walked is not None:
            return [walked.picture, *self._companions(order, walked.picture, recent)]
        among = frozenset[str]()
        if order.kind == "gif" and not order.brief.photo:
            among = films.can_move(self.traits)
        if order.kind == "product" and not order.brief.photo:
            among = self._of_product(order)
        main = self._pictures.main(order, recent, among)
        if order.kind == "gif" and not order.brief.photo:
            main = self._moving(order, main, recent, among)
        if order.theme and not self._goes_with(order.theme, main):
            self._note(f"No photo's words speak of “{order.theme}”; others were used.")
        return [main, *self._companions(order, main, recent)]

    def _companions(self, order: Order, main: Picture, recent: frozenset[str]) -> list[Picture]:
        return self._pictures.companions(
            order, main, COMPANIONS.get(order.kind, 0), order.format, recent,
            framed=FRAMES.get(order.kind),
        )  # fmt: skip

    def _read(self, picture: Picture) -> Picture:
        """A picture with the keywords that its own captions give it in the brand's language; the
        library's word list is English."""
        tongue = speak(self.brand.language)
        if tongue is None:
            return picture
        found = ((i, self.library.post_of(i)) for i in picture.words_from)
        # Of several photos, a caption speaks of the first.
        posts = [post for i, post in found if post is not None and post.photos[:1] == (i,)]
        tags = [tag for post in posts for tag in post.hashtags]
        shows = tongue.shown(picture.shows, [told(post) for post in posts], tags)
        return replace(picture, shows=shows)

    def _moving(
        self, order: Order, main: Picture, recent: frozenset[str], among: frozenset[str]
    ) -> Picture:
        """The first of up to LOOPS_TRIED pictures in which more than the light moves."""
        first, tried = main, recent
        for attempt in range(LOOPS_TRIED):
            (seen,) = self._pictures.salient([main])
            if films.moves(main, seen, order.seed):
                return main
            tried |= frozenset(main.sources)
            if attempt < LOOPS_TRIED - 1:
                main = self._pictures.main(order, tried, among)
        return first

    def _of_product(self, order: Order) -> frozenset[str]:
        """Photos whose words name the product. Raises FeedsmithError where there is none."""
        words = {word.strip(".,!").lower() for word in order.offer.line.split()}
        found = frozenset(
            i
            for i, trait in self.traits.items()
            if words & {word for keyword in trait.keywords for word in keyword.lower().split()}
        )
        if not found:
            raise FeedsmithError(
                f"no photo of the library is known to show “{order.offer.name or order.offer.line}”",
                mend="name its photo: --photo mug.jpg (a file, or a photo of the library)",
            )
        return found

    def _goes_with(self, theme: str, picture: Picture) -> bool:
        """True where the picture shows the theme, or was put in its light."""
        wanted = set(theme.lower().split())
        shown = {word for phrase in picture.shows for word in phrase.lower().split()}
        return bool(wanted & (shown | {self._season(picture)})) or theme in picture.note

    def _season(self, picture: Picture) -> str:
        trait = self.traits.get(picture.sources[0])
        return trait.season if trait is not None else ""

    def _look(self, picture: Picture) -> tuple[str, ...]:
        trait = self.traits.get(picture.sources[0])
        return look.in_words(trait) if trait is not None else ()

    def _near(self, picture: Picture) -> tuple[str, ...]:
        own = frozenset(picture.sources)
        first = picture.sources[0]
        return look.near(first, self.traits, self._pictures.features, picture.shows, own)

    def _past(self, picture: Picture) -> tuple[PastPost, ...]:
        """The brand's own posts about such pictures: those of the sources, then of photos alike."""
        near = list(picture.words_from)
        features = self._pictures.features
        first = features.get(picture.sources[0])
        if first is not None:
            likeness = {i: float(vector @ first) for i, vector in features.items()}
            near += sorted(likeness, key=lambda i: (-likeness[i], i))[: NEIGHBOURS + 1]
        posts = [post for i in near if (post := self.library.post_of(i)) is not None]
        return tuple({post.id: post for post in posts}.values())[:NEIGHBOURS]

    def _caption(
        self,
        order: Order,
        pictures: Sequence[Picture],
        past: tuple[PastPost, ...],
        before: Sequence[Post],
    ) -> Caption:
        """A caption that invents no fact; up to CAPTIONS_TRIED are written."""
        theirs = tuple(PastPost(id=post.id, text=post.caption, kind=post.kind) for post in before)
        brief = CaptionBrief(
            kind=order.kind,
            brand=self.brand,
            shows=pictures[0].shows,
            beside=_beside(order, pictures),
            season=self._season(pictures[0]),
            look=self._look(pictures[0]),
            near=self._near(pictures[0]),
            theme=order.theme,
            offer=order.offer.line,
            details=order.offer,
            about=order.offer.about,
            headline=order.brief.headline,
            past=past,
            history=self._history,
            made=theirs,
        )
        problems: list[str] = []
        for attempt in range(CAPTIONS_TRIED):
            remembered = self._writer.used
            with self._listening():
                caption = self._writer.write([brief], seed=order.seed + attempt)[0]
            problems = facts.invented(order.offer, _said(caption), self._known(order))
            if not problems:
                return caption
            self._writer.recall(remembered)
        raise FeedsmithError(
            f"no caption kept to the facts of the brief: {'; '.join(problems)}",
            mend="give the offer in other words, or another seed",
        )

    def _check_facts(self, order: Order, caption: Caption, words: Sequence[str]) -> None:
        """Raise FeedsmithError where the post lost a fact of its offer, or has one of its own."""
        problems = facts.kept(order.offer, [*_said(caption), *words], self._known(order))
        if problems:
            raise FeedsmithError(
                f"the post would not keep to its offer: {'; '.join(problems)}",
                mend="give the offer in other words, or another seed",
            )

    def _known(self, order: Order) -> list[str]:
        """What a post may say beside its offer."""
        brand, brief = self.brand, order.brief
        return [
            brand.name, f"@{brand.handle}", brand.handle, brand.niche, *brand.subjects,
            brief.theme, brief.headline, brief.offer.about,
        ]  # fmt: skip


def _chosen(order: Order, layout: str) -> tuple[str, ...]:
    """Why kind, theme and layout were chosen, where that was learned."""
    if order.learned is None:
        return ()
    leant = order.prefer.get(layout, 0.0) > PREFERRED
    return (*order.because, *([order.learned.because("template", layout)] if leant else ()))


def words_of(caption: Caption) -> Words:
    """The words of a post as post.json keeps them."""
    return Words(
        caption=caption.text, headline=caption.headline, quote=caption.quote, slides=caption.slides,
        route=caption.route,
    )  # fmt: skip


def bare_file(order: Order, media: Sequence[Medium]) -> str:
    """The file that shows the first picture of a post as it is; '' where words stand on all."""
    first = media[0]
    if order.kind == "gif":
        return first.cover
    return first.file if order.kind == "photo" and not first.template else ""


def _said(caption: Caption) -> list[str]:
    return [caption.text, caption.headline, caption.quote, *caption.slides]


def _beside(order: Order, pictures: Sequence[Picture]) -> tuple[tuple[str, ...], ...]:
    """Keywords of the companions, where they stand beside the main picture."""
    return tuple(p.shows for p in pictures[1:]) if order.kind in ("carousel", "collage") else ()


def _look(post: Post) -> Look:
    """How a post stands in the grid."""
    first = post.media[0]
    return Look(first.template, first.scheme, cast(Tone, first.tone or "photo"))
