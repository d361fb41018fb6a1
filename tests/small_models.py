"""Tiny language models with random weights and tokenisers of their own, and captions to train them on."""

from pathlib import Path
from typing import Any

from feedsmith.captions.prompt import END, example

WORDS = ("fog", "pine", "cup", "steam", "moss", "bread", "lamp", "stone", "wool", "rain")
LLAMA_END, GPT2_END = END, "<|endoftext|>"


def rows(count: int = 60) -> list[dict[str, Any]]:
    return [
        {
            "kind": "photo",
            "niche": "tea",
            "voice": "dry",
            "keywords": [WORDS[i % 10], WORDS[(i // 10) % 10]],
            "offer": None,
            "caption": f"{WORDS[i % 10]} and {WORDS[(i // 10) % 10]}, {i}.",
        }
        for i in range(count)
    ]


def folder(root: Path, family: str, *, seed: int = 0) -> Path:
    """A tiny random model with a tokeniser of its own, saved as people save theirs."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
    )

    end = LLAMA_END if family == "llama" else GPT2_END
    split = Tokenizer(models.BPE())
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = pre_tokenizers.Digits(individual_digits=True)
    split.pre_tokenizer = (
        pre_tokenizers.Sequence([digits, bytewise]) if family == "llama" else bytewise
    )
    split.decoder = decoders.ByteLevel()
    split.train_from_iterator(
        ["".join(example(row)).removesuffix(END) for row in rows()],
        trainers.BpeTrainer(
            vocab_size=384,
            special_tokens=[end],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    torch.manual_seed(seed)
    size = split.get_vocab_size()
    ids = {"bos_token_id": 0, "eos_token_id": 0}
    if family == "llama":
        model: Any = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=size, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
                num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
                tie_word_embeddings=True, rms_norm_eps=1e-5, initializer_range=0.08,
                pad_token_id=None, **ids,
            )
        )  # fmt: skip
    else:
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=size, n_embd=64, n_layer=2, n_head=4, n_positions=512,
                initializer_range=0.08, **ids,
            )
        )  # fmt: skip
    path = root / family
    model.save_pretrained(path)
    PreTrainedTokenizerFast(tokenizer_object=split, eos_token=end, bos_token=end).save_pretrained(
        path
    )
    return path
