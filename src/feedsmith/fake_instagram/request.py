"""One request, as the parts of the fake see it. The host of Meta's that is meant is the first part of the
path: /graph.instagram.com/v25.0/me."""

from dataclasses import dataclass, field

from feedsmith.fake_instagram.errors import PARAMETER, GraphFault
from feedsmith.fake_instagram.state import FACEBOOK, INSTAGRAM


@dataclass
class Request:
    method: str
    host: str
    """E.g. graph.instagram.com; '' for pages for people."""
    version: str
    """E.g. v25.0; '' where none is named."""
    parts: tuple[str, ...]
    """The path behind host and version."""
    params: dict[str, str]
    """Of the query and of the body together."""
    token: str = field(repr=False, default="")
    base: str = ""
    """Where the fake is: http://127.0.0.1:8399."""

    @property
    def login(self) -> str:
        return FACEBOOK if "facebook.com" in self.host else INSTAGRAM

    def need(self, name: str) -> str:
        """A parameter that must be there. Raises GraphFault."""
        value = self.params.get(name, "")
        if not value:
            raise GraphFault(PARAMETER, f"(#100) The parameter {name} is required.")
        return value

    def flag(self, name: str) -> bool:
        return self.params.get(name, "").lower() in ("true", "1")

    def fields(self, default: str = "id") -> list[str]:
        """The names in `fields`, at the top; what is in braces belongs to the name before it."""
        found, depth, word = [], 0, ""
        for letter in self.params.get("fields", "") or default:
            depth += (letter == "{") - (letter == "}")
            if letter == "," and not depth:
                found.append(word)
                word = ""
            else:
                word += letter
        return [name.strip() for name in (*found, word) if name.strip()]
