"""The caption model: it repeats itself exactly, judges like a reader, and stays quiet and small."""

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from feedsmith import models
from feedsmith.captions.gguf_file import GgufFile
from feedsmith.captions.likelihood import output_layer
from feedsmith.captions.model import CaptionModel, Voice, _serve
from feedsmith.captions.prompt import Request
from feedsmith.errors import FeedsmithError, MissingModel

PROMO = Request(
    kind="promo",
    niche="tea shop",
    voice="dry",
    shows=("cup", "teapot"),
    offer="green tea, 3 EUR",
    length="short",
).prompt()
PHOTO = Request(
    kind="photo", niche="hiking store", voice="warm", shows=("fog", "pine"), length="short"
).prompt()

ONE_LINE = 'root ::= [A-Z] [a-z ,]{12,20} "."'
"""A grammar that ends by itself after some six tokens."""

AGAIN = """
import sys
from pathlib import Path
from feedsmith.captions.model import CaptionModel
base, adapter, prompt, grammar = sys.argv[1:]
with CaptionModel(Path(base), Path(adapter) if adapter else None) as model:
    sys.stdout.write(repr(model.sample([prompt], 2, 5, grammar)))
"""


def files() -> tuple[Path, Path | None]:
    try:
        base = models.find("captions-base")
    except MissingModel as error:
        pytest.skip(f"{error.message}; {error.mend}")
    try:
        return base, models.find("starter-lora")
    except MissingModel:
        return base, None


@pytest.fixture(scope="module")
def model() -> Iterator[CaptionModel]:
    base, adapter = files()
    with CaptionModel(base, adapter) as loaded:
        yield loaded


@pytest.mark.model
def test_the_same_seed_gives_the_same_texts_whatever_was_asked_before(model: CaptionModel) -> None:
    first = model.sample([PROMO, PHOTO], 3, 5, ONE_LINE)
    assert all(first)
    model.score([(PHOTO, "Something else in between.")])
    assert model.sample([PHOTO, PROMO], 3, 5, ONE_LINE) == first[::-1]
    assert model.sample([PROMO], 3, 6, ONE_LINE) != first[:1]


@pytest.mark.model
def test_a_restart_changes_nothing_and_says_nothing(model: CaptionModel) -> None:
    here = model.sample([PHOTO], 2, 5, ONE_LINE)
    assert here[0]
    there = subprocess.run(
        [
            sys.executable,
            "-c",
            AGAIN,
            str(model.base),
            str(model.adapters.get("", "")),
            PHOTO,
            ONE_LINE,
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(models.__file__).parent.parent)},
    )
    assert there.stdout == repr(here)
    assert there.stderr == "", "the runtime must not write on the user's terminal"


@pytest.mark.model
def test_the_texts_of_one_prompt_differ(model: CaptionModel) -> None:
    (texts,) = model.sample([PROMO], 10, 1, ONE_LINE)
    assert len(texts) > 6
    assert len(set(texts)) == len(texts)


@pytest.mark.model
def test_a_grammar_binds_every_text(model: CaptionModel) -> None:
    (texts,) = model.sample([PROMO], 4, 1, grammar='root ::= "Tea" " now"? "."', max_tokens=8)
    assert texts
    assert set(texts) <= {"Tea.", "Tea now."}


@pytest.mark.model
def test_what_is_banned_never_comes(model: CaptionModel) -> None:
    choice = 'root ::= "Tea." | "Cup."'
    (free,) = model.sample([PROMO], 8, 1, grammar=choice, max_tokens=8)
    (bound,) = model.sample([PROMO], 8, 1, grammar=choice, max_tokens=8, banned=["Tea", "T", "Te"])
    assert "Tea." in free
    assert bound == ["Cup."]


@pytest.mark.model
def test_it_hears_what_sounds_right(model: CaptionModel) -> None:
    good, scrambled, broken = model.score(
        [
            (PROMO, "Green tea, 3 EUR. Hot water not included."),
            (PROMO, "Tea EUR green 3 not. included water Hot,"),
            (PROMO, "Green tea, 3 EUR. Hot water not inclu"),
        ]
    )
    assert 0 > good > broken
    assert good > scrambled


@pytest.mark.model
def test_a_score_does_not_depend_on_its_company(model: CaptionModel) -> None:
    pairs = [(PROMO, "Green tea, 3 EUR."), (PHOTO, "Fog first. Then the pines."), (PHOTO, "Up.")]
    together = model.score(pairs)
    assert [model.score([pair])[0] for pair in pairs] == pytest.approx(together, abs=2e-4)
    assert model.score([]) == []


@pytest.mark.model
def test_judging_agrees_with_the_runtimes_own_states(model: CaptionModel) -> None:
    pairs = [
        (PROMO, "Green tea, 3 EUR. Hot water not included."),
        (PROMO, "Tea EUR green 3 not."),
        (PHOTO, "Fog first. Then the pines."),
    ]
    layer, decoder = model._judge()
    assert decoder is not None
    here = model.score(pairs)
    model._judges = layer, None
    there = model.score(pairs)
    model._judges = layer, decoder
    # The runtime multiplies in eight bits, the decoder in float32.
    assert here == pytest.approx(there, abs=0.05)
    assert here != there


@pytest.mark.model
def test_many_brands_share_a_base_and_speak_as_if_alone(
    model: CaptionModel, tmp_path: Path
) -> None:
    if "" not in model.adapters:
        pytest.skip("no adapter is here")
    mine = model.adapters[""]
    theirs = tmp_path / "theirs.gguf"
    weaker_adapter(mine, theirs)
    pairs = [(PHOTO, "Fog first. Then the pines."), (PROMO, "Green tea, 3 EUR.")]

    def told(speaker: CaptionModel | Voice) -> tuple[list[list[str]], list[float]]:
        return speaker.sample([PHOTO, PROMO], 3, 5, grammar=ONE_LINE), speaker.score(pairs)

    alone = {}
    for name, adapter in (("mine", mine), ("theirs", theirs), ("none", None)):
        with CaptionModel(model.base, adapter) as one:
            alone[name] = told(one)
    assert len({repr(texts) for texts, _ in alone.values()}) == 3
    assert len({repr(scores) for _, scores in alone.values()}) == 3
    with CaptionModel(model.base, {"mine": mine, "theirs": theirs}) as both:
        for name in ("theirs", "mine", "mine", "theirs"):
            assert told(both.voice(name)) == alone[name]
        assert told(both) == alone["none"]  # no adapter has no name
        layer, _ = both._judge()
        both._judges = layer, None  # as for models that the decoder does not know
        for name in ("mine", "theirs", "mine"):
            assert both.voice(name).score(pairs) == pytest.approx(alone[name][1], abs=0.05)
        with pytest.raises(FeedsmithError, match="hers"):
            both.voice("hers")


@pytest.mark.model
def test_brevity_ends_sentences_sooner(model: CaptionModel) -> None:
    line = 'root ::= [A-Z] [a-z ,]* "."'
    (long,) = model.sample([PHOTO], 4, 1, line, max_tokens=60)
    (short,) = model.sample([PHOTO], 4, 1, line, max_tokens=60, brevity=4.0)
    assert np.mean([len(text) for text in short]) < np.mean([len(text) for text in long])


@pytest.mark.model
def test_a_stop_ends_a_text_before_it(model: CaptionModel) -> None:
    choice = 'root ::= "One, two, three."'
    assert model.sample([PHOTO], 1, 1, choice, stop=["two"]) == [["One,"]]


@pytest.mark.model
def test_a_long_text_is_judged_by_the_part_that_fits(model: CaptionModel) -> None:
    (score,) = model.score([(PHOTO, "Fog first, then the pines. " * 100)])
    assert -10 < score < 0


@pytest.mark.model
def test_a_prompt_that_is_too_long_is_one_sentence(model: CaptionModel) -> None:
    with pytest.raises(FeedsmithError, match="refused"):
        model.sample(["fog " * 2000], 1, 1)
    with pytest.raises(FeedsmithError, match="refused"):
        model.sample([PROMO], 1, 1, grammar="this is ::= not a grammar ((")
    assert model.sample([PROMO], 1, 1, max_tokens=8) is not None


@pytest.mark.model
def test_a_closed_model_says_so() -> None:
    base, adapter = files()
    loaded = CaptionModel(base, adapter)
    loaded.close()
    with pytest.raises(FeedsmithError, match="closed"):
        loaded.sample([PROMO], 1, 1)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + b"\xff" * 60, b"<html>404</html>" * 9])
def test_a_file_that_is_no_model_is_one_sentence(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(FeedsmithError, match=r"bad\.gguf"):
        CaptionModel(path)
    with pytest.raises(FeedsmithError, match=r"bad\.gguf"):
        output_layer(GgufFile(path))
    assert capfd.readouterr().err == ""


def test_a_missing_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError) as caught:
        CaptionModel(tmp_path / "none.gguf")
    assert "models fetch" in caught.value.mend


def weaker_adapter(source: Path, target: Path) -> None:
    """The same adapter at half its strength: its alpha lies where GGUF says."""
    content = source.read_bytes()
    key = b"adapter.lora.alpha" + struct.pack("<I", 6)
    at = content.index(key) + len(key)
    (alpha,) = struct.unpack_from("<f", content, at)
    target.write_bytes(content[:at] + struct.pack("<f", alpha / 2) + content[at + 4 :])


def gguf_file(path: Path, matrix: np.ndarray, kind: int, body: bytes) -> None:
    """The smallest GGUF with an output layer, written by hand."""
    key, arch, name = b"general.architecture", b"llama", b"token_embd.weight"
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1)
    head += struct.pack("<Q", len(key)) + key + struct.pack("<I", 8)
    head += struct.pack("<Q", len(arch)) + arch
    head += struct.pack("<Q", len(name)) + name
    head += struct.pack("<IQQIQ", 2, matrix.shape[1], matrix.shape[0], kind, 0)
    path.write_bytes(head + b"\0" * (-len(head) % 32) + body)


@pytest.mark.parametrize("kind", [0, 1, 8, 30])
def test_likelihoods_are_a_softmax_over_the_output_layer(tmp_path: Path, kind: int) -> None:
    rng = np.random.default_rng(3)
    matrix = rng.normal(0, 0.3, (5000, 64)).astype(np.float32)
    if kind == 8:
        blocks = matrix.reshape(-1, 32)
        scale = (np.abs(blocks).max(axis=1) / 127).astype(np.float16)
        whole = np.round(blocks / scale.astype(np.float32)[:, None]).astype(np.int8)
        matrix = (whole * scale.astype(np.float32)[:, None]).reshape(matrix.shape)
        body = b"".join(s.tobytes() + w.tobytes() for s, w in zip(scale, whole, strict=True))
    elif kind == 30:
        bits = (matrix.view(np.uint32) >> 16).astype("<u2")
        body, matrix = bits.tobytes(), (bits.astype(np.uint32) << 16).view(np.float32)
    else:
        stored = matrix.astype({0: "<f4", 1: "<f2"}[kind])
        body, matrix = stored.tobytes(), stored.astype(np.float32)
    gguf_file(tmp_path / "m.gguf", matrix, kind, body)
    hidden = rng.normal(0, 2, (7, 64)).astype(np.float32)
    wanted = np.array([0, 1, 2047, 2048, 4095, 4096, 4999])
    logits = (hidden @ matrix.T).astype(np.float64)
    expected = logits[np.arange(7), wanted] - np.log(np.exp(logits).sum(axis=1))
    got = output_layer(GgufFile(tmp_path / "m.gguf")).log_likelihood(hidden, wanted)
    np.testing.assert_allclose(got, expected, atol=2e-4)


def test_a_number_format_that_is_not_read_is_said(tmp_path: Path) -> None:
    gguf_file(tmp_path / "m.gguf", np.zeros((64, 64), np.float32), 14, b"\0" * 9000)
    with pytest.raises(FeedsmithError, match="type 14"):
        output_layer(GgufFile(tmp_path / "m.gguf"))


_INTERRUPTED = """
import os, signal, sys, threading, time
from pathlib import Path
from feedsmith.captions.model import CaptionModel

for delay in (0.01, 0.05, 0.15, 0.3, 0.5):
    shot = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    shot.start()
    try:
        with CaptionModel(Path(sys.argv[1])) as model:
            model.score([("a", "b")])
            time.sleep(5)
        raise SystemExit("the interrupt was lost")
    except KeyboardInterrupt:
        pass
print("every interrupt came through")
"""


@pytest.mark.model
def test_an_interrupt_while_it_loads_is_neither_lost_nor_a_hang() -> None:
    """llama.cpp's server, closed before it runs, waits for ever; a Ctrl-C used to do just that."""
    command = [sys.executable, "-c", _INTERRUPTED, str(models.find("captions-base"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "every interrupt came through" in done.stdout, done.stderr


def test_a_system_without_openmp_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a bare Debian without libgomp1 gives: the runtime is installed and cannot be imported."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(FeedsmithError, match="cannot be run here") as caught:
        _serve(Path("any.gguf"), [], 1, "key")
    assert "libgomp1" in caught.value.mend
