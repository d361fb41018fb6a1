"""A chat model elsewhere: asked over real sockets, and everything that can go wrong on the way."""

import datetime as dt
import gzip
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from email.utils import format_datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chat_server import Answer, Asked, ChatServer, choice, refuses, says, serving
from feedsmith import generate as stage
from feedsmith.brand import Brand, Home, WriterSettings
from feedsmith.captions.brief import CaptionBrief
from feedsmith.captions.endpoint import TOKENS, TOKENS_THINKING, WRITER, Endpoint, chosen
from feedsmith.captions.habits import bare
from feedsmith.captions.writer import PATIENCE, Writer
from feedsmith.doctor import examine
from feedsmith.endpoint import (
    OPENAI,
    OPENAI_KEY,
    TRIES,
    Key,
    NoAnswer,
    based,
    key_for,
)
from feedsmith.errors import FeedsmithError
from feedsmith.generate import Settings
from feedsmith.post import Offer, PastPost, Post
from feedsmith.wire import near, shown
from small_brand import brand

URL, MODEL, KEY, KEY_FILE = WRITER.url, WRITER.model, WRITER.key, WRITER.key_file
SECRET = "sk-do-not-tell-4711"
HELLO = [{"role": "user", "content": "hello"}]
DEMO = Path(__file__).parent.parent / "demo"


@pytest.fixture(autouse=True)
def no_writer_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (URL, MODEL, KEY, KEY_FILE, OPENAI_KEY, "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def endpoint(server: ChatServer, secret: str = "", **given: Any) -> Endpoint:
    key = Key(secret, KEY if secret else "")
    return Endpoint(server.url, "test", key, **{"pause": 0.01, "timeout": 5.0, **given})


def refusal(*answers: Answer, secret: str = "", **given: Any) -> NoAnswer:
    """What is said of a server that answers so; it must not hold the key."""
    with serving(*answers) as server, pytest.raises(NoAnswer) as raised:
        endpoint(server, secret, **given).ask(HELLO, 1)
    assert SECRET not in str(raised.value)
    return raised.value


# ---- asking ----------------------------------------------------------------------------------------


def test_it_asks_as_the_protocol_says() -> None:
    with serving(says("Hi.")) as server:
        assert endpoint(server, SECRET).ask(HELLO, seed=2**40 + 7) == ["Hi."]
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["Authorization"] == f"Bearer {SECRET}"
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.payload["model"] == "test"
    assert asked.payload["messages"] == HELLO
    assert asked.payload["stream"] is False
    assert asked.payload["seed"] == 7
    assert 0 < asked.payload["temperature"] < 1
    assert asked.payload["max_tokens"] == TOKENS


def test_without_a_key_none_is_sent() -> None:
    with serving(says("Hi.")) as server:
        endpoint(server).ask(HELLO, 1)
    assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        (says("One.", "Two.", " "), ["One.", "Two."]),
        (says([{"type": "text", "text": "One "}, {"type": "image"}, {"text": "word."}]), ["One word."]),
        (says("Half a", ends="length"), ["Half a"]),
        (Answer({"choices": [{"text": "Old style."}]}), ["Old style."]),
        (says("One.", headers={"Content-Type": "text/plain"}), ["One."]),
    ],
)  # fmt: skip
def test_every_choice_that_says_something_is_read(answer: Answer, texts: list[str]) -> None:
    with serving(answer) as server:
        assert endpoint(server).ask(HELLO, 1) == texts


def test_a_stream_that_nobody_asked_for_is_put_together() -> None:
    parts: list[dict[str, Any]] = [
        {"index": i, "delta": {"content": text}} for i, text in ((0, "On"), (1, "Two."), (0, "e."))
    ]
    events = [json.dumps({"choices": [part]}) for part in parts]
    body = "".join(f"data: {event}\n\n" for event in [*events, '{"usage": {}}', "[DONE]"])
    with serving(Answer(body, headers={"Content-Type": "text/event-stream"})) as server:
        assert endpoint(server).ask(HELLO, 1) == ["One.", "Two."]


@pytest.mark.parametrize(
    ("said", "gone", "instead"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model. Use "
         "'max_completion_tokens' instead.", "max_tokens", "max_completion_tokens"),
        ("Unsupported value: 'temperature' does not support 0.9 with this model.", "temperature", ""),
        ("Extra inputs are not permitted: seed", "seed", ""),
    ],
)  # fmt: skip
def test_a_field_that_a_server_does_not_take_is_left_out_from_then_on(
    said: str, gone: str, instead: str
) -> None:
    with serving(refuses(400, said), says("Hi.")) as server:
        asking = endpoint(server)
        assert [asking.ask(HELLO, 1), asking.ask(HELLO, 2)] == [["Hi."], ["Hi."]]
    first, *later = server.asked
    assert len(later) == 2
    assert gone in first.payload
    for asked in later:
        assert gone not in asked.payload
        assert not instead or instead in asked.payload


def test_a_model_that_thought_until_nothing_was_left_gets_more_once() -> None:
    for nothing in ("", "<think>The user wants"):
        with serving(says(nothing, ends="length"), says("Hi.")) as server:
            assert endpoint(server).ask(HELLO, 1) == ["Hi."]
        assert [a.payload["max_tokens"] for a in server.asked] == [TOKENS, TOKENS_THINKING]
    assert "does not think first" in refusal(says("", ends="length")).mend


# ---- trying again ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int) -> None:
    with serving(refuses(status), refuses(status), says("Hi.")) as server:
        assert endpoint(server).ask(HELLO, 1) == ["Hi."]
    assert len(server.asked) == 3


def test_one_that_stays_busy_is_let_be_after_some_tries() -> None:
    with serving(refuses(503, "overloaded")) as server, pytest.raises(NoAnswer) as raised:
        endpoint(server).ask(HELLO, 1)
    assert len(server.asked) == TRIES
    assert "503: overloaded" in raised.value.message
    assert not raised.value.lasting


def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long is waited, without waiting."""
    slept: list[float] = []
    monkeypatch.setattr("feedsmith.endpoint.time.sleep", slept.append)
    return slept


def test_pauses_double(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = waits(monkeypatch)
    refusal(refuses(500), pause=0.25)
    assert slept == [0.25, 0.5]


def test_the_wait_that_a_server_asks_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=20), usegmt=True)
    slept = waits(monkeypatch)
    for said in ("3", soon, "soon"):
        with serving(refuses(429, Retry_After=said), says("Hi.")) as server:
            endpoint(server).ask(HELLO, 1)
    assert slept[0] == 3
    assert 15 < slept[1] <= 20
    assert slept[2] == 0.01


def test_one_that_asks_for_too_long_a_wait_is_not_waited_for() -> None:
    error = refusal(refuses(429, Retry_After="3600"))
    assert "asks to wait 3600 seconds" in error.message
    assert not error.lasting


def test_a_line_that_breaks_is_tried_again() -> None:
    short = says("Hi.", length=5000)
    with serving(short, short, says("Hi.")) as server:
        assert endpoint(server).ask(HELLO, 1) == ["Hi."]


# ---- what goes wrong -------------------------------------------------------------------------------


def test_a_key_that_is_wrong_or_missing_names_its_variable() -> None:
    wrong = refusal(refuses(401, f"Incorrect API key provided: {SECRET}"), secret=SECRET)
    assert f"refuses the key in {KEY}" in wrong.message
    missing = refusal(refuses(401, "no key"))
    assert "wants a key" in missing.message
    assert KEY in missing.mend
    assert wrong.lasting
    assert missing.lasting


def test_a_model_that_is_not_there_is_answered_with_those_that_are() -> None:
    error = refusal(refuses(404, 'model "test" not found'))
    assert 'model "test" not found' in error.message
    assert error.mend == "name a model that is there: test, big:7b"


def test_an_address_that_is_not_there_is_told_how_such_addresses_end() -> None:
    with serving(Answer("<html>404</html>", 404)) as server:
        server.models = server.answers[0]
        with pytest.raises(NoAnswer) as raised:
            endpoint(server).ask(HELLO, 1)
    assert "/v1" in raised.value.mend
    assert "<" not in raised.value.message


def test_nobody_there_says_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound and not listening: refused at once
        monkeypatch.setattr("feedsmith.endpoint._STARTED_WITH", {port: "start it: serve MODEL"})
        with pytest.raises(NoAnswer) as raised:
            Endpoint(f"http://127.0.0.1:{port}", "test", pause=0.01).ask(HELLO, 1)
    assert f"nothing answers at 127.0.0.1:{port}" in raised.value.message
    assert raised.value.mend == "start it: serve test"
    assert raised.value.lasting


def test_the_usual_ports_are_known() -> None:
    for port, name in ((11434, "Ollama"), (1234, "LM Studio"), (8000, "vLLM")):
        assert name in Endpoint(f"http://localhost:{port}", "test")._start()


def test_no_such_host_is_said() -> None:
    with pytest.raises(NoAnswer, match=r"nowhere\.invalid") as raised:
        Endpoint("http://nowhere.invalid/v1", "test", pause=0.01).ask(HELLO, 1)
    assert raised.value.mend


@pytest.mark.parametrize(
    "slow", [says("Hi.", delay=0.6), says("Hi.", drip=0.02)], ids=["silent", "a byte now and then"]
)
def test_a_slow_answer_is_hung_up_on_and_asked_for_once_more(slow: Answer) -> None:
    with serving(slow) as server, pytest.raises(NoAnswer) as raised:
        endpoint(server, timeout=0.2).ask(HELLO, 1)
    assert "no answer within 0.2 seconds" in raised.value.message
    assert "timeout" in raised.value.mend
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer("<html>Hello</html>", headers={"Content-Type": "text/html"}), "not with JSON, but text/html"),
        (Answer('{"choices": [{"mess'), "broken JSON"),
        (Answer("[" * 100_000), "broken JSON"),
        (Answer({"choices": []}), "its answer has no choices"),
        (Answer({}), "its answer has no choices"),
        (Answer([1]), "its answer has no choices"),
        (Answer({"choices": "none"}), "its answer has no choices"),
        (Answer({"choices": [{"message": None}, 3]}), "its choices are empty"),
        (says(None), "its choices are empty"),
        (says("", ends="content_filter"), "its content filter let no answer through"),
        (Answer({"choices": [{"message": {"content": None, "refusal": "I cannot."}}]}), "content filter"),
        (Answer({"error": {"message": "model crashed"}}), "an error: model crashed"),
        (Answer("x" * (WRITER.most + 10)), "longer than 512 kB"),
        (refuses(400, "context length exceeded"), "400: context length exceeded"),
        (refuses(418, "short and stout"), "418: short and stout"),
        (refuses(429, "You exceeded your current quota.", code="insufficient_quota"), "quota is used up"),
        (refuses(405), "knows no such model or address"),
        (Answer(gzip.compress(b"{}"), headers={"Content-Type": "application/json"}), "broken JSON"),
        (refuses(400, "bad \x1b[31mnews\nfor\tyou " + "x" * 500), "bad [31mnews for you xxx"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_one_clear_line(answer: Answer, said: str) -> None:
    error = refusal(answer)
    assert said in error.message
    assert error.mend
    assert len(error.message) < 260
    assert error.message.isprintable()


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with serving(says("Hi.")) as other:
        onward = Answer("", 307, {"Location": f"http://localhost:{other.port}/v1/chat/completions"})
        error = refusal(onward, secret=SECRET)
    assert not other.asked
    assert f"http://localhost:{other.port}" in error.message


def test_a_proxy_is_not_asked_for_what_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(says("Hi.")) as server:
        assert endpoint(server).ask(HELLO, 1) == ["Hi."]


def test_a_proxy_is_asked_for_what_is_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(says("Hi.")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert Endpoint("http://far.example/v1", "test").ask(HELLO, 1) == ["Hi."]
    assert proxy.asked[0].path == "http://far.example/v1/chat/completions"


# ---- certificates ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that nobody has signed, and a server's side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(dt.datetime(2020, 1, 1))
        .not_valid_after(dt.datetime(2049, 1, 1))
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return file, context


def test_a_certificate_is_verified(
    certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, context = certificate
    with serving(says("Hi."), context=context) as server:
        there = Endpoint(f"https://127.0.0.1:{server.port}", "test", Key(SECRET, KEY), pause=0.01)
        with pytest.raises(NoAnswer, match="certificate is not trusted") as raised:
            there.ask(HELLO, 1)
        assert "SSL_CERT_FILE" in raised.value.mend
        assert not server.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert there.ask(HELLO, 1) == ["Hi."]


def test_https_where_there_is_none_is_said() -> None:
    with serving(says("Hi.")) as server, pytest.raises(NoAnswer, match="no proper TLS") as raised:
        Endpoint(f"https://127.0.0.1:{server.port}", "test", pause=0.01).ask(HELLO, 1)
    assert "http://" in raised.value.mend


# ---- addresses, models and keys --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://localhost:11434/v1/", "http://localhost:11434/v1"),
        ("https://openrouter.ai/api/v1/chat/completions", "https://openrouter.ai/api/v1"),
        (" http://[::1]:8000/ ", "http://[::1]:8000/v1"),
        ("https://API.OpenAI.com/v1", "https://api.openai.com/v1"),
    ],
)
def test_an_address_is_brought_into_shape(given: str, base: str) -> None:
    assert based(given, WRITER) == base


@pytest.mark.parametrize(
    "given",
    [
        "localhost:11434", "ftp://localhost/v1", "http://", "http://a b/v1", "http://host:port/v1",
        "http://host:99999999/v1", f"http://user:{SECRET}@host/v1", f"https://host/v1?key={SECRET}",
        f"https://host/v1#{SECRET}", "http://host/v1\r\nX-Evil: 1", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_bare_address_is_refused_without_showing_more_of_it(given: str) -> None:
    with pytest.raises(FeedsmithError) as raised:
        based(given, WRITER)
    assert SECRET not in str(raised.value)
    assert raised.value.mend


def test_near_is_this_machine_and_ones_own_network() -> None:
    for host in ("localhost", "127.0.0.1", "::1", "ollama", "nas.local", "192.168.1.20", "10.0.0.5",
                 "fd00::1", "100.100.1.1", "box.home.arpa"):  # fmt: skip
        assert near(host), host
    for host in ("api.openai.com", "8.8.8.8", "2001:4860:4860::8888", "mylocal", "local.example"):
        assert near(host) == ("." not in host and ":" not in host), host


def test_a_key_does_not_travel_in_the_open() -> None:
    with pytest.raises(FeedsmithError, match="unencrypted") as raised:
        Endpoint("http://api.example.com/v1", "m", Key(SECRET, KEY))
    assert SECRET not in str(raised.value)
    assert Endpoint("http://192.168.1.20:8000/v1", "m", Key(SECRET, KEY)).key_source == KEY


SET = WriterSettings(url="http://nas.local:1234/v1", model="from-brand", timeout=7, candidates=2)


def test_the_command_goes_before_the_environment_and_that_before_the_brand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pick(asked: str) -> tuple[str, str] | None:
        found = chosen(asked, SET)
        return (found.model, found.base) if found else None

    assert chosen("", WriterSettings()) is None
    assert pick("") == ("from-brand", "http://nas.local:1234/v1")
    monkeypatch.setenv(URL, "http://localhost:11434")
    monkeypatch.setenv(MODEL, "from-environment")
    assert pick("") == ("from-environment", "http://localhost:11434/v1")
    assert pick("mine:8b") == ("mine:8b", "http://localhost:11434/v1")
    assert pick("https://a.example/v1") == ("from-environment", "https://a.example/v1")
    assert pick("@cf/x/y@http://b.lan/v1") == ("@cf/x/y", "http://b.lan/v1")
    assert pick("none") is None
    found = chosen("", SET)
    assert found is not None
    assert (found.timeout, found.candidates) == (7, 2)


def test_half_a_setting_says_what_is_missing() -> None:
    with pytest.raises(FeedsmithError, match="no address") as raised:
        chosen("llama3.1", WriterSettings())
    assert "--writer llama3.1@http" in raised.value.mend
    with pytest.raises(FeedsmithError, match="no model") as raised:
        chosen(f"http://user:{SECRET}@localhost", WriterSettings())
    assert SECRET not in str(raised.value)


def test_keys_come_from_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert key_for("nas.local", WRITER) == Key()
    monkeypatch.setenv(KEY, f" {SECRET}\n")
    assert key_for("nas.local", WRITER) == Key(SECRET, KEY)
    file = tmp_path / "key.txt"
    file.write_text("another-key\n", "utf-8")
    monkeypatch.setenv(KEY_FILE, str(file))
    assert key_for("nas.local", WRITER) == Key("another-key", KEY_FILE)
    for name, content in (("gone", None), ("two", b"one\ntwo"), ("binary", b"\xff\xfe")):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        monkeypatch.setenv(KEY_FILE, str(path))
        with pytest.raises(FeedsmithError, match=KEY_FILE) as raised:
            key_for("nas.local", WRITER)
        assert raised.value.mend
        assert "two" not in raised.value.message.replace(str(path), "")


def test_openais_key_is_for_openai_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPENAI_KEY, SECRET)
    assert key_for(OPENAI, WRITER) == Key(SECRET, OPENAI_KEY)
    assert key_for("api.elsewhere.example", WRITER) == Key()
    with serving(refuses(401, "no key")) as server:
        found = chosen(f"test@{server.url}", WriterSettings())
        assert found is not None
        with pytest.raises(NoAnswer) as raised:
            found.ask(HELLO, 1)
    assert f"{OPENAI_KEY} is sent to {OPENAI} alone" in raised.value.mend


def test_a_key_is_shown_by_nothing() -> None:
    key = Key(SECRET, KEY)
    there = Endpoint("https://host/v1", "m", key)
    for text in (repr(key), str(key), f"{key}", repr(there), there.name):
        assert SECRET not in text
    assert there.name == "m at host"
    assert shown(f"https://me:{SECRET}@host:99/v1?key={SECRET}") == "https://host:99"


# ---- writing ---------------------------------------------------------------------------------------

BRAND = Brand(name="Tall Tree Outfitters", niche="hiking & outdoor store", voice="dry")


def brief(**given: object) -> CaptionBrief:
    made = {"kind": "photo", "brand": BRAND, "shows": ("boulders", "rocky shore"), **given}
    return CaptionBrief(**made)  # type: ignore[arg-type]


GOOD = "The boulders on this rocky shore have been told to wait, and they are rather good at it."


def test_a_good_caption_wins_and_says_whose_it_is() -> None:
    with serving(
        says(json.dumps([GOOD, "Boulders in Norway.", "Only 12 EUR.", "Boulders. #rocks"]))
    ) as server:
        writer = Writer(other=endpoint(server))
        (caption,) = writer.write([brief()], seed=1)
    assert (bare(caption.text), caption.route) == (GOOD, "endpoint")
    assert (writer.said.read, writer.said.won) == (4, 1)
    assert writer.said.refused == {
        "name not in the brief": 1, "number not in the brief": 1, "too short": 1,
    }  # fmt: skip
    assert "boulders, rocky shore" in server.asked[0].prompt


def test_what_an_endpoint_writes_of_something_else_loses() -> None:
    with serving(says('["Slow down. It is worth it, whatever it is."]')) as server:
        (caption,) = Writer(other=endpoint(server)).write([brief()], seed=1)
    assert caption.route == "skeleton"


def test_too_few_captions_are_asked_for_once_more() -> None:
    with serving(says('["Boulders, good ones."]')) as server:
        writer = Writer(other=endpoint(server))
        writer.write([brief()], seed=1)
        Writer(other=endpoint(server, candidates=2)).write([brief()], seed=1)
    assert len(server.asked) == 3
    assert server.asked[0].payload["seed"] != server.asked[1].payload["seed"]
    assert writer.said.read == 1


def test_several_choices_are_all_read() -> None:
    with serving(says("Boulders, good ones.", GOOD)) as server:
        writer = Writer(other=endpoint(server))
        writer.write([brief()], seed=1)
    assert len(server.asked) == 1
    assert writer.said.read == 2


def test_facts_stand_word_for_word_whatever_the_model_wrote() -> None:
    mug = Offer(name="Oak mug", price="38 EUR", was="45 EUR", call="Write to us by 5 pm")
    about = brief(kind="product", shows=("mug",), details=mug)
    with serving(
        says('["A mug for people who like their coffee in oak.", "Mug, 35 EUR."]')
    ) as server:
        writer = Writer(other=endpoint(server))
        (caption,) = writer.write([about], seed=1)
    for fact in ("Oak mug", "38 EUR (was 45 EUR)", "Write to us by 5 pm"):
        assert caption.text.count(fact) == 1
    assert "35" not in caption.text
    assert writer.said.refused["number not in the brief"] == 1


def test_emoji_are_the_brands_own_and_as_many_as_it_uses() -> None:
    plain = tuple(PastPost(id=str(i), text=f"Tree, item {'abcdefgh'[i]}.") for i in range(8))
    happy = tuple(PastPost(id=str(i), text=f"Tree {'abcdefgh'[i]} 🪨") for i in range(8))
    texts = []
    for history in (plain, happy):
        with serving(says(json.dumps([GOOD.replace(",", " 🎉🔥,")]))) as server:
            made = Writer(other=endpoint(server)).write([brief(history=history)], seed=1)
        texts.append(made[0])
    assert [c.route for c in texts] == ["endpoint", "endpoint"]
    assert texts[0].text == GOOD
    assert texts[1].text.startswith(GOOD)


def test_a_brand_of_another_language_gets_captions_in_it_and_no_others() -> None:
    german = BRAND.model_copy(update={"language": "de"})
    said = ["Die Felsen am Ufer warten, und sie können das gut.", GOOD]
    with serving(says(json.dumps(said))) as server:
        writer = Writer(other=endpoint(server))
        (caption,) = writer.write([brief(brand=german)], seed=1)
    assert (caption.text, caption.route) == (said[0], "endpoint")
    assert writer.said.refused == {"another language": 1}
    assert "Write in German." in server.asked[0].prompt


def test_what_was_asked_does_not_come_back_as_a_caption() -> None:
    brand = BRAND.model_copy(update={"voice_examples": (GOOD,)})
    echo = "A picture with a saying set on it; the caption stands beneath the boulders."
    with serving(says(json.dumps([GOOD, echo]))) as server:
        writer = Writer(other=endpoint(server))
        (caption,) = writer.write([brief(brand=brand, kind="quote")], seed=1)
    assert caption.route == "skeleton"
    assert writer.said.refused == {"echo of the question": 2}


def test_one_that_fails_now_and_then_is_asked_on() -> None:
    with serving(refuses(400), says('["Boulders, good ones.", "Boulders, at last."]')) as server:
        writer = Writer(other=endpoint(server))
        server.answers = (Answer({}), *[says('["Boulders, good ones.", "No."]'), Answer({})] * 2)
        writer.write([brief() for _ in range(5)], seed=1)
    assert writer.said.trouble is None
    assert len(server.asked) == 5


@pytest.mark.parametrize(
    ("answer", "asked"), [(Answer({}), PATIENCE), (refuses(401), 1), (refuses(500), 2 * TRIES)]
)
def test_one_that_keeps_failing_is_left_alone_and_captions_go_on(
    answer: Answer, asked: int
) -> None:
    with serving(answer) as server:
        writer = Writer(other=endpoint(server))
        captions = writer.write([brief() for _ in range(5)], seed=1)
    assert {c.route for c in captions} == {"skeleton"}
    assert len(server.asked) == asked
    assert writer.said.trouble is not None
    assert [c.text for c in captions] == [
        c.text for c in Writer().write([brief() for _ in range(5)], seed=1)
    ]


# ---- doctor ----------------------------------------------------------------------------------------


def finding(settings: WriterSettings) -> tuple[str, str]:
    (found,) = (f for f in examine(Brand(name="x", writer=settings)) if f.topic == "writer")
    assert SECRET not in found.text
    return found.level, found.text


def test_doctor_says_whether_the_writer_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, SECRET)
    assert finding(WriterSettings())[0] == "ok"
    with serving(says("Hi.")) as server:
        here = WriterSettings(url=server.url, model="test")
        assert finding(here) == ("ok", f"test at 127.0.0.1 answers, with the key in {KEY}")
        level, text = finding(WriterSettings(url=server.url, model="gone"))
        assert (level, "test" in text, "big:7b" in text) == ("note", True, True)
        server.models = refuses(401, f"wrong key {SECRET}")
        assert finding(here)[0] == "note"
        server.models = Answer({"data": "?"})
        assert finding(here)[0] == "ok"  # it answers; which models it has it does not say
    level, text = finding(here)
    assert level == "note"
    assert "nothing answers" in text
    assert finding(WriterSettings(model="half"))[0] == "note"


# ---- the whole way ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The demo brand with two of its posts."""
    return brand(tmp_path_factory.mktemp("brand"), ("147-forest-stream", "150-mountain-sunset"))


def about_the_picture(line: Callable[[str], str]) -> Callable[[Asked], Answer]:
    """A model that speaks of the first thing it is told that the picture shows."""

    def reply(asked: Asked) -> Answer:
        told = asked.prompt.split("The picture shows: ")[1].split("\n")[0].split(", ")
        return says(json.dumps([line(told[0]), line(told[0]).replace("has", "owns")]))

    return reply


WINS = "This {} has seen us coming and decided not to make a fuss about it."


def made(home: Home, out: Path, writer: str) -> tuple[stage.Result, Post]:
    settings = Settings(count=1, kind="photo", seed=3, writer=writer)
    result = stage.generate(home, settings, out=out)
    return result, result.posts[0]


def command(home: Home, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from feedsmith.cli import main; main()", "generate",
         str(home.root), "--count", "1", "--kind", "photo", "--seed", "3", *words],
        capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )  # fmt: skip


def test_a_caption_of_the_endpoint_is_posted_and_named_and_its_key_is_nowhere(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(about_the_picture(WINS.format)) as server:
        writer = f"test@{server.url}"
        done = command(
            home, "--out", str(tmp_path), "--writer", writer, FEEDSMITH_WRITER_KEY=SECRET
        )
        # The same again, told by the environment, is complete and asks nobody.
        monkeypatch.setenv(URL, server.url)
        monkeypatch.setenv(MODEL, "test")
        again, post = made(home, tmp_path, "")
        # Without it another run is made, which knows nothing of it.
        without, plain = made(home, tmp_path, "none")
    assert done.returncode == 0, done.stderr
    assert "test at 127.0.0.1 wrote 2 captions and 1 were taken." in done.stdout
    assert again.made == 0
    assert len(server.asked) == 1
    assert server.asked[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert post.caption.startswith(WINS.format(post.shows[0])[:20])
    assert post.caption_route == "endpoint"
    assert post.models["writer"] == "test at 127.0.0.1"
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert SECRET not in done.stdout + done.stderr
    assert not any(SECRET.encode() in data for data in files)
    assert without.made == 1
    assert plain.caption_route == "skeleton"
    assert "writer" not in plain.models


def test_a_caption_that_invents_a_price_is_not_posted(home: Home, tmp_path: Path) -> None:
    with serving(about_the_picture("This {} has a price, 12 EUR.".format)) as server:
        result, post = made(home, tmp_path, f"test@{server.url}")
    assert server.asked
    assert post.caption_route == "skeleton"
    assert "12" not in post.caption
    assert any("2 broke a rule (number not in the brief 2)" in note for note in result.notes)


def test_a_server_that_is_down_ends_nothing_and_is_said_once(home: Home, tmp_path: Path) -> None:
    with serving() as gone:
        pass
    result, post = made(home, tmp_path, f"test@{gone.url}")
    assert post.caption_route == "skeleton"
    assert post.models["writer"] == "test at 127.0.0.1"
    (note,) = (note for note in result.notes if "test at" in note)
    assert "was left alone, and captions were written here: nothing answers at" in note


def test_a_wrong_address_is_said_before_anything_is_made(home: Home) -> None:
    done = command(home, "--writer", f"test@http://me:{SECRET}@127.0.0.1/v1")
    assert done.returncode == 1
    assert "Next: " in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_a_choice_is_what_the_protocol_says() -> None:
    """The server of these tests speaks as the real ones do (docs of Ollama, vLLM and OpenAI)."""
    assert choice("Hi.") == {
        "index": 0,
        "message": {"role": "assistant", "content": "Hi."},
        "finish_reason": "stop",
    }
