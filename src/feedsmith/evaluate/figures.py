"""The figures of a caption report as values: what captions.json holds and the page shows.

They know nothing of how they were measured.
"""

from pydantic import Field

from feedsmith.evaluate.classifier import Verdict
from feedsmith.evaluate.copying import Copying
from feedsmith.evaluate.distance import Distance
from feedsmith.evaluate.perplexity import Perplexity
from feedsmith.evaluate.picture import Ranking, Recall, Retrieval
from feedsmith.post import Value


class Settings(Value):
    """How a report is made."""

    count: int = Field(60, ge=1, le=2000)
    """Captions written at most; a picture gets at most four."""
    pictures: int = Field(12, ge=0, le=500)
    """Pictures whose right caption is looked for among 50, at most."""
    budget: float = Field(300.0, gt=0)
    """Seconds of wall-clock time for all of it, about; what finds no time is left out and told."""
    seed: int = Field(0, ge=0)
    """The same seed, library and models give the same figures, as far as time allows."""


class Written(Value):
    """One caption written for a picture, beside what a person wrote for it."""

    text: str
    hashtags: tuple[str, ...] = ()
    route: str
    """skeleton (people's sentences), own (with one of the brand's own), model, plain, endpoint."""
    kind: str
    keywords: tuple[str, ...]
    """What the picture shows."""
    picture: int
    """Number of the picture in the order of the report; several captions may share one."""
    photo: str = ""
    """Id of the library's photo; '' where the post has none."""
    real: str = ""
    """The brand's own caption under it; '' for none."""


class Variety(Value):
    """Distinct-n of both sides, over the same number of words."""

    n: int
    words: int
    generated: float
    own: float


class Training(Value):
    """The newest training run, as its metrics tell it."""

    run: str
    steps: tuple[tuple[int, float], ...]
    """(step, loss in nats a token)."""
    held_out: tuple[tuple[int, float], ...]
    """(step, held-out loss)."""


class CaptionReport(Value):
    """All figures of one report. What could not be measured is None or empty, and `notes` say why."""

    brand: str
    settings: Settings
    captions: int
    """Different captions of the brand that say something."""
    held_out: int
    """Of those, the newest, which never trained."""
    model: str
    """Which language model the writer listened to; '' for none."""
    written: tuple[Written, ...] = ()
    lengths: tuple[int, ...] = ()
    """Words of each of the brand's own captions that the written ones are compared with."""
    distances: tuple[Distance, ...] = ()
    verdict: Verdict | None = None
    copying: Copying | None = None
    """Of the written captions, against the training captions."""
    copying_own: Copying | None = None
    """Of the held-out captions, against the same."""
    variety: tuple[Variety, ...] = ()
    recall: Recall | None = None
    retrieval: Retrieval | None = None
    chance: Ranking | None = None
    """What guessing would come to in `retrieval`."""
    perplexities: tuple[Perplexity, ...] = ()
    routes: dict[str, int] = Field(default_factory=dict)
    """Written captions by route."""
    rejections: dict[str, int] = Field(default_factory=dict)
    """Why candidates were turned down, with how many."""
    training: Training | None = None
    notes: tuple[str, ...] = ()
    """What could not be measured, or only in part, and why; one sentence each."""
