"""Stamp: how a media file of ours came about, as values, and which IPTC code says so.

Knows methods by name and IPTC's words; nothing of files.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import feedsmith
from feedsmith.brand import Brand
from feedsmith.post import Credit, Kind, Value

NEWSCODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"

HOW: dict[str, tuple[str, str]] = {
    "crop": (
        "algorithmicallyEnhanced",
        "one photo, cut and graded: the content is what the camera saw",
    ),
    "relight": ("algorithmicallyEnhanced", "one photo in another light; nothing added or removed"),
    "extend": (
        "algorithmicallyEnhanced",
        "one photo whose plain edge was grown; what it shows is untouched, no model made the edge",
    ),
    "motion": ("algorithmicallyEnhanced", "a film that pans or zooms over photos"),
    "parallax": ("algorithmicallyEnhanced", "the same in two layers of one photo"),
    "mashup": (
        "compositeCapture",
        "large parts of several photos of ours, joined: every part is a capture of real life",
    ),
    "layout": ("composite", "a photo with type and shapes: one part is a capture, the rest drawn"),
    "cutout": ("composite", "a photographed product on a drawn ground"),
    "film": ("composite", "photos and words in motion; its shots' own methods count beside it"),
    "rows": (
        "compositeSynthetic",
        "a scene that no camera saw, assembled by an algorithm out of small patches of the photos",
    ),
    "noise": ("compositeSynthetic", "the same"),
    "theme": ("compositeSynthetic", "the same in another light"),
    "loop": (
        "compositeSynthetic",
        "a photo whose water, leaves or smoke were made to move: looks filmed and was not",
    ),
    "gan": ("trainedAlgorithmicMedia", "made by a network, even if trained on our own photos only"),
    "diffusion": ("trainedAlgorithmicMedia", "the same"),
}
"""Method (post.Medium.method, and motions of films) to IPTC NewsCode, and why.

On patch synthesis ("rows", "noise"). It has no trained model, so trainedAlgorithmicMedia would be
untrue. algorithmicMedia is "not based on any sampled training data", but it copies its patches from
samples. compositeCapture would pass off a place that does not exist as a montage of real ones. IPTC
narrowed compositeSynthetic in 2024 from "at least one element is synthetic" to "is Generative AI";
example-based synthesis is generative in all but training, and saying too much is the honest error.
The label says in words what was done.

A method that is not listed (a model somebody installed) counts as trained.
"""

_TRAINED, _SYNTHETIC = "trainedAlgorithmicMedia", "compositeSynthetic"
_PLAIN = "algorithmicMedia"
_WORDS = {
    "algorithmicallyEnhanced": "The brand's own photo, edited by Feedsmith.",
    "compositeCapture": "Put together from the brand's own photos by Feedsmith.",
    "composite": "Designed with the brand's own photos by Feedsmith.",
    _SYNTHETIC: "Recomposed from the brand's own photos by Feedsmith: no camera saw this scene.",
    _TRAINED: "Made with AI by Feedsmith.",
    _PLAIN: "Designed by Feedsmith.",
}
_MIXED = "Made with AI and the brand's own photos by Feedsmith."
_NEEDS_NO_LABEL = frozenset(
    (
        "digitalCapture", "computationalCapture", "negativeFilm", "positiveFilm", "print",
        "humanEdits", "algorithmicallyEnhanced", "digitalCreation", "screenCapture", "composite",
        "compositeCapture", "algorithmicMedia", "dataDrivenMedia",
    )
)  # fmt: skip


class Made(Protocol):
    """Anything that says how it was made: a Picture, a Page, a Medium."""

    @property
    def method(self) -> str: ...


def is_trained(methods: Iterable[str]) -> bool:
    """Whether a trained model made any of the pictures made by `methods`."""
    return any(HOW.get(method, (_TRAINED,))[0] == _TRAINED for method in methods)


def source_type(methods: Iterable[str], *, designed: bool = False) -> str:
    """The IPTC NewsCode, e.g. "composite", of a file made of pictures made by `methods`.

    `designed` is true where words or shapes were set around or over them. The most artificial part
    decides. Words over a picture that is wholly a model's leave it trainedAlgorithmicMedia, the
    code that Instagram reads; a model's part among photographs makes it compositeSynthetic. No
    method at all, only type, is algorithmicMedia.
    """
    names = list(methods)
    codes = {HOW[name][0] if name in HOW else _TRAINED for name in names}
    if not codes:
        return _PLAIN
    if codes == {_TRAINED}:
        return _TRAINED
    if codes & {_TRAINED, _SYNTHETIC}:
        return _SYNTHETIC
    if designed or "composite" in codes:
        return "composite"
    return "compositeCapture" if codes != {"algorithmicallyEnhanced"} else "algorithmicallyEnhanced"


def needs_ai_label(code: str) -> bool:
    """Whether Instagram should be told `is_ai_generated` for a file of this source type.

    On the cautious side: true for everything that looks photographed and was not (Meta asks for a
    label on photorealistic content that was digitally created), for every trained model, and for
    codes that are not known; false for photos, edits of photos and designs around them.
    """
    return code.rpartition("/")[2] not in _NEEDS_NO_LABEL


class Stamp(Value):
    """What a file says of itself."""

    source_type: str
    """IPTC NewsCode without its address, e.g. "composite"."""
    creator: str = ""
    """Who publishes it: the brand."""
    credits: tuple[Credit, ...] = ()
    """Of the photos in it."""
    label: str = ""
    """In plain words how it was made."""
    description: str = ""
    """What it shows, e.g. the alt text."""
    model: str = ""
    """Name of the trained model, where one made it."""
    made_at: datetime | None = None
    """Only where the user wishes it to be told."""
    tool: str = f"Feedsmith {feedsmith.__version__}"

    @classmethod
    def of(
        cls,
        brand: Brand,
        credits: Sequence[Credit],  # noqa: A002  the word of the trade
        pictures: Iterable[Made],
        kind: Kind,
        *,
        description: str = "",
        model: str = "",
    ) -> "Stamp":
        """The stamp of a post of this kind that was made of these pictures."""
        methods = [picture.method for picture in pictures]
        if kind == "gif" and "gan" not in methods:  # a walk is a generator's from end to end
            methods.append("loop")
        elif kind == "product":
            methods.append("cutout")
        code = source_type(methods, designed=kind != "photo")
        mixed = code == _SYNTHETIC and is_trained(methods)
        return cls(
            source_type=code,
            creator=brand.name,
            credits=tuple(credits),
            label=_MIXED if mixed else _WORDS[code],
            description=description,
            model=model,
        )
