"""Questions that are put into SQL once: their rows are those of Django's own way of asking."""

import threading

import pytest
from django.db import connection, connections
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from feedsmith.studio.once import Once

pytestmark = pytest.mark.usefixtures("studio")


@Once
def belonging(person: int):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Membership

    rows = Membership.objects.filter(person=person).select_related("brand", "person")
    return rows.order_by("brand_id")


@Once
def counted(brand: int, least: int):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    rows = Draft.objects.filter(brand=brand, version__gte=least).exclude(state="archived")
    return rows.order_by("state").values_list("state").annotate(Count("id"))


@Once
def one(brand: int):  # type: ignore[no-untyped-def]
    from feedsmith.studio.models import Draft

    return Draft.objects.filter(brand=brand).order_by("pk").values("pk", "media", "created_at")[:1]


def test_rows_are_those_of_the_query_for_each_value() -> None:
    from feedsmith.studio.models import Membership, Person

    for person in Person.objects.all():
        found = belonging(person.pk)
        wanted = list(Membership.objects.filter(person=person).order_by("brand_id"))
        assert found == wanted
        assert [(m.brand.slug, m.person.name, m.role) for m in found] == [
            (m.brand.slug, m.person.name, m.role) for m in wanted
        ]


def test_what_it_returns_is_as_it_is_now_and_can_be_saved() -> None:
    from feedsmith.studio.models import Person

    olga = Person.objects.get(name="olga")
    assert [m.role for m in belonging(olga.pk)] == ["owner"]
    (own,) = belonging(olga.pk)
    own.role = "editor"
    own.save()
    assert [m.role for m in belonging(olga.pk)] == ["editor"]


def test_counts_and_values_are_read_as_the_models_say() -> None:
    from feedsmith.studio.models import Brand, Draft

    for brand in Brand.objects.all():
        assert counted(brand.pk, 1) == [("draft", Draft.objects.filter(brand=brand).count())]
        assert counted(brand.pk, 2) == []
        wanted = Draft.objects.filter(brand=brand).order_by("pk")
        assert one(brand.pk) == list(wanted.values("pk", "media", "created_at")[:1])


def test_another_thread_asks_by_its_own_connection() -> None:
    from feedsmith.studio.models import Person

    olga, found = Person.objects.get(name="olga"), []
    belonging(olga.pk)

    def elsewhere() -> None:
        found.append(([m.brand.slug for m in belonging(olga.pk)], connection.connection))
        connections.close_all()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found[0][0] == [m.brand.slug for m in belonging(olga.pk)]
    assert found[0][1] is not connection.connection


def test_each_call_is_one_question() -> None:
    from feedsmith.studio.models import Person

    olga = Person.objects.get(name="olga")
    belonging(olga.pk)
    with CaptureQueriesContext(connection) as asked:
        belonging(olga.pk)
    assert len(asked) == 1


def test_digits_of_an_address_are_the_number_and_what_no_column_holds_has_no_rows() -> None:
    from feedsmith.studio.models import Person

    olga = Person.objects.get(name="olga")
    assert belonging(str(olga.pk)) == belonging(olga.pk)
    assert belonging(2**63) == belonging(str(10**30)) == belonging(-(2**63) - 1) == []
