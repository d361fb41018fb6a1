"""Cuts fall on the beats people hear."""

import numpy as np
import pytest

from feedsmith.film import beats

RATE = 48_000


def clicks(tempo: float, first: float, seconds: float = 14, hats: bool = False) -> np.ndarray:
    """Drum-like clicks on every beat, over a quiet hiss; `hats`: noise between the beats."""
    rng = np.random.default_rng(1)
    out = rng.normal(0, 0.003, int(RATE * seconds)).astype(np.float32)
    n = int(0.05 * RATE)
    at = np.arange(n) / RATE
    fading = np.exp(-at * 80)
    for number, second in enumerate(np.arange(first, seconds - 0.1, 60 / tempo)):
        start = int(second * RATE)
        out[start : start + n] += 0.6 * fading * np.sin(2 * np.pi * at * (900, 110)[number % 2])
        start += int(30 / tempo * RATE)
        if hats and start + n < out.size:
            out[start : start + n] += 0.2 * fading * rng.normal(0, 1, n).astype(np.float32)
    return out


@pytest.mark.parametrize("hats", [False, True])
@pytest.mark.parametrize(("tempo", "first"), [(84, 0.31), (100, 0.05), (117.3, 0.4), (128, 0.2)])
def test_tempo_and_beats_of_a_track_are_found(tempo: float, first: float, hats: bool) -> None:
    grid = beats.heard(clicks(tempo, first, hats=hats), RATE)
    assert grid.heard
    assert grid.tempo == pytest.approx(tempo, rel=0.02)
    late = (grid.first - first + grid.period / 2) % grid.period - grid.period / 2
    assert abs(late) < 0.03
    # And at the end of the track the grid still agrees with it.
    beat = first + 60 / tempo * 20
    assert abs(grid.nearest(beat) - beat) < 0.06


@pytest.mark.parametrize("colour", [0.0, 0.5, 1.0])
def test_noise_has_no_beat(colour: float) -> None:
    rng = np.random.default_rng(4)
    spectrum = np.fft.rfft(rng.normal(0, 1, RATE * 12))
    spectrum /= (np.arange(spectrum.size) + 1) ** colour
    noise = np.fft.irfft(spectrum).astype(np.float32)
    assert beats.heard(noise / np.abs(noise).max(), RATE, "calm") == beats.by_mood("calm")


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0])
def test_a_track_too_short_to_judge_keeps_the_mood(seconds: float) -> None:
    assert beats.heard(clicks(100, 0, 2)[: int(seconds * RATE)], RATE) == beats.by_mood("warm")


def test_silence_has_no_beat() -> None:
    assert not beats.heard(np.zeros(RATE * 10, np.float32), RATE).heard


def test_a_beat_of_every_mood_is_a_whole_number_of_frames() -> None:
    for mood in beats.TEMPI:
        frames = beats.by_mood(mood).period * 30
        assert frames == pytest.approx(round(frames))


def test_the_nearest_and_the_next_beat() -> None:
    grid = beats.Grid(100.0, 0.1, True)
    assert grid.nearest(1.25) == pytest.approx(1.3)
    assert grid.after(0.71) == pytest.approx(1.3)
    assert grid.after(0.7) == pytest.approx(0.7)
