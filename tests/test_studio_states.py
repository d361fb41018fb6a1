"""Approval: which way a post can go, and who may send it there."""

from itertools import pairwise, product

import pytest

from feedsmith.studio import states
from feedsmith.studio.states import STATES, STEPS, after_edit, at_least, step, steps


def test_a_post_can_go_the_whole_way_to_published() -> None:
    way = ("draft", "review", "approved", "scheduled", "publishing", "published")
    assert all(step(a, b) is not None for a, b in pairwise(way))


def test_there_is_one_step_between_two_states_and_none_from_a_state_to_itself() -> None:
    pairs = [(s.before, s.after) for s in STEPS]
    assert len(set(pairs)) == len(pairs)
    assert all(a != b for a, b in pairs)


@pytest.mark.parametrize("after", [s for s in STATES if s != "published"])
def test_what_was_shown_to_the_world_stays_published(after: states.State) -> None:
    assert step("published", after) is None


def test_nothing_is_published_without_approval() -> None:
    assert {s.before for s in STEPS if s.after == "published"} <= {
        "approved", "scheduled", "publishing", "failed",
    }  # fmt: skip
    assert {s.before for s in STEPS if s.after == "publishing"} == {"scheduled"}


def test_only_reviewers_owners_and_review_links_approve() -> None:
    had = ("scheduled", "publishing")  # what is taken off the calendar keeps its approval
    by = {a for s in STEPS if s.after == "approved" and s.before not in had for a in s.by}
    assert by == {"reviewer", "owner", "link"}


def test_a_review_link_approves_and_does_nothing_else() -> None:
    assert [s.after for state in STATES for s in steps(state, "link")] == ["approved"]


def test_only_the_studio_itself_publishes() -> None:
    people: tuple[states.Actor, ...] = ("reviewer", "editor", "owner", "link")
    assert not any(
        s.after in ("publishing", "failed")
        for p, st in product(people, STATES)
        for s in steps(st, p)
    )


def test_every_state_is_reached_and_has_words() -> None:
    assert {s.after for s in STEPS} == set(STATES)
    assert set(states.IN_WORDS) == set(STATES)


def test_an_editors_change_of_approved_words_asks_for_approval_again() -> None:
    assert after_edit("approved", "editor") == "review"
    assert after_edit("scheduled", "editor") == "review"
    assert after_edit("failed", "editor") == "review"
    assert after_edit("failed", "owner") == "failed"
    assert after_edit("approved", "owner") == "approved"
    assert after_edit("draft", "editor") == "draft"


def test_roles_include_those_before_them() -> None:
    assert at_least("owner", "editor")
    assert at_least("editor", "editor")
    assert not at_least("reviewer", "editor")
    assert not at_least("", "reviewer")
    assert not at_least("stranger", "reviewer")
