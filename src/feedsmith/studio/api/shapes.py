"""What the API takes and gives, as values. Times are ISO 8601 with their zone; what is given is UTC."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
)

from feedsmith.post import Kind, Value
from feedsmith.studio.models.tokens import Scope
from feedsmith.studio.pages.create import COUNT_MAX, WORDS_MAX
from feedsmith.studio.pages.editing import CAPTION_KEPT, HASHTAGS_KEPT
from feedsmith.studio.states import Role, State

PAGE, PAGE_MAX = 50, 200
"""Entries of one answer: usually, at most."""
NUMBER_MAX = 2**53
"""The highest number of a row that JSON carries whole; no database holds so many."""


def _storable(words: str) -> str:
    """No NUL, which PostgreSQL cannot keep, and no half of a character, which nobody can."""
    if "\0" in words or any("\ud800" <= sign <= "\udfff" for sign in words):
        raise ValueError("holds signs that cannot be kept")
    return words


def _as_number(value: Any) -> Any:
    """A number is one: the body's JSON has kinds, which a query has not."""
    if isinstance(value, str | bool):
        raise ValueError("must be a number")  # noqa: TRY004 - what pydantic catches
    return value


def _sensible(at: datetime) -> datetime:
    if not 2000 <= at.year < 2100:
        raise ValueError("must lie in the years 2000 to 2099")
    return at


Words = Annotated[
    str, AfterValidator(_storable), Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})
]
Line = Annotated[str, StringConstraints(max_length=WORDS_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]
Caption = Annotated[Words, Field(max_length=CAPTION_KEPT)]
Hashtag = Annotated[str, StringConstraints(pattern=r"^\w{1,100}$")]
Number = Annotated[int, Field(ge=1, le=NUMBER_MAX)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1), BeforeValidator(_as_number)]
Moment = Annotated[
    AwareDatetime,
    AfterValidator(_sensible),
    Field(json_schema_extra={"pattern": "^20[0-9]{2}-"}),
]
Limit = Annotated[int, Field(ge=1, le=PAGE_MAX)]
Width = Literal["240", "480", "960"]
"""Pixels of thumbnails (pages.media.WIDTHS)."""
Part = Annotated[float, Field(ge=0, le=1), BeforeValidator(_as_number)]


# ---- what goes wrong -----------------------------------------------------------------------------


class Flaw(Value):
    where: str
    """Which field: "body.caption"."""
    what: str


class Problem(Value):
    """What every refusal looks like."""

    error: str
    """What went wrong, in a sentence."""
    mend: str = ""
    """What to do next; '' where nothing helps."""
    problems: list[Flaw] = []
    """Each field that cannot be taken, where the request was not as it must be."""


# ---- who and where -------------------------------------------------------------------------------


class Me(Value):
    """Whom the token acts for."""

    name: str
    token: str
    """What the token is called."""
    scopes: list[Scope]
    expires: datetime


class Brand(Value):
    slug: str
    """What addresses call it."""
    name: str
    role: Role
    """The role in it of the token's person."""
    time_zone: str
    """IANA name; the calendar's days are this zone's."""
    posts: dict[str, int]
    """State to number of posts."""


# ---- posts ---------------------------------------------------------------------------------------


class Crop(Value):
    """Part of what a picture is cut from, in the picture's own shape, and what must stay in view where a
    template cuts it once more; each a share of its side, 0 to 1."""

    x: Part = 0.0
    y: Part = 0.0
    width: Annotated[Part, Field(gt=0)] = 1.0
    height: Annotated[Part, Field(gt=0)] = 1.0
    focus_x: Part | None = None
    """Left away: what the eye goes to."""
    focus_y: Part | None = None


class Base(Value):
    """What a picture of a post is cut from: a photo of the library, or the picture as it was made."""

    picture: int
    """Its number, from 1."""
    width: int
    """Pixels."""
    height: int
    largest: Crop
    """The largest part of the picture's shape. A smaller one has its proportions."""
    zoom_max: float
    """How many times smaller than that a part may be: beyond it, it would look soft on a phone."""
    crop: Crop
    """As it is cut now."""
    photo: str
    """Id of the library's photo that it is a part of; '' for another picture."""


class PostWords(Value):
    """A caption, and words to set on the pictures where they carry some."""

    caption: Annotated[Words, StringConstraints(min_length=1, max_length=2200)]
    """Without hashtags."""
    headline: Line = ""
    quote: Line = ""
    slides: Annotated[list[Line], Field(max_length=10)] = []


class Layout(Value):
    """A template that a post could have."""

    template: str
    scheme: str
    """Its colours."""


class Rework(Value):
    """What to change of a post: exactly one of crop, template, photo, again and words."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1), BeforeValidator(_as_number)]
    """Of the post that the change was made from."""
    picture: Annotated[int, Field(ge=1, le=10), BeforeValidator(_as_number)] = 1
    """Which of its pictures, for crop, photo and again; `bases` of a post has them."""
    crop: Crop | None = None
    template: Annotated[str, StringConstraints(pattern=r"^[\w-]{0,80}$")] = ""
    """One of those that the job of /layouts found."""
    scheme: Annotated[str, StringConstraints(pattern=r"^[\w-]{0,20}$")] = ""
    """Its colours; '' for the first that fit."""
    photo: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{16})?$")] = ""
    """Id of a photo of the library."""
    again: StrictBool = False
    """Another picture from the same photos."""
    words: PostWords | None = None
    """Those of the job of /words, or others; what an offer says must stand in them, word for word."""


class Medium(Value):
    """One picture or film of a post."""

    file: str
    url: str
    """Of the file, with the same token."""
    thumbnail: str
    """Of a small WebP: ?width= 240, 480 or 960."""
    width: int
    height: int
    alt_text: str
    duration: float
    """Seconds; 0 for a picture."""
    cover: str
    """For a film: the file of its still."""


class Step(Value):
    """A state that the post can go to next."""

    to: State
    verb: str
    """As the button says it."""


class Post(Value):
    id: int
    brand: str
    kind: Kind
    theme: str
    format: str
    caption: str
    """Without hashtags."""
    hashtags: list[str]
    """Without '#'."""
    media: list[Medium]
    crop: dict[str, Crop]
    """By number of the picture, from 1; as it was made where one is missing here."""
    state: State
    scheduled_at: datetime | None
    favourite: bool
    version: int
    """Grows with each change; an edit names the one that it was made from."""
    can_undo: bool
    can_redo: bool
    steps: list[Step]
    """What the token's person may do with it next."""
    job: int | None
    """The job that made it."""
    page: str
    """Its page in the studio."""
    created_at: datetime
    updated_at: datetime


class Posts(Value):
    posts: list[Post]
    next: str | None
    """Give it as ?cursor= for what follows; none at the end."""


class Origin(Value):
    """Where a post comes from."""

    provenance: str
    """In words: "recomposed from your photos"."""
    originality: str
    """"new" or "edited photo"."""
    similarity: float
    """To the nearest photo of the library, -1 to 1."""
    nearest: str
    """Id of that photo; '' for none."""
    sources: list[str]
    """Ids of the photos it was made from."""
    credits: list[str]
    models: dict[str, str]


class WholePost(Post):
    origin: Origin | None
    """None where the post's files are gone."""
    bases: list[Base]
    """What its pictures can be cut from."""
    fixed: str
    """Why it cannot be made anew with a change; '' where it can."""


class Edit(Value):
    """What is left out stays as it is."""

    version: Version
    """Of the post that the change was made from."""
    caption: Caption | None = None
    hashtags: Annotated[list[Hashtag], Field(max_length=HASHTAGS_KEPT)] | None = None
    """Without '#'."""
    alt_text: list[Caption] | None = None
    """One text for each medium."""


class Versioned(Value):
    version: Version


class Conflict(Problem):
    """The post was changed in between; nothing was changed now."""

    theirs: Post | None = None
    """The post as it is; missing where it is not that which was changed, but what its state allows."""
    yours: dict[str, Any] = {}
    """What was to be changed."""


class Move(Value):
    to: State
    version: Version | None = None
    """Where given: only if the post is still that one. Whoever approves should say what they saw."""
    at: Moment | None = None
    """For "scheduled": when."""


class Schedule(Value):
    at: Moment
    version: Version | None = None


class Favourite(Value):
    on: StrictBool


class Order(Value):
    ids: Annotated[
        list[Annotated[Number, BeforeValidator(_as_number)]],
        Field(min_length=1, max_length=PAGE_MAX),
    ]
    """Posts in their new order, the newest (top left) first. They share the places that they had."""


class Revision(Value):
    number: int
    at: datetime
    by: str | None
    what: str
    shown: bool
    """True for the one that is the post now."""
    caption: str
    hashtags: list[str]
    alt_text: list[str]


class Comment(Value):
    id: int
    by: str
    at: datetime
    text: str
    resolved: bool


class NewComment(Value):
    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"\S"),
        AfterValidator(_storable),
    ]


class Resolve(Value):
    resolved: StrictBool


class Event(Value):
    id: int
    at: datetime
    by: str | None
    verb: str
    words: str
    post: int | None


class Events(Value):
    events: list[Event]
    next: str | None


# ---- jobs ----------------------------------------------------------------------------------------


class Offer(Value):
    """Stands on the post word for word."""

    text: Line = ""
    name: Line = ""
    price: Line = ""
    was: Line = ""
    dates: Line = ""
    call: Line = ""
    link: Annotated[Line, StringConstraints(pattern=r"^(https?://[^\s]+)?$")] = ""


class Generate(Value):
    kind: Kind | Literal[""] = ""
    """'' for a mix."""
    theme: Line = ""
    headline: Line = ""
    """Words to set large; '' lets the writer find them."""
    format: Literal["portrait", "square"] = "portrait"
    images: Line = ""
    """Which image model; '' for the brand's own."""
    offer: Offer = Offer()
    """A promo or a product needs its text or its name."""
    count: Annotated[int, Field(ge=1, le=COUNT_MAX), BeforeValidator(_as_number)] = 3


JobState = Literal["queued", "running", "done", "failed", "stopped"]


class Job(Value):
    id: int
    kind: str
    state: JobState
    asked_by: str | None
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    done: int
    total: int
    stage: str
    words: str
    seconds_left: float | None
    before: int | None
    """While it waits: how many come first."""
    posts: list[int]
    """What it made so far; of a job about one post, that one."""
    words_found: list[PostWords]
    """Of a job that looked for other words: those to choose from."""
    layouts_found: list[Layout]
    """Of a job that set a post in each template: those that take it."""
    notes: list[str]
    """What a person should know of it."""
    error: str
    mend: str


class Jobs(Value):
    jobs: list[Job]
    next: str | None


# ---- library and calendar ------------------------------------------------------------------------


class Photo(Value):
    id: str
    name: str
    width: int
    height: int
    taken_at: datetime | None
    credit: str
    licence: str
    thumbnail: str


class Photos(Value):
    photos: list[Photo]
    total: int
    next: str | None


class Planned(Value):
    """What a plan foresees, and is not made yet."""

    at: datetime
    kind: str
    about: str
    clash: bool
    """True where something else goes out within the hour."""


class Day(Value):
    day: date
    """In the brand's time zone."""
    posts: list[Post]
    clashes: list[int]
    """Those of them with another one within the hour."""
    planned: list[Planned]


class Calendar(Value):
    time_zone: str
    start: date
    end: date
    """The last day."""
    days: list[Day]
    """Those on which something stands, in order."""


# ---- webhooks ------------------------------------------------------------------------------------


class NewHook(Value):
    url: Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[!-~]+$")]


class Hook(Value):
    id: int
    url: str
    created_at: datetime
    by: str | None
    stopped: str
    """Why nothing is sent any more; '' while it is."""


class SecretHook(Hook):
    secret: str
    """What signs its messages (Standard Webhooks). It is shown this once."""


class Delivery(Value):
    id: int
    message: str
    type: str
    state: Literal["waiting", "delivered", "given up"]
    created_at: datetime
    tries: int
    next_try: datetime | None
    answered: int | None
    """HTTP status of the last answer."""
    said: str
    """What went wrong in the last try."""


class Deliveries(Value):
    deliveries: list[Delivery]
    next: str | None
