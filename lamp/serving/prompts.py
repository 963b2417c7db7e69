"""The prompts that are served: all of one backbone, each under a name of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lamp.backbone.frozen import FrozenBackbone
from lamp.backbone.prefix import Prefix, inference_prefix
from lamp.data.columns import Template
from lamp.data.encoding import Encoder
from lamp.errors import DataError
from lamp.export.saved_prompt import SavedPrompt, load_prompt
from lamp.serving.fair_lock import FairLock
from lamp.serving.refusal import wrong
from lamp.text_limits import name_problems


@dataclass(frozen=True, eq=False)
class ServedPrompt:
    """One prompt, ready to answer."""

    name: str
    saved: SavedPrompt
    encoder: Encoder
    prefix: Prefix
    template: Template
    voters: tuple[Prefix, ...] = ()
    """The prompts that pick the label together, this one first; empty where it answers alone"""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that its template reads, each once."""
        return tuple(dict.fromkeys(column for _, column in self.template.pairs))

    @property
    def virtual_tokens(self) -> int:
        """How many virtual tokens stand before every input."""
        return len(self.saved.virtual_tokens)

    @property
    def readings(self) -> int:
        """How many times every input is read."""
        return max(1, len(self.voters))


class ServedPrompts:
    """Prompts by their names, and the backbone in memory."""

    def __init__(self, backbone: FrozenBackbone, saved: Mapping[str, SavedPrompt], *, vote: bool = False) -> None:
        """saved: at least one prompt; vote: whether those of which several can pick a label do so.

        Raises DataError for one that is not of this backbone.
        """
        self.backbone = backbone
        self._lock = threading.Lock()
        self.turns = FairLock()
        """Who holds it may run the backbone: some models change their buffers by the length of what they read."""
        self._prompts = {name: self.ready(name, prompt, vote=vote) for name, prompt in saved.items()}

    def ready(self, name: str, saved: SavedPrompt, *, vote: bool = False) -> ServedPrompt:
        """A prompt as the backbone has read it. Raises DataError for one that is not of this backbone."""
        backbone, config, width = self.backbone, saved.config.data, saved.virtual_tokens.shape[1]
        if width != backbone.hidden_size:
            raise DataError(
                f"The prompt {name!r} has vectors of width {width}, and the backbone {backbone.reference!r} wants "
                f"{backbone.hidden_size}: give it the backbone that it was trained with."
            )
        encoder = Encoder(
            backbone.tokenizer, is_encoder_decoder=backbone.is_encoder_decoder, config=config, chat=saved.chat
        )
        voting = vote and can_vote(saved)
        with self.turns:
            first, *others = [
                inference_prefix(backbone, virtual) for virtual in (saved.voters if voting else [saved.virtual_tokens])
            ]
        voters = (first, *others) if voting else ()
        return ServedPrompt(name, saved, encoder, first, Template.of(config), voters)

    def __iter__(self) -> Iterator[ServedPrompt]:
        return iter(self._prompts.values())

    def get(self, name: str) -> ServedPrompt | None:
        """The prompt of this name, if there is one."""
        return self._prompts.get(name)

    def encode(self, prompt: ServedPrompt, rows: Sequence[Mapping[str, str]]) -> list[tuple[int, ...]]:
        """Token ids of rows behind the prompt's template. Raises a Refusal for one that is empty or too long."""
        empty = next((row for row in rows if not prompt.template.has_input(row)), None)
        if empty is not None:
            raise wrong(None, "The input is empty: write what the prompt should answer to.")
        texts = [prompt.template.render(row) for row in rows]
        with self._lock:  # the encoder counts what it has cut
            before = prompt.encoder.truncated
            ids = prompt.encoder.inputs(texts, [prompt.template.suffix] * len(texts))
            cut = prompt.encoder.truncated - before
        if cut:
            raise wrong(
                None,
                f"The input is longer than the {prompt.saved.config.data.max_input_tokens:,} tokens that the prompt "
                f"{prompt.name!r} reads: shorten it.",
                "context_length_exceeded",
            )
        return ids


def can_vote(saved: SavedPrompt) -> bool:
    """Whether several prompts can pick the label together."""
    return bool(saved.labels) and len(saved.voters) > 1


def read_prompts(given: Sequence[str], *, vote: bool = False) -> dict[str, SavedPrompt]:
    """Exported prompts by their names. given: folders, or NAME=FOLDER; a folder's own name is the prompt's.

    vote: as in `ServedPrompts`. Raises DataError where they cannot be served together, or where there is no vote.
    """
    saved: dict[str, SavedPrompt] = {}
    for text in given:
        name, folder = _named(text)
        if problems := name_problems("The name of a prompt", name):
            raise DataError(" ".join(problems))
        if name in saved:
            raise DataError(f"Two prompts are called {name!r}: name one of them otherwise, as in OTHER={folder}.")
        saved[name] = load_prompt(folder)
    (first, one), *others = saved.items()
    for name, other in others:
        if _backbone_of(other) != _backbone_of(one):
            raise DataError(
                f"The prompts {first!r} and {name!r} are of different backbones ({_in_words(one)} and "
                f"{_in_words(other)}): serve each backbone with a command of its own."
            )
    if vote and not any(map(can_vote, saved.values())):
        raise DataError(
            "No prompt here picks labels together with others, so there is no vote: leave --vote out, or train with "
            '"voters" of 2 or more.'
        )
    return saved


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if equals and name and not Path(text).exists():
        return name, Path(folder)
    return Path(text).resolve().name, Path(text)


def _backbone_of(saved: SavedPrompt) -> tuple[str, str, str]:
    train = saved.config.train
    return saved.config.backbone, train.precision, train.quantization


def _in_words(saved: SavedPrompt) -> str:
    backbone, precision, quantization = _backbone_of(saved)
    return f"{backbone}, precision {precision}, quantization {quantization}"
