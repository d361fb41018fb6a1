"""A real Ray cluster of two nodes on this machine, and what its object stores hold.

Ray listens on every address: run it where there is only the loopback one (make test-cluster does).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

STORE = 80_000_000
"""Bytes of a node's object store: about the least that Ray takes."""


@contextmanager
def nodes(count: int = 2, cpus: int = 1) -> Iterator[Any]:
    """ray.cluster_utils.Cluster with `count` nodes."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=_node(cpus))
    try:
        for _ in range(count - 1):
            cluster.add_node(**_node(cpus))
        yield cluster
    finally:
        cluster.shutdown()


def another(cluster: Any, cpus: int = 1) -> Any:
    return cluster.add_node(**_node(cpus))


def _node(cpus: int) -> dict[str, Any]:
    return {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": STORE}


class Stores:
    """The most that all object stores together have held, looked at five times a second, and what went to
    disk."""

    def __init__(self) -> None:
        self.peak = self.spilled = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Stores":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            with suppress(Exception):  # a node that is going away
                used, spilled = held()
                self.peak, self.spilled = max(self.peak, used), max(self.spilled, spilled)


def held() -> tuple[int, int]:
    """(bytes used now, bytes that went to disk) of all object stores."""
    import ray

    name = "object_store_memory"
    used = ray.cluster_resources().get(name, 0) - ray.available_resources().get(name, 0)
    session = Path(ray._private.worker._global_node.get_session_dir_path())
    spilled = sum(
        p.stat().st_size for p in session.glob("ray_spilled_objects*/**/*") if p.is_file()
    )
    return int(used), spilled
