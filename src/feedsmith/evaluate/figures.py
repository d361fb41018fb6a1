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


# ---- pictures --------------------------------------------------------------------------------


class ImageSettings(Value):
    """How a report on generated pictures is made."""

    count: int = Field(1000, ge=1, le=50_000)
    """Generated pictures at most."""
    data: str = ""
    """The data set's file, relative to the brand's folder or whole; '' for its only or newest one."""
    pictures: str = ""
    """A folder of generated pictures; '' for the brand's installed generator."""
    seed: int = Field(0, ge=0)


class Beside(Value):
    """A figure of the generated pictures beside the same of real ones."""

    value: float
    usual: float
    """Half of the training photos against the other half (MS-SSIM: within one half)."""


class Seen(Value):
    """Generated pictures as one network sees them; features of length sqrt(their number)."""

    by: str
    kernel: Beside
    """KID in thousandths: kernel (cosine + 1)^3, unbiased, so that 0 is usual."""
    kernel_spread: float
    """Standard deviation over random subsets of half the pictures, 1,000 at most."""
    frechet: Beside
    """Squared Frechet distance; grows with fewer pictures."""
    precision: Beside
    """Share 0..1 of generated pictures that could be real."""
    recall: Beside
    """Share 0..1 of real photos that are within the generated ones' reach."""
    density: Beside
    coverage: Beside


class Nearness(Value):
    """How near generated pictures are to the training photos, beside held-out photos."""

    by: str
    """A network, or "pixels" (16 px, also mirrored)."""
    made: float
    held: float
    """Median cosine distances, 0..2; for pixels 1 - correlation."""
    ratio: float | None
    """made / held; None where `held` is 0."""
    threshold: float
    """What 1 % of the held-out photos are nearer than."""
    share: float
    """0..1, of generated pictures that are nearer than that."""
    same: int
    """Generated pictures so near that they read as a training photo."""
    same_held: int
    """Held-out photos that do: doubles within the photos."""
    distances: tuple[float, ...] = ()
    distances_held: tuple[float, ...] = ()


class Likeness(Value):
    """All measures of one set; what there were too few pictures for is None or empty."""

    pictures: int
    """Generated pictures, and photos of each half, that are compared; 0 for too few."""
    swd: dict[int, Beside] = Field(default_factory=dict)
    """Sliced Wasserstein distance in thousandths, by the Laplacian level's side in px."""
    swd_average: Beside | None = None
    ms_ssim: Beside | None = None
    """Mean likeness of random pairs, 0..1: lower is more varied."""
    seen: tuple[Seen, ...] = ()
    near: tuple[Nearness, ...] = ()


class Neighbour(Value):
    """A generated picture and the training photo nearest to it."""

    picture: str
    """Its file, or "number 7"."""
    number: int
    """Among the generated pictures, from 0."""
    photo: str
    """Id of the photo."""
    row: int
    """Of the data set."""
    by: str
    """Who finds it near."""
    distance: float


class ImageReport(Value):
    """All figures of one report on generated pictures."""

    brand: str
    settings: ImageSettings
    data: str
    """File name of the data set."""
    source: str
    """Where the generated pictures come from, in words."""
    size: int
    """Px of the side at which all are compared."""
    training: int
    held_out: int
    made: int
    likeness: Likeness
    shown: tuple[Neighbour, ...] = ()
    """The first generated pictures, unpicked."""
    nearest: tuple[Neighbour, ...] = ()
    """Those that come nearest to a training photo, nearest first."""
    notes: tuple[str, ...] = ()
