import numpy as np

from feedsmith.colour import grey
from feedsmith.images import crop, extend
from pictures import disc, disc_map, landscape


def test_the_kept_part_is_kept_pixel_for_pixel() -> None:
    photo = landscape(200, 300)
    whole = crop.Window(0.0, 0.0, 1.0, 1.0)
    grown = extend.extend(photo, whole, (300, 320), np.zeros((40, 60), np.float32), up=0.5, seed=1)
    assert grown.shape == (320, 300, 3)
    assert (grown[60:260] == photo).all()


def test_plain_ground_is_continued_without_a_line() -> None:
    photo = disc(200, 300)
    whole = crop.Window(0.0, 0.0, 1.0, 1.0)
    grown = extend.extend(photo, whole, (300, 300), disc_map(200, 300), up=0.5, seed=1)
    assert np.abs(grown[:50].astype(int) - 225).max() <= 2
    assert np.abs(grown[250:].astype(int) - 225).max() <= 2


def test_ground_is_made_of_ground() -> None:
    photo = landscape(200, 300)
    whole = crop.Window(0.0, 0.0, 1.0, 1.0)
    grown = extend.extend(photo, whole, (300, 270), np.zeros((40, 60), np.float32), up=0.0, seed=1)
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
