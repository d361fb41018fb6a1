"""Films as Instagram takes them: what is wrong is mended in a copy; the file itself stays as it is.

Only what must be is coded anew: an index at the end and edit lists are mended by moving the coded pictures into
another file. What a person must decide, such as a film's length, is said and left. Limits: rules.py.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import av
import av.filter

from feedsmith import rules
from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, made, no_room
from feedsmith.film.encode import AUDIO_BITS, SAMPLE_RATE, Probe, probe
from feedsmith.progress import Report, silent
from feedsmith.publishing import labels
from feedsmith.publishing.findings import Finding, blocking, hint, repaired

Place = Literal["reel", "story", "feed"]

FPS_SLOW = 30
"""What a film with too few pictures a second gets: whole multiples first (12 becomes 24)."""
QUALITY = 20
"""x264's; the film's own encoder uses 18 on clean pictures, here they were coded before."""
_ROOM = 0.9
"""Of the size limit, when a film is coded to fit under it."""
_LATE = 0.05
"""Seconds that pictures may begin after 0 without anybody seeing it."""


class _Work(NamedTuple):
    """What is to be done to a film; nothing where all are as they were."""

    move: bool = False
    pictures: bool = False
    sound: bool = False
    width: int = 0
    height: int = 0
    """Of the new pictures."""
    fps: Fraction = Fraction(0)
    """0: as it is."""
    bits: int = rules.FILM_BITS_MAX


class _More(NamedTuple):
    """What film.encode.probe does not tell."""

    rotation: int
    """Degrees, against the clock, that a player turns the pictures by."""
    square: bool
    """Pixels are as wide as high."""
    interlaced: bool
    bright: bool
    """High dynamic range (PQ or HLG)."""
    trimmed: bool
    """Its edit lists hide pictures, or begin late: moving alone would bring them back."""
    sample: Fraction
    """Width / height of a pixel."""


def ready(
    path: Path,
    folder: Path,
    name: str,
    place: Place,
    *,
    source_type: str = "",
    report: Report = silent,
) -> tuple[Path, list[Finding]]:
    """The film itself where it is fit to go out, else a mended copy at folder/name.mp4; and what was done.

    Coding anew takes about as long as the film on one core. Never raises for a bad film: that is a finding.
    Raises FeedsmithError when the disk is full.
    """
    about = path.name
    try:
        told = probe(path)
        more = _more(path)
    except FeedsmithError as error:
        return path, [blocking(about, "unreadable", f"It cannot be used: {error.message}.",
                               f"{error.mend[:1].upper()}{error.mend[1:]}.")]  # fmt: skip
    found = _length(about, told, place)
    if any(finding.level == "blocking" for finding in found):
        return path, found
    work, done = _plan(about, told, more, place)
    found += done
    if more.bright:
        found.append(hint(about, "hdr", "It is in HDR; as a plain film its colours may look flat.",
                          "Export it in SDR (Rec. 709)."))  # fmt: skip
    if not (work.move or work.pictures or work.sound):
        return path, found
    target = folder / f"{name}.mp4"
    stamp = labels.stamp_of(path, source_type)
    try:
        _rewrite(path, target, told, more, work, report)
    except (av.FFmpegError, ValueError) as error:
        return path, [blocking(about, "unreadable", f"It is damaged ({str(error)[:80]}).",
                               "Export it again as MP4 (H.264).")]  # fmt: skip
    limit = rules.FILMS[place].bytes_max
    if target.stat().st_size > limit:
        found.append(blocking(about, "bytes", f"It is still larger than {limit >> 20} MB.",
                              "Make it shorter, or export it at a lower quality."))  # fmt: skip
    return target, found + labels.finish(target, path, stamp)


def _length(about: str, told: Probe, place: Place) -> list[Finding]:
    limits = rules.FILMS[place]
    what = "story" if place == "story" else "reel"
    if told.duration < limits.seconds_min - 0.02:
        return [blocking(
            about, "duration",
            f"It is {told.duration:.1f} seconds long; a {what} has at least {limits.seconds_min:g}.",
            "Make it longer.",
        )]  # fmt: skip
    if told.duration > limits.seconds_max + 0.02:
        most = limits.seconds_max
        words = f"{most / 60:g} minutes" if most > 90 else f"{most:g} seconds"
        return [blocking(
            about, "duration",
            f"It is {told.duration:.0f} seconds long; a {what} has at most {words}.",
            f"Cut it to {words}" + (", or post it as a reel." if place == "story" else "."),
        )]  # fmt: skip
    ratio, (least, most_) = told.width / told.height, rules.FILM_RATIOS[place]
    if not least <= ratio <= most_:
        return [blocking(about, "ratio", f"It is {told.width} x {told.height}, too narrow or too wide.",
                         "Crop it to 9:16.")]  # fmt: skip
    return []


def _plan(about: str, told: Probe, more: _More, place: Place) -> tuple[_Work, list[Finding]]:
    limits = rules.FILMS[place]
    found: list[Finding] = []

    def said(code: str, words: str) -> None:
        found.append(repaired(about, code, words))

    pictures = sound = move = False
    shown = (told.width * float(more.sample), float(told.height))
    wide, high = shown if more.rotation % 180 == 0 else shown[::-1]
    width, height, fps = wide, high, Fraction(0)
    if told.video_codec not in rules.FILM_CODECS:
        said("codec", f"Its pictures were coded as {told.video_codec} and are now H.264.")
        pictures = True
    if told.pix_fmt not in ("yuv420p", "yuvj420p"):
        said("colour", f"Its colours were stored as {told.pix_fmt} and are now 4:2:0 with 8 bits.")
        pictures = True
    if more.interlaced:
        said("interlaced", "It was interlaced and is now progressive.")
        pictures = True
    if not more.square:
        said("pixels", "Its pixels were not square and now are.")
        pictures = True
    if max(told.width, wide) > rules.FILM_WIDTH_MAX:
        width = float(rules.FILM_WIDTH_MAX)
        height = high * width / wide
        said("width", f"It was {wide:.0f} px wide and is now {width:.0f}.")
        pictures = True
    rate = _usual(told.fps)
    if not rules.FILM_FPS_MIN <= rate <= rules.FILM_FPS_MAX:
        fps = _fps(rate)
        said("fps", f"It had {float(rate):.4g} pictures a second and now has {float(fps):.4g}.")
        pictures = True
    bits = told.bytes * 8 / max(told.duration, 0.1)
    if told.bytes > limits.bytes_max or bits > rules.FILM_BITS_MAX * 1.05:
        room = int(_ROOM * limits.bytes_max * 8 / max(told.duration, 0.1))
        most = min(rules.FILM_BITS_MAX, room - AUDIO_BITS * bool(told.audio_codec))
        said("bytes", f"It had {told.bytes / 2**20:.0f} MB ({bits / 1e6:.0f} Mbit a second) and was coded "
             f"smaller; at most {limits.bytes_max >> 20} MB and {rules.FILM_BITS_MAX // 10**6} Mbit are taken.")  # fmt: skip
        pictures = True
    else:
        most = rules.FILM_BITS_MAX
    if told.audio_codec and (
        told.audio_codec != "aac"
        or told.audio_rate > rules.FILM_AUDIO_RATE_MAX
        or told.channels > 2
    ):
        said("sound", f"Its sound ({told.audio_codec}, {told.audio_rate / 1000:g} kHz, {told.channels} "
             f"channels) is now AAC, {SAMPLE_RATE // 1000} kHz, stereo.")  # fmt: skip
        sound = True
    if told.container not in ("mp4", "mov"):
        said("container", f"It was a {told.container} file and is now MP4.")
        move = True
    elif not told.moov_first:
        said("moov", "Its index (moov) stood at the end and is now at the front.")
        move = True
    if told.edit_lists:
        said("edit-lists", "It had edit lists, which were taken out; what they hid was cut."
             if more.trimmed else "It had edit lists, which were taken out.")  # fmt: skip
        move, pictures = True, pictures or more.trimmed
    if pictures:  # moved pictures keep the time that cut sound would lose
        sound = sound or bool(told.audio_codec)
    even = (max(2, round(width / 2) * 2), max(2, round(height / 2) * 2))
    return _Work(move, pictures, sound, *even, fps, most), found


def _usual(fps: float) -> Fraction:
    """A rate as it was meant: a file's average is off by its last picture, whose length is guessed."""
    usual = [Fraction(n) for n in range(1, 241)] + [
        Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)
    ]
    near = min(usual, key=lambda rate: abs(float(rate) - fps))
    return near if abs(float(near) / fps - 1) < 0.01 else Fraction(fps).limit_denominator(1001)


def _fps(rate: Fraction) -> Fraction:
    """A rate that is allowed: half of one that is too high, the smallest multiple of one that is too low."""
    if rate > rules.FILM_FPS_MAX:
        return min(rate / 2, Fraction(rules.FILM_FPS_MAX))
    many = rate * -(-rules.FILM_FPS_MIN // rate)
    return many if many <= rules.FILM_FPS_MAX else Fraction(FPS_SLOW)


def _more(path: Path) -> _More:
    with _reading(path) as media:
        video = media.streams.video[0]
        aspect = video.sample_aspect_ratio or Fraction(1)
        sample = aspect if aspect > 0 else Fraction(1)
        frame = next(iter(media.decode(video)), None)
        if frame is None:
            raise FeedsmithError(
                f"{path}: no picture in it can be read", mend="export it again as MP4 (H.264)"
            )
        rotation, interlaced = int(frame.rotation) % 360, bool(frame.interlaced_frame)
        bright = int(video.codec_context.color_trc) in (16, 18)
    with _reading(path) as media:
        video = media.streams.video[0]
        first, hidden = None, False
        for packet in media.demux(video):
            if packet.pts is None:
                continue
            hidden = hidden or bool(packet.is_discard)
            at = float(packet.pts * packet.time_base)
            if not packet.is_discard:
                first = at if first is None else min(first, at)
    return _More(rotation, abs(sample - 1) < Fraction(1, 100), interlaced, bright,
                 hidden or (first or 0.0) > _LATE, sample)  # fmt: skip


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[av.container.InputContainer]:
    # Only plain files, as film.encode opens them: a playlist must not make us fetch what it names.
    with av.open(
        str(path), metadata_errors="replace", options={"protocol_whitelist": "file"}
    ) as media:
        yield media


def _rewrite(
    path: Path, target: Path, told: Probe, more: _More, work: _Work, report: Report
) -> None:
    """Write `target`, whole or not at all: the index first, no edit lists."""
    made(target.parent)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        with _reading(path) as media:
            # With negative offsets pictures that are not coded in order need no edit list to begin at 0.
            out = av.open(
                name, "w", format="mp4",
                options={"movflags": "+faststart+negative_cts_offsets", "use_editlist": "0", "fflags": "+bitexact"},
            )  # fmt: skip
            with out:
                _written(media, out, told, more, work, report)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.chmod(0o644)
        part.replace(target)
    except OSError as error:
        if full_disk(error):
            raise no_room(target, "nothing half-written was left behind") from error
        raise
    finally:
        part.unlink(missing_ok=True)


def _written(
    media: av.container.InputContainer,
    out: av.container.OutputContainer,
    told: Probe,
    more: _More,
    work: _Work,
    report: Report,
) -> None:
    video = media.streams.video[0]
    sound = media.streams.audio[0] if media.streams.audio else None
    if sound is not None and sound.codec_context is None:
        sound = None
    pictures = _Pictures(out, video, more, work, told) if work.pictures else None
    shown = pictures.stream if pictures else out.add_stream_from_template(video)
    voice = _Sound(out, sound) if sound is not None and work.sound else None
    if sound is not None:
        heard = voice.stream if voice else out.add_stream_from_template(sound)
    streams = [video] if sound is None else [video, sound]
    whole = max(1, round(told.duration))
    for packet in media.demux(streams):
        if packet.stream is video:
            if packet.pts is not None:
                report("Coding" if pictures else "Moving", min(whole, int(packet.pts * packet.time_base)), whole)  # fmt: skip
            if pictures:
                pictures.add(packet)
            elif packet.dts is not None:
                packet.stream = shown
                out.mux(packet)
        elif voice:
            voice.add(packet)
        elif packet.dts is not None and not packet.is_discard and (packet.pts or 0) >= 0:
            # What comes before 0 is the coder's priming; without an edit list it would be heard.
            packet.stream = heard
            out.mux(packet)
    for coder in (pictures, voice):
        if coder:
            coder.end()


class _Pictures:
    """Pictures coded anew: upright, progressive, 4:2:0, of the planned size and rate."""

    def __init__(
        self,
        out: av.container.OutputContainer,
        video: av.VideoStream,
        more: _More,
        work: _Work,
        told: Probe,
    ) -> None:
        self._out, self._video, self._more, self._work = out, video, more, work
        rate = work.fps or _usual(told.fps)
        self.stream = out.add_stream("libx264", rate=rate)
        context = self.stream.codec_context
        context.width, context.height, context.pix_fmt = work.width, work.height, "yuv420p"
        context.thread_count = max(1, min(4, os.cpu_count() or 1))
        context.color_range = context.colorspace = 1
        context.color_primaries = context.color_trc = 1
        kilobits = max(100, work.bits // 1000)
        self.stream.options = {
            "preset": "veryfast", "crf": str(QUALITY), "profile": "high", "g": str(round(2 * rate)),
            "x264-params": f"bframes=0:vbv-maxrate={kilobits}:vbv-bufsize={kilobits // 2}",
        }  # fmt: skip
        self.stream.time_base = 1 / rate
        self._rate = rate
        self._graph: av.filter.Graph | None = None
        self._count = 0

    def add(self, packet: av.Packet) -> None:
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return  # a damaged picture: the next key picture goes on
        for frame in frames:
            if self._graph is None:
                self._graph = self._built(frame)
            self._graph.push(frame)
            self._drain()

    def _built(self, frame: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        steps: list[tuple[str, str]] = []
        if self._more.interlaced:
            steps.append(("yadif", "mode=send_frame:deint=interlaced"))
        turn = {90: [("transpose", "cclock")], 180: [("hflip", ""), ("vflip", "")], 270: [("transpose", "clock")]}  # fmt: skip
        steps += turn.get(self._more.rotation, [])
        steps += [
            ("scale", f"{self._work.width}:{self._work.height}:flags=lanczos:out_color_matrix=bt709:out_range=tv"),
            ("fps", f"fps={self._rate}:start_time=0"),
            ("setsar", "1"),
            ("format", "yuv420p"),
        ]  # fmt: skip
        nodes = [
            graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format,
                time_base=self._video.time_base,
            )
        ]  # fmt: skip
        nodes += [graph.add(name, args) if args else graph.add(name) for name, args in steps]
        nodes.append(graph.add("buffersink"))
        graph.link_nodes(*nodes).configure()
        return graph

    def _drain(self) -> None:
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, EOFError, av.FFmpegError):
                return
            frame.pts, frame.time_base = self._count, 1 / self._rate
            frame.color_range = frame.colorspace = 1
            frame.pict_type = 0
            self._count += 1
            for packet in self.stream.encode(frame):
                packet.duration = 1
                self._out.mux(packet)

    def end(self) -> None:
        if self._graph is None:
            raise ValueError("no picture in it can be read")
        self._graph.push(None)
        self._drain()
        for packet in self.stream.encode(None):
            packet.duration = 1
            self._out.mux(packet)


class _Sound:
    """Sound coded anew: AAC, stereo, from 0 on without holes."""

    def __init__(self, out: av.container.OutputContainer, sound: av.AudioStream) -> None:
        self._out, self._sound = out, sound
        self.stream = out.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        self.stream.bit_rate = AUDIO_BITS
        self._graph: av.filter.Graph | None = None

    def add(self, packet: av.Packet) -> None:
        try:
            frames = packet.decode()
        except av.FFmpegError:
            return
        for frame in frames:
            if self._graph is None:
                self._graph = self._built(frame)
            self._graph.push(frame)
            self._drain()

    def _built(self, frame: av.AudioFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        nodes = [
            graph.add_abuffer(
                sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name,
                channels=frame.layout.nb_channels, time_base=frame.time_base,
            ),
            # Sound that begins late gets silence, and holes are filled: without edit lists nothing else keeps it in step.
            graph.add("aresample", f"{SAMPLE_RATE}:async=1:first_pts=0"),
            graph.add("aformat", f"sample_fmts=fltp:sample_rates={SAMPLE_RATE}:channel_layouts=stereo"),
            graph.add("asetnsamples", "n=1024:p=0"),
            graph.add("abuffersink"),
        ]  # fmt: skip
        graph.link_nodes(*nodes).configure()
        return graph

    def _drain(self) -> None:
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, EOFError, av.FFmpegError):
                return
            self._out.mux(self.stream.encode(frame))

    def end(self) -> None:
        if self._graph is not None:
            self._graph.push(None)
            self._drain()
        self._out.mux(self.stream.encode(None))
