"""Adds a prompt's virtual tokens to a tokenizer, and makes it put them before an input."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, processors
from transformers import AutoTokenizer

from lamp.data.chat import ChatAffixes, template_behind
from lamp.errors import BackboneError

SAMPLE = "The weather was fine this morning, so we walked along the river."
"""A text in which no tokenizer has a special token."""
_READ_BY_CODE = ("add_bos_token", "add_eos_token", "add_prefix_space", "legacy", "sp_model_kwargs")
"""Settings of tokenizer_config.json that are removed.

With them, a tokenizer's own class would rebuild its parts and drop the virtual tokens; tokenizer.json has these parts
already.
"""


@dataclass(frozen=True, eq=False)
class VirtualVocabulary:
    """A tokenizer with a token for each virtual token of a prompt."""

    tokenizer: Any
    """Puts the virtual tokens before a plain text by itself, if the prompt was trained on plain text"""
    names: tuple[str, ...]
    ids: tuple[int, ...]
    before: str
    """The text to put before an input in engines that only take text: the virtual tokens' names, then what the
    tokenizer itself puts first, such as <s>"""
    after: str
    """The text that the tokenizer itself puts last"""

    @property
    def chat_template(self) -> str:
        """The template that writes an input as in training; empty if none does so exactly."""
        return str(self.tokenizer.chat_template or "")

    def save(self, folder: Path) -> None:
        """Writes the tokenizer so that it is loaded from its tokenizer.json alone, whatever class the model's was."""
        self.tokenizer.save_pretrained(folder)
        file = folder / "tokenizer_config.json"
        settings = json.loads(file.read_text(encoding="utf-8"))
        kept = {name: value for name, value in settings.items() if name not in _READ_BY_CODE}
        kept["tokenizer_class"] = "PreTrainedTokenizerFast"
        file.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def virtual_vocabulary(
    reference: str, source: str, virtual: int, chat: ChatAffixes, *, encoder_decoder: bool
) -> VirtualVocabulary:
    """Returns the tokenizer of a backbone with `virtual` more tokens, which come first of all, as in training.

    source: where the files are; chat: what stood around every input, empty for plain text. Raises BackboneError if the
    tokens cannot be put there exactly.
    """
    tokenizer: Any = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise BackboneError(
            f"The tokenizer of the backbone {reference!r} has no tokenizer.json, so virtual tokens cannot be put into "
            "it: export the embeddings instead."
        )
    first, last = ([], []) if any(chat) else _own_tokens(tokenizer)
    trained = tokenizer(SAMPLE).input_ids
    names = next(names for names in _names(virtual) if not {*names} & {*tokenizer.get_vocab()})
    tokenizer.add_tokens([AddedToken(name, special=True, normalized=False) for name in names], special_tokens=True)
    ids = tuple(tokenizer.convert_tokens_to_ids(list(names)))
    if tuple(tokenizer("".join(names) + SAMPLE, add_special_tokens=False).input_ids[:virtual]) != ids:
        raise BackboneError(
            f"The tokenizer of the backbone {reference!r} splits the names of new tokens: export the "
            "embeddings instead."
        )
    before, after = "".join([*names, *first]), "".join(last)
    if any(chat):
        _write_in_template(tokenizer, reference, before, chat)
    else:
        _put_around(tokenizer, [*names, *first], last)
        as_text = tokenizer(before + SAMPLE + after, add_special_tokens=False).input_ids
        exact = not encoder_decoder and as_text == [*ids, *trained]
        tokenizer.chat_template = _last_message(before, after) if exact else None
    return VirtualVocabulary(tokenizer, names, ids, before, after)


def _names(virtual: int) -> Iterator[tuple[str, ...]]:
    """Yields candidate names of the tokens, for models that have tokens with the first names already."""
    for number in count(1):
        stem = "lamp" if number == 1 else f"lamp{number}"
        yield tuple(f"<|{stem}_{index:02d}|>" for index in range(virtual))


def _own_tokens(tokenizer: Any) -> tuple[list[str], list[str]]:
    """Returns the tokens that a tokenizer puts before and after a text by itself."""
    whole = tokenizer(SAMPLE).input_ids
    bare = tokenizer(SAMPLE, add_special_tokens=False).input_ids
    start = next((at for at in range(len(whole)) if whole[at : at + len(bare)] == bare), 0)
    pieces: Sequence[Sequence[int]] = (whole[:start], whole[start + len(bare) :])
    first, last = (tokenizer.convert_ids_to_tokens(list(ids)) for ids in pieces)
    return first, last


def _put_around(tokenizer: Any, first: Sequence[str], last: Sequence[str]) -> None:
    """Makes the tokenizer put tokens around every text.

    Written into the text, they would change how some tokenizers split its beginning.
    """
    around = {name: tokenizer.convert_tokens_to_ids(name) for name in (*first, *last)}
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=[*first, "$A", *last],
        pair=[*first, "$A", *last, "$B:1", *(f"{name}:1" for name in last)],
        special_tokens=list(around.items()),
    )


def _write_in_template(tokenizer: Any, reference: str, before: str, chat: ChatAffixes) -> None:
    """Makes the chat template write the virtual tokens before everything else. Raises BackboneError."""
    tokenizer.chat_template = template_behind(before, tokenizer.get_chat_template())
    message = [{"role": "user", "content": SAMPLE}]
    try:
        written = tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
    except Exception:  # a template is a program of its own and may raise anything
        written = ""
    if written != before + chat.prefix + SAMPLE + chat.suffix:
        raise BackboneError(
            f"The chat template of the backbone {reference!r} does not write what the prompt was trained with: give it "
            "the backbone of that time, or export the embeddings instead."
        )


def _last_message(before: str, after: str) -> str:
    """Returns a chat template that writes the last message as plain text, as the prompt was trained."""
    return f"{{{{ {json.dumps(before)} + messages[-1]['content'] + {json.dumps(after)} }}}}"
