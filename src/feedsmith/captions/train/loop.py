"""Training the caption model, from top to bottom.

Every step draws from the seed and its own number, and the number of steps, once planned by the
budget, is written down: so a training that was stopped, even killed, goes on and ends with the same
losses to the last bit (on a processor, with as many threads). Knows batches, bases and runs;
knows no brand.
"""

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feedsmith import models
from feedsmith.captions.train import base as bases
from feedsmith.captions.train import export
from feedsmith.captions.train.batches import Encoded, Spot, encoded, stream, tensors
from feedsmith.captions.train.config import RATES, Config, needs
from feedsmith.captions.train.corpus import STARTER, Data, Row, read_rows
from feedsmith.captions.train.run import Result, Run, Stopped
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_json
from feedsmith.progress import Report, silent
from feedsmith.training import machine

WARM = 10
"""Steps in which the learning rate climbs."""
PLAN_AFTER = 4
"""Steps that are timed before the budget is turned into a number of steps; fewer than WARM, so that
the rate until then does not depend on that number."""
RECENT = 8
"""Steps whose time tells what the next ones take."""
FALL = 0.4
"""Share of the steps, the last ones, in which the rate falls: brands train for a hundred steps or two,
and a rate that falls from the first one wastes them (docs/log.md)."""
FLOOR = 0.02
"""Share of the learning rate at the last step."""
GAIN = 0.002
"""Nats per token that count as an improvement."""
CHECKED = 64
"""Held-out captions in a check; all of them before and after."""
SNAPSHOT_SECONDS = 60.0
"""A snapshot is taken at the latest after so long, and after `snapshot_every` steps."""
STAGE = "Training captions"
_HALF_MAX = 65_504.0


def train(config: Config, data: Data, run: Run, report: Report = silent) -> Result:
    """Train a caption model on `data` in the folder of `run`, and say what came out.

    `config` is a resolved one (`config.resolve`). A run that is finished is not done again; one
    that was stopped goes on at its last snapshot. What is kept is what did best on the held-out
    captions: where nothing did better than the start, nothing is exported.

    Raises FeedsmithError when the train extra is missing, the base cannot be loaded, memory or
    disk run out; the snapshots stay, and the same call goes on.
    """
    if (known := run.result()) is not None:
        return known
    torch = needs()
    smaller = f"set --batch-tokens below {config.batch_tokens}"
    if config.method == "full":
        smaller += ", or use --method lora"
    with run.alone(), machine.memory_in_words(f"{config.base} ({config.method})", smaller):
        started = time.monotonic()
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        report(STAGE, 0, 0, f"loading {config.base}")

        # The base, and what of it learns.
        base = bases.load(config)
        net = _network(base, config, torch)
        weights = net.weights
        optimiser = torch.optim.AdamW(list(weights.values()), weight_decay=0.01)

        # The captions: those held out, and an endless stream of batches of the others.
        held = [encoded(row, base.encode, config.row_tokens) for row in data.held]
        checked = held[:: math.ceil(len(held) / CHECKED)]
        extra = _starter(config)
        first = _epoch_length(data, extra, base, config)
        most = max(1, round(config.epochs * first))
        every = config.check_every or max(1, min(first, 25))

        # Go on, or begin.
        state = _resume(run, weights, optimiser, torch)
        if state is None:
            run.back_to(0)
            report(STAGE, 0, most, "reading the held-out captions for the first time")
            start: str = config.start
            if start == "auto":
                start = _better_start(net, base, models.find("starter-lora"), checked, torch)
            before = _held_out(net, held, torch)
            at_start = time.monotonic()
            best = _held_out(net, checked, torch)
            checking = time.monotonic() - at_start
            if not math.isfinite(before):
                raise FeedsmithError(
                    f"{config.base}: its own likelihoods are not numbers",
                    mend="use --dtype float32, or another base",
                )
            rate = config.rate or RATES["starter" if start == "starter" else "lora"]
            seconds = round(time.monotonic() - started, 1)
            run.log(step=0, held_out=best, start=start, seconds=seconds)
            state = _State(
                before=before, best=best, checking=checking, steps=most, start=start, rate=rate
            )
        else:
            run.back_to(state.step)
            report(STAGE, state.step, state.steps, f"goes on at step {state.step}")
        started -= state.seconds
        reserve = 1.3 * state.checking * (1 + len(held) / len(checked)) + 2.0
        # Whoever does worse than guessing evenly among all tokens, and than at the start, is lost.
        ceiling = max(math.log(int(base.model.config.vocab_size)), state.before) + 1.0
        batches = stream(
            data.train, extra, config.mix, base.encode,
            config.row_tokens, config.batch_tokens, config.seed, state.spot,
        )  # fmt: skip

        def check() -> bool:
            """Look at the held-out captions; keep the weights where they do best. False: lost."""
            now = _held_out(net, checked, torch)
            run.log(step=state.step, held_out=now, seconds=round(state.seconds, 2))
            if not math.isfinite(now) or not _sound(weights):
                return False
            state.bad = 0 if now < state.best - GAIN else state.bad + 1
            state.checked = state.step
            if now < state.best:
                state.best, state.best_step = now, state.step
                run.keep("best", weights, {"step": state.step, "held_out": now})
            return True

        # The steps.
        stopped: Stopped = "finished"
        snapped = time.monotonic()
        took: list[float] = []
        while state.step < state.steps:
            if state.bad >= config.patience:
                stopped = "early"
                break
            if time.monotonic() - started + reserve > config.budget and state.step > 0:
                stopped = "budget"
                break
            begun = time.monotonic()
            falling = (1 - state.step / state.steps) / FALL
            rate = state.rate * min((state.step + 1) / WARM, 1.0, max(FLOOR, falling))
            for group in optimiser.param_groups:
                group["lr"] = rate
            torch.manual_seed(config.seed * 1_000_003 + state.step)
            spot, batch = next(batches)
            total, count = _loss(net, batch, torch)
            loss = total / count
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
            value = float(loss.detach())
            if not (math.isfinite(value) and math.isfinite(float(norm))) or value > ceiling:
                # The gradient is not applied: the weights are still those that came here.
                run.log(step=state.step + 1, diverged=repr(value), rate=rate)
                stopped = "diverged"
                break
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            state.step, state.spot = state.step + 1, spot
            tokens = sum(one.size for one in batch)
            took.append(time.monotonic() - begun)
            state.tokens, state.working = state.tokens + tokens, state.working + took[-1]
            state.seconds = time.monotonic() - started
            run.log(
                step=state.step, loss=value, rate=rate, tokens=tokens,
                seconds=round(state.seconds, 2), memory_mb=machine.memory_mb(),
            )  # fmt: skip

            # The budget becomes a number of steps, and once more before the rate begins to fall: the
            # machine may have had more, or less, to do than in the first steps.
            plans = state.step == PLAN_AFTER or (
                state.plans == 1 and state.step == round((1 - FALL) * state.steps)
            )
            if plans:
                left = config.budget - state.seconds - reserve
                a_step = statistics.median(took[-RECENT:] or [1e-3]) + state.checking / every
                state.steps = min(most, state.step + max(1, int(left / a_step)))
                state.plans += 1
                run.log(step=state.step, planned=state.steps, an_epoch=first)

            # A look at the held-out captions.
            if (state.step % every == 0 or state.step == state.steps) and not check():
                stopped = "diverged"
                break
            if (
                plans
                or state.step % config.snapshot_every == 0
                or time.monotonic() - snapped > SNAPSHOT_SECONDS
            ) and _sound(weights):
                _snapshot(run, weights, optimiser, state)
                snapped = time.monotonic()
            left = state.seconds * (state.steps / state.step - 1)
            report(
                STAGE, state.step, state.steps,
                f"loss {value:.2f}, held out {math.exp(min(state.best, 20)):.1f}, "
                f"about {machine.span(min(left, config.budget))} left",
            )  # fmt: skip

        if stopped == "finished" and state.steps < most:
            stopped = "budget"  # the plan made of it is done
        if stopped == "budget" and state.checked < state.step and not check():
            stopped = "diverged"

        # The best weights, judged by all held-out captions.
        after = math.inf
        if state.best_step and _take_best(run, weights, torch):
            after = _held_out(net, held, torch)
        if not after < state.before:
            state.best_step, after = 0, state.before
        result = Result(
            run=run.name,
            stopped=stopped,
            steps=state.step,
            best_step=state.best_step,
            start=state.start,
            rate=state.rate,
            before=round(math.exp(state.before), 3),
            after=round(math.exp(after), 3),
            seconds=round(time.monotonic() - started, 1),
            tokens_per_second=round(state.tokens / max(state.working, 1e-9), 1),
            advice=_advice(stopped, state, config),
        )

        # Files for the runtime, the drawing, the card.
        if state.best_step:
            report(STAGE, state.step, state.step, "writing the model")
            result = result.model_copy(update=_export(run, base, net, config))
        run.draw(f"{run.name}: {data.source}")
        _card(run, config, data, base, result)
        run.sweep()
        report(
            STAGE, state.step, state.step, f"perplexity {result.before:.1f} -> {result.after:.1f}"
        )
        return result


# ---- the network ---------------------------------------------------------------------------------


@dataclass
class _Network:
    """A model with what it takes to ask it for the loss of a batch."""

    model: Any
    body: Any
    """All but the output layer."""
    head: Any
    weights: dict[str, Any]
    """What learns, by name."""
    device: str
    bf16: bool


@dataclass
class _State:
    """All that a training carries from step to step, apart from weights and moments."""

    before: float
    """Held-out loss of all held-out captions at the start, nats per token."""
    best: float
    checking: float
    """Seconds that a check takes."""
    steps: int
    start: str
    """Where the adapter started: starter or base."""
    rate: float
    """Highest learning rate."""
    step: int = 0
    plans: int = 0
    """Times that the budget was turned into a number of steps."""
    best_step: int = 0
    checked: int = 0
    """The step of the last check."""
    bad: int = 0
    """Checks since the last improvement."""
    spot: Spot = field(default_factory=lambda: Spot(0, 0))
    tokens: int = 0
    working: float = 0.0
    """Seconds inside steps."""
    seconds: float = 0.0
    """Since the beginning, over all starts."""


def _network(base: bases.Base, config: Config, torch: Any) -> _Network:
    model, bf16 = base.model, config.dtype == "bfloat16"
    if config.method == "lora":
        from peft import LoraConfig, get_peft_model

        linear = bases.LINEAR.get(base.kind)
        # Frozen weights in bfloat16 spare a cast every step.
        model = get_peft_model(
            model.to(torch.bfloat16) if bf16 else model,
            LoraConfig(
                r=config.rank,
                lora_alpha=2 * config.rank,
                lora_dropout=0.0,
                target_modules=sorted({name.split(".")[1] for name in linear})
                if linear
                else "all-linear",
                fan_in_fan_out=base.kind == "gpt2",
            ),
        )
    else:
        model.requires_grad_(True)
    model.to(config.device)
    weights = {name: value for name, value in model.named_parameters() if value.requires_grad}
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    body = getattr(inner, inner.base_model_prefix)
    net = _Network(model, body, inner.get_output_embeddings(), weights, config.device, bf16)
    _plain_head(net, inner, base, torch)
    if config.start == "starter":
        _take_adapter(net, base, models.find("starter-lora"), torch)
    return net


def _take_adapter(net: _Network, base: bases.Base, path: Path, torch: Any) -> None:
    known = export.read_adapter(path, base.kind, base.shape[1:])
    with torch.no_grad():
        for name, weight in net.weights.items():
            weight.copy_(torch.from_numpy(known[export.spot(name, base.kind)]))


def _better_start(
    net: _Network, base: bases.Base, starter: Path, rows: Sequence[Encoded], torch: Any
) -> str:
    """Leave the adapter at the better start for `rows`: at the file `starter`, or "base" as it is.

    The shipped adapter knows short captions of small shops; a museum's long ones it makes less
    likely (perplexity 30 without it, 39 with it), and training from it stays behind.
    """
    fresh = {name: weight.detach().clone() for name, weight in net.weights.items()}
    plain = _held_out(net, rows, torch)
    _take_adapter(net, base, starter, torch)
    if _held_out(net, rows, torch) < plain:
        return "starter"
    with torch.no_grad():
        for name, weight in net.weights.items():
            weight.copy_(fresh[name])
    return "base"


def _plain_head(net: _Network, inner: Any, base: bases.Base, torch: Any) -> None:
    """Some models scale or cap what their output layer gives; those cannot be trained here."""
    ids = torch.tensor([base.encode("a photo of the sea")], device=net.device)
    net.model.eval()
    with torch.no_grad(), torch.autocast(net.device, torch.bfloat16, enabled=net.bf16):
        whole = inner(input_ids=ids, use_cache=False).logits.float()
        ours = net.head(net.body(input_ids=ids, use_cache=False).last_hidden_state).float()
    if not torch.allclose(whole, ours, atol=1e-3, rtol=1e-3):
        raise FeedsmithError(
            f"{base.place.name}: models of this kind ({base.model.config.model_type}) cannot be "
            "trained yet",
            mend="use smollm2, a GPT-2 or another plain Llama",
        )


def _loss(net: _Network, batch: Sequence[Encoded], torch: Any) -> tuple[Any, int]:
    """Sum of the negative log-likelihood over all caption tokens, and their number.

    The output layer (a quarter of a small model's work) runs at those positions alone.
    """
    ids, ask, positions, mask = tensors(batch, torch, net.device)
    with torch.autocast(net.device, torch.bfloat16, enabled=net.bf16):
        hidden = net.body(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state
        logits = net.head(hidden[ask])
    wanted = ids.roll(-1, dims=1)[ask]
    total = torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="sum")
    return total, int(wanted.numel())


def _held_out(net: _Network, rows: Sequence[Encoded], torch: Any) -> float:
    """Mean negative log-likelihood per caption token, its end included, in nats."""
    net.model.eval()
    total, count = 0.0, 0
    ordered = sorted(rows, key=lambda one: one.size)
    with torch.no_grad():
        for start in range(0, len(ordered), 8):
            part, n = _loss(net, ordered[start : start + 8], torch)
            total, count = total + float(part.detach()), count + n
    net.model.train()
    return total / count


def _sound(weights: dict[str, Any]) -> bool:
    """All weights are numbers, and ones that the runtime's half precision can hold."""
    return all(float(weight.detach().abs().max()) < _HALF_MAX for weight in weights.values())


# ---- stopping and going on -----------------------------------------------------------------------


def _snapshot(run: Run, weights: dict[str, Any], optimiser: Any, state: _State) -> None:
    kept = {}
    for name, weight in weights.items():
        moments = optimiser.state[weight]
        kept[name] = weight.detach()
        kept[f"{name}.m"] = moments["exp_avg"]
        kept[f"{name}.v"] = moments["exp_avg_sq"]
    told = {key: value for key, value in vars(state).items() if key != "spot"}
    run.keep("snapshot", kept, {**told, "epoch": state.spot.epoch, "place": state.spot.place})


def _resume(run: Run, weights: dict[str, Any], optimiser: Any, torch: Any) -> _State | None:
    """Take up the run's snapshot; None where there is none that fits."""
    found = run.kept("snapshot")
    if found is None:
        return None
    kept, told = found
    moments = [f"{name}{end}" for name in weights for end in ("", ".m", ".v")]
    try:
        spot = Spot(int(told.pop("epoch")), int(told.pop("place")))
        state = _State(spot=spot, **told)
    except (KeyError, TypeError, ValueError):
        return None
    if not all(name in kept for name in moments):
        return None
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(kept[name])
            optimiser.state[weight] = {
                "step": torch.tensor(float(state.step)),
                "exp_avg": kept[f"{name}.m"].to(weight.device),
                "exp_avg_sq": kept[f"{name}.v"].to(weight.device),
            }
    return state


def _take_best(run: Run, weights: dict[str, Any], torch: Any) -> bool:
    found = run.kept("best")
    if found is None:
        return False
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(found[0][name])
    return True


# ---- what comes out ------------------------------------------------------------------------------


def _export(run: Run, base: bases.Base, net: _Network, config: Config) -> dict[str, str]:
    """Files of the trained model in the run's folder, by the names of Result's fields."""
    if base.kind == "other" or not base.words:
        net.model.save_pretrained(run.folder / "model", safe_serialization=True)
        return {
            "advice": f"{base.place.name} is of a kind that the caption runtime has no file for: the "
            f"training is in {run.folder / 'model'}, for transformers"
            + (" and peft" if config.method == "lora" else "")
        }
    files = {}
    if config.method == "lora":
        adapter = run.folder / "adapter.gguf"
        export.adapter(
            net.weights, adapter, kind=base.kind, alpha=2.0 * config.rank, heads=base.shape[1:]
        )
        files["adapter"] = adapter.name
    if config.method == "full":
        export.model(base, run.folder / "model.gguf")
        files["model"] = "model.gguf"
    elif base.place.path is None or base.place.path.is_dir():
        # An adapter needs its base beside it, untouched, in the runtime's own format.
        _without_adapter(net, base, run)
        files["model"] = "model.gguf"
    return files


def _without_adapter(net: _Network, base: bases.Base, run: Run) -> None:
    plain = net.model.unload()
    export.model(
        bases.Base(base.place, base.kind, plain, base.encode, base.words), run.folder / "model.gguf"
    )


def _card(run: Run, config: Config, data: Data, base: bases.Base, result: Result) -> None:
    import peft
    import torch
    import transformers

    import feedsmith

    dates = [row.at for row in (*data.train, *data.held) if row.at is not None]
    files = {
        name: {
            "sha256": models.hash_of(run.folder / name),
            "size": (run.folder / name).stat().st_size,
        }
        for name in (result.adapter, result.model)
        if name
    }
    write_json(
        run.card,
        {
            "what": "LoRA adapter for captions" if config.method == "lora" else "caption model",
            "prompt": "niche, voice, language, kind, length, emoji, shows, look, near, offer; see captions/prompt.py",
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "base": {
                "name": config.base,
                "sha256": base.place.sha256,
                "file": base.place.path.name if base.place.path else "",
            },
            "files": files,
            "data": {
                "source": data.source,
                "sha256": data.sha256,
                "captions": len(data.train),
                "held_out": len(data.held),
                "from": min(dates).date().isoformat() if dates else "",
                "to": max(dates).date().isoformat() if dates else "",
                "notes": list(data.notes),
            },
            "settings": config.model_dump(),
            "result": result.model_dump(),
            "memory_mb": machine.memory_mb(),
            "versions": {
                "feedsmith": feedsmith.__version__,
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "peft": peft.__version__,
            },
            "licence": "as the base's, and as its captions are yours to use",
        },
    )


def _advice(stopped: Stopped, state: _State, config: Config) -> str:
    if stopped == "diverged":
        kept = (
            f"the model of step {state.best_step} was kept"
            if state.best_step
            else ("nothing was kept, as no step did better than the start")
        )
        return (
            f"the loss ran away at step {state.step + 1}; {kept}; try a rate below {state.rate:g}"
        )
    if not state.best_step:
        return (
            "nothing improved on the held-out captions, so nothing was changed: more captions would "
            "help, or a lower rate"
        )
    if stopped == "budget" and state.best_step == state.step:
        return "it was still improving when the time was up: a longer --budget may help"
    return ""


# ---- small things --------------------------------------------------------------------------------


def _starter(config: Config) -> list[Row]:
    if not config.mix:
        return []
    fields = Row.model_fields
    rows = [{k: v for k, v in row.items() if k in fields} for row in read_rows(STARTER)]
    return [Row.model_validate(row) for row in rows]


def _epoch_length(data: Data, extra: Sequence[Row], base: bases.Base, config: Config) -> int:
    """Batches of the first epoch; others differ by one or two, as their prompts do."""
    spots = stream(
        data.train, extra, config.mix, base.encode,
        config.row_tokens, config.batch_tokens, config.seed, Spot(0, 0),
    )  # fmt: skip
    count = 1
    while next(spots)[0].epoch == 0:
        count += 1
    return count
