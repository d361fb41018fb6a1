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

from feedsmith import rules
from feedsmith.marks import CLICKS_MAX, KEYWORD_MAX, KEYWORDS_MAX
from feedsmith.post import Kind, Value
from feedsmith.studio.asked import MOST
from feedsmith.studio.imports import AT_ONCE as IMPORT_MAX
from feedsmith.studio.members import NAME_MAX
from feedsmith.studio.models.reviews import DAYS, DAYS_MAX, POSTS_MAX
from feedsmith.studio.models.tokens import DAYS as TOKEN_DAYS
from feedsmith.studio.models.tokens import DAYS_MAX as TOKEN_DAYS_MAX
from feedsmith.studio.models.tokens import SCOPES, Scope
from feedsmith.studio.pages.create import COUNT_MAX, WORDS_MAX
from feedsmith.studio.pages.editing import CAPTION_KEPT, HASHTAGS_KEPT
from feedsmith.studio.slots import PLAN_BYTES
from feedsmith.studio.states import Role, State

PAGE, PAGE_MAX = 50, 200
"""Entries of one answer: usually, at most."""


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
Username = Annotated[str, StringConstraints(pattern=f"^{rules.USERNAME}$")]
Number = Annotated[int, Field(ge=1, le=MOST)]
RowNumber = Annotated[Number, BeforeValidator(_as_number)]
"""In a body."""
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
    collaborators: list[str]
    """User names that are invited to share it, without '@'."""
    location: str
    """Number of the place's Facebook Page; '' for none."""
    account: str
    """Instagram's number of the account that posts it; '' for the brand's usual one."""
    permalink: str
    """Where it is to be seen on Instagram; '' until it is out."""
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
    collaborators: Annotated[list[Username], Field(max_length=rules.COLLABORATORS_MAX)] | None = (
        None
    )
    """User names, without '@'; a story takes none."""
    location: Annotated[str, StringConstraints(pattern=rf"^({rules.LOCATION})?$")] | None = None
    """Number of a Facebook Page that has a place; '' for none."""


class Versioned(Value):
    version: Version


class Conflict(Problem):
    """The post was changed in between; nothing was changed now."""

    theirs: Post | None = None
    """The post as it is; missing where it is not that which was changed, but what its state allows."""
    yours: dict[str, Any] = {}
    """What was to be changed."""


class Missed(Problem):
    """A piece that does not join on to what is here."""

    have: int = 0
    """Bytes that are here: where to go on."""


class Move(Value):
    to: State
    version: Version | None = None
    """Where given: only if the post is still that one. Whoever approves should say what they saw."""
    at: Moment | None = None
    """For "scheduled": when."""


class Schedule(Value):
    at: Moment
    version: Version | None = None
    """Where given: only if the post is still that one."""


class Favourite(Value):
    on: StrictBool


class Place(Value):
    """One of the two."""

    before: RowNumber | None = None
    """The post that it then stands directly before, nearer to the top."""
    after: RowNumber | None = None


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
    collaborators: list[str]
    location: str


# ---- going out -----------------------------------------------------------------------------------


class Publication(Value):
    """How a post goes out, or went out last."""

    step: Literal[
        "", "waiting", "making", "processing", "publishing", "published", "failed", "asking"
    ]
    """'' where it is not on its way."""
    title: str
    """The same in words."""
    account: str
    """User name of the account that posts it; '' where none is connected."""
    due: datetime | None
    next_look: datetime | None
    """When it is gone on with."""
    said: str
    """What holds it up, or why it failed; '' where nothing does."""
    mend: str
    question: Literal["", "late", "unknown"]
    """late: it missed its time, and nothing was posted; unknown: it may be out, which a person can see on
    the profile. Both are answered by /publication/answer."""
    may: list[Literal["stop", "now", "answer"]]
    """What the token's person may do."""
    mended: list[str]
    """What was changed in copies of its files before they were sent."""
    permalink: str


class PublishNow(Value):
    version: Version | None = None
    """Where given: only if the post is still that one."""


class Answer(Value):
    """To what a publication asks."""

    posted: StrictBool
    """True: it is on the profile. False: it is not, and goes out at `at`."""
    at: Moment | None = None
    """When it goes out; left away: now."""
    sure: StrictBool = False
    """Somebody looked at the profile, and it is not there: needed where the question is unknown."""


class Account(Value):
    account: Annotated[str, StringConstraints(pattern=r"^[0-9]+$", max_length=40)]
    """Instagram's number of a connected account."""


class Accounts(Value):
    """The connected ones: what opens them is told to nobody."""

    accounts: list["KnownAccount"]


class KnownAccount(Value):
    account: str
    username: str
    trouble: str
    """Why it opens nothing any more; '' while it does."""
    usual: bool
    """Whether it posts what names no account."""


class Insight(Value):
    """What was counted of a post at one age. None for what Instagram did not tell."""

    hours: int
    """1, 24, 72, 168 and 672; of stories 1, 20 and 23."""
    due: datetime
    step: Literal["waiting", "fresh", "read", "passed", "gone"]
    """fresh and read: it was counted. passed: the next age had come by then. gone: there is nothing more to
    be read."""
    read_at: datetime | None
    reach: int | None
    likes: int | None
    comments: int | None
    saves: int | None
    shares: int | None
    said: str
    """What held it up, or is missing."""


class Insights(Value):
    post: int
    permalink: str
    readings: list[Insight]


class WhatWorks(Value):
    """The report of `feedsmith learn`, as it was made last."""

    made_at: datetime | None
    """None where none was made yet."""
    report: dict[str, Any]
    """What `feedsmith learn --json` prints; {} where there is none."""


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
    result: dict[str, Any]
    """What came of it, by its kind: of an import the numbers of posts and photos that are new, known, set
    aside; of a plan what was left out; of a cut-out whether it is sure."""
    report: list[str]
    """Of an import, the same in sentences."""


class Jobs(Value):
    jobs: list[Job]
    next: str | None


# ---- library and calendar ------------------------------------------------------------------------


class Photo(Value):
    id: str
    name: str
    width: int
    height: int
    date: str
    """Day it was taken or posted; '' where nobody knows."""
    source: str
    """Where it came from: "instagram-export", "instaloader", "table", "photos"."""
    caption: str
    """Of the post it was published with; '' for none."""
    credit: str
    licence: str
    keywords: list[str]
    """What it shows."""
    corrected: bool
    """True where a person gave the keywords."""
    colours: list[str]
    """Families of its colours, the largest first."""
    palette: list[str]
    """#rrggbb."""
    favourite: bool
    never: bool
    """No post shows it, or anything made from it."""
    thumbnail: str


Facet = Annotated[Words, Field(max_length=100)]


class Count(Value):
    value: str
    photos: int


class Facets(Value):
    """What the chosen photos can be chosen by further; each with how many have it."""

    theme: list[Count]
    colour: list[Count]
    date: list[Count]
    source: list[Count]
    mark: list[Count]


Keyword = Annotated[str, StringConstraints(max_length=KEYWORD_MAX, pattern=r"^[^\x00-\x1f\x7f,]+$")]


class Marking(Value):
    """What is left out stays as it is."""

    favourite: StrictBool = False
    never: StrictBool = False
    keywords: Annotated[list[Keyword], Field(max_length=KEYWORDS_MAX)] | None = None
    """What it shows, the most important first; null: as it was read."""


class Click(Value):
    """A place of the photo that belongs to the subject, or does not."""

    x: Part
    y: Part
    """Shares of its width and height."""
    inside: StrictBool


class Clicks(Value):
    clicks: Annotated[list[Click], Field(max_length=CLICKS_MAX)]
    """All of them: one more, one less, or none."""


class Cutout(Value):
    """The subject of a photo without its background, as product posts use it."""

    clicks: list[Click]
    """Corrections, which the next cut-out keeps to."""
    job: Job | None
    """The newest that cuts it; none where nobody asked for it yet. Its result says whether it is sure."""
    picture: str | None
    """Where the cut-out is, a WebP with transparency; null where there is none yet."""


class NewUpload(Value):
    name: Annotated[Words, Field(min_length=1, max_length=255)]
    """Of the file; its end says what it is."""
    size: RowNumber
    """Bytes of all of it."""
    mark: Annotated[Words, Field(max_length=64)] = ""
    """By which the same file is known again after a break: its hash, or its time of change."""


class Upload(Value):
    key: str
    name: str
    size: int
    have: int
    """Bytes that are here: where the next piece begins."""
    piece: int
    """Bytes of one piece, at most."""


class NewImport(Value):
    uploads: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[\w-]{1,24}$")]],
        Field(min_length=1, max_length=IMPORT_MAX),
    ]
    """Keys of uploads that are here as a whole."""


class Photos(Value):
    photos: list[Photo]
    total: int
    next: str | None


class Planned(Value):
    """What a plan foresees, and is not made yet."""

    id: int
    version: int
    """Changes with its time; who moves it names it."""
    at: datetime
    kind: str
    about: str
    waits: str
    """What a person must fill in in the plan before it can be made; '' for nothing."""
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
    gaps: list[date]
    """Days to come on which the plan's rhythm has a post, and nothing stands."""
    short: list[str]
    """A sentence for every week to come with fewer posts than the plan's rhythm."""


class PlannedMove(Value):
    at: Moment
    version: RowNumber | None = None
    """Where given: only if it is still that one."""


class NewPlan(Value):
    name: Annotated[
        str, StringConstraints(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*\.(yaml|yml|csv)$")
    ]
    """Of the file that `feedsmith plan` wrote, or of a CSV of one's own."""
    text: Annotated[Words, Field(min_length=1, max_length=PLAN_BYTES)]


class MakePlanned(Value):
    planned: Annotated[list[RowNumber], Field(min_length=1, max_length=COUNT_MAX)]
    """Ids of planned posts."""


# ---- review links, people, tokens, settings ------------------------------------------------------


class NewReviewLink(Value):
    title: Annotated[Line, Field(max_length=80)] = ""
    """Stands above the posts."""
    days: Annotated[int, Field(ge=1, le=DAYS_MAX), BeforeValidator(_as_number)] = DAYS
    posts: Annotated[list[RowNumber], Field(max_length=POSTS_MAX)] = []
    """Chosen ones; without any, `show`, `kind` and `words` choose when it is opened."""
    show: Literal["review", "planned", "all"] = "review"
    kind: Kind | Literal[""] = ""
    words: Annotated[Words, Field(max_length=200)] = ""


class ReviewLink(Value):
    id: int
    title: str
    by: str | None
    made_at: datetime
    expires: datetime
    opened_at: datetime | None
    """The last time."""
    open: bool
    """False once it has ended, or was closed."""
    posts: list[int]
    show: str
    kind: str
    words: str
    answers: int
    """Comments and approvals that came by it."""
    address: str | None
    """Whoever opens it may approve: null where the token lacks the scope approve."""


class Member(Value):
    id: int
    name: str
    role: Role
    last_sign_in: datetime | None


class NewMember(Value):
    name: Annotated[Line, Field(min_length=1, max_length=NAME_MAX)]
    role: Role


class LetIn(Member):
    sign_in_link: str | None
    """Signs them in once, within 72 hours, and is in this answer only; null for who signs in already."""


class NewRole(Value):
    role: Role


class SignInLink(Value):
    link: str
    """Signs in once, within `hours`; it is in this answer only."""
    hours: int


class Token(Value):
    id: int
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires: datetime
    used_at: datetime | None
    made_by: int | None
    """The token that made it, with which it ends."""


class NewToken(Value):
    name: Annotated[Line, Field(min_length=1, max_length=60)]
    """What it is for."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES))]
    """Of those that the asking token has."""
    days: Annotated[int, Field(ge=1, le=TOKEN_DAYS_MAX), BeforeValidator(_as_number)] = TOKEN_DAYS
    """It ends with the asking token at the latest."""


class SecretToken(Token):
    token: str
    """What a program sends. It is shown this once."""


class HashtagRules(Value):
    limit: int
    always: list[str]
    banned: list[str]


class Look(Value):
    """Of designed posts; '' is learned from the photos."""

    paper: str
    ink: str
    accent: str
    accent_2: str
    typefaces: list[str]


class Settings(Value):
    """What brand.toml says, as the settings page shows it. The file is changed by hand, or by
    `feedsmith brand`."""

    name: str
    handle: str
    niche: str
    subjects: list[str]
    default_credit: str
    voice: str
    voice_examples: list[str]
    language: str
    address: str
    banned_words: list[str]
    emoji_max: int
    hashtags: HashtagRules
    look: Look
    time_zone: str
    country: str
    captions: str
    """The model that writes them, and where; '' for Feedsmith's own."""
    pictures: str
    """What makes them; '' for the brand's photos, recomposed or edited."""


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
