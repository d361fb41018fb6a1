"""Captions from the language model: how many a minute, how many keep the rules, what was lost.

    python bench/caption_generation.py [--only writer rules speed perplexity brands] [--rounds 3]
                                       [--threads 2] [--adapter FILE] [--json FILE]

- writer: finished captions a minute through Writer.write, all of them past every gate, and the
  process' peak memory; with the shipped adapter (asked for short kinds) and with one that counts as
  the brand's own (asked for every kind).
- rules: 284 first draws for held-out briefs, offers included: the share that keeps every rule of
  form and facts (captions.grammar.RULES), with the constraints and as before them; beside it the
  share that also passes the gates of sense (captions.rank), which is what ranking is for.
- speed: sampled captions a minute against transformers' `generate` (the `train` extra), the same
  weights and prompts, turns changing, each in a process of its own: base dequantised to float32 and
  to bfloat16, the adapter merged (their best) and beside it through peft, batches of 1, 8 and 32.
  Rates are told per second and per second of processor time: on a shared machine the second
  is the steadier one, for both.
- perplexity: of the same held-out rows in torch (float32, bfloat16) and in the light runtime, as
  it judges (captions.decoder) and as it samples (llama.cpp).
- brands: memory of each further adapter on one loaded base.
"""

import argparse
import importlib.util
import json
import math
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feedsmith import models
from feedsmith.brand import Brand
from feedsmith.captions import rank
from feedsmith.captions.brief import CaptionBrief
from feedsmith.captions.grammar import RULES, Form, broken, finished
from feedsmith.captions.habits import habits
from feedsmith.captions.model import CaptionModel
from feedsmith.captions.prompt import END, example, held_out
from feedsmith.captions.train import STARTER, read_rows
from feedsmith.captions.writer import Writer, _as_the_brand, _request, _scene_of
from feedsmith.post import Kind, PastPost

WRITTEN = 60
"""Captions for the writer's rate."""
BANNED = ("amazing", "cheap", "sale", "really", "little", "best", "perfect", "love", "link in bio")
"""Words that captions like to use, banned for the rules."""
TOKENS = 60
"""Most tokens of a text in `speed`; a held-out caption of the short kinds has 35."""
TEXTS = 8
"""Texts for each prompt in `speed`."""


def main() -> None:
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {"writer": writer, "rules": rules, "speed": speed, "perplexity": perplexity}
    parts["brands"] = brands
    ask.add_argument("--only", nargs="+", choices=list(parts), default=list(parts))
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--threads", type=int, default=2, help="of both, in speed")
    ask.add_argument("--rows", type=int, default=1000, help="held-out rows at most")
    ask.add_argument("--adapter", type=Path)
    ask.add_argument("--json", type=Path)
    ask.add_argument("--child", help=argparse.SUPPRESS)
    given = ask.parse_args()
    if given.child:
        what, *more = given.child.split()
        print(json.dumps(CHILDREN[what](given, *more)))
        return
    found = {}
    for name in given.only:
        found[name] = parts[name](given)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


def files(given: argparse.Namespace) -> tuple[Path, Path]:
    return models.find("captions-base"), given.adapter or models.find("starter-lora")


def child(given: argparse.Namespace, what: str) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--child", what, "--threads", str(given.threads)]
    command += ["--rows", str(given.rows)]
    command += ["--adapter", str(given.adapter)] if given.adapter else []
    env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"} if "theirs" in what else {**os.environ}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"{what}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def peak() -> float:
    """Resident memory at its most so far, MB (10^6 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def spread(values: Sequence[float], form: str = ".0f") -> str:
    middle = statistics.median(values)
    return f"{middle:{form}} ({min(values):{form}} to {max(values):{form}})"


# --- briefs ---------------------------------------------------------------------------------------


def held(count: int = 1000) -> list[dict[str, Any]]:
    return [row for row in read_rows(STARTER) if held_out(row["caption"])][:count]


def brief_of(row: dict[str, Any], history: tuple[PastPost, ...]) -> CaptionBrief:
    kind: Kind = row["kind"]
    if row["kind"] == "product":  # the writer tells products from its stock alone
        kind = "promo" if row["offer"] else "photo"
    brand = Brand(name="Kiln Street", niche=row["niche"], voice=row["voice"], banned_words=BANNED)
    return CaptionBrief(
        kind=kind,
        brand=brand,
        shows=tuple(row["keywords"]),
        offer=" ".join((row["offer"] or "").split()),
        history=history,
    )


def pasts() -> dict[str, tuple[PastPost, ...]]:
    """By niche, the captions that trained."""
    found: dict[str, list[PastPost]] = {}
    for i, row in enumerate(read_rows(STARTER)):
        if not held_out(row["caption"]):
            found.setdefault(row["niche"], []).append(PastPost(id=str(i), text=row["caption"]))
    return {niche: tuple(posts) for niche, posts in found.items()}


# --- writer ---------------------------------------------------------------------------------------


def writer(given: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("shipped", "own"):
        runs = [child(given, f"write {name}") for _ in range(given.rounds)]
        found[name] = runs
        routes = Counter(runs[-1]["routes"])
        print(
            f"writer, {name} adapter: {spread([r['per_minute'] for r in runs])} captions a minute, "
            f"{spread([r['cpu'] for r in runs], '.2f')} CPU-s each, peak "
            f"{max(r['peak'] for r in runs):.0f} MB; {runs[-1]['captions']} captions, "
            f"{runs[-1]['sound']} of them keep all rules, routes {dict(routes)}; load "
            f"{os.getloadavg()[0]:.1f}"
        )
    return found


def write(given: argparse.Namespace, which: str) -> dict[str, Any]:
    """One brand, many briefs, one call; the first three captions warm it up."""
    past = pasts()
    niche = "landscapes, mountains, coast, weather, seasons"
    kinds = ("photo", "story", "quote", "carousel", "promo", "reel")
    rows = [row for row in read_rows(STARTER) if row["kind"] in kinds]
    rows = [row for row in rows if held_out(row["caption"]) or row["niche"] == niche]
    brand = Brand(name="High Line Prints", niche=niche, voice="dry", banned_words=BANNED)
    briefs = [brief_of(row, past[niche]).model_copy(update={"brand": brand}) for row in rows]
    base, adapter = files(given)
    with CaptionModel(base, adapter, own=which == "own") as model:
        Writer(model).write(briefs[-3:], 1)
        made = Writer(model)
        start, spent = time.perf_counter(), time.process_time()
        captions = made.write(briefs[:WRITTEN], 1)
        took, used = time.perf_counter() - start, time.process_time() - spent
        told = peak()
    sound = 0
    for brief, caption in zip(briefs, captions, strict=False):
        most = int(max(rank.LONGEST[brief.kind], habits(brand, brief.history).long))
        form = Form(words=most, sentences=9, facts=brief.pieces, banned=BANNED)
        kept = set(broken(caption.text, form)) - {"number, price or date"}
        sound += not kept
    return {
        "captions": len(captions),
        "sound": sound,
        "per_minute": 60 * len(captions) / took,
        "cpu": used / len(captions),
        "peak": told,
        "routes": dict(made.routes),
    }


# --- rules ----------------------------------------------------------------------------------------


def rules(given: argparse.Namespace) -> dict[str, Any]:
    """First draws as they come: one text for a prompt, nothing drawn again."""
    past = pasts()
    rows = held(given.rows)
    base, adapter = files(given)
    found: dict[str, Any] = {}
    with CaptionModel(base, adapter, own=True) as model:
        write_with = Writer(model)
        for name in ("before", "now"):
            breaks: Counter[str] = Counter()
            gates: Counter[str] = Counter()
            kept = sense = words = 0
            drawn = 0
            start = time.process_time()
            for seed in (1, 2):
                for row in rows:
                    brief = brief_of(row, past.get(row["niche"], ()))
                    manner = habits(brief.brand, brief.history)
                    form = write_with._form(brief, manner)
                    request = _as_the_brand(_request(brief, manner), form)
                    if name == "now":
                        texts = write_with._drawn(request.prompt(), form, seed, n=1)
                        text = texts[0] if texts else ""
                    else:
                        text = before(model, brief, request.prompt(), seed)
                    drawn += 1
                    words += len(text.split())
                    told = [post.text for post in brief.history]
                    # The length of the kind, rather than the shorter one that is asked for.
                    wide = form.model_copy(
                        update={"words": rank.LONGEST[brief.kind], "sentences": 4}
                    )
                    wrong = broken(text, wide, told) if text else ("ending",)
                    breaks.update(wrong)
                    kept += not wrong
                    if text and not wrong:
                        seen = rank.Seen.of(told)
                        reason = rank.refuse(
                            text, brief, _scene_of(brief, brief.shows), manner, seen, trust="small"
                        )
                        gates[reason or "passed"] += 1
                        sense += not reason
            spent = time.process_time() - start
            found[name] = {
                "drawn": drawn, "kept": kept, "sense": sense, "broken": dict(breaks),
                "gates": dict(gates), "words": words / drawn, "cpu": spent / drawn,
            }  # fmt: skip
            print(
                f"rules, {name}: {kept} of {drawn} first draws keep all {len(RULES)} rules "
                f"({100 * kept / drawn:.1f} %); {sense} ({100 * sense / drawn:.1f} %) pass the gates "
                f"of sense as well; {words / drawn:.1f} words, {spent / drawn:.2f} CPU-s each"
            )
            print(f"    broken: {dict(breaks.most_common())}")
            print(f"    gates: {dict(gates.most_common())}")
    return found


def before(model: CaptionModel, brief: CaptionBrief, prompt: str, seed: int) -> str:
    """As it was sampled before: a class of characters, or for offers nothing at all."""
    plain = "root ::= [A-Z] [a-zA-Z ,;:'’.?!-]+"
    request = {
        "prompt": prompt,
        "n": 1,
        "seed": seed,
        "max_tokens": 90 if brief.pieces else 36,
        "temperature": 0.7,
        "top_p": 0.92,
        "top_k": 0,
        "min_p": 0.02,
        "cache_prompt": False,
        **({} if brief.pieces else {"grammar": plain}),
    }
    text = str(model._complete(request)[0]["text"]).split(END)[0].strip().split("\n\n")[0]
    ends = [match.end() for match in re.finditer(r"[.?!]", text)]
    return text[: ends[-1]] if ends else ""


# --- speed ----------------------------------------------------------------------------------------


def speed(given: argparse.Namespace) -> dict[str, Any]:
    names = ["ours plain", "ours bound"]
    if importlib.util.find_spec("transformers") and importlib.util.find_spec("peft"):
        for dtype in ("float32", "bfloat16"):
            names += [f"theirs {dtype} merged {n}" for n in (1, 8, 32)]
            names.append(f"theirs {dtype} beside 8")
    else:
        print("transformers and peft are not installed: no ratios")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for turn in range(given.rounds):
        for name in names if turn % 2 else reversed(names):
            runs[name].append(child(given, name))
    for name in names:
        print(f"speed, {name}, {given.threads} threads:")
        for what, form in (("tokens", ".0f"), ("captions", ".1f"), ("accepted", ".1f")):
            for per in ("s", "cpu"):
                unit = "s" if what == "tokens" else "minute"
                rate = [r[what] / r[per] * (1 if what == "tokens" else 60) for r in runs[name]]
                line = f"    {what} a {unit}{' of processor time' if per == 'cpu' else ''}: "
                line += spread(rate, form)
                for ours in ("ours plain", "ours bound"):
                    if "theirs" in name:
                        mine = [r[what] / r[per] for r in runs[ours]]
                        theirs = [r[what] / r[per] for r in runs[name]]
                        pairs = zip(mine, theirs, strict=True)
                        if all(theirs):
                            line += f"; {ours} {spread([a / b for a, b in pairs], '.2f')} times"
                print(line)
        print(f"    peak {max(r['peak'] for r in runs[name]):.0f} MB")
    return runs


def prompts(given: argparse.Namespace) -> list[tuple[CaptionBrief, str, Form]]:
    """Briefs without offers, so that the plain sampling of both sides may pass the rules."""
    rows = [row for row in held(given.rows) if not row["offer"] and row["kind"] != "product"]
    made = []
    shaper = Writer(None)
    for row in rows[:6]:
        brief = brief_of(row, ())
        manner = habits(brief.brand, ())
        form = shaper._form(brief, manner)
        made.append((brief, _as_the_brand(_request(brief, manner), form).prompt(), form))
    return made


def accepted(text: str, brief: CaptionBrief, form: Form) -> bool:
    """Whether a text, cut after its last whole sentence, may be posted."""
    text = finished(text.split("\n\n")[0], form)
    wide = form.model_copy(update={"words": rank.LONGEST[brief.kind], "sentences": 4})
    manner = habits(brief.brand, ())
    return (
        bool(text)
        and not broken(text, wide)
        and not rank.refuse(
            text, brief, _scene_of(brief, brief.shows), manner, rank.Seen(), trust="small"
        )
    )


def ours(given: argparse.Namespace, how: str) -> dict[str, Any]:
    base, adapter = files(given)
    captions = good = tokens = 0
    with CaptionModel(base, adapter, threads=given.threads, own=True) as model:
        shaper = Writer(model)
        some = prompts(given)
        model.sample([some[0][1]], 4, 9, max_tokens=8)
        start, spent = time.perf_counter(), time.process_time()
        drawn: list[list[str]] = []
        for _, prompt, form in some:
            if how == "bound":
                drawn.append(shaper._drawn(prompt, form, 1, n=TEXTS))
            else:
                drawn += model.sample([prompt], TEXTS, 1, max_tokens=TOKENS, temperature=0.7)
        took, used = time.perf_counter() - start, time.process_time() - spent
        for (brief, _, form), texts in zip(some, drawn, strict=True):
            captions += len(texts)
            tokens += sum(n + 1 for n in model.count(texts))
            good += len({text for text in texts if accepted(text, brief, form)})
    return {
        "s": took, "cpu": used, "captions": captions, "tokens": tokens, "accepted": good,
        "peak": peak(),
    }  # fmt: skip


def theirs(given: argparse.Namespace, dtype: str, how: str, batch: str) -> dict[str, Any]:
    import torch

    from feedsmith.captions.train import tokeniser

    torch.set_num_threads(given.threads)
    base, adapter = files(given)
    encode = tokeniser(base)
    (end,) = encode(END)
    net = network(base, adapter, merged=how == "merged", dtype=dtype)
    spell = pieces(base)
    size = int(batch)
    some = prompts(given)
    captions = good = tokens = 0
    settings = {
        "do_sample": True, "temperature": 0.7, "top_p": 0.92, "top_k": 0, "min_p": 0.02,
        "max_new_tokens": TOKENS, "eos_token_id": end, "pad_token_id": end,
    }  # fmt: skip
    warm = torch.tensor([encode(some[0][1])])
    net.generate(input_ids=warm, attention_mask=torch.ones_like(warm), **settings)
    drawn: list[list[str]] = []
    torch.manual_seed(1)
    start, spent = time.perf_counter(), time.process_time()
    for _, prompt, _ in some:
        ids = torch.tensor([encode(prompt)])
        mine: list[str] = []
        while len(mine) < TEXTS:
            made = net.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                num_return_sequences=size,
                **settings,
            )
            for row in made[:, ids.shape[1] :].tolist():
                text = row[: row.index(end)] if end in row else row
                tokens += len(text) + 1
                mine.append(spell(text))
        captions += len(mine)
        drawn.append(mine)
    took, used = time.perf_counter() - start, time.process_time() - spent
    for (brief, _, form), texts in zip(some, drawn, strict=True):
        good += len({text for text in texts if accepted(text, brief, form)})
    return {
        "s": took, "cpu": used, "captions": captions, "tokens": tokens, "accepted": good,
        "peak": peak(),
    }  # fmt: skip


def network(base: Path, adapter: Path, *, merged: bool, dtype: str) -> Any:
    """The same weights in transformers: the base dequantised, the adapter by peft."""
    import torch
    from peft import LoraConfig, get_peft_model

    from feedsmith.captions.gguf_file import GgufFile
    from feedsmith.captions.train import load_base
    from feedsmith.captions.train.base import LINEAR
    from feedsmith.captions.train.export import read_adapter, spot

    net = load_base(base)
    of = net.config
    weights = read_adapter(adapter, "llama", (of.num_attention_heads, of.num_key_value_heads))
    size = next(len(matrix) for (_, _, side), matrix in weights.items() if side == "a")
    targets = [name.rsplit(".", 1)[-1] for name in LINEAR["llama"]]
    alpha = float(GgufFile(adapter).told["adapter.lora.alpha"])
    net = get_peft_model(net, LoraConfig(r=size, lora_alpha=alpha, target_modules=targets))
    for name, weight in net.named_parameters():
        if "lora_" in name:
            weight.data = torch.from_numpy(weights[spot(name, "llama")]).clone()
    if merged:
        net = net.merge_and_unload()
    net.config.use_cache = True
    return net.to(getattr(torch, dtype)).eval()


def pieces(base: Path) -> Any:
    """Token ids to text, for byte-pair vocabularies."""
    from tokenizers import decoders

    from feedsmith.captions.train.base import gguf_words

    words = gguf_words(base)["tokenizer.ggml.tokens"]
    bytewise = decoders.ByteLevel()
    return lambda ids: bytewise.decode([words[i] for i in ids])


# --- perplexity -----------------------------------------------------------------------------------


def perplexity(given: argparse.Namespace) -> dict[str, Any]:
    names = ["judging", "sampling"]
    if importlib.util.find_spec("peft"):
        names += ["torch float32", "torch bfloat16"]
    found = {}
    for name in names:
        ask = f"light {name}" if name in ("judging", "sampling") else name
        found[name] = child(given, ask)["perplexity"]
    whole = found.get("torch float32")
    for name, value in found.items():
        line = f"perplexity, {name}: {value:.3f}"
        print(line + (f" ({100 * (value / whole - 1):+.2f} % of float32)" if whole else ""))
    return found


def pairs_of(given: argparse.Namespace) -> list[tuple[str, str]]:
    pairs = [example(row) for row in held(given.rows)]
    return [(prompt, target.removesuffix(END)) for prompt, target in pairs]


def light(given: argparse.Namespace, how: str) -> dict[str, Any]:
    base, adapter = files(given)
    pairs = pairs_of(given)
    with CaptionModel(base, adapter) as model:
        if how == "sampling":  # the states as the runtime itself has them
            model._judges = model._judge()[0], None
        counts = [n + 1 for n in model.count([text for _, text in pairs])]
        scores = model.score(pairs)
    mean = sum(s * n for s, n in zip(scores, counts, strict=True)) / sum(counts)
    return {"perplexity": math.exp(-mean), "tokens": sum(counts)}


def exact(given: argparse.Namespace, dtype: str) -> dict[str, Any]:
    import torch

    from feedsmith.captions.train import tokeniser

    base, adapter = files(given)
    encode = tokeniser(base)
    net = network(base, adapter, merged=False, dtype=dtype)
    total, count = 0.0, 0
    with torch.no_grad():
        for prompt, text in pairs_of(given):
            head, own = encode(prompt), encode(text + END)
            likely = net(input_ids=torch.tensor([head + own])).logits[0].float().log_softmax(-1)
            told = likely[len(head) - 1 : -1].gather(1, torch.tensor(own)[:, None])
            total, count = total + told.sum().item(), count + len(own)
    return {"perplexity": math.exp(-total / count), "tokens": count}


# --- brands ---------------------------------------------------------------------------------------


def brands(given: argparse.Namespace) -> dict[str, Any]:
    held_by = {n: child(given, f"memory {n}")["resident"] for n in (0, 1, 4, 8)}
    each = (held_by[8] - held_by[1]) / 7
    size = files(given)[1].stat().st_size / 1e6
    print(
        f"brands: {', '.join(f'{n} adapters {mb:.0f} MB' for n, mb in held_by.items())}; "
        f"{each:.1f} MB for each further one of {size:.1f} MB on disk"
    )
    return {"resident": held_by, "each": each}


def memory(given: argparse.Namespace, count: str) -> dict[str, Any]:
    """Resident memory when every adapter has sampled and judged once."""
    base, adapter = files(given)
    named = {f"brand {i}": adapter for i in range(int(count))}
    with CaptionModel(base, named) as model:
        for name in named or [""]:
            model.sample(["fog"], 1, 1, max_tokens=4, voice=name)
            model.score([("fog", "Fog, and a pine.")], voice=name)
        lines = Path("/proc/self/status").read_text().splitlines()
    resident = next(int(line.split()[1]) * 1024 / 1e6 for line in lines if "VmRSS" in line)
    return {"resident": resident}


CHILDREN = {
    "write": write, "ours": ours, "theirs": theirs, "light": light, "torch": exact,
    "memory": memory,
}  # fmt: skip

if __name__ == "__main__":
    main()
