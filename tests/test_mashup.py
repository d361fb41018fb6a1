import numpy as np

from feedsmith.images import mashup
from pictures import landscape, leaves


def test_it_finds_the_skyline() -> None:
    line = mashup.skyline(landscape(sky=0.4))
    assert line.sure > 0.5
    assert abs(line.share - 0.42) < 0.05


def test_leaves_have_no_skyline() -> None:
    assert mashup.skyline(leaves()).sure < 0.3


def test_the_land_stays_and_the_sky_changes() -> None:
    land, other = landscape(seed=1), landscape(seed=3, sky=0.6)
    other[..., 2] = np.clip(other[..., 2].astype(int) - 60, 0, 255)
    made = mashup.mash(land, mashup.skyline(land), other, mashup.skyline(other))
    assert made is not None
    assert np.abs(made[:80].astype(int) - land[:80]).mean() > 15
    assert np.abs(made[-80:].astype(int) - land[-80:]).mean() < 15


def test_a_sky_that_is_too_small_is_refused() -> None:
    land, low = landscape(sky=0.6), landscape(sky=0.12)
    assert mashup.mash(land, mashup.skyline(land), low, mashup.skyline(low)) is None
