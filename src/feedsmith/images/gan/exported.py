"""A trained generator as it is run: numbers in, small pictures out, by onnxruntime alone.

    BRAND/models/images/
      generator.onnx          z float32 (N, z_dim) -> rgb float32 (N, 3, S, S), -1..1
      generator.safetensors   the same weights, to train on from (not with the shipped one)
      card.json               what it is: recipe, size, data, files and their SHA-256

A latent is as good as a direction: generators look at z from the centre of a sphere (T. Karras et
al., "Progressive growing of GANs", ICLR 2018), and one that lays out colours by it (train/layout.py)
was trained on Gaussian noise. So latents are kept at the length that such noise has, sqrt(z_dim),
and a walk goes along the sphere. Knows files and numbers; nothing of brands,
photos or posts.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedsmith.errors import FeedsmithError, MissingModel
from feedsmith.images import resample
from feedsmith.understanding.networks import session

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

WHAT = "image generator"
"""What a card must say it describes."""
STARTER = Path(__file__).parent / "starter"
"""The generator that is shipped: flowers and trees."""
AT_ONCE = 16 * 64 * 64
"""Pixels of one pass: 16 pictures of 64 px, one of 256 and more. The layers of a small generator
take about 400 bytes for each."""
SIDE_MIN, SIDE_MAX = 16, 1024
TRUNCATION = 2.0
"""Standard deviations beyond which a number of a latent is drawn again: rarer pictures are worse
(A. Brock et al., "Large scale GAN training", ICLR 2019)."""
AGAIN = "train it again with `feedsmith train images`, or remove the folder"


@dataclass(frozen=True, eq=False)
class Generator:
    """A loaded generator. The same latents give the same pictures, one thread, on one machine."""

    folder: Path
    size: int
    """S, pixels of a side."""
    z_dim: int
    sha256: str
    """Of generator.onnx."""
    card: dict[str, Any] = field(repr=False)
    _session: Any = field(repr=False)

    @classmethod
    def load(cls, folder: Path) -> "Generator":
        """Open a folder's generator.

        Raises MissingModel where there is none; FeedsmithError where its card cannot be read, its
        file is not the one the card names, or it takes or gives something else than a generator.
        """
        file = folder / "generator.onnx"
        card = _card(folder)
        try:
            data = file.read_bytes()
        except FileNotFoundError as error:
            raise MissingModel(f"{file}: there is no trained generator", mend=AGAIN) from error
        except OSError as error:
            raise FeedsmithError(
                f"{file}: cannot be read ({(error.strerror or str(error)).lower()})",
                mend="check the folder's permissions",
            ) from error
        told = card["files"].get(file.name, {}).get("sha256", "")
        found = hashlib.sha256(data).hexdigest()
        if found != told:
            raise FeedsmithError(
                f"{file}: is not the file that card.json names (SHA-256 {found[:12]}…, "
                f"{str(told)[:12] or 'none'}… was expected)",
                mend=f"it is damaged or from another run: {AGAIN}",
            )
        opened = _opened(file, data)
        size, z_dim = _shapes(file, opened, card)
        return cls(folder, size, z_dim, found, card, opened)

    @property
    def name(self) -> str:
        """For the record of a post: recipe and hash."""
        return f"{self.card.get('recipe', 'gan')} {self.size} {self.sha256[:12]}"

    @property
    def is_starter(self) -> bool:
        """True for the one that is shipped, which no brand's photos have trained."""
        return self.folder == STARTER

    def latents(self, count: int, seed: int, truncation: float = TRUNCATION) -> Floats:
        """`count` random latents, float32 (count, z_dim), each of length sqrt(z_dim).

        `truncation`: numbers further from 0 are drawn again; lower is tamer and more alike, at
        least 0.5; infinity for none. Raises ValueError below 0.5.
        """
        if truncation < 0.5:
            raise ValueError("a truncation below 0.5 leaves one picture")
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((count, self.z_dim))
        while (out := np.abs(z) > truncation).any():
            z[out] = rng.standard_normal(int(out.sum()))
        return _on_sphere(z)

    def pictures(self, z: Floats, largest: int = SIDE_MAX) -> Bytes:
        """uint8 (N, S, S, 3) of latents (N, z_dim); reduced to `largest` px where S is more, so that
        many of a large generator fit in memory. Raises FeedsmithError where the network gives no
        numbers (a training that broke)."""
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise ValueError(f"latents of shape {z.shape}, (N, {self.z_dim}) was expected")
        side = min(self.size, largest)
        out = np.empty((len(z), side, side, 3), np.uint8)
        step = max(1, AT_ONCE // self.size**2)
        for at in range(0, len(z), step):
            (rgb,) = self._session.run(["rgb"], {"z": np.ascontiguousarray(z[at : at + step])})
            if not np.isfinite(rgb).all():
                raise FeedsmithError(
                    f"{self.folder}: the generator gives no pictures (its weights broke)",
                    mend=AGAIN,
                )
            grey = np.clip(np.rint(rgb * np.float32(127.5) + np.float32(127.5)), 0, 255)
            whole = grey.transpose(0, 2, 3, 1).astype(np.uint8)
            for number, picture in enumerate(whole, at):
                out[number] = resample.resize(np.ascontiguousarray(picture), side, side)
        return out

    def walk(
        self,
        seed: int,
        frames: int,
        *,
        anchors: int = 3,
        reach: float = 0.6,
        centre: Floats | None = None,
    ) -> Floats:
        """A closed walk, float32 (frames, z_dim): after the last latent comes the first.

        Through `anchors` latents (2 to 8) that lie `reach` (0..1) of the way from `centre` (one
        latent; default: drawn from the seed) to latents drawn at random. Between them the periodic
        interpolation of least frequency, on the sphere, walked at constant speed, so that nothing
        jerks at an anchor.
        """
        if not 2 <= anchors <= 8 or frames < 2:
            raise ValueError("2 to 8 anchors, 2 frames and more")
        drawn = self.latents(anchors + 1, seed)
        middle = drawn[0] if centre is None else centre
        stops = np.stack([slerp(middle, other, reach) for other in drawn[1:]])
        fine = _on_sphere(_periodic(stops, max(720, 4 * frames)))
        # Constant speed: equal steps of the way, not of the parameter.
        steps = np.linalg.norm(np.roll(fine, -1, 0) - fine, axis=1).astype(np.float64)
        way = np.concatenate([[0.0], np.cumsum(steps)])
        wanted = np.arange(frames) * way[-1] / frames
        at = np.searchsorted(way, wanted, side="right") - 1
        share = ((wanted - way[at]) / np.maximum(steps[at], 1e-12))[:, None]
        following = np.roll(fine, -1, 0)
        return _on_sphere(fine[at] * (1 - share) + following[at] * share)


def find(home: Path) -> Generator | None:
    """The brand's own generator (in home/models/images), else the one that is shipped, else None.

    Raises FeedsmithError where the brand has one that is damaged: it is never quietly replaced.
    """
    for folder in (home / "models" / "images", STARTER):
        if (folder / "generator.onnx").exists() or (folder / "card.json").exists():
            return Generator.load(folder)
    return None


def slerp(one: Floats, other: Floats, share: float) -> Floats:
    """The latent `share` (0..1) of the way along the arc from one latent to another, (z_dim,)."""
    a, b = (v / max(float(np.linalg.norm(v)), 1e-12) for v in (one, other))
    angle = float(np.arccos(np.clip(float(a @ b), -1, 1)))
    if angle < 1e-4:
        return one
    mixed = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    return np.asarray(mixed * np.sqrt(len(one)), np.float32)


def _on_sphere(z: NDArray[np.floating[Any]]) -> Floats:
    length = np.linalg.norm(z, axis=-1, keepdims=True)
    return np.asarray(z * (np.sqrt(z.shape[-1]) / np.maximum(length, 1e-12)), np.float32)


def _periodic(points: Floats, count: int) -> NDArray[np.float64]:
    """Trigonometric interpolation of a closed row of points (k, d) at `count` places."""
    k = len(points)
    waves = np.fft.rfft(points.astype(np.float64), axis=0)
    padded = np.zeros((count // 2 + 1, points.shape[1]), np.complex128)
    padded[: len(waves)] = waves
    if k % 2 == 0:
        padded[k // 2] *= 0.5  # the highest wave of an even row is its own mirror
    return np.fft.irfft(padded, count, axis=0) * (count / k)


def _card(folder: Path) -> dict[str, Any]:
    path = folder / "card.json"
    try:
        card = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        if not (folder / "generator.onnx").exists():
            raise MissingModel(
                f"{folder}: there is no trained generator",
                mend="train one: feedsmith train images mybrand/",
            ) from error
        raise FeedsmithError(f"{path}: is missing beside the generator", mend=AGAIN) from error
    except (OSError, ValueError) as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({type(error).__name__})", mend=AGAIN
        ) from error
    if (
        not isinstance(card, dict)
        or card.get("what") != WHAT
        or not isinstance(card.get("files"), dict)
    ):
        raise FeedsmithError(f"{path}: is not the card of an image generator", mend=AGAIN)
    return card


def _opened(file: Path, data: bytes) -> Any:
    try:
        return session(data)
    except Exception as error:
        raise FeedsmithError(
            f"{file}: cannot be opened ({str(error).splitlines()[0][:120]})", mend=AGAIN
        ) from error


def _shapes(file: Path, opened: Any, card: dict[str, Any]) -> tuple[int, int]:
    """(S, z_dim) of an open generator that takes z and gives square rgb as its card says."""
    inputs = {i.name: i for i in opened.get_inputs()}
    outputs = {o.name: o for o in opened.get_outputs()}
    if set(inputs) != {"z"} or "rgb" not in outputs:
        raise FeedsmithError(
            f"{file}: takes {', '.join(inputs)} and gives {', '.join(outputs)}; a generator takes z "
            "and gives rgb",
            mend=AGAIN,
        )
    z, rgb = inputs["z"].shape, outputs["rgb"].shape
    size, z_dim = card.get("size"), card.get("z_dim")
    fits = (
        isinstance(size, int)
        and isinstance(z_dim, int)
        and SIDE_MIN <= size <= SIDE_MAX
        and len(z) == 2
        and z[1] == z_dim
        and not isinstance(z[0], int)
        and len(rgb) == 4
        # An exporter may leave sides open: the first picture, below, tells.
        and all(side in (size, None) or isinstance(side, str) for side in rgb[2:])
    )
    if not fits or not isinstance(size, int) or not isinstance(z_dim, int):
        raise FeedsmithError(
            f"{file}: takes z {z} and gives rgb {rgb}, but its card says size {size}, z_dim {z_dim}",
            mend=AGAIN,
        )
    first = opened.run(["rgb"], {"z": np.zeros((1, z_dim), np.float32)})[0]
    if first.shape != (1, 3, size, size):
        raise FeedsmithError(
            f"{file}: gives pictures of shape {first.shape[1:]}, its card says (3, {size}, {size})",
            mend=AGAIN,
        )
    return size, z_dim
