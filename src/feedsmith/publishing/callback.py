"""The page of this machine that a person comes back to after signing in: taken once, told to nobody else."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

from feedsmith.errors import FeedsmithError

PORT = 8329
"""So that an app can name the address: http://localhost:8329/connected."""
PATH = "/connected"
PATIENCE = 600.0
"""Seconds that a person may take to sign in."""
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>:root{{color-scheme:light dark}}body{{font:17px/1.5 system-ui,sans-serif;max-width:32em;margin:18vh auto;
padding:0 20px}}h1{{font-size:24px;margin:0 0 8px}}</style></head><body><h1>{title}</h1><p>{words}</p>
</body></html>"""


class Callback:
    """Listens on this machine alone until the person is back. Raises FeedsmithError where it cannot."""

    def __init__(self, port: int = PORT) -> None:
        self._came: str = ""
        self._back = threading.Event()
        try:
            self._server = HTTPServer(("127.0.0.1", port), self._handler())
        except OSError as error:
            raise FeedsmithError(
                f"port {port} of this machine cannot be listened on ({(error.strerror or '').lower()})",
                mend="name another that your app knows: --port 8330; or use --paste",
            ) from error
        self.redirect_uri = f"http://localhost:{self._server.server_address[1]}{PATH}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def wait(self, seconds: float = PATIENCE) -> str:
        """The whole address that the person came back to. Raises FeedsmithError where nobody does."""
        if not self._back.wait(seconds):
            raise FeedsmithError(
                "nobody came back from signing in",
                mend="run the command again; with --paste you copy the address by hand",
            )
        return self._came

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "Callback":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        callback = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def log_message(self, *_: Any) -> None:
                pass  # the address holds a code

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                came = parts.path == PATH and bool(parts.query)
                if came and not callback._back.is_set():
                    callback._came = f"http://localhost{self.path}"
                    title, words = (
                        "Thank you",
                        "You can close this page. The rest is said where you began.",
                    )
                else:
                    title, words = "Nothing to do here", "Begin with feedsmith connect."
                body = _PAGE.format(title=title, words=words).encode()
                self.send_response(200 if came else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(body)
                if came:
                    callback._back.set()

        return Handler
