import numpy as np

from feedsmith.images import crop
from pictures import disc, disc_map


def test_it_keeps_an_off_centre_subject_whole() -> None:
    window = crop.best((1600, 1200), (1080, 1350), disc_map(at=(0.5, 0.8)))
    assert window is not None
    assert window.kept > 0.9
    assert window.left * 1600 < 0.8 * 1600 - 0.2 * 1200
    assert window.left > 0.2


def test_it_has_the_wanted_shape_to_the_pixel() -> None:
    window = crop.best((2048, 1365), (1080, 1350), disc_map())
    assert window is not None
    left, top, right, bottom = window.pixels(2048, 1365)
    assert abs((right - left) / (bottom - top) - 0.8) < 0.002
    assert crop.cut_out(disc(), window, (108, 135)).shape == (135, 108, 3)


def test_it_never_enlarges_beyond_the_limit() -> None:
    assert not crop.fits((600, 800), (1080, 1350))
    assert crop.best((600, 800), (1080, 1350), disc_map()) is None
    window = crop.best((1000, 1000), (1080, 1080), disc_map(at=(0.3, 0.3)))
    assert window is not None
    assert 1080 / (1000 * (window.right - window.left)) <= crop.BLOW_UP_MAX + 0.01


def test_it_refuses_to_cut_a_face() -> None:
    saliency = np.full((100, 150), 0.5, np.float32)
    left, right = (0.02, 0.3, 0.12, 0.5), (0.88, 0.3, 0.98, 0.5)
    assert crop.best((1500, 1000), (1080, 1350), saliency, faces=(left, right)) is None
    one = crop.best((1500, 1000), (1080, 1350), saliency, faces=(right,))
    assert one is not None
    assert one.right >= 0.98


def test_it_leaves_room_for_words() -> None:
    tall = disc_map(height=400, width=300, at=(0.5, 0.5))
    top = crop.best((1500, 2000), (1080, 1080), tall, text_space="top")
    bottom = crop.best((1500, 2000), (1080, 1080), tall, text_space="bottom")
    assert top is not None
    assert bottom is not None
    assert top.top < bottom.top
