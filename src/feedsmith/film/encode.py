"""Films as files: frames and a track in, an MP4 that Instagram takes out; and what a file holds.

H.264 High, yuv420p, BT.709 in TV range, a keyframe every 2 s (one for a loop), no B-frames; AAC-LC 48 kHz stereo;
the index first and no edit lists (https://developers.facebook.com/docs/instagram-platform/
instagram-graph-api/reference/ig-user/media, "Reel specifications"). Frames are streamed: the
memory does not grow with the film. Knows pixels and files; nothing of posts, words or motion.
"""

import contextlib
import os
import struct
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

import av
import numpy as np
from numpy.typing import NDArray

from feedsmith import rules
from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, no_room

RGB = NDArray[np.uint8]
Plane = NDArray[np.uint8]
Samples = NDArray[np.float32]

SAMPLE_RATE = 48_000
"""Hz: the most Instagram takes, and what phones play."""
AUDIO_BITS = 128_000
"""Bits a second for two channels."""
FADE_OUT = 1.2
"""Seconds over which a track that is cut or looped goes silent at the end."""
PRIMING = 1024
"""Samples the AAC encoder puts before the first one. Without an edit list they are heard as 21 ms
of silence, so as many are left out at the head of the track and its beats stay on the cuts."""
_CHUNK = 1024
_X264 = {
    "preset": "veryfast",
    "crf": "18",
    # No B-frames: pictures come in the order they are shown, so that no edit list is needed.
    # A short lookahead holds 4 frames, not 40: 40 MB less than 10 of them; it cost
    # 1 dB, which the quality factor, one lower, pays back. One thread: with two, one film in
    # eight came out in other bytes on a busy machine. subme=1 saves 40 % of the time at equal PSNR for 5 % larger files.
    "x264-params": "bframes=0:rc-lookahead=4:subme=1:threads=1:lookahead-threads=1",
    "profile": "high",
}
_HELD = 8
"""Frames of a loop looked at before the first is written; x264 decides on one after it saw 6."""
_LOOP_FIRST = 6
"""Quantiser of a loop's only keyframe: about 1 MB at 1080 x 1350, and no grain is lost."""
_LOOP_CRF = (17, 22)
"""Quality of a loop that moves slowly, and of one whose frames differ by more than _LIVELY."""
_LIVELY = 0.4
"""Grey levels between two frames, on average over the picture."""
_LOOP_TAIL = 72
"""Last frames that get more and more bits, up to _LOOP_MOST times as many: what the frames before
lost is given back little by little, not at once where the loop begins again."""
_LOOP_MOST = 10


class Film:
    """An MP4 being written: frames by `add`, in order; whole at `path` at the end of the block.

    `width` and `height` in pixels, even; `fps` whole frames a second. `music`: any audio file
    FFmpeg reads, or a film with sound; it is looped or cut to the film's length, never made louder,
    and fades out over its last second. Without it the track is silent. `loop`: the number of
    frames of a film after whose last comes its first; nothing pulses at that place.
    Raises FeedsmithError for tracks that cannot be read, full disks and folders without permission.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: int = 30,
        music: Path | None = None,
        *,
        loop: int = 0,
    ) -> None:
        if width % 2 or height % 2 or width <= 0 or height <= 0:
            raise ValueError(f"a film's sides must be even, not {width}x{height}")
        self.path, self.width, self.height, self.fps = path, width, height, fps
        self.frames = 0
        self._music = _Track(music) if music is not None else None
        self._part: Path | None = None
        self._loop = loop
        self._held: list[av.VideoFrame] = []
        self._lost: list[NDArray[np.int16]] = []

    @property
    def duration(self) -> float:
        """Seconds so far."""
        return self.frames / self.fps

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(
                dir=self.path.parent, prefix=f".{self.path.name}.", suffix=".part"
            )
        except OSError as error:
            raise self._explained(error) from error
        os.close(handle)
        self._part = Path(name)
        # bitexact leaves out dates and version numbers: the same film is the same bytes.
        self._out = av.open(
            name, "w", format="mp4",
            options={"movflags": "+faststart", "use_editlist": "0", "fflags": "+bitexact"},
        )  # fmt: skip
        video = self._out.add_stream("libx264", rate=self.fps)
        self._describe(video.codec_context)
        video.options = _X264 | {"g": str(2 * self.fps), "keyint_min": str(self.fps // 2)}
        video.time_base = Fraction(1, self.fps)
        self._video = video
        sound = self._out.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        sound.bit_rate = AUDIO_BITS
        self._sound = sound
        self._to_come = -PRIMING  # samples of the track not yet due: the head is left out
        self._written = 0
        self._pending = np.zeros((2, 0), np.float32)
        self._converter = av.video.reformatter.VideoReformatter()
        return self

    def add(self, y: Plane, u: Plane, v: Plane) -> None:
        """One frame as planes: y (H, W), u and v (H/2, W/2) uint8, BT.709, 16..235 and 16..240."""
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        for plane, values in zip(frame.planes, (y, u, v), strict=True):
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            rows[: values.shape[0], : values.shape[1]] = values
        self._encode(frame)

    def add_rgb(self, rgb: RGB) -> None:
        """One frame as (H, W, 3) uint8 sRGB of exactly the film's size."""
        if rgb.shape != (self.height, self.width, 3):
            raise ValueError(f"a frame of {rgb.shape} in a film of {self.height}x{self.width}")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        self._encode(_to_yuv(frame, self._converter))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._part is not None
        try:
            if kind is None:
                self._finish()
                self._part.replace(self.path)
        except OSError as failure:
            raise self._explained(failure) from failure
        finally:
            with contextlib.suppress(OSError, av.FFmpegError):
                self._out.close()
            if self._music is not None:
                self._music.close()
            self._part.unlink(missing_ok=True)

    def _describe(self, context: av.VideoCodecContext) -> None:
        context.width, context.height, context.pix_fmt = self.width, self.height, "yuv420p"
        context.thread_count = 1
        context.color_range = context.colorspace = 1
        context.color_primaries = context.color_trc = 1

    def _encode(self, frame: av.VideoFrame) -> None:
        if not self._loop or self._lost:
            self._send(frame)
        else:
            self._held.append(frame)
            if len(self._held) == min(_HELD, self._loop):
                self._close()

    def _close(self) -> None:
        """Decide how a loop is coded, from its first frames, and write them.

        What the keyframe loses is taken from all others too: still parts are then never touched
        again, and the last frame has nothing to jump back from. It is found by coding the first
        frames once for nothing.
        """
        held, self._held = self._held, []
        a, b = (_planes_of(held[n])[0].astype(np.int16) for n in (0, min(1, len(held) - 1)))
        lively = float(np.abs(b - a).mean()) > _LIVELY
        tail = min(_LOOP_TAIL, self._loop * 3 // 4)
        zones = [f"0,0,q={_LOOP_FIRST}"]
        for start in range(self._loop - tail, self._loop, 2):
            share = (start + 2 - self._loop + tail) / max(1, tail)
            zones.append(f"{start},{start + 1},b={_LOOP_MOST ** min(1.0, share):.2f}")
        self._video.options = _X264 | {
            "crf": str(_LOOP_CRF[lively]),
            "g": str(self._loop + 1),
            "x264-params": f"{_X264['x264-params']}:scenecut=0:zones={'/'.join(zones)}",
        }
        coder = av.VideoCodecContext.create("libx264", "w")
        self._describe(coder)
        coder.options, coder.framerate = self._video.options, self.fps
        coder.time_base = Fraction(1, self.fps)
        packets = []
        for n, frame in enumerate(held):
            frame.pts, frame.time_base = n, Fraction(1, self.fps)
            frame.color_range = frame.colorspace = 1
            packets += coder.encode(frame)
        packets += coder.encode(None)
        decoder = av.VideoCodecContext.create("h264", "r")
        first = next(f for p in [*packets, None] for f in decoder.decode(p))
        self._lost = [
            after.astype(np.int16) - before
            for after, before in zip(_planes_of(first), _planes_of(held[0]), strict=True)
        ]
        for frame in held:
            self._send(frame)

    def _send(self, frame: av.VideoFrame) -> None:
        frame.pts, frame.time_base = self.frames, Fraction(1, self.fps)
        # libx264 reads the colours from each frame as well.
        frame.color_range = frame.colorspace = 1
        if self._lost and self.frames:
            for values, lost in zip(_planes_of(frame), self._lost, strict=True):
                values[:] = np.clip(values + lost, 0, 255)
        self.frames += 1
        try:
            self._mux(self._video.encode(frame))
            self._hear(int(FADE_OUT * SAMPLE_RATE))
        except OSError as error:
            raise self._explained(error) from error

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            packet.duration = 1  # else the last picture is as long as the muxer guesses
            self._out.mux(packet)

    def _finish(self) -> None:
        if self._held:  # fewer frames came than were promised
            self._close()
        if not self.frames:
            raise ValueError("a film without frames")
        assert self._part is not None
        self._mux(self._video.encode(None))
        self._hear(0)
        self._out.mux(self._sound.encode(None))
        self._out.close()
        with self._part.open("rb") as stream:
            os.fsync(stream.fileno())
        names = [box.name for box in _boxes(self._part)]
        # A disk that fills up while the index is moved to the front does not always raise.
        if "mdat" not in names or "moov" not in names[: names.index("mdat")]:
            raise no_room(self.path, "nothing half-written was left behind")
        self._part.chmod(0o644)

    def _hear(self, held_back: int) -> None:
        """Encode the track up to the film's present length less `held_back` samples.

        What is held back is faded out once the end is known (`held_back` = 0).
        """
        due = self.frames * SAMPLE_RATE // self.fps - PRIMING - self._written
        lacking = due - self._pending.shape[1]
        if lacking > 0:
            heard = self._samples(lacking)
            self._pending = np.concatenate([self._pending, heard], axis=1)
        if not held_back and self._music is not None:
            n = min(int(FADE_OUT * SAMPLE_RATE), self._pending.shape[1])
            if n:
                # Equal power: a straight line sounds as if it dropped at the end.
                self._pending[:, -n:] *= np.cos(np.linspace(0, np.pi / 2, n, dtype=np.float32))
        while self._pending.shape[1] - held_back >= _CHUNK or (
            not held_back and self._pending.shape[1]
        ):
            self._out.mux(self._sound.encode(self._sound_frame(self._pending[:, :_CHUNK])))
            self._pending = self._pending[:, _CHUNK:]

    def _sound_frame(self, samples: Samples) -> av.AudioFrame:
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format="fltp", layout="stereo"
        )
        # The encoder stamps its priming before the first sample: begin there, and it is at zero.
        frame.sample_rate, frame.pts = SAMPLE_RATE, PRIMING + self._written
        frame.time_base = Fraction(1, SAMPLE_RATE)
        self._written += samples.shape[1]
        return frame

    def _samples(self, count: int) -> Samples:
        if self._music is None:
            return np.zeros((2, count), np.float32)
        if self._to_come < 0:
            self._music.take(-self._to_come)
            self._to_come = 0
        return self._music.take(count)

    def _explained(self, error: OSError) -> FeedsmithError:
        if full_disk(error):
            return no_room(self.path, "nothing half-written was left behind")
        return FeedsmithError(
            f"{self.path}: cannot be written ({error.strerror or error})",
            mend="check the folder's permissions, or name another folder",
        )


def _planes_of(frame: av.VideoFrame) -> list[Plane]:
    """A frame's three planes, (H, W) and twice (H/2, W/2), to read and to write."""
    return [
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    ]


class Probe(NamedTuple):
    """What a film file holds, read from the file itself."""

    path: Path
    bytes: int
    container: str
    """"mp4", "mov", or FFmpeg's name of another container."""
    moov_first: bool
    """The index stands before the pictures, so that a server may start at once."""
    edit_lists: int
    """Tracks with an edit list that shifts, cuts or repeats (an empty or trivial one is none)."""
    video_codec: str
    """FFmpeg's name: h264, hevc, ..."""
    profile: str
    level: float
    """E.g. 4.0; 0 where it is unknown."""
    pix_fmt: str
    colour: tuple[str, str, str, str]
    """Range, matrix, primaries, transfer; "" where the file does not say."""
    width: int
    height: int
    """Pixels as stored; see `rotation`."""
    fps: float
    constant: bool
    """All pictures are shown equally long."""
    frames: int
    duration: float
    """Seconds of the longest track."""
    audio_codec: str
    """"" where there is no sound."""
    audio_profile: str
    audio_rate: int
    channels: int


def probe(path: Path) -> Probe:
    """Read what a film file holds, decoding nothing but its first picture.

    Raises FeedsmithError when it is empty, cut short before its index, or no film.
    """
    with _opened(path, "film") as media:
        video = _pictures(path, media)
        context = video.codec_context
        sound = media.streams.audio[0].codec_context if media.streams.audio else None
        duration = max(
            [float(s.duration * s.time_base) for s in media.streams if s.duration and s.time_base]
            or [float(media.duration or 0) / av.time_base]
        )
        boxes = _boxes(path)
        order = [box.name for box in boxes]
        tracks = [
            _track_facts(path, box) for top in boxes if top.name == "moov"
            for box in _inside(path, top) if box.name == "trak"
        ]  # fmt: skip
        shown = next((t.constant for t in tracks if t.handler == b"vide"), False)
        return Probe(
            path=path,
            bytes=path.stat().st_size,
            container=_container(path, media.format.name),
            moov_first="moov" in order
            and "mdat" in order
            and order.index("moov") < order.index("mdat"),
            edit_lists=sum(t.edited for t in tracks),
            video_codec=context.name,
            profile=context.profile or "",
            level=context.level / 10 if context.level and context.level > 0 else 0.0,
            pix_fmt=context.pix_fmt or "",
            colour=(
                _RANGES.get(context.color_range, ""),
                _NAMES.get(int(context.colorspace), ""),
                _NAMES.get(int(context.color_primaries), ""),
                _NAMES.get(int(context.color_trc), ""),
            ),
            width=context.width,
            height=context.height,
            fps=float(video.average_rate or video.guessed_rate or 0),
            constant=shown,
            frames=video.frames,
            duration=duration,
            audio_codec=sound.name if sound else "unknown" if media.streams.audio else "",
            audio_profile=(sound.profile or "") if sound else "",
            audio_rate=sound.sample_rate if sound else 0,
            channels=sound.channels if sound else 0,
        )


def problems(path: Path, kind: Literal["reel", "story", "feed"] = "reel") -> list[str]:
    """What Instagram would refuse about a film (numbers: rules.py); empty when nothing.

    Raises FeedsmithError like `probe`.
    """
    found = probe(path)
    limits = rules.FILMS[kind]
    said = []
    if not limits.seconds_min <= found.duration <= limits.seconds_max:
        said.append(
            f"{found.duration:.1f} s long; {limits.seconds_min:g} to {limits.seconds_max:g} s "
            f"are allowed"
        )
    if found.bytes > limits.bytes_max:
        said.append(f"{found.bytes / 2**20:.0f} MB; {limits.bytes_max / 2**20:.0f} are allowed")
    if found.container not in ("mp4", "mov"):
        said.append(f"a {found.container} file; MP4 or MOV is needed")
    if found.video_codec not in rules.FILM_CODECS:
        said.append(f"pictures coded as {found.video_codec}; H.264 or HEVC is needed")
    if found.pix_fmt not in ("yuv420p", "yuvj420p"):
        said.append(f"colours stored as {found.pix_fmt}; 4:2:0 with 8 bits is needed")
    if not rules.FILM_FPS_MIN <= found.fps <= rules.FILM_FPS_MAX:
        said.append(
            f"{found.fps:.4g} pictures a second; {rules.FILM_FPS_MIN} to {rules.FILM_FPS_MAX} "
            f"are allowed"
        )
    if found.width > rules.FILM_WIDTH_MAX:
        said.append(f"{found.width} px wide; {rules.FILM_WIDTH_MAX} are allowed")
    if found.audio_codec and found.audio_codec != "aac":
        said.append(f"sound coded as {found.audio_codec}; AAC is needed")
    if found.audio_rate > rules.FILM_AUDIO_RATE_MAX:
        said.append(f"sound at {found.audio_rate} Hz; {rules.FILM_AUDIO_RATE_MAX} are allowed")
    if found.channels > 2:
        said.append(f"{found.channels} sound channels; one or two are allowed")
    if found.container in ("mp4", "mov"):
        if not found.moov_first:
            said.append("the index (moov) does not stand at the front")
        if found.edit_lists:
            said.append("it has edit lists")
    return said


def frames_of(path: Path, every: float = 1.0, most: int = 60) -> Iterator[tuple[float, RGB]]:
    """Pictures of a user's film as (second, (H, W, 3) sRGB), `every` seconds, at most `most`.

    A long film is sought through, not decoded: ten hours cost as much as one minute. Turned as the
    camera says. Ends quietly where a damaged file ends; raises FeedsmithError when not even one
    picture can be read.
    """
    given = 0
    with _opened(path, "film") as media:
        video = _pictures(path, media)
        video.thread_type = "NONE"
        length = float(media.duration or 0) / av.time_base
        step = max(every, length / most)
        try:
            for wanted in np.arange(0, max(length, 1e-3), step)[:most]:
                if wanted and step > 2:
                    media.seek(int(wanted * av.time_base))
                for frame in media.decode(video):
                    second = float(frame.time or 0)
                    if second >= wanted - 1e-3 or step > 2:
                        turned = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
                        given += 1
                        yield second, np.ascontiguousarray(turned)
                        break
        except (av.FFmpegError, EOFError):
            pass  # damaged from here on; what came before is good
    if not given:
        raise FeedsmithError(
            f"{path}: no picture in it can be read", mend="export it again as MP4 (H.264)"
        )


def track(path: Path, seconds: float) -> Samples:
    """The head of a user's track as one channel, (n,) float32 at SAMPLE_RATE, at most `seconds`.

    Raises FeedsmithError when it cannot be read.
    """
    music = _Track(path)
    try:
        return np.asarray(music.once(int(seconds * SAMPLE_RATE)).mean(axis=0), np.float32)
    finally:
        music.close()


def planes(rgb: RGB) -> tuple[Plane, Plane, Plane]:
    """(H, W, 3) sRGB with even sides as BT.709 TV-range planes y (H, W), u and v (H/2, W/2)."""
    frame = _to_yuv(
        av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"),
        av.video.reformatter.VideoReformatter(),
    )
    return tuple(  # type: ignore[return-value]
        np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[: p.height, : p.width].copy()
        for p in frame.planes
    )


def rgb(y: Plane, u: Plane, v: Plane) -> RGB:
    """Planes as `planes` gives them, back as (H, W, 3) sRGB."""
    frame = av.VideoFrame(y.shape[1], y.shape[0], "yuv420p")
    for plane, values in zip(frame.planes, (y, u, v), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        rows[: values.shape[0], : values.shape[1]] = values
    turned = av.video.reformatter.VideoReformatter().reformat(
        frame, format="rgb24", src_colorspace="ITU709", dst_colorspace="ITU709",
        src_color_range="MPEG", dst_color_range="JPEG", interpolation="BICUBIC",
    )  # fmt: skip
    return np.asarray(turned.to_ndarray(), np.uint8)


def _to_yuv(
    frame: av.VideoFrame, converter: av.video.reformatter.VideoReformatter
) -> av.VideoFrame:
    return converter.reformat(
        frame, format="yuv420p", src_colorspace="ITU709", dst_colorspace="ITU709",
        src_color_range="JPEG", dst_color_range="MPEG", interpolation="BICUBIC",
    )  # fmt: skip


class _Track:
    """A user's track, decoded as it is needed, from the start again when it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._heard = 0
        self._ready = np.zeros((2, 0), np.float32)
        self._media: av.container.InputContainer | None = None
        self._begin()
        first = self.once(SAMPLE_RATE // 10)
        if first.shape[1] < SAMPLE_RATE // 20:
            self.close()
            raise self._fault("there is no sound in it")
        self._ready = np.concatenate([first, self._ready], axis=1)

    def _begin(self) -> None:
        self.close()
        self._media = _open(self._path, "track")
        if not self._media.streams.audio or self._media.streams.audio[0].codec_context is None:
            self.close()
            raise self._fault("there is no sound in it")
        self._decoded = self._media.decode(audio=0)
        self._resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)

    def once(self, count: int) -> Samples:
        """The next `count` samples (2, n), fewer at the end of the track."""
        parts, have = [self._ready], self._ready.shape[1]
        while have < count:
            try:
                frames = self._resampler.resample(next(self._decoded))
            except (StopIteration, av.FFmpegError, EOFError, ValueError):
                break  # the end, or damage from here on: what came before is good
            for frame in frames:
                values = np.asarray(frame.to_ndarray(), np.float32)
                if values.size and np.isfinite(values).all():
                    parts.append(np.clip(values, -1, 1))
                    have += values.shape[1]
        found = np.concatenate(parts, axis=1)
        self._ready = found[:, count:]
        return found[:, :count]

    def take(self, count: int) -> Samples:
        """The next `count` samples (2, count); the track begins anew where it ends."""
        parts: list[Samples] = []
        have = 0
        while have < count:
            part = self.once(count - have)
            if part.shape[1]:
                parts.append(part)
                have += part.shape[1]
            else:
                self._begin()
        return np.concatenate(parts, axis=1) if parts else np.zeros((2, 0), np.float32)

    def close(self) -> None:
        if self._media is not None:
            self._media.close()
            self._media = None

    def _fault(self, why: str) -> FeedsmithError:
        return FeedsmithError(
            f"{self._path}: cannot be used as a track ({why})",
            mend="give a sound file (mp3, m4a, wav, flac, ogg), or none for a silent film",
        )


def _open(path: Path, what: str) -> av.container.InputContainer:
    mend = (
        "give a sound file (mp3, m4a, wav, flac, ogg), or none for a silent film"
        if what == "track"
        else "export it again as MP4 (H.264)"
    )
    try:
        if not path.is_file():
            raise FeedsmithError(f"{path}: there is no such file", mend=mend)
        if not path.stat().st_size:
            raise FeedsmithError(f"{path}: the file is empty (zero bytes)", mend=mend)
        # Only plain files: a playlist must not make us fetch what it names.
        media = av.open(
            str(path), metadata_errors="replace", options={"protocol_whitelist": "file"}
        )
        if media.format.name in ("concat", "hls", "dash", "lavfi", "image2", "tty"):
            media.close()
            raise FeedsmithError(f"{path}: not a {what}, but a list of files", mend=mend)
        return media
    except (av.FFmpegError, OSError, ValueError) as error:
        raise FeedsmithError(
            f"{path}: not a {what} that can be read ({_why(error)})", mend=mend
        ) from error


def _pictures(path: Path, media: av.container.InputContainer) -> av.VideoStream:
    # A codec that is not known (or a damaged name of one) has no context to decode with.
    known = [s for s in media.streams.video if s.codec_context is not None]
    if not known:
        raise FeedsmithError(
            f"{path}: there are no moving pictures in it that can be read",
            mend="give a film: .mp4 or .mov (H.264)",
        )
    return known[0]


@contextlib.contextmanager
def _opened(path: Path, what: str) -> Iterator[av.container.InputContainer]:
    media = _open(path, what)
    try:
        yield media
    finally:
        media.close()


def _why(error: Exception) -> str:
    said = getattr(error, "strerror", "") or str(error)
    return said[:1].lower() + said[1:]


_RANGES = {1: "tv", 2: "pc"}
_NAMES = {1: "bt709", 5: "bt470bg", 6: "smpte170m", 9: "bt2020", 13: "srgb", 16: "pq", 18: "hlg"}
"""Numbers of ITU-T H.273 for matrix, primaries and transfer, as far as they are met with."""


def _container(path: Path, family: str) -> str:
    if "mp4" not in family:
        return family.split(",")[0]
    with path.open("rb") as stream:
        head = stream.read(12)
    return "mov" if head[4:8] != b"ftyp" or head[8:12] == b"qt  " else "mp4"


class _Box(NamedTuple):
    name: str
    start: int
    """Of the content, in bytes from the start of the file."""
    end: int


def _boxes(path: Path, start: int = 0, end: int | None = None) -> list[_Box]:
    """Boxes of an MP4/MOV (ISO/IEC 14496-12, 4.2) between two offsets; stops at nonsense."""
    found: list[_Box] = []
    with path.open("rb") as stream:
        end = path.stat().st_size if end is None else end
        while start + 8 <= end and len(found) < 4096:
            stream.seek(start)
            size, name = struct.unpack(">I4s", stream.read(8))
            head = 8
            if size == 1:
                wide = stream.read(8)
                if len(wide) < 8:
                    break
                (size,), head = struct.unpack(">Q", wide), 16
            elif size == 0:
                size = end - start
            if size < head:
                break
            found.append(_Box(name.decode("latin-1"), start + head, min(start + size, end)))
            start += size
    return found


def _inside(path: Path, box: _Box) -> list[_Box]:
    return _boxes(path, box.start, box.end)


class _TrackFacts(NamedTuple):
    handler: bytes
    constant: bool
    edited: bool


def _track_facts(path: Path, trak: _Box) -> _TrackFacts:
    def at(*names: str) -> bytes:
        box = trak
        for name in names:
            found = next((b for b in _inside(path, box) if b.name == name), None)
            if found is None:
                return b""
            box = found
        with path.open("rb") as stream:
            stream.seek(box.start)
            return stream.read(min(box.end - box.start, 1 << 20))

    handler = at("mdia", "hdlr")[8:12]
    times = at("mdia", "minf", "stbl", "stts")
    count = struct.unpack(">I", times[4:8])[0] if len(times) >= 8 else 0
    rows = [struct.unpack(">II", times[i : i + 8]) for i in range(8, len(times) - 7, 8)][:count]
    # The last picture may be shown longer or shorter than the others.
    lengths = {length for n, length in rows[:-1] or rows} | {
        length for n, length in rows[-1:] if n > 1
    }
    edits = at("edts", "elst")
    edited = False
    if len(edits) >= 8:
        version, number = edits[0], struct.unpack(">I", edits[4:8])[0]
        kind, width = (">Qqi", 20) if version else (">Iii", 12)
        rows_ = [
            struct.unpack(kind, edits[i : i + width])
            for i in range(8, min(len(edits), 8 + number * width) - width + 1, width)
        ]
        edited = len(rows_) > 1 or any(row[1] != 0 or row[2] != 65536 for row in rows_)
    return _TrackFacts(handler, len(lengths) == 1, edited)
