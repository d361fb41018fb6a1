"""The decoder: texts behind one prompt are judged as they would be alone; what it cannot read it says."""

import numpy as np
import pytest

from feedsmith import models
from feedsmith.captions import decoder as decoder_module
from feedsmith.captions.decoder import Decoder
from feedsmith.captions.gguf_file import GgufFile
from feedsmith.errors import MissingModel

PROMPT, OTHER = [101, 2044, 311, 90], [77, 3001]
TEXTS = [[40, 1200, 33], [871], [9, 9, 500, 12, 4]]


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    try:
        base, adapter = models.find("captions-base"), models.find("starter-lora")
    except MissingModel as error:
        pytest.skip(f"{error.message}; {error.mend}")
    return Decoder(GgufFile(base), {"shop": adapter})


@pytest.mark.model
def test_texts_that_share_a_prompt_do_not_see_each_other(decoder: Decoder) -> None:
    together = decoder.states([(PROMPT, TEXTS)])[0]
    for text, states in zip(TEXTS, together, strict=True):
        assert states.shape == (len(text), 576)
        np.testing.assert_allclose(states, decoder.states([(PROMPT, [text])])[0][0], atol=2e-4)


@pytest.mark.model
def test_groups_in_one_pass_or_in_several_are_the_same(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = [(PROMPT, TEXTS), (OTHER, TEXTS[:1]), (PROMPT + OTHER, TEXTS[1:])]
    once = decoder.states(groups)
    monkeypatch.setattr(decoder_module, "TOKENS", 10)
    for some, more in zip(once, decoder.states(groups), strict=True):
        for a, b in zip(some, more, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-4)


@pytest.mark.model
def test_a_state_knows_what_came_before_and_nothing_after(decoder: Decoder) -> None:
    one, two = decoder.states([(PROMPT, [[40, 1200, 33], [40, 1200, 9999]])])[0]
    np.testing.assert_allclose(one, two, atol=2e-4)
    (other,) = decoder.states([(OTHER, [[40, 1200, 33]])])[0]
    assert np.abs(one - other).max() > 1


@pytest.mark.model
def test_an_adapter_counts_only_for_its_own_voice(decoder: Decoder) -> None:
    alone = decoder.states([(PROMPT, TEXTS[:1])])[0][0]
    voiced = decoder.states([(PROMPT, TEXTS[:1])], "shop")[0][0]
    assert np.abs(alone - voiced).max() > 1
    np.testing.assert_array_equal(alone, decoder.states([(PROMPT, TEXTS[:1])], "nobody")[0][0])


@pytest.mark.model
def test_other_models_are_left_to_the_runtime(decoder: Decoder) -> None:
    file = GgufFile(decoder.file.path)
    file.told["general.architecture"] = "qwen2"
    with pytest.raises(ValueError, match="qwen2"):
        Decoder(file, {})
    file.told["general.architecture"] = "llama"
    file.told["llama.rope.scaling.type"] = "yarn"
    with pytest.raises(ValueError, match="rotary"):
        Decoder(file, {})
    del file.told["llama.rope.scaling.type"]
    file.tensors["blk.0.attn_q.bias"] = file.tensors["output_norm.weight"]
    with pytest.raises(ValueError, match="other tensors"):
        Decoder(file, {})
