"""Webhooks: who is told what, signed how, how often, and which addresses are never called."""

import base64
import hashlib
import hmac
import ipaddress
import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from small_api import Program, number_of
from small_studio import CONFIG, text_of, visitor
from webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.usefixtures("studio")
HOOKS = "/brands/oak-co/webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def _this_machine(studio: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The studio was started with --webhooks-to 127.0.0.1."""
    from dataclasses import replace

    from django.conf import settings

    monkeypatch.setattr(settings, "STUDIO", replace(CONFIG, webhooks_to="127.0.0.1"))


def hook_to(url: str) -> tuple[int, str]:
    """Number and secret of a new webhook."""
    made = Program("olga")("POST", HOOKS, {"url": url})
    assert made.status_code == 201, made.content
    return made.json()["id"], made.json()["secret"]


def log_of(number: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = Program("olga").get(f"{HOOKS}/{number}/deliveries")[
        "deliveries"
    ]
    return rows


def later(seconds: float) -> None:
    """As if so much time had passed for what waits."""
    from feedsmith.studio.models import Delivery

    for row in Delivery.objects.filter(state="waiting"):
        row.due -= timedelta(seconds=seconds)
        row.save()


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As standardwebhooks.com tells receivers to check."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return fresh and f"v1,{digest}" in headers["webhook-signature"].split()


@pytest.mark.usefixtures("_this_machine")
def test_a_change_of_state_is_told_signed_and_once(receiver: Receiver) -> None:
    from feedsmith.studio.delivery import deliver

    number, secret = hook_to(receiver.url)
    post = number_of()
    Program("edgar")("POST", f"/brands/oak-co/posts/{post}/state", {"to": "review"})
    assert deliver() == 1
    assert deliver() == 0
    [(path, headers, body)] = receiver.got
    assert path == "/hook?from=studio"
    assert verified(secret, headers, body)
    assert not verified(secret, headers, body + b" ")
    said = json.loads(body)
    assert said["type"] == "post.moved"
    assert (said["data"]["id"], said["data"]["before"], said["data"]["state"], said["data"]["by"]) == (
        post, "draft", "review", "edgar",
    )  # fmt: skip
    [row] = log_of(number)
    assert (row["state"], row["answered"], row["message"]) == (
        "delivered", 204, headers["webhook-id"],
    )  # fmt: skip


@pytest.mark.usefixtures("_this_machine")
def test_every_way_to_another_state_is_told(receiver: Receiver) -> None:
    from feedsmith.studio.delivery import deliver
    from feedsmith.studio.models import Draft

    hook_to(receiver.url)
    here = f"/brands/oak-co/posts/{number_of()}"
    olga, edgar = Program("olga"), Program("edgar")
    olga("POST", f"{here}/state", {"to": "approved"})
    edgar("PUT", f"{here}/schedule", {"at": "2027-01-02T10:00:00Z"})
    edgar("PUT", f"{here}/schedule", {"at": "2027-01-03T10:00:00Z"})
    version = edgar.get(here)["version"]
    edgar("PATCH", here, {"version": version, "caption": "Other words need approval again."})
    visitor("olga").post(f"/b/oak-co/posts/{number_of()}/state", {"to": "approved"})
    edgar("POST", f"{here}/undo", {"version": Draft.objects.get(pk=number_of()).version})
    edgar("POST", f"{here}/copies")
    deliver()
    told = [json.loads(body) for _, _, body in receiver.got]
    assert [(t["type"], t["data"]["before"], t["data"]["state"]) for t in told] == [
        ("post.moved", "draft", "approved"), ("post.moved", "approved", "scheduled"),
        ("post.moved", "scheduled", "scheduled"), ("post.moved", "scheduled", "review"),
        ("post.moved", "review", "approved"), ("post.moved", "approved", "review"),
        ("post.made", None, "draft"),
    ]  # fmt: skip


@pytest.mark.usefixtures("_this_machine")
def test_a_change_that_is_taken_back_is_told_nobody(receiver: Receiver) -> None:
    from django.db import transaction

    from feedsmith.studio.delivery import deliver
    from feedsmith.studio.models import Draft

    hook_to(receiver.url)
    with transaction.atomic():
        Draft.objects.get(pk=number_of()).move("review", by="editor")
        transaction.set_rollback(True)
    assert deliver() == 0
    assert receiver.got == []


@pytest.mark.usefixtures("_this_machine")
def test_another_time_on_the_calendar_is_told_of_what_is_scheduled_only(receiver: Receiver) -> None:
    from feedsmith.studio.delivery import deliver
    from feedsmith.studio.models import Draft, Event

    hook_to(receiver.url)
    draft = Draft.objects.get(pk=number_of())
    for state in ("draft", "scheduled"):
        draft.state = state
        draft.save()
        Event.objects.create(brand=draft.brand, draft=draft, verb="planned", words="to a day")
    assert deliver() == 1
    assert json.loads(receiver.got[0][2])["data"]["before"] == "scheduled"


@pytest.mark.usefixtures("_this_machine")
def test_another_brands_posts_are_none_of_its_business(receiver: Receiver) -> None:
    from feedsmith.studio.delivery import deliver

    hook_to(receiver.url)
    theirs = number_of(brand="elm-co")
    Program("otto")("POST", f"/brands/elm-co/posts/{theirs}/state", {"to": "review"})
    assert deliver() == 0


@pytest.mark.usefixtures("_this_machine")
def test_what_does_not_arrive_is_tried_again_later_under_the_same_id(receiver: Receiver) -> None:
    from feedsmith.studio.delivery import TRIES, deliver

    number, secret = hook_to(receiver.url)
    receiver.answers = [500, 302]
    Program("olga")("POST", f"{HOOKS}/{number}/test")
    assert deliver() == 1
    assert deliver() == 0, "not before its time"
    [row] = log_of(number)
    assert (row["state"], row["said"]) == ("waiting", "answered with 500")
    later(TRIES[0])
    deliver()
    assert log_of(number)[0]["said"] == "answered with 302, which is not followed"
    later(TRIES[1])
    deliver()
    assert [(r["state"], r["tries"]) for r in log_of(number)] == [("delivered", 3)]
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert all(verified(secret, headers, body) for _, headers, body in receiver.got)


@pytest.mark.usefixtures("_this_machine")
def test_what_never_arrives_is_given_up_after_a_day_and_can_be_sent_again(
    receiver: Receiver,
) -> None:
    from feedsmith.studio.delivery import TRIES, deliver

    number, _ = hook_to(receiver.url)
    receiver.answers = [503] * (len(TRIES) + 1)
    Program("olga")("POST", f"{HOOKS}/{number}/test")
    for wait in (0, *TRIES, 10**6):
        later(wait)
        deliver()
    [row] = log_of(number)
    assert (row["state"], row["tries"], len(receiver.got)) == ("given up", 8, 8)
    assert sum(TRIES) > 24 * 3600
    again = Program("olga")("POST", f"{HOOKS}/{number}/deliveries/{row['id']}/again")
    assert again.json()["state"] == "waiting"
    deliver()
    assert log_of(number)[0]["state"] == "delivered"


@pytest.mark.usefixtures("_this_machine")
def test_a_receiver_that_is_gone_is_told_nothing_more_until_it_is_resumed(
    receiver: Receiver,
) -> None:
    from feedsmith.studio.delivery import deliver

    number, _ = hook_to(receiver.url)
    receiver.answers = [410]
    here = f"/brands/oak-co/posts/{number_of()}/state"
    edgar, olga = Program("edgar"), Program("olga")
    edgar("POST", here, {"to": "review"})
    deliver()
    assert olga.get(HOOKS)[0]["stopped"] == "it answered that it is gone (410)"
    edgar("POST", here, {"to": "draft"})
    assert deliver() == 0
    assert olga("POST", f"{HOOKS}/{number}/resume").json()["stopped"] == ""
    edgar("POST", here, {"to": "review"})
    assert deliver() == 1


@pytest.mark.usefixtures("_this_machine")
def test_one_that_does_not_answer_does_not_hold_up_the_others(receiver: Receiver) -> None:
    from feedsmith.studio.delivery import deliver

    with receiving() as closed:
        dead = closed.url
    silent, _ = hook_to(dead)
    lively, _ = hook_to(receiver.url)
    for number in (silent, silent, silent, lively):
        Program("olga")("POST", f"{HOOKS}/{number}/test")
    deliver()
    assert len(receiver.got) == 1
    assert sorted(int(str(row["tries"])) for row in log_of(silent)) == [0, 0, 1]
    assert "refused" in str(log_of(silent)[-1]["said"])


@pytest.mark.usefixtures("_this_machine")
def test_two_deliverers_never_send_the_same_try(receiver: Receiver) -> None:
    from feedsmith.studio.delivery import due

    number, _ = hook_to(receiver.url)
    Program("olga")("POST", f"{HOOKS}/{number}/test")
    first, second = due(), due()
    assert (len(first), len(second)) == (1, 0)


@pytest.mark.usefixtures("_this_machine")
def test_the_servers_own_thread_delivers(receiver: Receiver) -> None:
    from feedsmith.studio.delivery import Deliverer

    number, _ = hook_to(receiver.url)
    Program("olga")("POST", f"{HOOKS}/{number}/test")
    thread = Deliverer()
    thread.start()
    until = time.monotonic() + 20
    while not receiver.got and time.monotonic() < until:
        time.sleep(0.02)
    thread.close()
    thread.join(20)
    assert json.loads(receiver.got[0][2])["type"] == "webhook.test"


# ---- where it never calls ------------------------------------------------------------------------


PRIVATE = (
    "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.9.9", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
    "2002:a00:1::", "::",
)  # fmt: skip
PUBLIC = ("93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34")


def test_private_addresses_are_never_called_and_public_ones_are() -> None:
    from feedsmith.studio.delivery import may_be_called

    called = [p for p in (*PRIVATE, *PUBLIC) if may_be_called(ipaddress.ip_address(p))]
    assert called == list(PUBLIC)


def test_an_address_that_leads_inside_is_refused_in_whatever_way_it_is_written() -> None:
    for host in (
        "127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]",
    ):  # fmt: skip
        answer = Program("olga")("POST", HOOKS, {"url": f"http://{host}:9/x"})
        assert answer.status_code == 422, host
        assert "an address of a private network" in answer.json()["error"]
        assert "--webhooks-to" in answer.json()["mend"]


def test_a_name_that_leads_inside_only_later_is_not_called_either(receiver: Receiver) -> None:
    """DNS rebinding: what counts is where it leads at the moment of the call."""
    from feedsmith.studio.delivery import deliver
    from feedsmith.studio.models import Brand, Hook

    hook = Hook.make(Brand.objects.get(slug="oak-co"), receiver.url)
    hook.test()
    deliver()
    assert receiver.got == []
    assert "private network" in str(log_of(hook.pk)[0]["said"])


NO_ADDRESS = (
    "", "example.org", "ftp://example.org/", "javascript:alert(1)", "http://", "http://u:p@example.org/",
    "http://example.org/\r\nX: y", "http://exa mple.org/", "https://example.org:99999/", "http://[::1",
    "https://exämple.org/",
)  # fmt: skip


def test_what_is_no_address_is_refused() -> None:
    from feedsmith.studio.models import Hook

    program, owner = Program("olga"), visitor("olga")
    for url in NO_ADDRESS:
        assert program("POST", HOOKS, {"url": url}).status_code == 422, url
        assert owner.post("/b/oak-co/webhooks", {"url": url}).status_code == 422, url
    assert not Hook.objects.exists()


# ---- who keeps them ------------------------------------------------------------------------------


@pytest.mark.usefixtures("_this_machine")
def test_the_secret_is_shown_once_and_is_in_no_table(receiver: Receiver) -> None:
    from feedsmith.studio.models import Hook

    owner = visitor("olga")
    page = owner.post("/b/oak-co/webhooks", {"url": receiver.url})
    secret = re.search(r'value="(whsec_[^"]+)"', page.content.decode()).group(1)  # type: ignore[union-attr]
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret not in owner.get("/b/oak-co/webhooks").content.decode()
    assert "secret" not in Program("olga").get(HOOKS)[0]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    row = str(list(Hook.objects.values()))
    assert secret.removeprefix("whsec_") not in row
    assert key.hex() not in row


@pytest.mark.usefixtures("_this_machine")
def test_an_owner_sees_what_became_of_each_message_and_acts_on_the_page(
    receiver: Receiver,
) -> None:
    from feedsmith.studio.delivery import deliver
    from feedsmith.studio.models import Delivery, Hook

    number, _ = hook_to(receiver.url)
    owner, here = visitor("olga"), f"/b/oak-co/webhooks/{number}"
    assert owner.post(here, {"do": "test"}).status_code == 302
    receiver.answers = [500]
    deliver()
    assert "Answered with 500; tried 1 time" in text_of(owner.get("/b/oak-co/webhooks"))
    row = Delivery.objects.get()
    assert owner.post(here, {"do": "again", "delivery": row.pk}).status_code == 302
    deliver()
    assert "Arrived (204)" in text_of(owner.get("/b/oak-co/webhooks"))
    for strange in ({"do": "again", "delivery": "x"}, {"do": "again"}):
        assert owner.post(here, strange).status_code == 404
    assert owner.post(here, {"do": "dance"}).status_code == 400
    assert owner.post(here, {"do": "remove"}).status_code == 302
    assert not Hook.objects.exists()


@pytest.mark.usefixtures("_this_machine")
def test_only_owners_of_the_brand_see_or_change_them(receiver: Receiver) -> None:
    from feedsmith.studio.models import Hook

    number, _ = hook_to(receiver.url)
    for name, status in (("rita", 403), ("edgar", 403), ("otto", 404), ("nina", 404), ("", 302)):
        client = visitor(name)
        assert client.get("/b/oak-co/webhooks").status_code == status
        assert client.post("/b/oak-co/webhooks", {"url": receiver.url}).status_code == status
        assert client.post(f"/b/oak-co/webhooks/{number}", {"do": "remove"}).status_code == status
    assert visitor("otto").post(f"/b/elm-co/webhooks/{number}", {"do": "remove"}).status_code == 404
    assert Hook.objects.count() == 1


@pytest.mark.usefixtures("_this_machine")
def test_one_that_answers_a_byte_now_and_then_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import socket
    import threading

    from feedsmith.studio import delivery
    from feedsmith.studio.models import Delivery

    monkeypatch.setattr(delivery, "ALL_OF_IT", 0.5)
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def dribble() -> None:
        ours, _ = listening.accept()
        with ours:
            ours.recv(1 << 16)
            try:
                while not over.wait(0.1):
                    ours.send(b"H")
            except OSError:
                over.set()

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        number, _ = hook_to(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        Program("olga")("POST", f"{HOOKS}/{number}/test", {})
        delivery.deliver()
        assert over.wait(20)  # it was hung up on, not waited for
        assert Delivery.objects.get().state == "waiting"
    finally:
        over.set()
        thread.join()
        listening.close()
