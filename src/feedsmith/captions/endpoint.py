"""A chat model behind an address: any server that speaks OpenAI's protocol.

Ollama, vLLM, LM Studio, llama.cpp and OpenAI itself answer `POST {base}/chat/completions`. Knows what
is asked of a chat model and what its answers look like; how a question travels is feedsmith.endpoint's,
and it knows no brief and no caption.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from feedsmith.brand import WriterSettings
from feedsmith.endpoint import (
    NO_KEY,
    Anew,
    Answer,
    Key,
    NoAnswer,
    Server,
    Use,
    asked_for,
    based,
    in_words,
    key_for,
    parsed,
)

WRITER = Use(
    what="writer",
    path="chat/completions",
    option="--writer",
    section="[writer]",
    timeout="timeout under [writer] in brand.toml",
    url="FEEDSMITH_WRITER_URL",
    model="FEEDSMITH_WRITER_MODEL",
    key="FEEDSMITH_WRITER_KEY",
    key_file="FEEDSMITH_WRITER_KEY_FILE",
    most=1 << 19,
    optional=("max_completion_tokens", "max_tokens", "temperature", "seed"),
)
"""Eight captions are 4 kB, and a model that thinks aloud writes 50."""

TOKENS, TOKENS_THINKING = 800, 4800
"""What an answer may have: eight captions take 600, and a small model that repeats itself goes on to
the end. One that used the first number up without a word, because it thinks before it speaks, gets
the second."""
TEMPERATURE = 0.9


class Endpoint(Server):
    """One chat model of one server; see Server."""

    def __init__(
        self,
        url: str,
        model: str,
        key: Key = NO_KEY,
        *,
        candidates: int = 4,
        timeout: float = 120.0,
        pause: float | None = None,
    ) -> None:
        super().__init__(url, model, key, WRITER, timeout=timeout, pause=pause)
        self.candidates = candidates
        self._tokens = TOKENS

    def ask(self, messages: Sequence[Mapping[str, str]], seed: int) -> list[str]:
        """What the model answers: one text, or several where the server gives several choices.

        Raises NoAnswer.
        """
        return self.exchange(lambda: self._asked(messages, seed), self._read)

    def _asked(self, messages: Sequence[Mapping[str, str]], seed: int) -> dict[str, Any]:
        # No "n": Ollama gives one choice whatever it says, and some servers refuse more than one.
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [dict(message) for message in messages],
            "stream": False,
            "temperature": TEMPERATURE,
            "seed": seed % 2**31,
            "max_tokens": self._tokens,
        }
        if "max_tokens" in self.without:  # its newer name, for models that think before they speak
            asked["max_completion_tokens"] = TOKENS_THINKING
        return {name: value for name, value in asked.items() if name not in self.without}

    def _read(self, answer: Answer) -> list[str]:
        """The texts of all choices. Raises NoAnswer or Anew."""
        told = _streamed(answer.data) or parsed(answer, self.where)
        if not isinstance(told, dict):
            told = {}
        if told.get("error"):
            said = self.plain(in_words(told))
            raise NoAnswer(
                f"{self.where} answers with an error: {said}",
                mend="look at what the server itself says of it",
                lasting=False,
            )
        choices = told.get("choices")
        choices = [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
        ends = {str(choice.get("finish_reason")) for choice in choices}
        texts = [text for choice in choices if (text := _text(choice).strip())]
        if "length" in ends and all(_only_thought(text) for text in texts):
            if self._tokens == TOKENS_THINKING:
                raise NoAnswer(
                    f"{self.model} used {TOKENS_THINKING} tokens up before its first word",
                    mend="choose a model that does not think first, or switch its thinking off",
                )
            self._tokens = TOKENS_THINKING
            raise Anew
        if texts:
            return texts
        if "content_filter" in ends or any(_refusal(choice) for choice in choices):
            raise NoAnswer(
                f"{self.where}: its content filter let no answer through",
                mend="look at what the picture shows and at past captions, or use another model",
                lasting=False,
            )
        what = "choices are empty" if choices else "answer has no choices"
        raise NoAnswer(
            f"{self.where}: its {what}",
            mend="check that the model is one for chat",
            lasting=False,
        )


def chosen(asked: str, settings: WriterSettings) -> Endpoint | None:
    """The endpoint that a person wants captions from; None where none is set.

    `asked` goes first: "MODEL@URL", an address or a model alone, or "none"; then the environment,
    then brand.toml. Raises FeedsmithError for half a setting or one that cannot be right.
    """
    if asked.strip().lower() == "none":
        return None
    found = asked_for(asked, settings.url, settings.model, WRITER)
    if found is None:
        return None
    url, model = found
    host = urlsplit(based(url, WRITER)).hostname or ""
    return Endpoint(
        url,
        model,
        key_for(host, WRITER),
        candidates=settings.candidates,
        timeout=settings.timeout,
    )


def _streamed(data: bytes) -> dict[str, Any] | None:
    """A stream of server-sent events that nobody asked for, put together; None for anything else."""
    if not data.lstrip().startswith(b"data:"):
        return None
    said: dict[int, str] = {}
    ends: dict[int, object] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        try:
            part = json.loads(line.removeprefix("data:"))
            for choice in part["choices"]:
                at = int(choice.get("index", 0))
                said[at] = said.get(at, "") + _text({"message": choice.get("delta")})
                ends[at] = choice.get("finish_reason") or ends.get(at)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue  # [DONE], comments, usage
    return {
        "choices": [
            {"message": {"content": said[at]}, "finish_reason": ends[at]} for at in sorted(said)
        ]
    }


def _text(choice: Mapping[str, Any]) -> str:
    """A choice's words: a text, or a list of parts of which some are text."""
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else choice.get("text")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _only_thought(text: str) -> bool:
    """Whether a text breaks off while it thinks aloud."""
    return text.startswith("<think") and "</think" not in text


def _refusal(choice: Mapping[str, Any]) -> bool:
    message = choice.get("message")
    return isinstance(message, dict) and bool(message.get("refusal"))
