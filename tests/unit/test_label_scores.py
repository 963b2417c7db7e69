"""The probability of each label: labels of which one begins another, and any number of labels in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DynamicCache

import lamp.backbone.reading
import lamp.inference.label_scores
from lamp.backbone.batch import Batch
from lamp.backbone.forward import continue_logits, target_logits
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import inference_prefix
from lamp.config import DataConfig
from lamp.data.encoding import Encoder
from lamp.data.label_trie import LabelTrie
from lamp.data.splits import Example
from lamp.inference.label_scores import label_log_likelihoods
from tests.tiny import save_tiny

FAMILIES = ["llama", "qwen2", "qwen3", "gemma", "gemma3", "gpt2", "opt", "t5", "mt5", "bart"]
TEXTS = ["the film was good", "it was a very dull and awful film . the acting was bad", "good"]
LABEL_SETS = [
    ["positive", "negative"],
    ["good", "good ending", "bad", "good ending music", "bad film"],
    ["1", "10", "100", "11", "2"],
    ["the film was good", "the film was bad", "the plot was bad", "a film"],
    [f"class {number}" for number in range(30)],
]


@pytest.fixture(scope="module", params=FAMILIES)
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FrozenBackbone:
    folder = save_tiny(tmp_path_factory.mktemp("families") / request.param, request.param)
    return FrozenBackbone.load(str(folder), precision="fp32")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> FrozenBackbone:
    folder = save_tiny(tmp_path_factory.mktemp("families") / "llama", "llama")
    return FrozenBackbone.load(str(folder), precision="fp32")


def encoder(backbone: FrozenBackbone) -> Encoder:
    config = DataConfig(("text",), "label")
    return Encoder(backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config)


def virtual_tokens(backbone: FrozenBackbone) -> torch.Tensor:
    return torch.randn(6, backbone.hidden_size, generator=torch.Generator().manual_seed(6)) * 0.5


def scores_of(
    backbone: FrozenBackbone, labels: Sequence[str], texts: Sequence[str] = TEXTS, *, prompt: bool = True
) -> torch.Tensor:
    made = encoder(backbone)
    prefixes = [inference_prefix(backbone, virtual_tokens(backbone) if prompt else None)] * len(texts)
    return label_log_likelihoods(backbone, prefixes, made, made.inputs(texts, [""] * len(texts)), labels)


def score_by_definition(
    backbone: FrozenBackbone, labels: Sequence[str], text: str, label: str, *, prompt: bool
) -> float:
    """Reads the whole label behind the text, alone, and chooses among the labels' tokens one after the other."""
    made = encoder(backbone)
    end = backbone.tokenizer.eos_token_id
    targets = [(*ids, end) for ids in made.continuations(labels)]
    target = targets[labels.index(label)]
    inputs = made.pad_inputs(made.inputs([text], [""]), backbone.device)
    ids, mask = made.pad_targets([target], backbone.device)
    with torch.no_grad():
        virtual = virtual_tokens(backbone) if prompt else None
        logits = target_logits(backbone, virtual, Batch(*inputs, ids, mask, mask.float()))[0]
    total = 0.0
    for position, token in enumerate(target):
        possible = sorted({other[position] for other in targets if other[:position] == target[:position]})
        total += logits[position, possible].log_softmax(dim=0)[possible.index(token)].item()
    return total


@pytest.mark.parametrize("prompt", [True, False], ids=["with a prompt", "without a prompt"])
@pytest.mark.parametrize("labels", LABEL_SETS, ids=lambda labels: labels[-1])
def test_scores_are_the_probabilities_of_the_tokens_among_those_of_the_labels(
    backbone: FrozenBackbone, labels: list[str], prompt: bool
) -> None:
    scores = scores_of(backbone, labels, prompt=prompt)
    expected = [
        [score_by_definition(backbone, labels, text, label, prompt=prompt) for label in labels] for text in TEXTS
    ]
    torch.testing.assert_close(scores, torch.tensor(expected), atol=1e-4, rtol=0)
    torch.testing.assert_close(scores.exp().sum(dim=1), torch.ones(len(TEXTS)), atol=1e-4, rtol=0)


def test_labels_of_one_token_rank_by_the_likelihood_of_that_token(backbone: FrozenBackbone) -> None:
    labels = ["a", ",", ":", "."]
    made = encoder(backbone)
    tokens = [token for (token,) in made.continuations(labels)]
    scores = scores_of(backbone, labels)
    for row, text in zip(scores, TEXTS, strict=True):
        inputs = made.pad_inputs(made.inputs([text], [""]), backbone.device)
        ids, mask = made.pad_targets([(tokens[0],)], backbone.device)
        with torch.no_grad():
            logits = target_logits(backbone, virtual_tokens(backbone), Batch(*inputs, ids, mask, mask.float()))[0, 0]
        likelihoods = logits.log_softmax(dim=0)[tokens]
        assert row.argsort().tolist() == likelihoods.argsort().tolist()
        torch.testing.assert_close(row, likelihoods.log_softmax(dim=0), atol=1e-4, rtol=0)


def test_labels_that_the_tokenizer_cannot_tell_apart_score_alike(llama: FrozenBackbone) -> None:
    twice = scores_of(llama, ["good ending", "bad", "good ending"])
    assert torch.equal(twice[:, 0], twice[:, 2])
    torch.testing.assert_close(twice[:, :2], scores_of(llama, ["good ending", "bad"]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_any_number_of_labels_is_read_in_passes_of_bounded_size_with_the_same_scores(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = FrozenBackbone.load(str(save_tiny(tmp_path / family, family)), precision="fp32")
    texts = [f"{text} {number}" for number in range(11) for text in TEXTS]
    labels = [f"class {number} of {number % 7} very long names" for number in range(300)]
    passes: list[int] = []

    def count(_: object, __: object, output: torch.Tensor) -> None:
        passes.append(output.numel())

    backbone.model.get_output_embeddings().register_forward_hook(count)
    at_once = scores_of(backbone, labels, texts)
    largest, limit = max(passes), 200_000
    passes.clear()
    monkeypatch.setattr(lamp.inference.label_scores, "_MEMORY_LIMIT", limit)
    in_parts = scores_of(backbone, labels, texts)
    assert max(passes) < limit < largest
    torch.testing.assert_close(in_parts, at_once, atol=1e-4, rtol=0)


def test_labels_that_differ_in_their_first_token_need_no_further_reading(
    llama: FrozenBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def count(backbone: FrozenBackbone, cache: DynamicCache, ids: torch.Tensor, *rest: Any, **named: Any) -> Any:
        read.append(ids.shape[1])
        return continue_logits(backbone, cache, ids, *rest, **named)

    monkeypatch.setattr(lamp.backbone.reading, "continue_logits", count)
    scores_of(llama, ["very good ending", "bad ending"])
    assert len(read) == 1
    scores_of(llama, ["very good ending", "very bad ending"])
    assert read[1:] == [read[0], 1]


@pytest.mark.parametrize(
    ("targets", "reads"),
    [
        ([(5, 1), (6, 1)], ()),
        ([(5, 1), (5, 6, 1)], ((5,),)),
        ([(5, 6, 7, 1), (5, 6, 8, 1), (5, 9, 1), (4, 1)], ((5, 6),)),
        ([(5, 6, 1), (5, 6, 7, 1), (5, 8, 9, 1), (5, 8, 4, 1)], ((5, 6), (5, 8))),
        ([(5, 1), (5, 1)], ()),
        ([], ()),
    ],
)
def test_what_labels_share_is_read_once_and_what_follows_their_last_difference_not_at_all(
    targets: list[tuple[int, ...]], reads: tuple[tuple[int, ...], ...]
) -> None:
    assert set(LabelTrie.of(targets).reads) == set(reads)


def test_tokens_that_distinguish_labels_weigh_more_than_those_that_follow_from_them(llama: FrozenBackbone) -> None:
    labels = ["a film", "a film was good", "a plot"]
    config = DataConfig(("text",), "label")
    made = Encoder(llama.tokenizer, is_encoder_decoder=False, config=config, labels=labels, settled_weight=0.1)
    batch = made.batch(made.encode([Example("text", label, "") for label in labels]), llama.device)
    expected = [[0.1, 1.0, 1.0, 0.0, 0.0], [0.1, 1.0, 1.0, 0.1, 0.1], [0.1, 1.0, 0.1, 0.0, 0.0]]
    torch.testing.assert_close(batch.target_weights, torch.tensor(expected))
