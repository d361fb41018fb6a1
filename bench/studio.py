"""The studio's server: start, memory, and how fast the grid answers when many look at it.

    python bench/studio.py [--posts 5000] [--people 20] [--loads 1000] [--seconds 20]

A brand with that many posts (real pictures in the first 60, rows for the rest) is made in a temporary
folder. `pressing` asks for the next page as soon as the last one is there; `reading` waits a second
in between, as people at least do. Memory is the resident set of the server process.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

import small_studio  # noqa: E402
from feedsmith.brand import Brand, Home  # noqa: E402
from feedsmith.studio.settings import Config  # noqa: E402
from feedsmith.studio.start import open_database, welcome  # noqa: E402
from studio_server import Server, memory  # noqa: E402

GRID = "/b/oak/posts"


def brand(folder: Path, posts: int) -> Path:
    """A studio whose one brand has that many posts."""
    home = Home(folder / "oak")
    home.create(Brand(name="Oak"))
    for number in range(min(posts, 60)):
        small_studio.post(home, f"{number:02d}-photo-aaaaaa", caption=f"Post {number} of the oaks.")
    open_database(Config(home=home.root))
    welcome([home.root])
    from django.db import connections

    from feedsmith.studio.models import Draft

    random, like = Random(1), Draft.objects.first()
    words = ["oak", "walk", "river", "stone", "light", "green", "morning", "autumn", "path", "bird"]
    rows = []
    for number in range(posts - 60):
        row = Draft(
            brand=like.brand, folder=f"row-{number:06d}", kind="photo", media=like.media,
            caption=" ".join(random.choices(words, k=40)), hashtags=random.choices(words, k=5),
            alt_text=like.alt_text, position=float(number), state=random.choice(("draft", "review", "approved")),
        )  # fmt: skip
        row._index()
        rows.append(row)
    Draft.objects.bulk_create(rows, batch_size=500)
    connections.close_all()
    return home.root


def visit(server: Server, people: int, seconds: float, pause: float) -> dict[str, float]:
    """Pages and time of each, by so many people at once, on pages of their own choice."""
    took: list[float] = []
    ends = time.perf_counter() + seconds

    def person(number: int) -> None:
        random = Random(number)
        time.sleep(random.random() * pause)
        while time.perf_counter() < ends:
            page = f"{GRID}?page={random.randrange(1, 60)}"
            began = time.perf_counter()
            status, _ = server.get(page, **{"Accept-Encoding": "gzip"})
            took.append(time.perf_counter() - began)
            assert status == 200
            time.sleep(pause)

    threads = [threading.Thread(target=person, args=(n,)) for n in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took.sort()
    return {
        "pages_a_second": round(len(took) / seconds, 1),
        "p50_ms": round(1000 * statistics.median(took), 1),
        "p95_ms": round(1000 * took[int(len(took) * 0.95)], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=5000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--loads", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    told: dict[str, object] = {"posts": options.posts}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        fresh = Home(Path(folder) / "fresh")
        fresh.create(Brand(name="Fresh"))
        began = time.perf_counter()
        server = Server(fresh.root)
        told["first_start_s"] = round(time.perf_counter() - began, 2)
        server.close()
        home = brand(Path(folder), options.posts)
        began = time.perf_counter()
        server = Server(home)
        told["start_s"] = round(time.perf_counter() - began, 2)
        try:
            server.sign_in()
            time.sleep(1)
            told["idle_mb"] = memory(server.process.pid) >> 20
            status, page = server.get(GRID)
            assert status == 200
            told["page_kb"] = round(len(page.encode()) / 1000, 1)
            began = time.perf_counter()
            for number in range(options.loads):
                server.get(f"{GRID}?page={number % 60 + 1}")
            told["alone_ms"] = round(1000 * (time.perf_counter() - began) / options.loads, 1)
            told[f"after_{options.loads}_loads_mb"] = memory(server.process.pid) >> 20
            told["reading"] = visit(server, options.people, options.seconds, 1.0)
            told["pressing"] = visit(server, options.people, options.seconds, 0.0)
            told["at_the_end_mb"] = memory(server.process.pid) >> 20
        finally:
            server.close()
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
