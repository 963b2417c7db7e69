"""Which way a backbone is read: the fast one where it is exact, the slower one where only that is, else a refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DynamicCache

import lamp.backbone.forward
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.left_padded import left_padded_logits, padding_first
from lamp.backbone.prefix import make_prefix, repeat_cache, shared_cache
from lamp.backbone.reading import read_inputs
from lamp.backbone.windows import attention_window
from lamp.config import DataConfig
from lamp.data.encoding import Encoder
from lamp.errors import BackboneError, OutOfMemory
from lamp.inference.generate import generate
from tests.families import WINDOW, save_family
from tests.tiny import save_tiny

CPU = torch.device("cpu")


def load(folder: Path, family: str) -> FrozenBackbone:
    return FrozenBackbone.load(str(save_family(folder / family, family)), precision="fp32", device=CPU)


def test_rows_share_the_prompts_keys_and_values_where_that_is_exact(tmp_path: Path) -> None:
    llama, windows, hybrid = (load(tmp_path, family) for family in ("llama", "mistral", "qwen3_next"))
    assert llama.shares_prompts(10**6) and not llama.reading_note
    assert windows.shares_prompts(WINDOW) and not windows.shares_prompts(WINDOW + 1)
    assert f"with every row longer than {WINDOW} tokens, prompt included," in windows.reading_note
    assert not hybrid.shares_prompts()
    assert "with every row because only that is exact" in hybrid.reading_note
    assert make_prefix(hybrid, torch.zeros(3, hybrid.hidden_size)).cache is None


def test_the_shortest_window_of_any_layer_counts_also_in_a_part_of_the_config() -> None:
    assert attention_window({"sliding_window": 4096, "text_config": {"attention_chunk_size": 128}}) == 128
    assert attention_window({"sliding_window": None, "max_window_layers": 28, "window_size": 0}) is None
    assert attention_window({"sliding_windows": [512, 256], "use_sliding_window": True, "mamba_chunk_size": 16}) == 256
    assert attention_window({"num_windows": 4, "sliding_window_pattern": 6, "local_attention_probs": 1}) is None


def test_padding_moves_before_the_prompt_and_tokens_keep_their_order() -> None:
    embeddings = torch.tensor([[[1.0], [2.0], [0.0], [0.0], [3.0]], [[1.0], [2.0], [4.0], [5.0], [6.0]]])
    mask = torch.tensor([[1, 1, 0, 0, 1], [1, 1, 1, 1, 1]])
    moved, moved_mask = padding_first(embeddings, mask)
    assert moved.squeeze(2).tolist() == [[0, 0, 1, 2, 3], [1, 2, 4, 5, 6]]
    assert moved_mask.tolist() == [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]


def test_a_repeated_cache_remembers_how_many_tokens_its_windows_have_seen(tmp_path: Path) -> None:
    backbone = load(tmp_path, "gemma3")
    cache = DynamicCache(config=backbone.model.config)
    ids = torch.arange(5, 5 + WINDOW + 9)
    with torch.inference_mode():
        backbone.model(input_ids=ids[None, :-1], past_key_values=cache, use_cache=True)
        repeated = repeat_cache(cache, 3)
        assert repeated.get_seq_length() == cache.get_seq_length() == WINDOW + 8
        got = backbone.model(input_ids=ids[-1:].expand(3, 1), past_key_values=repeated, use_cache=True).logits
        wanted = backbone.model(input_ids=ids[None], use_cache=False).logits[:, -1:]
    assert cache.get_seq_length() == WINDOW + 8, "the repeated cache has layers of its own"
    torch.testing.assert_close(got, wanted.expand_as(got), atol=1e-4, rtol=0)


def test_values_of_another_width_than_keys_are_read_behind_several_prompts(tmp_path: Path) -> None:
    backbone = load(tmp_path, "deepseek_v3")
    prompt = torch.randn(4, backbone.hidden_size, generator=torch.Generator().manual_seed(4))
    ids = torch.tensor([[5, 6, 7]] * 2)
    with torch.inference_mode():
        prefixes = [make_prefix(backbone, prompt), make_prefix(backbone, None)]
        together, _ = read_inputs(backbone, prefixes, ids, torch.ones_like(ids), 0)
        alone = [read_inputs(backbone, [one], ids[:1], torch.ones_like(ids[:1]), 0)[0] for one in prefixes]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=0)


def disturbed(stock: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose logits, or the mask that comes with a cache, are not what they should be."""

    def wrong(*given: Any, **named: Any) -> Any:
        result = stock(*given, **named)
        if isinstance(result, tuple):
            return result[0], torch.zeros_like(result[1])  # the mask of a prompt that is then not seen
        return result * torch.linspace(1.0, 2.0, result.shape[-1])

    return wrong


def test_where_sharing_is_not_exact_each_row_is_read_with_the_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lamp.backbone.forward, "shared_cache", disturbed(shared_cache))
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path / "llama", "llama")), precision="fp32", device=CPU)
    assert backbone.shared_columns == 0


def test_where_neither_way_is_exact_the_backbone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lamp.backbone.forward, "shared_cache", disturbed(shared_cache))
    monkeypatch.setattr(lamp.backbone.forward, "left_padded_logits", disturbed(left_padded_logits))
    with pytest.raises(BackboneError, match=r"rows of unequal length change each other's logits: 0\.\d+ of their spre"):
        FrozenBackbone.load(str(save_tiny(tmp_path / "llama", "llama")), precision="fp32", device=CPU)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2", "t5", "bart", "opt"])
def test_rounding_in_half_precision_is_no_reason_to_read_slowly(family: str, precision: Any, tmp_path: Path) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path / family, family)), precision=precision, device=CPU)
    assert backbone.shares_prompts(64)


def test_memory_that_runs_out_while_a_backbone_is_tried_is_said_to_be_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_memory(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(lamp.backbone.forward, "shared_cache", out_of_memory)
    with pytest.raises(OutOfMemory, match="The memory is too short for this backbone"):
        FrozenBackbone.load(str(save_tiny(tmp_path / "llama", "llama")), precision="fp32", device=CPU)


def test_a_backbone_with_windows_whose_longer_rows_would_not_be_exact_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lamp.backbone.forward, "left_padded_logits", disturbed(left_padded_logits))
    with pytest.raises(BackboneError, match="rows of unequal length change each other's logits"):
        load(tmp_path, "mistral")


def test_a_family_that_writes_without_a_cache_reports_its_answers_while_they_grow(tmp_path: Path) -> None:
    backbone = load(tmp_path, "ctrl")
    config = DataConfig(("text",), "label", max_target_tokens=6)
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=config)
    texts: dict[int, list[str]] = {0: [], 1: []}
    inputs = encoder.inputs(["the film was good", "bad"], ["", ""])
    prefixes = [make_prefix(backbone, torch.randn(3, backbone.hidden_size))] * 2
    answers = generate(backbone, prefixes, encoder, inputs, on_text=lambda index, text: texts[index].append(text))
    assert any(answers) and answers == [texts[index][-1] for index in (0, 1)]
    assert max(map(len, texts.values())) > 1
