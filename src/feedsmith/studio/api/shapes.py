"""What the API takes and gives, as values. Times are ISO 8601 with their zone; what is given is UTC."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from ninja import Query
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
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many at most.")]
Width = Annotated[Literal["240", "480", "960"], Query(description="Pixels of its width.")]
"""Of thumbnails (pages.media.WIDTHS)."""
Part = Annotated[float, Field(ge=0, le=1), BeforeValidator(_as_number)]


# ---- what goes wrong -----------------------------------------------------------------------------


class Flaw(Value):
    """One field that cannot be taken."""

    where: str
    """Which field: "body.caption"."""
    what: str
    """What is wrong with it."""


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
    """What the person is called."""
    token: str
    """What the token is called."""
    scopes: list[Scope]
    """What the token may do, of what its person may."""
    expires: datetime
    """When the token ends."""


class Brand(Value):
    """A brand that the token's person is a member of."""

    slug: str
    """What addresses call it."""
    name: str
    """As people read it."""
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
    """Left edge, as a share of the width."""
    y: Part = 0.0
    """Upper edge, as a share of the height."""
    width: Annotated[Part, Field(gt=0)] = 1.0
    """As a share of the width."""
    height: Annotated[Part, Field(gt=0)] = 1.0
    """As a share of the height."""
    focus_x: Part | None = None
    """Left away: what the eye goes to."""
    focus_y: Part | None = None
    """The same, from the upper edge."""


class Base(Value):
    """What a picture of a post is cut from: a photo of the library, or the picture as it was made."""

    picture: int
    """Its number, from 1."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
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
    """Words set large on the picture; '' where it carries none."""
    quote: Line = ""
    """A quote post's sentence; '' for other kinds."""
    slides: Annotated[list[Line], Field(max_length=10)] = []
    """One text for each picture of a carousel that carries words."""


class Layout(Value):
    """A template that a post could have."""

    template: str
    """Its name, for `template` of a new version."""
    scheme: str
    """Its colours."""


class Rework(Value):
    """What to change of a post: exactly one of crop, template, photo, again and words."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1), BeforeValidator(_as_number)]
    """Of the post that the change was made from."""
    picture: Annotated[int, Field(ge=1, le=10), BeforeValidator(_as_number)] = 1
    """Which of its pictures, for crop, photo and again; `bases` of a post has them."""
    crop: Crop | None = None
    """Another part of what the picture is cut from."""
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
    """Name of the file."""
    url: str
    """Of the file, with the same token."""
    thumbnail: str
    """Of a small WebP: ?width= 240, 480 or 960."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    alt_text: str
    """What it shows, for those who do not see it; '' where nobody wrote it."""
    duration: float
    """Seconds; 0 for a picture."""
    cover: str
    """For a film: the file of its still."""


class Step(Value):
    """A state that the post can go to next."""

    to: State
    """The state it then has."""
    verb: str
    """As the button says it."""


class Post(Value):
    """A post as it stands."""

    id: int
    """Its number."""
    brand: str
    """Slug of its brand."""
    kind: Kind
    """What kind of post it is."""
    theme: str
    """What it is about; '' for nothing in particular."""
    format: str
    """Shape of its pictures: square, portrait, landscape or story."""
    caption: str
    """Without hashtags."""
    hashtags: list[str]
    """Without '#'."""
    media: list[Medium]
    """Its pictures and films, in their order."""
    crop: dict[str, Crop]
    """By number of the picture, from 1; as it was made where one is missing here."""
    state: State
    """Where it is on its way from draft to published."""
    scheduled_at: datetime | None
    """When it goes out; null without a time."""
    favourite: bool
    """Whether it was marked as one."""
    version: int
    """Grows with each change; an edit names the one that it was made from."""
    can_undo: bool
    """Whether there is an edit to take back."""
    can_redo: bool
    """Whether there is an edit to do again."""
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
    """When it came into the studio."""
    updated_at: datetime
    """When anything of it was changed last."""


class Posts(Value):
    """A page of posts."""

    posts: list[Post]
    """In the feed's order, the newest first."""
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
    """Who is to be named, a line each."""
    models: dict[str, str]
    """What it was made by: task to name of the model."""


class WholePost(Post):
    """A post, where it comes from, and what its pictures can be cut from."""

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
    """Without hashtags."""
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
    """Which state of a post is meant."""

    version: Version
    """Of the post that the change was made from."""


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
    """A step of approval."""

    to: State
    """The state it is to have; `steps` of the post says which it can."""
    version: Version | None = None
    """Where given: only if the post is still that one. Whoever approves should say what they saw."""
    at: Moment | None = None
    """For "scheduled": when."""


class Schedule(Value):
    """When a post is to go out."""

    at: Moment
    """When it goes out."""
    version: Version | None = None
    """Where given: only if the post is still that one."""


class Favourite(Value):
    """Whether a post is a favourite."""

    on: StrictBool
    """True: it is one."""


class Place(Value):
    """One of the two."""

    before: RowNumber | None = None
    """The post that it then stands directly before, nearer to the top."""
    after: RowNumber | None = None
    """The post that it then stands directly after."""


class Revision(Value):
    """The words of a post as they once were."""

    number: int
    """From 1, the oldest."""
    at: datetime
    """When it was made."""
    by: str | None
    """Who made it; null for the studio itself."""
    what: str
    """What was changed, in words."""
    shown: bool
    """True for the one that is the post now."""
    caption: str
    """Without hashtags."""
    hashtags: list[str]
    """Without '#'."""
    alt_text: list[str]
    """One text for each medium."""
    collaborators: list[str]
    """User names, without '@'."""
    location: str
    """Number of the place's Facebook Page; '' for none."""


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
    """When it is to go out, or was; null without a time."""
    next_look: datetime | None
    """When it is gone on with."""
    said: str
    """What holds it up, or why it failed; '' where nothing does."""
    mend: str
    """What to do about that; '' where nothing helps."""
    question: Literal["", "late", "unknown"]
    """late: it missed its time, and nothing was posted; unknown: it may be out, which a person can see on
    the profile. Both are answered by /publication/answer."""
    may: list[Literal["stop", "now", "answer"]]
    """What the token's person may do."""
    mended: list[str]
    """What was changed in copies of its files before they were sent."""
    permalink: str
    """Where it is to be seen on Instagram; '' until it is out."""


class PublishNow(Value):
    """Publish it as soon as can be."""

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
    """One of the accounts that are connected to the brand."""

    account: Annotated[str, StringConstraints(pattern=r"^[0-9]+$", max_length=40)]
    """Instagram's number of a connected account."""


class Accounts(Value):
    """The connected ones: what opens them is told to nobody."""

    accounts: list["KnownAccount"]
    """By user name."""


class KnownAccount(Value):
    """An account that is connected, or was."""

    account: str
    """Instagram's number of it."""
    username: str
    """Without '@'."""
    trouble: str
    """Why it opens nothing any more; '' while it does."""
    usual: bool
    """Whether it posts what names no account."""


class Insight(Value):
    """What was counted of a post at one age. None for what Instagram did not tell."""

    hours: int
    """1, 24, 72, 168 and 672; of stories 1, 20 and 23."""
    due: datetime
    """When it was, or is, to be counted."""
    step: Literal["waiting", "fresh", "read", "passed", "gone"]
    """fresh and read: it was counted. passed: the next age had come by then. gone: there is nothing more to
    be read."""
    read_at: datetime | None
    """When it was counted; null where it was not."""
    reach: int | None
    """People who saw it."""
    likes: int | None
    """How many liked it."""
    comments: int | None
    """Comments on it."""
    saves: int | None
    """How often it was saved."""
    shares: int | None
    """How often it was passed on."""
    said: str
    """What held it up, or is missing."""


class Insights(Value):
    """What was counted of a post, the youngest age first."""

    post: int
    """Number of the post."""
    permalink: str
    """Where it is to be seen on Instagram; '' until it is out."""
    readings: list[Insight]
    """One for each age."""


class WhatWorks(Value):
    """The report of `feedsmith learn`, as it was made last."""

    made_at: datetime | None
    """None where none was made yet."""
    report: dict[str, Any]
    """What `feedsmith learn --json` prints; {} where there is none."""


class Comment(Value):
    """Something that was said about a post."""

    id: int
    """Its number."""
    by: str
    """Who said it."""
    at: datetime
    """When."""
    text: str
    """What was said."""
    resolved: bool
    """Whether it is dealt with."""


class NewComment(Value):
    """Something to say about a post."""

    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"\S"),
        AfterValidator(_storable),
    ]
    """What to say."""


class Resolve(Value):
    """Whether a comment is dealt with."""

    resolved: StrictBool
    """True: it is dealt with."""


class Event(Value):
    """Somebody did something."""

    id: int
    """Its number."""
    at: datetime
    """When."""
    by: str | None
    """Who; null for the studio itself."""
    verb: str
    """What was done: "edited", "moved", "commented", "held up"."""
    words: str
    """More about it, in words."""
    post: int | None
    """Number of the post; null where it was about none."""


class Events(Value):
    """A page of what was done."""

    events: list[Event]
    """The newest first."""
    next: str | None
    """Give it as ?cursor= for what follows; null at the end."""


# ---- jobs ----------------------------------------------------------------------------------------


class Offer(Value):
    """Stands on the post word for word."""

    text: Line = ""
    """The whole offer in one line."""
    name: Line = ""
    """Of the product or event."""
    price: Line = ""
    """With its currency."""
    was: Line = ""
    """The former price, struck through."""
    dates: Line = ""
    """When it holds, in words."""
    call: Line = ""
    """Call to action."""
    link: Annotated[Line, StringConstraints(pattern=r"^(https?://[^\s]+)?$")] = ""
    """Where it is sold; kept with the post, never set on a picture."""


class Generate(Value):
    """New posts to make."""

    kind: Kind | Literal[""] = ""
    """'' for a mix."""
    theme: Line = ""
    """What they are to be about; '' for what the photos offer."""
    headline: Line = ""
    """Words to set large; '' lets the writer find them."""
    format: Literal["portrait", "square"] = "portrait"
    """Shape of the pictures."""
    images: Line = ""
    """Which image model; '' for the brand's own."""
    offer: Offer = Offer()
    """A promo or a product needs its text or its name."""
    count: Annotated[int, Field(ge=1, le=COUNT_MAX), BeforeValidator(_as_number)] = 3
    """How many."""


JobState = Literal["queued", "running", "done", "failed", "stopped"]


class Job(Value):
    """Work for the worker, and how far it is."""

    id: int
    """Its number."""
    kind: str
    """What is done: "generate", "import", "plan", "cutout", "rework", "words", "layouts" or "study"."""
    state: JobState
    """Where it is."""
    asked_by: str | None
    """Who asked for it; null where they are gone."""
    asked_at: datetime
    """When."""
    started_at: datetime | None
    """When it was begun first; null while it waits."""
    ended_at: datetime | None
    """When it was over; null before."""
    done: int
    """Steps that are done."""
    total: int
    """Steps in all; 0 where that is not known yet."""
    stage: str
    """What is being done, in words."""
    words: str
    """More about it, or what happened to the worker."""
    seconds_left: float | None
    """A guess, from the steps so far or from earlier jobs; null where there is none."""
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
    """Why it failed; '' where it did not."""
    mend: str
    """What to do about that; '' where nothing helps."""
    result: dict[str, Any]
    """What came of it, by its kind: of an import the numbers of posts and photos that are new, known, set
    aside; of a plan what was left out; of a cut-out whether it is sure."""
    report: list[str]
    """Of an import, the same in sentences."""


class Jobs(Value):
    """A page of jobs."""

    jobs: list[Job]
    """The newest first."""
    next: str | None
    """Give it as ?cursor= for what follows; null at the end."""


# ---- library and calendar ------------------------------------------------------------------------


class Photo(Value):
    """A photo of the library."""

    id: str
    """Its id, 16 hexadecimal digits."""
    name: str
    """Of the file that it came as."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    date: str
    """Day it was taken or posted; '' where nobody knows."""
    source: str
    """Where it came from: "instagram-export", "instaloader", "table", "photos"."""
    caption: str
    """Of the post it was published with; '' for none."""
    credit: str
    """Who is to be named for it; '' for nobody."""
    licence: str
    """Under which it may be used; '' for the brand's own."""
    keywords: list[str]
    """What it shows."""
    corrected: bool
    """True where a person gave the keywords."""
    colours: list[str]
    """Families of its colours, the largest first."""
    palette: list[str]
    """#rrggbb."""
    favourite: bool
    """Marked as a favourite, to be found again."""
    never: bool
    """No post shows it, or anything made from it."""
    thumbnail: str
    """Address of a small WebP: ?width= 240, 480 or 960."""


Facet = Annotated[Words, Field(max_length=100)]


class Count(Value):
    """A value, and how many photos have it."""

    value: str
    """What they can be chosen by."""
    photos: int
    """How many of the chosen ones have it."""


class Facets(Value):
    """What the chosen photos can be chosen by further; each with how many have it."""

    theme: list[Count]
    """What they show."""
    colour: list[Count]
    """Families of colours."""
    date: list[Count]
    """Years, and "none"."""
    source: list[Count]
    """Where they came from."""
    mark: list[Count]
    """Favourites, and those that are never used."""


Keyword = Annotated[str, StringConstraints(max_length=KEYWORD_MAX, pattern=r"^[^\x00-\x1f\x7f,]+$")]


class Marking(Value):
    """What is left out stays as it is."""

    favourite: StrictBool = False
    """True: it is one."""
    never: StrictBool = False
    """True: no post shows it, or anything made from it."""
    keywords: Annotated[list[Keyword], Field(max_length=KEYWORDS_MAX)] | None = None
    """What it shows, the most important first; null: as it was read."""


class Click(Value):
    """A place of the photo that belongs to the subject, or does not."""

    x: Part
    """As a share of the photo's width."""
    y: Part
    """Shares of its width and height."""
    inside: StrictBool
    """True: it belongs to the subject."""


class Clicks(Value):
    """Corrections of a cut-out."""

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
    """A file that is to come, in pieces."""

    name: Annotated[Words, Field(min_length=1, max_length=255)]
    """Of the file; its end says what it is."""
    size: RowNumber
    """Bytes of all of it."""
    mark: Annotated[Words, Field(max_length=64)] = ""
    """By which the same file is known again after a break: its hash, or its time of change."""


class Upload(Value):
    """A file on its way."""

    key: str
    """Its key, for its pieces and for the import."""
    name: str
    """Of the file."""
    size: int
    """Bytes of all of it."""
    have: int
    """Bytes that are here: where the next piece begins."""
    piece: int
    """Bytes of one piece, at most."""


class NewImport(Value):
    """Files to take into the library together."""

    uploads: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[\w-]{1,24}$")]],
        Field(min_length=1, max_length=IMPORT_MAX),
    ]
    """Keys of uploads that are here as a whole."""


class Photos(Value):
    """A page of photos."""

    photos: list[Photo]
    """By id."""
    total: int
    """How many there are on all pages."""
    next: str | None
    """Give it as ?cursor= for what follows; null at the end."""


class Planned(Value):
    """What a plan foresees, and is not made yet."""

    id: int
    """Its number."""
    version: int
    """Changes with its time; who moves it names it."""
    at: datetime
    """When it is to go out."""
    kind: str
    """What kind of post."""
    about: str
    """Its theme, headline or offer, in words."""
    waits: str
    """What a person must fill in in the plan before it can be made; '' for nothing."""
    clash: bool
    """True where something else goes out within the hour."""


class Day(Value):
    """A day of the calendar on which something stands."""

    day: date
    """In the brand's time zone."""
    posts: list[Post]
    """Those with a time on this day, the earliest first."""
    clashes: list[int]
    """Those of them with another one within the hour."""
    planned: list[Planned]
    """What a plan foresees on it, and is not made yet."""


class Calendar(Value):
    """The days from the first asked for to the last."""

    time_zone: str
    """IANA name; days are this zone's."""
    start: date
    """The first day."""
    end: date
    """The last day."""
    days: list[Day]
    """Those on which something stands, in order."""
    gaps: list[date]
    """Days to come on which the plan's rhythm has a post, and nothing stands."""
    short: list[str]
    """A sentence for every week to come with fewer posts than the plan's rhythm."""


class PlannedMove(Value):
    """Another time for a planned post."""

    at: Moment
    """When it is to go out."""
    version: RowNumber | None = None
    """Where given: only if it is still that one."""


class NewPlan(Value):
    """A plan to bring in."""

    name: Annotated[
        str, StringConstraints(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*\.(yaml|yml|csv)$")
    ]
    """Of the file that `feedsmith plan` wrote, or of a CSV of one's own."""
    text: Annotated[Words, Field(min_length=1, max_length=PLAN_BYTES)]
    """What stands in the file."""


class MakePlanned(Value):
    """Planned posts to make now."""

    planned: Annotated[list[RowNumber], Field(min_length=1, max_length=COUNT_MAX)]
    """Ids of planned posts."""


# ---- review links, people, tokens, settings ------------------------------------------------------


class NewReviewLink(Value):
    """A link by which somebody without a login sees posts, and may approve them."""

    title: Annotated[Line, Field(max_length=80)] = ""
    """Stands above the posts."""
    days: Annotated[int, Field(ge=1, le=DAYS_MAX), BeforeValidator(_as_number)] = DAYS
    """Until it ends."""
    posts: Annotated[list[RowNumber], Field(max_length=POSTS_MAX)] = []
    """Chosen ones; without any, `show`, `kind` and `words` choose when it is opened."""
    show: Literal["review", "planned", "all"] = "review"
    """What it shows where no posts were chosen: those in review, those planned, or all."""
    kind: Kind | Literal[""] = ""
    """Only of this kind; '' for all."""
    words: Annotated[Words, Field(max_length=200)] = ""
    """Only those in which all of these words stand; '' for all."""


class ReviewLink(Value):
    """A link by which somebody without a login sees posts."""

    id: int
    """Its number."""
    title: str
    """Stands above the posts; '' for none."""
    by: str | None
    """Who made it; null where they are gone."""
    made_at: datetime
    """When."""
    expires: datetime
    """When it ends."""
    opened_at: datetime | None
    """The last time."""
    open: bool
    """False once it has ended, or was closed."""
    posts: list[int]
    """Numbers of those that were chosen."""
    show: str
    """What it shows where none were chosen."""
    kind: str
    """Only of this kind; '' for all."""
    words: str
    """Only those in which all of these words stand; '' for all."""
    answers: int
    """Comments and approvals that came by it."""
    address: str | None
    """Whoever opens it may approve: null where the token lacks the scope approve."""


class Member(Value):
    """Somebody who is in the brand."""

    id: int
    """Number of the membership."""
    name: str
    """What they sign in with."""
    role: Role
    """What they may do in this brand."""
    last_sign_in: datetime | None
    """When; null for never."""


class NewMember(Value):
    """Somebody to let in."""

    name: Annotated[Line, Field(min_length=1, max_length=NAME_MAX)]
    """What they sign in with."""
    role: Role
    """What they may do in this brand."""


class LetIn(Member):
    """Somebody who was let in just now."""

    sign_in_link: str | None
    """Signs them in once, within 72 hours, and is in this answer only; null for who signs in already."""


class NewRole(Value):
    """Another role for a member."""

    role: Role
    """What they may do from now on."""


class SignInLink(Value):
    """A link that signs somebody in."""

    link: str
    """Signs in once, within `hours`; it is in this answer only."""
    hours: int
    """How long it opens anything."""


class Token(Value):
    """What a program shows, to act as its person."""

    id: int
    """Its number."""
    name: str
    """What it is for."""
    scopes: list[Scope]
    """What it may do, of what its person may."""
    created_at: datetime
    """When it was made."""
    expires: datetime
    """When it ends."""
    used_at: datetime | None
    """When it was used last; null for never."""
    made_by: int | None
    """The token that made it, with which it ends."""


class NewToken(Value):
    """A token to make."""

    name: Annotated[Line, Field(min_length=1, max_length=60)]
    """What it is for."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES))]
    """Of those that the asking token has."""
    days: Annotated[int, Field(ge=1, le=TOKEN_DAYS_MAX), BeforeValidator(_as_number)] = TOKEN_DAYS
    """It ends with the asking token at the latest."""


class SecretToken(Token):
    """A token that was made just now."""

    token: str
    """What a program sends. It is shown this once."""


class HashtagRules(Value):
    """How hashtags are chosen."""

    limit: int
    """At most so many under a post."""
    always: list[str]
    """Under every post; without '#'."""
    banned: list[str]
    """Under no post; without '#'."""


class Look(Value):
    """Of designed posts; '' is learned from the photos."""

    paper: str
    """The ground of most designs, #rrggbb."""
    ink: str
    """Words on it, #rrggbb."""
    accent: str
    """What stands out, #rrggbb."""
    accent_2: str
    """The colour beside it, #rrggbb."""
    typefaces: list[str]
    """What its posts are set in: a pair, or one for headings and one for text."""


class Settings(Value):
    """What brand.toml says, as the settings page shows it. The file is changed by hand, or by
    `feedsmith brand`."""

    name: str
    """What the brand is called."""
    handle: str
    """User name on Instagram, without '@'."""
    niche: str
    """What it does, in a few words."""
    subjects: list[str]
    """What its pictures usually show."""
    default_credit: str
    """Who is named for photos without a credit."""
    voice: str
    """How it speaks: "warm", "dry", or free words."""
    voice_examples: list[str]
    """Captions that sound as it should."""
    language: str
    """Of captions, as a code: "en", "de", "fr-CA"."""
    address: str
    """Where a language has two ways to address readers: informal, formal; '' as in the brand's own captions."""
    banned_words: list[str]
    """What no caption says."""
    emoji_max: int
    """At most so many in a caption."""
    hashtags: HashtagRules
    """How many, which always and which never."""
    look: Look
    """Colours and typefaces of designed posts."""
    time_zone: str
    """IANA name; the calendar's days are this zone's."""
    country: str
    """Whose holidays a plan keeps, as ISO 3166 has it; '' by the time zone."""
    captions: str
    """The model that writes them, and where; '' for Feedsmith's own."""
    pictures: str
    """What makes them; '' for the brand's photos, recomposed or edited."""


# ---- webhooks ------------------------------------------------------------------------------------


class NewHook(Value):
    """An address to tell of changes."""

    url: Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[!-~]+$")]
    """Where messages are sent: an address of the public internet, or in a network that the studio may call."""


class Hook(Value):
    """An address that is told of every change of a post's state."""

    id: int
    """Its number."""
    url: str
    """Where messages are sent."""
    created_at: datetime
    """When it was made."""
    by: str | None
    """Who made it; null where they are gone."""
    stopped: str
    """Why nothing is sent any more; '' while it is."""


class SecretHook(Hook):
    """A webhook that was made just now."""

    secret: str
    """What signs its messages (Standard Webhooks). It is shown this once."""


class Delivery(Value):
    """A message to a webhook."""

    id: int
    """Its number."""
    message: str
    """Id of the message, the same at each try."""
    type: str
    """What it tells: "post.made", "post.moved" or "webhook.test"."""
    state: Literal["waiting", "delivered", "given up"]
    """What became of it."""
    created_at: datetime
    """When it was written."""
    tries: int
    """How often it was sent."""
    next_try: datetime | None
    """When it is sent next; null where it is not."""
    answered: int | None
    """HTTP status of the last answer."""
    said: str
    """What went wrong in the last try."""


class Deliveries(Value):
    """A page of messages."""

    deliveries: list[Delivery]
    """The newest first."""
    next: str | None
    """Give it as ?cursor= for what follows; null at the end."""
