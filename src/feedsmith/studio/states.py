"""Approval: the states of a post, the steps between them, and who may take which. Values only."""

from dataclasses import dataclass
from typing import Literal, get_args

State = Literal[
    "draft", "review", "approved", "scheduled", "publishing", "published", "failed", "archived"
]
Role = Literal["reviewer", "editor", "owner"]
Actor = Literal["reviewer", "editor", "owner", "studio", "link"]
"""Who takes a step: a person in a role, the studio itself, or somebody with a review link."""

STATES: tuple[State, ...] = get_args(State)
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may, and more."""

IN_WORDS: dict[State, str] = {
    "draft": "Draft",
    "review": "In review",
    "approved": "Approved",
    "scheduled": "Scheduled",
    "publishing": "Being published",
    "published": "Published",
    "failed": "Not published",
    "archived": "Archived",
}

NEEDS = {
    "late": "missed its time",
    "unknown": "may be out already",
    "account": "its account is not connected",
}
"""What a person is needed for, whatever the state: attempt.Why in a few words."""


@dataclass(frozen=True)
class Step:
    """One allowed way from a state to another."""

    before: State
    after: State
    verb: str
    """What the button says, in the imperative."""
    by: frozenset[Actor]


def _step(before: State, after: State, verb: str, *by: Actor) -> Step:
    return Step(before, after, verb, frozenset(by))


STEPS: tuple[Step, ...] = (
    _step("draft", "review", "Ask for approval", "editor", "owner"),
    _step("draft", "approved", "Approve", "owner"),
    _step("draft", "archived", "Archive", "editor", "owner"),
    _step("review", "approved", "Approve", "reviewer", "owner", "link"),
    _step("review", "draft", "Send back", "reviewer", "editor", "owner"),
    _step("review", "archived", "Archive", "editor", "owner"),
    _step("approved", "scheduled", "Schedule", "editor", "owner"),
    _step("approved", "review", "Ask again", "editor", "owner"),
    _step("approved", "draft", "Back to draft", "editor", "owner"),
    _step("approved", "published", "Mark as posted", "editor", "owner"),
    _step("approved", "archived", "Archive", "editor", "owner"),
    _step("scheduled", "approved", "Take off the calendar", "editor", "owner"),
    _step("scheduled", "review", "Ask again", "editor", "owner"),
    _step("scheduled", "published", "Mark as posted", "editor", "owner"),
    _step("scheduled", "publishing", "Publish", "studio"),
    _step("publishing", "published", "Published", "studio"),
    _step("publishing", "failed", "Failed", "studio"),
    _step("publishing", "scheduled", "Publish again", "studio"),
    _step("publishing", "approved", "Stop it", "studio"),
    _step("failed", "scheduled", "Schedule again", "editor", "owner"),
    _step("failed", "draft", "Back to draft", "editor", "owner"),
    _step("failed", "published", "Mark as posted", "editor", "owner"),
    _step("failed", "archived", "Archive", "editor", "owner"),
    _step("archived", "draft", "Bring back", "editor", "owner"),
)
"""Nothing leads out of "published": what was shown to the world cannot be called a draft again."""

EDITABLE: frozenset[State] = frozenset({"draft", "review", "approved", "scheduled", "failed"})
"""States in which words and pictures may be changed."""


def step(before: State, after: State) -> Step | None:
    """The step from one state to another; None where there is none."""
    return next((s for s in STEPS if (s.before, s.after) == (before, after)), None)


def steps(before: State, by: Actor) -> tuple[Step, ...]:
    """What this actor may do next with a post in this state."""
    return tuple(s for s in STEPS if s.before == before and by in s.by)


def after_edit(state: State, by: Actor) -> State:
    """The state of a post after its words were changed: an approval holds for the words that were
    approved, so an editor's change asks for it again; who may approve need not ask."""
    if state in ("approved", "scheduled", "failed") and step("review", "approved") not in steps(
        "review", by
    ):
        return "review"
    return state


def at_least(role: str, wanted: str) -> bool:
    """True where `role` may do all that `wanted` may."""
    order: tuple[str, ...] = ROLES
    return role in order and order.index(role) >= order.index(wanted)
