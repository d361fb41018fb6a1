"""Health: what an engine, a load balancer or a monitor asks."""

import pytest
from django.db import connection
from django.db.utils import OperationalError

from small_studio import text_of, visitor

pytestmark = pytest.mark.usefixtures("studio")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_everybody_may_ask(path: str) -> None:
    answer = visitor().get(path)
    assert answer.status_code == 200
    assert text_of(answer).strip() == "ok"


def test_a_database_that_does_not_answer_is_not_ready_yet_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away() -> None:
        raise OperationalError("it is away")

    monkeypatch.setattr(connection, "cursor", away)
    assert visitor().get("/readyz").status_code == 503
    assert visitor().get("/healthz").status_code == 200
