"""What a check of a container or a stack came to: a line for each finding while it runs, and all of it at the end."""

import json
import sys
from collections.abc import Iterable
from typing import Any


class Verdict:
    """Findings, and which of them were wrong."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}
        self.wrong: list[str] = []

    def take(self, checks: Iterable[tuple[str, Any, bool]], of: str = "") -> None:
        """Run `checks`, which give what was looked at, what was seen and whether that is right; `of` stands before
        each."""
        for looked_at, seen, right in checks:
            what = f"{of}: {looked_at}" if of else looked_at
            self.seen[what] = seen
            self.wrong += [] if right else [what]
            print(f"{'ok ' if right else 'BAD'} {what}: {seen}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Tell all and end the program, with status 1 where something was wrong."""
        print(json.dumps(self.seen, indent=2, default=str))
        said = f": {'; '.join(self.wrong)}" if self.wrong else ""
        print(f"{len(self.seen) - len(self.wrong)} passed, {len(self.wrong)} failed{said}")
        sys.exit(bool(self.wrong))
