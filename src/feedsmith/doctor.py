"""Doctor: what is installed, which models are here, how much memory, what would be slow.

Looks only; changes nothing. Works without any model and without a brand. Asks the network one thing:
whether the servers that are set for captions and pictures answer.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import feedsmith
from feedsmith import cores, memory, models
from feedsmith.brand import Brand, ImagesSettings, WriterSettings
from feedsmith.captions import endpoint
from feedsmith.endpoint import Server
from feedsmith.errors import FeedsmithError
from feedsmith.images import installed
from feedsmith.images.endpoint import Endpoint

NEEDED = ("numpy", "pillow", "pillow-heif", "wasmtime", "onnxruntime", "xllamacpp", "typst")
EXTRAS = {"torch": "train", "transformers": "train", "ray": "cluster", "diffusers": "diffusion"}
MEMORY_GOAL = 512 * 2**20
"""Bytes; the whole generating process is made to fit (docs/bench.md)."""


SCHEMA = 1
"""Of `report`: raised when a key changes its meaning or goes; new ones may come."""


@dataclass(frozen=True)
class Finding:
    level: Literal["ok", "note", "bad"]
    topic: str
    text: str
    mend: str = ""
    """The next step, where there is one."""


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """For programs: {schema, version, ok, findings: [{name, ok, level, words, mend}]}. What is only worth a look is
    ok; what does not work is not."""
    return {
        "schema": SCHEMA,
        "version": feedsmith.__version__,
        "ok": well(findings),
        "findings": [
            {
                "name": one.topic, "ok": one.level != "bad", "level": one.level, "words": one.text,
                "mend": one.mend,
            }
            for one in findings
        ],
    }  # fmt: skip


def well(findings: Sequence[Finding]) -> bool:
    """True where nothing fails."""
    return all(one.level != "bad" for one in findings)


def examine(brand: Brand | None = None, home: Path | None = None) -> list[Finding]:
    """All findings, most basic first; `brand` and its folder for what its settings name. Never raises for a missing
    part: that is a finding."""
    return [
        _python(), *_packages(), *_models(), _writer(brand), _images(brand, home), _memory(), _cores(), _disk(),
        _extras(),
    ]  # fmt: skip


def _python() -> Finding:
    return Finding("ok", "feedsmith", f"{feedsmith.__version__} on Python {sys.version.split()[0]}")


def _packages() -> list[Finding]:
    findings = []
    for name in NEEDED:
        try:
            findings.append(Finding("ok", name, version(name)))
        except PackageNotFoundError:
            findings.append(Finding("bad", name, "not installed", f"pip install {name}"))
    return findings


def _models() -> list[Finding]:
    return [
        Finding("ok", f"model {state.name}", f"{state.what} ({state.size / 1e6:.1f} MB)")
        if state.path
        else Finding("note", f"model {state.name}", state.problem, state.mend)
        for state in models.status()
    ]


def _writer(brand: Brand | None) -> Finding:
    """The chat model that is set for captions: whether it answers, never its key."""
    try:
        found = endpoint.chosen("", brand.writer if brand is not None else WriterSettings())
        if found is None:
            return Finding("ok", "writer", "no chat model is set; captions are written here")
        return _answers("writer", found)
    except FeedsmithError as error:
        return _trouble("writer", error)


def _images(brand: Brand | None, home: Path | None) -> Finding:
    """The image model that is set: whether it is here, or its server answers; never its key."""
    try:
        settings = installed.chosen("", "", "", brand.images if brand else ImagesSettings(), home)
        model = installed.load(settings, fetch=False)
        if isinstance(model, Endpoint):
            return _answers("images", model.server)
    except FeedsmithError as error:
        return _trouble("images", error)
    if settings.use == "remix":
        return Finding("ok", "images", "remix: from your own photos, on this machine")
    return Finding("ok", "images", installed.name_of(model))


def _answers(topic: str, server: Server) -> Finding:
    """Whether a server answers and has its model. Raises FeedsmithError where it does not."""
    there = server.models()
    key = f", with the key in {server.key_source}" if server.key_source else ""
    if there and server.model not in there and f"{server.model}:latest" not in there:
        known = ", ".join(sorted(there)[:8])
        return Finding("note", topic, f"{server.host} answers{key}, but has only: {known}")
    return Finding("ok", topic, f"{server.name} answers{key}")


def _trouble(topic: str, error: FeedsmithError) -> Finding:
    return Finding("note", topic, error.message, error.mend)


def _memory() -> Finding:
    total, free = memory.limit() or _physical_memory(), _available_memory()
    said = f"{total / 2**20:.0f} MB for this process" if total else "unknown"
    if free is not None:
        said += f", {free / 2**20:.0f} MB free now"
        if free < MEMORY_GOAL:
            return Finding(
                "note", "memory", f"{said}; generating needs up to {MEMORY_GOAL >> 20} MB"
            )
    return Finding("ok", "memory", said)


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not a POSIX system
        return 0


def _available_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _cores() -> Finding:
    count = cores.available()
    if count == 1:
        return Finding("note", "processor", "1 core: import takes about twice as long as on two")
    return Finding("ok", "processor", f"{count} cores; no GPU is needed")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    if free < 1 << 30:
        return Finding(
            "note", "disk", f"{free / 2**20:.0f} MB free here; a run of 50 posts needs 50"
        )
    return Finding("ok", "disk", f"{free / 2**30:.0f} GB free here")


def _extras() -> Finding:
    here = []
    for name, extra in EXTRAS.items():
        try:
            here.append(f"{name} {version(name)} ({extra})")
        except PackageNotFoundError:
            continue
    return Finding("ok", "extras", ", ".join(here) or "none installed; none is needed")
