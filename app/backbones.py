"""Which backbones are offered, and where the weights of one lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings
from lamp.errors import BackboneError
from lamp.hub.catalog import BackboneInfo, inspect
from lamp.hub.offline import folder_name

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
    is_local: bool
    """Whether its weights already lie on this machine."""


class Backbones:
    """Backbones by their reference, which is a Hub id or a folder.

    A copy of a Hub id in the home folder (backbones/<org--name>) goes before the Hub, if it is whole.
    """

    def __init__(self, settings: Settings) -> None:
        self._copies = settings.home / "backbones"
        self._folders_allowed = not settings.on_space

    def choices(self) -> list[BackboneChoice]:
        """The offered backbones, those that already lie on this machine first."""
        choices = []
        for reference, note in _OFFERED:
            is_local = self._copy_of(reference) is not None
            where = "on this machine" if is_local else "fetched from the Hub at first use"
            choices.append(BackboneChoice(reference, f"{note}; {where}.", is_local))
        return sorted(choices, key=lambda choice: not choice.is_local)

    def source(self, reference: str) -> str:
        """The folder or Hub id to load a backbone from; the Hub is not asked.

        Raises BackboneError for a folder where folders are not allowed, as on a public Space.
        """
        copy = self._copy_of(reference)
        return copy.source if copy else self._allowed(reference)

    def inspect(self, reference: str) -> BackboneInfo:
        """What a backbone is and where to load it from. Raises BackboneError when it cannot be found or tuned."""
        return self._copy_of(reference) or inspect(self._allowed(reference))

    def _copy_of(self, reference: str) -> BackboneInfo | None:
        """The copy in the home folder; None when there is none, or not a whole one."""
        reference = reference.strip()
        if reference.count("/") != 1 or ".." in reference:
            return None
        folder = self._copies / folder_name(reference)
        try:
            return inspect(str(folder)) if folder.is_dir() else None
        except BackboneError:
            return None

    def _allowed(self, reference: str) -> str:
        reference = reference.strip()
        if not self._folders_allowed and (
            Path(reference).expanduser().exists() or reference.startswith(("/", ".", "~"))
        ):
            raise BackboneError(f"Folders cannot be used on this studio: write a Hub id instead of {reference!r}.")
        return reference
