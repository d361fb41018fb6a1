"""Runs: which posts a folder holds, in which order they were made, and what they were made with.

One file, runs.json, beside the post folders; while a long run is made, a journal beside it, a line a
post: runs.json holds whole runs, 19 MB of 100,000 posts. Knows nothing of how posts are made.
"""

import contextlib
import json
from pathlib import Path

from pydantic import Field, ValidationError

from feedsmith.errors import FeedsmithError
from feedsmith.files import append, write_json
from feedsmith.post import Post, Value


class Run(Value):
    """One run: what decides its content (`key` is a hash over all of it), and its posts."""

    key: str
    seed: int
    kind: str = ""
    theme: str = ""
    offer: str = ""
    asked: str = ""
    """Hash of the posts asked for one by one; '' for a run by kind and count."""
    count: int
    auto: bool = False
    """True where the seed was not given: such a run keeps away from what earlier ones used."""
    finished: bool = False
    """False while it is being made, and after it was stopped."""
    base: str = ""
    """`key` without what was learned; '' where nothing was."""
    learned: str = ""
    """What its choices lean on, as JSON (learning.bandit.Learned): a run that was stopped goes on with it,
    whatever became of other posts since."""
    said: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Id of each post finished so far, in the order of the feed, with what the caption writer had
    used by then: a run that goes on must remember what it said."""

    def with_post(self, post_id: str, said: tuple[str, ...]) -> "Run":
        return self.model_copy(update={"said": {**self.said, post_id: said}})


class Folder:
    """A folder of generated posts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "runs.json"

    def runs(self) -> list[Run]:
        """All runs, oldest first, with what their journals say. Raises FeedsmithError when runs.json is
        damaged."""
        try:
            rows = json.loads(self.file.read_text("utf-8"))
            if not isinstance(rows, list):
                raise TypeError("not a list")
            runs = [Run.model_validate(row) for row in rows]
        except FileNotFoundError:
            return []
        except (TypeError, ValueError, ValidationError) as error:
            raise FeedsmithError(
                f"{self.file}: cannot be read ({type(error).__name__})",
                mend="move that file away (the posts stay), or name another folder with --out",
            ) from error
        return [self._with_journal(run) for run in runs]

    def journal(self, key: str) -> Path:
        """Of the run with this key; there while it is made, and after it was killed."""
        return self.root / f".said-{key}.jsonl"

    def note(self, key: str, post_id: str, said: str) -> None:
        """Say in the journal that a post is finished; on the disk when this returns. Raises FeedsmithError
        for a full disk."""
        line = json.dumps([post_id, said]).encode() + b"\n"
        append(self.journal(key), line, "the posts made so far are kept")

    def _with_journal(self, run: Run) -> Run:
        try:
            lines = self.journal(run.key).read_bytes().splitlines()
        except OSError:
            return run
        said: dict[tuple[int, str], tuple[str, ...]] = {}
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):  # torn by a power cut
                post_id, entry = json.loads(line)
                turn = int(post_id.partition("-")[0])
                said[turn, post_id] = (str(entry),)
        if not said:
            return run
        said = {(int(i.partition("-")[0]), i): known for i, known in run.said.items()} | said
        in_order = {post_id: said[turn, post_id] for turn, post_id in sorted(said)}
        return run.model_copy(update={"said": in_order})

    def save(self, run: Run) -> None:
        """Add `run`, or replace the one with its key; the newest stands last."""
        others = [known for known in self.runs() if known.key != run.key]
        rows = [known.model_dump() for known in [*others, run]]
        for row in rows:
            for name in ("base", "learned"):
                if not row[name]:
                    del row[name]
        write_json(self.file, rows)

    def post(self, post_id: str) -> Post | None:
        """A finished post, or None when its folder is absent, incomplete or damaged."""
        folder = self.root / post_id
        try:
            post = Post.model_validate_json((folder / "post.json").read_bytes())
        except (OSError, ValidationError):
            return None
        files = [file for medium in post.media for file in medium.files]
        return post if all((folder / file).is_file() for file in files) else None

    def posts(self, run: Run) -> list[Post]:
        """The finished posts of `run` that are still there, in feed order."""
        return [post for post_id in run.said if (post := self.post(post_id)) is not None]

    def next_seed(self, kind: str, theme: str, offer: str, asked: str = "") -> int:
        """Seed of a run without one: that of the same run if it was stopped, else the smallest above
        all that were used here; 1 in an empty folder."""
        runs = self.runs()
        for run in reversed(runs):
            same = (run.kind, run.theme, run.offer, run.asked) == (kind, theme, offer, asked)
            if run.auto and same and not run.finished:
                return run.seed
        return self.unused_seed()

    def unused_seed(self) -> int:
        """The smallest seed above all that were used here; 1 in an empty folder."""
        return 1 + max((run.seed for run in self.runs()), default=0)
