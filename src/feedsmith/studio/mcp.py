"""The MCP server: the studio's posts as tools for assistants, over standard input and output.

Speaks the Model Context Protocol itself (JSON-RPC 2.0, one message a line): the official package brings
26 others and 13 MB for what these few methods need. Every tool is a request to the API, answered in this
process, so that it may what its person may, and no more.
"""

import base64
import io
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import IO, Any, Literal
from urllib.parse import urlencode

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils import timezone
from pydantic import ValidationError

import feedsmith
from feedsmith.errors import FeedsmithError
from feedsmith.post import Kind, Value
from feedsmith.studio import states
from feedsmith.studio.api import shapes
from feedsmith.studio.api.shown import ROOT
from feedsmith.studio.models import Person, Token
from feedsmith.studio.models.tokens import SCOPES

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Of the protocol, the newest first; all have the same few methods that are used here."""
TOKEN = "FEEDSMITH_TOKEN"  # noqa: S105 - a name, no secret
"""Environment variable: a token of the person to act for."""
INSTRUCTIONS = """Feedsmith makes Instagram posts from a brand's own photos. A post goes from draft to \
review, approved, scheduled and published. Look at a post before you change or approve it, and name the \
version that you saw: where somebody changed it in between, nothing is changed and you get both. Posts \
are made by a job; ask for it until it is done. Captions hold no hashtags: these are a list of their own."""
LINE_MAX = 4 << 20
"""Bytes of one message."""


class Refusal(FeedsmithError):
    """The API's, for the assistant to read."""


# ---- the API, asked in this process --------------------------------------------------------------


class Api:
    """Asks the API as one person: by a token's words, or as who may read the home's files."""

    def __init__(self, words: str = "", owner: Person | None = None) -> None:
        self._words = words
        acting = None
        if not words:
            assert owner is not None
            ends = timezone.now() + timedelta(days=366)
            acting = Token(person=owner, name="feedsmith mcp", scopes=list(SCOPES), expires=ends)
        self._handler = WSGIHandler()
        self._handler.request_class = type("Request", (WSGIRequest,), {"acting": acting})

    def __call__(
        self, method: str, path: str, body: object = None, **query: object
    ) -> tuple[str, bytes]:
        """Media type and bytes of the answer. Raises Refusal."""
        data = b"" if body is None else json.dumps(body).encode()
        asked = {name: value for name, value in query.items() if value not in (None, "", [])}
        environ = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": ROOT + path,
            "QUERY_STRING": urlencode(asked, doseq=True), "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost", "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(data)),
            "wsgi.input": io.BytesIO(data), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0), "wsgi.multithread": False, "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }  # fmt: skip
        if self._words:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self._words}"
        said: list[Any] = []
        answer = self._handler(
            environ, lambda status, headers, exc=None: said.extend((status, headers))
        )
        try:
            content = b"".join(answer)
        finally:
            answer.close()
        status, kind = int(said[0].split()[0]), dict(said[1]).get("Content-Type", "")
        if status >= 400:
            raise _refusal(content)
        return kind, content

    def json(self, method: str, path: str, body: object = None, **query: object) -> Any:
        return json.loads(self(method, path, body, **query)[1] or b"null")


def _refusal(content: bytes) -> Refusal:
    try:
        said = json.loads(content)
    except ValueError:
        return Refusal("the studio did not understand this")
    theirs = said.get("theirs")
    more = f" The post as it is now: {json.dumps(theirs, ensure_ascii=False)}" if theirs else ""
    return Refusal(
        str(said.get("error", "this did not work")), mend=f"{said.get('mend', '')}{more}"
    )


# ---- the tools -----------------------------------------------------------------------------------


class OfBrand(Value):
    brand: str = ""
    """Slug of the brand; may be left out where there is only one."""


class OfPost(OfBrand):
    id: int
    """The post's number."""


class Nothing(Value):
    pass


class ListPosts(OfBrand):
    state: list[states.State] = []
    """Only these; without: all but archived ones."""
    kind: Kind | None = None
    favourite: bool | None = None
    q: str = ""
    """Words that all must appear in caption, hashtags, theme or alt text."""
    job: int | None = None
    """Only what this job made."""
    limit: int = 20
    cursor: str = ""
    """`next` of the page before."""


class ShowPost(OfPost):
    picture: bool = True
    """Also the first picture, 480 pixels wide."""


class GeneratePosts(OfBrand, shapes.Generate):
    pass


class ShowJobs(OfBrand):
    job: int | None = None
    """One job; without: the newest ones."""


class EditPost(OfPost, shapes.Edit):
    pass


class ReworkPost(OfPost, shapes.Rework):
    """Exactly one of crop, template, photo, again and words."""


class ApprovePost(OfPost):
    version: int
    """Of the post that you looked at."""


class MovePost(OfPost):
    to: Literal["draft", "review", "approved", "published", "archived"]
    version: int | None = None
    """Where given: only if the post is still that one."""


class SchedulePost(OfPost, shapes.Schedule):
    """`at` is ISO 8601 with a time zone: 2026-12-04T18:30:00+01:00."""


class PublishNow(OfPost, shapes.PublishNow):
    pass


class AnswerPublication(OfPost, shapes.Answer):
    """Ask the person to look at the profile first."""


class ShowCalendar(OfBrand):
    start: date
    end: date
    """The last day; days are those of the brand's time zone."""


@dataclass(frozen=True)
class Tool:
    name: str
    title: str
    words: str
    takes: type[Value]
    does: Callable[["Tools", Any], Any]
    """What it is given is a `takes`."""
    reads: bool = False
    """True where it changes nothing."""
    outside: bool = False
    """True where it makes something public, which nothing takes back."""

    @property
    def said(self) -> dict[str, Any]:
        schema = self.takes.model_json_schema()
        schema.pop("description", None)
        schema.pop("title", None)
        hints = {"readOnlyHint": self.reads, "openWorldHint": self.outside}
        if not self.reads:
            hints["destructiveHint"] = self.outside  # edits can be undone, nothing is deleted
        return {
            "name": self.name, "title": self.title, "description": self.words,
            "inputSchema": {"type": "object", **schema}, "annotations": hints,
        }  # fmt: skip


class Tools:
    def __init__(self, api: Api, waits: Callable[[], str] = lambda: "") -> None:
        """`waits` tells why a job would not be begun now; '' where it would."""
        self.api = api
        self._waits = waits

    def brand(self, asked: OfBrand) -> str:
        """The address of the brand that is meant. Raises Refusal where that is not plain."""
        if asked.brand:
            return f"/brands/{asked.brand}"
        known = [brand["slug"] for brand in self.api.json("GET", "/brands")]
        if len(known) != 1:
            raise Refusal(
                "say which brand" if known else "you are a member of no brand",
                mend=f"one of {', '.join(known)}" if known else "ask an owner of the studio",
            )
        return f"/brands/{known[0]}"

    def post(self, asked: OfPost) -> str:
        return f"{self.brand(asked)}/posts/{asked.id}"

    def list_brands(self, asked: Nothing) -> Any:
        return {"brands": self.api.json("GET", "/brands")}

    def list_posts(self, asked: ListPosts) -> Any:
        query = asked.model_dump(exclude={"brand"})
        if asked.favourite is not None:
            query["favourite"] = str(asked.favourite).lower()
        return self.api.json("GET", f"{self.brand(asked)}/posts", **query)

    def show_post(self, asked: ShowPost) -> Any:
        post = self.api.json("GET", self.post(asked))
        if not asked.picture or not post["media"]:
            return post
        place = post["media"][0]["thumbnail"].removeprefix(ROOT)
        try:
            kind, data = self.api("GET", place, width=480)
        except Refusal:  # its files are gone, which the post says itself
            return post
        return post, {"type": "image", "mimeType": kind, "data": base64.b64encode(data).decode()}

    def generate_posts(self, asked: GeneratePosts) -> Any:
        wanted = asked.model_dump(exclude={"brand"})
        return self._job(f"{self.brand(asked)}/jobs", wanted)

    def show_jobs(self, asked: ShowJobs) -> Any:
        here = f"{self.brand(asked)}/jobs"
        if asked.job is not None:
            return self.api.json("GET", f"{here}/{asked.job}")
        return self.api.json("GET", here, limit=20)

    def edit_post(self, asked: EditPost) -> Any:
        change = asked.model_dump(exclude={"brand", "id"}, exclude_none=True)
        return self.api.json("PATCH", self.post(asked), change)

    def rework_post(self, asked: ReworkPost) -> Any:
        wanted = asked.model_dump(exclude={"brand", "id"}, exclude_defaults=True)
        return self._job(f"{self.post(asked)}/versions", wanted)

    def find_words(self, asked: OfPost) -> Any:
        return self._job(f"{self.post(asked)}/words")

    def find_templates(self, asked: OfPost) -> Any:
        return self._job(f"{self.post(asked)}/layouts")

    def _job(self, path: str, wanted: object = None) -> Any:
        job, waits = self.api.json("POST", path, wanted), self._waits()
        return job | ({"note": waits} if waits and job["state"] in ("queued", "running") else {})

    def approve_post(self, asked: ApprovePost) -> Any:
        move = {"to": "approved", "version": asked.version}
        return self.api.json("POST", f"{self.post(asked)}/state", move)

    def move_post(self, asked: MovePost) -> Any:
        move = asked.model_dump(include={"to", "version"}, exclude_none=True)
        return self.api.json("POST", f"{self.post(asked)}/state", move)

    def schedule_post(self, asked: SchedulePost) -> Any:
        when = asked.model_dump(mode="json", include={"at", "version"}, exclude_none=True)
        return self.api.json("PUT", f"{self.post(asked)}/schedule", when)

    def show_publication(self, asked: OfPost) -> Any:
        return self.api.json("GET", f"{self.post(asked)}/publication")

    def publish_now(self, asked: PublishNow) -> Any:
        seen = asked.model_dump(include={"version"}, exclude_none=True)
        return self.api.json("POST", f"{self.post(asked)}/publication/now", seen)

    def stop_publication(self, asked: OfPost) -> Any:
        return self.api.json("POST", f"{self.post(asked)}/publication/stop")

    def answer_publication(self, asked: AnswerPublication) -> Any:
        said = asked.model_dump(mode="json", include={"posted", "at", "sure"}, exclude_none=True)
        return self.api.json("POST", f"{self.post(asked)}/publication/answer", said)

    def show_insights(self, asked: OfPost) -> Any:
        return self.api.json("GET", f"{self.post(asked)}/insights")

    def what_works(self, asked: OfBrand) -> Any:
        return self.api.json("GET", f"{self.brand(asked)}/works")

    def show_calendar(self, asked: ShowCalendar) -> Any:
        here = f"{self.brand(asked)}/calendar"
        return self.api.json("GET", here, start=asked.start, end=asked.end)


TOOLS = (
    Tool("list_brands", "Brands", "The brands you may see, your role in each, and how many posts stand where.", Nothing, Tools.list_brands, reads=True),
    Tool("list_posts", "List posts", "Posts in the order of the feed, the newest first.", ListPosts, Tools.list_posts, reads=True),
    Tool("show_post", "Show a post", "One post: picture, words, state, what may be done next, and where it comes from.", ShowPost, Tools.show_post, reads=True),
    Tool("generate_posts", "Generate posts", "Ask for new posts of a kind and theme. Answers with a job; the posts come one by one.", GeneratePosts, Tools.generate_posts),
    Tool("show_jobs", "Show jobs", "How far the making of posts is: one job, or the newest.", ShowJobs, Tools.show_jobs, reads=True),
    Tool("edit_post", "Edit a post", "Change caption, hashtags or alt texts of the version that you saw. It can be undone.", EditPost, Tools.edit_post),
    Tool("rework_post", "Make a post anew", "Make a post anew with one thing changed: another crop (`bases` of show_post says of what), template, library photo, picture from the same photos (again), or words. Answers with a job; it can be undone.", ReworkPost, Tools.rework_post),
    Tool("find_words", "Find other words", "Look for three other captions for a post's picture. Answers with a job, which has them as words_found; give one to rework_post.", OfPost, Tools.find_words),
    Tool("find_templates", "Find templates", "Find the templates that take a post's words and pictures. Answers with a job, which has them as layouts_found; give one to rework_post.", OfPost, Tools.find_templates),
    Tool("approve_post", "Approve a post", "Approve the version of a post that you looked at.", ApprovePost, Tools.approve_post),
    Tool("move_post", "Move a post", "Ask for approval, send back, archive, take off the calendar (to approved), or mark as posted. `steps` of a post says what is allowed.", MovePost, Tools.move_post),
    Tool("schedule_post", "Schedule a post", "Put an approved post on the calendar, or a scheduled one at another time.", SchedulePost, Tools.schedule_post),
    Tool("show_publication", "Show how a post goes out", "Where a post stands on its way to Instagram, what holds it up, what is asked about it, and its address there once it is out.", OfPost, Tools.show_publication, reads=True),
    Tool("publish_now", "Publish now", "Publish an approved or scheduled post as soon as can be. It cannot be taken back once it is out.", PublishNow, Tools.publish_now, outside=True),
    Tool("stop_publication", "Stop a post", "Take a post back that is on its way, while nothing is public yet.", OfPost, Tools.stop_publication),
    Tool("answer_publication", "Answer about a post", "Say whether a post that may be out is on the profile (posted), or is not (sure) and goes out again. Only a person who looked at the profile knows.", AnswerPublication, Tools.answer_publication, outside=True),
    Tool("show_insights", "Show a post's figures", "What was counted of a post at each age: reach, likes, comments, saves, shares.", OfPost, Tools.show_insights, reads=True),
    Tool("what_works", "What works", "The report on which kinds, themes, layouts, times, hashtags and caption lengths do well, with how sure that is.", OfBrand, Tools.what_works, reads=True),
    Tool("show_calendar", "Show the calendar", "What is planned on which day.", ShowCalendar, Tools.show_calendar, reads=True),
)  # fmt: skip
BY_NAME = {tool.name: tool for tool in TOOLS}


# ---- the protocol --------------------------------------------------------------------------------


class Wrong(Exception):
    """A message that cannot be answered as asked: code and words of JSON-RPC."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class Server:
    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    def serve(self, lines: IO[bytes], out: IO[bytes]) -> None:
        """Answer until the input ends."""
        for line in _lines(lines):
            answer = self.answer(line)
            if answer is not None:
                out.write(json.dumps(answer, ensure_ascii=True).encode() + b"\n")
                out.flush()

    def answer(self, line: bytes) -> Any:
        """What to say to one line; None for nothing."""
        if len(line) > LINE_MAX:
            return _wrong(None, Wrong(-32600, "this message is too long"))
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            return _wrong(None, Wrong(-32700, "this is not JSON"))
        if isinstance(asked, list) and asked:  # batches were part of 2025-03-26
            answers = [a for a in map(self._one, asked) if a is not None]
            return answers or None
        return self._one(asked)

    def _one(self, asked: Any) -> dict[str, Any] | None:
        if not isinstance(asked, dict) or asked.get("jsonrpc") != "2.0":
            return _wrong(None, Wrong(-32600, "this is not a message of JSON-RPC 2.0"))
        method, number = asked.get("method"), asked.get("id")
        if method is None or number is None:
            return None  # an answer to us, who ask nothing; or a notification
        try:
            params = asked.get("params") or {}
            if not isinstance(method, str) or not isinstance(params, dict):
                raise Wrong(-32600, "method or params are not as they must be")
            return {"jsonrpc": "2.0", "id": number, "result": self._result(method, params)}
        except Wrong as error:
            return _wrong(number, error)

    def _result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "initialize":
            wanted = params.get("protocolVersion")
            return {
                "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
                "capabilities": {"tools": {}}, "instructions": INSTRUCTIONS,
                "serverInfo": {
                    "name": "feedsmith", "title": "Feedsmith studio", "version": feedsmith.__version__,
                },
            }  # fmt: skip
        if method == "ping":
            return {}
        if method == "tools/list":
            return {"tools": [tool.said for tool in TOOLS]}
        if method == "tools/call":
            tool = BY_NAME.get(str(params.get("name")))
            if tool is None:
                raise Wrong(-32602, f"there is no tool {params.get('name')}")
            return self._call(tool, params.get("arguments") or {})
        raise Wrong(-32601, f"there is no method {method}")

    def _call(self, tool: Tool, arguments: Any) -> dict[str, Any]:
        """What the tool says; where it refuses, that is an answer that the assistant can learn from."""
        try:
            said = tool.does(self.tools, tool.takes.model_validate(arguments))
        except ValidationError as error:
            flaws = (
                f"{'.'.join(map(str, f['loc'])) or 'arguments'}: {f['msg']}" for f in error.errors()
            )
            return _text("; ".join(flaws), wrong=True)
        except FeedsmithError as error:
            return _text(f"{error.message}. {error.mend}".strip(), wrong=True)
        data, *more = said if isinstance(said, tuple) else (said,)
        answer = _text(json.dumps(data, ensure_ascii=False))
        answer["content"] += more
        return answer | {"structuredContent": data}


def _lines(stream: IO[bytes]) -> Iterable[bytes]:
    """Lines that say something; of one that is too long only so much that this can be seen."""
    while line := stream.readline(LINE_MAX + 1):
        if len(line) > LINE_MAX and not line.endswith(b"\n"):
            while (rest := stream.readline(LINE_MAX)) and not rest.endswith(b"\n"):
                pass
        if line.strip():
            yield line


def _text(words: str, *, wrong: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": words}], "isError": wrong}


def _wrong(number: Any, error: Wrong) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": error.code, "message": str(error)}}
