"""Loops out of stills: processor seconds, memory and file sizes, and our GIF against two others.

    python bench/loops.py PHOTOS.. [--look FOLDER]

PHOTOS are picture files (words are taken from their names, which the demo brand's have). Each is cut
to 1080x1350, becomes a loop of 4 s at 25 frames a second, an MP4 by film.encode and a GIF of 540
pixels. Compared on the same 540x675 frames at 12.5 a second: Pillow's own save_all (a palette a frame)
and FFmpeg's palettegen and paletteuse (sierra2_4a, diff_mode rectangle) inside PyAV.

PSNR is against the frames before colours were reduced (dithering lowers it); flicker is the mean
change from frame to frame, of 255, where the source stands still. CPU seconds include every thread.
`--look` writes for each photo the still, the farthest frame, their difference and one row over time.
"""

import argparse
import io
import resource
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from feedsmith.film import gif, loop
from feedsmith.film.encode import Film
from feedsmith.film.loop import Loop
from feedsmith.understanding.saliency import Saliency

SIZE = (1080, 1350)
Frames = list[NDArray[np.uint8]]


def peak() -> float:
    """MB of memory this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pillow(frames: Frames, delay: int) -> bytes:
    out = io.BytesIO()
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(out, "GIF", save_all=True, append_images=rest, duration=10 * delay, loop=0)
    return out.getvalue()


def palettegen(frames: Frames, delay: int) -> bytes:
    """FFmpeg's two filters on the same frames."""
    high, wide = frames[0].shape[:2]
    graph = av.filter.Graph()
    rate = Fraction(100, delay)
    source = graph.add_buffer(width=wide, height=high, format="rgb24", time_base=1 / rate)
    split = graph.add("split")
    learn = graph.add("palettegen", "stats_mode=full")
    use = graph.add("paletteuse", "dither=sierra2_4a:diff_mode=rectangle")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(learn, 1, 0)
    learn.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    out = io.BytesIO()
    with av.open(out, "w", format="gif") as container:
        stream = container.add_stream("gif", rate=rate)
        stream.width, stream.height, stream.pix_fmt = wide, high, "pal8"
        for index, values in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(values, format="rgb24")
            frame.pts, frame.time_base = index, 1 / rate
            source.push(frame)
        source.push(None)
        while True:
            try:
                frame = sink.pull()
            except (av.error.EOFError, av.error.BlockingIOError):
                break
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return out.getvalue()


def judged(data: bytes, source: Frames) -> tuple[float, float]:
    """PSNR in dB and flicker of a GIF."""
    stands = np.ones(source[0].shape[:2], bool)
    for frame in source:
        stands &= (frame == source[0]).all(2)
    errors, flicker = [], []
    last: NDArray[np.uint8] | None = None
    with Image.open(io.BytesIO(data)) as image:
        for index, truth in enumerate(source):
            image.seek(min(index, image.n_frames - 1))
            shown = np.asarray(image.convert("RGB"))
            errors.append(float(np.square(shown.astype(np.float32) - truth).mean()))
            if last is not None and stands.any():
                flicker.append(float(np.abs(shown.astype(np.int16) - last)[stands].mean()))
            last = shown
    return 10 * float(np.log10(255**2 / np.mean(errors))), float(np.mean(flicker or [0]))


def look(made: Loop, name: str, folder: Path) -> None:
    frames = list(made.frames(5))
    off = [np.abs(f.astype(np.int16) - made.still).astype(np.uint8) for f in frames]
    far = int(np.argmax([o.mean() for o in off]))
    most = np.max(np.stack(off), axis=0)
    row = int(most.mean((1, 2)).argmax())
    over_time = np.repeat(np.stack([f[row] for f in made.frames()]), 6, axis=0)[: SIZE[1]]
    parts = [made.still, frames[far], np.clip(4 * most.astype(np.int16), 0, 255).astype(np.uint8)]
    parts.append(np.pad(over_time, ((0, SIZE[1] - len(over_time)), (0, 0), (0, 0))))
    Image.fromarray(np.hstack(parts)).save(folder / f"{name}-{made.motion}.jpg", quality=88)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--look", type=Path)
    options = parser.parse_args()
    saliency = Saliency()
    seconds: list[float] = []
    ratios: list[float] = []
    print(
        f"{'photo':34} {'motion':6} share  loop+mp4 CPU-s  MB   gif CPU-s  MB    dB  flick | Pillow MB  dB  flick "
        "| palettegen MB  dB  flick | extra RSS MB"
    )
    with tempfile.TemporaryDirectory() as scratch:
        for path in options.photos:
            with Image.open(path) as image:
                rgb = np.asarray(ImageOps.fit(image.convert("RGB"), SIZE))
            seen = saliency.map(rgb)
            words = path.stem.replace("-", " ").split()
            before, start = peak(), time.process_time()
            made = loop.frames(rgb, seen, 7, keywords=words)
            film = Path(scratch) / "a.mp4"
            with Film(film, *SIZE, fps=made.fps) as out:
                for frame in made.frames():
                    out.add_rgb(frame)
            taken, extra = time.process_time() - start, peak() - before
            start = time.process_time()
            ours = gif.write(Path(scratch) / "a.gif", made)
            gif_taken = time.process_time() - start
            source = [
                np.asarray(Image.fromarray(f).resize((540, 675), Image.Resampling.BOX))
                for f in made.frames(2)
            ]
            theirs = [pillow(source, 8), palettegen(source, 8)]
            if (ours.width, ours.frames) == (540, len(source)):
                judgement = judged(ours.path.read_bytes(), source)
            else:
                judgement = (float("nan"), float("nan"))
            others = [(len(d) / 1e6, *judged(d, source)) for d in theirs]
            seconds.append(taken)
            ratios.append(len(theirs[0]) / ours.size)
            print(
                f"{path.stem[:34]:34} {made.motion:6} {made.moving_share:5.2f}  {taken:8.1f}     "
                f"{film.stat().st_size / 1e6:6.2f}  {gif_taken:6.1f}  {ours.size / 1e6:6.2f} "
                f"{judgement[0]:6.1f} {judgement[1]:5.2f}  | "
                + " | ".join(f"{m:8.2f} {p:6.1f} {f:5.2f}" for m, p, f in others)
                + f" | {extra:6.0f}",
                flush=True,
            )
            if options.look:
                options.look.mkdir(parents=True, exist_ok=True)
                look(made, path.stem, options.look)
    print(
        f"{len(seconds)} loops: CPU-s median {statistics.median(seconds):.1f}, "
        f"{min(seconds):.1f} to {max(seconds):.1f}; Pillow's GIF is {statistics.median(ratios):.1f} times "
        f"ours, {min(ratios):.1f} to {max(ratios):.1f}; whole process {peak():.0f} MB",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
