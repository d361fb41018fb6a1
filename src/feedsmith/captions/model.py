"""The caption model: a small language model that proposes captions and judges how they sound.

A base model (GGUF) and, beside it, adapters trained on captions run in llama.cpp, on the CPU.
Prompts come from `captions.prompt`; what is good enough to post, `captions.rank` decides. Knows the
runtime; knows no brief, no brand and no hashtag.

The same prompts and seed give the same bytes, whatever was asked before, at any thread count and
after a restart, on one kind of processor. llama.cpp does not promise that by itself: floats are
added in another order when the work is batched in another way. So here all texts of a prompt
are asked for in one request (the runtime then always steps them together), requests follow one
another, nothing is reused from earlier ones, flash attention, which splits its sums by threads, is
off, and every seed comes from the prompt itself and the caller's seed. The texts of one request share
its prompt; what prompts of a brand have in common (14 of 50 tokens) is computed again: keeping it
would save 4 % where a brand is written for in one go, and cost 2 % where it is not.
"""

import contextlib
import hashlib
import http.client
import json
import secrets
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from feedsmith.captions.decoder import Decoder
from feedsmith.captions.gguf_file import Floats, GgufFile
from feedsmith.captions.likelihood import OutputLayer, output_layer
from feedsmith.captions.prompt import END
from feedsmith.cores import one_core
from feedsmith.errors import FeedsmithError

SLOTS = 4
"""Texts sampled side by side, as many as the writer asks for; room for eight would hold 21 MB more."""
ROOM = 256
"""Tokens of a prompt and its continuation together; 23 kB of memory each, for every slot."""
SAMPLERS = ("dry", "min_p", "top_p", "temperature")
"""In this order. The improbable rest goes first: top_p alone sorts all 49,152 tokens, which took 16 %
of the time."""
REPEATS = {
    "dry_multiplier": 0.8,
    "dry_base": 1.75,
    "dry_allowed_length": 4,
    "dry_penalty_last_n": ROOM,
    "dry_sequence_breakers": ["\n", ":", ","],
}
"""Against runs of words that come again ("don't repeat yourself"): a token that would make a run of
more than four tokens, seen before, loses 0.8 x 1.75^(length - 4) of its logit. Commas end a
run, so that keywords of the prompt may be said; what the grammar demands is said all the same."""
_END_OF_SENTENCE = ".!?…"


class CaptionModel:
    """A loaded model. Close it, or use it in a `with` block: it holds about 250 MB.

    `base` is a GGUF file, `adapter` another one, or several by name: many brands share one loaded
    base, and each call names its `voice`. A name that is none of them is the base alone; one
    adapter without a name is the voice "". `own` says that the adapter was trained on the brand's
    own captions. `threads` changes the speed and nothing else; more than the idle cores makes
    it slower, not faster (two on two busy cores: a fifth of one).
    Raises FeedsmithError when a file is missing or is no model.
    """

    def __init__(
        self,
        base: Path,
        adapter: Path | Mapping[str, Path] | None = None,
        threads: int = 1,
        *,
        own: bool = False,
    ) -> None:
        named = adapter if isinstance(adapter, Mapping) else {"": adapter} if adapter else {}
        for path in (base, *named.values()):
            if not path.is_file():
                raise FeedsmithError(f"{path}: no such model", mend="run `feedsmith models fetch`")
        self.base = base
        self.adapters = dict(named)
        self.own = own
        self._judges: tuple[OutputLayer, Decoder | None] | None = None
        self._key = secrets.token_urlsafe(24)
        self._turn = threading.Lock()
        self._single: dict[str, list[int]] = {}
        # A server that is closed before its thread has begun to wait for work never ends: the sign to
        # stop is lost, and closing waits forever (2 of 2 times with both cores busy). One token proves that
        # the thread is there; it costs 20 ms. A Ctrl-C in between would close it just so: it waits.
        with _interrupts_waiting():
            self._server: Any = _serve(base, list(self.adapters.values()), threads, self._key)
            self._complete({"prompt": "a", "max_tokens": 1, "n": 1, "cache_prompt": False})

    def voice(self, name: str, *, own: bool = True) -> "Voice":
        """This model speaking with one of its adapters, as the writer takes it."""
        if name not in self.adapters:
            raise FeedsmithError(
                f"no adapter {name!r} is loaded", mend="name one of " + ", ".join(self.adapters)
            )
        return Voice(self, name, own)

    def sample(
        self,
        prompts: Sequence[str],
        n: int,
        seed: int,
        grammar: str = "",
        max_tokens: int = 120,
        temperature: float = 0.8,
        top_p: float = 0.92,
        banned: Sequence[str] = (),
        voice: str = "",
        stop: Sequence[str] = (),
        brevity: float = 0.0,
    ) -> list[list[str]]:
        """Up to `n` continuations of every prompt, in the order of the prompts.

        A text ends where the model ends it, or before the first of the texts in `stop`; one that
        runs into `max_tokens` is cut after its last whole sentence, and left out if it has none. So
        are empty ones; the same text is not given twice. `grammar` is GBNF. A text in `banned` that
        is one token is never chosen, with or without a blank before it; `brevity`, in nats, makes
        the end of a sentence so much likelier.
        Raises FeedsmithError for a prompt that is too long or a grammar that is wrong.
        """
        settings: dict[str, Any] = {
            "max_tokens": max_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "top_k": 0,
            "min_p": 0.02,
            "samplers": SAMPLERS,
            "cache_prompt": False,
            "lora": self._lora(voice),
            **REPEATS,
        }
        if grammar:
            settings["grammar"] = grammar
        bias: list[list[float]] = [[token, False] for token in self._alone(banned)]
        if brevity:
            bias += [[token, brevity] for token in self._alone(_END_OF_SENTENCE)]
        if bias:
            settings["logit_bias"] = bias
        if stop:
            settings["stop"] = list(stop)
        asked: Counter[str] = Counter()
        texts = []
        for prompt in prompts:
            first = _seed(seed, prompt, asked[prompt])
            asked[prompt] += 1
            mine: list[str] = []
            for start in range(0, n, SLOTS):
                count = min(SLOTS, n - start)
                request = {**settings, "prompt": prompt, "n": count, "seed": first + start}
                for choice in self._complete(request):
                    text = _whole(choice["text"], choice.get("finish_reason") == "length")
                    if text and text not in mine:
                        mine.append(text)
            texts.append(mine)
        return texts

    def score(self, pairs: Sequence[tuple[str, str]], voice: str = "") -> list[float]:
        """How natural each (prompt, text) sounds: mean log-likelihood per token, in nats, <= 0.

        The end of the text counts as a token, so a text that breaks off scores low. Of texts that
        leave no room beside the prompt, the part that fits is judged. Texts of one prompt share its
        pass. Rounded to 4 places, because the last bits depend on the linear algebra library.
        Raises FeedsmithError for models whose output layer cannot be read (see
        `captions.likelihood`).
        """
        if not pairs:
            return []
        layer, decoder = self._judge()
        behind: dict[str, dict[str, None]] = {}
        for prompt, text in pairs:
            behind.setdefault(prompt, {})[text] = None
        with self._connection() as ask, one_core():
            groups: list[tuple[list[int], list[list[int]]]] = []
            for prompt, texts in behind.items():
                before = _tokens(ask, prompt)[-(ROOM // 2) :]
                room = ROOM - len(before)
                groups.append((before, [_tokens(ask, text + END)[:room] for text in texts]))
            if decoder is not None:
                states = decoder.states(groups, voice)
            else:
                states = self._states(ask, groups, voice)
            flat = [state for some in states for state in some]
            wanted = [text for _, texts in groups for text in texts]
            likely = layer.log_likelihood(
                np.concatenate(flat), np.concatenate([np.array(text) for text in wanted])
            )
        ends = np.cumsum([len(text) for text in wanted])
        said = [(prompt, text) for prompt, texts in behind.items() for text in texts]
        means = {
            pair: round(float(likely[end - len(text) : end].mean(dtype=np.float64)), 4)
            for pair, text, end in zip(said, wanted, ends, strict=True)
        }
        return [means[pair] for pair in pairs]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens in each text, without the end."""
        with self._connection() as ask:
            return [len(_tokens(ask, text)) for text in texts]

    def close(self) -> None:
        """Free the model's memory; it cannot be used after that."""
        self._server = None

    def __enter__(self) -> "CaptionModel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _alone(self, texts: Sequence[str]) -> list[int]:
        """The tokens that are one of the texts, in their order."""
        new = [text for text in texts if text not in self._single]
        if new:
            with self._connection() as ask:
                for text in new:
                    each = (_tokens(ask, before + text) for before in ("", " "))
                    self._single[text] = [one[0] for one in each if len(one) == 1]
        return [token for text in texts for token in self._single[text]]

    def _judge(self) -> tuple[OutputLayer, Decoder | None]:
        """What scoring needs, read when it is first asked for."""
        if self._judges is None:
            file = GgufFile(self.base)
            layer = output_layer(file)
            try:
                self._judges = layer, Decoder(file, self.adapters)
            except (ValueError, KeyError):  # not a Llama: the runtime itself makes the pass
                self._judges = layer, None
        return self._judges

    def _states(
        self, ask: "_Ask", groups: Sequence[tuple[list[int], list[list[int]]]], voice: str
    ) -> list[list[Floats]]:
        """The same as Decoder.states, by the runtime: every text with its whole prompt."""
        with self._turn:
            if self.adapters:
                ask("/lora-adapters", self._lora(voice))
            return [
                [_hidden(ask, before + text)[len(before) - 1 : -1] for text in texts]
                for before, texts in groups
            ]

    def _lora(self, voice: str) -> list[dict[str, Any]]:
        """Which of the loaded adapters count: all that are not named are off."""
        return [{"id": i, "scale": float(name == voice)} for i, name in enumerate(self.adapters)]

    def _complete(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        if self._server is None:
            raise FeedsmithError("the caption model is closed", mend="open it again")
        with self._turn:
            answer = self._server.handle_completions(request)
        if "choices" not in answer:
            raise FeedsmithError(
                f"the caption model refused the request: {_message(answer)}",
                mend="shorten the prompt, or correct the grammar",
            )
        return sorted(answer["choices"], key=lambda choice: int(choice["index"]))

    @contextlib.contextmanager
    def _connection(self) -> Iterator["_Ask"]:
        """The runtime's own door on the loopback interface, which alone splits texts into tokens and
        gives hidden states.

        It is locked with a key made at the start that nobody else knows.
        """
        if self._server is None:
            raise FeedsmithError("the caption model is closed", mend="open it again")
        address = urlsplit(self._server.listening_address)
        assert address.hostname is not None, "the runtime listens on an address"
        line = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        try:
            yield _Ask(line, self._key)
        except (OSError, http.client.HTTPException) as error:
            raise FeedsmithError(
                f"the caption model does not answer on the loopback interface ({error})",
                mend="allow connections of this machine to itself, or go on without scores",
            ) from error
        finally:
            line.close()


class Voice:
    """A caption model with the adapter of one brand."""

    def __init__(self, model: CaptionModel, name: str, own: bool) -> None:
        self.model, self.name, self.own = model, name, own

    def sample(self, prompts: Sequence[str], n: int, seed: int, **given: Any) -> list[list[str]]:
        """As CaptionModel.sample."""
        return self.model.sample(prompts, n, seed, voice=self.name, **given)

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """As CaptionModel.score."""
        return self.model.score(pairs, voice=self.name)


class _Ask:
    """Questions to the runtime over one kept connection."""

    def __init__(self, line: http.client.HTTPConnection, key: str) -> None:
        self.line = line
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def __call__(self, path: str, question: Any) -> Any:
        self.line.request("POST", path, json.dumps(question).encode("utf-8"), self.headers)
        answer = self.line.getresponse()
        told = json.loads(answer.read())
        if answer.status != 200:
            raise FeedsmithError(
                f"the caption model refused the request: {_message(told)}",
                mend="shorten the text",
            )
        return told


@contextlib.contextmanager
def _interrupts_waiting() -> Iterator[None]:
    """Hold SIGINT back until the end of the block; it is then raised as it would have been.

    Python delivers signals to the main thread alone, so elsewhere there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def _serve(base: Path, adapters: Sequence[Path], threads: int, key: str) -> Any:
    try:
        import xllamacpp as runtime
    except ImportError as error:
        # Its wheel takes OpenMP from the system, and a bare one has none.
        raise FeedsmithError(
            f"the language model cannot be run here ({error})",
            mend="install OpenMP (on Debian and Ubuntu: apt-get install libgomp1), then run again",
        ) from error

    ask = runtime.CommonParams()
    ask.model.path = str(base)
    ask.lora_adapters = [runtime.CommonAdapterLoraInfo(str(path), 1.0) for path in adapters]
    for cpu in (ask.cpuparams, ask.cpuparams_batch):
        cpu.n_threads = threads
        cpu.poll = 0  # waiting threads sleep: spinning ones take the core from the rest
    ask.n_parallel, ask.n_ctx = SLOTS, SLOTS * ROOM
    ask.n_batch = ask.n_ubatch = ROOM  # a text's hidden states must come in one piece
    ask.embedding = True
    ask.pooling_type = runtime.llama_pooling_type.LLAMA_POOLING_TYPE_NONE
    ask.flash_attn_type = runtime.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    ask.cache_prompt, ask.cache_ram_mib, ask.n_ctx_checkpoints = False, 0, 0
    ask.fit_params, ask.warmup, ask.use_jinja, ask.ui = False, False, False, False
    ask.n_threads_http = 2
    ask.api_keys = [key]
    ask.verbosity = -1
    try:
        return runtime.Server(ask)
    except (RuntimeError, ValueError) as error:
        names = " with ".join(str(path) for path in (base, *adapters))
        raise FeedsmithError(
            f"{names}: llama.cpp cannot load it ({error})",
            mend="run `feedsmith models fetch`, or name another model file",
        ) from error


def _tokens(ask: _Ask, text: str) -> list[int]:
    told = ask("/tokenize", {"content": text, "add_special": False, "parse_special": True})
    return [int(token) for token in told["tokens"]]


def _hidden(ask: _Ask, tokens: list[int]) -> Floats:
    """(len(tokens), width): the model's state after each token, as the output layer takes it."""
    told = ask("/embeddings", {"content": tokens, "embd_normalize": -1})
    return np.array(told[0]["embedding"], np.float32)


def _seed(seed: int, prompt: str, again: int) -> int:
    """Same prompt, same seed: same texts, wherever in a batch it stands."""
    digest = hashlib.sha256(f"{seed}\n{again}\n{prompt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 2


def _whole(text: str, cut: bool) -> str:
    text = text.split(END)[0].strip()
    if not cut:
        return text
    end = max(text.rfind(mark) for mark in _END_OF_SENTENCE)
    return text[: end + 1]


def _message(answer: Any) -> str:
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        return str(answer["error"].get("message", answer["error"]))
    return str(answer)[:200]
