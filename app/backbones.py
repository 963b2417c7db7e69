"""Which backbones are offered, and where the weights of one lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lamp.errors import BackboneError
from lamp.hub.offline import folder_name, is_whole

_OFFERED = (
    ("HuggingFaceTB/SmolLM2-135M-Instruct", "135 M parameters, Apache-2.0; trains on a laptop's CPU in minutes"),
    ("HuggingFaceTB/SmolLM2-360M-Instruct", "362 M parameters, Apache-2.0; a good step up on a CPU or a small GPU"),
    ("Qwen/Qwen2.5-0.5B-Instruct", "494 M parameters, Apache-2.0; many languages"),
    ("google-t5/t5-base", "223 M parameters, Apache-2.0; encoder-decoder, the paper's main model"),
    ("google/flan-t5-base", "248 M parameters, Apache-2.0; encoder-decoder, follows instructions"),
    ("meta-llama/Llama-3.2-1B-Instruct", "1.2 B parameters; accept its licence on the Hub and set HF_TOKEN first"),
)


@dataclass(frozen=True)
class BackboneChoice:
    """A backbone worth offering; any other Hub id or folder can be typed."""

    reference: str
    note: str
    """One short sentence: size, licence, whether it is on this machine."""
    ready: bool
    """Whether its weights already lie on this machine."""


def choices(home: Path) -> list[BackboneChoice]:
    """The offered backbones, those that already lie on this machine first."""
    found = []
    for reference, note in _OFFERED:
        ready = is_whole(home / "backbones" / folder_name(reference))
        where = "on this machine" if ready else "fetched from the Hub at first use"
        found.append(BackboneChoice(reference, f"{note}; {where}.", ready))
    return sorted(found, key=lambda choice: not choice.ready)


def resolve(home: Path, reference: str, *, folders_allowed: bool = True) -> str:
    """The folder or Hub id to load `reference` from: a converted copy under the home folder goes first.

    Raises BackboneError for a folder where folders are not allowed, as on a public Space.
    """
    reference = reference.strip()
    if reference.count("/") == 1 and ".." not in reference:
        converted = home / "backbones" / folder_name(reference)
        if is_whole(converted):
            return str(converted)
    if not folders_allowed and (Path(reference).expanduser().exists() or reference.startswith(("/", ".", "~"))):
        raise BackboneError(f"Folders cannot be used on this studio: write a Hub id instead of {reference!r}.")
    return reference
