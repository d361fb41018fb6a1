"""Somebody who uses a studio from outside, by its link alone: signs in, uploads, imports, asks for posts."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studio_server import Server

SCOPES = ("read", "write", "generate", "library", "schedule", "approve")
KINDS = ("photo", "quote", "carousel", "collage", "promo", "product", "story", "reel", "gif")
OFFER = {"name": "Guided oak walk", "price": "12 EUR", "dates": "3 May"}
OVER = ("done", "failed", "stopped")


class Guest(Server):
    """Speaks to a studio that somebody else started; its address is that of the link, or `at`."""

    def __init__(self, link: str, at: str = "") -> None:
        self.cookies: dict[str, str] = {}
        self.link, self.key = link, ""
        self.url = at or link.partition("/sign-in")[0]

    def make_token(self) -> None:
        """On the page of tokens, as a person does."""
        said = "".join(f"&scope={scope}" for scope in SCOPES)
        form = f"name=guest&days=30{said}&csrfmiddlewaretoken={self.cookies['studio_csrf']}"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, page = self.ask("POST", "/account/tokens", form, **kind)
        found = re.search(r"feedsmith_[\w-]{20,}", page)
        assert status == 200, page
        assert found is not None, page
        self.key = found[0]

    def api(self, method: str, path: str, body: object = None, *, raw: bytes | None = None) -> Any:
        """An operation under /api/v1, by the token. Raises AssertionError for a refusal."""
        sent = raw if raw is not None else None if body is None else json.dumps(body)
        kind = "application/octet-stream" if raw is not None else "application/json"
        cookies, self.cookies = self.cookies, {}
        try:
            while True:
                status, said = self.ask(
                    method, f"/api/v1{path}", sent,
                    **{"Authorization": f"Bearer {self.key}", "Content-Type": kind},
                )  # fmt: skip
                if status != 429:
                    break
                time.sleep(1)
        finally:
            self.cookies = cookies
        assert status < 300, f"{method} {path}: {status} {said}"
        return json.loads(said) if said else None

    def brand(self) -> str:
        return str(self.api("GET", "/brands")[0]["slug"])

    def upload(self, slug: str, paths: Sequence[Path]) -> dict[str, Any]:
        """Send files, import them, wait; the job."""
        return self.over(slug, self.begun_import(slug, paths))

    def begun_import(self, slug: str, paths: Sequence[Path]) -> int:
        """Send files in pieces, and have them imported; the job's number."""
        keys = []
        for path in paths:
            size = path.stat().st_size
            row = self.api(
                "POST", f"/brands/{slug}/library/uploads", {"name": path.name, "size": size}
            )
            with path.open("rb") as stream:
                for start in range(0, size, row["piece"]):
                    place = f"/brands/{slug}/library/uploads/{row['key']}?start={start}"
                    self.api("PATCH", place, raw=stream.read(row["piece"]))
            keys.append(row["key"])
        job = self.api("POST", f"/brands/{slug}/library/imports", {"uploads": keys})
        return int(job["id"])

    def post_of(self, slug: str, kind: str, **more: object) -> dict[str, Any]:
        """Ask for one post and wait; the job."""
        wanted: Mapping[str, object] = {"kind": kind, "count": 1, **more}
        if kind in ("promo", "product"):
            wanted = {**wanted, "offer": OFFER}
        return self.over(slug, self.api("POST", f"/brands/{slug}/jobs", wanted)["id"])

    def over(self, slug: str, number: int, seconds: float = 1800) -> dict[str, Any]:
        """A job, once it is over."""
        end = time.monotonic() + seconds
        while True:
            job: dict[str, Any] = self.api("GET", f"/brands/{slug}/jobs/{number}")
            if job["state"] in OVER:
                return job
            assert time.monotonic() < end, f"job {number} never ended: {job}"
            time.sleep(0.3)


def link_in(said: str) -> str:
    """The sign-in link in what a studio prints; '' where there is none yet. The last one counts."""
    found = re.findall(r"https?://\S+/sign-in/link/\S+", said)
    return found[-1] if found else ""
