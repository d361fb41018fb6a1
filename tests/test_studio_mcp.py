"""The MCP server: spoken to by the official client as a process of its own, and line by line."""

import base64
import io
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from small_api import number_of, token_of
from small_studio import CONFIG

pytest.importorskip("mcp", reason='needs the dev extra: pip install "feedsmith[dev]"')

import anyio
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client

pytestmark = pytest.mark.usefixtures("studio")
HOME = str(CONFIG.home)


def with_client(does: Callable[[Client], Awaitable[None]], token: str = "") -> None:
    """Start `feedsmith mcp` as an assistant would, and speak with it."""
    env = {"FEEDSMITH_DATABASE_URL": CONFIG.database_url, "PYTHONPATH": os.pathsep.join(sys.path)}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "feedsmith", "mcp", "--home", HOME],
        env=env | ({"FEEDSMITH_TOKEN": token} if token else {}),
    )  # fmt: skip

    async def run() -> None:
        with anyio.fail_after(120):
            async with Client(stdio_client(server), mode="auto") as client:
                await does(client)

    anyio.run(run)


async def said(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers, which must not be a refusal."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)


def test_the_official_client_makes_a_post_go_from_draft_to_the_calendar() -> None:
    from feedsmith.studio.models import Draft, Job

    number = number_of()

    async def work(client: Client) -> None:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names[:4] == ["list_brands", "list_posts", "show_post", "generate_posts"]
        assert "version that you saw" in (client.instructions or "")
        posts = (await said(client, "list_posts", q="oaks"))["posts"]
        assert [post["id"] for post in posts] == [number]
        shown = await client.call_tool("show_post", {"id": number})
        picture = shown.content[1]
        assert base64.b64decode(picture.data)[8:12] == b"WEBP"
        words = {"caption": "Grüner geht’s nicht.", "hashtags": ["eiche"]}
        edited = await said(client, "edit_post", id=number, version=1, **words)
        assert (edited["version"], edited["caption"]) == (2, words["caption"])
        late = await refused(client, "approve_post", id=number, version=1)
        assert "changed by somebody else" in late
        assert "Grüner" in late
        await said(client, "approve_post", id=number, version=2)
        at = "2026-12-04T18:30:00+01:00"
        assert (await said(client, "schedule_post", id=number, at=at))["state"] == "scheduled"
        days = await said(client, "show_calendar", start="2026-12-01", end="2026-12-07")
        assert [day["day"] for day in days["days"]] == ["2026-12-04"]
        job = await said(client, "generate_posts", kind="quote", theme="oak", count=2)
        assert (job["state"], job["total"]) == ("queued", 2)
        assert "The studio is not open" in job["note"]
        assert (await said(client, "show_jobs", job=job["id"]))["state"] == "queued"
        assert "Input should be" in await refused(client, "generate_posts", kind="novel")
        step = await refused(client, "move_post", id=number, to="published", version=1)
        assert "changed by somebody else" in step

    with_client(work)
    draft = Draft.objects.get(pk=number)
    assert (draft.state, draft.hashtags) == ("scheduled", ["eiche"])
    assert draft.events.first().person.name == "olga", "without a token it acts as the owner"
    assert Job.objects.get().args["theme"] == "oak"


def test_with_a_token_it_may_what_its_person_and_its_scopes_may() -> None:
    number, theirs = number_of(), number_of(brand="elm-co")

    async def work(client: Client) -> None:
        brands = (await said(client, "list_brands"))["brands"]
        assert [(b["slug"], b["role"]) for b in brands] == [("oak-co", "reviewer")]
        assert "not yours to see" in await refused(client, "show_post", brand="elm-co", id=theirs)
        assert "not yours to see" in await refused(client, "show_post", id=theirs)
        edit = await refused(client, "edit_post", id=number, version=1, caption="x")
        assert "for this you need to be an editor" in edit or "lacks the scope" in edit
        step = await refused(client, "approve_post", id=number, version=1)
        assert 'lacks the scope "approve"' in step

    with_client(work, token_of("rita", "read"))


# ---- line by line --------------------------------------------------------------------------------


def answers(*messages: object, name: str = "olga") -> list[Any]:
    """What the server says to these lines; bytes are sent as they are."""
    from feedsmith.studio.mcp import Api, Server, Tools

    lines = (m if isinstance(m, bytes) else json.dumps(m).encode() + b"\n" for m in messages)
    out = io.BytesIO()
    Server(Tools(Api(token_of(name)))).serve(io.BytesIO(b"".join(lines)), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def call(method: str, number: object = 1, **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def test_the_protocols_version_is_agreed_on() -> None:
    asked = ("2024-11-05", "2025-06-18", "2031-01-01")
    said = answers(*(call("initialize", n, protocolVersion=v) for n, v in enumerate(asked, 1)))
    assert [a["result"]["protocolVersion"] for a in said] == [
        "2024-11-05",
        "2025-06-18",
        "2025-11-25",
    ]


def test_what_is_no_message_is_told_and_the_next_one_is_answered() -> None:
    said = answers(
        b"{\n", b"[]\n", b"\xff\xfe\n", b"7\n", {"jsonrpc": "1.0", "id": 1, "method": "ping"}, b"\n",
        b"[" * 100_000 + b"\n", call("dance"), call("tools/call", name="dance"),
        {"jsonrpc": "2.0", "method": "notifications/initialized"}, {"jsonrpc": "2.0", "id": 5, "result": {}},
        {"jsonrpc": "2.0", "id": 6, "method": "ping", "params": []}, call("ping", "last"),
    )  # fmt: skip
    assert [a.get("error", {}).get("code") for a in said] == [
        -32700, -32600, -32700, -32600, -32600, -32700, -32601, -32602, None, None,
    ]  # fmt: skip
    assert said[-1] == {"jsonrpc": "2.0", "id": "last", "result": {}}


def test_a_message_that_is_too_long_is_told_without_being_kept() -> None:
    from feedsmith.studio import mcp

    long = b'{"a": "' + b"x" * (mcp.LINE_MAX * 2) + b'"}\n'
    said = answers(long, call("ping"))
    assert [a.get("error", {}).get("message") for a in said] == ["this message is too long", None]


def test_who_is_a_member_of_several_brands_has_to_say_which() -> None:
    from feedsmith.studio.models import Brand
    from feedsmith.studio.models.people import add

    add("edgar", Brand.objects.get(slug="elm-co"), "reviewer")
    [several, none] = (
        answers(call("tools/call", name="list_posts", arguments={}), name=name)[0]["result"]
        for name in ("edgar", "nina")
    )
    assert several["isError"]
    assert several["content"][0]["text"] == "say which brand. one of oak-co, elm-co"
    assert none["content"][0]["text"].startswith("you are a member of no brand")


def test_every_tool_says_what_it_takes_in_a_schema_of_its_own() -> None:
    [said] = answers(call("tools/list"))
    for tool in said["result"]["tools"]:
        assert tool["inputSchema"]["type"] == "object"
        assert tool["description"]
        assert "openWorldHint" in tool["annotations"]
        for name in tool["inputSchema"].get("required", []):
            assert name in tool["inputSchema"]["properties"]


def test_no_id_leads_to_another_address() -> None:
    for brand in ("oak-co/posts/1/../../elm-co", "../../../account", "elm-co", "oak-co?x=", "a b"):
        [said] = answers(call("tools/call", name="list_posts", arguments={"brand": brand}))
        assert said["result"]["isError"], brand
