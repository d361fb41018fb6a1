"""The studio's server: start, memory, bytes, how fast the grid answers when many look at it, and how soon
the first post is there after the click.

    python bench/studio.py [--posts 5000] [--people 20] [--loads 1000] [--seconds 20] [--rounds 3] [--brand demo-brand/]

A brand with that many posts (real pictures in the first 60, rows for the rest) is made in a temporary
folder. `reading` waits a second between two pages, as people at least do. `pressing` does not wait at
all: twenty such people always have twenty pages asked for, so the time of each is twenty times what one
costs, and says how many a second the server can make, not how it feels. `cpu_ms` is the server's
processor time a page, which other programs on the machine disturb less. `never_shown` is the grid
after every post has changed: nothing of it was drawn before.

Memory is the resident set of the server process; `growth_kb_a_load` is its slope over the second half of the loads of
mixed pages. With --brand, eight mixed posts are made in a copy of that brand by the studio's worker.
"""

import argparse
import gzip
import json
import os
import re
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
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


def changed(home: Path) -> None:
    """Every post has been edited."""
    with sqlite3.connect(home / "studio.db", timeout=20) as database:
        database.execute("UPDATE studio_draft SET version = version + 1")
    database.close()


def processor(pid: int) -> float:
    """Seconds of processor that a process has used so far."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def visit(server: Server, people: int, seconds: float, pause: float) -> dict[str, float]:
    """Pages and time of each, by so many people at once, on pages of their own choice."""
    took: list[float] = []
    used = processor(server.process.pid)
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
        "cpu_ms": round(1000 * (processor(server.process.pid) - used) / len(took), 1),
    }


def middle(rounds: list[dict[str, float]]) -> dict[str, list[float]]:
    """Median, least and most of each figure."""
    return {
        name: [round(statistics.median(values), 1), min(values), max(values)]
        for name in rounds[0]
        for values in [[one[name] for one in rounds]]
    }


def mixed(server: Server) -> list[str]:
    """One of every page that a person looks at in turn."""
    numbers = re.findall(r'data-id="(\d+)"', server.get(GRID)[1])[:8]
    pages = [f"{GRID}?page={n}" for n in range(1, 13)]
    pages += [f"{GRID}?view=list&page={n}" for n in range(1, 4)]
    pages += [f"{GRID}/{n}" for n in numbers] + [f"{GRID}/{n}/beside" for n in numbers]
    pages += [f"{GRID}?q=river", "/", "/account", "/b/oak/settings", "/b/oak/activity"]
    return [*pages, "/b/oak/create", "/b/oak/calendar", "/b/oak/library", "/b/oak/people"]


def weight(server: Server, page: str) -> tuple[float, float]:
    """kB of a page on the wire, and of all that comes with it the first time besides pictures."""
    html = server.get(page)[1]
    own = len(gzip.compress(html.encode(), 5))
    more = 0
    for name in set(re.findall(r'/static/[^"#]+', html)):
        if name.endswith((".png", ".svg")) and "icons" not in name:
            continue  # pictures
        text = server.get(name)[1] if name.endswith((".css", ".js", ".svg")) else ""
        more += len(gzip.compress(text.encode(), 9)) if text else fetched(server, name)
    return round(own / 1000, 1), round((own + more) / 1000, 1)


def fetched(server: Server, name: str) -> int:
    """Bytes of a file that is compressed already."""
    with urllib.request.urlopen(server.url + name) as answer:
        return len(answer.read())


def making(source: Path, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Eight mixed posts by the studio's worker: seconds from the click until the page shows the first
    one (asked four times a second) and the last, and the most that worker and server held."""
    told = []
    for number in range(rounds):
        home = folder / f"making-{number}"
        left_out = shutil.ignore_patterns("models", "runs", "posts", "studio*", "datasets")
        shutil.copytree(source, home, ignore=left_out)
        server = Server(home)
        try:
            server.sign_in()
            slug = re.search(r"/b/([\w-]+)/", server.get("/")[1])
            assert slug is not None
            root = f"/b/{slug[1]}"
            server.get(f"{root}/create")
            worker = own = 0
            first = 0.0
            began = time.perf_counter()
            status, said = server.post(f"{root}/create", {"count": "8", "images": "remix"})
            assert status == 302, said
            while True:
                shown = server.get(f"{root}/create/made")[1].count("data-id=")
                first = first or (time.perf_counter() - began if shown else 0.0)
                worker = max(worker, *(memory(pid) for pid in server.workers), 0)
                own = max(own, memory(server.process.pid))
                if shown >= 8:
                    break
                assert time.perf_counter() - began < 1200, server.get(f"{root}/create")[1]
                time.sleep(0.25)
            took = time.perf_counter() - began
        finally:
            server.close()
        told.append(
            {
                "first_post_shown_s": round(first, 1), "eight_posts_shown_s": round(took, 1),
                "worker_peak_mb": worker >> 20, "server_peak_mb": own >> 20,
            }
        )  # fmt: skip
    return middle(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=5000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--loads", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--brand", type=Path, help="a brand with a library, to make eight posts in")
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
            status, _ = server.get(GRID)
            assert status == 200
            told["page_kb_and_first_visit_kb"] = {
                page: weight(server, page) for page in (GRID, f"{GRID}?view=list", "/b/oak/calendar", "/b/oak/create")
            }  # fmt: skip
            pages, held = mixed(server), []
            for number in range(options.loads):
                status, _ = server.get(pages[number % len(pages)], **{"Accept-Encoding": "gzip"})
                assert status == 200, pages[number % len(pages)]
                held.append(memory(server.process.pid) / 1024)
            told[f"after_{options.loads}_loads_mb"] = round(held[-1] / 1024)
            half = held[len(held) // 2 :]
            told["growth_kb_a_load"] = round(
                statistics.linear_regression(range(len(half)), half)[0], 2
            )
            for number in range(60):
                server.get(f"{GRID}?page={number + 1}")
            began, used = time.perf_counter(), processor(server.process.pid)
            for number in range(60):
                server.get(f"{GRID}?page={number + 1}")
            told["alone_ms"] = round(1000 * (time.perf_counter() - began) / 60, 1)
            told["alone_cpu_ms"] = round(1000 * (processor(server.process.pid) - used) / 60, 1)
            changed(home)
            used = processor(server.process.pid)
            for number in range(60):
                server.get(f"{GRID}?page={number + 1}")
            told["never_shown_cpu_ms"] = round(
                1000 * (processor(server.process.pid) - used) / 60, 1
            )
            for name, pause in (("reading", 1.0), ("pressing", 0.0)):
                rounds = [
                    visit(server, options.people, options.seconds, pause)
                    for _ in range(options.rounds)
                ]
                told[name] = middle(rounds)
            told["at_the_end_mb"] = memory(server.process.pid) >> 20
        finally:
            server.close()
        if options.brand:
            told["eight_mixed_posts"] = making(options.brand, Path(folder), options.rounds)
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
