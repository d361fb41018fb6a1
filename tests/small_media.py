"""Small pictures and films of every kind that a person may bring, made by the codecs themselves."""

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pillow_heif
from PIL import Image, ImageCms


def drawn(width: int, height: int) -> Image.Image:
    """A soft picture with a bright upper left corner, so that which way up it is can be seen."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    values = np.stack([120 + 100 * x / width, 60 + 120 * y / height, 200 - 90 * x / width], axis=2)
    values[: height // 4, : width // 4] = (250, 250, 40)
    return Image.fromarray(values.astype(np.uint8))


def noise(width: int, height: int) -> Image.Image:
    """Nothing compresses this."""
    rng = np.random.default_rng(7)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def jpeg(path: Path, width: int = 540, height: int = 675, **more: object) -> Path:
    drawn(width, height).save(path, "JPEG", **{"quality": 90, **more})
    return path


def heic(path: Path, width: int = 540, height: int = 675) -> Path:
    pillow_heif.from_pillow(drawn(width, height)).save(str(path), quality=80)
    return path


def cmyk(path: Path) -> Path:
    drawn(540, 675).convert("CMYK").save(path, "JPEG")
    return path


def deep_png(path: Path, width: int = 540, height: int = 675) -> Path:
    """16 bits a channel."""
    grey = (np.asarray(drawn(width, height).convert("L")).astype(np.uint16)) * 257
    Image.fromarray(grey).save(path, "PNG")
    return path


def wide_gamut() -> bytes:
    """A colour profile with the primaries of Display P3, D50-adapted as ICC wants it, gamma 2.2."""

    def xyz(x: float, y: float, z: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in (x, y, z)))

    name = b"Display P3\0"
    tags = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)),
        (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
        (b"rXYZ", xyz(0.5151, 0.2412, -0.0011)),
        (b"gXYZ", xyz(0.2920, 0.6922, 0.0419)),
        (b"bXYZ", xyz(0.1571, 0.0666, 0.7841)),
        *((tag, b"curv\0\0\0\0" + struct.pack(">IH2x", 1, 563)) for tag in (b"rTRC", b"gTRC", b"bTRC")),
    ]  # fmt: skip
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for tag, data in tags:
        data += bytes(-len(data) % 4)
        table += tag + struct.pack(">II", at + len(body), len(data))
        body += data
    head = struct.pack(
        ">I4sI4s4s4s", at + len(body), bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ "
    )
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    profile = head + bytes(128 - len(head)) + table + body
    ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    return profile


def film(
    path: Path,
    seconds: float = 4.0,
    *,
    fps: int = 24,
    size: tuple[int, int] = (144, 256),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    audio: str = "aac",
    rate: int = 48_000,
    layout: str = "stereo",
    options: dict[str, str] | None = None,
    coder: dict[str, str] | None = None,
    form: str = "",
    interlaced: bool = False,
) -> Path:
    """A film in which a blue square moves, a second, with a beep at each whole second. By default as
    FFmpeg writes them: the index at the end, B-frames, an edit list."""
    name = form or path.suffix.lstrip(".")
    with av.open(str(path), "w", format=name, options=options or {}) as out:
        video = out.add_stream(codec, rate=fps)
        video.width, video.height, video.pix_fmt = *size, pix_fmt
        video.options = coder or ({"preset": "ultrafast", "crf": "30", "x264-params": "bframes=2"}
                                  if codec == "libx264" else {})  # fmt: skip
        sound = out.add_stream(audio, rate=rate, layout=layout) if audio else None
        still = np.asarray(drawn(*size))
        for n in range(round(seconds * fps)):
            picture = still.copy()
            left = (n + 1) * 4 % max(1, size[0] - 16)
            picture[size[1] // 2 : size[1] // 2 + 16, left : left + 16] = (0, 0, 255)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, fps)
            out.mux(video.encode(frame))
        if sound is not None:
            ticks = np.arange(round(seconds * rate))
            wave = 0.5 * np.sin(2 * np.pi * 880 * ticks / rate) * (ticks % rate < rate // 20)
            channels = sound.codec_context.layout.nb_channels
            values = np.repeat((wave * 32000).astype(np.int16)[None], channels, axis=0)
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(values.T.reshape(1, -1)), format="s16", layout=layout
            )
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            size_ = sound.codec_context.frame_size or 1024
            resampler = av.AudioResampler(sound.format.name, layout, rate, size_)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                out.mux(sound.encode(part))
            out.mux(sound.encode(None))
        out.mux(video.encode(None))
    return path


def trimmed(path: Path, seconds: float) -> Path:
    """The same film with edit lists that hide its first seconds, as phones' trimming does."""
    data = bytearray(path.read_bytes())
    at, found = 0, 0
    while (at := data.find(b"elst", at)) >= 0:
        count = struct.unpack_from(">I", data, at + 8)[0]
        if data[at + 4] == 0 and count == 1:
            length, start = struct.unpack_from(">Ii", data, at + 12)
            scale = _scale(data, at)
            struct.pack_into(
                ">Ii", data, at + 12, length - round(seconds * 1000), start + round(seconds * scale)
            )
            found += 1
        at += 4
    assert found, "no edit list to change"
    path.write_bytes(bytes(data))
    return path


def _scale(data: bytearray, elst: int) -> int:
    """Ticks a second of the track that an edit list belongs to."""
    mdhd = data.find(b"mdhd", elst)
    return int(struct.unpack_from(">I", data, mdhd + 16)[0])


def turned(path: Path, degrees: int) -> Path:
    """The same film, marked to be turned clockwise by a player (ISO/IEC 14496-12, 8.3.2: tkhd)."""
    a, b, c, d = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd")
    assert data[at + 4] == 0
    one = 65536
    struct.pack_into(
        ">9i", data, at + 4 + 40, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30
    )
    path.write_bytes(bytes(data))
    return path


def beeps(path: Path) -> list[float]:
    """Seconds at which its beeps begin."""
    with av.open(str(path)) as media:
        sound = media.streams.audio[0]
        parts, start = [], None
        for frame in media.decode(sound):
            start = float(frame.time) if start is None else start
            parts.append(np.abs(frame.to_ndarray().astype(np.float32)).max(axis=0))
        rate = sound.rate
    level = np.concatenate(parts)
    loud = level > 0.3 * level.max()
    begins = [i for i in np.flatnonzero(loud) if not loud[max(0, i - rate // 10) : i].any()]
    return [float(start or 0) + float(i) / rate for i in begins]


def shows(path: Path) -> list[tuple[float, float]]:
    """(second, how far right the blue square is, 0..1) of each picture, in the order shown."""
    found = []
    with av.open(str(path)) as media:
        for frame in media.decode(video=0):
            rgb = frame.to_ndarray(format="rgb24").astype(np.int16)
            blue = (rgb[..., 0] < 90) & (rgb[..., 1] < 60) & (rgb[..., 2] > 150)
            columns = np.flatnonzero(blue.any(axis=0))
            found.append((float(frame.time), float(columns.mean()) / rgb.shape[1] if len(columns) else -1.0))  # fmt: skip
    return found
