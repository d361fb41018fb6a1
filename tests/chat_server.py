"""A small chat server on this machine that speaks OpenAI's protocol, well and badly.

It answers what it is told to, one answer after another (the last one again and again), and keeps what
it was asked. A real server over real sockets: only what a model would say is written down.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Payload = dict[str, Any]


@dataclass
class Answer:
    """One answer. A body that is no text is sent as JSON."""

    body: object = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before it."""
    drip: float = 0.0
    """Seconds between its bytes, headers included."""
    length: int | None = None
    """A Content-Length that is not true."""


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    payload: Payload

    @property
    def prompt(self) -> str:
        return "\n".join(message["content"] for message in self.payload["messages"])


def choice(text: object, ends: str = "stop") -> Payload:
    return {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": ends}


def says(*texts: object, ends: str = "stop", **more: Any) -> Answer:
    """A chat completion, with one choice for each text."""
    choices = [{**choice(text, ends), "index": i} for i, text in enumerate(texts)]
    return Answer({"object": "chat.completion", "model": "test", "choices": choices}, **more)


def refuses(status: int, message: str = "no", code: str = "", **headers: str) -> Answer:
    """An error as OpenAI words it; `Retry_After` becomes Retry-After."""
    body = {"error": {"message": message, "type": "error", "code": code}}
    return Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


class ChatServer:
    """Answers POST .../chat/completions and GET .../models."""

    def __init__(self, port: int, *answers: Answer | Callable[[Asked], Answer]) -> None:
        self.answers: tuple[Answer | Callable[[Asked], Answer], ...] = answers
        self.models: Answer = Answer({"object": "list", "data": [{"id": "test"}, {"id": "big:7b"}]})
        self.asked: list[Asked] = []
        self.port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def answer(self, asked: Asked) -> Answer:
        if asked.path.endswith("/models"):
            return self.models
        at = min(len(self.asked), len(self.answers) - 1)
        self.asked.append(asked)
        found = self.answers[at]
        return found(asked) if callable(found) else found


@contextmanager
def serving(
    *answers: Answer | Callable[[Asked], Answer], context: Any = None
) -> Iterator[ChatServer]:
    """A server for the time of the block; `context` is an ssl.SSLContext for https."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def do_GET(self) -> None:
            self._reply(b"{}")

        def _reply(self, body: bytes) -> None:
            asked = Asked(self.path, dict(self.headers), json.loads(body))
            answer = server.answer(asked)
            if answer.delay:
                time.sleep(answer.delay)
            data = answer.body if isinstance(answer.body, bytes) else None
            if data is None:
                text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
                data = text.encode()
            headers = {"Content-Type": "application/json", **answer.headers}
            headers["Content-Length"] = str(len(data) if answer.length is None else answer.length)
            head = f"HTTP/1.0 {answer.status} Said\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            whole = (head + "\r\n").encode() + data
            try:
                if not answer.drip:
                    self.wfile.write(whole)
                for i in range(len(whole) if answer.drip else 0):
                    self.wfile.write(whole[i : i + 1])
                    time.sleep(answer.drip)
            except OSError:
                pass  # who asked has hung up

        def log_message(self, *_: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a failed handshake is what some tests want

    with Listener(("127.0.0.1", 0), Handler) as http:
        if context is not None:
            http.socket = context.wrap_socket(http.socket, server_side=True)
        server = ChatServer(http.server_address[1], *answers)
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
