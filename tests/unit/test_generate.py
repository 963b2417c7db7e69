"""Free text and label scores behind prompts that were read once, several prompts in one batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix, make_prefix
from lamp.config import DataConfig
from lamp.data.encoding import Encoder
from lamp.errors import ConfigError
from lamp.inference.generate import generate
from lamp.inference.label_scores import label_log_likelihoods
from lamp.sampling import Sampling
from tests.tiny import save_tiny

FAMILIES = ["llama", "qwen2", "qwen3", "gemma", "gemma3", "gpt2", "opt", "t5", "mt5", "bart"]
TEXTS = ["the film was good", "it was a very dull and awful film . the acting was bad", "good", "music and ending"]
LABELS = ["positive", "negative", "very good ending"]
LENGTHS = [6, 0, 3, 6]
"""Virtual tokens before each text; 0 is no prompt at all."""


@pytest.fixture(scope="module", params=FAMILIES)
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FrozenBackbone:
    folder = save_tiny(tmp_path_factory.mktemp("families") / request.param, request.param)
    return FrozenBackbone.load(str(folder), precision="fp32")


@pytest.fixture
def encoder(backbone: FrozenBackbone) -> Encoder:
    config = DataConfig(("text",), "label", max_target_tokens=12)
    return Encoder(backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config)


def virtual_tokens(backbone: FrozenBackbone, count: int) -> torch.Tensor | None:
    if not count:
        return None
    values = torch.randn(count, backbone.hidden_size, generator=torch.Generator().manual_seed(count)) * 0.5
    return values.to(backbone.device)


def prefixes_of(backbone: FrozenBackbone) -> list[Prefix]:
    with torch.inference_mode():
        made = {count: make_prefix(backbone, virtual_tokens(backbone, count)) for count in set(LENGTHS)}
    return [made[count] for count in LENGTHS]


def test_a_prompt_read_once_writes_what_stock_generation_writes_behind_a_copy_of_it(
    backbone: FrozenBackbone, encoder: Encoder
) -> None:
    virtual = virtual_tokens(backbone, 6)
    inputs = encoder.inputs(TEXTS, [""] * 4)
    prefix = make_prefix(backbone, virtual)
    answers = generate(backbone, [prefix] * 4, encoder, inputs)
    for ids, answer in zip(inputs, answers, strict=True):
        embeddings, mask = backbone.join(virtual, *encoder.pad_inputs([ids], backbone.device))
        output = backbone.model.generate(
            inputs_embeds=embeddings,
            attention_mask=mask,
            max_new_tokens=12,
            do_sample=False,
            use_cache=False,  # its own cache would count T5's encoder layers for the decoder
            pad_token_id=0,
            eos_token_id=1,
        )
        assert answer == backbone.tokenizer.decode(output[0], skip_special_tokens=True).strip()
    writes = backbone.model.config.model_type != "bart"
    assert any(answers) is writes, "only a tiny BART ends at once"


def test_requests_of_several_prompts_are_answered_in_one_batch_as_each_alone(
    backbone: FrozenBackbone, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, prefixes = encoder.inputs(TEXTS, [""] * 4), prefixes_of(backbone)
    alone = [generate(backbone, [prefix], encoder, [ids])[0] for prefix, ids in zip(prefixes, inputs, strict=True)]
    batches: list[int] = []
    pad = encoder.pad_inputs

    def count(inputs: Sequence[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        batches.append(len(inputs))
        return pad(inputs, device)

    monkeypatch.setattr(encoder, "pad_inputs", count)
    assert generate(backbone, prefixes, encoder, inputs) == alone
    assert batches == [4]


def test_labels_behind_several_prompts_score_in_one_batch_as_each_alone(
    backbone: FrozenBackbone, encoder: Encoder
) -> None:
    inputs, prefixes = encoder.inputs(TEXTS, [""] * 4), prefixes_of(backbone)
    together = label_log_likelihoods(backbone, prefixes, encoder, inputs, LABELS)
    alone = [
        label_log_likelihoods(backbone, [prefix], encoder, [ids], LABELS)
        for prefix, ids in zip(prefixes, inputs, strict=True)
    ]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-4, rtol=0)


def test_answers_are_reported_while_they_are_written(tiny_llama: Path) -> None:
    backbone = FrozenBackbone.load(str(tiny_llama), precision="fp32")
    encoder = Encoder(
        backbone.tokenizer, is_encoder_decoder=False, config=DataConfig(("text",), "label", max_target_tokens=12)
    )
    texts: dict[int, list[str]] = {index: [] for index in range(4)}
    answers = generate(
        backbone,
        prefixes_of(backbone),
        encoder,
        encoder.inputs(TEXTS, [""] * 4),
        batch_size=3,
        on_text=lambda index, text: texts[index].append(text),
    )
    for index, answer in enumerate(answers):
        assert texts[index][-1] == answer
        assert len(texts[index]) > 1
        assert [len(text) for text in texts[index]] == sorted(len(text) for text in texts[index])


def saved_with_generation(folder: Path, family: str, **values: Any) -> FrozenBackbone:
    """A backbone whose generation_config.json has these values."""
    saved = save_tiny(folder, family)
    file = saved / "generation_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
    return FrozenBackbone.load(str(saved), precision="fp32")


@pytest.mark.parametrize("family", ["llama", "bart"])
def test_only_the_models_own_probabilities_choose_the_next_token(family: str, tmp_path: Path) -> None:
    asked = {
        "repetition_penalty": 1.5,
        "min_length": 40,
        "no_repeat_ngram_size": 2,
        "num_beams": 4,
        "do_sample": True,
        "temperature": 0.3,
        "forced_bos_token_id": 9,
        "suppress_tokens": [5, 6, 7, 8],
        "cache_implementation": "static",
        "max_length": 3,
    }
    plain = FrozenBackbone.load(str(save_tiny(tmp_path / "plain", family)), precision="fp32")
    willful = saved_with_generation(tmp_path / "willful", family, **asked)
    answers = []
    for backbone in (plain, willful):
        config = DataConfig(("text",), "label", max_target_tokens=12)
        encoder = Encoder(backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config)
        prefix = make_prefix(backbone, virtual_tokens(backbone, 6))
        answers.append(generate(backbone, [prefix] * 4, encoder, encoder.inputs(TEXTS, [""] * 4)))
    assert answers[0] == answers[1]


def test_an_answer_ends_at_each_token_that_the_model_names_as_an_end(tmp_path: Path) -> None:
    config = DataConfig(("text",), "label", max_target_tokens=12)

    def written(backbone: FrozenBackbone) -> list[int]:
        encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=config)
        text = generate(backbone, [make_prefix(backbone, None)], encoder, encoder.inputs(TEXTS[:1], [""]))[0]
        return list(backbone.tokenizer(text).input_ids)

    whole = FrozenBackbone.load(str(save_tiny(tmp_path / "whole", "llama")), precision="fp32")
    tokens = written(whole)
    end = next(token for token in tokens[2:] if token not in tokens[:2])
    ending = saved_with_generation(tmp_path / "ending", "llama", eos_token_id=[1, end])
    assert ending.end_ids == [1, end]
    assert written(ending) == tokens[: tokens.index(end)]


def sampled(backbone: FrozenBackbone, encoder: Encoder, sampling: Sampling) -> list[str]:
    prefix = make_prefix(backbone, virtual_tokens(backbone, 6))
    return generate(backbone, [prefix] * 4, encoder, encoder.inputs(TEXTS, [""] * 4), sampling=sampling)


def test_texts_are_the_likeliest_ones_unless_something_else_is_asked_for(
    backbone: FrozenBackbone, encoder: Encoder
) -> None:
    before = torch.get_rng_state()
    prefix = make_prefix(backbone, virtual_tokens(backbone, 6))
    default = generate(backbone, [prefix] * 4, encoder, encoder.inputs(TEXTS, [""] * 4))
    assert sampled(backbone, encoder, Sampling(temperature=0, top_p=0.5, seed=7)) == default
    assert sampled(backbone, encoder, Sampling(temperature=0.001, top_p=0.01, seed=7)) == default, (
        "only one is left to draw"
    )
    assert torch.equal(torch.get_rng_state(), before)


def test_a_seed_draws_the_same_texts_again_and_another_seed_draws_others(
    backbone: FrozenBackbone, encoder: Encoder
) -> None:
    first, again, other = (sampled(backbone, encoder, Sampling(temperature=2, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_family_that_reads_everything_again_draws_its_texts_as_well(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = FrozenBackbone.load(str(tiny_llama), precision="fp32")
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=DataConfig(("text",), "label"))
    short = Sampling(longest_answer=5)
    usual = sampled(backbone, encoder, short)
    monkeypatch.setattr(backbone, "shared_columns", 0)
    monkeypatch.setattr(backbone.model, "prepare_inputs_for_generation", lambda input_ids: None)
    assert sampled(backbone, encoder, short) == usual
    drawn = [sampled(backbone, encoder, Sampling(2, seed=seed, longest_answer=5)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert sampled(backbone, encoder, Sampling(0.001, top_p=0.01, longest_answer=5)) == usual


def test_the_longest_answer_can_be_chosen(tiny_llama: Path) -> None:
    backbone = FrozenBackbone.load(str(tiny_llama), precision="fp32")
    config = DataConfig(("text",), "label", max_target_tokens=3)
    encoder = Encoder(backbone.tokenizer, is_encoder_decoder=False, config=config)

    def tokens(longest: int) -> int:
        written: list[int] = []
        sampling = Sampling(longest_answer=longest)
        inputs, prefix = encoder.inputs(TEXTS[:1], [""]), make_prefix(backbone, None)
        generate(backbone, [prefix], encoder, inputs, on_text=lambda row, _: written.append(row), sampling=sampling)
        return len(written)

    assert (tokens(0), tokens(2), tokens(9)) == (3, 2, 9)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"temperature": -1}, "The temperature must be between 0 and 5, not -1.0."),
        ({"top_p": 0}, "The top-p must be between 0.01 and 1, not 0.0."),
        ({"seed": -1}, "The seed must be between 0 and 4,294,967,295, not -1."),
        ({"longest_answer": 5000}, "The longest answer must be between 0 and 4,096, not 5000."),
        ({"seed": 1.5}, "sampling.seed must be a whole number, not 1.5."),
        ({"top_k": 5}, "sampling has no field 'top_k'; it has temperature, top_p, seed, longest_answer."),
    ],
)
def test_a_wrong_setting_is_one_sentence(values: dict[str, float], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Sampling.from_dict(values)
    assert str(refused.value) == sentence
