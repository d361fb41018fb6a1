"""The captions that the shipped adapter was taught, written for Feedsmith (CC0), as JSON lines; packed, which spares
0.6 MB of the repository. To read them: `zcat starter.jsonl.gz`.
"""

import gzip
from pathlib import Path

PATH = Path(__file__).with_name("starter.jsonl.gz")


def lines() -> list[str]:
    """One JSON object each: caption, kind, niche, voice, keywords, offer and more."""
    text = gzip.decompress(PATH.read_bytes()).decode("utf-8")
    # Not by splitlines: other separators of Unicode, which captions may have, would end a line as well.
    return [line for line in text.split("\n") if line]
