"""What is written must be what Instagram takes, and what a user brings must never break us."""

import contextlib
import json
import shutil
import subprocess
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from feedsmith.errors import FeedsmithError
from feedsmith.film import encode, loop
from feedsmith.film.encode import Film, frames_of, planes, probe, problems, rgb
from feedsmith.understanding.saliency import Saliency
from test_loop import WORDS, photo


def picture(n: int = 0, width: int = 216, height: int = 384) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    soft = np.stack([x + 3 * n, y / 2 + n, 255 - x], axis=2)
    return (soft % 256).astype(np.uint8)


def film(path: Path, seconds: float = 3.0, music: Path | None = None, fps: int = 30) -> Path:
    with Film(path, 216, 384, fps, music) as out:
        for n in range(round(seconds * fps)):
            out.add_rgb(picture(n))
    return path


def tone(path: Path, seconds: float, hertz: float = 440.0, codec: str = "") -> Path:
    rate = 44_100
    wave_ = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    samples = (wave_ * 32767).astype(np.int16)
    if not codec:
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(samples.tobytes())
        return path
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = rate
        for part in av.AudioResampler(stream.format.name, "mono", rate, 1152).resample(frame):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


def sound(path: Path) -> np.ndarray:
    with av.open(str(path)) as media:
        return np.concatenate([f.to_ndarray() for f in media.decode(audio=0)], axis=1)


def test_a_film_is_what_instagram_asks_for(tmp_path: Path) -> None:
    found = probe(film(tmp_path / "film.mp4"))
    assert (found.container, found.video_codec, found.profile) == ("mp4", "h264", "High")
    assert (found.pix_fmt, found.colour) == ("yuv420p", ("tv", "bt709", "bt709", "bt709"))
    assert (found.width, found.height, found.fps, found.constant) == (216, 384, 30.0, True)
    assert (found.frames, found.duration) == (90, 3.0)
    assert (found.audio_codec, found.audio_profile) == ("aac", "LC")
    assert (found.audio_rate, found.channels) == (48_000, 2)
    assert found.moov_first
    assert found.edit_lists == 0
    assert problems(tmp_path / "film.mp4", "reel") == []
    assert problems(tmp_path / "film.mp4", "story") == []
    assert list(tmp_path.iterdir()) == [tmp_path / "film.mp4"]


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="ffprobe (Debian: ffmpeg) is not on PATH")
def test_ffprobe_agrees(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4")
    said = json.loads(
        subprocess.run(
            ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json",
             str(tmp_path / "film.mp4")],
            capture_output=True, check=True,
        ).stdout
    )  # fmt: skip
    video, audio = said["streams"]
    assert (video["codec_name"], video["profile"], video["has_b_frames"]) == ("h264", "High", 0)
    assert (video["color_range"], video["color_space"]) == ("tv", "bt709")
    assert (video["avg_frame_rate"], video["nb_frames"], video["start_pts"]) == ("30/1", "90", 0)
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == ("aac", "48000", 2)
    assert float(said["format"]["duration"]) == pytest.approx(3.0, abs=0.01)


def test_a_keyframe_comes_every_two_seconds_and_pictures_in_order(tmp_path: Path) -> None:
    with av.open(str(film(tmp_path / "film.mp4", 5.0))) as media:
        packets = [p for p in media.demux(video=0) if p.size]
    assert [p.pts for p in packets] == [p.dts for p in packets]
    keys = [n for n, p in enumerate(packets) if p.is_keyframe]
    assert keys[0] == 0
    assert max(np.diff([*keys, 150])) <= 60


def test_a_loop_never_pulses(tmp_path: Path) -> None:
    for number in ("169", "180"):
        still = photo(number, (216, 270))
        moving = loop.frames(still, Saliency().map(still), 7, "", WORDS[number], seconds=4)
        with Film(tmp_path / "loop.mp4", 216, 270, moving.fps, loop=moving.count) as out:
            for frame in moving.frames():
                out.add_rgb(frame)
        with av.open(str(tmp_path / "loop.mp4")) as media:
            packets = [p for p in media.demux(video=0) if p.size]
        with av.open(str(tmp_path / "loop.mp4")) as media:
            seen = [f.to_ndarray(format="rgb24").astype(np.int16) for f in media.decode(video=0)]
        assert len(seen) == moving.count
        assert [n for n, p in enumerate(packets) if p.is_keyframe] == [0]
        steps = np.array([np.abs(seen[n] - seen[n - 1]).mean() for n in range(len(seen))])
        assert steps.max() < 2 * np.median(steps)
        # ... and the keyframe is the still, not a shade of it.
        assert np.abs(seen[0] - next(iter(moving.frames()))).mean() < 4
        assert problems(tmp_path / "loop.mp4", "reel") == []


def test_a_loop_of_fewer_frames_than_were_promised_is_whole(tmp_path: Path) -> None:
    with Film(tmp_path / "loop.mp4", 216, 384, 25, loop=100) as out:
        for n in range(5):
            out.add_rgb(picture(n))
    assert probe(tmp_path / "loop.mp4").frames == 5


def test_the_same_loop_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        with Film(tmp_path / name, 216, 384, 25, loop=30) as out:
            for n in range(30):
                out.add_rgb(picture(n))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    assert film(tmp_path / "a.mp4").read_bytes() == film(tmp_path / "b.mp4").read_bytes()


def test_colours_come_back_as_they_were(tmp_path: Path) -> None:
    flat = np.empty((64, 64, 3), np.uint8)
    flat[:] = (200, 90, 40)
    y, u, v = planes(flat)
    # BT.709 in TV range, by hand: ITU-R BT.709-6, 3.2 to 3.5.
    luma = (0.2126 * 200 + 0.7152 * 90 + 0.0722 * 40) / 255
    blue, red = (40 / 255 - luma) / 1.8556, (200 / 255 - luma) / 1.5748
    assert abs(int(y[9, 9]) - (16 + 219 * luma)) <= 1
    assert abs(int(u[9, 9]) - (128 + 224 * blue)) <= 1
    assert abs(int(v[9, 9]) - (128 + 224 * red)) <= 1
    assert np.abs(rgb(y, u, v).astype(int) - flat).max() <= 2
    with Film(tmp_path / "flat.mp4", 64, 64) as out:
        for _ in range(90):
            out.add(y, u, v)
    _, seen = next(frames_of(tmp_path / "flat.mp4"))
    assert np.abs(seen.astype(int) - flat).max() <= 4


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.wav", ""), ("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.m4a", "aac")],
)
def test_a_short_track_is_looped_and_fades_out(tmp_path: Path, name: str, codec: str) -> None:
    music = tone(tmp_path / name, 1.0, codec=codec)
    heard = sound(film(tmp_path / "film.mp4", 4.0, music))
    assert abs(heard.shape[1] / 48_000 - 4.0) < 0.03
    loud = [float(np.abs(heard[:, int(s * 48_000) :][:, :4800]).max()) for s in (0.5, 1.5, 2.5)]
    assert min(loud) > 0.3  # one channel becomes two of 0.7
    assert np.abs(heard[:, -1500:]).max() < 0.05
    found = probe(tmp_path / "film.mp4")
    assert (found.edit_lists, found.duration) == (0, 4.0)


def test_a_beat_of_the_track_is_heard_when_it_should(tmp_path: Path) -> None:
    rate = 48_000
    samples = np.zeros(rate * 3, np.int16)
    samples[rate : rate + 480] = 30_000  # one click after one second
    with wave.open(str(tmp_path / "click.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())
    with av.open(str(film(tmp_path / "film.mp4", 3.0, tmp_path / "click.wav"))) as media:
        frames = [(f.pts / rate, f.to_ndarray()) for f in media.decode(audio=0)]
    heard = np.concatenate([values for _, values in frames], axis=1)
    assert frames[0][0] == 0
    assert abs(int(np.argmax(np.abs(heard[0]) > 0.3)) / rate - 1.0) < 0.005


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "zero bytes"), (b"not a sound " * 500, "not a track"), (None, "no such file")],
)
def test_a_bad_track_is_named_with_a_mend(tmp_path: Path, content: bytes | None, said: str) -> None:
    music = tmp_path / "song.mp3"
    if content is not None:
        music.write_bytes(content)
    with pytest.raises(FeedsmithError, match=said) as caught:
        film(tmp_path / "film.mp4", 3.0, music)
    assert "song.mp3" in caught.value.message
    assert "wav" in caught.value.mend
    assert not (tmp_path / "film.mp4").exists()


def test_a_film_without_sound_is_no_track(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "mute.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width = stream.height = 64
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture(0, 64, 64), format="rgb24")))
        out.mux(stream.encode(None))
    with pytest.raises(FeedsmithError, match="no sound"):
        Film(tmp_path / "film.mp4", 64, 64, music=tmp_path / "mute.mp4")


def test_nothing_is_left_of_a_film_that_was_interrupted(tmp_path: Path) -> None:
    def interrupted() -> None:
        with Film(tmp_path / "film.mp4", 216, 384) as out:
            out.add_rgb(picture())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_what_instagram_would_refuse_is_listed(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "odd.mkv"), "w") as out:
        stream = out.add_stream("mpeg4", rate=12)
        stream.width, stream.height = 2000, 64
        for n in range(12):
            frame = av.VideoFrame.from_ndarray(picture(n, 2000, 64), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    said = "; ".join(problems(tmp_path / "odd.mkv"))
    for part in ("1.0 s long", "mpeg4", "12 pictures", "2000 px", "matroska"):
        assert part in said


def test_an_ordinary_mp4_with_its_index_last_and_b_frames_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "plain.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for n in range(100):
            frame = av.VideoFrame.from_ndarray(picture(n, 64, 64), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    said = problems(tmp_path / "plain.mp4")
    assert "the index (moov) does not stand at the front" in said
    assert "it has edit lists" in said


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.98])
def test_a_film_cut_short_is_read_as_far_as_it_goes_or_refused(
    tmp_path: Path, share: float
) -> None:
    whole = film(tmp_path / "film.mp4").read_bytes()
    short = tmp_path / "short.mp4"
    short.write_bytes(whole[: int(len(whole) * share)])
    # The index stands in front: half a film still gives its first half.
    if share < 0.1:
        with pytest.raises(FeedsmithError, match=r"short\.mp4") as caught:
            list(frames_of(short, 0.5))
        assert caught.value.mend
    else:
        seen = list(frames_of(short, 0.5))
        assert round(6 * share) - 1 <= len(seen) <= 6
        assert seen[0][1].shape == (384, 216, 3)


def test_noise_in_a_film_never_breaks_the_reader(tmp_path: Path) -> None:
    whole = bytearray(film(tmp_path / "film.mp4").read_bytes())
    rng = np.random.default_rng(3)
    for n in range(12):
        hurt = bytearray(whole)
        for at in rng.integers(0, len(hurt), 60):
            hurt[at] = rng.integers(256)
        path = tmp_path / f"hurt{n}.mp4"
        path.write_bytes(hurt)
        for reader in (lambda p: list(frames_of(p, 1)), problems):
            with contextlib.suppress(FeedsmithError):
                reader(path)


def test_few_frames_of_a_long_film_are_read_by_seeking(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "long.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=1, options={"g": "60", "preset": "ultrafast"})
        stream.width = stream.height = 32
        for n in range(2000):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), n % 250, np.uint8), "rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    seen = list(frames_of(tmp_path / "long.mp4", 1, most=8))
    assert len(seen) == 8
    assert seen[-1][0] > 1500


def test_a_film_has_even_sides() -> None:
    with pytest.raises(ValueError, match="even"):
        Film(Path("x.mp4"), 101, 64)


def test_box_reading_stops_at_nonsense(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"\0\0\0\x02free" + b"\0" * 64)
    assert encode._boxes(tmp_path / "x.mp4") == []
