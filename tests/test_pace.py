"""How long to wait, by what an answer says of usage."""

import pytest

from feedsmith.publishing.pace import SLOWEST, Usage, read


@pytest.mark.parametrize(
    ("headers", "usage"),
    [
        ({}, Usage()),
        ({"X-App-Usage": '{"call_count":28,"total_time":25,"total_cputime":31}'}, Usage(31)),
        ({"X-App-Usage": "not json"}, Usage()),
        ({"X-App-Usage": '["a"]', "X-Business-Use-Case-Usage": '{"1":[null]}'}, Usage()),
        ({"X-App-Usage": '{"call_count":"many"}'}, Usage()),
        (
            {"X-App-Usage": '{"call_count":10}', "X-Business-Use-Case-Usage":
             '{"178":[{"type":"instagram","call_count":100,"estimated_time_to_regain_access":19}]}'},
            Usage(100, 19 * 60.0),
        ),
    ],
)  # fmt: skip
def test_the_fullest_budget_counts(headers: dict[str, str], usage: Usage) -> None:
    assert read(headers) == usage


def test_waiting_grows_with_usage() -> None:
    waits = [Usage(percent).wait for percent in (0, 75, 80, 90, 99)]
    assert waits[:2] == [0, 0]
    assert waits == sorted(waits)
    assert waits[-1] < SLOWEST
    assert Usage(100).wait == 3600
    assert Usage(120, 60).wait == 60
