"""Log-likelihoods of tokens from a language model's last hidden states.

The runtime says how likely a token was only when it samples it. But the hidden states of a whole
text come in one pass (`captions.decoder`, or the runtime), and what is left from there is one
matrix: the output layer, which lies in the GGUF file and is read here piece by piece (30 MB never
enter memory whole). So a caption of 40 tokens costs one pass instead of 40 steps.

Knows the output layer; knows no runtime, no prompt and no caption.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedsmith.captions.gguf_file import Floats, GgufFile
from feedsmith.errors import FeedsmithError

ROWS = 1024
"""Rows of the output layer in memory at once: 1024 x 576 floats are 2.4 MB."""

_PLAIN = ("llama", "gpt2", "qwen2", "qwen3", "smollm3")
"""Architectures whose logits are the hidden state times the output layer, and nothing else."""


class OutputLayer(NamedTuple):
    """Where the output layer lies in a GGUF file; it is read when it is used."""

    file: GgufFile
    name: str

    def log_likelihood(self, hidden: Floats, wanted: NDArray[np.int64]) -> Floats:
        """Natural log-probability of token `wanted[i]` after hidden state `hidden[i]`.

        `hidden` is (n, width) after the final norm, `wanted` (n,) in 0..tokens-1; returns (n,).
        """
        tokens = self.file.tensors[self.name].shape[0]
        peak = np.full(len(hidden), -np.inf, np.float32)
        mass = np.zeros(len(hidden), np.float32)
        hit = np.zeros(len(hidden), np.float32)
        with self.file.path.open("rb") as stream:
            for first in range(0, tokens, ROWS):
                rows = self.file.rows(stream, self.name, first, min(ROWS, tokens - first))
                logits = hidden @ rows.T
                mine = (wanted >= first) & (wanted < first + len(rows))
                hit[mine] = logits[mine, wanted[mine] - first]
                top = np.maximum(peak, logits.max(axis=1))
                mass *= np.exp(peak - top)
                logits -= top[:, None]
                mass += np.exp(logits, out=logits).sum(axis=1)
                peak = top
        return hit - peak - np.log(mass)


def output_layer(file: GgufFile) -> OutputLayer:
    """Find the output layer (or the token embeddings, where they are tied) in a GGUF file.

    Raises FeedsmithError where its model or number format is one that this module does not read.
    """
    kind = file.told.get("general.architecture")
    name = "output.weight" if "output.weight" in file.tensors else "token_embd.weight"
    layer = file.tensors.get(name)
    if kind not in _PLAIN:
        trouble = f"captions cannot be scored with {kind} models"
    elif layer is None or len(layer.shape) != 2:
        trouble = "it has no output layer"
    elif not layer.readable:
        trouble = f"captions cannot be scored with an output layer of type {layer.kind}"
    else:
        return OutputLayer(file, name)
    raise FeedsmithError(
        f"{file.path}: not a GGUF model that can be read ({trouble})",
        mend="run `feedsmith models fetch` to bring the caption model again",
    )
