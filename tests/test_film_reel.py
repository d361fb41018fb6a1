"""A reel from a few photos: cut on beats, readable, kept inside Instagram's limits."""

import wave
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from feedsmith import rules
from feedsmith.brand import Palette
from feedsmith.design import palette, render
from feedsmith.errors import FeedsmithError
from feedsmith.film import beats, encode, reel, walk

ROLES = palette.complete(Palette())


def photo(seed: int, width: int = 720, height: int = 1280) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 216, (height // 80, width // 80, 3), dtype=np.uint8)
    return np.kron(small, np.ones((80, 80, 1), np.uint8))


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as media:
        return [f.to_ndarray(format="gray")[::4, ::4] for f in media.decode(video=0)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, reel.Made]:
    path = tmp_path_factory.mktemp("reel") / "reel.mp4"
    return path, reel.make(
        path, [photo(1), photo(2)], ["Leave early", ""], closing={"headline": "Come by", "cta": "Sunday"},
        roles=ROLES, run_seed=3, seconds=4.2, mood="lively",
    )  # fmt: skip


def test_a_reel_is_taken_by_instagram(made: tuple[Path, reel.Made]) -> None:
    path, reel_ = made
    assert encode.problems(path, "reel") == []
    found = encode.probe(path)
    assert (found.width, found.height, found.fps) == (1080, 1920, 30.0)
    assert found.duration == pytest.approx(reel_.duration)
    assert found.bytes < rules.FILMS["reel"].bytes_max


def test_its_words_read_and_are_told(made: tuple[Path, reel.Made]) -> None:
    _, reel_ = made
    assert reel_.text == ("Leave early", "Come by", "Sunday")
    assert reel_.min_contrast >= 4.5
    assert all(name.startswith("reel-") and look for name, look in reel_.layouts)
    assert reel_.cover.shape == (1920, 1080, 3)


def test_it_is_cut_on_beats_and_holds_its_last_picture(made: tuple[Path, reel.Made]) -> None:
    path, reel_ = made
    beat = 60 / reel_.tempo
    assert not reel_.heard
    assert len(reel_.cuts) == 3
    for cut in reel_.cuts:
        assert abs(cut / beat - round(cut / beat)) < 0.06
    shown = frames(path)
    change = [float(np.abs(b.astype(int) - a).mean()) for a, b in pairwise(shown)]
    assert max(change[-12:]) < 1.0
    assert float(np.std(shown[0])) > 10  # it does not begin with an empty picture


def test_the_layout_that_a_person_chose_is_taken_where_words_fit_into_it(tmp_path: Path) -> None:
    options = [("reel-lower", "picture"), ("reel-centre", "picture"), ("reel-bar", "accent")]
    for number, layout in enumerate(options):
        made = reel.make(
            tmp_path / f"{number}.mp4", [photo(5)], ["Look up."], roles=ROLES,
            run_seed=3, seconds=3.0, only=layout,
        )  # fmt: skip
        assert made.layouts == (layout,)


def test_the_same_reel_twice_is_the_same_file(tmp_path: Path) -> None:
    def again(name: str) -> bytes:
        reel.make(
            tmp_path / name, [photo(5, 320, 240)], ["One"], roles=ROLES, run_seed=9, seconds=3.0
        )
        return (tmp_path / name).read_bytes()

    assert again("a.mp4") == again("b.mp4")


def test_cuts_follow_the_beats_of_a_track() -> None:
    grid = beats.Grid(110.0, 0.21, True)
    board = reel._storyboard(4, ["One", "Two", "", ""], {"headline": "End", "cta": "Go"}, 9.0, grid)
    assert [shot.closing for shot in board] == [False] * 4 + [True]
    for shot in board[1:]:
        assert abs(shot.start / 30 - grid.nearest(shot.start / 30)) <= 0.5 / 30 + 1e-6
    assert board[-1].end == 270
    assert all(a.end == b.start for a, b in pairwise(board))


def test_every_text_stays_long_enough_to_be_read() -> None:
    long = "Five slow walks under old beeches, and where the flask tastes best"
    texts = [long, "Two words", {"name": "Mug", "price": "12 EUR"}]
    board = reel._storyboard(3, texts, None, 5.0, beats.by_mood("calm"))
    for shot, letters in zip(board, (len(long), 9, 9), strict=True):
        assert (shot.end - shot.start) / 30 > max(letters / 15, 1.2)
    assert board[-1].end > 5.0 * 30


def test_a_single_shot_without_words_is_a_reel(tmp_path: Path) -> None:
    done = reel.make(tmp_path / "one.mp4", [photo(7)], roles=ROLES, seconds=3.0)
    assert (done.text, done.min_contrast, done.duration) == ((), 21.0, 3.0)
    assert encode.problems(tmp_path / "one.mp4") == []


def test_words_that_fit_nowhere_are_refused_and_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(render.Misfit):
        reel.make(tmp_path / "x.mp4", [photo(1)], ["Wanderlust " * 40], roles=ROLES, seconds=3.0)
    assert list(tmp_path.iterdir()) == []


def test_a_track_of_zero_bytes_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"")
    with pytest.raises(FeedsmithError, match="zero bytes"):
        reel.make(tmp_path / "x.mp4", [photo(1)], roles=ROLES, music=tmp_path / "song.mp3")


def test_a_track_without_a_beat_is_cut_to_the_mood(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    with wave.open(str(tmp_path / "sea.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(rng.normal(0, 3000, 80_000).astype(np.int16).tobytes())
    grid = beats.heard(encode.track(tmp_path / "sea.wav", 30), encode.SAMPLE_RATE, "calm")
    assert grid == beats.by_mood("calm")


def test_too_many_pictures_are_refused() -> None:
    with pytest.raises(FeedsmithError, match="7 pictures"):
        reel.make(Path("x.mp4"), [photo(1)] * 7, roles=ROLES)


@pytest.mark.parametrize(("head", "turn"), [(0.34, 0), (0.34, 1), (0.5, 2)])
def test_words_keep_off_the_subjects_head(head: float, turn: int) -> None:
    seen = np.full((96, 54), 0.1, np.float32)
    top = int(96 * (head - 0.12))
    seen[top : top + 36, 18:38] = 0.9  # stands in the middle, its head at a third or at half
    setter = reel._Setter(ROLES, "", 1, turn, "en", None, None, "fade")
    view, busy = reel._moving(photo(4), seen, 3.0, "push-in", flat=True)
    words = setter.words({"headline": "Look up.", "body": "It waits for the wind."}, view, busy)
    assert words.hidden < 0.25
    boxes = [(p.y, p.y + p.colours[0].shape[0]) for p in words.pieces]
    assert not any(y0 / 1920 < head and y1 / 1920 > head - 0.1 for y0, y1 in boxes)


def test_a_face_counts_as_what_the_eye_goes_to() -> None:
    face = (0.3, 0.16, 0.7, 0.36)
    setter = reel._Setter(ROLES, "", 1, 0, "en", None, None, "fade")
    view, busy = reel._moving(photo(5), render.kept(None, [face]), 1.5, "push-in", flat=True)
    words = setter.words({"headline": "Look up."}, view, busy)
    top, foot = 0.16 * 1920, 0.36 * 1920
    assert all(p.y + p.colours[0].shape[0] <= top or p.y >= foot for p in words.pieces)


def test_a_shot_may_be_a_walk_that_moves_under_its_words(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    small = rng.integers(0, 256, (2, 16, 9, 3), dtype=np.uint8).repeat(20, axis=0)
    dots = walk.dots(small, 1080, 1920, ROLES.ink)
    path = tmp_path / "walk.mp4"
    made = reel.make(
        path, [photo(1), photo(2)], ["Look up.", ""], roles=ROLES, run_seed=3, seconds=3.2, walks={0: dots}
    )  # fmt: skip
    assert made.text == ("Look up.",)
    assert made.min_contrast >= 4.5
    assert encode.problems(path, "reel") == []
    shown = frames(path)
    first = np.asarray(dots.still)[::4, ::4].astype(float).mean(-1)
    likeness = np.corrcoef(first.ravel(), shown[0].ravel())[0, 1]
    assert likeness > 0.8, "dots, not the picture"
    assert np.corrcoef(first.ravel(), shown[int(made.cuts[1] * 30) + 20].ravel())[0, 1] < 0.3


def test_words_over_a_walk_read_at_every_moment_of_it(tmp_path: Path) -> None:
    """Dark where it begins, in the middle and where it ends, and light between."""
    light = np.sin(np.linspace(0, 4 * np.pi, 75, endpoint=False)) ** 2
    small = np.broadcast_to((235 * light)[:, None, None, None], (75, 32, 18, 3)).astype(np.uint8)
    dots = walk.dots(small, 1080, 1920, "#101614")
    made = reel.make(
        tmp_path / "walk.mp4", [photo(1)], ["Look up."], roles=ROLES, run_seed=3, seconds=3.0,
        walks={0: dots}, only=("reel-lower", "picture"),
    )  # fmt: skip
    assert made.min_contrast >= 4.5
