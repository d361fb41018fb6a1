"""A program that uses the studio's API: a token of a person, and requests as such a program sends them;
all operations, each with a request that can be meant.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from PIL import Image

from feedsmith.post import Brief
from small_studio import visitor


def token_of(name: str, *scopes: str) -> str:
    """A new token of this person; all scopes where none are named."""
    from feedsmith.studio.models import Person, Token
    from feedsmith.studio.models.tokens import SCOPES

    return Token.make(Person.objects.get(name=name), "a program", scopes or SCOPES)[1]


class Program:
    """Speaks JSON with the API as `name`, or as nobody."""

    def __init__(self, name: str = "", *scopes: str) -> None:
        self.token = token_of(name, *scopes) if name else ""
        self.client = visitor()

    def __call__(self, method: str, path: str, body: object = None, **headers: str):  # type: ignore[no-untyped-def]
        """The answer; `path` begins after /api/v1."""
        if self.token:
            headers = {"Authorization": f"Bearer {self.token}"} | headers
        data = "" if body is None else json.dumps(body)
        return self.client.generic(
            method, f"/api/v1{path}", data, "application/json", headers=headers
        )

    def ask(self, method: str, path: str, values: dict[str, object]):  # type: ignore[no-untyped-def]
        """An operation with a request that can be meant, where `values` are the parts of its path."""
        query, body = QUERIES.get((method, short(path)), ""), BODIES.get((method, short(path)))
        place = path.format(**values) + (f"?{query}" if query else "")
        if isinstance(body, bytes):
            headers = {"Authorization": f"Bearer {self.token}"}
            kind = "application/octet-stream"
            return self.client.generic(method, f"/api/v1{place}", body, kind, headers=headers)
        return self(method, place, body)

    def get(self, path: str):  # type: ignore[no-untyped-def]
        """What is there, which must be there."""
        answer = self("GET", path)
        assert answer.status_code == 200, answer.content
        return answer.json()


def number_of(folder: str = "01-photo-aaaaaa", brand: str = "oak-co") -> int:
    from feedsmith.studio.models import Draft

    return Draft.objects.get(folder=folder, brand__slug=brand).pk


# ---- every operation -----------------------------------------------------------------------------

PHOTO = "a" * 16


def operations() -> list[tuple[str, str, str, str | None]]:
    """Method, path, scope, role of every operation that the description names."""
    from feedsmith.studio.api.root import description

    return [
        (method.upper(), path.removeprefix("/api/v1"), said["x-scope"], said["x-role"])
        for path, methods in description()["paths"].items()
        for method, said in methods.items()
    ]


def short(path: str) -> str:
    return path.removeprefix("/brands/{brand}/")


def parts(path: str, slug: str = "oak-co", person: str = "olga") -> dict[str, object]:
    """Values for the parts of this path that lead to something in that brand, made for it: a post with an
    edit to undo and one to do again, something planned, a file on its way, and so on."""
    names = {name for name in _makers if f"{{{name}}}" in path}
    return {"brand": slug} | {name: _makers[name](path, slug, person) for name in names}


def _brand(slug: str):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Brand

    return Brand.objects.get(slug=slug)


def _number(path: str, slug: str, person: str) -> int:
    from feedsmith.studio import slots
    from feedsmith.studio.models import Job, Person, Planned, ReviewLink, Token

    brand = _brand(slug)
    if "/jobs/" in path:
        return Job.objects.create(brand=brand, kind="generate", args={"count": 1}, total=1).pk
    if "/webhooks/" in path:
        return _hook(slug).pk
    if "/people/" in path:
        return a_member(slug)
    if "/review-links/" in path:
        return ReviewLink.make(brand, None).pk
    if path.startswith("/tokens"):
        return Token.make(Person.objects.get(name=person), "another", ["read"])[0].pk
    if "/planned/" in path:
        slots.bring_in(
            brand, [a_brief()], name="plan.yaml", waits=lambda _: "", person=None, zone=UTC
        )
        return Planned.objects.filter(brand=brand).first().pk
    draft = _draft(slug)
    for caption in ("One.", "Two.", "Three."):
        draft = draft.edit({"caption": caption}, version=draft.version)
    draft.turn(-1, version=draft.version)
    if path.endswith(("/publication/now", "/account")):
        connected(brand)
    if path.endswith(("/publication/stop", "/publication/answer")):
        on_its_way(draft, asks=path.endswith("answer"))
    if "schedule" in path or path.endswith("/now"):
        type(draft).objects.filter(pk=draft.pk).update(state="approved")
    return draft.pk


ACCOUNT = "17841400000000001"


def connected(brand) -> None:  # type: ignore[no-untyped-def]
    """The brand has an account."""
    from feedsmith.publishing.tokens import Account, Connection, Token
    from feedsmith.studio import accounts, due

    account = Account(id=ACCOUNT, username="oak.and.co", login="instagram")
    now = datetime.now(UTC)
    accounts.shelf_of(brand).put(
        Connection(account, Token("a-token", now, now + timedelta(days=60)))
    )
    due.seen(brand, now)


def on_its_way(draft, *, asks: bool) -> None:  # type: ignore[no-untyped-def]
    """The post was taken up; `asks`: it missed its time."""
    from feedsmith.studio.models import Publication

    now = datetime.now(UTC)
    Publication.objects.filter(draft=draft).delete()
    type(draft).objects.filter(pk=draft.pk).update(state="scheduled", scheduled_at=now)
    draft.refresh_from_db()
    row = Publication.begin(draft, ACCOUNT, "oak.and.co", now)
    if asks and row is not None:
        row.claim("tests", now)
        row.keep("tests", row.told.now("asking", why="late", said="nothing was sent at its time"))


def a_brief() -> Brief:
    return Brief(kind="quote", theme="oaks", at=datetime(2027, 5, 3, 16, tzinfo=UTC))


def a_member(slug: str, name: str = "zoe") -> int:
    """A reviewer who is in no other brand."""
    from feedsmith.studio.models import Membership
    from feedsmith.studio.models.people import add

    who = add(f"{name} of {slug}", _brand(slug), "reviewer")
    return Membership.objects.get(person=who).pk


def _draft(slug: str):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    draft = Draft.objects.get(pk=number_of("02-carousel-aaaaaa", slug))
    Draft.objects.filter(pk=draft.pk).update(state="draft", scheduled_at=None)
    draft.refresh_from_db()
    return draft


def _comment(path: str, slug: str, person: str) -> int:
    from feedsmith.studio.models import Comment

    return Comment.objects.create(draft=_draft(slug), text="Green.").pk


def _hook(slug: str):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Hook

    found = Hook.objects.filter(brand__slug=slug).first()
    return found or Hook.make(_brand(slug), "https://oak.invalid/")


def _photo(path: str, slug: str, person: str) -> str:
    """A photo of the brand's library, and its cut-out."""
    from django.conf import settings

    library = _brand(slug).home.library
    (library / "photos").mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (300, 300), (9, 99, 199))
    picture.save(library / "photos" / "a.jpg")
    line = {"id": PHOTO, "file": "photos/a.jpg", "name": "a.jpg", "width": 300, "height": 300}
    (library / "photos.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    cut = settings.STUDIO.cutouts / slug
    cut.mkdir(parents=True, exist_ok=True)
    picture.save(cut / f"{PHOTO}.webp")
    return PHOTO


def _key(path: str, slug: str, person: str) -> str:
    from feedsmith.studio.models import Person, Upload

    who = Person.objects.get(name=person)
    upload = Upload.begin(_brand(slug), who, "a.jpg", len(JPEG), "m")
    if upload.have:  # of an earlier request
        upload.drop()
        return _key(path, slug, person)
    return upload.key


_makers: dict[str, Callable[[str, str, str], object]] = {
    "number": _number, "comment": _comment, "photo": _photo, "key": _key,
    "delivery": lambda path, slug, person: _hook(slug).test().pk,
    "file": lambda path, slug, person: "02.jpg", "revision": lambda path, slug, person: 1,
}  # fmt: skip

JPEG = b"\xff\xd8\xff\xe0" + bytes(96)
VERSION = {"version": 6}
"""Of the post that `parts` makes, when it is made for the first time."""
BODIES: dict[tuple[str, str], object] = {
    ("POST", "posts/{number}/versions"): VERSION | {"again": True},
    ("PATCH", "posts/{number}"): VERSION | {"caption": "Other."}, ("POST", "posts/{number}/undo"): VERSION,
    ("POST", "posts/{number}/redo"): VERSION, ("POST", "posts/{number}/revisions/{revision}/restore"): VERSION,
    ("POST", "posts/{number}/state"): {"to": "review"}, ("PUT", "posts/{number}/favourite"): {"on": True},
    ("PUT", "posts/{number}/place"): {"before": 1}, ("POST", "posts/{number}/comments"): {"text": "So?"},
    ("PATCH", "posts/{number}/comments/{comment}"): {"resolved": True},
    ("POST", "posts/{number}/publication/now"): {}, ("POST", "posts/{number}/publication/answer"): {"posted": True},
    ("PUT", "posts/{number}/account"): {"account": ACCOUNT},
    ("PUT", "posts/{number}/schedule"): {"at": "2027-05-03T16:00:00Z"},
    ("PUT", "calendar/planned/{number}"): {"at": "2027-05-04T16:00:00Z"},
    ("POST", "calendar/plans"): {"name": "plan.csv", "text": "kind,theme\nquote,oaks\n"},
    ("POST", "calendar/jobs"): {"planned": [1]}, ("POST", "jobs"): {"kind": "quote", "count": 1},
    ("PATCH", "library/photos/{photo}"): {"favourite": True, "never": True, "keywords": ["oak"]},
    ("PUT", "library/photos/{photo}/cutout"): {"clicks": [{"x": 0.5, "y": 0.5, "inside": True}]},
    ("POST", "library/uploads"): {"name": "b.jpg", "size": 100}, ("PATCH", "library/uploads/{key}"): JPEG,
    ("POST", "library/imports"): {"uploads": ["none"]}, ("POST", "people"): {"name": "yves", "role": "owner"},
    ("PATCH", "people/{number}"): {"role": "editor"}, ("POST", "review-links"): {"title": "December"},
    ("POST", "/tokens"): {"name": "one more", "scopes": ["read"]},
    ("POST", "webhooks"): {"url": "https://hook.invalid/"},
}  # fmt: skip
QUERIES = {("GET", "calendar"): "start=2027-05-01&end=2027-05-31", ("PATCH", "library/uploads/{key}"): "start=0"}  # fmt: skip
"""A request to each operation that can be meant, where the parts of its path do not say all."""
