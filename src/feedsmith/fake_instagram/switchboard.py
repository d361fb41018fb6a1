"""The switchboard for tests: POST /_control with JSON and the header X-Fake-Control, for this machine alone.

{"do": "clock", "advance": 86400}, {"do": "fault", "fault": {"do": "drop-after", "path": "media_publish"}},
{"do": "clear"}, {"do": "down", "seconds": 3600}, {"do": "expire", "account": "a.name"}, {"do": "revoke",
"account": "a.name"}, {"do": "account", "username": "a.name", "kind": "creator"}, {"do": "set",
"video_seconds": 5}, {"do": "usage", "percent": 90}, {"do": "state"}.
"""

from typing import Any

from feedsmith.fake_instagram.faults import Faults
from feedsmith.fake_instagram.state import KINDS, World
from feedsmith.fake_instagram.usage import Usage


def switch(world: World, faults: Faults, usage: Usage, asked: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked; returns what `state` does. Raises ValueError, KeyError or TypeError for what is
    none of these."""
    do = asked.get("do")
    if do == "clock":
        for name, move in (("set", world.clock.set), ("advance", world.clock.advance)):
            if name in asked:
                move(float(asked[name]))
        if asked.get("stop"):
            world.clock.stop()
        if asked.get("run"):
            world.clock.run()
    elif do == "fault":
        faults.add(**asked["fault"])
    elif do == "clear":
        faults.clear()
    elif do == "down":
        world.down_until = world.clock.now() + float(asked["seconds"])
    elif do == "usage":
        usage.forced = int(asked["percent"])
    elif do in ("expire", "revoke"):
        account = world.called(asked["account"])
        mine = [g for g in list(world.grants.values()) if account and account.id in g.accounts]
        for grant in mine:
            grant.revoked = grant.revoked or do == "revoke"
            if do == "expire":
                grant.expires = float(asked.get("at", world.clock.now()))
        world.keep(*mine)
    elif do == "account":
        _change_account(world, asked)
    elif do == "set":
        for name in ("image_seconds", "video_seconds", "posts_a_day", "calls_an_hour"):
            if name in asked:
                setattr(world, name, type(getattr(world, name))(asked[name]))
    elif do != "state":
        raise ValueError(f"{do}: not a switch")
    return _state(world)


def _change_account(world: World, asked: dict[str, Any]) -> None:
    account = world.add_account(asked["username"], asked.get("kind", "business"))
    if asked.get("kind", account.kind) not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    for name in ("kind", "followers", "restricted", "name"):
        if name in asked:
            setattr(account, name, asked[name])
    world.keep(account)


def _state(world: World) -> dict[str, Any]:
    posts = [
        {"id": m.id, "account": world.accounts[m.account].username, "caption": m.caption,
         "type": m.type, "product": m.product, "at": m.at, "container": m.container}
        for m in list(world.media.values()) if not m.parent
    ]  # fmt: skip
    return {"now": world.clock.now(), "posts": posts, "containers": len(world.containers)}
