"""Numbers of requests: read in one place, with one bound, whatever is typed there."""

from pathlib import Path

import pytest

import feedsmith.studio
from feedsmith.studio import asked
from small_studio import visitor

WRONG = ("", " 1", "-1", "1.0", "0x1", "٣", "²", "9" * 5000, str(2**53 + 1), "1\0")
"""What is no number of a row, though int() takes some of it."""


def test_a_number_is_ascii_digits_within_its_bounds() -> None:
    assert [asked.number(text) for text in ("0", "7", "007", str(2**53))] == [0, 7, 7, 2**53]
    assert [asked.number(text) for text in WRONG] == [None] * len(WRONG)
    assert [asked.number(text, 1, 12) for text in ("0", "1", "12", "13")] == [None, 1, 12, None]
    assert asked.numbers(["3", "x", "1", ""]) == [3, 1]


def test_no_other_module_of_the_studio_reads_digits_by_itself() -> None:
    root = Path(feedsmith.studio.__file__).parent
    ways = (".isdigit(", ".isdecimal(", ".isnumeric(", "[0-9]{1,")
    found = [
        f"{path.relative_to(root)}: {way}"
        for path in sorted(root.rglob("*.py"))
        if path.name != "asked.py"
        for way in ways
        if way in path.read_text("utf-8")
    ]
    assert not found


@pytest.mark.usefixtures("studio")
@pytest.mark.parametrize(
    ("address", "field", "rest"),
    [
        ("posts/order", "post", {"before": "1"}), ("posts/bulk", "post", {"do": "favourite"}),
        ("posts/{post}/edit", "version", {}), ("posts/{post}/undo", "version", {}),
        ("posts/{post}/restore", "number", {"version": "1"}), ("create", "count", {}),
        ("webhooks/{hook}", "delivery", {"do": "again"}), ("calendar/move", "version", {"day": "2027-01-01"}),
        ("calendar/make", "planned", {}), ("library/uploads", "size", {"name": "a.zip"}),
        ("review-links", "days", {}), ("review-links", "post", {}),
    ],
)  # fmt: skip
def test_a_field_that_is_no_number_is_refused_in_words(
    address: str, field: str, rest: dict[str, str]
) -> None:
    from feedsmith.studio.models import Brand, Draft, Hook

    oak = Brand.objects.get(slug="oak-co")
    post, hook = Draft.objects.filter(brand=oak).first(), Hook.make(oak, "https://oak.invalid/")
    place = f"/b/oak-co/{address.format(post=post.pk, hook=hook.pk)}"
    client = visitor("olga")
    for wrong in WRONG:
        assert client.post(place, {**rest, field: wrong}).status_code in (302, 303, 400, 404, 422)
    post.refresh_from_db()
    assert (post.version, post.favourite) == (1, False)
