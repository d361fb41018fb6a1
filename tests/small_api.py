"""A program that uses the studio's API: a token of a person, and requests as such a program sends them."""

import json

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

    def get(self, path: str):  # type: ignore[no-untyped-def]
        """What is there, which must be there."""
        answer = self("GET", path)
        assert answer.status_code == 200, answer.content
        return answer.json()


def number_of(folder: str = "01-photo-aaaaaa", brand: str = "oak-co") -> int:
    from feedsmith.studio.models import Draft

    return Draft.objects.get(folder=folder, brand__slug=brand).pk
