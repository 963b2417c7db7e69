"""Exports a prompt for programs without PEFT, and compares the answers with the studio's."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file
from transformers import AutoConfig

from lamp.data.chat import ChatAffixes
from lamp.data.splits import Example
from lamp.errors import DataError
from lamp.export.comparison import Comparison, compare_model, messages_of
from lamp.export.disk_space import check_space, watched
from lamp.export.export_card import export_card
from lamp.export.extended_model import extended_model, write_model
from lamp.export.formats import check_export_options, needed_bytes
from lamp.export.llama_cpp import is_installed, llama_answers
from lamp.export.modelfile import modelfile
from lamp.export.options import ExportOptions
from lamp.export.reference import OnPart, Reference, reference_of
from lamp.export.saved_prompt import SavedPrompt
from lamp.export.virtual_vocabulary import SAMPLE, VirtualVocabulary, virtual_vocabulary
from lamp.files import written_whole

EMBEDDINGS = "prompt"
"""Name of the files that hold the prompt's vectors, without the extension"""


def export_prompt(
    saved: SavedPrompt,
    source: str,
    stored_bytes: int,
    options: ExportOptions,
    target: Path,
    examples: Sequence[Example],
    on_part: OnPart,
) -> Comparison:
    """Writes the folder `target`, which appears whole or not at all.

    source: where the backbone's files are; stored_bytes: of its weights; examples: rows whose answers are compared.
    Raises LampError.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(f"There is something at {target} already: choose another folder.")
    check_export_options(options, saved, source)
    needed = needed_bytes(options, source, stored_bytes)
    check_space(target, needed)
    if options.format == "embeddings":
        with written_whole(target) as staged:
            staged.mkdir()
            return _write_embeddings(saved, source, staged)
    reference = reference_of(saved, source, examples, on_part)
    gc.collect()  # the model, before it is loaded a second time
    chat = reference.encoder.chat
    vocabulary = virtual_vocabulary(
        saved.config.backbone,
        source,
        len(saved.virtual_tokens),
        chat,
        encoder_decoder=reference.is_encoder_decoder,
    )
    with written_whole(target) as staged:
        staged.mkdir()
        if options.is_gguf:
            name = f"{target.name}.gguf"
            write_gguf_file(saved, source, options, reference, vocabulary, staged / name, on_part)
            comparison = compare_gguf(
                staged / name, vocabulary, reference, saved.config.data.max_target_tokens, on_part
            )
            if options.format == "ollama":
                _write_modelfile(saved, reference, vocabulary, name, staged)
        else:
            with watched(staged, needed, partial(on_part, "Writing the model")):
                model = extended_model(source, reference.rows, vocabulary.ids)
                write_model(model, vocabulary, source, saved.config.data.max_target_tokens, staged)
            del model
            gc.collect()
            comparison = compare_model(staged, vocabulary, reference, saved.labels, on_part)
        comparison = replace(comparison, fewer_bits=_fewer_bits(saved))
        card = export_card(saved, options, vocabulary, chat, comparison, encoder_decoder=reference.is_encoder_decoder)
        (staged / "README.md").write_text(card, encoding="utf-8")
    return comparison


def _write_embeddings(saved: SavedPrompt, source: str, folder: Path) -> Comparison:
    config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    rows = saved.virtual_tokens.contiguous()
    save_file({"prompt_embeds": rows}, folder / f"{EMBEDDINGS}.safetensors")
    np.save(folder / f"{EMBEDDINGS}.npy", rows.numpy())
    comparison = Comparison("", 0, 0, reason="these are the vectors of the adapter, number for number.")
    chat = saved.chat or ChatAffixes()
    card = export_card(
        saved, ExportOptions("embeddings"), None, chat, comparison, encoder_decoder=bool(config.is_encoder_decoder)
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    return comparison


def write_gguf_file(
    saved: SavedPrompt,
    source: str,
    options: ExportOptions,
    reference: Reference,
    vocabulary: VirtualVocabulary,
    file: Path,
    on_part: OnPart,
) -> None:
    """Writes a GGUF file: a copy of the given one with more rows, or one converted from the backbone's safetensors."""
    on_share = partial(on_part, "Writing the model")
    if options.base is not None:
        from lamp.export.gguf_base import check_base
        from lamp.export.gguf_file import append_rows, read_base

        base = read_base(options.base)
        check_base(base, options.base, reference)
        append_rows(base, vocabulary, reference.rows.numpy(), file, on_share)
        return
    from lamp.export.gguf_convert import write_converted
    from lamp.export.gguf_families import family_of

    on_share(0.0)
    model = extended_model(source, reference.rows, vocabulary.ids)
    family = family_of(saved.config.backbone, model.config)
    write_converted(model, family, vocabulary, reference.end_ids, options.type_name, file, on_share)


def compare_gguf(
    file: Path, vocabulary: VirtualVocabulary, reference: Reference, new_tokens: int, on_part: OnPart
) -> Comparison:
    """Compares the answers of a GGUF file in llama.cpp. Raises BackboneError if llama.cpp cannot run it."""
    if not is_installed():
        return Comparison("", 0, 0, reason="llama.cpp is not installed here (pip install 'lamp-studio[gguf]').")
    texts = reference.texts or (SAMPLE,)
    requests: list[dict[str, Any]]
    if any(reference.encoder.chat):
        requests = [{"messages": messages_of(text)} for text in texts]
    else:
        requests = [{"prompt": vocabulary.before + text + vocabulary.after} for text in texts]
    longest = max(map(len, reference.inputs), default=64)
    context = 64 + len(vocabulary.ids) + longest + new_tokens
    same = 0
    for row, answer in enumerate(llama_answers(file, requests, new_tokens, context)):
        on_part("Comparing in llama.cpp", row / len(texts))
        same += row < len(reference.answers) and _whole_letters(answer) == _whole_letters(reference.answers[row])
    return Comparison("llama.cpp", len(reference.answers), same)


def _fewer_bits(saved: SavedPrompt) -> str:
    """Returns the bits in which the run had the model's weights; empty if it used them as stored."""
    quantization = saved.config.train.quantization
    return "" if quantization == "none" else quantization.removesuffix("bit")


def _whole_letters(answer: str) -> str:
    """Returns an answer without the incomplete character at its end, which llama.cpp drops in chats."""
    return answer.rstrip("\ufffd").strip()


def _write_modelfile(
    saved: SavedPrompt, reference: Reference, vocabulary: VirtualVocabulary, name: str, folder: Path
) -> None:
    """Writes the Modelfile of the GGUF file `name`."""
    longest = saved.config.data.max_target_tokens
    text = modelfile(name, vocabulary, reference.tokenizer, reference.encoder.chat, longest)
    (folder / "Modelfile").write_text(text, encoding="utf-8")
