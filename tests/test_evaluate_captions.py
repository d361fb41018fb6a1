"""The caption report of a brand: what is measured, what is said of what is not, and the page."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chat_server import says, serving
from feedsmith import models
from feedsmith.brand import Brand, Home
from feedsmith.captions import endpoint
from feedsmith.captions.brief import Caption
from feedsmith.captions.train import STARTER, Config, Data, corpus, read_rows
from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.evaluate import captions as stage
from feedsmith.evaluate.figures import CaptionReport, Settings
from feedsmith.evaluate.page import rows
from feedsmith.library import Library, import_into
from feedsmith.post import PastPost
from feedsmith.sources.caption import hashtags, without_hashtags
from feedsmith.understanding import traits

BRAND = Brand(name="Fog <& Pine>", niche="hiking & outdoor store", voice="dry")
FIRST = datetime(2024, 1, 1, 9, tzinfo=UTC)


def home(root: Path, texts: list[str]) -> Home:
    """A brand whose posts are `texts`, a day apart, without photos."""
    place = Home(root)
    place.create(BRAND)
    posts = [
        PastPost(
            id=f"{i:016x}",
            caption=text,
            text=without_hashtags(text),
            hashtags=hashtags(text),
            posted_at=FIRST + timedelta(days=i),
        )
        for i, text in enumerate(texts)
    ]
    lines = "".join(post.model_dump_json() + "\n" for post in posts)
    (place.library / "posts.jsonl").write_text(lines, "utf-8")
    return place


def real(count: int) -> list[str]:
    """Captions that people wrote, with the hashtags of their posts."""
    found = [row for row in read_rows(STARTER) if "hiking" in row["niche"] and not row["offer"]]
    assert len(found) >= count
    return [f"{row['caption']}\n#{' #'.join(row['hashtags'])}" for row in found[:count]]


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without language models."""
    monkeypatch.setenv("FEEDSMITH_MODELS", str(tmp_path / "none"))


class Page(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._quiet = False
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._quiet = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._quiet = False

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.usefixtures("deaf")
def test_without_a_language_model_all_that_needs_none_is_measured(tmp_path: Path) -> None:
    place = home(tmp_path / "shop", real(40))
    told = stage.evaluate(place, Settings(count=16))
    assert (told.captions, told.held_out) == (40, 4)
    assert len(told.written) == 16  # four pictures, four captions each
    assert [one.picture for one in told.written[:5]] == [0, 1, 2, 3, 0]
    assert len({one.text for one in told.written}) == 16
    assert all(one.real and one.hashtags for one in told.written)
    assert len(told.distances) == 8
    assert told.verdict is not None
    assert told.verdict.captions == 16
    assert told.copying is not None
    assert told.copying.most < 6  # the writer refuses longer ones
    assert told.copying_own is not None
    assert [v.n for v in told.variety] == [1, 2, 3]
    assert told.recall is not None
    assert told.recall.generated > told.recall.chance
    assert sum(told.routes.values()) == 16
    assert told.perplexities == ()
    assert told.retrieval is None
    assert any("no language model" in note and "models fetch" in note for note in told.notes)


@pytest.mark.usefixtures("deaf")
def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    place = home(tmp_path / "shop", real(30))
    kept = []
    for _ in range(2):
        stage.evaluate(place, Settings(count=6, seed=3))
        kept.append([p.read_bytes() for p in sorted((place.root / "reports").iterdir())])
    assert kept[0] == kept[1]
    assert len(kept[0]) == 2
    other = stage.evaluate(place, Settings(count=6, seed=4))
    first = CaptionReport.model_validate_json(kept[0][1] if kept[0][1][:1] == b"{" else kept[0][0])
    assert [one.text for one in first.written] != [one.text for one in other.written]


@pytest.mark.usefixtures("deaf")
def test_the_page_is_one_file_that_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    place = home(tmp_path / "shop", [*real(30), "Newest <script>alert(1)</script> & boulders #fog"])
    told = stage.evaluate(place, Settings(count=16))
    page = Page(place.root / "reports" / "captions.html")
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe")]
    assert all(str(a["src"]).startswith("data:") for tag, a in page.tags if tag == "img")
    assert "Does it sound like Fog <& Pine>?" in page.text
    assert "<script>alert(1)</script>" in page.text  # as words
    for one in told.written[:12]:
        assert " ".join(one.text.split()) in page.text
    for title in ("Read them", "Voice", "Told apart", "Copied and varied", "How they were made"):
        assert title in page.text
    assert "nan" not in page.text.lower().split()


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "No different captions say something"),
        (["One fog.", "Two pines.", "Three boulders."], "3 different captions say something"),
        ([""] * 30, "No different captions"),
        (["#fog #pine"] * 30, "No different captions"),
    ],
)
@pytest.mark.usefixtures("deaf")
def test_too_few_captions_are_told_in_one_line_and_the_rest_is_measured(
    tmp_path: Path, texts: list[str], said: str
) -> None:
    place = home(tmp_path / "shop", texts)
    told = stage.evaluate(place, Settings(count=5))
    assert told.held_out == 0
    assert any(note.startswith(said) and "20 are needed" in note for note in told.notes)
    assert bool(told.written) == bool(texts)
    assert told.verdict is None
    assert Page(place.root / "reports" / "captions.html").text
    assert rows(told)


@pytest.mark.usefixtures("deaf")
def test_odd_captions_do_no_harm(tmp_path: Path) -> None:
    odd = [
        "word " * 10_000, "صباح الخير من المخبز ☕", "山の朝、静かな霧。", "🌲🌲🌲", "#only #tags", "A",
    ]  # fmt: skip
    place = home(tmp_path / "shop", [*odd, *real(24), *odd])
    told = stage.evaluate(place, Settings(count=8))
    assert len(told.written) == 8
    json.loads((place.root / "reports" / "captions.json").read_text("utf-8"))


@pytest.mark.usefixtures("deaf")
def test_photos_that_nobody_wrote_under_get_captions_too(
    tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    place = Home(tmp_path / "shop")
    place.create(BRAND)
    source = tmp_path / "photos"
    source.mkdir()
    for name in ("leaves", "dock"):
        (source / f"{name}.jpg").write_bytes(pictures[name])
    library = Library(place.library)
    import_into(library, [source], workers=1)
    traits.ensure(library, workers=1)
    told = stage.evaluate(place, Settings(count=2))
    assert len(told.written) == 2
    assert {one.photo for one in told.written} == {photo.id for photo in library.photos()}
    page = Page(place.root / "reports" / "captions.html")
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 2


def test_the_split_is_that_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run held out 9 of 45; then five newer posts came: the newest nine never trained."""
    place = home(tmp_path / "shop", real(45))
    config = Config(held_out=0.2)
    data = corpus.from_library(place, config)
    assert len(data.held) == 9
    trained_for(place, config, data)
    place = home(tmp_path / "shop", [*real(45), *[f"New fog number {i}." for i in range(5)]])
    monkeypatch.setenv("FEEDSMITH_MODELS", str(tmp_path / "none"))
    notes: list[str] = []
    own = stage.own_captions(place, notes)
    # Without the base the trained model cannot be read; then the usual split is taken.
    assert len(own.held) == 5
    monkeypatch.undo()
    if not has_models():
        pytest.skip("the base model is not here")
    own = stage.own_captions(place, notes)
    assert len(own.held) == 9
    before = {row.caption for row in data.train}
    assert not before & {row.caption for row in own.held}
    assert [note for note in notes if not note.startswith("The newest")] == []


def trained_for(place: Home, config: Config, data: Data) -> None:
    """What a training leaves behind in a brand's folder, but for the weights."""
    known = models.known("captions-base")
    folder = place.models / "captions"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(
        json.dumps(
            {"run": "0001-captions", "base": "captions-base", "base_sha256": known.sha256,
             "before": 20.0, "after": 10.0}
        )
    )  # fmt: skip
    run = place.root / "runs" / "0001-captions"
    run.mkdir(parents=True)
    told = {
        "config": config.model_dump(),
        "data": {"source": f"library of {BRAND.name}", "held_out": len(data.held)},
    }
    (run / "config.json").write_text(json.dumps(told))
    lines = [{"step": i, "loss": 3 - i / 20} for i in range(1, 30)] + [{"step": 9, "held_out": 2.5}]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"st')


@pytest.mark.usefixtures("deaf")
def test_the_newest_training_s_losses_are_drawn(tmp_path: Path) -> None:
    place = home(tmp_path / "shop", real(25))
    trained_for(place, Config(), corpus.from_library(place, Config()))
    told = stage.evaluate(place, Settings(count=1))
    assert told.training is not None
    assert (told.training.run, len(told.training.steps)) == ("0001-captions", 29)
    assert told.training.held_out == ((9, 2.5),)
    page = Page(place.root / "reports" / "captions.html")
    assert [a for tag, a in page.tags if tag == "figure" and a.get("class") == "curve"]
    assert any("own model is left out" in note for note in told.notes)


def test_a_brand_s_own_sentence_is_a_route_of_its_own() -> None:
    def won(lines: str, route: str) -> Caption:
        reasons: dict[str, float | str] = {"skeletons": lines} if lines else {}
        return Caption(text="x", route=route, score=0, reasons=reasons)  # type: ignore[arg-type]

    assert stage.route_of(won("O12 own:fog", "skeleton")) == "own"
    assert stage.route_of(won("O12 N3", "skeleton")) == "skeleton"
    assert stage.route_of(won("", "model")) == "model"


@pytest.mark.usefixtures("deaf")
def test_a_chat_model_that_the_brand_has_set_writes_here_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (endpoint.WRITER.url, endpoint.WRITER.model):
        monkeypatch.delenv(name, raising=False)
    place = home(tmp_path / "shop", real(24))
    with serving(says("Fog all day, and we stayed for it."), says("Pines, mostly.")) as server:
        lines = f'name = "Fog"\n[writer]\nurl = "{server.url}"\nmodel = "test"\n'
        place.brand_file.write_text(lines, "utf-8")
        told = stage.evaluate(place, Settings(count=2))
    assert len(server.asked) >= 2
    assert any("test" in note and "were taken" in note for note in told.notes)
    place.brand_file.write_text(f'name = "Fog"\n[writer]\nurl = "{server.url}"\n', "utf-8")
    told = stage.evaluate(place, Settings(count=2))
    assert any(note.startswith("No chat model writes") for note in told.notes)
    assert len(told.written) == 2


def test_no_brand_and_no_place_to_write_are_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match=r"brand\.toml"):
        stage.evaluate(Home(tmp_path / "nowhere"), Settings())
    place = home(tmp_path / "shop", real(20))
    (place.root / "reports").write_text("in the way")
    with pytest.raises(FeedsmithError, match="reports"):
        stage.evaluate(place, Settings())


def test_no_time_at_all_still_gives_a_report(tmp_path: Path) -> None:
    if not has_models():
        pytest.skip("the language model is not here")
    place = home(tmp_path / "shop", real(24))
    seen: list[str] = []

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        assert done <= total
        seen.append(stage)

    told = stage.evaluate(place, Settings(count=2, budget=0.01), report)
    assert len(told.written) == 2
    assert [one.captions for one in told.perplexities] == [4] * len(told.perplexities)
    learned = {one.model: one.value for one in told.perplexities}
    if "as shipped" in learned:
        assert learned["as shipped"] < learned["without any training on captions"]
    assert told.retrieval is None
    assert any("--budget" in note for note in told.notes)
    assert "writing captions" in seen


def has_models() -> bool:
    try:
        models.find("captions-base")
    except MissingModel:
        return False
    return True


def test_the_command_prints_the_figures_and_names_the_page(tmp_path: Path) -> None:
    place = home(tmp_path / "shop", real(24))
    command = [sys.executable, "-c", "from feedsmith.cli import main; main()"]
    words = ["evaluate", "captions", str(place.root), "--count", "12", "--budget", "90s"]
    files = []
    for hashes in ("1", "2"):  # the order of sets must not matter
        done = subprocess.run(
            [*command, *words],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "COLUMNS": "200",
                "PYTHONHASHSEED": hashes,
                "FEEDSMITH_MODELS": str(tmp_path / "none"),
            },
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for part in ("Told from yours", "Copied in a row", "Keywords named", "captions.html"):
            assert part in done.stdout
        files.append((place.root / "reports" / "captions.json").read_bytes())
    assert files[0] == files[1]
    wrong = subprocess.run(
        [*command, *words[:3], "--budget", "soon"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "not a length of time" in wrong.stderr
