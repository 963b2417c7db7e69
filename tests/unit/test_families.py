"""Families of models: each is read exactly, in training, scoring, generation and in stock PEFT, or refused at loading.

The reference is always the model's plain forward pass for one row by itself: no padding, no cache, no mask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import PeftModel
from torch import Tensor

from lamp.backbone.forward import target_log_likelihood, target_logits
from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.gradient_checkpointing import enable_gradient_checkpointing
from lamp.backbone.prefix import inference_prefix, make_prefix
from lamp.config import DataConfig
from lamp.data.encoding import Encoded, Encoder
from lamp.data.splits import Example
from lamp.errors import BackboneError
from lamp.export.saved_prompt import load_prompt, save_prompt
from lamp.hub.catalog import inspect
from lamp.inference.continuous import ContinuousWriter
from lamp.inference.generate import generate
from lamp.inference.growing_answer import GrowingAnswer, TextInput
from lamp.inference.label_scores import label_log_likelihoods
from lamp.sampling import Sampling
from tests.every_family import DECODERS, ENCODER_DECODERS, MORE, NAMES, REFUSED, save_any_family
from tests.families import WINDOW
from tests.unit.training import recipe, run

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")

TEXTS = [
    "the film was good and the plot was fine but it was a very dull and awful ending . the acting was bad",
    "it was a very dull and awful film",
    "good",
]
TARGETS = ["very good ending", "negative", "the film was bad and awful"]
LABELS = ["very good ending", "very good film", "negative"]
NEW_TOKENS = 5


def close(got: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(got, wanted, atol=2e-4 * max(1.0, wanted.abs().max().item()), rtol=0)


class Family:
    """A tiny model of a family: as this package reads it, and its plain forward pass."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backbone = FrozenBackbone.load(str(folder), precision="fp32", device=CPU)
        self.seq2seq = self.backbone.is_encoder_decoder
        config = DataConfig(("text",), "label", max_target_tokens=NEW_TOKENS)
        self.encoder = Encoder(self.backbone.tokenizer, is_encoder_decoder=self.seq2seq, config=config)
        examples = [Example(text, target, "") for text, target in zip(TEXTS, TARGETS, strict=True)]
        self.rows = self.encoder.encode(examples)
        self.batch = self.encoder.batch(self.rows, self.backbone.device)
        values = torch.randn(10, self.backbone.hidden_size, generator=torch.Generator().manual_seed(3))
        spread = self.stock.get_input_embeddings()(self.batch.input_ids).std()
        self.virtual = (values * spread).requires_grad_()

    @cached_property
    def stock(self) -> Any:
        auto = getattr(transformers, self.backbone.auto_class)
        model: Any = auto.from_pretrained(self.folder, dtype=torch.float32, attn_implementation="eager")
        return model.eval().requires_grad_(False)

    def plain(self, virtual: Tensor | None, ids: Sequence[int], target: Sequence[int]) -> Tensor:
        """Logits that predict a target behind virtual tokens and an input: (target length, vocabulary)."""
        read = list(ids) if self.seq2seq else [*ids, *target[:-1]]
        embeddings = self.stock.get_input_embeddings()(torch.tensor([read]))
        if virtual is not None:
            embeddings = torch.cat([virtual[None], embeddings], dim=1)
        decoder = torch.tensor([[self.backbone.decoder_start_id, *target[:-1]]])
        more = {"decoder_input_ids": decoder} if self.seq2seq else {}
        return self.stock(inputs_embeds=embeddings, **more).logits[0, -len(target) :]

    def plain_loss(self, row: Encoded, virtual: Tensor) -> Tensor:
        logits = self.plain(virtual, row.input_ids, row.target_ids)
        return torch.nn.functional.cross_entropy(logits, torch.tensor(row.target_ids))

    def check_training(self) -> None:
        logits = target_logits(self.backbone, self.virtual, self.batch)
        for index, row in enumerate(self.rows):
            wanted = self.plain(self.virtual, row.input_ids, row.target_ids)
            close(logits[index, : len(row.target_ids)], wanted)
        (gradient,) = torch.autograd.grad(
            -target_log_likelihood(self.backbone, self.virtual, self.batch).sum(), self.virtual
        )
        losses = torch.stack([self.plain_loss(row, self.virtual) for row in self.rows])
        (wanted,) = torch.autograd.grad(losses.sum(), self.virtual)
        close(gradient, wanted)

    @torch.inference_mode()
    def check_labels(self, prompts: Sequence[Tensor | None]) -> None:
        inputs = [row.input_ids for row in self.rows]
        prefixes = {id(prompt): make_prefix(self.backbone, prompt) for prompt in prompts}
        scores = label_log_likelihoods(
            self.backbone, [prefixes[id(prompt)] for prompt in prompts], self.encoder, inputs, LABELS
        )
        end = self.backbone.tokenizer.eos_token_id
        targets = [(*ids, end) for ids in self.encoder.continuations(LABELS)]
        for row, (ids, prompt) in enumerate(zip(inputs, prompts, strict=True)):
            for label, target in enumerate(targets):
                logits, total = self.plain(prompt, ids, target), 0.0
                for position, token in enumerate(target):
                    options = sorted({other[position] for other in targets if other[:position] == target[:position]})
                    total += logits[position, options].log_softmax(0)[options.index(token)].item()
                assert scores[row, label].item() == pytest.approx(total, abs=1e-3)

    @torch.inference_mode()
    def check_generation(self, prompts: Sequence[Tensor | None]) -> None:
        inputs = [row.input_ids for row in self.rows]
        prefixes = {id(prompt): make_prefix(self.backbone, prompt) for prompt in prompts}
        answers = generate(self.backbone, [prefixes[id(prompt)] for prompt in prompts], self.encoder, inputs)
        for answer, ids, prompt in zip(answers, inputs, prompts, strict=True):
            written: list[int] = []
            for _ in range(NEW_TOKENS):
                token = int(self.plain(prompt, ids, [*written, 0])[-1].argmax())
                if token == self.backbone.tokenizer.eos_token_id:
                    break
                written.append(token)
            assert answer == self.backbone.tokenizer.decode(written, skip_special_tokens=True).strip()

    def check_joining(self) -> None:
        """Answers that begin and end at different steps of one batch are those to each input alone."""
        prefixes = [inference_prefix(self.backbone, prompt) for prompt in (self.virtual.detach(), None)]
        given = [
            TextInput(prefix, row.input_ids, limit)
            for prefix, row, limit in zip([*prefixes, prefixes[0]], self.rows, (9, 4, 7), strict=True)
        ]
        wanted = [
            generate(self.backbone, [one.prefix], self.encoder, [one.ids], sampling=Sampling(longest_answer=one.limit))
            for one in given
        ]
        writer = ContinuousWriter(self.backbone, self.encoder)
        for order in ((0, 1, 2), (2, 1, 0)):
            answers = [GrowingAnswer(self.backbone, one) for one in given]
            for index in order:
                while writer.answers and not writer.has_room(answers[index]):
                    writer.step()
                begins = writer.joins and writer.has_room(answers[index])
                (writer.begin if begins else writer.write_to_the_end)([answers[index]])
                writer.step()
            while writer.answers:
                writer.step()
            assert [[answer.text] for answer in answers] == wanted
        if not writer.joins:
            answers = [GrowingAnswer(self.backbone, one) for one in given]
            writer.write_to_the_end(answers)
            assert [[answer.text] for answer in answers] == wanted

    def check_gradient_checkpointing(self) -> None:
        loss = -target_log_likelihood(self.backbone, self.virtual, self.batch).mean()
        (gradient,) = torch.autograd.grad(loss, self.virtual)
        enable_gradient_checkpointing(self.backbone.model)
        again = -target_log_likelihood(self.backbone, self.virtual, self.batch).mean()
        close(torch.autograd.grad(again, self.virtual)[0], gradient)

    def check_run_and_export(self, table: Path, place: Path) -> None:
        """Two steps on labels, and the exported prompt in stock PEFT: the logits are those of this package."""
        info = inspect(str(self.folder))
        assert info.hidden_size == self.backbone.hidden_size
        assert info.architecture == ("encoder-decoder" if self.seq2seq else "causal")
        assert info.longest_sequence == self.backbone.longest_sequence
        config = recipe(self.folder, steps=2, evaluate_every=2, checkpoint_every=2)
        result, _ = run(config, table, place / "checkpoints")
        assert not result.failure
        exported = place / "exported"
        exported.mkdir()
        save_prompt(result, config, exported)
        assert f"{self.backbone.auto_class}.from_pretrained(base)" in (exported / "README.md").read_text()
        virtual = load_prompt(exported).virtual_tokens
        row = self.rows[1]
        with torch.inference_mode():
            wanted = target_logits(self.backbone, virtual, self.encoder.batch([row], self.backbone.device))[0]
            peft = PeftModel.from_pretrained(self.stock, str(exported)).eval()
            if self.seq2seq:
                ids, mask = torch.tensor([row.input_ids]), torch.ones(1, len(row.input_ids), dtype=torch.long)
                decoder = torch.tensor([[self.backbone.decoder_start_id, *row.target_ids[:-1]]])
                logits = peft(input_ids=ids, attention_mask=mask, decoder_input_ids=decoder).logits[0]
            else:
                ids = torch.tensor([[*row.input_ids, *row.target_ids[:-1]]])
                logits = peft(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -len(row.target_ids) :]
        close(logits, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_a_family_is_exact_in_everything_or_refused_in_one_sentence(
    name: str, tiny_table: Path, tmp_path: Path
) -> None:
    folder = save_any_family(tmp_path / "model", name)
    if name in REFUSED:
        with pytest.raises(BackboneError, match=REFUSED[name]) as refusal:
            FrozenBackbone.load(str(folder), precision="fp32", device=CPU)
        assert re.fullmatch(r"The backbone '[^\n]*: choose another one\.", str(refusal.value))
        return
    family = Family(folder)
    longest = max(len(row.input_ids) for row in family.rows)
    assert len(family.virtual) + longest > WINDOW, "windows are shorter than the rows"
    family.check_training()
    virtual = family.virtual.detach()
    family.check_labels([virtual] * 3)
    family.check_labels([None, virtual[:4], virtual])
    family.check_generation([virtual] * 3)
    family.check_generation([None, virtual[:4], virtual])
    family.check_joining()
    family.check_gradient_checkpointing()
    family.check_run_and_export(tiny_table, tmp_path)


@pytest.mark.parametrize("name", [name for name in [*DECODERS, *ENCODER_DECODERS] if name not in MORE])
def test_half_precision_decides_on_a_family_as_full_precision_does(name: str, tmp_path: Path) -> None:
    folder = save_any_family(tmp_path, name)
    if name in REFUSED:
        with pytest.raises(BackboneError, match=REFUSED[name]):
            FrozenBackbone.load(str(folder), precision="bf16", device=CPU)
        return
    half = FrozenBackbone.load(str(folder), precision="bf16", device=CPU)
    if name != "ctrl":  # it changes its inputs in place: in float32 that is the prompt itself, else a copy
        full = FrozenBackbone.load(str(folder), precision="fp32", device=CPU)
        assert half.shared_columns == full.shared_columns
