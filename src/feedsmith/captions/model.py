"""The caption model: a small language model that proposes captions and judges how they sound.

A base model (GGUF) and, beside it, an adapter trained on captions run in llama.cpp, on the CPU.
Prompts come from `captions.prompt`; what is good enough to post, `captions.rank` decides. Knows the
runtime; knows no brief, no brand and no hashtag.

The same prompts and seed give the same bytes, whatever was asked before, at any thread count and
after a restart, on one kind of processor. llama.cpp does not promise that by itself: floats are
added in another order when the work is batched in another way. So here all texts of a prompt
are asked for in one request (the runtime then always steps them together), requests follow one
another, nothing is reused from earlier ones (no prompt cache), flash attention, which splits
its sums by threads, is off, and every seed comes from the prompt itself and the caller's seed.
"""

import contextlib
import hashlib
import http.client
import json
import secrets
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from feedsmith.captions.likelihood import OutputLayer, output_layer
from feedsmith.captions.prompt import END
from feedsmith.errors import FeedsmithError

SLOTS = 4
"""Texts sampled side by side, as many as the writer asks for; room for eight would hold 21 MB more."""
ROOM = 256
"""Tokens of a prompt and its continuation together; 23 kB of memory each, for every slot."""
_END_OF_SENTENCE = ".!?…"


class CaptionModel:
    """A loaded model. Close it, or use it in a `with` block: it holds about 250 MB.

    `base` and `adapter` are GGUF files; `threads` changes the speed and nothing else. More than the
    idle cores makes it slower, not faster.
    Raises FeedsmithError when a file is missing or is no model.
    """

    def __init__(self, base: Path, adapter: Path | None = None, threads: int = 1) -> None:
        for path in (base, adapter):
            if path is not None and not path.is_file():
                raise FeedsmithError(f"{path}: no such model", mend="run `feedsmith models fetch`")
        self.base, self.adapter = base, adapter
        self._layer: OutputLayer | None = None
        self._key = secrets.token_urlsafe(24)
        # A server that is closed before its thread has begun to wait for work never ends: the sign to
        # stop is lost, and closing waits forever (2 of 2 times with both cores busy). One token proves that
        # the thread is there; it costs 20 ms. A Ctrl-C in between would close it just so: it waits.
        with _interrupts_waiting():
            self._server: Any = _serve(base, adapter, threads, self._key)
            self._complete({"prompt": "a", "max_tokens": 1, "n": 1, "cache_prompt": False})

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
    ) -> list[list[str]]:
        """Up to `n` continuations of every prompt, in the order of the prompts.

        A text ends where the model ends it; one that runs into `max_tokens` is cut after its last
        whole sentence, and left out if it has none. So are empty ones; the same text is not given
        twice. `grammar` is GBNF; no token of the texts in `banned` is ever chosen.
        Raises FeedsmithError for a prompt that is too long or a grammar that is wrong.
        """
        settings: dict[str, Any] = {
            "max_tokens": max_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "top_k": 0,
            "min_p": 0.02,
            "cache_prompt": False,
        }
        if grammar:
            settings["grammar"] = grammar
        if banned:
            settings["logit_bias"] = [[text, False] for text in banned]
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

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """How natural each (prompt, text) sounds: mean log-likelihood per token, in nats, <= 0.

        The end of the text counts as a token, so a text that breaks off scores low. Of texts that
        leave no room beside the prompt, the part that fits is judged. Rounded to 4 places, because
        the last bits depend on the linear algebra library. Raises FeedsmithError for models whose
        output layer cannot be read (see `captions.likelihood`).
        """
        if not pairs:
            return []
        if self._layer is None:
            self._layer = output_layer(self.base)
        hidden, wanted, lengths = [], [], []
        with self._connection() as ask:
            prompts = {prompt: _tokens(ask, prompt) for prompt in {p for p, _ in pairs}}
            for prompt, text in pairs:
                before = prompts[prompt][-(ROOM // 2) :]
                target = _tokens(ask, text + END)[: ROOM - len(before)]
                # The last token's own state says what would come after the end: not asked for.
                states = _hidden(ask, before + target)[len(before) - 1 : -1]
                hidden.append(states)
                wanted.append(np.array(target, np.int64))
                lengths.append(len(target))
        likely = self._layer.log_likelihood(np.concatenate(hidden), np.concatenate(wanted))
        ends = np.cumsum(lengths)
        return [
            round(float(likely[end - length : end].mean(dtype=np.float64)), 4)
            for end, length in zip(ends, lengths, strict=True)
        ]

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

    def _complete(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        if self._server is None:
            raise FeedsmithError("the caption model is closed", mend="open it again")
        answer = self._server.handle_completions(request)
        if "choices" not in answer:
            raise FeedsmithError(
                f"the caption model refused the request: {_message(answer)}",
                mend="shorten the prompt, or correct the grammar",
            )
        return sorted(answer["choices"], key=lambda choice: int(choice["index"]))

    @contextlib.contextmanager
    def _connection(self) -> Iterator["_Ask"]:
        """The runtime's own door on the loopback interface, which alone gives hidden states.

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


class _Ask:
    """Questions to the runtime over one kept connection."""

    def __init__(self, line: http.client.HTTPConnection, key: str) -> None:
        self.line = line
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def __call__(self, path: str, question: dict[str, Any]) -> Any:
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


def _serve(base: Path, adapter: Path | None, threads: int, key: str) -> Any:
    import xllamacpp as runtime

    ask = runtime.CommonParams()
    ask.model.path = str(base)
    if adapter is not None:
        ask.lora_adapters = [runtime.CommonAdapterLoraInfo(str(adapter), 1.0)]
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
        names = str(base) if adapter is None else f"{base} with {adapter}"
        raise FeedsmithError(
            f"{names}: llama.cpp cannot load it ({error})",
            mend="run `feedsmith models fetch`, or name another model file",
        ) from error


def _tokens(ask: _Ask, text: str) -> list[int]:
    told = ask("/tokenize", {"content": text, "add_special": False, "parse_special": True})
    return [int(token) for token in told["tokens"]]


def _hidden(ask: _Ask, tokens: list[int]) -> "np.ndarray[Any, np.dtype[np.float32]]":
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
