"""Where a command's work is done: this process, or the processors of a cluster. Parses and opens.

Knows the pool of this process; Ray is loaded only where a cluster is named.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from feedsmith.errors import FeedsmithError

if TYPE_CHECKING:
    from feedsmith.cluster.nodes import Cluster
    from feedsmith.cluster.pool import Workers

_PANEL = "Many processors (docs/scaling.md)"
ClusterOption = Annotated[
    str,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Work on a Ray cluster: local for all of this machine's processors, auto for the one "
        "this machine is part of, or HOST:PORT of its head. Needs the cluster extra.",
        rich_help_panel=_PANEL,
    ),
]
WorkersOption = Annotated[
    int,
    typer.Option(
        "--workers", min=0, help="Workers there, at most (default: one a processor).",
        rich_help_panel=_PANEL,
    ),
]  # fmt: skip
BlockOption = Annotated[
    int,
    typer.Option(
        "--block", min=0, max=1000,
        help="Make posts in blocks of so many, side by side (default with --cluster: 32). The same "
        "blocks give the same posts, whoever makes them.",
        rich_help_panel=_PANEL,
    ),
]  # fmt: skip


@contextmanager
def working_on(address: str, workers: int) -> "Iterator[Workers]":
    """This process for '', else the cluster at that address."""
    if not address:
        if workers:
            raise FeedsmithError(
                "--workers goes with --cluster", mend="add --cluster local, or leave it away"
            )
        from feedsmith.cluster.pool import ThisProcess

        yield ThisProcess()
        return
    with cluster(address, workers) as opened:
        yield opened


@contextmanager
def cluster(address: str, workers: int) -> "Iterator[Cluster]":
    """The cluster at that address. Raises FeedsmithError where there is none, or no ray."""
    try:
        from feedsmith.cluster.nodes import Cluster
    except ImportError as error:
        raise FeedsmithError(
            f"--cluster needs the cluster extra ({error.name or error} is not installed)",
            mend='pip install "feedsmith[cluster]"',
        ) from error
    with Cluster(address, workers) as opened:
        yield opened
