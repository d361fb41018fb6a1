"""Training, for real and small: two tiny models, made here, learn captions, are killed, go on,
overflow, and speak in the runtime exactly as they were trained.

These need the train extra (torch, transformers, peft, gguf); without it they are skipped. What needs
no extra is in test_caption_corpus.py.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feedsmith.brand import Brand, Home
from feedsmith.captions import likelihood as likelihood_module
from feedsmith.captions import train as training
from feedsmith.captions.model import CaptionModel, _hidden
from feedsmith.captions.prompt import END, example
from feedsmith.captions.train import Config, Data, Result, Run, base, export, loop, resolve
from feedsmith.captions.train.batches import Encoded, encoded, tensors
from feedsmith.errors import FeedsmithError
from small_models import WORDS, folder, rows

EXTRA = ("torch", "transformers", "peft", "gguf", "safetensors")
there = all(importlib.util.find_spec(name) is not None for name in EXTRA)
trains = pytest.mark.skipif(
    not there, reason='needs the train extra: pip install "feedsmith[train]"'
)


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return folder(tmp_path_factory.mktemp("bases"), request.param)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return folder(tmp_path_factory.mktemp("bases"), "llama")


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    return folder(tmp_path_factory.mktemp("bases"), "gpt2")


def small(place: Path, **other: Any) -> Config:
    settings = {
        "base": str(place), "rank": 4, "rate": 0.01, "batch_tokens": 300, "epochs": 4,
        "dtype": "float32", "device": "cpu", "threads": 1, "snapshot_every": 5,
    }  # fmt: skip
    return resolve(Config.model_validate({**settings, **other}))


def data(count: int = 60) -> Data:
    return training.from_rows(rows(count), "test", Config())


def go(root: Path, config: Config, of: Data | None = None) -> tuple[Run, Result]:
    of = of or data()
    run = Run.create(root, config, of)
    return run, training.train(config, of, run)


def losses(run: Run) -> list[tuple[int, str, float]]:
    """Every loss of a run, to the last bit."""
    return [
        (line["step"], key, line[key])
        for line in run.lines()
        for key in ("loss", "held_out", "rate")
        if key in line
    ]


# ---- learning --------------------------------------------------------------------------------


@trains
@pytest.mark.parametrize("method", ["lora", "full"])
def test_it_learns_says_by_how_much_and_leaves_a_whole_folder(
    either: Path, tmp_path: Path, method: str
) -> None:
    config = small(either, method=method, rate=0.01 if method == "lora" else 0.003)
    run, result = go(tmp_path, config)
    assert run.name == "0001-captions"
    assert result.after < 0.5 * result.before
    assert result.stopped in ("finished", "early")
    card = json.loads(run.card.read_text())
    assert card["data"]["sha256"] == data().sha256
    assert card["settings"]["rate"] == config.rate
    assert card["result"]["after"] == result.after
    for name, told in card["files"].items():
        assert (run.folder / name).stat().st_size == told["size"]
    assert set(card["files"]) == {"model.gguf"} | ({"adapter.gguf"} if method == "lora" else set())
    steps = [line["step"] for line in run.lines() if "loss" in line]
    assert steps == list(range(1, result.steps + 1))
    assert (run.folder / "curve.svg").read_text().startswith("<svg")
    assert (run.folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert not list(run.folder.glob("*snapshot*"))
    assert not list(run.folder.glob(".*.part"))


@trains
def test_what_is_kept_is_what_did_best_and_the_rest_stops_early(
    llama: Path, tmp_path: Path
) -> None:
    run, result = go(tmp_path, small(llama, epochs=60, patience=2, rate=0.03, check_every=5))
    checks = [(line["held_out"], line["step"]) for line in run.lines() if "held_out" in line]
    assert result.stopped == "early"
    assert result.best_step == min(checks)[1]
    assert result.steps > result.best_step
    assert json.loads((run.folder / "best.json").read_text())["step"] == result.best_step


@trains
def test_a_budget_ends_the_run_in_time_and_plans_its_steps(llama: Path, tmp_path: Path) -> None:
    run, result = go(tmp_path, small(llama, budget=8.0, epochs=5000, patience=1000))
    planned = [line["planned"] for line in run.lines() if "planned" in line]
    assert 1 <= len(planned) <= 2  # after four steps, and before the rate falls
    assert 4 < result.steps <= planned[-1] < 20_000
    assert result.stopped == "budget"
    steps = [line["seconds"] for line in run.lines() if "loss" in line]
    assert steps[-2] < 8.0  # none begins after its time
    assert result.after < result.before


@trains
def test_a_finished_run_is_not_done_again_and_other_settings_are_another_run(
    llama: Path, tmp_path: Path
) -> None:
    first, result = go(tmp_path, small(llama, epochs=1))
    stamp = first.metrics.stat().st_mtime_ns
    again, same = go(tmp_path, small(llama, epochs=1))
    assert (again.folder, same) == (first.folder, result)
    assert first.metrics.stat().st_mtime_ns == stamp
    assert go(tmp_path, small(llama, epochs=1, seed=1))[0].name == "0002-captions"
    assert go(tmp_path, small(llama, epochs=1), data(50))[0].name == "0003-captions"


@trains
def test_a_dry_run_says_what_would_happen_and_writes_nothing(llama: Path, tmp_path: Path) -> None:
    config, of = small(llama, epochs=1), data()
    told = dict(training.outlook(config, of, tmp_path))
    assert told["captions"].startswith(f"{len(of.train)} to train on, {len(of.held)} held out")
    assert told["trains"] == "an adapter of rank 4, starting from nothing"
    assert told["run"] == "0001-captions, new"
    assert not list(tmp_path.iterdir())
    run = Run.create(tmp_path, config, of)
    assert dict(training.outlook(config, of, tmp_path))["run"] == "0001-captions, goes on"
    training.train(config, of, run)
    assert dict(training.outlook(config, of, tmp_path))["run"] == "0001-captions, finished already"


@trains
def test_time_that_is_up_between_two_checks_does_not_lose_what_was_learned(
    llama: Path, tmp_path: Path
) -> None:
    config = small(llama, budget=6.0, epochs=5000, check_every=100_000, patience=1000)

    def slow(stage: str, done: int, total: int, note: str = "") -> None:
        if done > 20:  # after the plan was made, the machine has other things to do
            time.sleep(0.5)

    run = Run.create(tmp_path, config, data())
    result = training.train(config, data(), run, slow)
    assert result.stopped == "budget"
    assert result.best_step == result.steps < 100
    assert result.after < result.before


# ---- stopping and going on -------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
from feedsmith.captions import train as t
import test_caption_training as me
config = me.small(Path(sys.argv[2]), epochs=12, patience=99, check_every=7)
me.go(Path(sys.argv[1]), config)
"""


@trains
def test_killed_in_the_middle_it_goes_on_to_the_same_losses_bit_by_bit(
    gpt2: Path, tmp_path: Path
) -> None:
    config = small(gpt2, epochs=12, patience=99, check_every=7)
    whole, result = go(tmp_path / "whole", config)
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])
    metrics = tmp_path / "killed" / "runs" / "0001-captions" / "metrics.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "killed"), str(gpt2)],
        env={**os.environ, "PYTHONPATH": paths},
    )
    until = time.monotonic() + 600
    while time.monotonic() < until and process.poll() is None:
        # Between two snapshots (every 5 steps), so that steps must be done again.
        if metrics.exists() and metrics.read_text().count('"loss"') >= 18:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    killed = Run.create(tmp_path / "killed", config, data())
    done = max(line["step"] for line in killed.lines())
    assert 18 <= done < result.steps
    told: list[str] = []
    again = training.train(config, data(), killed, lambda s, d, n, note="": told.append(note))
    assert any(note.startswith("goes on at step") for note in told)
    assert losses(killed) == losses(whole)
    assert again.after == result.after
    name = "adapter.gguf"
    assert (killed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


@trains
def test_two_trainings_in_one_folder_are_kept_apart(llama: Path, tmp_path: Path) -> None:
    config = small(llama, epochs=1)
    run = Run.create(tmp_path, config, data())
    with run.alone(), pytest.raises(FeedsmithError, match="running already"):
        training.train(config, data(), run)


@trains
@pytest.mark.parametrize(("method", "rate"), [("lora", 1e30), ("full", 1e30)])
def test_a_rate_that_overflows_stops_the_run_and_keeps_the_last_good_weights(
    llama: Path, tmp_path: Path, method: str, rate: float
) -> None:
    _, good = go(tmp_path / "good", small(llama, method=method, rate=0.003, epochs=2))
    assert good.after < good.before
    run, result = go(tmp_path, small(llama, method=method, rate=rate, check_every=1, patience=99))
    assert result.stopped == "diverged"
    assert {"diverged", "held_out"} & set(run.lines()[-1])
    assert "try a rate below" in result.advice
    assert result.after <= result.before
    kept = run.kept("best")
    if result.best_step:
        assert kept is not None
        assert all(float(tensor.abs().max()) < 6e4 for tensor in kept[0].values())
    else:
        assert (result.adapter, result.model, result.after) == ("", "", result.before)


@trains
def test_it_runs_away_only_after_learning_and_the_best_snapshot_is_exported(
    llama: Path, tmp_path: Path
) -> None:
    config = small(llama, method="full", rate=0.3, check_every=1, epochs=30, patience=99)
    run, result = go(tmp_path, config)
    assert result.stopped == "diverged"
    assert 0 < result.best_step < result.steps
    assert result.after < result.before
    assert (run.folder / result.model).is_file()


@trains
def test_a_damaged_snapshot_is_not_taken_up(llama: Path, tmp_path: Path) -> None:
    config = small(llama, epochs=1)
    run = Run.create(tmp_path, config, data())
    (run.folder / "snapshot.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0garbage")
    (run.folder / "metrics.jsonl").write_text('{"step": 3, "loss": 1.0}\n{"step": 4, "lo')
    result = training.train(config, data(), run)
    assert [line["step"] for line in run.lines() if "loss" in line] == list(
        range(1, result.steps + 1)
    )


# ---- batches ---------------------------------------------------------------------------------


@trains
def test_packing_and_padding_do_not_change_the_loss(either: Path) -> None:
    import torch

    config = small(either)
    loaded = base.load(config)
    net = loop._network(loaded, config, torch)
    net.model.eval()
    some = [encoded(row, loaded.encode, 256) for row in data().train[:6]]
    long = Encoded(some[0].prompt * 3, some[0].target * 2)
    alone = [loop._loss(net, [one], torch) for one in [*some, long]]
    padded, packed = tensors(some, torch), tensors([*some, long], torch)
    assert padded.mask is None
    assert packed.mask is not None
    assert packed.ids.shape[0] < 7
    for batch, singles in ((some, alone[:6]), ([*some, long], alone)):
        together, count = loop._loss(net, batch, torch)
        assert count == sum(n for _, n in singles)
        assert together.item() == pytest.approx(sum(t.item() for t, _ in singles), rel=1e-5)


# ---- the runtime -----------------------------------------------------------------------------


def likelihood(model: Any, ids: list[int], start: int) -> np.ndarray:
    """Log-likelihood of every token from `start` on, by torch."""
    import torch

    with torch.no_grad():
        likely = model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return likely[:-1].gather(1, torch.tensor(ids)[1:, None])[start - 1 :, 0].numpy()


@trains
def test_a_trained_adapter_speaks_in_the_runtime_as_in_training(
    either: Path, tmp_path: Path
) -> None:
    import torch

    config = small(either)
    run, result = go(tmp_path, config)
    loaded = base.load(config)
    net = loop._network(loaded, config, torch)
    plain_base = net.model.get_base_model()
    assert loop._take_best(run, net.weights, torch)
    net.model.eval()
    prompt, text = example(rows()[7])
    before, target = loaded.encode(prompt), loaded.encode(text)
    wanted = likelihood(net.model, before + target, len(before))
    with net.model.disable_adapter():
        plain = likelihood(net.model, before + target, len(before))
    table = plain_base.get_output_embeddings().weight.detach().float().numpy()

    def spoken(adapter: Path | None) -> np.ndarray:
        with CaptionModel(run.folder / result.model, adapter) as model:
            with model._connection() as ask:
                told = ask(
                    "/tokenize",
                    {"content": prompt + text, "add_special": False, "parse_special": True},
                )
                states = _hidden(ask, before + target)
            assert told["tokens"] == before + target
            logits = states[len(before) - 1 : -1] @ table.T
            top = logits.max(axis=1, keepdims=True)
            logits -= top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
            assert model.sample([prompt], 1, 1, max_tokens=12)
            return logits[np.arange(len(target)), target]

    assert wanted.mean() > plain.mean() + 0.5
    # Eight-bit weights and a half-precision adapter: a twentieth of a nat.
    np.testing.assert_allclose(spoken(run.folder / result.adapter), wanted, atol=0.25)
    assert abs(spoken(run.folder / result.adapter).mean() - wanted.mean()) < 0.05
    np.testing.assert_allclose(spoken(None), plain, atol=0.25)


@trains
def test_a_whole_model_speaks_in_the_runtime_as_in_training(either: Path, tmp_path: Path) -> None:
    config = small(either, method="full", rate=0.003)
    run, result = go(tmp_path, config)
    loaded = base.load(config)
    stored = run.kept("best")
    assert stored is not None
    loaded.model.load_state_dict(stored[0], strict=False)
    loaded.model.eval()
    prompt, text = example(rows()[7])
    before, target = loaded.encode(prompt), loaded.encode(text)
    wanted = likelihood(loaded.model, before + target, len(before))
    if loaded.kind in likelihood_module._PLAIN:
        with CaptionModel(run.folder / result.model) as model:
            score = model.score([(prompt, text.removesuffix(END))])[0]
        assert score == pytest.approx(wanted.mean(), abs=0.05)
    assert wanted.mean() > -3


@trains
def test_a_gguf_written_here_is_read_back_as_it_was(llama: Path, tmp_path: Path) -> None:
    import torch

    loaded = base.load(small(llama))
    export.model(loaded, tmp_path / "base.gguf", "F32")
    again = base.load_base(tmp_path / "base.gguf")
    for name, value in loaded.model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    text = "fog and pine, 12. Über 🌲" + END
    assert base.tokeniser(tmp_path / "base.gguf")(text) == loaded.encode(text)


@trains
def test_training_goes_on_from_an_adapter_file(llama: Path, tmp_path: Path) -> None:
    import torch

    run, result = go(tmp_path, small(llama))
    config = small(llama)
    loaded = base.load(config)
    net = loop._network(loaded, config, torch)
    known = export.read_adapter(run.folder / result.adapter, "llama", loaded.shape[1:])
    stored = run.kept("best")
    assert stored is not None
    assert len(known) == len(net.weights)
    for name in net.weights:
        matrix = known[export.spot(name, "llama")]
        np.testing.assert_allclose(matrix, stored[0][name].numpy(), atol=2e-3)


@trains
def test_an_adapter_starts_where_the_held_out_captions_are_likelier(
    llama: Path, tmp_path: Path
) -> None:
    import torch

    run, result = go(tmp_path, small(llama))
    other = small(llama, seed=9)
    loaded = base.load(other)
    net = loop._network(loaded, other, torch)
    fresh = {name: weight.detach().clone() for name, weight in net.weights.items()}

    def better(rows: list[Encoded]) -> str:
        return loop._better_start(net, loaded, run.folder / result.adapter, rows, torch)

    # Captions the adapter knows nothing of: it made them less likely, and is not begun with.
    strange = [
        encoded(row, loaded.encode, 256)
        for row in training.from_rows(
            [
                {**row, "caption": f"ЖЩЯ ЦЮЫ ЖЩ{chr(0x430 + i % 30)}" * 3}
                for i, row in enumerate(rows())
            ],
            "x",
            Config(),
        ).held
    ]
    assert better(strange) == "base"
    assert all(torch.equal(net.weights[name], fresh[name]) for name in fresh)
    known = [encoded(row, loaded.encode, 256) for row in data().held]
    assert better(known) == "starter"
    assert not all(torch.equal(net.weights[name], fresh[name]) for name in fresh)


@trains
def test_it_becomes_the_brand_s_model_whole_or_not_at_all(gpt2: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create(Brand(name="Fog"))
    assert training.trained(home) is None
    _, result = go(tmp_path, small(gpt2))
    mine = training.install(result, home)
    assert mine is not None
    assert mine.adapter is not None
    assert mine.name.startswith("0001-captions ")
    _, other = go(tmp_path, small(gpt2, seed=3))
    newer = training.install(other, home)
    assert newer is not None
    assert newer == training.trained(home)
    assert sorted(file.name for file in (home.models / "captions").iterdir()) == [
        "0002-adapter.gguf", "0002-model.gguf", "card.json",
    ]  # fmt: skip
    assert newer.adapter is not None
    newer.adapter.write_bytes(newer.adapter.read_bytes()[:-1] + b"x")
    with pytest.raises(FeedsmithError, match="not whole"):
        training.trained(home)


@trains
def test_one_text_file_and_a_gpt_2_folder_are_enough_to_train_install_and_write(
    gpt2: Path, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    home.create(Brand(name="Fog", niche="tea"))
    corpus = tmp_path / "captions.txt"
    corpus.write_text(
        "".join(f"<|startoftext|>{row['caption']} #tea<|endoftext|>\n" for row in rows(80))
    )
    config = small(gpt2, method="full", rate=0.003, epochs=8)
    of = training.from_text(corpus, home.load(), config)
    assert len(of.train) + len(of.held) == 80
    _, result = go(home.root, config, of)
    assert result.after < 0.3 * result.before
    mine = training.install(result, home)
    assert mine is not None
    prompt = example(of.held[0].model_dump())[0]
    with CaptionModel(mine.base, mine.adapter) as model:
        (texts,) = model.sample([prompt], 4, seed=1, max_tokens=40)
    assert texts
    # Random weights before; now every text is made of the corpus' words.
    assert sum(any(word in text for word in WORDS) for text in texts) >= 0.75 * len(texts)


@trains
def test_a_model_that_the_runtime_has_no_file_for_is_trained_and_says_where_it_is(
    llama: Path, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    place = tmp_path / "qwen"
    Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=384, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        )
    ).save_pretrained(place)  # fmt: skip
    AutoTokenizer.from_pretrained(llama).save_pretrained(place)
    home = Home(tmp_path)
    run, result = go(tmp_path, small(place, epochs=2))
    assert result.after < result.before
    assert (result.adapter, result.model) == ("", "")
    assert str(run.folder / "model") in result.advice
    assert (run.folder / "model" / "adapter_model.safetensors").is_file()
    assert training.install(result, home) is None


# ---- trouble ---------------------------------------------------------------------------------


@trains
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda at: (at / "tokenizer.json").unlink(), "no tokeniser"),
        (lambda at: (at / "config.json").unlink(), "no config.json"),
        (
            lambda at: (at / "model.safetensors").rename(at / "pytorch_model.bin"),
            "pickled weights are not read",
        ),
        (lambda at: (at / "model.safetensors").write_bytes(b"short"), "cannot be loaded"),
        (lambda at: (at / "config.json").write_text('{"model_type": "none"}'), "cannot be loaded"),
        (
            lambda at: [(at / "config.json").unlink(), (at / "hparams.json").touch()],
            "TensorFlow checkpoint",
        ),
    ],
)
def test_a_base_folder_with_something_missing_is_refused_in_words(
    tmp_path: Path, spoil: Any, words: str
) -> None:
    place = folder(tmp_path, "gpt2")
    spoil(place)
    config = resolve(Config(base=str(place), device="cpu"))
    with pytest.raises(FeedsmithError, match=words) as caught:
        base.load(config)
    assert caught.value.mend


def test_a_folder_or_file_that_is_no_base_is_named(tmp_path: Path) -> None:
    for name in (str(tmp_path / "gone"), "./gone", "a/b/c"):
        with pytest.raises(FeedsmithError, match="no such model folder"):
            base.locate(name)
    (tmp_path / "model.bin").touch()
    with pytest.raises(FeedsmithError, match="a base is a folder or a GGUF file"):
        base.locate(str(tmp_path / "model.bin"))


@trains
def test_an_adapter_of_another_rank_cannot_go_on_from_the_shipped_one() -> None:
    with pytest.raises(FeedsmithError, match="rank 8"):
        resolve(Config(start="starter", rank=4))
    assert resolve(Config(rank=4)).start == "base"
    assert resolve(Config()).start == "auto"
    assert resolve(Config(start="starter")).rate == 4e-4


@pytest.mark.skipif(there, reason="the train extra is installed")
def test_without_the_extra_it_says_what_to_install() -> None:
    with pytest.raises(FeedsmithError) as caught:
        resolve(Config())
    assert "feedsmith[train]" in caught.value.mend
