"""Compares the answers of an export, run in its own engine on plain text, with the studio's."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.loading import attention_for
from lamp.backbone.prefix import inference_prefix
from lamp.backbone.probe import find_exact_reading
from lamp.backbone.rounding import distance, tolerance
from lamp.backbone.text_part import auto_class
from lamp.data.conversation import messages_in
from lamp.errors import BackboneError
from lamp.export.reference import OnPart, Probe, Reference
from lamp.export.virtual_vocabulary import VirtualVocabulary
from lamp.inference.label_scores import label_log_likelihoods

_ENOUGH = 0.95
"""Smallest share of equal answers that counts as proven: 38 of 40. Rounding decides between equally likely answers."""


@dataclass(frozen=True)
class Comparison:
    """How many answers of an export equal the studio's."""

    engine: str
    """The engine that ran the export, such as "llama.cpp"."""
    rows: int
    same_answers: int
    same_orders: int | None = None
    """Rows whose labels have the same order of likelihood; None if that was not compared"""
    reason: str = "no rows were given whose answers could be compared with the studio's."
    """Why nothing was compared, if `rows` is 0"""
    fewer_bits: str = ""
    """Bits in which the studio itself had the weights, such as "4"; empty if it used them as stored"""

    @property
    def is_proven(self) -> bool:
        """Whether nearly all answers are equal."""
        return self.rows > 0 and self.same_answers >= _ENOUGH * self.rows

    def sentence(self) -> str:
        """Returns what was compared and how it came out, for people."""
        if not self.rows:
            return f"**Not compared:** {self.reason}"
        labels = "" if self.same_orders is None else f"; the labels have the same order in {self.same_orders} rows"
        told = f"{self.same_answers} of {self.rows} answers are the same in {self.engine} as in the studio{labels}."
        if self.fewer_bits:
            told += (
                f" It was asked with the model's weights as they are stored; where it has them in {self.fewer_bits} "
                "bits, as in the run, it may answer otherwise."
            )
        return told if self.is_proven else f"**Not proven:** only {told}"


def messages_of(text: str) -> list[dict[str, str]]:
    """Returns an input as chat messages: one, or those of a conversation."""
    turns = messages_in(text) or [("user", text)]
    return [{"role": role, "content": content} for role, content in turns]


def compare_model(
    folder: Path, vocabulary: VirtualVocabulary, reference: Reference, labels: tuple[str, ...], on_part: OnPart
) -> Comparison:
    """Compares a folder that transformers can load. Raises BackboneError if its logits differ from the studio's."""
    on_part("Comparing in transformers", 0.0)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    auto: Any = auto_class(config)
    model = auto.from_pretrained(
        folder,
        dtype=reference.dtype,
        device_map={"": reference.device},
        attn_implementation=attention_for(reference.device),
    ).eval()
    largest = tolerance(reference.dtype, quantised=False, noise=reference.noise)
    for probe in reference.probes:
        _check_logits(model, vocabulary.ids, probe, reference, largest)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    same = 0
    for row, (text, wanted) in enumerate(zip(reference.texts, reference.answers, strict=True)):
        on_part("Comparing in transformers", row / len(reference.texts))
        same += _answer(model, tokenizer, text, reference) == wanted
    orders = _label_orders(model, vocabulary, reference, labels) if reference.label_orders else None
    same_orders = None if orders is None else sum(map(tuple.__eq__, orders, reference.label_orders))
    return Comparison(f"transformers {version('transformers')}", len(reference.texts), same, same_orders)


@torch.inference_mode()
def _check_logits(model: Any, ids: tuple[int, ...], probe: Probe, reference: Reference, largest: float) -> None:
    """Raises BackboneError if logits differ by more than rounding, or if that of a virtual token is the largest."""

    def tensor(values: tuple[int, ...]) -> torch.Tensor:
        return torch.tensor([values], device=reference.device)

    given = (*ids, *probe.input_ids)
    if reference.is_encoder_decoder:
        start = model.generation_config.decoder_start_token_id
        output = model(input_ids=tensor(given), decoder_input_ids=tensor((start, *probe.target_ids[:-1])))
    else:
        output = model(input_ids=tensor((*given, *probe.target_ids[:-1])))
    logits = output.logits[0, -len(probe.target_ids) :].float().cpu()
    virtual = torch.zeros(logits.shape[1], dtype=torch.bool)
    virtual[list(ids)] = True
    real = ~virtual[: probe.logits.shape[1]]
    far = distance(logits[:, : len(real)][:, real], probe.logits[:, real])
    if not far <= largest:  # also where it is no number
        raise BackboneError(
            f"The exported model's logits differ from the studio's by {far:.2g} of their spread, which is more than "
            "rounding, so nothing was exported: export the embeddings instead."
        )
    if (logits[:, virtual].amax(1) >= logits[:, ~virtual].amax(1)).any():
        raise BackboneError("The exported model would answer with its own virtual tokens, so nothing was exported.")


@torch.inference_mode()
def _answer(model: Any, tokenizer: Any, text: str, reference: Reference) -> str:
    """Answers one text the way any user of transformers would."""
    if any(reference.encoder.chat):
        given = tokenizer.apply_chat_template(
            messages_of(text), add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
    else:
        given = tokenizer(text, return_tensors="pt")
    ids = given["input_ids"].to(reference.device)
    output = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids))[0]
    answer = output if reference.is_encoder_decoder else output[ids.shape[1] :]
    return str(tokenizer.decode(answer, skip_special_tokens=True)).strip()


def _label_orders(
    model: Any, vocabulary: VirtualVocabulary, reference: Reference, labels: tuple[str, ...]
) -> list[tuple[int, ...]]:
    """Returns the labels' indices for each input, the likeliest first; reads the virtual tokens as ids."""
    backbone = FrozenBackbone(model, reference.tokenizer, "the exported model")
    find_exact_reading(backbone)
    inputs = [(*vocabulary.ids, *ids) for ids in reference.inputs]
    prefixes = [inference_prefix(backbone, None)] * len(inputs)
    scores = label_log_likelihoods(backbone, prefixes, reference.encoder, inputs, labels)
    return [tuple(order) for order in scores.argsort(dim=1, descending=True, stable=True).tolist()]
