"""What an image, or an environment, is made of: a CycloneDX 1.5 bill of materials, or a list of licences.

    docker run --rm -i feedsmith python - < tools/sbom.py > sbom.cdx.json
    docker run --rm -i feedsmith python - --licences < tools/sbom.py > licences.md

Python packages by their metadata, libraries that wheels bring with them, models with their SHA-256, and Debian's packages where
there are any. Needs nothing but Python; the same packages give the same bytes.
"""

import hashlib
import importlib.metadata
import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

DPKG = Path("/var/lib/dpkg/status")
EMPTY, EMPTY_MAX = b"feedsmith: an empty library", 50_000
COPYRIGHTS = Path("/usr/share/doc")
BUNDLED = {
    "avcodec": "LGPL-2.1-or-later, GPL-2.0-or-later as built here with x264 and x265",
    "x264": "GPL-2.0-or-later", "x265": "GPL-2.0-or-later", "heif": "LGPL-3.0-or-later", "de265": "LGPL-3.0-or-later",
    "SvtAv1Enc": "BSD-3-Clause-Clear", "aom": "BSD-2-Clause", "dav1d": "BSD-2-Clause", "vpx": "BSD-3-Clause",
    "opus": "BSD-3-Clause", "mp3lame": "LGPL-2.0-or-later", "gnutls": "LGPL-2.1-or-later", "gmp": "LGPL-3.0-or-later",
    "nettle": "LGPL-3.0-or-later", "hogweed": "LGPL-3.0-or-later", "unistring": "LGPL-3.0-or-later",
    "scipy": "BSD-3-Clause (OpenBLAS)", "gfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "quadmath": "LGPL-2.1-or-later", "stdc++": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "gcc": "GPL-3.0-or-later WITH GCC-exception-3.1", "gomp": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "z": "Zlib", "zstd": "BSD-3-Clause", "lzma": "0BSD", "bz2": "bzip2-1.0.6", "png16": "libpng-2.0", "jpeg": "IJG AND BSD-3-Clause",
    "tiff": "libtiff", "webp": "BSD-3-Clause", "sharpyuv": "BSD-3-Clause", "webpmux": "BSD-3-Clause",
    "webpdemux": "BSD-3-Clause", "openjp2": "BSD-2-Clause", "lcms2": "MIT", "freetype": "FTL OR GPL-2.0-only",
    "harfbuzz": "MIT", "raqm": "MIT", "fribidi": "LGPL-2.1-or-later", "brotlicommon": "MIT", "brotlidec": "MIT",
    "brotlienc": "MIT", "avif": "BSD-2-Clause", "yuv": "BSD-3-Clause", "Xau": "MIT", "xcb": "MIT", "Xdmcp": "MIT", "pq": "PostgreSQL",
    "ssl": "Apache-2.0", "crypto": "Apache-2.0", "openh264": "BSD-2-Clause", "swscale": "LGPL-2.1-or-later",
    "swresample": "LGPL-2.1-or-later", "avutil": "LGPL-2.1-or-later", "avformat": "LGPL-2.1-or-later",
    "avfilter": "LGPL-2.1-or-later", "avdevice": "LGPL-2.1-or-later", "speex": "BSD-3-Clause", "vorbis": "BSD-3-Clause",
    "vorbisenc": "BSD-3-Clause", "ogg": "BSD-3-Clause", "twolame": "LGPL-2.0-or-later", "asound": "LGPL-2.1-or-later", "vpl": "MIT",
    "opencore-amrnb": "Apache-2.0", "opencore-amrwb": "Apache-2.0", "xml2": "MIT", "drm": "MIT",
}  # fmt: skip
"""Of libraries inside wheels, which have no metadata of their own; by the name without `lib`."""
UNKNOWN = "NOASSERTION"


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(meta: importlib.metadata.PackageMetadata) -> str:
    """The expression, else what the classifiers say, else the first line of the field."""
    if said := meta.get("License-Expression"):
        return said
    told = [
        line.rpartition(" :: ")[2]
        for line in meta.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    told = [line for line in told if line != "OSI Approved"]
    if told:
        return " AND ".join(told)
    first = (meta.get("License") or "").strip().splitlines()
    return first[0][:80] if first and first[0].strip() else UNKNOWN


def python_packages() -> list[dict[str, Any]]:
    found = []
    for package in importlib.metadata.distributions():
        meta = package.metadata
        name, version = plain(meta["Name"]), package.version
        found.append(
            component("library", name, version, licence_of(meta), f"pkg:pypi/{name}@{version}")
        )
    return found


def bundled() -> list[dict[str, Any]]:
    """Compiled libraries in the folders NAME.libs beside packages, where wheels' tools put them."""
    found = []
    for site in {Path(p) for p in sys.path if p.endswith("site-packages")}:
        for path in sorted(site.glob("*.libs/*.so*")):
            if path.stat().st_size < EMPTY_MAX and EMPTY in path.read_bytes():
                continue  # deploy/image/slim.py left its name alone
            # libx265-f5385bb8.so.216: the name, a hash that wheels' tools add, the version of its interface.
            match = re.fullmatch(r"lib(.+?)(?:[-_]+[0-9a-f]{8})*\.so(?:\.([\d.]+))?", path.name)
            name, version = (match[1], match[2] or "") if match else (path.stem, "")
            name = name.removesuffix("_openblas64")
            of = path.parent.name.removesuffix(".libs")
            row = component(
                "library",
                f"lib{name}",
                version,
                BUNDLED.get(re.sub(r"^xcb-.*", "xcb", name), UNKNOWN),
                "",
            )
            row["bom-ref"] = f"{of}/{path.name}"
            row["properties"] = [{"name": "feedsmith:bundled-in", "value": of}]
            found.append(row)
    return found


def models() -> list[dict[str, Any]]:
    try:
        from feedsmith import models as known
    except ImportError:
        return []
    found = []
    for model in known.all_known():
        path = known.place(model)
        if path.is_file():
            row = component("machine-learning-model", model.name, "", model.licence, "")
            row["bom-ref"] = f"model/{model.name}"
            row["description"] = model.what
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            row["hashes"] = [{"alg": "SHA-256", "content": digest}]
            found.append(row)
    return found


def debian_packages() -> list[dict[str, Any]]:
    if not DPKG.exists():
        return []
    found = []
    for block in DPKG.read_text("utf-8", errors="replace").split("\n\n"):
        said = dict(re.findall(r"^(\S+): (.*)$", block, re.MULTILINE))
        if said.get("Status", "").endswith(" installed"):
            name, version = said["Package"], said["Version"]
            where = f"pkg:deb/debian/{name}@{version}?arch={said.get('Architecture', '')}"
            found.append(component("library", name, version, debian_licence(name), where))
    return found


def debian_licence(name: str) -> str:
    """The names of licences in the copyright file, which a slimmed base may lack."""
    try:
        text = (COPYRIGHTS / name / "copyright").read_text("utf-8", errors="replace")
    except OSError:
        return UNKNOWN
    names = re.findall(r"^License: *(\S.*)$", text, re.MULTILINE)
    if not names:
        names = re.findall(r"/usr/share/common-licenses/([\w.+-]*[\w+])", text)
    return " AND ".join(sorted(set(names))) or UNKNOWN


def component(kind: str, name: str, version: str, licence: str, purl: str) -> dict[str, Any]:
    row: dict[str, Any] = {"type": kind, "bom-ref": purl or name, "name": name}
    if version:
        row["version"] = version
    if purl:
        row["purl"] = purl
    if licence != UNKNOWN:
        row["licenses"] = [{"license": {"name": licence}}]
    return row


def bill() -> dict[str, Any]:
    rows = [*python_packages(), *bundled(), *models(), *debian_packages()]
    rows.sort(key=lambda row: (row["bom-ref"], row["name"]))
    told = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "container", "name": "feedsmith", "bom-ref": "feedsmith"}},
        "components": rows,
    }  # fmt: skip
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(told, sort_keys=True))
    return {**told, "serialNumber": f"urn:uuid:{number}"}


def licences(told: dict[str, Any]) -> str:
    """The same as a table for people."""
    lines = ["| part | version | licence | brought by |", "|---|---|---|---|"]
    for row in told["components"]:
        licence = row["licenses"][0]["license"]["name"] if "licenses" in row else "not said"
        by = row.get("properties", [{}])[0].get("value") or row.get("purl", "model").split("/")[
            0
        ].removeprefix("pkg:")
        lines.append(f"| {row['name']} | {row.get('version', '')} | {licence} | {by} |")
    return "\n".join(lines)


def main() -> None:
    told = bill()
    print(licences(told) if "--licences" in sys.argv else json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
