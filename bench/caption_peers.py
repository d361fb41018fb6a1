"""Training captions beside what people used for it: gpt-2-simple and aitextgen.

    python bench/caption_peers.py [--data FILE.jsonl] [--seconds 120] [--rows 1500]
                                  [--gpt-2-simple PYTHON] [--aitextgen PYTHON]

Each peer lives in an environment of its own, named by its Python: `pip install gpt-2-simple` (tested
with TensorFlow 2.21), `pip install aitextgen`. A peer that cannot be imported is reported with its own
words and left out. Needs the train extra here.

All start from the very same weights: a small GPT-2 with random weights and a tokeniser learned from the
captions (no GPT-2 of OpenAI's can be shipped), written for transformers and as a TensorFlow
checkpoint. All train the whole model on the same captions for the same seconds with the same rate on the same
threads. One judge, ours, asks both for the held-out captions: perplexity per caption token, its end
included; theirs after the start mark, ours after its prompt, as each was trained. Turns change.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from feedsmith.captions import train as training
from feedsmith.captions.prompt import END, example
from feedsmith.captions.train import Config, Data, Run, loop, resolve
from feedsmith.captions.train import base as bases
from feedsmith.captions.train.batches import Encoded
from feedsmith.training.machine import memory_mb

SHAPE = {"n_embd": 512, "n_layer": 8, "n_head": 8, "n_ctx": 1024}
VOCABULARY = 8192
START, STOP = "<|startoftext|>", "<|endoftext|>"
RATE = 5e-4

THEIRS = '''
"""gpt-2-simple's own finetune on one text file, until the time is up."""
import json, os, re, signal, sys, time
import numpy as np
place, seconds, rate, threads = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
os.chdir(place)
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(threads)
import gpt_2_simple as gpt2
from gpt_2_simple.src import model as network
tf1 = tf.compat.v1
tf1.disable_eager_execution()
told = json.load(open("models/same/hparams.json"))
shape = network.default_hparams()
shape.override_from_dict(told)
given = dict(np.load("weights.npz"))
with tf1.Session(graph=tf1.Graph()) as session:
    network.model(hparams=shape, X=tf1.placeholder(tf.int32, [1, None]))
    names = tf1.trainable_variables()
    for one in names:
        session.run(one.assign(given[one.op.name].reshape(one.shape)))
    tf1.train.Saver(names).save(session, "models/same/model.ckpt")
session = gpt2.start_tf_sess(threads=threads)

class Lines:
    """Counts the steps that finetune prints, and when the first one was done."""
    def __init__(self): self.steps, self.first, self.last = 0, 0.0, 0.0
    def write(self, text):
        sys.__stderr__.write(text)
        for _ in re.findall(r"\\[\\d+ \\| [\\d.]+\\] loss", text):
            self.steps += 1
            self.last = time.monotonic()
            self.first = self.first or self.last
    def flush(self): pass

lines = sys.stdout = Lines()
def up(*_): raise KeyboardInterrupt
signal.signal(signal.SIGALRM, up)
signal.setitimer(signal.ITIMER_REAL, seconds)
try:
    gpt2.finetune(session, "captions.txt", model_name="same", steps=100000, learning_rate=rate,
                  accumulate_gradients=1, sample_every=1000000, save_every=1000000, print_every=1)
except KeyboardInterrupt:
    pass
signal.setitimer(signal.ITIMER_REAL, 0)
reader = tf.train.load_checkpoint(tf.train.latest_checkpoint("checkpoint/run1"))
np.savez("trained.npz", **{n: reader.get_tensor(n) for n in given})
import resource
sys.__stdout__.write(json.dumps({
    "steps": lines.steps,
    "tokens_per_second": (lines.steps - 1) * 1024 / max(1e-9, lines.last - lines.first),
    "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
}) + "\\n")
'''


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=training.STARTER)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--gpt-2-simple", type=Path)
    parser.add_argument("--aitextgen", type=Path)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(ours(given, given.child)))
        return
    for name, module in (("gpt_2_simple", given.gpt_2_simple), ("aitextgen", given.aitextgen)):
        if module is not None:
            print(f"{name}: {imports(module, name)}", flush=True)
    if given.gpt_2_simple is None:
        return
    found: dict[str, list[dict[str, float]]] = {"ours": [], "gpt-2-simple": []}
    with tempfile.TemporaryDirectory() as place:
        data = prepare(Path(place), given)
        for turn in range(given.rounds):
            for who in list(found)[:: -1 if turn % 2 else 1]:
                one = (
                    child(place)
                    if who == "ours"
                    else theirs(given.gpt_2_simple, Path(place), data, given)
                )
                found[who].append(one)
                print(who, {k: round(v, 2) for k, v in one.items()}, flush=True)
    for key in ("tokens_per_second", "after", "memory_mb"):
        mine, other = ([one[key] for one in found[who]] for who in ("ours", "gpt-2-simple"))
        ratios = [a / b for a, b in zip(mine, other, strict=True)]
        print(
            f"{key}: ours {statistics.median(mine):.1f}, gpt-2-simple {statistics.median(other):.1f}, "
            f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


def imports(python: Path, name: str) -> str:
    done = subprocess.run(
        [str(python), "-c", f"import {name}"], capture_output=True, text=True, check=False
    )
    return "imports" if not done.returncode else done.stderr.strip().splitlines()[-1]


def settings(given: argparse.Namespace) -> tuple[Config, Data]:
    config = Config(
        base="folder", method="full", rate=RATE, threads=given.threads, device="cpu",
        budget=given.seconds, epochs=500, patience=500, batch_tokens=1024,
    )  # fmt: skip
    rows = training.read_rows(given.data)[: given.rows]
    return config, training.from_rows(rows, given.data.name, config)


def prepare(place: Path, given: argparse.Namespace) -> Data:
    """The one random GPT-2, for transformers and for TensorFlow, and the captions as text."""
    import numpy as np
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    _, data = settings(given)
    split = Tokenizer(models.BPE())
    split.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    split.decoder = decoders.ByteLevel()
    texts = ["".join(example(row.model_dump())).removesuffix(END) for row in data.train]
    split.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=[STOP], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )  # fmt: skip
    torch.manual_seed(0)
    size = split.get_vocab_size()
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=size, n_positions=SHAPE["n_ctx"], n_embd=SHAPE["n_embd"],
            n_layer=SHAPE["n_layer"], n_head=SHAPE["n_head"], bos_token_id=0, eos_token_id=0,
        )
    )  # fmt: skip
    model.save_pretrained(place / "folder")
    PreTrainedTokenizerFast(tokenizer_object=split, eos_token=STOP, bos_token=STOP).save_pretrained(
        place / "folder"
    )
    home = place / "models" / "same"
    home.mkdir(parents=True)
    told = json.loads(split.to_str())["model"]
    (home / "encoder.json").write_text(json.dumps(told["vocab"]), "utf-8")
    merges = [m if isinstance(m, str) else " ".join(m) for m in told["merges"]]
    (home / "vocab.bpe").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", "utf-8")
    (home / "hparams.json").write_text(json.dumps({"n_vocab": size, **SHAPE}))
    np.savez(place / "weights.npz", **as_tensorflow(model))
    (place / "captions.txt").write_text(
        "".join(f"{START}{row.caption}{STOP}\n" for row in data.train), "utf-8"
    )
    return data


def as_tensorflow(model: Any) -> dict[str, Any]:
    """transformers' GPT-2 by the names of OpenAI's checkpoints."""
    return {theirs: model.state_dict()[ours].numpy() for ours, theirs in names(SHAPE["n_layer"])}


def names(layers: int) -> list[tuple[str, str]]:
    pairs = [("wte.weight", "wte"), ("wpe.weight", "wpe")]
    pairs += [("ln_f.weight", "ln_f/g"), ("ln_f.bias", "ln_f/b")]
    for i in range(layers):
        for part in ("ln_1", "ln_2"):
            pairs += [(f"h.{i}.{part}.weight", f"h{i}/{part}/g")]
            pairs += [(f"h.{i}.{part}.bias", f"h{i}/{part}/b")]
        for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"):
            place = f"h{i}/{part.replace('.', '/')}"
            pairs += [(f"h.{i}.{part}.weight", f"{place}/w"), (f"h.{i}.{part}.bias", f"{place}/b")]
    return [(f"transformer.{ours}", f"model/{theirs}") for ours, theirs in pairs]


def child(place: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, *sys.argv[1:], "--child", place],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def ours(given: argparse.Namespace, place: Path) -> dict[str, float]:
    config, data = settings(given)
    config = resolve(config.model_copy(update={"base": str(place / "folder")}))
    with tempfile.TemporaryDirectory() as home:
        run = Run.create(Path(home), config, data)
        result = training.train(config, data, run)
    return {
        "steps": result.steps,
        "tokens_per_second": result.tokens_per_second,
        "before": result.before,
        "after": result.after,
        "memory_mb": float(memory_mb()),
        "seconds": result.seconds,
    }


def theirs(python: Path, place: Path, data: Data, given: argparse.Namespace) -> dict[str, float]:
    import shutil

    import numpy as np
    import torch

    shutil.rmtree(place / "checkpoint", ignore_errors=True)
    began = time.monotonic()
    done = subprocess.run(
        [
            str(python), "-c", THEIRS, str(place), str(given.seconds), str(RATE), str(given.threads),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    told = dict(json.loads(done.stdout.strip().splitlines()[-1]))
    told["seconds"] = time.monotonic() - began
    loaded = bases.load(resolve(Config(base=str(place / "folder"), method="full", device="cpu")))
    trained = dict(np.load(place / "trained.npz"))
    state = loaded.model.state_dict()
    with torch.no_grad():
        for mine, other in names(SHAPE["n_layer"]):
            state[mine].copy_(torch.from_numpy(trained[other]).reshape(state[mine].shape))
    start = loaded.encode(START)
    rows = [Encoded(start, loaded.encode(row.caption + END)[:256]) for row in data.held]
    inner = loaded.model
    net = loop._Network(inner, inner.transformer, inner.get_output_embeddings(), {}, "cpu", False)
    return {**told, "after": math.exp(loop._held_out(net, rows, torch))}


if __name__ == "__main__":
    main()
