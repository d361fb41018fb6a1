"""A film that goes out is one that Instagram takes: what is wrong is mended in a copy, and said."""

from pathlib import Path

import av
import pytest

import small_media
from feedsmith import provenance, rules
from feedsmith.film.encode import probe, problems
from feedsmith.publishing import films
from feedsmith.publishing.findings import Finding


def check(
    path: Path, place: films.Place = "reel", source_type: str = ""
) -> tuple[Path, dict[str, Finding]]:
    before = path.read_bytes()
    made, found = films.ready(path, path.parent / "ready", "01", place, source_type=source_type)
    assert path.read_bytes() == before
    assert made == path or not problems(made, place), problems(made, place)
    return made, {finding.code: finding for finding in found}


def fine(path: Path, **more: object) -> Path:
    options = {"movflags": "+faststart", "use_editlist": "0"}
    coder = {"preset": "ultrafast", "x264-params": "bframes=0"}
    return small_media.film(path, options=options, coder=coder, **more)  # type: ignore[arg-type]


def test_a_film_that_is_fit_goes_out_as_it_is(tmp_path: Path) -> None:
    path = fine(tmp_path / "a.mp4")
    assert check(path) == (path, {})


def test_an_index_at_the_end_and_edit_lists_are_mended_without_coding_anew(tmp_path: Path) -> None:
    path = small_media.film(tmp_path / "a.mp4")
    assert {"moov", "edit-lists"} == check(path)[1].keys()
    made, found = check(path)
    assert all(finding.level == "repaired" for finding in found.values())
    assert "index (moov) stood at the end" in found["moov"].said
    assert _coded(made) == _coded(path)  # the pictures' bytes are the same


def test_sound_and_pictures_stay_in_step_without_edit_lists(tmp_path: Path) -> None:
    path = small_media.film(tmp_path / "a.mp4")
    made, _ = check(path)
    before, after = small_media.shows(path), small_media.shows(made)
    assert len(before) == len(after)
    assert after[0][0] == pytest.approx(0, abs=0.001)
    assert [b for _, b in before] == [a for _, a in after]
    assert small_media.beeps(made) == pytest.approx(small_media.beeps(path), abs=0.03)


def test_what_an_edit_list_hid_stays_hidden(tmp_path: Path) -> None:
    path = small_media.trimmed(small_media.film(tmp_path / "a.mp4", 5.0), 1.0)
    hidden = small_media.shows(path)
    made, found = check(path)
    assert "what they hid was cut" in found["edit-lists"].said
    after = small_media.shows(made)
    assert after[0][1] == pytest.approx(hidden[0][1], abs=0.03)
    assert probe(made).duration == pytest.approx(4.0, abs=0.1)
    assert small_media.beeps(made)[:3] == pytest.approx([0.0, 1.0, 2.0], abs=0.06)


def test_twelve_pictures_a_second_become_twenty_four_and_a_hundred_and_twenty_sixty(
    tmp_path: Path,
) -> None:
    made, found = check(fine(tmp_path / "slow.mp4", fps=12, size=(90, 160)))
    assert "had 12 pictures a second and now has 24" in found["fps"].said
    assert probe(made).fps == pytest.approx(24, rel=0.01)
    assert probe(made).duration == pytest.approx(4.0, abs=0.1)
    made, found = check(fine(tmp_path / "fast.mp4", fps=120, size=(90, 160), seconds=3.2))
    assert probe(made).fps == pytest.approx(60, rel=0.01)
    assert probe(made).duration == pytest.approx(3.2, abs=0.1)


def test_a_film_of_an_old_codec_is_coded_anew(tmp_path: Path) -> None:
    made, found = check(small_media.film(tmp_path / "a.mov", codec="mpeg4", audio="pcm_s16le"))
    assert "coded as mpeg4 and are now H.264" in found["codec"].said
    assert "AAC" in found["sound"].said
    assert small_media.beeps(made) == pytest.approx([0, 1, 2, 3], abs=0.06)
    assert made.suffix == ".mp4"


def test_a_film_that_is_too_wide_becomes_narrow_enough(tmp_path: Path) -> None:
    path = fine(tmp_path / "wide.mp4", size=(2160, 240), seconds=3.1)
    made, found = check(path)
    assert "2160 px wide and is now 1920" in found["width"].said
    told = probe(made)
    assert (told.width, told.height) == (1920, 214)


def test_ten_bit_colour_and_many_channels_are_mended(tmp_path: Path) -> None:
    path = small_media.film(
        tmp_path / "a.mp4", pix_fmt="yuv422p", layout="5.1", coder={"preset": "ultrafast"}
    )
    made, found = check(path)
    assert {"colour", "sound"} <= found.keys()
    assert probe(made).channels == 2


def test_sound_alone_is_coded_anew_beside_pictures_that_stay(tmp_path: Path) -> None:
    path = fine(tmp_path / "a.mp4", audio="libmp3lame")
    made, found = check(path)
    assert found.keys() == {"sound"}
    assert _coded(made) == _coded(path)
    assert small_media.beeps(made) == pytest.approx(small_media.beeps(path), abs=0.06)


@pytest.mark.parametrize(
    ("degrees", "size", "corner"),
    [(90, (96, 160), (90, 6)), (180, (160, 96), (154, 90)), (270, (96, 160), (6, 154))],
)
def test_a_film_on_its_side_is_set_upright_when_it_is_coded_anew(
    tmp_path: Path, degrees: int, size: tuple[int, int], corner: tuple[int, int]
) -> None:
    """The bright corner, upper left as stored, is where a player that turns the film would show it."""
    path = small_media.film(tmp_path / "a.mp4", 3.0, fps=12, size=(160, 96), audio="")
    made, _ = check(small_media.turned(path, degrees))
    with av.open(str(made)) as media:
        picture = next(media.decode(video=0)).to_image()
    assert picture.size == size
    red, green, blue = picture.getpixel(corner)
    assert min(red, green) > 225 > 100 > blue


def test_an_interlaced_film_becomes_progressive_and_odd_pixels_square(tmp_path: Path) -> None:
    coder = {"preset": "ultrafast", "x264-params": "interlaced=1:bframes=0"}
    path = small_media.film(tmp_path / "i.mp4", 3.0, coder=coder, audio="", size=(96, 160))
    made, found = check(path)
    assert "interlaced" in found
    assert not films._more(made).interlaced
    coder["x264-params"] = "sar=4/3:bframes=0"
    path = small_media.film(tmp_path / "s.mp4", 3.0, coder=coder, audio="", size=(96, 160))
    made, found = check(path)
    assert "pixels" in found
    assert (probe(made).width, probe(made).height) == (128, 160)


def test_a_film_on_its_side_stays_marked_when_it_is_only_moved(tmp_path: Path) -> None:
    path = small_media.turned(small_media.film(tmp_path / "a.mp4", size=(320, 180)), 90)
    made, _ = check(path)

    def rotation(file: Path) -> int:
        with av.open(str(file)) as media:
            return next(media.decode(video=0)).rotation

    assert rotation(made) == rotation(path) != 0


def test_a_film_of_too_many_bits_is_coded_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"movflags": "+faststart", "use_editlist": "0"}
    path = small_media.film(
        tmp_path / "a.mp4", options=options, coder={"qp": "1", "bf": "0"}, audio=""
    )
    size = path.stat().st_size
    monkeypatch.setitem(rules.FILMS, "reel", rules.FilmLimits(3, 900, size // 2))
    made, found = check(path)
    assert found["bytes"].level == "repaired"
    assert made.stat().st_size <= size // 2


@pytest.mark.parametrize(
    ("seconds", "place", "said"),
    [
        (1.0, "reel", "It is 1.0 seconds long; a reel has at least 3."),
        (4.0, "story", "It is 4 seconds long; a story has at most 3.5 seconds."),
    ],
)
def test_a_length_is_for_a_person_to_mend(
    tmp_path: Path, seconds: float, place: films.Place, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rules.FILMS, "story", rules.FilmLimits(3, 3.5, 1 << 20))
    path = fine(tmp_path / "a.mp4", seconds=seconds, size=(90, 160))
    made, found = check(path, place)
    assert made == path
    assert found["duration"].level == "blocking"
    assert found["duration"].said == said
    assert found["duration"].mend


def test_what_is_no_film_is_said(tmp_path: Path) -> None:
    for data in (b"", b"\0\0\0\x18ftypmp42", b"not a film at all" * 99):
        path = tmp_path / "a.mp4"
        path.write_bytes(data)
        made, found = check(path)
        assert made == path
        assert found["unreadable"].level == "blocking"
        assert found["unreadable"].mend


def test_a_film_cut_off_in_the_middle_is_said_or_mended(tmp_path: Path) -> None:
    whole = fine(tmp_path / "a.mp4", seconds=5.0).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    made, _ = films.ready(path, tmp_path / "ready", "01", "reel")
    assert made == path or not problems(made)


def test_a_films_label_survives_the_mending(tmp_path: Path) -> None:
    path = small_media.film(tmp_path / "a.mp4")
    stamp = provenance.Stamp(source_type="trainedAlgorithmicMedia", creator="Oak & Co")
    provenance.stamp_mp4(path, stamp)
    made, _ = check(path)
    kept = provenance.read(made)
    assert kept is not None
    assert (kept.source_type, kept.creator) == ("trainedAlgorithmicMedia", "Oak & Co")


def _coded(path: Path) -> list[int]:
    """A fingerprint of each coded picture."""
    with av.open(str(path)) as media:
        return [hash(bytes(packet)) for packet in media.demux(video=0) if packet.size]
