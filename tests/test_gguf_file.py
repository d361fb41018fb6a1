"""GGUF files: every number format is unpacked as ggml defines it; damaged files are one sentence."""

import struct
from pathlib import Path

import numpy as np
import pytest

from feedsmith.captions.gguf_file import GgufFile
from feedsmith.errors import FeedsmithError

HALF = 0.5
"""A scale that half precision holds exactly."""


def written(path: Path, kind: int, shape: tuple[int, ...], body: bytes) -> GgufFile:
    """A file with one number, one list and one tensor."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 2)
    head += text("general.alignment") + struct.pack("<II", 4, 64)
    head += text("words") + struct.pack("<IIQ", 9, 8, 2) + text("fog") + text("pine")
    head += text("w") + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
    head += struct.pack("<IQ", kind, 0)
    path.write_bytes(head + b"\0" * (-len(head) % 64) + body)
    return GgufFile(path)


def text(said: str) -> bytes:
    return struct.pack("<Q", len(said)) + said.encode()


def nibbles(values: np.ndarray) -> bytes:
    """32 values of 0..15: the first half low, the second half high."""
    return (values[:16] | values[16:] << 4).astype(np.uint8).tobytes()


def test_four_bit_blocks_with_a_scale(tmp_path: Path) -> None:
    at = np.random.default_rng(1).integers(0, 16, (4, 32))
    body = b"".join(np.float16(HALF).tobytes() + nibbles(row) for row in at)
    file = written(tmp_path / "m.gguf", 2, (2, 64), body)
    np.testing.assert_array_equal(file.read("w"), ((at - 8) * HALF).reshape(2, 64))


def test_four_bit_blocks_with_a_scale_and_a_least_value(tmp_path: Path) -> None:
    at = np.random.default_rng(2).integers(0, 16, (4, 32))
    halves = np.array([HALF, -3.25], np.float16).tobytes()
    body = b"".join(halves + nibbles(row) for row in at)
    file = written(tmp_path / "m.gguf", 3, (4, 32), body)
    np.testing.assert_array_equal(file.read("w"), at * HALF - 3.25)
    with file.path.open("rb") as stream:
        np.testing.assert_array_equal(file.rows(stream, "w", 1, 2), (at * HALF - 3.25)[1:3])


def test_numbers_are_told_and_lists_passed_over(tmp_path: Path) -> None:
    file = written(tmp_path / "m.gguf", 0, (3,), np.array([1, 2, 3], "<f4").tobytes())
    assert file.told == {"general.alignment": 64}
    assert file.read("w").tolist() == [1, 2, 3]


def test_a_format_that_is_not_read_is_said_when_it_is_read(tmp_path: Path) -> None:
    file = written(tmp_path / "m.gguf", 14, (2, 256), b"\0" * 999)
    assert not file.tensors["w"].readable
    with pytest.raises(ValueError, match="format 14"):
        file.read("w")


def test_a_file_that_is_cut_short_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match="cut short"):
        written(tmp_path / "m.gguf", 0, (1 << 20, 1 << 20), b"\0" * 64)
