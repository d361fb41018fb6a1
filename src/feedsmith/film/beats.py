"""Beats: when to cut. A tempo by mood, or the tempo and the beats of the user's own track.

Knows samples and seconds; nothing of pictures.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Floats = NDArray[np.float32]

TEMPI = {"calm": 90.0, "warm": 100.0, "lively": 120.0}
"""Beats a minute by mood; at 30 pictures a second each beat is a whole number of them."""
SLOWEST, FASTEST = 66.0, 168.0
"""Beats a minute that are listened for; outside, a beat is felt as half or double."""
_HOP = 0.01
"""Seconds between two looks at the spectrum."""
_WINDOW = 0.04
_EARLY = 0.016
"""Seconds by which a window of _WINDOW sees an attack before it is there (measured on clicks)."""
_CLEAR = 0.3
"""How much a beat must explain of the onsets' own energy. White, pink and brown noise: up to 0.15
(40 tracks); click tracks: above 0.6."""


class Grid(NamedTuple):
    """Evenly spaced beats."""

    tempo: float
    """Beats a minute."""
    first: float
    """Seconds to the first beat, less than about one period."""
    heard: bool
    """True where it was found in a track, False where it is the mood's."""

    @property
    def period(self) -> float:
        """Seconds between beats."""
        return 60.0 / self.tempo

    def nearest(self, second: float) -> float:
        """The beat nearest to `second`, at or after `first`."""
        n = max(round((second - self.first) / self.period), 0)
        return self.first + n * self.period

    def after(self, second: float) -> float:
        """The first beat at or after `second`."""
        n = max(int(np.ceil((second - self.first) / self.period - 1e-6)), 0)
        return self.first + n * self.period


def by_mood(mood: str) -> Grid:
    """The grid of TEMPI's `mood`; "warm" for one that it does not know."""
    return Grid(TEMPI.get(mood, TEMPI["warm"]), 0.0, False)


def heard(samples: Samples, rate: int, mood: str = "warm") -> Grid:
    """The beats of a track, (n,) -1..1 at `rate` Hz; the mood's where no beat is clear.

    Onsets by spectral flux, tempo by their autocorrelation with its multiples (after Ellis 2007,
    "Beat tracking by dynamic programming"), the phase by where most onsets fall.
    """
    onsets = _onsets(samples, rate)
    if onsets.size < int(2.5 / _HOP):
        return by_mood(mood)
    period, clear = _period(onsets)
    if clear < _CLEAR:
        return by_mood(mood)
    first, period = _phase(onsets, period)
    return Grid(60.0 / (period * _HOP), float((first % period) * _HOP + _EARLY), True)


def _onsets(samples: Samples, rate: int) -> Floats:
    """How much louder each frequency became, summed: one value each _HOP seconds, mean 0.

    Value i stands for the second i * _HOP.
    """
    hop, n = round(_HOP * rate), round(_WINDOW * rate)
    if samples.size < 2 * n:
        return np.zeros(0, np.float32)
    padded = np.pad(samples.astype(np.float32), (n // 2, n))
    window = np.hanning(n).astype(np.float32)
    # Sixteen bands of equal width in pitch, as the ear has them.
    edges = np.unique(np.round(np.geomspace(40, min(10_000, rate / 2), 25) * n / rate).astype(int))
    edges = edges[edges < n // 2]
    rows = []
    count = (padded.size - n) // hop
    for start in range(0, count, 256):
        at = np.arange(start, min(start + 256, count))[:, None] * hop + np.arange(n)
        power = np.abs(np.fft.rfft(padded[at] * window, axis=1)) ** 2
        rows.append(np.add.reduceat(power, edges, axis=1)[:, :-1].astype(np.float32))
    bands = np.concatenate(rows)
    loud = np.log1p(bands / max(float(np.quantile(bands, 0.98)), 1e-9) * 10)
    # A drum is the beat, a hi-hat often stands between two.
    loud *= np.linspace(1.6, 0.4, loud.shape[1], dtype=np.float32)
    # Against the loudness two looks before: an attack takes about 20 ms.
    rise = np.maximum(loud[2:] - loud[:-2], 0).sum(axis=1)
    flux = np.concatenate([np.zeros(1, np.float32), rise, np.zeros(1, np.float32)])
    # What lasts longer than half a second is no beat.
    wide = np.ones(51, np.float32) / 51
    calm = np.convolve(np.pad(flux, 25, mode="edge"), wide, mode="valid")
    flux = np.maximum(flux - calm[: flux.size], 0)
    soft = np.convolve(flux, np.hanning(7)[1:-1] / np.hanning(7).sum(), mode="same")
    return np.asarray(soft - soft.mean(), np.float32)


def _period(onsets: Floats) -> tuple[float, float]:
    """The beat's period in hops, and how clear it is (0..1)."""
    n = onsets.size
    spectrum = np.fft.rfft(onsets, 2 * n)
    auto = np.fft.irfft(np.abs(spectrum) ** 2)[:n].astype(np.float32)
    auto *= n / (n - np.arange(n, dtype=np.float32))  # long lags have fewer pairs
    auto /= max(float(auto[0]), 1e-9)
    low, high = 60 / FASTEST / _HOP, 60 / SLOWEST / _HOP
    lags = np.arange(low, high, 0.05)
    times = np.arange(n, dtype=np.float32)
    score = np.zeros(lags.size)
    used = 0
    for multiple in (1, 2, 3, 4):
        if lags[-1] * multiple < n * 0.75:
            score += np.interp(lags * multiple, times, auto)
            used += 1
    score /= max(used, 1)
    # People feel about 110 beats a minute where several tempi fit (Parncutt 1994).
    felt = np.exp(-0.5 * (np.log2(60 / (lags * _HOP) / 110) / 0.9) ** 2)
    best = int(np.argmax(score * felt))
    return float(lags[best]), float(score[best])


def _phase(onsets: Floats, period: float) -> tuple[float, float]:
    """Hops to the first beat and the period, both refined on the whole track."""
    times = np.arange(onsets.size, dtype=np.float32)
    best = (-np.inf, 0.0, period)
    # Over a minute an error of 1 % is a whole beat: try the neighbouring periods as well.
    for p in period * (1 + np.linspace(-0.012, 0.012, 25)):
        firsts = np.arange(0, p, 0.25)
        beats = np.arange(int(onsets.size / p) - 1) * p
        found = np.interp((firsts[:, None] + beats).ravel(), times, onsets)
        score = found.reshape(firsts.size, -1).mean(axis=1)
        i = int(np.argmax(score))
        if score[i] > best[0]:
            best = (float(score[i]), float(firsts[i]), float(p))
    return best[1], best[2]
