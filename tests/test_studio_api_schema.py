"""The API keeps what its description says: schemathesis asks every operation for what it allows, and for
what it does not. The same requests each time, a bounded number of them.
"""

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from small_api import parts, token_of

schemathesis = pytest.importorskip(
    "schemathesis", reason='needs the dev extra: pip install "feedsmith[dev]"'
)

from schemathesis.config import SchemathesisConfig  # noqa: E402
from schemathesis.core.failures import FailureGroup  # noqa: E402
from schemathesis.generation import GenerationMode  # noqa: E402

EXAMPLES = int(os.environ.get("FEEDSMITH_SCHEMATHESIS", "6"))
"""Requests to one operation: so many that are as they must be, and so many that are not."""
BOUNDED = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
PATIENCE = 120
"""Seconds for one answer: a machine with other work to do is no flaw of the API."""
CHECKS = {
    # What one field cannot say is refused as well: a cursor that nobody gave out, a range of days
    # that ends before it starts. The test itself asks that no single field was found wrong.
    "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]},
}

pytestmark = [
    pytest.mark.usefixtures("studio"),
    # Files are handed to the server as they are read; Django says so each time.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_operation_answers_as_described(mode: GenerationMode) -> None:
    from django.core.handlers.asgi import ASGIHandler

    from feedsmith.studio.api.door import rate

    schema = schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json", ASGIHandler(), headers={"Host": "localhost"}, timeout=PATIENCE,
        config=SchemathesisConfig.from_dict(
            {"base-url": "http://localhost", "checks": CHECKS, "request-timeout": PATIENCE}
        ),
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {token_of('olga')}"}
    answered: dict[str, Counter[int]] = {}
    found: list[str] = []
    for entry in schema.get_all_operations():
        operation = entry.ok()
        counts = answered[operation.label] = Counter()
        fixed = (
            parts(operation.path.removeprefix("/api/v1"))
            if mode is GenerationMode.POSITIVE or inputs(operation)
            else {}
        )

        @BOUNDED
        @given(case=operation.as_strategy(generation_mode=mode, path_parameters=fixed or None))
        def ask(case: Any) -> None:
            rate.forget()
            if mode is GenerationMode.POSITIVE:
                newest(case)
            answer = case.call(headers=headers)
            counts[answer.status_code] += 1  # noqa: B023 - called in this turn of the loop
            case.validate_response(answer)
            if mode is GenerationMode.POSITIVE and answer.status_code == 422:
                assert not answer.json().get("problems"), (case.as_curl_command(), answer.json())

        try:
            ask()
        except (FailureGroup, AssertionError) as failure:
            found.append(f"{operation.label}\n{failure}")
    assert not found, "\n\n".join(found)
    assert len(answered) > 60
    if mode is GenerationMode.POSITIVE:
        never = [label for label, counts in answered.items() if not {200, 201, 204} & set(counts)]
        assert set(never) <= UNLIKELY


UNLIKELY = {
    "POST /api/v1/brands/{brand}/webhooks",  # what is made up is no address
    "POST /api/v1/brands/{brand}/library/uploads",  # nor is it a file's name that ends in .jpg
    "PATCH /api/v1/brands/{brand}/library/uploads/{key}",  # nor a picture's bytes
    "POST /api/v1/brands/{brand}/library/imports",  # nor the key of an upload
    "PUT /api/v1/brands/{brand}/posts/{number}/account",  # nor an account's number
    "POST /api/v1/brands/{brand}/calendar/jobs",  # nor the id of a planned post
    "PUT /api/v1/brands/{brand}/posts/{number}/place",  # nor that of another post
    # Posts that a test wrote are not made of anything that is known.
    "POST /api/v1/brands/{brand}/posts/{number}/versions",
    "POST /api/v1/brands/{brand}/posts/{number}/words",
    "POST /api/v1/brands/{brand}/posts/{number}/layouts",
}
"""Operations that what is made up cannot make succeed."""


def inputs(operation: Any) -> bool:
    """True where there is more to get wrong than the address."""
    said = operation.definition.raw
    return "requestBody" in said or any(p["in"] == "query" for p in said["parameters"])


def newest(case: Any) -> None:
    """An edit of a version that was made up is a conflict each time."""
    from feedsmith.studio.models import Draft

    body = case.body
    if (
        isinstance(body, dict)
        and type(body.get("version")) is int
        and "number" in case.path_parameters
    ):
        draft = Draft.objects.filter(pk=case.path_parameters["number"]).first()
        body["version"] = draft.version if draft is not None else body["version"]
