"""The pool of a Ray cluster: one actor a processor, on whatever nodes there are.

The only module that imports ray (extra `cluster`). Jobs and results are values; no more of them are on
the way than workers have room for, so the object store holds a few blocks, however much there is to do.
A worker that dies with its node, or is killed for its memory, costs the jobs it had in hand: they are
given to others. Knows no stage.
"""

import contextlib
import logging
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray.exceptions import (
    GetTimeoutError,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import feedsmith
from feedsmith import cores
from feedsmith.cluster.pool import Done, Failed, MakeWorker, Pool, done
from feedsmith.errors import FeedsmithError

REACHED_SECONDS = 5.0
"""Wait for an answer from a cluster's address."""
PROBE_SECONDS = 60.0
"""Wait for a node to say what it runs: a first process there has to start."""
IDLE_SECONDS = 300.0
"""Wait without any worker, not even one that loads, before it is given up."""
LOADING_SECONDS = 1800.0
"""The same where workers are there and still load what they need: models from a shared disk."""
LOOK_SECONDS = 2.0
"""Between two looks for workers that are stuck."""
JOB_SECONDS = 3600.0
"""A worker at one job for so long (a post takes 10 s, a block of photos 3) waits for something that does
not come, e.g. a shared disk that is gone: the job is given to another."""
FETCH_SECONDS = 120.0
"""Wait for a result that is said to be there."""
TRAINER_SECONDS = 300
"""Wait of Ray Train for room for all its workers, each time that it tries."""
CLOSE_SECONDS = 5.0
LOSSES = 3
"""Workers that one job may take down before the job is blamed."""
LOCAL = "local"
"""Address of a cluster that is made of this machine's processors, for one command."""


class _Seat:
    """An actor: one worker, made where it runs."""

    def __init__(self, make: MakeWorker, args: tuple[Any, ...]) -> None:
        self._make, self._args = make, args
        self._where = f"{socket.gethostname()} ({ray.util.get_node_ip_address()})"

    def here(self) -> None:
        """Answers as soon as there is a process."""

    def ready(self) -> Failed | None:
        """Load what the worker needs; what is wrong, if anything is."""
        if (theirs := feedsmith.__version__) != self._args[0]:
            error = _other_version(self._where, theirs, self._args[0])
            return Failed(error.message, error.mend, True)
        try:
            self._worker = self._make(*self._args[1:])
        except FeedsmithError as error:
            return Failed.of(error, self._where)
        return None

    def do(self, job: Any) -> Any:
        return done(self._worker, job, self._where)

    def close(self) -> None:
        close = getattr(getattr(self, "_worker", None), "close", None)
        if close is not None:
            close()


class _Job(NamedTuple):
    tag: Any
    job: Any


@dataclass
class _Place:
    """A seat as seen from here."""

    actor: Any
    here: Any
    """Reference to its process's first word."""
    starting: Any
    """Reference to its word that it has all it needs; None once it has said it."""
    jobs: dict[Any, _Job] = field(default_factory=dict)
    """Reference -> job, in the order in which they are done."""
    since: float = 0.0
    """When it came to the first of them."""


class Cluster:
    """A running Ray cluster, as workers. Use as a context manager.

    `address`: "auto" for the one this machine is part of, "HOST:PORT" of its head, "local" for one of
    this machine's processors for this command. `workers`: how many at most; 0 for one a processor.

    Raises FeedsmithError where there is none, or a node runs another version of Feedsmith.
    """

    def __init__(self, address: str, workers: int = 0) -> None:
        self.address = address
        self._workers = workers

    def __enter__(self) -> "Cluster":
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
        _reach(self.address)
        options: dict[str, Any] = {"address": self.address}
        if self.address == LOCAL:
            options["num_cpus"] = self._workers or cores.available()
            options["include_dashboard"] = False
        try:
            ray.init(
                **options, log_to_driver=False, logging_level=logging.ERROR, configure_logging=True
            )
        except (ConnectionError, RuntimeError, ValueError, OSError, RayError) as error:
            first = str(error).strip().splitlines() or [type(error).__name__]
            raise _unreachable(self.address, first[0][:200]) from error
        try:
            _same_everywhere()
        except BaseException:
            ray.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        ray.shutdown()

    @property
    def count(self) -> int:
        """Workers that find room now."""
        there = int(ray.cluster_resources().get("CPU", 0))
        return max(1, min(self._workers or there, there))

    @property
    def cards(self) -> int:
        return int(ray.cluster_resources().get("GPU", 0))

    @contextlib.contextmanager
    def pool(self, make: MakeWorker, *args: Any, ahead: int = 0) -> Iterator[Pool]:
        seats = _Seats(make, args, self.count, 1 + ahead)
        try:
            yield seats
        finally:
            seats.close()

    def train(
        self, rank: Callable[[dict[str, Any]], None], told: dict[str, Any], folder: Path, *, threads: int,
        cards: bool, failures: int,
    ) -> None:  # fmt: skip
        """Run `rank(told)` in as many processes as there are workers, gathered by torch.distributed; all of
        them anew where one dies, `failures` times. `folder`: on a disk that all nodes share.

        Raises FeedsmithError where that does not help.
        """
        try:
            from ray.train import FailureConfig, RunConfig, ScalingConfig
            from ray.train.torch import TorchConfig, TorchTrainer
        except ImportError as error:
            raise FeedsmithError(
                f"training on a cluster needs the cluster and train extras ({error})",
                mend='pip install "feedsmith[cluster,train]"',
            ) from error
        there = ray.cluster_resources()
        able = int(there.get("GPU", 0)) if cards else int(there.get("CPU", 0)) // threads
        count = min(self._workers or able, able)
        if count < 1:
            what = "graphics cards" if cards else f"{threads} processors on one node"
            raise FeedsmithError(f"the cluster has no {what}", mend="see what is there: ray status")
        # Ray Train would wait for room for ever, a minute at a time.
        os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", str(TRAINER_SECONDS))
        trainer = TorchTrainer(
            rank,
            train_loop_config=told,
            torch_config=TorchConfig(backend="nccl" if cards else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=count,
                use_gpu=cards,
                resources_per_worker={"CPU": threads, "GPU": int(cards)},
            ),
            run_config=RunConfig(
                name="run",
                storage_path=str(folder.resolve()),
                failure_config=FailureConfig(
                    max_failures=failures,
                    controller_failure_limit=failures,
                    max_preemption_failures=failures,
                ),
            ),
        )
        try:
            trainer.fit()
        except Exception as error:  # told by Ray Train in classes of its own
            cause = getattr(error, "controller_failure", None)
            if type(cause).__name__ == "WorkerGroupStartupTimeoutError":
                waited = _spoken((failures + 1) * TRAINER_SECONDS)
                raise FeedsmithError(
                    f"the training waited {waited} for {count} processes and found no room for them",
                    mend="bring the missing node back, see what else runs there (ray status), or ask for "
                    "fewer (--workers), which gives other weights; the same command goes on at the last "
                    "snapshot",
                ) from error
            raise FeedsmithError(
                f"the training's workers ended {failures + 1} times ({_last_line(error)})",
                mend="look at the memory of the nodes; the same command goes on at the last snapshot",
            ) from error


class _Seats:
    """See Pool."""

    def __init__(self, make: MakeWorker, args: tuple[Any, ...], count: int, depth: int) -> None:
        # Once in the object store, not once for each worker.
        self._make, self._args = make, ray.put((feedsmith.__version__, *args))
        self._depth, self._count = depth, count
        self._waiting: deque[_Job] = deque()
        self._losses: Counter[Any] = Counter()
        self._failed_starts = 0
        """In a row."""
        self._looked = time.monotonic()
        self._places = [self._place() for _ in range(count)]

    @property
    def room(self) -> int:
        return self._depth * self._count - self._on_the_way()

    @property
    def busy(self) -> bool:
        return self._on_the_way() > 0

    def _on_the_way(self) -> int:
        return len(self._waiting) + sum(len(place.jobs) for place in self._places)

    def put(self, tag: Any, job: Any) -> None:
        self._waiting.append(_Job(tag, job))
        self._hand_out()

    def get(self) -> Done:
        idle = time.monotonic()
        while True:
            self._hand_out()
            asked = {ref: place for place in self._places for ref in place.jobs}
            asked |= {p.starting: p for p in self._places if p.starting is not None}
            ready, _ = ray.wait(list(asked), timeout=LOOK_SECONDS) if asked else ([], [])
            if self._look_for_stuck() or not ready:
                if any(place.starting is None for place in self._places):
                    idle = time.monotonic()
                else:
                    self._give_up_after(time.monotonic() - idle)
                continue
            ref = ready[0]
            place = asked[ref]
            if ref is place.starting:
                self._begun(place)
                continue
            job = place.jobs[ref]
            try:
                result = ray.get(ref, timeout=FETCH_SECONDS)
            except (RayActorError, OutOfMemoryError, ObjectLostError, GetTimeoutError) as error:
                self._lost(place, _why(error))
                continue
            except RayTaskError as error:
                cause = error.cause
                raise cause if isinstance(cause, FeedsmithError) else error from None
            del place.jobs[ref]
            place.since = time.monotonic()
            return Done(job.tag, result)

    def close(self) -> None:
        # Who is idle cleans up behind itself; who is busy, or never began, is not waited for.
        idle = [p.actor.close.remote() for p in self._places if p.starting is None and not p.jobs]
        with contextlib.suppress(RayError):
            ray.wait(idle, num_returns=len(idle), timeout=CLOSE_SECONDS) if idle else None
        for place in self._places:
            with contextlib.suppress(RayError):
                ray.kill(place.actor)

    # ---- seats

    def _place(self) -> _Place:
        # A dead one is replaced here, not by Ray: where no node has room for it, its jobs would wait.
        actor = ray.remote(_Seat).options(num_cpus=1, max_restarts=0).remote(self._make, self._args)
        return _Place(actor, actor.here.remote(), actor.ready.remote())

    def _hand_out(self) -> None:
        """Give waiting jobs to the workers that have least to do."""
        while self._waiting:
            able = [p for p in self._places if p.starting is None and len(p.jobs) < self._depth]
            if not able:
                return
            place = min(able, key=lambda p: len(p.jobs))
            job = self._waiting.popleft()
            if not place.jobs:
                place.since = time.monotonic()
            place.jobs[place.actor.do.remote(job.job)] = job

    def _begun(self, place: _Place) -> None:
        try:
            wrong = ray.get(place.starting)
        except (RayTaskError, RayActorError, OutOfMemoryError) as error:
            if "ModuleNotFoundError" in str(error) or "ImportError" in str(error):
                raise FeedsmithError(
                    f"a node of the cluster has not the same Feedsmith: {_last_line(error)}",
                    mend=_INSTALL,
                ) from None
            self._failed_starts += 1
            if self._failed_starts > LOSSES * self._count:
                raise FeedsmithError(
                    f"the cluster's workers die as soon as they start: {_why(error)}",
                    mend="fewer workers (--workers), or more memory: each needs about 500 MB",
                ) from None
            self._lost(place, _why(error))
            return
        if wrong is not None:
            raise wrong.error
        place.starting = None
        self._failed_starts = 0

    def _give_up_after(self, idle: float) -> None:
        """Raise FeedsmithError where there has been no worker for too long, `idle` seconds."""
        if idle <= min(IDLE_SECONDS, LOADING_SECONDS):
            return
        here, _ = ray.wait(
            [place.here for place in self._places], num_returns=len(self._places), timeout=0
        )
        if not here and idle > IDLE_SECONDS:
            raise FeedsmithError(
                f"the cluster has had no free processor for {_spoken(IDLE_SECONDS)}",
                mend="see what else runs there (ray status), or add nodes",
            )
        if here and idle > LOADING_SECONDS:
            raise FeedsmithError(
                f"the cluster's workers have started, but after {_spoken(LOADING_SECONDS)} none has "
                "loaded what it needs",
                mend="look at the disk that the nodes share, and at where their models lie "
                "(FEEDSMITH_MODELS)",
            )

    def _look_for_stuck(self) -> bool:
        """Give the jobs of workers that have been at one of them for too long to others, however many
        results come from the others meanwhile; whether there were any."""
        now, stuck = time.monotonic(), False
        if now - self._looked < LOOK_SECONDS:
            return False
        self._looked = now
        for place in list(self._places):
            if place.jobs and now - place.since > JOB_SECONDS:
                # It may be that it is done, and that we have not come to it.
                first, _ = ray.wait([next(iter(place.jobs))], timeout=0, fetch_local=False)
                if not first:
                    stuck = True
                    self._lost(place, f"nothing came of it for {_spoken(JOB_SECONDS)}")
        return stuck

    def _lost(self, place: _Place, why: str) -> None:
        """A worker died or is given up: its jobs go to others, the one it was at counts it."""
        jobs = list(place.jobs.values())
        self._waiting.extendleft(reversed(jobs))
        self._places[self._places.index(place)] = self._place()
        with contextlib.suppress(RayError):
            ray.kill(place.actor)
        if not jobs:
            return
        tag = jobs[0].tag
        self._losses[tag] += 1
        if self._losses[tag] >= LOSSES:
            raise FeedsmithError(
                f"{LOSSES} workers were lost one after the other at the same work, {tag} ({why})",
                mend="look at the nodes' memory and at what they share (disk, image server); fewer "
                "workers on each (--workers) leave more memory to each; the same command goes on where "
                "it stopped",
            ) from None


# ---- what may be wrong -------------------------------------------------------------------------------

_INSTALL = f'on every node: pip install "feedsmith[cluster]=={feedsmith.__version__}"'


_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""What opens a line in HTTP/2, Ray's; it answers with its settings, a frame of type 4 (RFC 9113, 3.4)."""


def _reach(address: str) -> None:
    """Raise FeedsmithError where nobody listens: Ray itself would try for a minute and then end this
    process."""
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.rpartition(":")
    if address.startswith("ray://") or not host or not port.isdigit():
        raise FeedsmithError(
            f"{address}: is no address of a cluster",
            mend="auto, local, or HOST:PORT of its head, e.g. 10.0.0.1:6379",
        )
    try:
        with socket.create_connection((host, int(port)), REACHED_SECONDS) as line:
            line.sendall(_HELLO)
            answer = line.recv(9)
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise _unreachable(address, said.lower()) from error
    if answer[3:4] != b"\x04":
        raise _unreachable(address, "what listens there is something else")


def _unreachable(address: str, why: str) -> FeedsmithError:
    place = "on this machine" if address == "auto" else f"at {address}"
    return FeedsmithError(
        f"no Ray cluster answers {place} ({why})",
        mend="start it: ray start --head on the first machine, ray start --address=HEAD:6379 on the "
        "others; this command runs on one of them",
    )


def _same_everywhere() -> None:
    """Raise FeedsmithError where a node runs another Feedsmith, or none."""

    def version() -> tuple[
        str, str
    ]:  # travels as it stands here: a node without Feedsmith runs it too
        import socket

        try:
            import feedsmith

            return socket.gethostname(), str(feedsmith.__version__)
        except ImportError:
            return socket.gethostname(), ""

    probe = ray.remote(version)
    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = probe.options(num_cpus=0, scheduling_strategy=there, max_retries=0)
            asked[task.remote()] = node["NodeManagerAddress"]
    # Who does not answer is busy or just gone: its workers say it themselves when they start.
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=PROBE_SECONDS)
    for ref in answered:
        try:
            name, theirs = ray.get(ref, timeout=REACHED_SECONDS)
        except (GetTimeoutError, RayError):
            continue
        if theirs != feedsmith.__version__:
            raise _other_version(f"{name} ({asked[ref]})", theirs, feedsmith.__version__)


def _other_version(where: str, theirs: str, ours: str) -> FeedsmithError:
    what = f"runs Feedsmith {theirs}" if theirs else "has no Feedsmith"
    return FeedsmithError(f"node {where} {what}, and this is {ours}", mend=_INSTALL)


def _why(error: Exception) -> str:
    """Why a worker died, in a few words."""
    short = isinstance(error, OutOfMemoryError) or "memory" in str(error).lower()
    return "out of memory" if short else _last_line(error)


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
