"""Generate in blocks: a run of many posts, by as many workers as there are.

A post must know those near it: which photos rest, which sentences were said, how its neighbours in the
grid look. So a run is cut into blocks, and within a block one post is made after the other. Even blocks
know none of the others and are made side by side; an odd block is made when both its neighbours are
whole, and knows them: at its seams nothing comes twice. Of captions that far blocks have in common by
chance, all but the first are then written anew, in rounds that start from what the round before left.

What a post knows is thus decided by its place in the plan and by nothing else: any number of workers, in
any order, started anew after any stop, makes the same bytes as this process alone. A run of one block is
the run that generate.generate makes.

Workers need the brand's folder at the same path, and send the files of a post back; only this process
writes. Knows the stage generate and pools; knows no cluster.
"""

import contextlib
import hashlib
import os
import re
import shutil
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from feedsmith import memory, sheet
from feedsmith.brand import Home
from feedsmith.captions.writer import REST
from feedsmith.cluster.pool import Failed, Workers, each
from feedsmith.errors import FeedsmithError
from feedsmith.files import held, scratch, write_bytes
from feedsmith.generate import Begun, Settings, begin, name_of, workshop_for, write_sheet
from feedsmith.post import Post
from feedsmith.progress import Report, silent
from feedsmith.runs import Folder
from feedsmith.workshop import Order, Workshop

BLOCK = 32
"""Posts of a block, unless asked otherwise: more than the captions for which a sentence rests, so that it
cannot come back sooner anywhere."""
ROUNDS = 3
"""Times that captions which came twice are written anew."""
ANEW = 9973
"""Step of a post's seed from round to round."""
SCRATCH = "feedsmith-posts-"
"""Begin of the name of a worker's folder."""
KEPT = 8192
"""Posts held in memory, packed, 2 kB each: what a hundred workers' blocks know. The others are read again
when they are asked for."""
PAGE_MAX = 2000
"""Posts up to which a contact sheet is written over all."""


class Job(NamedTuple):
    """One post to make."""

    order: Order
    name: str
    before: tuple[bytes, ...]
    """Posts that it must not repeat, the nearest last; each packed once, though up to a hundred jobs
    know it: packing them anew for each job was more than half of the driver's work."""
    said: tuple[str, ...]
    """What the caption writer must not say again."""


class Made(NamedTuple):
    """A post as it travels."""

    post: Post
    entry: str
    """What its caption said, for the writer's memory."""
    files: dict[str, bytes]
    notes: tuple[str, ...]


class Maker:
    """A worker: a workshop that makes one post after the other.

    Raises FeedsmithError where its node sees another library than `library` says, or other models.
    """

    def __init__(
        self, home: Path, settings: Settings, library: str, models: dict[str, str]
    ) -> None:
        memory.be_frugal()
        self._open = contextlib.ExitStack()
        try:
            self._root = self._open.enter_context(scratch(SCRATCH))
            self._workshop = self._opened(home, settings, library, models)
        except BaseException:
            self._open.close()
            raise

    def _opened(
        self, home: Path, settings: Settings, library: str, models: dict[str, str]
    ) -> Workshop:
        place = Home(home)
        if not (home / "brand.toml").is_file():
            raise FeedsmithError(
                f"{home}: is not there",
                mend="give all nodes the brand's folder at the same path (a shared disk)",
            )
        workshop = workshop_for(place, settings, (), self._root)
        if workshop.library.fingerprint() != library:
            raise FeedsmithError(
                f"{home}: holds another state of the library than where the command runs",
                mend="give all nodes the same folder (a shared disk), and import nothing meanwhile",
            )
        theirs = workshop.models
        if theirs != models:
            role = next(r for r in {**models, **theirs} if models.get(r) != theirs.get(r))
            raise FeedsmithError(
                f"its model for {role} is {theirs.get(role, 'not there')}, "
                f"where {models.get(role, 'none')} is needed",
                mend="on every node: feedsmith models fetch",
            )
        return workshop

    def do(self, job: Job) -> Made:
        workshop, folder = self._workshop, self._root / job.name
        noted = len(workshop.notes)
        workshop.recall(job.said)
        try:
            post = workshop.make(job.order, job.name, [unpacked(post) for post in job.before])
            files = {
                str(path.relative_to(folder)): path.read_bytes()
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            }
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        memory.give_back()
        return Made(post, (workshop.said or ("",))[-1], files, tuple(workshop.notes[noted:]))

    def close(self) -> None:
        self._open.close()


@dataclass(frozen=True)
class Result:
    """What a run in blocks gave."""

    page: Path | None
    """The contact sheet; None where there are too many posts for one."""
    posts: int
    made: int
    """Posts made now; the others were there from an earlier, stopped run."""
    seed: int
    notes: tuple[str, ...]
    failed: tuple[str, ...]
    """Posts that could not be made, with the reason."""


def generate(
    home: Home,
    settings: Settings,
    workers: Workers,
    *,
    out: Path | None = None,
    report: Report = silent,
) -> Result:
    """Make the posts of one run in blocks of `settings.block` (0: BLOCK); see generate.generate.

    Posts are on disk as soon as they come; stopped, the same call goes on. Raises FeedsmithError as
    generate does, where the workers' nodes do not see what this process sees, and where another command
    makes this run.
    """
    settings = replace(settings, block=settings.block or BLOCK)
    begun = begin(home, settings, out=out, report=report)
    with _alone(begun.folder, begun.run.key):
        # As it stands now that nobody else makes it.
        there = (run for run in begun.folder.runs() if run.key == begun.run.key)
        begun = replace(begun, run=next(there, begun.run))
        return _made(home, settings, workers, begun, report)


@contextlib.contextmanager
def _alone(folder: Folder, key: str) -> Iterator[None]:
    """Hold a run by its journal, which goes when there is nothing in it."""
    journal = folder.journal(key)
    with held(journal, "another command makes this run"):
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                if not journal.stat().st_size:
                    journal.unlink()


def _made(home: Home, settings: Settings, workers: Workers, begun: Begun, report: Report) -> Result:
    run = _Run(begun, settings)
    workshop = begun.workshop
    told = (home.root.resolve(), settings, begun.library.fingerprint(), workshop.models)
    todo = run.missing()
    try:
        if todo or not begun.run.finished:
            run.save()  # which seed it goes on with
            with workers.pool(Maker, *told) as pool:
                for tag, made in each(pool, run.jobs()):
                    run.take(tag, made)
                    report("Making posts", run.there, len(begun.plan))
                for turn in range(1, ROUNDS + 1):
                    report("Captions that came twice", 0, 0, f"round {turn}")
                    for tag, made in each(pool, run.again(turn)):
                        run.take(tag, made)
                    if not run.twice:
                        break  # nor would the next round find any, and it would read all posts
    except BaseException:
        run.save()
        raise
    run.finish()
    if not run.there:
        raise run.first or FeedsmithError("no post could be made")
    page: Path | None = begun.folder.root / sheet.NAME
    if run.there + len(begun.others) > PAGE_MAX:
        page = None
    elif run.made or todo:
        page = write_sheet(begun, run.run)
    notes = (*workshop.notes, *dict.fromkeys(run.notes[t] for t in sorted(run.notes)))
    return Result(page, run.there, run.made, begun.run.seed, notes, run.failures())


class _Tag(NamedTuple):
    """Which post, for people too."""

    turn: int
    round: int
    name: str

    def __str__(self) -> str:
        return f"post {self.name}"


class _Run:
    """The posts of a run: which are there, which may be made now, and what each may know."""

    def __init__(self, begun: Begun, settings: Settings) -> None:
        self.begun, self.run = begun, begun.run
        self.folder = begun.folder
        self.count = len(begun.plan)
        self.block = settings.block if settings.blocks(self.count) else self.count
        self.earlier = tuple(packed(post) for post in begun.earlier)
        self.made = 0
        self.notes: dict[tuple[int, str], str] = {}
        self.first: FeedsmithError | None = None
        self._failed: dict[int, str] = {}
        self._entry: dict[tuple[int, int], str] = {}
        """(turn, round) -> what its caption said; the keys are the posts that are there."""
        self._there: set[int] = set()
        self.twice = 0
        self._posts: OrderedDict[str, bytes] = OrderedDict()
        known = {name: entries[-1] for name, entries in self.run.said.items() if entries}
        for order in begun.plan:
            for turn in range(ROUNDS + 1):
                name = self._name(order.turn, turn)
                stands = begun.changed and not turn
                if (name in known or stands) and self.folder.post(name) is not None:
                    self._entry[order.turn, turn] = known.get(name, "")
                    self._there.add(order.turn)

    # ---- the first time

    def missing(self) -> int:
        return sum(
            (turn, 0) not in self._entry and not self._final(turn) for turn in range(self.count)
        )

    @property
    def there(self) -> int:
        return len(self._there)

    def jobs(self) -> Iterator[tuple[_Tag, Job] | None]:
        """Posts that may be made now, as long as there are any; None while all wait for others.

        A block's next one follows when `take` got the one before. The lowest blocks come first, odd
        ones as soon as they may.
        """
        blocks = [
            range(start, min(start + self.block, self.count))
            for start in range(0, self.count, self.block)
        ]
        self._going: set[int] = set()
        at = [self._next(block, block.start) for block in blocks]
        lowest = 0
        while lowest < len(blocks):
            while lowest < len(blocks) and at[lowest] >= blocks[lowest].stop:
                lowest += 1
            for b in range(lowest, len(blocks)):
                turn = at[b] = self._next(blocks[b], at[b])
                free = turn < blocks[b].stop and turn not in self._going
                if free and (b % 2 == 0 or self._whole(blocks, at, b)):
                    self._going.add(turn)
                    yield self._job(turn, 0, self._known(turn))
                    break
            else:
                if lowest < len(blocks):
                    yield None

    def _next(self, block: range, turn: int) -> int:
        while turn < block.stop and (self._final(turn) or turn in self._failed):
            turn += 1
        return turn

    def _final(self, turn: int) -> bool:
        return any((turn, r) in self._entry for r in range(ROUNDS + 1))

    def _whole(self, blocks: Sequence[range], at: Sequence[int], b: int) -> bool:
        """Whether both neighbours of a block are made."""
        beside = [n for n in (b - 1, b + 1) if n < len(blocks)]
        return all(self._next(blocks[n], at[n]) >= blocks[n].stop for n in beside)

    def _known(self, turn: int) -> list[int]:
        """The posts that a post knows: a matter of its place alone."""
        start = turn // self.block * self.block
        own = range(start, turn)
        if turn // self.block % 2 == 0:
            return [*own]
        after = range(start + self.block, min(start + 2 * self.block, self.count))
        return [*range(start - self.block, start), *own, *after]

    def _job(
        self, turn: int, round_: int, known: Sequence[int], same: Sequence[int] = ()
    ) -> tuple[_Tag, Job]:
        """A post with what it knows; `same`: posts whose caption must not come again."""
        order = self.begun.plan[turn]
        if round_:
            order = replace(order, seed=(order.seed + ANEW * round_) % 2**32)
        known = [other for other in known if self._latest(other, round_) is not None]
        near = sorted(known, key=lambda other: (-abs(other - turn), other < turn))
        before = [self._post(other, round_) for other in [*same, *near]]
        # The writer's memory: what was said before it, and what is said soon after it.
        entries = [self._said(other, round_) for other in known if other < turn]
        said = [*self.begun.said, *entries][-REST:]
        after = [self._said(o, round_) for o in known if turn < o <= turn + REST]
        if after:
            said[:1] = [" ".join([*said[:1], *after])]
        name = self._name(turn, round_)
        return _Tag(turn, round_, name), Job(order, name, (*self.earlier, *before), tuple(said))

    # ---- captions that came twice

    def again(self, round_: int) -> Iterator[tuple[_Tag, Job] | None]:
        """Posts with a caption that one before them has, to be made anew in this round; `twice` says of
        how many that is so, the failed and those made before a stop included."""
        self.twice = 0
        if self.run.finished:
            return
        first: dict[bytes, int] = {}
        """Digest of a caption -> the first that has it: 100,000 captions take 60 MB."""
        twice: list[tuple[int, int]] = []
        for turn in range(self.count):
            if self._latest(turn, round_) is not None:
                words = _plain(unpacked(self._post(turn, round_)).caption).encode()
                digest = hashlib.blake2b(words, digest_size=16).digest()
                if words and (known := first.setdefault(digest, turn)) != turn:
                    twice.append((turn, known))
        self.twice = len(twice)
        for turn, same in twice:
            if (turn, round_) not in self._entry:
                near = range(max(0, turn - self._wide), min(self.count, turn + self._wide + 1))
                others = [other for other in near if other not in (turn, same)]
                yield self._job(turn, round_, others, (same,))

    @property
    def _wide(self) -> int:
        return min(self.block, 2 * REST)

    # ---- what comes

    def take(self, tag: _Tag, made: Made | Failed) -> None:
        """Write a post that was made. Raises FeedsmithError where the next would fail as well."""
        if isinstance(made, Failed):
            if made.lasting:
                raise made.error
            self.first = self.first or made.error
            if not tag.round:  # else the one that is there stays
                where = self.begun.plan[tag.turn].brief.where or tag.name
                self._failed[tag.turn] = f"{where}: {made.message}"
            return
        folder = self.folder.root / tag.name
        shutil.rmtree(folder, ignore_errors=True)
        for name in sorted(made.files, key=lambda name: name == "post.json"):  # makes it whole
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_bytes(folder / name, made.files[name])
        self._entry[tag.turn, tag.round] = made.entry
        self._there.add(tag.turn)
        self.folder.note(self.run.key, tag.name, made.entry)
        self._keep(tag.name, made.post)
        self.notes |= {(tag.turn, note): note for note in made.notes}
        self.made += not tag.round

    def save(self) -> None:
        """All that is there into runs.json; the journal has then nothing that is not there."""
        said = {self._name(turn, r): (entry,) for (turn, r), entry in sorted(self._entry.items())}
        self.run = self.run.model_copy(update={"said": said})
        self._keep_run()

    def _keep_run(self) -> None:
        self.folder.save(self.run)
        with contextlib.suppress(
            FileNotFoundError
        ):  # emptied and not removed: the run is held by it
            os.truncate(self.folder.journal(self.run.key), 0)

    def finish(self) -> None:
        """Leave the last of each post, and what the next run must remember."""
        last = {turn: self._latest(turn, ROUNDS + 1) for turn in range(self.count)}
        kept = {(turn, r): self._entry[turn, r] for turn, r in last.items() if r is not None}
        # As long as runs.json names them: a kill between would leave for good what nothing names.
        for key in self._entry.keys() - kept.keys():
            shutil.rmtree(self.folder.root / self._name(*key), ignore_errors=True)
        self._entry = kept
        said: dict[str, tuple[str, ...]] = {
            self._name(turn, r): (entry,) for (turn, r), entry in sorted(kept.items())
        }
        if said:
            said[next(reversed(said))] = tuple(kept.values())[-REST:]
        self.run = self.run.model_copy(update={"said": said, "finished": bool(said)})
        self._keep_run()

    def failures(self) -> tuple[str, ...]:
        return tuple(self._failed[turn] for turn in sorted(self._failed))

    # ---- posts

    def _name(self, turn: int, round_: int) -> str:
        return name_of(self.begun.plan[turn], self.run.key) + (f"-{round_ + 1}" if round_ else "")

    def _latest(self, turn: int, before: int) -> int | None:
        """The last round before this one in which a post was made; None where it is not there."""
        return next(
            (r for r in range(max(0, before - 1), -1, -1) if (turn, r) in self._entry), None
        )

    def _said(self, turn: int, before: int) -> str:
        found = self._latest(turn, before)
        return "" if found is None else self._entry[turn, found]

    def _post(self, turn: int, before: int) -> bytes:
        """Packed."""
        found = self._latest(turn, before)
        assert found is not None
        name = self._name(turn, found)
        if (kept := self._posts.get(name)) is not None:
            self._posts.move_to_end(name)
            return kept
        post = self.folder.post(name)
        if post is None:
            raise FeedsmithError(
                f"{self.folder.root / name}: went away while the run was made",
                mend="run the same command again: it is made anew",
            )
        return self._keep(name, post)

    def _keep(self, name: str, post: Post) -> bytes:
        self._posts[name] = kept = packed(post)
        while len(self._posts) > KEPT:
            self._posts.popitem(last=False)
        return kept


def packed(post: Post) -> bytes:
    """A post as it travels: JSON, 2 kB; half of what a pickle takes, in size and in time."""
    return post.model_dump_json(exclude_defaults=True).encode()


def unpacked(post: bytes) -> Post:
    return Post.model_validate_json(post)


def _plain(text: str) -> str:
    """A caption's words alone."""
    return " ".join(re.findall(r"\w+", text.casefold()))
