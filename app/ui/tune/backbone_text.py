"""What the Tune page says of a backbone."""

from __future__ import annotations

from app.backbones import BackboneChoice
from app.fit import Fit
from app.hub.model_search import FoundModel
from app.views import formatting


def card(choice: BackboneChoice) -> str:
    """An offered backbone: its name, what it is good for, and its facts; three lines of plain text."""
    offered = choice.offered
    facts = [f"{_size(offered.parameters)} parameters", offered.architecture, offered.licence]
    if offered.gated:
        facts.append("gated")
    facts.append("on this machine" if choice.is_local else f"{_bytes(offered.download_bytes)} to download")
    if choice.is_too_large:
        facts.append("too large for this machine")
    return f"{formatting.backbone_name(choice.reference)}\n{offered.good_for}.\n{' · '.join(facts)}"


def found_card(model: FoundModel) -> str:
    """A model of the Hub: its id and its facts; two lines of plain text."""
    facts = [f"{_size(model.parameters)} parameters"] if model.parameters else []
    facts.append({"": "no licence named", "other": "a licence of its own"}.get(model.licence, model.licence))
    facts += ["gated"] if model.gated else []
    facts.append(f"{formatting.count(model.downloads)} downloads")
    return f"{model.id}\n{' · '.join(facts)}"


def fit(fit: Fit) -> str:
    """What a backbone needs of this machine, as one sentence with numbers."""
    where = f"About {_bytes(fit.download)} to download" if fit.download else "On this machine"
    needs = f"needs up to about {_bytes(fit.training)}"
    if fit.memory is None:
        return f"{where}; {needs} of memory."
    memory = f"{_bytes(fit.memory)} of {'GPU ' if fit.is_gpu else ''}memory"
    if fit.fits_memory:
        return f"{where}; {needs} of the {memory}."
    return f"{where}. Perhaps too large for this machine: it {needs}, more than the {memory}."


def _size(number: int) -> str:
    """A number of parameters in two or three digits, such as "135 M" or "1.2 B"."""
    return f"{number / 1e9:.1f} B" if number >= 9.95e8 else f"{number / 1e6:.0f} M" if number >= 1e6 else f"{number:,}"


def _bytes(size: int) -> str:
    """A size as a rough figure, such as "1.2 GB" or "270 MB"."""
    return formatting.bytes_text(size) if size >= 1e9 or size < 1e6 else f"{size / 1e6:.0f} MB"
