import numpy as np

from feedsmith.colour import grey
from feedsmith.images import crop, extend
from pictures import disc, disc_map, landscape


def test_the_kept_part_is_kept_pixel_for_pixel() -> None:
    photo = landscape(200, 300)
    whole = crop.Window(0.0, 0.0, 1.0, 1.0)
    grown = extend.extend(photo, whole, (300, 320), np.zeros((40, 60), np.float32), up=0.5, seed=1)
    assert grown is not None
    assert grown.shape == (320, 300, 3)
    assert (grown[60:260] == photo).all()


def test_plain_ground_is_continued_without_a_line() -> None:
    photo = disc(200, 300)
    whole = crop.Window(0.0, 0.0, 1.0, 1.0)
    grown = extend.extend(photo, whole, (300, 300), disc_map(200, 300), up=0.5, seed=1)
    assert grown is not None
    assert np.abs(grown[:50].astype(int) - 225).max() <= 2
    assert np.abs(grown[250:].astype(int) - 225).max() <= 2


def test_ground_is_made_of_ground() -> None:
    photo = landscape(200, 300)
    whole = crop.Window(0.0, 0.0, 1.0, 1.0)
    grown = extend.extend(photo, whole, (300, 270), np.zeros((40, 60), np.float32), up=0.0, seed=1)
    assert grown is not None
    new, old = grey(grown[205:]), grey(photo[-60:])
    assert abs(float(new.mean() - old.mean())) < 12
    assert new.std() > 0.5 * old.std()


def test_an_edge_with_the_subject_on_it_is_not_plain() -> None:
    photo, looked = disc(at=(0.05, 0.5)), disc_map(at=(0.05, 0.5))
    assert not extend.edge(photo, looked, top=True).plain()
    assert extend.edge(photo, looked, top=False).plain()
    assert extend.edge(photo, looked, top=False).smooth


def test_it_grows_towards_the_plainer_side() -> None:
    photo, looked = disc(at=(0.1, 0.5)), disc_map(at=(0.1, 0.5))
    top, bottom = extend.edge(photo, looked, True), extend.edge(photo, looked, False)
    assert extend.share_up(top, bottom) < 0.3


def test_a_line_along_the_edge_is_left_out_not_continued() -> None:
    photo = landscape(200, 300)
    photo[-2:] = 8
    whole = crop.Window(0.0, 0.0, 1.0, 1.0)
    grown = extend.extend(photo, whole, (300, 270), np.zeros((40, 60), np.float32), up=0.0, seed=1)
    assert grown is not None
    assert (grown[:194] == photo[:194]).all()
    light = grey(grown).astype(np.float32)
    steps = np.abs(np.median(np.diff(light, axis=0), axis=1))
    assert steps[185:].max() < max(6.0, 1.5 * float(steps[150:185].max()))
    assert np.median(light[190:205], axis=1).min() > 40


def test_a_branch_over_the_edge_is_no_plain_edge() -> None:
    rng = np.random.default_rng(3)
    sky = np.clip(rng.normal(170, 6, (400, 300, 3)) + np.linspace(0, 20, 300)[:, None], 0, 255)
    photo = sky.astype(np.uint8)
    looked = np.zeros((40, 30), np.float32)
    assert extend.edge(photo, looked, top=True).plain()
    photo[:120, 140:147] = 60
    assert extend.edge(photo, looked, top=True).crossed
    assert not extend.edge(photo, looked, top=True).plain()
    assert extend.edge(photo, looked, top=False).plain()


def test_what_is_made_above_comes_from_above() -> None:
    photo = landscape(200, 300)
    whole = crop.Window(0.0, 0.0, 1.0, 1.0)
    grown = extend.extend(photo, whole, (300, 320), np.zeros((40, 60), np.float32), up=0.5, seed=1)
    assert grown is not None
    above, below = photo[:40].mean((0, 1)), photo[-40:].mean((0, 1))
    assert np.abs(above - below).max() > 30
    for made, own, other in ((grown[:60], above, below), (grown[260:], below, above)):
        colours = made.reshape(-1, 3).astype(np.float32)
        nearer = np.abs(colours - own).sum(1) < np.abs(colours - other).sum(1)
        assert nearer.mean() > 0.9


def test_a_seam_that_shows_is_seen() -> None:
    rng = np.random.default_rng(5)
    whole = np.clip(rng.normal(120, 6, (600, 300, 3)), 0, 255).astype(np.uint8)
    assert not extend._shows(whole, 200)
    lined = whole.copy()
    lined[:200] += 9
    assert extend._shows(lined, 200)
    stump = whole.copy()
    stump[200:320, 100:120] = 10
    assert extend._shows(stump, 200)


def test_a_steep_sky_has_no_kink_at_the_seam() -> None:
    rng = np.random.default_rng(2)
    rise = np.arange(900, dtype=np.float32)[:, None, None] * 0.15 + np.array([70, 60, 95])
    photo = np.clip(rise + rng.normal(0, 1, (900, 200, 3)), 0, 255).astype(np.uint8)
    whole = crop.Window(0.0, 0.0, 1.0, 1.0)
    grown = extend.extend(photo, whole, (200, 1100), np.zeros((40, 30), np.float32), up=1.0, seed=1)
    assert grown is not None
    level = grown.astype(np.float32).mean((1, 2))
    inside = float(level[240] - level[210]) / 30
    outside = float(level[195] - level[165]) / 30
    assert 0.6 * inside < outside < 1.1 * inside
    assert level[0] > 30
